"""What issuing writes, row by row: of the bills that it is asked for, and of no other."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from core import clock, failpoints
from core.audit import AuditEntry
from core.failpoints import FailpointReached
from core.outbox import OutboxEvent
from core.sessions import WriteSession
from payments.bills.models import Bill
from receipts.commands import ACTOR, _list_returned, issue, withdraw_receipts
from receipts.content import ReceiptContent, ReplacedReceipt
from receipts.models import PaymentDocument, Receipt, ReceiptFile, ReceiptSeries
from receipts.numbering import Counter
from receipts.xml import parse
from tests.support.callbacks import credit
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: A day after the signing key of a test was made.
AT = datetime(clock.now().year + 1, 3, 1, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

Bills = list[dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bills(shared_system: System) -> Bills:
    """Three bills that are paid and have no receipt yet, and one that is not paid."""
    made = [
        await shared_system.create_bill(lines=[{"fee": "2.000815", "quantity": n}])
        for n in (3, 4, 5, 6)
    ]
    for bill in made[:3]:
        await credit(shared_system, bill["amount"], bill["reference"])
    return made


@asynccontextmanager
async def rehearsal(system: System, at: datetime = AT) -> AsyncIterator[WriteSession]:
    """A session at a moment, whose work is taken back at the end."""
    with clock.frozen(at):
        async with system.parts.database.transaction() as session, session.rehearsal():
            yield session


async def issued(system: System, session: WriteSession, *bills: dict[str, Any]) -> list[Receipt]:
    """Issue for these bills; the receipts that there are, by number."""
    await issue(session, system.parts.issuing, [bill["id"] for bill in bills])
    session.expire_all()
    return await session.all(select(Receipt).order_by(col(Receipt.issued_at), col(Receipt.number)))


async def test_each_settled_bill_gets_the_next_number_and_all_that_belongs_to_it(
    shared_system: System, bills: Bills
) -> None:
    system, (first, second, third, unpaid) = shared_system, bills
    cipher = system.parts.cipher
    async with rehearsal(system) as session:
        receipts = await issued(system, session, third, unpaid, first)
        assert [(one.number, one.bill_id) for one in receipts] == [
            (1, third["id"]),
            (2, first["id"]),
        ]
        (series,) = await session.all(select(ReceiptSeries))
        assert (series.last_number, series.last_issued_at, series.year) == (2, AT, AT.year)
        events = await session.all(
            select(OutboxEvent)
            .where(OutboxEvent.name == "receipt.issued")
            .order_by(col(OutboxEvent.id))
        )
        for receipt, bill, event in zip(receipts, (third, first), events, strict=True):
            assert (receipt.status, receipt.series_id) == ("issued", series.id)
            assert (receipt.agency_id, receipt.amount) == (series.agency_id, bill["amount"])
            assert (receipt.issued_at, receipt.issued_on) == (AT, clock.business_date(AT))
            assert len(receipt.code) == 12
            said = cipher.decrypt(receipt.content, f"receipt:{receipt.id}")
            content = ReceiptContent.from_json(json.loads(said))
            assert (content.number, content.symbol) == (receipt.number, series.symbol)
            assert (content.check_code, content.reference) == (receipt.code, bill["reference"])
            assert content.paid_at == receipt.paid_at
            assert content.replaces is None
            (file,) = await session.all(
                select(ReceiptFile).where(ReceiptFile.receipt_id == receipt.id)
            )
            xml = cipher.decrypt(file.data, f"receipt:{receipt.id}:xml")
            assert (file.kind, file.sha256) == ("xml", sha256(xml).hexdigest())
            assert file.created_at == AT
            assert parse(xml) == content
            assert await audit_of(session, receipt.id) == [
                (
                    *("receipt.issued", ACTOR),
                    {"bill": bill["id"], "symbol": series.symbol, "number": receipt.number},
                )
            ]
            assert event.payload == {
                "receipt_id": receipt.id,
                "bill_id": bill["id"],
                "agency_id": series.agency_id,
                "amount": bill["amount"],
            }
        # Asked for again, those that have theirs are passed over, and numbers go on.
        again = await issued(system, session, first, second, third)
        assert [(one.number, one.bill_id) for one in again[2:]] == [(3, second["id"])]
        assert await session.all(select(ReceiptSeries.last_number)) == [3]
        assert await session.all(select(PaymentDocument)) == []


async def audit_of(session: WriteSession, name: str) -> list[tuple[str, str, Any]]:
    found = await session.all(
        select(AuditEntry).where(AuditEntry.object_id == name).order_by(col(AuditEntry.id))
    )
    return [(one.action, one.actor, one.details) for one in found]


async def test_money_that_was_taken_back_takes_its_own_receipt_away_and_the_next_replaces_it(
    shared_system: System, bills: Bills
) -> None:
    system, (first, second, third, _) = shared_system, bills
    async with rehearsal(system) as session:
        one, other, beside = await issued(system, session, first, second, third)

        async def states() -> list[tuple[int, str]]:
            found = await session.all(select(Receipt).order_by(col(Receipt.number)))
            return [(receipt.number, receipt.status) for receipt in found]

        back = [second["id"], first["id"]]
        assert await withdraw_receipts(session, back, actor="user:một") == [one.id, other.id]
        session.expire_all()
        assert await states() == [(1, "returned"), (2, "returned"), (3, "issued")]
        assert (await audit_of(session, other.id))[1:] == [("receipt.returned", "user:một", {})]
        assert await withdraw_receipts(session, back, actor="user:hai") == [], "they have fallen"
        assert len(await audit_of(session, beside.id)) == 1
        # Paid again, the first is issued anew, names what it replaces, and leaves the other alone.
        *_, second_one = await issued(system, session, first, third)
        assert await states() == [(1, "replaced"), (2, "returned"), (3, "issued"), (4, "issued")]
        assert (await audit_of(session, one.id))[2:] == [
            ("receipt.replaced", ACTOR, {"by": second_one.id})
        ]
        said = system.parts.cipher.decrypt(second_one.content, f"receipt:{second_one.id}")
        (series,) = await session.all(select(ReceiptSeries))
        assert ReceiptContent.from_json(json.loads(said)).replaces == ReplacedReceipt(
            series.template, series.symbol, 1, one.issued_on
        )
        # Taken back once more, it is the one that stood last that is replaced, not the first.
        await withdraw_receipts(session, [first["id"]], actor="user:một")
        taken_back = await _list_returned(session, [first["id"], second["id"], third["id"]])
        assert sorted(one.number for one in taken_back) == [2, 4]
        *_, third_one = await issued(system, session, first)
        assert (await states())[0] == (1, "replaced")
        assert (await states())[3:] == [(4, "replaced"), (5, "issued")]
        said = system.parts.cipher.decrypt(third_one.content, f"receipt:{third_one.id}")
        replaced = ReceiptContent.from_json(json.loads(said)).replaces
        assert replaced is not None
        assert replaced.number == 4


async def test_bills_are_locked_while_their_receipts_are_made(
    shared_system: System, bills: Bills
) -> None:
    """Whoever would reopen one meanwhile has to wait; one that is not asked for is free."""
    system, (first, second, *_) = shared_system, bills
    database = system.parts.database
    async with rehearsal(system) as session:
        await issued(system, session, first)
        locked = []
        for bill in (first, second):
            # What a row that names the bill locks of it, this one does not wait for.
            wanted = select(Bill.id).where(Bill.id == bill["id"])
            async with database.transaction() as other:
                try:
                    await other.all(wanted.with_for_update(nowait=True, key_share=True))
                    locked.append(False)
                except DBAPIError:
                    locked.append(True)
                    await other.rollback()
    assert locked == [True, False]


@pytest.mark.parametrize("point", ["receipt.after_number", "receipt.before_commit"])
async def test_who_is_stopped_half_way_has_taken_no_number(
    shared_system: System, bills: Bills, point: str
) -> None:
    failpoints.configure(f"{point}=raise")
    try:
        with pytest.raises(FailpointReached), clock.frozen(AT):
            async with shared_system.parts.database.transaction() as session:
                await issued(shared_system, session, bills[0])
    finally:
        failpoints.clear()
    async with shared_system.parts.database.reading() as session:
        assert await session.all(select(Receipt.number)) == []
        assert await session.all(select(ReceiptSeries.last_number)) == []


async def test_numbers_and_times_rise_together_whatever_a_clock_says(
    shared_system: System, bills: Bills
) -> None:
    first, second, *_ = bills
    async with rehearsal(shared_system) as session:
        await issued(shared_system, session, first)
        with clock.frozen(AT - MINUTE):
            receipts = await issued(shared_system, session, second)
    assert [(one.number, one.issued_at) for one in receipts] == [(1, AT), (2, AT)]
    counter = Counter("s", "a", "EBL01", "27TAA", 2027, 7, None)
    assert counter.take(AT) == (8, AT)
    assert counter.take(AT + MINUTE) == (9, AT + MINUTE)
    assert counter.take(AT) == (10, AT + MINUTE)
    assert replace(counter, last_issued_at=None).take(AT) == (11, AT)


async def test_who_is_stopped_behind_the_commit_has_committed(
    shared_system: System, bills: Bills
) -> None:
    issued_by: list[int] = []
    failpoints.configure("receipt.after_commit=raise")
    try:
        with pytest.raises(FailpointReached):
            async with rehearsal(shared_system) as session:
                issued_by += [one.number for one in await issued(shared_system, session, bills[0])]
    finally:
        failpoints.clear()
    assert issued_by == [1]


async def test_what_issuing_needs_shows_no_key(shared_system: System) -> None:
    assert "cipher" not in repr(shared_system.parts.issuing).lower()
