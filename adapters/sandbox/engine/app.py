"""The sandbox as a web application: the gateways' calls and payment pages, the bank's page."""

import asyncio
import contextlib
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sandbox.engine import admin, desk, vietqr
from adapters.sandbox.engine.bank import UnknownAccount
from adapters.sandbox.engine.bank_statement import days_of, write_bank_statement
from adapters.sandbox.engine.gateway import CheckingDialect, ProviderRequest
from adapters.sandbox.engine.pages import AWKWARD_ENDINGS, PLAIN_ENDINGS, page
from adapters.sandbox.engine.response_faults import respond
from adapters.sandbox.engine.state import AlreadyFinal, PayerOutcome, SandboxState
from adapters.sandbox.engine.store import Order, OrderStatus
from adapters.sandbox.engine.webhook_sender import WebhookSender
from adapters.sandbox.invoices import InvoiceOffice
from adapters.sandbox.invoices import router as invoices_router
from adapters.sandbox.phones import Phones
from adapters.sandbox.phones import router as phones_router
from adapters.sandbox.sinvoice import router as sinvoice_router

_LARGEST_AMOUNT: Final = 10**13
_SEPARATORS: Final = re.compile(r"[\s.,đĐ]|VND|vnd")
_SHOWN: Final = 20


def create_app(state: SandboxState) -> FastAPI:
    """The application over one state; its lifespan runs the sender of callbacks."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await sender.aclose()

    sender = WebhookSender(state)
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    answer = _gateway(state, sender)
    app.router.routes += [_route(name, answer) for name in state.dialects]
    # Made when somebody looks: to make it takes as long as ten payments, which need none of it.
    app.mount("", _WhenAsked(lambda: _desk(state, sender)))
    return app


class _WhenAsked:
    """An application that is made at its first request."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._app = functools.cache(make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app()(scope, receive, send)


def _desk(state: SandboxState, sender: WebhookSender) -> FastAPI:
    """All that is not a gateway's: what people look at, and the other providers of a body."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(admin.router(state, sender))
    app.include_router(desk.router(state, sender))
    app.include_router(phones_router(Phones()))
    office = InvoiceOffice()
    app.include_router(invoices_router(office))
    app.include_router(sinvoice_router(office))
    _add_index(app, state)
    _add_bank(app, state, sender)
    app.router.routes.append(_route("{dialect}", _gateway(state, sender)))
    return app


def _add_index(app: FastAPI, state: SandboxState) -> None:
    @app.get("/")
    async def index() -> Response:
        orders = list(state.store.orders.values())[-_SHOWN:]
        accounts = list(state.store.accounts.values())
        return page(
            "index.html",
            orders=orders[::-1],
            accounts=accounts,
            merchants=list(state.store.merchants.values()),
            dialects=sorted(state.dialects),
        )


def _route(first: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    """All addresses that begin with this."""
    return Route(f"/{first}/{{path:path}}", answer, methods=["GET", "POST"])


def _gateway(
    state: SandboxState, sender: WebhookSender
) -> Callable[[Request], Awaitable[Response]]:
    """Answers whatever is said to a gateway, whose name the address begins with."""

    async def answer(request: Request) -> Response:
        dialect, _, path = str(request.scope["path"]).removeprefix("/").partition("/")
        asked = ProviderRequest(
            method=request.method,
            path=path,
            query=request.url.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        reply = state.handle(dialect, asked)
        if reply is None:
            return page("message.html", 404, title="Không có giao dịch này", text="")
        if isinstance(reply, Order):
            return await (_decide(reply, request) if request.method == "POST" else _show(reply))
        await sender.send_now(reply.first)
        if reply.order is not None:
            state.reveal(reply.order)
        return respond(reply, state.timing)

    async def _show(order: Order) -> Response:
        if order.status is not OrderStatus.OPEN:
            return _final(order.return_url)
        return page("pay.html", order=order, plain=PLAIN_ENDINGS, awkward=AWKWARD_ENDINGS)

    async def _may_take(order: Order) -> bool:
        """Whether money may be taken, as far as the gateway asks before it does."""
        dialect, merchant = state.dialects[order.dialect], state.store.merchants[order.merchant_id]
        if order.status is not OrderStatus.OPEN or not isinstance(dialect, CheckingDialect):
            return True
        said = await sender.ask(dialect.check(merchant, order))
        return dialect.confirmed(merchant, order, said)

    async def _decide(order: Order, request: Request) -> Response:
        form = await request.form()
        try:
            outcome = PayerOutcome(str(form.get("outcome", "")))
            if outcome is not PayerOutcome.DECLINE and not await _may_take(order):
                text = "Đơn vị thu không xác nhận đơn hàng này: không có tiền nào bị trừ."
                return page("message.html", 409, title="Không thu được", text=text)
            result = state.pay(order, outcome)
        except ValueError:
            text = "Hãy quay lại và chọn một trong các nút."
            return page("message.html", 422, title="Chưa chọn kết quả", text=text)
        except AlreadyFinal:
            return _final(order.return_url, 409)
        await sender.send_now(result.first)
        if result.first:
            state.reveal(order)
        if result.url is None:
            return page("timeout.html", 504, order=order)
        return RedirectResponse(result.url, 303)

    return answer


def _final(return_url: str, status: int = 200) -> Response:
    return page(
        "message.html",
        status,
        title="Giao dịch đã kết thúc",
        text="Giao dịch này đã có kết quả, không thể thanh toán lần nữa.",
        back=return_url,
    )


def _add_bank(app: FastAPI, state: SandboxState, sender: WebhookSender) -> None:
    def bank_page(status: int = 200, **values: Any) -> Response:
        shown = {"payload": "", "amount": "", "narrative": "", "transfer": None, "account": None}
        blank = {"error": "", "movement": None, "notice": None}
        accounts = state.store.accounts
        movements = state.store.movements[-_SHOWN:][::-1]
        filled = {**shown, **blank, **values, "accounts": accounts, "movements": movements}
        filled["statements"] = days_of(state.store.movements)[:_SHOWN]
        return page("bank.html", status, **filled)

    @app.get("/bank")
    async def bank(payload: str = "") -> Response:
        return _read(payload, "", "") if payload else bank_page()

    @app.post("/bank")
    async def transfer(request: Request) -> Response:
        form = await request.form()
        payload, amount, narrative, action = (
            str(form.get(name, "")).strip() for name in ("payload", "amount", "narrative", "action")
        )
        if action == "read":
            return _read(payload, amount, narrative)
        given = {"payload": payload, "amount": amount, "narrative": narrative}
        try:
            asked = vietqr.read(payload)
        except vietqr.Unreadable as error:
            return bank_page(422, error=str(error), **given)
        figure = _figure(amount) if amount else asked.amount
        if figure is None:
            error_text = "Số tiền phải là số nguyên đồng, lớn hơn 0."
            return bank_page(422, error=error_text, transfer=asked, **given)
        try:
            movement, notice = state.bank.transfer(
                asked.account_number, figure, narrative or asked.purpose
            )
        except UnknownAccount:
            error_text = f"Ngân hàng thử không có tài khoản {asked.account_number}."
            return bank_page(404, error=error_text, transfer=asked, **given)
        if notice.due_at <= state.now():
            await sender.send_now([notice])
        account = state.bank.find(asked.account_number)
        return bank_page(account=account, movement=movement, notice=notice)

    @app.get("/bank/statement")
    async def statement(of: str = "", on: str = "") -> Response:
        movements = state.store.movements
        for account, day in days_of(movements):
            if (account, day.isoformat()) == (of, on):
                content = write_bank_statement(movements, account, day)
                heads = {"Content-Disposition": f'attachment; filename="sao-ke-{of}-{on}.csv"'}
                return Response(content, media_type="text/csv; charset=utf-8", headers=heads)
        return bank_page(404, error="Ngân hàng thử không có sao kê này.")

    def _read(payload: str, amount: str, narrative: str) -> Response:
        try:
            asked = vietqr.read(payload)
        except vietqr.Unreadable as error:
            return bank_page(422, error=str(error), payload=payload)
        known = state.bank.find(asked.account_number)
        return bank_page(
            payload=payload,
            amount=amount or (str(asked.amount) if asked.amount else ""),
            narrative=narrative or asked.purpose,
            transfer=asked,
            account=known,
        )


def _figure(text: str) -> int | None:
    """What a person types for an amount: 5000, 5.000, 5.000 đ."""
    digits = _SEPARATORS.sub("", text)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 14):
        return None
    figure = int(digits)
    return figure if 1 <= figure <= _LARGEST_AMOUNT else None
