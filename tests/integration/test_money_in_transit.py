"""What gateways take is in transit until they pay it over; that transfer is no payer's money."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.seed.agency import DEMO_ACCOUNT
from core.errors import Invalid
from payments.agencies.commands import set_settlement_words
from payments.agencies.queries import find_collection_account
from payments.books import transit
from payments.books.transit import is_settlement, sum_in_transit
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.places import looking
from tests.support.staff import finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = "PAYGOV quyết toán"


@pytest_asyncio.fixture(loop_scope="module")
async def paid_over(shared_system: System) -> AsyncIterator[str]:
    """The account, told of PayGov's words; its id. Nothing is in transit to it before."""
    async with shared_system.parts.database.transaction() as session:
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        await set_settlement_words(session, account.id, [WORDS], actor="test")
    shared_system.parts.payments.agencies.forget()
    yield account.id
    async with shared_system.parts.database.transaction() as session:
        await set_settlement_words(session, account.id, [], actor="test")
    shared_system.parts.payments.agencies.forget()


async def paid_at_gateway(system: System) -> dict[str, object]:
    bill = await system.create_bill()
    await call(system, result_of(system, order_of(system, await system.start(bill))))
    return bill


async def in_transit(system: System, account_id: str) -> int:
    async with system.parts.database.reading() as session:
        return await sum_in_transit(session, account_id)


async def test_what_a_gateway_takes_is_in_transit(shared_system: System) -> None:
    async with looking(shared_system) as seen:
        await paid_at_gateway(shared_system)
    assert seen[0].ledger == {"in_transit": 5000, "revenue": -5000}


async def test_a_settlement_is_booked_once_and_clears_what_was_in_transit(
    shared_system: System, paid_over: str
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    before = await in_transit(system, paid_over)
    async with looking(system) as seen:
        first, second = await paid_at_gateway(system), await paid_at_gateway(system)
        # It names bills that are paid, as such transfers do: it is not a second payment of theirs.
        narrative = f"PAYGOV QUYET-TOAN 2026-11-28 {first['reference']}"
        await credit(system, 10_000, narrative)
    assert seen[0].waiting == [("suspense", "gateway_settlement", 10_000)]
    assert await in_transit(system, paid_over) == before + 10_000
    (item,) = [one for one in await office.suspense() if one["reason"] == "gateway_settlement"]
    async with looking(system) as seen:
        done = await office.approve(await office.propose(item["id"], "settlement"))
    assert done["outcome"] == {"cleared": 10_000}
    assert seen[0].ledger == {"suspense": 10_000, "in_transit": -10_000}
    assert seen[0].waiting == [("in_transit", "settled_by_gateway", 10_000)]
    assert await in_transit(system, paid_over) == before
    assert [one for one in await office.suspense() if one["id"] == item["id"]] == []
    for bill in (first, second):
        (payment,) = (await system.read(bill))["payments"][:1]
        assert (payment["allocated"], payment["refundable"]) == (5000, 0)


async def test_a_payer_who_writes_the_words_gets_the_bill_paid_by_people(
    shared_system: System, paid_over: str
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    await credit(system, 5000, f"{bill['reference']} PayGov quyet toan")
    assert (await system.read(bill))["status"] == "open"
    (item,) = [one for one in await office.suspense() if one["bill"] == bill["reference"]]
    await office.approve(await office.propose(item["id"], "other_money"))
    assert (await system.read(bill))["status"] == "paid"


async def test_nobody_pays_over_more_than_was_taken(
    shared_system: System, paid_over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    there = await in_transit(system, paid_over)
    await credit(system, there + 1, WORDS)
    (item,) = [one for one in await office.suspense() if one["amount"] == there + 1]
    wanted = {"kind": "settlement", "reason": "quyết toán"}
    answer = await office.post(f"/suspense/{item['id']}/resolutions", wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "more_than_in_transit")

    # Without the look, two people could clear more than there is, and the invariants see it.
    async def blind(*_: object) -> int:
        return there + 1

    monkeypatch.setattr(transit, "sum_in_transit", blind)
    await office.approve(await office.propose(item["id"], "settlement"))
    (broken,) = await system.broken()
    assert "paid over no more than they took" in broken
    monkeypatch.undo()
    await paid_at_gateway(system)
    assert await system.broken() == []


async def test_what_a_gateway_tells_of_is_no_settlement(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    order = order_of(system, await system.start(bill))
    await call(system, result_of(system, order, code="07"))
    (item,) = [one for one in await office.suspense() if one["bill"] == bill["reference"]]
    wanted = {"kind": "settlement", "reason": "quyết toán"}
    answer = await office.post(f"/suspense/{item['id']}/resolutions", wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_waiting")


@pytest.mark.parametrize(
    ("narrative", "holds"),
    [
        ("MBVCB.1 PAYGOV QUYET TOAN 28/11", True),
        ("paygov-quyết-toán", True),
        ("PAYGOVQUYETTOAN", True),
        ("PAYGOV", False),
        ("quyet toan", False),
        ("", False),
    ],
)
async def test_banks_may_write_the_words_as_they_like(
    shared_system: System, paid_over: str, narrative: str, holds: bool
) -> None:
    async with shared_system.parts.database.reading() as session:
        account = await find_collection_account(session, DEMO_ACCOUNT)
    assert account is not None
    assert is_settlement(account, narrative) is holds


async def test_words_that_anybody_may_write_are_refused(
    shared_system: System, paid_over: str
) -> None:
    async with shared_system.parts.database.transaction() as session:
        with pytest.raises(Invalid) as caught:
            await set_settlement_words(session, paid_over, ["PAYGOV", "- A1 -"], actor="test")
    assert [fault.field for fault in caught.value.errors] == ["words.1"]
