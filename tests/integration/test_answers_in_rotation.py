"""While a secret is replaced, who has the one before is answered under it, and given its tokens."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sandbox.dialects import thuho
from adapters.sandbox.engine.store import Charge, Merchant
from app.knowledge import KNOWLEDGE
from app.seed.agency import DEMO_ACCOUNT
from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from payments.agencies import gateways
from payments.incoming import notices
from payments.incoming.verifying import prover
from payments.ports import NoticeReader
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE, NOW = "secret-of-the-days-before", "secret-of-this-very-day"
HOURS = 2
BANK = {"partner": "DOIKHOA", "secret": BEFORE}
FEED = {"secret": BEFORE, "account_number": DEMO_ACCOUNT, "mode": "oauth2", "client_id": "doi"}


async def set_secret(system: System, gateway: str, keys: dict[str, str], secret: str) -> None:
    """Set up the account, or replace its secret and take the one before for two hours more."""
    async with system.parts.database.transaction() as session:
        await gateways.configure_gateway(
            session,
            system.parts.cipher,
            KNOWLEDGE,
            agency_id=system.body.agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway=gateway,
            account="rotated",
            base_url=f"{system.sandbox_url}/{gateway}",
            credentials=keys | {"secret": secret},
            keep_hours=HOURS,
            actor="system:test",
        )
    system.parts.payments.agencies.forget()


async def pay(system: System, merchant: Merchant) -> tuple[int, bytes]:
    """A bank tells of a payment under its secret; our answer."""
    bill, now = await system.create_bill(), clock.now()
    charge = Charge(f"FT{new_id('n')[-16:]}", bill["amount"], now, now)
    body = thuho._pay(merchant, bill["reference"], charge)
    headers = thuho.signature(merchant, body, now)
    answer = await system.browser.post("/callbacks/thuho/rotated", content=body, headers=headers)
    if answer.status_code == 200:
        assert (await system.read(bill))["status"] == "paid"
    return answer.status_code, answer.content


async def test_a_bank_is_answered_under_the_secret_that_it_signs_with(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = shared_system
    system.sandbox.open("thuho", BANK, f"{system.base_url}/callbacks/thuho/rotated")
    before = system.sandbox.store.merchants[BANK["partner"]]
    after = replace(before, credentials=BANK | {"secret": NOW})
    for secret in (BEFORE, NOW):
        await set_secret(system, "thuho", BANK, secret)
    for merchant in (before, after):
        status, answer = await pay(system, merchant)
        assert status == 200
        assert thuho.vouches(merchant, answer), "it cannot know that its payment was kept"
    # What is signed rightly and cannot be read is answered so too.
    body = thuho._pay(before, "a code in small letters", Charge("FT1", 1, clock.now(), clock.now()))
    headers = thuho.signature(before, body, clock.now())
    odd = await system.browser.post("/callbacks/thuho/rotated", content=body, headers=headers)
    assert (odd.json()["code"], thuho.vouches(before, odd.content)) == ("10", True)
    async with system.parts.database.transaction() as session:
        await session.execute(text("DELETE FROM callback WHERE state = 'set_aside'"))
    now = clock.now()
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: now + timedelta(hours=HOURS, minutes=1))
        status, answer = await pay(system, before)
        assert (status, thuho.vouches(before, answer)) == (401, False)
    assert await system.broken() == []


async def test_one_who_always_answers_under_the_present_secret_is_caught(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    system = shared_system

    class PresentAlone:
        """Reads under either secret, and answers under the present one."""

        def __init__(self, reader: NoticeReader, present: NoticeReader) -> None:
            self.info, self.read_notice = reader.info, reader.read_notice
            self.acknowledge = present.acknowledge

    def present_alone(directory: Any, account: Any, raw: Any, now: Any) -> Any:
        return PresentAlone(prover(directory, account, raw, now), directory.reader(account.access))

    monkeypatch.setattr(notices, "prover", present_alone)
    with pytest.raises(AssertionError, match="cannot know that its payment was kept"):
        await test_a_bank_is_answered_under_the_secret_that_it_signs_with(system, monkeypatch)


async def token_of(system: System, secret: str) -> tuple[int, str]:
    form = {"grant_type": "client_credentials", "client_id": "doi", "client_secret": secret}
    answer = await system.browser.post("/callbacks/sepay/rotated/token", data=form)
    return answer.status_code, answer.json().get("access_token", "")


async def tell(system: System, token: str) -> int:
    ref = new_id("ft")
    body = {
        "id": int.from_bytes(ref[-6:].encode(), "big"),
        "gateway": "Vietcombank",
        "transactionDate": f"{clock.now().astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "accountNumber": DEMO_ACCOUNT,
        "content": "CK DEN",
        "transferType": "in",
        "transferAmount": 6_000,
        "referenceCode": ref,
    }
    headers = {"Authorization": f"Bearer {token}"}
    answer = await system.browser.post(
        "/callbacks/sepay/rotated", content=json.dumps(body), headers=headers
    )
    return answer.status_code


async def test_a_feed_is_given_tokens_under_the_secret_before_within_its_hours(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = shared_system
    for secret in (BEFORE, NOW):
        await set_secret(system, "sepay", FEED, secret)
    for secret in (BEFORE, NOW):
        status, token = await token_of(system, secret)
        assert status == 200, "it could tell of nothing more, once its token is over"
        assert await tell(system, token) == 200
    assert (await token_of(system, "secret-of-nobody"))[0] == 401
    now = clock.now()
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: now + timedelta(hours=HOURS, minutes=1))
        assert [(await token_of(system, one))[0] for one in (BEFORE, NOW)] == [401, 200]
    assert await system.broken() == []
