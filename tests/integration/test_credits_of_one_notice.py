"""A feed that tells of several credits in one notice: each is taken once, or none of them is."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.bank_feeds.casso import CassoFeed
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock, failpoints
from core.clock import VIETNAM
from core.ids import new_id
from payments.books.credits import record_credit
from payments.incoming import notices, set_aside
from payments.incoming.verifying import read_told
from payments.ports import NoticeUnreadable
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {"secret": "password-of-a-feed", "account_number": DEMO_ACCOUNT, "version": "1"}
PATH = "/callbacks/casso/several"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """The shared system with a feed that tells of several credits at once."""
    async with shared_system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            shared_system.parts.cipher,
            agency_id=shared_system.body.agency_id,
            collection_account_id=shared_system.body.collection_account_id,
            gateway="casso",
            account="several",
            base_url="https://casso.example",
            credentials=KEYS,
        )
    shared_system.parts.payments.agencies.forget()
    return shared_system


def transaction(amount: int = 5_000, **changes: Any) -> dict[str, Any]:
    number = int.from_bytes(new_id("n")[-6:].encode(), "big")
    return {
        "id": number,
        "tid": f"FT{number}",
        "description": "CK DEN",
        "amount": amount,
        "cusum_balance": 0,
        "when": f"{clock.now().astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "subAccId": DEMO_ACCOUNT,
    } | changes


async def tell(system: System, *transactions: dict[str, Any]) -> httpx2.Response:
    body = json.dumps({"error": 0, "data": transactions})
    headers = {"secure-token": KEYS["secret"]}
    return await system.browser.post(PATH, content=body, headers=headers)


async def credited(system: System, told: dict[str, Any]) -> list[int]:
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT credited FROM payment WHERE gateway_ref = :ref")
        return list((await session.execute(wanted, {"ref": told["tid"]})).scalars())


async def test_each_credit_is_taken_once_however_often_they_are_told(system: System) -> None:
    first, out, second = transaction(), transaction(-9_000), transaction(7_000)
    for _ in range(2):
        assert (await tell(system, first, out, second)).status_code == 200
    # Told in another company: the same money all the same.
    third = transaction(8_000)
    assert (await tell(system, second, third)).status_code == 200
    taken = [await credited(system, one) for one in (first, out, second, third)]
    assert taken == [[5_000], [], [7_000], [8_000]]
    assert await system.broken() == []


async def test_who_is_stopped_behind_the_keeping_has_kept_every_credit(system: System) -> None:
    first, second = transaction(), transaction(7_000)
    failpoints.configure("callback.after_raw=raise")
    try:
        assert (await tell(system, first, second)).status_code == 500
    finally:
        failpoints.clear()
    with clock.frozen(clock.now() + timedelta(seconds=11)):
        await notices.apply_waiting(system.parts.payments)
    # Nobody has told of them again.
    assert [await credited(system, one) for one in (first, second)] == [[5_000], [7_000]]
    assert await system.broken() == []


async def test_one_that_cannot_be_applied_now_holds_up_no_other(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = transaction(), transaction(7_000)

    async def stumbles(session: Any, account: Any, credit: Any, **how: Any) -> Any:
        if credit.bank_ref == first["tid"]:
            raise ValueError("not now")
        return await record_credit(session, account, credit, **how)

    with monkeypatch.context() as patch:
        patch.setattr(notices, "record_credit", stumbles)
        assert (await tell(system, first, second)).status_code == 503
    assert [await credited(system, one) for one in (first, second)] == [[], [7_000]]
    assert (await tell(system, first, second)).status_code == 200
    assert [await credited(system, one) for one in (first, second)] == [[5_000], [7_000]]
    assert await system.broken() == []


async def test_one_that_cannot_be_read_keeps_all_back_until_it_can(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, odd = transaction(), transaction(6_000)
    with monkeypatch.context() as patch:

        def unread(*_: object) -> None:
            raise NoticeUnreadable("casso: amount: malformed")

        patch.setattr(CassoFeed, "read_credits", unread)
        assert (await tell(system, good, odd)).status_code == 200
    assert [await credited(system, one) for one in (good, odd)] == [[], []]
    # The adapter is mended, and what was set aside is read again.
    async with system.parts.database.transaction() as session:
        await set_aside.replay_unreadable(session, actor="test")
    await notices.apply_waiting(system.parts.payments)
    assert [await credited(system, one) for one in (good, odd)] == [[5_000], [6_000]]
    await notices.apply_waiting(system.parts.payments)
    assert (await tell(system, good, odd)).status_code == 200
    assert [await credited(system, one) for one in (good, odd)] == [[5_000], [6_000]]
    assert await system.broken() == []


async def test_one_who_reads_the_first_alone_is_seen_to_lose_the_others(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(notices, "read_told", lambda reader, raw: read_told(reader, raw)[:1])
    first, second = transaction(), transaction(7_000)
    assert (await tell(system, first, second)).status_code == 200
    assert [await credited(system, one) for one in (first, second)] == [[5_000], []]
