"""The pages of whoever builds against the sandbox: what went in and out, misdeeds, files.

They hold no script: every button is a form. The sandbox listens on loopback and asks nobody who
they are.
"""

import contextlib
from collections.abc import Mapping
from datetime import date
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from adapters.sandbox.engine import misdeeds
from adapters.sandbox.engine.dialect import Dialect, FeedDialect
from adapters.sandbox.engine.gateway import GatewayDialect
from adapters.sandbox.engine.pages import page
from adapters.sandbox.engine.settlement import days_of, settled_on, sheets_of
from adapters.sandbox.engine.state import SandboxState
from adapters.sandbox.engine.store import BankAccount, Merchant
from adapters.sandbox.engine.watching import SEALS, SPOILT, STATES, seal_of, seen_rows
from adapters.sandbox.engine.webhook_sender import WebhookSender

#: The number of an account that is opened here, where no other is asked for.
_NUMBER = "1903000{:06d}"
_LONGEST_URL = 500


def router(state: SandboxState, sender: WebhookSender) -> APIRouter:
    """The routes, over one state."""
    desk = APIRouter()
    #: credentials that were made up here: play money, so the page may show them
    made_up: dict[str, Mapping[str, str]] = {}

    @desk.get("/seen")
    async def seen(account: str = "") -> Response:
        rows = seen_rows(state, account)
        return page("seen.html", rows=rows, seals=SEALS, account=account)

    @desk.get("/seen/{number}")
    async def received(number: int) -> Response:
        found = state.traffic.find(number)
        if found is None:
            return _nothing("Không còn giữ yêu cầu này", "Chỉ những yêu cầu gần nhất được giữ.")
        did = "" if found.fault is None or found.operation is None else misdeeds.words_of(
            found.operation, found.fault
        )  # fmt: skip
        return page("received.html", one=found, seals=SEALS, spoilt=SPOILT, did=did)

    @desk.get("/sent/{number}")
    async def sent(number: int) -> Response:
        if not 1 <= number <= len(state.deliveries.all):
            return _nothing("Không có thông báo này", "")
        one = state.deliveries.all[number - 1]
        return page("sent.html", one=one, seal=SEALS[seal_of(one)], states=STATES)

    @desk.post("/sent/{number}/repeat")
    async def repeat(number: int) -> Response:
        if not 1 <= number <= len(state.deliveries.all):
            return _nothing("Không có thông báo này", "")
        again = state.deliveries.repeat(state.deliveries.all[number - 1], state.now())
        await sender.send_now([again])
        return RedirectResponse(f"/sent/{again.id}", 303)

    @desk.get("/account")
    async def account(of: str = "") -> Response:
        opened = _opened(state, of)
        if opened is None:
            return _nothing("Không có tài khoản này", "")
        dialect = state.dialects[opened.dialect]
        files = []
        if isinstance(opened, Merchant):
            files = [
                (on, sheet.name, _file_address(of, sheet.name, on))
                for on in days_of(state.store, opened)
                for sheet in sheets_of(dialect)
            ]
        planned = [
            (misdeeds.heading_of(operation), misdeeds.words_of(operation, fault))
            for operation, fault in state.faults.scripted(of)
        ]
        return page(
            "account.html",
            account=of,
            dialect=dialect,
            address=f"{state.base_url}/{opened.dialect}",
            notices=opened.callback_url if isinstance(opened, Merchant) else opened.feed_url,
            credentials=made_up.get(of, {}),
            groups=misdeeds.groups_of(dialect),
            planned=planned,
            files=files,
            settles=bool(sheets_of(dialect)),
        )

    @desk.post("/account/misdeeds")
    async def mislead(request: Request) -> Response:
        form = await request.form()
        of, value = str(form.get("account", "")), str(form.get("misdeed", ""))
        if _opened(state, of) is None:
            return _nothing("Không có tài khoản này", "")
        try:
            misdeeds.plan(state.faults, of, value)
        except misdeeds.UnknownMisdeed:
            return _nothing("Không có tình huống này", "Hãy chọn một trong các nút.", 422)
        return RedirectResponse(_account_address(of), 303)

    @desk.post("/account/truth")
    async def truth(request: Request) -> Response:
        of = str((await request.form()).get("account", ""))
        state.faults.forget(of)
        return RedirectResponse(_account_address(of), 303)

    @desk.post("/account")
    async def open_account(request: Request) -> Response:
        form = await request.form()
        name, url = str(form.get("dialect", "")), str(form.get("callback_url", "")).strip()
        dialect = state.dialects.get(name)
        if dialect is None or not url.startswith(("http://", "https://")):
            text = (
                "Chọn một cổng, và một địa chỉ nhận thông báo bắt đầu bằng http:// hoặc https://."
            )
            return _nothing("Chưa mở được", text, 422)
        if len(url) > _LONGEST_URL:
            return _nothing("Chưa mở được", f"Địa chỉ dài quá {_LONGEST_URL} ký tự.", 422)
        credentials = dialect.demo_credentials(_NUMBER.format(len(state.store.feeds) + 1))
        of = _name_of(dialect, credentials)
        if _opened(state, of) is not None:
            text = f"Tài khoản {of} đã mở rồi; xem ở trang đầu."
            return _nothing("Chưa mở được", text, 409)
        state.open(name, credentials, url)
        made_up[of] = credentials
        return RedirectResponse(_account_address(of), 303)

    @desk.get("/account/settlement")
    async def settlement(of: str = "", layout: str = "", on: str = "") -> Response:
        opened = state.store.merchants.get(of)
        day = None
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(on)
        if opened is None or day is None:
            return _nothing("Không có tệp này", "")
        for sheet in sheets_of(state.dialects[opened.dialect]):
            if sheet.name == layout:
                content = sheet.written(opened, day, settled_on(state.store, opened, day))
                name = quote(f"{layout}-{of}-{on}.csv", safe="")
                heads = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
                return Response(content, media_type="text/csv; charset=utf-8", headers=heads)
        return _nothing("Không có tệp này", "")

    return desk


def _opened(state: SandboxState, of: str) -> Merchant | BankAccount | None:
    return state.store.merchants.get(of) or state.store.accounts.get(of)


def _name_of(dialect: Dialect, credentials: Mapping[str, str]) -> str:
    """What the sandbox would call an account of these credentials."""
    if isinstance(dialect, FeedDialect):
        return dialect.bank_account(credentials)[0]
    return dialect.account_id(credentials) if isinstance(dialect, GatewayDialect) else ""


def _account_address(of: str) -> str:
    return f"/account?{urlencode({'of': of})}"


def _file_address(of: str, layout: str, on: date) -> str:
    return f"/account/settlement?{urlencode({'of': of, 'layout': layout, 'on': on.isoformat()})}"


def _nothing(title: str, text: str, status: int = 404) -> Response:
    return page("message.html", status, title=title, text=text)
