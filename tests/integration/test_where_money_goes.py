"""Every đồng has its place: what becomes of each kind of money, in every table that tells of it.

Each test looks at the same five views of one story: the bill over the API, the allocations, what
is in suspense or refundable, the ledger, and the invariants.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.references import new_reference
from payments.attempts.inquiry import expire_bills
from payments.bills.static_references import static_reference
from tests.support.callbacks import call, credit, notice_of, notify, order_of, result_of
from tests.support.neighbour import neighbour_of
from tests.support.places import Kept, looking
from tests.support.rows import contents, count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_exact_money_settles_the_bill(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    async with looking(system) as seen:
        await credit(system, 5000, f"{bill['reference']} NOP LE PHI")
    assert seen == [Kept([(5000, True)], [5000], [], {"receivable": 5000, "revenue": -5000})]
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["qr"]) == ("paid", None)
    (payment,), (receipt,) = found["payments"], found["receipts"]
    assert (payment["gateway"], payment["status"], payment["amount"]) == ("bank", "succeeded", 5000)
    assert payment["checkout"] is None
    assert receipt["amount"] == 5000


@pytest.mark.parametrize(
    "written",
    [
        "{0}",
        "chuyen tien {0} cam on",
        "MBVCB.3456.{0}.CT tu 0011 toi 0022",
        "{1}",
        "{2}",
        "nộp phí {1} cho phường",
        "{0}{0}",
        "{0} {0}",
    ],
)
async def test_a_reference_is_found_whatever_the_bank_did_to_it(
    shared_system: System, written: str
) -> None:
    system = shared_system
    bill = await system.create_bill()
    reference = bill["reference"]
    spaced = " ".join((reference[:4], reference[4:9], reference[9:]))
    await credit(system, 5000, written.format(reference, reference.lower(), spaced))
    assert (await system.read(bill))["status"] == "paid"


async def test_short_money_waits_for_the_rest_and_then_settles_with_it(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    async with looking(system) as seen:
        await credit(system, 1500, bill["reference"])
        await credit(system, 500, bill["reference"])
    waiting = [("suspense", "short", 1500), ("suspense", "short", 500)]
    ledger = {"receivable": 2000, "suspense": -2000}
    assert seen == [Kept([(1500, True), (500, True)], [], waiting, ledger)]
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
    async with looking(system) as seen:
        await credit(system, 3000, bill["reference"])
    ledger = {"receivable": 3000, "suspense": 2000, "revenue": -5000}
    assert (seen[0].payments, seen[0].ledger) == ([(3000, True)], ledger)
    assert sorted(seen[0].allocated) == [500, 1500, 3000]
    assert seen[0].waiting == []
    await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["payments"]), len(found["receipts"])) == ("paid", 3, 1)
    assert await count(
        system.parts.database, "suspense_item", "bill_id = :b AND closed_at IS NULL", b=bill["id"]
    ) == 0  # fmt: skip


async def test_what_is_over_is_due_back(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    async with looking(system) as seen:
        await credit(system, 50_000, bill["reference"])
    ledger = {"receivable": 50_000, "revenue": -5000, "refundable": -45_000}
    assert seen == [Kept([(50_000, True)], [5000], [("refundable", "excess", 45_000)], ledger)]
    await system.work()
    assert [r["amount"] for r in (await system.read(bill))["receipts"]] == [5000]


async def test_short_money_and_too_much_for_the_rest(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    async with looking(system) as seen:
        await credit(system, 4999, bill["reference"])
        await credit(system, 4999, bill["reference"])
    assert seen[0].ledger == {"receivable": 9998, "revenue": -5000, "refundable": -4998}
    assert sorted(seen[0].allocated) == [1, 4999]
    assert seen[0].waiting == [("refundable", "excess", 4998)]


@pytest.mark.parametrize("at_once", [False, True])
async def test_of_two_channels_one_settles_and_the_other_is_due_back(
    shared_system: System, at_once: bool
) -> None:
    system = shared_system
    bill = await system.create_bill()
    charged = result_of(system, order_of(system, await system.start(bill)))
    told = notice_of(system, 5000, bill["reference"])
    async with looking(system) as seen:
        if at_once:
            answers = list(await asyncio.gather(call(system, charged), notify(system, told)))
        else:
            answers = [await call(system, charged), await notify(system, told)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("refundable", "bill_already_paid", 5000)]
    ledger = {"in_transit": 5000, "receivable": 5000, "revenue": -5000, "refundable": -5000}
    assert seen[0].ledger == ledger
    await system.work()
    found = await system.read(bill)
    assert [p["status"] for p in found["payments"]] == ["succeeded", "succeeded"]
    assert len(found["receipts"]) == 1


@pytest.mark.parametrize("at_once", [False, True])
async def test_of_two_transfers_one_settles_and_the_other_is_due_back(
    shared_system: System, at_once: bool
) -> None:
    system = shared_system
    bill = await system.create_bill()
    told = [notice_of(system, 5000, bill["reference"]) for _ in range(2)]
    async with looking(system) as seen:
        if at_once:
            await asyncio.gather(*(notify(system, one) for one in told))
        else:
            for one in told:
                await notify(system, one)
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("refundable", "bill_already_paid", 5000)]


async def test_late_money_settles_an_expired_bill_for_the_fee_is_still_owed(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill(expires_at=(clock.now() + timedelta(minutes=5)).isoformat())
    short = await system.create_bill(expires_at=bill["expires_at"])
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert await expire_bills(system.parts.payments) >= 2
        assert (await system.read(bill))["status"] == "expired"
        async with looking(system) as seen:
            await credit(system, 5000, bill["reference"])
            await credit(system, 4000, short["reference"])
        assert seen[0].allocated == [5000]
        assert seen[0].waiting == [("suspense", "short", 4000)]
        await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["receipts"])) == ("paid", 1)
    assert (await system.read(short))["status"] == "expired"


async def test_money_for_a_cancelled_bill_waits_for_a_person(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    await system.client.post(f"/api/v1/bills/{bill['id']}/cancel")
    async with looking(system) as seen:
        await credit(system, 5000, bill["reference"])
    ledger = {"receivable": 5000, "suspense": -5000}
    assert seen == [Kept([(5000, True)], [], [("suspense", "bill_cancelled", 5000)], ledger)]
    assert (await system.read(bill))["status"] == "cancelled"


async def test_money_for_an_exempt_bill_is_due_back(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill(lines=[{"fee": "khai-sinh-dung-han", "quantity": 1}])
    async with looking(system) as seen:
        await credit(system, 5000, bill["reference"])
    ledger = {"receivable": 5000, "refundable": -5000}
    assert seen == [Kept([(5000, True)], [], [("refundable", "nothing_owed", 5000)], ledger)]
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("exempt", [])


async def test_money_that_names_nothing_we_know_is_kept_in_suspense(shared_system: System) -> None:
    system = shared_system
    first, second = await system.create_bill(), await system.create_bill()
    wrong = first["reference"][:-1] + ("A" if first["reference"][-1] != "A" else "B")
    stories = {
        "": "no_reference",
        "chuyen tien mua xe": "no_reference",
        first["reference"][:-1]: "no_reference",
        wrong: "no_reference",
        new_reference(): "unknown_reference",
        f"{first['reference']} {second['reference']}": "several_references",
    }
    for narrative, reason in stories.items():
        async with looking(system) as seen:
            await credit(system, 5000, narrative)
        ledger = {"receivable": 5000, "suspense": -5000}
        assert seen == [Kept([(5000, False)], [], [("suspense", reason, 5000)], ledger)], narrative
    for bill in (first, second):
        assert (await system.read(bill))["status"] == "open"


async def test_a_known_reference_beside_an_unknown_one_is_the_known_one(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    await credit(system, 5000, f"{new_reference()} {bill['reference']}")
    assert (await system.read(bill))["status"] == "paid"


async def test_money_for_another_agencys_bill_stays_on_our_account_in_suspense(
    shared_system: System,
) -> None:
    system = shared_system
    async with neighbour_of(system) as neighbour:
        sent = {"agency": neighbour.code, "lines": [{"fee": "2.000815", "quantity": 3}]}
        headers = {"Idempotency-Key": new_id("k")}
        answer = await neighbour.client.post("/api/v1/bills", json=sent, headers=headers)
        bill = answer.json()
        assert (answer.status_code, bill["qr"]) == (201, None)  # it has no account to be paid to
        async with looking(system) as seen:
            await credit(system, 5000, bill["reference"])
        ledger = {"receivable": 5000, "suspense": -5000}
        assert seen == [Kept([(5000, False)], [], [("suspense", "other_agency", 5000)], ledger)]
        found = (await neighbour.client.get(f"/api/v1/bills/{bill['id']}")).json()
        assert (found["status"], found["payments"]) == ("open", [])


async def static(system: System, fee: str) -> str:
    async with system.parts.database.transaction() as session:
        return await static_reference(session, system.body.agency_id, fee)


async def paid_bills(system: System) -> dict[str, dict[str, Any]]:
    answer = await system.client.get("/api/v1/bills", params={"status": "paid", "limit": 100})
    assert answer.json()["next_cursor"] is None
    return {bill["id"]: bill for bill in answer.json()["items"]}


async def test_exact_money_on_a_standing_reference_opens_and_settles_a_bill_at_once(
    shared_system: System,
) -> None:
    system = shared_system
    reference = await static(system, "chung-thuc-chu-ky")
    before, known = await count(system.parts.database, "bill"), await paid_bills(system)
    body = notice_of(system, 10_000, f"Nguyen Van A {reference} chung thuc chu ky")
    async with looking(system) as seen:
        await asyncio.gather(*(notify(system, body) for _ in range(5)))
    assert seen[0] == Kept(
        [(10_000, True)], [10_000], [], {"receivable": 10_000, "revenue": -10_000}
    )
    assert await count(system.parts.database, "bill") == before + 1
    await system.work()
    # By what is new, not by what is newest: another test here lives at the end of the year.
    found = await paid_bills(system)
    (bill,) = (found[id] for id in found.keys() - known.keys())
    assert (bill["amount"], bill["lines"][0]["fee"]) == (10_000, "chung-thuc-chu-ky")
    assert bill["reference"] != reference
    assert len(bill["receipts"]) == 1
    async with system.parts.database.transaction() as session:
        moments = text(
            "SELECT count(DISTINCT transaction) FROM audit_entry"
            " WHERE object_id IN (:bill, :payment) AND action <> 'receipt.issued'"
        )
        values = {"bill": bill["id"], "payment": bill["payments"][0]["id"]}
        assert await session.scalar(moments, values) == 1
    # The poster is used again by the next citizen: another bill, another number.
    await credit(system, 10_000, reference)
    assert await count(system.parts.database, "bill") == before + 2


@pytest.mark.parametrize("amount", [9_999, 10_001, 20_000, 1])
async def test_another_amount_on_a_standing_reference_waits_for_a_person(
    shared_system: System, amount: int
) -> None:
    system = shared_system
    reference = await static(system, "chung-thuc-chu-ky")
    before = await count(system.parts.database, "bill")
    async with looking(system) as seen:
        await credit(system, amount, reference)
    ledger = {"receivable": amount, "suspense": -amount}
    waiting = [("suspense", "static_amount", amount)]
    assert seen == [Kept([(amount, False)], [], waiting, ledger)]
    assert await count(system.parts.database, "bill") == before


async def test_a_standing_reference_costs_what_its_fee_costs_on_the_day_of_the_money(
    shared_system: System,
) -> None:
    system = shared_system
    reference = await static(system, "can-cuoc-cap-doi")
    with clock.frozen(datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)) as now:
        old = notice_of(system, 25_000, reference)
        now.advance(timedelta(seconds=2))
        async with looking(system) as seen:
            # Told of after midnight, but credited before it: the old fee.
            await notify(system, old)
            await credit(system, 25_000, reference)
            await credit(system, 50_000, reference)
        assert seen[0].allocated == [25_000, 50_000]
        assert seen[0].waiting == [("suspense", "static_amount", 25_000)]
        await system.work()
    with clock.frozen(datetime(2020, 1, 1, tzinfo=UTC)):
        async with looking(system) as seen:
            await credit(system, 25_000, reference)
        assert seen[0].waiting == [("suspense", "fee_not_in_force", 25_000)]


async def test_a_notice_told_twice_is_one_credit_and_another_amount_waits_in_suspense(
    shared_system: System,
) -> None:
    system, bank_ref = shared_system, new_id("ft")[-16:]
    bill = await system.create_bill()
    told = notice_of(system, 5000, bill["reference"], bank_ref=bank_ref, feed_id=77_001)
    assert (await notify(system, told)).status_code == 200
    after = await contents(system.parts.database)
    for _ in range(3):
        assert (await notify(system, told)).json() == {"success": True}
    assert await contents(system.parts.database) == after
    async with looking(system) as seen:
        other = notice_of(system, 9000, bill["reference"], bank_ref=bank_ref, feed_id=77_002)
        assert (await notify(system, other)).json() == {"success": True}
    ledger = {"receivable": 9000, "suspense": -9000}
    assert seen == [Kept([(9000, True)], [], [("suspense", "conflicting_notice", 9000)], ledger)]
    first, second = (await system.read(bill))["payments"]
    assert (first["amount"], second["amount"]) == (5000, 9000)
    conflict = "action = 'payment.conflicting_notice' AND object_id = :id"
    assert await count(system.parts.database, "audit_entry", conflict, id=first["id"]) == 1


@pytest.mark.parametrize(
    ("second", "year", "day"),
    [
        (datetime(2026, 12, 31, 16, 59, 59, 900_000, tzinfo=UTC), 2026, "2026-12-31"),
        (datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC), 2027, "2027-01-01"),
    ],
)
async def test_a_day_and_a_year_begin_at_midnight_in_vietnam(
    shared_system: System, second: datetime, year: int, day: str
) -> None:
    system = shared_system
    with clock.frozen(second):
        bill = await system.create_bill()
        await credit(system, 5000, bill["reference"])
        await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    assert receipt["symbol"].startswith(str(year)[2:])
    where = "bill_id = :b AND accounting_on = CAST(:day AS date)"
    assert await count(system.parts.database, "payment", where, b=bill["id"], day=day) == 1
    where = "bill_id = :b AND issued_on = CAST(:day AS date)"
    assert await count(system.parts.database, "receipt", where, b=bill["id"], day=day) == 1
    assert await system.broken() == []
