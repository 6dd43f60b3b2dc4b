"""A browser of somebody who works for a body: it keeps cookies, and sends forms as pages have them.

Real HTTP against the system's own address; the second factor's app is `code_at`.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from app.web.staff.doors import form_token_of
from core import clock
from core.ids import new_id
from payments.agencies.access.staff import NewPerson, add_staff_user, create_staff_user
from payments.agencies.access.staff_sessions import find_session, open_session, prove
from payments.agencies.access.totp import code_at, step_of
from tests.support.markup import tree_of, words_of
from tests.support.system import System, client_of

PASSWORD = "mat-khau-thu-nghiem"


class StaffBrowser:
    """One browser and, once they have enrolled, the app of its person."""

    def __init__(self, client: httpx2.AsyncClient, email: str) -> None:
        self.client = client
        self.email = email
        self.secret = b""
        self.recovery_codes: list[str] = []
        #: what its forms carry, where it was signed in without a page
        self.form_token = ""
        self._last = 0

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.client.get(path, headers={"Accept": "text/html"}, **options)

    async def send(
        self, page: str, action: str, typed: dict[str, str] | None = None, **headers: str
    ) -> httpx2.Response:
        """Send the form of a page that leads to `action`, with what is typed into it."""
        form = form_of(page, action) | (typed or {})
        sent = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"} | headers
        return await self.client.post(action, data=form, headers=sent)

    async def post(self, path: str, data: Any = None, **options: Any) -> httpx2.Response:
        """Send a form of ours without looking at its page."""
        sent = {"form_token": self.form_token, **(data or {})}
        headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        return await self.client.post(path, data=sent, headers=headers, **options)

    async def enter_password(
        self, password: str = PASSWORD, at: str = "/staff/sign-in"
    ) -> httpx2.Response:
        page = (await self.get(at)).text
        return await self.send(page, "/staff/sign-in", {"email": self.email, "password": password})

    def code(self) -> str:
        """The app's code: the next one that was not taken yet."""
        self._last = max(self._last + 1, step_of(clock.now()) - 1)
        return code_at(self.secret, self._last)

    async def enrol(self) -> httpx2.Response:
        """Set the second factor up, from the page that asks for it; the page with the codes."""
        answer = await self._enrol()
        if answer.status_code == 401:  # the code's half minute was over before it came
            answer = await self._enrol()
        return answer

    async def _enrol(self) -> httpx2.Response:
        page = (await self.get("/staff/second-factor")).text
        (key,) = tree_of(page).xpath("//dd/code[@class='long']/text()")
        self.secret = base64.b32decode(str(key))
        answer = await self.send(page, "/staff/second-factor", {"code": self.code()})
        codes = tree_of(answer.text).xpath("//ol[@class='codes']//code/text()")
        self.recovery_codes = [str(code) for code in codes]
        return answer

    async def sign_in(self) -> None:
        """With both factors, setting the second one up where there is none."""
        entered = await self.enter_password()
        assert entered.status_code == 303, entered.text
        if not self.secret:
            enrolled = await self.enrol()
            assert enrolled.status_code == 200, enrolled.text
        else:
            proved = await self._prove()
            if proved.status_code == 401:  # its half minute was over before it came
                proved = await self._prove()
            assert proved.status_code == 303, proved.text
        shown = await self.get("/staff")
        if shown.status_code == 503:  # a busy machine: it says to try again
            shown = await self.get("/staff")
        within = words_of(shown.text)
        assert "Tài khoản của bạn" in within, within

    async def _prove(self) -> httpx2.Response:
        page = (await self.get("/staff/second-factor")).text
        return await self.send(page, "/staff/second-factor", {"code": self.code()})

    def another(self, client: httpx2.AsyncClient) -> "StaffBrowser":
        """The same person, with the same app, at another browser."""
        other = StaffBrowser(client, self.email)
        other.secret, other._last = self.secret, self._last
        other.recovery_codes = self.recovery_codes
        return other

    @property
    def cookie(self) -> str:
        """The token that the browser holds."""
        return str(self.client.cookies.get("lephi_staff") or "")


def form_of(page: str, action: str) -> dict[str, str]:
    """The fields of the form of a page that leads to `action`, as they are."""
    (form,) = tree_of(page).xpath(f"//form[@action='{action}']")
    fields = {str(i.get("name")): str(i.get("value") or "") for i in form.xpath(".//input")}
    return {name: value for name, value in fields.items() if name != "None"}


async def new_person(system: System, *roles: str, name: str = "Nguyễn Thử") -> str:
    """A person of the system's body with a password; the e-mail address."""
    email = f"{new_id('x')}@example.vn"
    async with system.parts.database.transaction() as session:
        await create_staff_user(
            session,
            agency_id=system.body.agency_id,
            email=email,
            name=name,
            password=PASSWORD,
            roles=roles or ("finance",),
        )
    return email


@asynccontextmanager
async def signed_in_as(
    system: System, *roles: str, agency_id: str | None = None
) -> AsyncIterator[StaffBrowser]:
    """Somebody of a body, the system's unless told otherwise, who has given both factors.

    Made without a password that works, so that no test waits for one to be hashed.
    """
    email, name = f"{new_id('x')}@example.vn", "Nguyễn Thử"
    own = agency_id or system.body.agency_id
    async with system.parts.database.transaction() as session:
        person = NewPerson(own, email, name, roles, "no password")
        made = await add_staff_user(session, person, actor="system:test")
        token = await open_session(session, made.id, "127.0.0.1", "test")
        found = await find_session(session, token)
        assert found is not None
        token = await prove(session, found)
    async with staff_browser(system, email) as browser:
        browser.client.cookies.set("lephi_staff", token, domain="127.0.0.1")
        browser.form_token = form_token_of(system.parts.payments, token)
        yield browser


@asynccontextmanager
async def staff_browser(system: System, email: str) -> AsyncIterator[StaffBrowser]:
    """A browser without cookies."""
    async with client_of(system.base_url) as client:
        yield StaffBrowser(client, email)
