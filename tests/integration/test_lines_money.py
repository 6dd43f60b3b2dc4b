"""Money of a statement's line: when it is taken by itself, to whom it is given, and what it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col, select

from core import clock
from core.clock import business_date
from core.ids import new_id
from core.references import new_reference
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue, find_collection_account
from payments.bills.locks import LockedBill, lock_bills
from payments.bills.models import Bill, Payment, Reference, SuspenseItem
from payments.books.allocation import Reason
from payments.books.identity import STATEMENT
from payments.books.models import CreditNotice
from payments.books.recording import Recording
from payments.books.transit import MoreThanInTransit
from payments.incoming import line_money
from payments.incoming.commands import may_be_taken, take_statement_credit
from payments.incoming.line_money import (
    MissedAttempt,
    MoneyNotWaiting,
    NoMissedAttempt,
    enter_line,
    find_missed_attempt,
    find_payment_of_line,
    give_waiting,
    lock_givable,
    settle_missed,
    sum_waiting,
)
from payments.ports import CallbackResult, Credit
from tests.integration.test_money_rooms import account_of, add_account
from tests.support.neighbour import neighbour_of
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 30, 3, tzinfo=UTC)
#: What a payment has whose money came.
MONEY = {"credited": 5_000, "accounting_on": business_date(AT), "settlement_key": "planted"}


@dataclass(frozen=True, slots=True)
class Place:
    """A body's account, two of its bills, and an attempt to pay the first."""

    system: System
    account: CollectionAccountValue
    one: dict[str, Any]
    two: dict[str, Any]
    attempt: str

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[WriteSession]:
        """A session whose work is taken back at the end."""
        async with self.system.parts.database.transaction() as session, session.rehearsal():
            yield session

    def how(self) -> dict[str, Any]:
        return {"actor": "user:một", "cipher": self.system.parts.cipher}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(shared_system: System) -> Place:
    system = shared_system
    one, two = await system.create_bill(), await system.create_bill()
    attempt = await system.start(one)
    return Place(system, await account_of(system), one, two, attempt["id"])


def line(words: str, amount: int = 5_000, bank_ref: str | None = None) -> Credit:
    ref = f"FT{new_id('m')[-12:]}" if bank_ref is None else bank_ref
    return Credit(new_id("line"), ref, "", amount, words, clock.now())


async def stand(session: WriteSession, place: Place, attempt: str, *bills: str) -> None:
    """Put the attempt and the bills into these states."""
    put = update(Payment).where(col(Payment.id) == place.attempt)
    money = MONEY if attempt == "held" else {}
    await session.write(put.values(status=attempt, **money))
    for bill, status in zip((place.one, place.two), bills, strict=False):
        mine = update(Bill).where(col(Bill.id) == bill["id"])
        paid_at = clock.now() if status == "paid" else None
        await session.write(mine.values(status=status, paid_at=paid_at))


async def taken(session: WriteSession, place: Place, credit: Credit) -> bool:
    return await take_statement_credit(session, place.account, credit, **place.how())


@pytest.mark.parametrize(
    ("words", "bank_ref", "may"),
    [
        ("nop {}", "FT26331000000001", True),
        ("nop {} {}", "FT26331000000001", True),
        ("nop phi", "FT26331000000001", False),
        ("nop {}", "", False),
        ("nop phi", "", False),
    ],
)
async def test_a_line_says_by_itself_what_it_pays(words: str, bank_ref: str, may: bool) -> None:
    named = words.format(new_reference(), new_reference())
    assert may_be_taken(line(named, bank_ref=bank_ref)) is may


@pytest.mark.parametrize(
    ("attempt", "first", "second", "takes"),
    [
        # Money of a bill with an attempt under way may be the gateway's; another bill's is not.
        ("submitted", "open", "open", (False, True, False)),
        ("created", "open", "open", (False, True, False)),
        ("unknown", "open", "open", (False, True, False)),
        ("held", "open", "open", (False, True, False)),
        ("failed", "open", "open", (True, True, True)),
        ("failed", "expired", "open", (True, True, True)),
        ("failed", "paid", "open", (False, True, False)),
        ("failed", "open", "cancelled", (True, False, False)),
    ],
)
async def test_a_line_is_taken_for_what_is_unpaid_and_nothing_under_way(
    place: Place, attempt: str, first: str, second: str, takes: tuple[bool, ...]
) -> None:
    one, two = place.one["reference"], place.two["reference"]
    async with place.rehearsal() as session:
        await stand(session, place, attempt, first, second)
        for words, amount, does in zip(
            (one, two, f"{one} {two}"), (5_000, 5_000, 10_000), takes, strict=True
        ):
            async with session.rehearsal():
                assert await taken(session, place, line(words, amount)) is does, words


async def test_of_one_reference_any_amount_is_taken_and_of_several_the_exact_sum(
    place: Place,
) -> None:
    one, two = place.one["reference"], place.two["reference"]
    async with place.rehearsal() as session:
        await stand(session, place, "failed", "open", "open")
        for words, amount, does in (
            (one, 4_000, True),
            (one, 6_000, True),
            (f"{one} {two}", 9_999, False),
            (f"{one} {two}", 10_000, True),
            (new_reference(), 5_000, False),
            (f"{one} {new_reference()}", 5_000, False),
        ):
            async with session.rehearsal():
                assert await taken(session, place, line(words, amount)) is does, (words, amount)
        # Words that say nothing are left to people, however clear the rest is.
        assert not await taken(session, place, line(one, bank_ref=""))
        assert not await taken(session, place, line("nop phi"))


async def test_a_posters_money_is_taken_and_what_was_taken_is_known(place: Place) -> None:
    reference = new_reference()
    async with place.rehearsal() as session:
        session.add(
            Reference(
                reference=reference, kind="procedure", agency_id=place.account.agency_id,
                fee_code="2.000815", created_at=clock.now(),
            )
        )  # fmt: skip
        await session.flush()
        credit = line(f"NOP {reference}")
        assert await taken(session, place, credit)
        assert not await taken(session, place, credit), "told once more it is nothing new"
        (notice,) = await session.all(
            select(CreditNotice).where(CreditNotice.notice_ref == credit.feed_ref)
        )
        assert (notice.source, notice.amount, notice.reference) == (STATEMENT, 5_000, reference)


async def enter(session: WriteSession, place: Place, credit: Credit) -> str:
    return await enter_line(session, place.account, credit, **place.how())


async def test_the_payment_of_a_line_is_that_which_a_statement_told_of_it(place: Place) -> None:
    first, other = line("khong ro"), line("khong ro", 6_000)
    async with place.rehearsal() as session:
        payments = [await enter(session, place, one) for one in (first, other)]
        assert await enter(session, place, first) == payments[0], "known, and not entered twice"

        async def found() -> list[str | None]:
            lines = (first.feed_ref, other.feed_ref, "line_nobody")
            return [await find_payment_of_line(session, name) for name in lines]

        assert await found() == [*payments, None]
        mine = update(CreditNotice).where(col(CreditNotice.notice_ref) == first.feed_ref)
        async with session.rehearsal():
            await session.write(mine.values(withdrawn_at=clock.now()))
            assert await found() == [None, payments[1], None]
        # A feed's notice of that number is another.
        await session.write(mine.values(source="gacct_1"))
        assert await found() == [None, payments[1], None]


async def test_what_a_credit_was_recorded_as_is_a_payment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object, **__: object) -> Any:
        return Recording(CallbackResult.ACCEPTED)

    monkeypatch.setattr(line_money, "record_credit", nothing)
    async with place.rehearsal() as session:
        with pytest.raises(ValueError, match="no payment"):
            await enter(session, place, line("khong ro"))


async def plant(
    session: WriteSession, payment_id: str, amount: int, *, first: int | None = None, **more: Any
) -> str:
    """One more item of a payment's; `first` is what is left of those that there are."""
    if first is not None:
        mine = update(SuspenseItem).where(col(SuspenseItem.payment_id) == payment_id)
        await session.write(mine.values(amount=first))
    item: dict[str, Any] = {
        "place": "suspense",
        "reason": Reason.NO_REFERENCE,
        "created_at": clock.now(),
    }
    name = new_id("susp")
    session.add(SuspenseItem(id=name, payment_id=payment_id, amount=amount, **(item | more)))
    await session.flush()
    return name


async def locked(session: WriteSession, *bills: dict[str, Any]) -> list[LockedBill]:
    return await lock_bills(session, [bill["id"] for bill in bills])


async def test_what_waits_is_all_that_is_open_and_what_was_placed_cannot_be_given(
    place: Place,
) -> None:
    async with place.rehearsal() as session:
        payment = await enter(session, place, line("khong ro", 7_000))
        await plant(session, payment, 300, place="refundable", reason=Reason.EXCESS)
        await plant(session, payment, 90, closed_at=clock.now())
        assert await sum_waiting(session, payment) == 7_300
        bills = await locked(session, place.one)
        items = await lock_givable(session, payment, bills)
        assert [item.amount for item in items] == [7_000, 300]
        everything = update(SuspenseItem).where(col(SuspenseItem.payment_id) == payment)
        await session.write(everything.values(closed_at=clock.now()))
        assert await sum_waiting(session, payment) == 0
        for refused in (
            lock_givable(session, payment, bills),
            give_waiting(session, payment, bills, actor="user:một"),
        ):
            with pytest.raises(MoneyNotWaiting) as raised:
                await refused
            assert raised.value.detail == "Tiền này đã có chỗ trong sổ, không còn chờ."


async def test_what_waits_for_the_rest_of_a_bill_is_not_given_to_it_twice(place: Place) -> None:
    short = {"bill_id": place.one["id"], "reason": Reason.SHORT}
    excess = {"bill_id": place.one["id"], "reason": Reason.EXCESS, "place": "refundable"}
    async with place.rehearsal() as session:
        payment = await enter(session, place, line("khong ro", 7_000))
        one, two = [await locked(session, bill) for bill in (place.one, place.two)]
        await plant(session, payment, 200, **excess)
        assert len(await lock_givable(session, payment, one)) == 2
        await plant(session, payment, 100, **short)
        assert len(await lock_givable(session, payment, two)) == 3
        for bills in (one, await locked(session, place.one, place.two)):
            with pytest.raises(MoneyNotWaiting) as raised:
                await lock_givable(session, payment, bills)
            assert "đang chờ đủ cho chính khoản phải nộp đó" in raised.value.detail


async def test_each_part_sees_what_those_before_have_left_to_be_paid(place: Place) -> None:
    one, two = place.one, place.two
    async with place.rehearsal() as session:
        await stand(session, place, "failed", "open", "open")
        async with session.rehearsal():
            payment = await enter(session, place, line("khong ro", 7_000))
            bills = await locked(session, one)
            assert await give_waiting(session, payment, bills, actor="user:một") == {
                "allocated": 5_000,
                "suspense": 0,
                "refundable": 2_000,
                "bill": one["reference"],
                "payment": payment,
            }
        async with session.rehearsal():
            payment = await enter(session, place, line("khong ro", 7_000))
            await plant(session, payment, 600, first=6_400)
            bills = await locked(session, one)
            assert await give_waiting(session, payment, bills, actor="user:một") == {
                "allocated": 5_000,
                "suspense": 0,
                "refundable": 1_400 + 600,
                "bill": one["reference"],
                "payment": payment,
            }
        async with session.rehearsal():
            payment = await enter(session, place, line("khong ro", 12_000))
            await plant(session, payment, 4_000, first=8_000)
            bills = await locked(session, one, two)
            references = [bill.reference for bill in bills]
            assert sorted(references) == sorted([one["reference"], two["reference"]])
            assert await give_waiting(session, payment, bills, actor="user:một") == {
                "bills": references,
                "payment": payment,
                "refundable": 2_000,
                # 3,000 waited for the rest of the second bill until the other part made it up.
                "allocated": 5_000 + 3_000 + 2_000,
                "suspense": 0,
            }
            states = await session.all(
                select(Bill.status).where(col(Bill.id).in_([one["id"], two["id"]])).distinct()
            )
            assert states == ["paid"]
        async with session.rehearsal():
            # The control: what waits at the end is told as that, beside another payment's.
            other = await enter(session, place, line("khac", 1_500))
            await give_waiting(session, other, await locked(session, two), actor="user:một")
            payment = await enter(session, place, line("khong ro", 7_000))
            await plant(session, payment, 600, first=6_400)
            bills = await locked(session, one, two)
            told = await give_waiting(session, payment, bills, actor="user:một")
            assert (told["allocated"], told["suspense"], told["refundable"]) == (5_000, 2_000, 0)
            assert await sum_waiting(session, payment) == 2_000
        async with session.rehearsal():
            # What waited before of another payment is no part of what this one became.
            other = await enter(session, place, line("khac", 1_500))
            await give_waiting(session, other, await locked(session, one), actor="user:một")
            payment = await enter(session, place, line("khong ro", 4_000))
            await plant(session, payment, 3_000, first=1_000)
            bills = await locked(session, one)
            told = await give_waiting(session, payment, bills, actor="user:một")
            assert (told["allocated"], told["suspense"], told["refundable"]) == (3_500, 0, 500)
            assert await sum_waiting(session, other) == 0


async def copied(session: WriteSession, place: Place, **changes: Any) -> str:
    """An attempt like the place's own, made later."""
    was = await session.get_one(Payment, place.attempt)
    name = new_id("pay")
    told = was.model_dump() | {"id": name, "order_ref": f"{name}-01", "settlement_key": None}
    session.add(Payment(**(told | {"created_at": AT} | changes)))
    await session.flush()
    return name


async def test_of_all_attempts_the_newest_is_missed_whose_money_may_be_this(place: Place) -> None:
    references = [new_reference(), place.one["reference"]]
    async with (
        neighbour_of(place.system, unit=True) as unit,
        place.rehearsal() as session,
    ):
        code = await add_account(session, unit.agency_id)
        below = await find_collection_account(session, code)
        assert below is not None

        async def found(*named: str, amount: int = 5_000, account: str = "") -> Any:
            where = account or place.account.id
            return await find_missed_attempt(session, where, [*named], amount)

        was = await session.get_one(Payment, place.attempt)
        assert await found(*references) == MissedAttempt(
            *(was.id, place.one["id"], was.gateway_account_id or "", was.order_ref or ""),
            *("submitted", 5_000, was.created_at),
        )
        newest = await copied(session, place, status="failed")
        for odd in (
            {"bill_id": place.two["id"]},
            {"collection_account_id": below.id},
            {"amount": 5_001},
            {"gateway_account_id": None},
            {"kind": "credit", "order_ref": None},
            MONEY | {"status": "succeeded"},
        ):
            await copied(session, place, **odd)
        missed = await found(*references)
        assert (missed.id, missed.order_ref) == (newest, f"{newest}-01")
        assert (missed.status, missed.created_at) == ("failed", AT)
        assert (await found(place.two["reference"])).bill_id == place.two["id"]
        assert (await found(*references, amount=5_001)).amount == 5_001
        assert (await found(*references, account=below.id)).bill_id == place.one["id"]
        assert await found(new_reference()) is None
        assert await found(*references, amount=4_999) is None


async def missed(session: WriteSession, place: Place) -> MissedAttempt:
    found = await find_missed_attempt(session, place.account.id, [place.one["reference"]], 5_000)
    assert found is not None
    return found


@pytest.mark.parametrize("bank_ref", ["FT26331000000001", ""])
async def test_an_attempt_is_settled_as_its_gateway_would_have_told(
    place: Place, bank_ref: str
) -> None:
    credit = line(place.one["reference"], bank_ref=bank_ref)
    async with place.rehearsal() as session:
        attempt = await missed(session, place)
        done = await settle_missed(session, place.account, attempt, credit, **place.how())
        assert done == {"payment": place.attempt, "result": "accepted", "cleared": 5_000}
        paid = await session.get_one(Payment, place.attempt)
        await session.refresh(paid)
        assert (paid.status, paid.credited) == ("succeeded", 5_000)
        assert paid.gateway_ref == (bank_ref or credit.feed_ref)
        assert paid.paid_at == credit.credited_at
        # The line's own money is the gateway's, and is where it was on its way to.
        came = await find_payment_of_line(session, credit.feed_ref)
        assert came not in (None, place.attempt)
        assert await sum_waiting(session, came or "") == 0


async def test_an_attempt_whose_account_is_gone_or_whose_money_is_nowhere_is_not_settled(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    credit = line(place.one["reference"])
    async with place.rehearsal() as session:
        attempt = await missed(session, place)
        gone = MissedAttempt(
            *(attempt.id, attempt.bill_id, "gacct_nobody", attempt.order_ref),
            *(attempt.status, attempt.amount, attempt.created_at),
        )
        with pytest.raises(NoMissedAttempt) as raised:
            await settle_missed(session, place.account, gone, credit, **place.how())
        assert raised.value.detail == "Tài khoản tại cổng của lần thanh toán này không còn."

        async def refuses(*_: object) -> None:
            raise MoreThanInTransit("nothing is on its way")

        monkeypatch.setattr(line_money, "check_in_transit", refuses)
        with pytest.raises(MoreThanInTransit):
            await settle_missed(session, place.account, attempt, credit, **place.how())
