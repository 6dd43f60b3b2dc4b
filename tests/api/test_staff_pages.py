"""Signing in: both factors, what is counted, sessions that end, forms of ours, nothing lost."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete
from sqlmodel import col, select

from app.web.policy import STRICT
from core import clock
from core.allowances import Allowance
from core.sessions import ReadSession
from payments.agencies.access import staff, staff_sessions
from payments.agencies.access.models import StaffUser
from payments.agencies.access.rights import RIGHTS, Role
from payments.agencies.access.sign_in_models import RecoveryCode, StaffFactor, StaffSession
from payments.agencies.access.staff_sessions import IDLE, LONGEST
from tests.support.markup import foreign_addresses, foreign_words, inline_code, tree_of, words_of
from tests.support.page_routes import unlisted
from tests.support.staff_browser import PASSWORD, StaffBrowser, form_of, new_person, staff_browser
from tests.support.system import System

SIGN_IN, SECOND, HOME, SESSIONS = (
    "/staff/sign-in",
    "/staff/second-factor",
    "/staff",
    "/staff/sessions",
)
BEHIND = (HOME, SESSIONS)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def system(shared_system: System) -> System:
    """One for all, for each test has a clerk of its own; their network has all its turns again."""
    async with shared_system.parts.database.transaction() as session:
        await session.write(delete(Allowance))
    return shared_system


@pytest_asyncio.fixture(loop_scope="module")
async def clerk(system: System) -> AsyncIterator[StaffBrowser]:
    """Somebody who has never signed in."""
    async with staff_browser(system, await new_person(system, "finance")) as browser:
        yield browser


async def sessions_of(session: ReadSession, person: StaffBrowser) -> list[str]:
    own = select(StaffSession.id).join(StaffUser, col(StaffUser.id) == col(StaffSession.staff_id))
    return list(await session.all(own.where(StaffUser.email == person.email)))


def later(patch: pytest.MonkeyPatch, by: timedelta) -> None:
    moment = clock.now() + by
    patch.setattr(clock, "now", lambda: moment)


async def test_a_new_clerk_enrols_and_comes_in(clerk: StaffBrowser, system: System) -> None:
    answer = await clerk.enter_password()
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SECOND}?next=/staff")
    await clerk.get(SECOND)
    image = await clerk.get(f"{SECOND}/qr.svg")
    assert image.headers["content-type"] == "image/svg+xml"
    page = (await clerk.enrol()).text
    assert "Các mã này chỉ hiện một lần" in words_of(page)
    assert len(set(clerk.recovery_codes)) == 10
    home = words_of((await clerk.get(HOME)).text)
    assert clerk.email in home
    # The secret is shown no more.
    assert (await clerk.get(f"{SECOND}/qr.svg")).status_code == 404
    async with system.parts.database.reading() as session:
        kept = await session.all(select(StaffFactor.secret))
        tokens = await session.all(select(StaffSession.token_hash))
        codes = await session.all(select(RecoveryCode.hash))
    plain = [clerk.secret, clerk.cookie.encode(), *(c.encode() for c in clerk.recovery_codes)]
    stored = b" ".join([*kept, *(str(one).encode() for one in [*tokens, *codes])])
    assert not any(secret in stored for secret in plain)


@pytest.mark.parametrize("path", BEHIND)
async def test_nobody_comes_in_without_both_factors(clerk: StaffBrowser, path: str) -> None:
    async def lead() -> str:
        answer = await clerk.get(path)
        assert answer.status_code == 303
        return str(answer.headers["location"]).partition("?")[0]

    assert await lead() == SIGN_IN
    await clerk.enter_password("mat-khau-khac-han")
    assert await lead() == SIGN_IN
    await clerk.enter_password()
    assert await lead() == SIGN_IN
    page = (await clerk.get(SECOND)).text
    assert (await clerk.send(page, SECOND, {"code": "000000"})).status_code == 401
    assert await lead() == SIGN_IN
    await clerk.enrol()
    assert (await clerk.get(path)).status_code == 200


async def test_a_code_opens_once_and_a_recovery_code_too(
    clerk: StaffBrowser, system: System
) -> None:
    await clerk.sign_in()
    used = clerk.code()
    async with staff_browser(system, clerk.email) as client:
        other = clerk.another(client.client)
        await other.enter_password()
        page = (await other.get(SECOND)).text
        assert (await other.send(page, SECOND, {"code": used})).status_code == 303
    for typed, status in (
        (used, 401),
        (clerk.recovery_codes[0].lower(), 303),
        (clerk.recovery_codes[0], 401),
        (clerk.recovery_codes[1].replace("-", " "), 303),
    ):
        async with staff_browser(system, clerk.email) as browser:
            await browser.enter_password()
            page = (await browser.get(SECOND)).text
            assert (await browser.send(page, SECOND, {"code": typed})).status_code == status, typed


async def test_an_unknown_account_and_a_wrong_password_are_told_alike(
    clerk: StaffBrowser, system: System
) -> None:
    wrong = await clerk.enter_password("mat-khau-khac-han")
    async with staff_browser(system, "nobody@example.vn") as nobody:
        unknown = await nobody.enter_password()
    assert wrong.status_code == unknown.status_code == 401
    assert words_of(wrong.text) == words_of(unknown.text)


async def test_tries_are_counted_for_the_account_and_codes_for_the_person(
    clerk: StaffBrowser, system: System
) -> None:
    answers = [(await clerk.enter_password("sai-mat-khau-roi")).status_code for _ in range(7)]
    assert answers == [401] * 6 + [429]
    # The right one is not let through either, from a browser that has no cookie: it is counted in
    # the database, so that every process knows.
    async with staff_browser(system, clerk.email) as other:
        assert (await other.enter_password()).status_code == 429
    async with staff_browser(system, await new_person(system, "chief")) as another:
        assert (await another.enter_password()).status_code == 303
        await another.enrol()
        await another.send((await another.get(HOME)).text, "/staff/sign-out")
        await another.enter_password()
        page = (await another.get(SECOND)).text
        tries = [(await another.send(page, SECOND, {"code": "000000"})).status_code] * 1
        for _ in range(5):
            tries.append((await another.send(page, SECOND, {"code": "000000"})).status_code)
        assert tries == [401] * 5 + [429]
        assert (await another.send(page, SECOND, {"code": another.code()})).status_code == 429


async def test_each_step_has_a_token_of_its_own_and_a_planted_one_is_worth_nothing(
    clerk: StaffBrowser, system: System
) -> None:
    planted = "A" * 52
    clerk.client.cookies.set("lephi_staff", planted, domain="127.0.0.1")
    assert clerk.cookie == planted
    await clerk.enter_password()
    half = clerk.cookie
    await clerk.enrol()
    assert len({planted, half, clerk.cookie}) == 3
    async with staff_browser(system, clerk.email) as thief:
        for token in (planted, half):
            thief.client.cookies.set("lephi_staff", token, domain="127.0.0.1")
            assert (await thief.get(HOME)).status_code == 303
    assert (await clerk.get(HOME)).status_code == 200


async def test_the_cookie_is_for_us_alone(clerk: StaffBrowser) -> None:
    said = (await clerk.enter_password()).headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert "Path=/" in said
    assert "Max-Age" not in said


@pytest.mark.parametrize(("by", "over"), [(IDLE - timedelta(minutes=1), False), (IDLE, True)])
async def test_a_session_ends_when_nobody_uses_it(
    clerk: StaffBrowser, monkeypatch: pytest.MonkeyPatch, by: timedelta, over: bool
) -> None:
    await clerk.sign_in()
    later(monkeypatch, by)
    assert (await clerk.get(HOME)).status_code == (303 if over else 200)


async def test_a_session_ends_after_a_day_however_it_is_used(
    clerk: StaffBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clerk.sign_in()
    lasted = timedelta()
    while (await clerk.get(HOME)).status_code == 200:
        assert lasted < LONGEST
        later(monkeypatch, timedelta(minutes=20))
        lasted += timedelta(minutes=20)
    assert lasted >= LONGEST - timedelta(minutes=20)


async def test_a_session_is_ended_from_elsewhere(clerk: StaffBrowser, system: System) -> None:
    await clerk.sign_in()
    async with staff_browser(system, clerk.email) as client:
        phone = clerk.another(client.client)
        phone.client.headers["user-agent"] = "<b>Máy của tôi\u202e</b>"
        await phone.sign_in()
        page = (await clerk.get(SESSIONS)).text
        assert "<b>Máy" not in page
        (end,) = tree_of(page).xpath("//form[contains(@action, '/end') and @class]/@action")
        assert (await clerk.send(page, str(end))).status_code == 303
        assert (await phone.get(HOME)).status_code == 303
        assert (await clerk.get(HOME)).status_code == 200
        assert (await clerk.send(page, str(end))).status_code == 404


async def test_nobody_ends_somebody_elses_session(clerk: StaffBrowser, system: System) -> None:
    await clerk.sign_in()
    async with system.parts.database.reading() as session:
        (theirs,) = await sessions_of(session, clerk)
    async with staff_browser(system, await new_person(system, "admin")) as other:
        await other.sign_in()
        form = {
            "form_token": form_of((await other.get(HOME)).text, "/staff/sign-out")["form_token"]
        }
        answer = await other.client.post(f"{SESSIONS}/{theirs}/end", data=form)
        assert answer.status_code == 404
    assert (await clerk.get(HOME)).status_code == 200


async def test_another_password_and_a_disabled_account_end_every_session(
    clerk: StaffBrowser, system: System
) -> None:
    await clerk.sign_in()
    async with system.parts.database.transaction() as session:
        await staff.change_password(session, clerk.email, PASSWORD, "mat-khau-moi-hon")
    assert (await clerk.get(HOME)).status_code == 303
    await clerk.enter_password("mat-khau-moi-hon")
    page = (await clerk.get(SECOND)).text
    await clerk.send(page, SECOND, {"code": clerk.code()})
    assert (await clerk.get(HOME)).status_code == 200
    async with system.parts.database.transaction() as session:
        await staff.disable_staff_user(session, clerk.email)
    assert (await clerk.get(HOME)).status_code == 303


async def test_signing_out_ends_the_session_and_not_only_the_cookie(clerk: StaffBrowser) -> None:
    await clerk.sign_in()
    token = clerk.cookie
    await clerk.send((await clerk.get(HOME)).text, "/staff/sign-out")
    clerk.client.cookies.set("lephi_staff", token, domain="127.0.0.1")
    assert (await clerk.get(HOME)).status_code == 303


@pytest.mark.parametrize(
    ("token", "site"),
    [("", "same-origin"), ("0" * 40, "same-origin"), (None, "cross-site"), (None, "same-site")],
)
async def test_a_form_that_is_not_ours_does_nothing(
    clerk: StaffBrowser, token: str | None, site: str
) -> None:
    await clerk.sign_in()
    page = (await clerk.get(HOME)).text
    typed = {} if token is None else {"form_token": token}
    answer = await clerk.send(page, "/staff/sign-out", typed, **{"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert (await clerk.get(HOME)).status_code == 200


async def test_a_form_without_its_check_would_be_taken(
    clerk: StaffBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A negative control of the one above."""
    await clerk.sign_in()
    page = (await clerk.get(HOME)).text
    monkeypatch.setattr("app.web.staff.doors.hmac.compare_digest", lambda *_: True)
    await clerk.send(page, "/staff/sign-out", {"form_token": "0" * 40})
    assert (await clerk.get(HOME)).status_code == 303


async def test_what_was_typed_when_the_session_ended_is_sent_again_after_signing_in(
    clerk: StaffBrowser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clerk.sign_in()
    page = (await clerk.get(HOME)).text
    later(monkeypatch, IDLE)
    typed = {"reason": "lý do dài <b>", "amount": "125000"}
    asked = await clerk.send(page, "/staff/sign-out", typed)
    assert asked.status_code == 401
    assert "Những gì bạn vừa nhập được giữ lại" in words_of(asked.text)
    assert "125000" not in asked.text, "it is sealed meanwhile"
    second = await clerk.send(asked.text, SIGN_IN, {"email": clerk.email, "password": PASSWORD})
    again = await clerk.send(second.text, SECOND, {"code": clerk.code()})
    assert "lý do dài <b>" in words_of(again.text)
    assert form_of(again.text, "/staff/sign-out") | {"form_token": ""} == {
        "form_token": "",
        **typed,
    }
    done = await clerk.send(again.text, "/staff/sign-out")
    assert (done.status_code, done.headers["location"]) == (303, f"{SIGN_IN}?left=yes")

    # Somebody else who signs in there sees nothing of it.
    async with staff_browser(system, await new_person(system, "chief")) as other:
        other.client.cookies = clerk.client.cookies
        form = form_of(asked.text, SIGN_IN)
        page = (await other.get(SIGN_IN)).text
        entered = {"email": other.email, "password": PASSWORD, "kept": form["kept"]}
        second = await other.send(page, SIGN_IN, entered)
        assert "125000" not in second.text
        (key,) = tree_of(second.text).xpath("//dd/code[@class='long']/text()")
        assert key
        assert "125000" not in (await other.enrol()).text


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example/", "/b/LP1", "/staff\\x"]
)
async def test_signing_in_leads_to_no_other_place(clerk: StaffBrowser, place: str) -> None:
    page = (await clerk.get(SIGN_IN, params={"next": place})).text
    assert form_of(page, SIGN_IN)["next"] == HOME
    answer = await clerk.send(
        page, SIGN_IN, {"email": clerk.email, "password": PASSWORD, "next": place}
    )
    assert answer.headers["location"] == f"{SECOND}?next=/staff"


async def test_who_wanted_a_page_comes_to_it(clerk: StaffBrowser) -> None:
    asked = await clerk.get(SESSIONS)
    assert asked.headers["location"] == f"{SIGN_IN}?next=/staff/sessions"
    answer = await clerk.enter_password(at=asked.headers["location"])
    page = (await clerk.get(answer.headers["location"])).text
    assert form_of(page, SECOND)["next"] == SESSIONS


@pytest.mark.parametrize("role", Role)
async def test_the_first_page_says_what_each_role_may_do(system: System, role: Role) -> None:
    async with staff_browser(system, await new_person(system, role)) as browser:
        await browser.sign_in()
        page = (await browser.get(HOME)).text
    shown = [
        str(one) for one in tree_of(page).xpath("//section[@aria-labelledby='may']//li/text()")
    ]
    assert shown == [right.title.vi for right in RIGHTS.values() if role in right.roles]


async def test_every_page_of_staff_is_looked_at(system: System) -> None:
    # The others are in the lists beside those who may open them (test_staff_rights).
    looked_at = {"sign_in": [SIGN_IN], "second_factor": [SECOND], "home": [SESSIONS]}
    for room, paths in looked_at.items():
        assert unlisted(system.app, paths, f"app.web.staff.{room}") == []
    assert unlisted(system.app, [], "app.web.staff.home") == [SESSIONS]


async def test_every_page_has_its_headers_one_language_and_nothing_foreign(
    clerk: StaffBrowser, system: System
) -> None:
    english = {"Accept-Language": "en"}
    pages = {"sign in": await clerk.get(SIGN_IN)}
    assert foreign_words((await clerk.client.get(SIGN_IN, headers=english)).text, "en") == []
    pages["refused"] = await clerk.enter_password("sai-mat-khau-roi")
    await clerk.enter_password()
    pages["enrolling"] = await clerk.get(SECOND)
    pages["codes"] = await clerk.enrol()
    pages["home"], pages["sessions"] = await clerk.get(HOME), await clerk.get(SESSIONS)
    pages["refused form"] = await clerk.send(
        pages["home"].text, "/staff/sign-out", {"form_token": ""}
    )
    for name, answer in pages.items():
        assert answer.headers["content-security-policy"] == STRICT, name
        assert answer.headers["cache-control"] == "no-store", name
        assert inline_code(answer.text) == [], name
        assert foreign_addresses(answer.text, system.base_url) == [], name
        assert foreign_words(answer.text, "vi") == [], name
        assert len(answer.content) < 50_000, name
    for path in BEHIND:
        assert foreign_words((await clerk.client.get(path, headers=english)).text, "en") == [], path


async def test_sessions_that_are_long_over_are_forgotten(
    clerk: StaffBrowser, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clerk.sign_in()
    for by, left in ((LONGEST, 1), (timedelta(days=2), 0)):
        later(monkeypatch, by)
        async with system.parts.database.transaction() as session:
            await staff_sessions.expire(session)
            assert len(await sessions_of(session, clerk)) == left
