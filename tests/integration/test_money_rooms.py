"""Faults that a person put into the money rooms and that no test saw: each has its test here."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from adapters.sandbox.engine.store import Order
from app.seed.agency import configure_gateway
from core import clock
from core.audit import AuditEntry
from core.clock import VIETNAM
from core.ids import new_id
from core.outbox import OutboxEvent
from core.sessions import WriteSession
from payments.agencies.models import CollectionAccount
from payments.agencies.queries import CollectionAccountValue, find_collection_account
from payments.agencies.tree import reaches
from payments.attempts.results import record_result
from payments.bills.models import Payment
from payments.books.allocation import Reason
from payments.books.credits import record_credit
from payments.books.models import LedgerTransaction
from payments.books.queries import list_day_payments, sum_day_payments
from payments.books.recording import Recording
from payments.ports import CallbackResult, Credit, GatewayResult, Outcome
from reconciliation.days.commands import reconcile
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.gateway_setups import MERCHANT
from tests.support.neighbour import Neighbour, neighbour_of
from tests.support.staff import finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Money of three days ago, told of today: as a feed that was away tells it.
LATE = timedelta(days=3)


async def account_of(system: System, code: str = "") -> CollectionAccountValue:
    async with system.parts.database.reading() as session:
        account = await find_collection_account(session, code or system.body.collection_code)
    assert account is not None
    return account


async def record(
    system: System,
    narrative: str,
    *,
    account: CollectionAccountValue | None = None,
    at: datetime | None = None,
) -> Recording:
    """A feed's notice of 5,000 đ, straight into the books."""
    told = Credit(
        feed_ref=new_id("n"),
        bank_ref=f"FT{new_id('m')[-12:]}",
        account_number="",
        amount=5000,
        narrative=narrative,
        credited_at=at or clock.now(),
    )
    on = account or await account_of(system)
    async with system.parts.database.transaction() as session:
        return await record_credit(
            session, on, told, source="feed", actor="test", cipher=system.parts.cipher
        )


async def days_of(system: System, payment_id: str | None) -> set[date | None]:
    """The accounting days of a payment and of everything posted for it."""
    async with system.parts.database.reading() as session:
        own = await session.all(select(col(Payment.accounting_on)).where(Payment.id == payment_id))
        posted = await session.all(
            select(col(LedgerTransaction.accounting_on)).where(
                LedgerTransaction.payment_id == payment_id
            )
        )
    return {*own, *posted}


async def test_money_told_of_late_belongs_to_the_day_it_came(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    at = clock.now() - LATE
    recording = await record(system, bill["reference"], at=at)
    assert (await system.read(bill))["status"] == "paid"
    assert await days_of(system, recording.payment_id) == {clock.business_date(at)}


async def test_a_charge_told_of_late_belongs_to_the_day_it_was_made(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    at = clock.now() - LATE
    said = f"{at.astimezone(VIETNAM):%Y%m%d%H%M%S}"
    await call(system, result_of(system, order_of(system, payment), payDate=said))
    assert (await system.read(bill))["status"] == "paid"
    assert await days_of(system, payment["id"]) == {clock.business_date(at)}


@dataclass(frozen=True, slots=True)
class Below:
    """A unit below the system's body, with an account of its own."""

    unit: Neighbour
    account: CollectionAccountValue


async def add_account(session: WriteSession, agency_id: str) -> str:
    code = f"tk-{new_id('x')[-12:]}"
    session.add(
        CollectionAccount(
            id=new_id("acct"),
            agency_id=agency_id,
            code=code,
            bank_bin="999999",
            account_number=code,
            account_name="TO MOT",
            created_at=clock.now(),
        )
    )
    await session.flush()
    return code


async def with_account(system: System, unit: Neighbour) -> Below:
    async with system.parts.database.transaction() as session:
        code = await add_account(session, unit.agency_id)
    return Below(unit, await account_of(system, code))


async def test_a_units_account_settles_no_bill_of_the_body_above_it(
    shared_system: System,
) -> None:
    system = shared_system
    async with neighbour_of(system, unit=True) as unit:
        below = await with_account(system, unit)
        bill = await system.create_bill()
        recording = await record(system, bill["reference"], account=below.account)
        assert recording.distribution is not None
        assert recording.distribution.reason == Reason.OTHER_AGENCY
        assert recording.distribution.suspense == 5000
        assert (await system.read(bill))["status"] == "open"
    # The other way it does: a unit's bills are paid to the body's account.
    async with neighbour_of(system, unit=True) as unit:
        system.parts.keyring.forget()
        own = await system.create_bill(agency=unit.code)
        await record(system, own["reference"])
        assert (await system.read(own))["status"] == "paid"


async def test_nobody_gives_a_units_money_to_a_bill_of_the_body_above_it(
    shared_system: System,
) -> None:
    system = shared_system
    async with neighbour_of(system, unit=True) as unit:
        below = await with_account(system, unit)
        bill = await system.create_bill()
        recording = await record(system, "khong co ma", account=below.account)
        office = await finance_office(system)
        (item,) = [one for one in await office.suspense() if one["payment"] == recording.payment_id]
        wanted = {"kind": "assign", "reason": "thử", "bill": bill["reference"]}
        answer = await office.post(f"/suspense/{item['id']}/resolutions", wanted)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "bill"


async def test_who_reaches_whom_is_not_who_is_reached(shared_system: System) -> None:
    system = shared_system
    async with neighbour_of(system, unit=True) as unit, system.parts.database.reading() as session:
        assert await reaches(session, system.body.agency_id, unit.agency_id)
        assert not await reaches(session, unit.agency_id, system.body.agency_id)


async def test_a_genuine_result_of_another_account_naming_our_order_pays_nothing(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    order = order_of(system, await system.start(bill))
    async with neighbour_of(system) as other:
        account = f"b-{new_id('x')[-8:]}"
        async with system.parts.database.transaction() as session:
            code = await add_account(session, other.agency_id)
            collection = await find_collection_account(session, code)
            assert collection is not None
            await configure_gateway(
                session,
                system.parts.cipher,
                agency_id=other.agency_id,
                collection_account_id=collection.id,
                gateway="paygov",
                account=account,
                base_url=system.sandbox_url,
                credentials=MERCHANT | {"secret_key": "another"},
            )
        theirs = await system.parts.payments.agencies.get_gateway("paygov", account)
        told = GatewayResult(
            order_ref=order.order_id,
            outcome=Outcome.SUCCEEDED,
            gateway_ref=new_id("t")[-20:],
            amount=order.amount,
            paid_at=clock.now(),
            request_code=str(order.details["request_code"]),
        )
        async with system.parts.database.transaction() as session:
            recording = await record_result(
                session, theirs, told, actor="test", cipher=system.parts.cipher
            )
    assert recording == Recording(CallbackResult.MISMATCH, misdirected=True)
    assert (await system.read(bill))["status"] == "open"


async def test_every_receipt_has_its_audit_row_and_is_told(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"])
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    async with system.parts.database.reading() as session:
        entries = await session.all(
            select(AuditEntry).where(
                AuditEntry.object_id == receipt["id"], col(AuditEntry.action) == "receipt.issued"
            )
        )
        told = await session.all(
            select(OutboxEvent.payload).where(
                OutboxEvent.name == "receipt.issued",
                col(OutboxEvent.payload)["receipt_id"].astext == receipt["id"],
            )
        )
    (entry,) = entries
    assert entry.details["number"] == receipt["number"]
    assert entry.details["bill"] == bill["id"]
    assert told == [
        {
            "receipt_id": receipt["id"],
            "bill_id": bill["id"],
            "agency_id": system.body.agency_id,
            "amount": 5000,
        }
    ]


@pytest.mark.parametrize("cut_off", [time(8), time(23)])
async def test_a_day_is_matched_by_the_accounts_own_cut_off(
    shared_system: System, cut_off: time
) -> None:
    """What is late by it, `test_reconciliation_day` says."""
    system = shared_system
    asked: list[object] = []

    async def here(work: Any, *arguments: Any) -> Any:
        asked.append(arguments[3])
        return work(*arguments)

    reconciling = replace(system.parts.reconciling, elsewhere=here)
    account = replace(await account_of(system), cut_off=cut_off)
    await reconcile(reconciling, account, clock.business_date(clock.now()), actor="test")
    assert asked
    assert set(asked) == {cut_off}


@pytest.mark.asyncio(loop_scope="function")
async def test_the_sum_of_a_day_is_that_of_its_payments_whatever_was_reversed(
    system: System,
) -> None:
    account, today = await account_of(system), clock.business_date(clock.now())
    office = await finance_office(system)
    for _ in range(3):
        await record(system, "tien khong ro")
    for item in (await office.suspense())[:2]:
        await office.approve(await office.propose(item["id"], "returned"))
    async with system.parts.database.reading() as session:
        listed = await list_day_payments(session, account.id, today, today)
        summed = await sum_day_payments(session, account.id, today, today)
    assert (len(listed), sum(one.amount for one in listed)) == (1, 5000)
    assert (summed.count, summed.credited) == (1, 5000)


async def attempted(system: System) -> tuple[dict[str, Any], dict[str, Any], Order]:
    """A bill, its attempt, and that at the gateway."""
    bill = await system.create_bill()
    payment = await system.start(bill)
    return bill, payment, order_of(system, payment)


async def record_told(system: System, told: GatewayResult) -> Recording:
    """What a gateway says under the system's own account, straight into the books."""
    ours = await system.parts.payments.agencies.get_gateway("paygov", "test")
    async with system.parts.database.transaction() as session:
        return await record_result(session, ours, told, actor="test", cipher=system.parts.cipher)


async def test_what_comes_of_a_charge_names_its_payment_its_bill_and_its_places(
    shared_system: System,
) -> None:
    bill, payment, order = await attempted(shared_system)
    told = GatewayResult(
        order.order_id, Outcome.SUCCEEDED, new_id("t")[-20:], order.amount, clock.now()
    )
    came = await record_told(shared_system, told)
    assert (came.payment_id, came.bill_id, came.new) == (payment["id"], bill["id"], True)
    assert came.distribution is not None
    assert came.distribution.allocated == order.amount


async def test_a_failure_told_of_another_request_is_noted_and_ends_nothing(
    shared_system: System,
) -> None:
    bill, payment, order = await attempted(shared_system)
    own = str(order.details["request_code"])

    async def told(request_code: str) -> Recording:
        said = GatewayResult(order.order_id, Outcome.FAILED, request_code=request_code)
        return await record_told(shared_system, said)

    recording = await told(f"{own}-khac")
    assert (recording.result, recording.payment_id, recording.bill_id) == (
        CallbackResult.MISMATCH,
        payment["id"],
        bill["id"],
    )
    (now,) = (await shared_system.read(bill))["payments"]
    assert now["status"] == "submitted"
    assert (await told(own)).result is CallbackResult.ACCEPTED
    (now,) = (await shared_system.read(bill))["payments"]
    assert now["status"] == "failed"
