"""Signing in by a body's own sign-on: a conforming provider over HTTP, and bad ones refused."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from adapters import sign_on as adapter
from core.errors import Invalid
from core.ids import new_id
from payments.administration.door import ask, do
from payments.administration.sign_on import configured_sign_on
from payments.agencies.access.sign_on import SignOnValue, find_sign_on
from payments.agencies.access.staff import NewPerson, add_staff_user
from payments.books.approvals import approve
from tests.support.every_route import keys_of
from tests.support.markup import tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.sign_on_provider import CLIENT, SECRET, Provider, provider_at
from tests.support.staff_browser import StaffBrowser, staff_browser
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What a provider may have wrong; each is refused.
SPOILT = (
    *("issuer", "audience", "audiences", "party", "nonce", "expired", "ahead", "unverified"),
    *("verified in words", "no address", "no nonce", "no exp", "no sub", "another key", "unsigned"),
    *("public key as a secret", "changed", "document", "plain", "iss"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(shared_system: System) -> AsyncIterator[Provider]:
    """The provider of the system's body, which one person there is known to."""
    system = shared_system
    async with provider_at(f"{system.base_url}/staff/sign-on/back") as running:
        running.email = f"{new_id('x')}@example.vn"
        async with system.parts.database.transaction() as session:
            person = NewPerson(
                system.body.agency_id, running.email, "Lê Có Sẵn", ["finance"], "no password"
            )
            await add_staff_user(session, person, actor="system:test")
            deed = configured_sign_on(
                system.body.agency_id,
                issuer=running.issuer,
                client_id=CLIENT,
                client_secret=SECRET,
            )
            await do(session, system.parts.administration, deed, actor="system:test")
        yield running


async def sign_on(browser: StaffBrowser, system: System, place: str = "") -> httpx2.Response:
    """Go out to the provider and come back; the answer to the way back."""
    path = f"/staff/sign-on/to/{system.body.agency_code}?next={place}"
    out = await browser.get(path)
    assert out.status_code == 303, out.text
    back = await browser.client.get(out.headers["location"])
    if back.status_code != 302:
        return back
    return await browser.get(back.headers["location"])


async def test_who_signs_on_gives_the_second_factor_and_comes_in(
    provider: Provider, shared_system: System
) -> None:
    async with staff_browser(shared_system, provider.email) as browser:
        page = (await browser.get("/staff/sign-in?next=/staff/sessions")).text
        (link,) = tree_of(page).xpath("//section[@aria-labelledby='own']//a/@href")
        assert link == f"/staff/sign-on/to/{shared_system.body.agency_code}?next=/staff/sessions"
        planted = browser.cookie
        answer = await sign_on(browser, shared_system, "/staff/sessions")
        assert answer.headers["location"] == "/staff/second-factor?next=/staff/sessions"
        assert browser.cookie != planted
        # Half a session opens nothing.
        assert (await browser.get("/staff")).status_code == 303
        await browser.enrol()
        assert provider.email in (await browser.get("/staff")).text
        said = [one for one in answer.headers.get_list("set-cookie") if "lephi_staff" in one]
        assert "HttpOnly" in said[0]


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_what_is_not_right_is_refused(
    provider: Provider, shared_system: System, spoilt: str
) -> None:
    provider.spoil = spoilt
    try:
        async with staff_browser(shared_system, provider.email) as browser:
            out = await browser.get(f"/staff/sign-on/to/{shared_system.body.agency_code}")
            answer = out
            if "authorize" in out.headers["location"]:
                back = await browser.client.get(out.headers["location"])
                answer = await browser.get(back.headers["location"])
            assert answer.headers["location"].startswith("/staff/sign-in?failed=sign-on")
            told = words_of((await browser.get(answer.headers["location"])).text)
            assert "không thành" in told
            assert (await browser.get("/staff/second-factor")).status_code == 303
    finally:
        provider.spoil = ""


async def test_no_code_is_shown_to_a_provider_that_may_not_have_given_it(
    provider: Provider,
) -> None:
    """One that says in each answer whose it is (RFC 9207) has given none that is silent."""
    client = adapter.SignOnClient(provider.issuer, CLIENT, SECRET)
    attempt = adapter.SignOnAttempt("state", "nonce", "verifier")
    before = provider.exchanged
    for said in (None, "https://mixed-up.example.vn"):
        with pytest.raises(adapter.SignOnFailed):
            await adapter.signed_on_email(client, attempt, "code", "https://x.example", said)
    assert provider.exchanged == before
    with pytest.raises(adapter.SignOnFailed):
        await adapter.signed_on_email(client, attempt, "code", "https://x.example", provider.issuer)
    assert provider.exchanged == before + 1


async def test_an_answer_is_for_the_browser_that_asked_and_once(
    provider: Provider, shared_system: System
) -> None:
    path = f"/staff/sign-on/to/{shared_system.body.agency_code}"
    async with (
        staff_browser(shared_system, provider.email) as thief,
        staff_browser(shared_system, provider.email) as victim,
    ):
        # The thief's own answer, sent to the victim's browser, signs nobody in there.
        back = await thief.client.get((await thief.get(path)).headers["location"])
        for browser in (victim,):
            answer = await browser.get(back.headers["location"])
            assert answer.headers["location"].startswith("/staff/sign-in?failed")
        await victim.get(path)
        answer = await victim.get(back.headers["location"])
        assert answer.headers["location"].startswith("/staff/sign-in?failed")
        assert (await thief.get(back.headers["location"])).status_code == 303
        again = await thief.get(back.headers["location"])
        assert again.headers["location"].startswith("/staff/sign-in?failed")


async def test_only_people_of_the_body_come_in_by_its_sign_on(
    provider: Provider, shared_system: System
) -> None:
    mine = provider.email
    async with neighbour_of(shared_system) as neighbour:
        theirs = f"{new_id('x')}@example.vn"
        async with shared_system.parts.database.transaction() as session:
            person = NewPerson(neighbour.agency_id, theirs, "Người Lạ", ["chief"], "no password")
            await add_staff_user(session, person, actor="system:test")
        try:
            for email in (theirs, "nobody@example.vn", f"x{mine}"):
                provider.email = email
                async with staff_browser(shared_system, email) as browser:
                    answer = await sign_on(browser, shared_system)
                    assert answer.headers["location"].startswith("/staff/sign-in?failed"), email
        finally:
            provider.email = mine
        async with staff_browser(shared_system, mine) as browser:
            assert (await browser.get(f"/staff/sign-on/to/{neighbour.code}")).status_code == 404
            answer = await sign_on(browser, shared_system, "https://elsewhere.example.vn/")
            assert answer.headers["location"] == "/staff/second-factor?next=/staff"


async def test_naming_a_sign_on_takes_two_people_and_its_secret_is_sealed(
    provider: Provider, shared_system: System
) -> None:
    parts, body = shared_system.parts, shared_system.body
    keys = await keys_of(shared_system, body.agency_id)
    admin, chief = [await parts.keyring.principal(keys.secrets[one]) for one in ("admin", "chief")]
    deed = configured_sign_on(
        body.agency_id,
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret="another secret",
    )
    async with parts.database.transaction() as session:
        waits = await ask(
            session, parts.administration, parts.approval_kinds, deed, admin, "đổi khóa"
        )
    assert "another secret" not in str(waits)
    assert (await kept(shared_system)).secret == SECRET
    async with parts.database.transaction() as session:
        await approve(session, parts.approval_kinds, waits.id, chief)
    assert (await kept(shared_system)).secret == "another secret"
    async with staff_browser(shared_system, provider.email) as browser:
        answer = await sign_on(browser, shared_system)
        assert answer.headers["location"].startswith("/staff/sign-in?failed")
    async with parts.database.transaction() as session:
        right = configured_sign_on(
            body.agency_id, issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET
        )
        await do(session, parts.administration, right, actor="system:test")
    for issuer in ("http://provider.example.vn", "https://a.vn?x=1", "ftp://a.vn", "x"):
        with pytest.raises(Invalid):
            configured_sign_on("agency_1", issuer=issuer, client_id="x", client_secret="x")


async def kept(system: System) -> SignOnValue:
    async with system.parts.database.reading() as session:
        found = await find_sign_on(session, system.parts.cipher, system.body.agency_code)
    assert found is not None
    return found


async def test_a_check_that_is_left_out_is_noticed(
    provider: Provider, shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the claims' checks a token for another attempt opens."""

    def trusting(_: Any, __: Any, token: str, ___: Any) -> Any:
        return {"email": provider.email, "email_verified": True}

    monkeypatch.setattr(adapter, "_claims", trusting)
    with pytest.raises(AssertionError):
        await test_what_is_not_right_is_refused(provider, shared_system, "nonce")
