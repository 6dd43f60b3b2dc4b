"""What the books have of money that a statement told of, and what taking it back or letting it go
changes, row by row: beside each row stands another that differs in one thing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from app.seed.agency import DemoBody
from core import audit, clock
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.bills.locks import lock_bill
from payments.books import commands
from payments.books.allocation import Reason
from payments.books.commands import (
    NotReturned,
    ReleaseOutcome,
    ReturnedMoney,
    StatedMoney,
    list_stated_money,
    lock_notices_of,
    lock_returned_money,
    lock_stated_money,
    note_returned_money,
    release_stated_money,
    reverse_returned_money,
    share_notices_of,
    take_from_bills,
    withdraw_stated_money,
)
from payments.books.identity import notices_of
from payments.books.returned import RETURNED
from payments.books.suspense import LockedItem, lock_items_of
from tests.support.bare_money import (
    add_account,
    add_body,
    add_reference,
    give,
    put,
    take_back,
    tell,
)
from tests.support.bare_rows import add_bill, add_credit, add_paid_bill, insert
from tests.support.locks import names_held, rows_free
from tests.support.rows import audited

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 30, 3, tzinfo=UTC)
CIPHER = Cipher(b"c" * 32)
NOTHING = StatedMoney("", 0, 0, 0, 0, False, None, None, [], [], [], [])


@dataclass(frozen=True, slots=True)
class Books:
    """A body's money; `name` makes lines and references of this test's own."""

    session: WriteSession
    body: DemoBody
    name: str

    def line(self, name: str) -> str:
        return f"{self.name}-{name}"

    def lines(self, *names: str) -> list[str]:
        return [self.line(name) for name in names]

    async def bill(self, reference: str = "", **changes: Any) -> str:
        named = {"reference": f"{self.name}{reference}"} if reference else {}
        return await add_bill(self.session, self.body, **(named | changes))

    async def money(self, credited: int, *lines: str, **changes: Any) -> str:
        """A credit that these lines of a statement told of; its payment."""
        values = {"amount": credited, "credited": credited} | changes
        payment = await add_credit(self.session, self.body, **values)
        for line in lines:
            await tell(self.session, self.body, payment, self.line(line), amount=credited)
        return payment

    async def told_by(self, source: str, payment: str, ref: str, **changes: Any) -> None:
        await tell(self.session, self.body, payment, self.line(ref), source=source, **changes)

    async def returned(self, payment: str, line: str) -> None:
        """A run has found that the bank took it back by this debit."""
        told = {"line": self.line(line)}
        await audit.record(
            self.session, actor="test", action=RETURNED, object_id=payment, details=told
        )

    async def rows(self, query: str, ids: Iterable[str]) -> list[tuple[Any, ...]]:
        found = await self.session.execute(text(query), {"ids": list(ids)})
        return [tuple(row) for row in found]

    async def places(self, *payments: str) -> list[tuple[Any, ...]]:
        """What of these payments is in which place, for which bill, and why."""
        return await self.rows(
            "SELECT payment_id, place, reason, amount, bill_id FROM suspense_item"
            " WHERE payment_id = ANY(:ids) AND closed_at IS NULL ORDER BY payment_id, id",
            payments,
        )

    async def given(self, *bills: str) -> list[tuple[Any, ...]]:
        """The state of these bills, and what each has of every payment."""
        return await self.rows(
            "SELECT b.id, b.status, a.payment_id, sum(a.amount)::bigint FROM bill b"
            " LEFT JOIN allocation a ON a.bill_id = b.id WHERE b.id = ANY(:ids)"
            " GROUP BY b.id, a.payment_id ORDER BY b.id, a.payment_id",
            bills,
        )


async def books_in(session: WriteSession) -> Books:
    return Books(session, await add_body(session), new_id("t")[-12:].upper())


def in_order(money: Iterable[StatedMoney]) -> list[StatedMoney]:
    """The same with its lists in order, for they come in none."""
    lists = ("settled_bills", "settled_references", "waiting_bills", "named_bills")
    return [
        replace(one, **{name: sorted(getattr(one, name)) for name in lists})  # type: ignore[arg-type]
        for one in money
    ]


async def test_money_is_taken_back_that_nothing_holds() -> None:
    held = replace(NOTHING, settled_bills=["bill_1", "bill_2"], settled_references=["LP1", "LP2"])
    assert NOTHING.is_taken_back([])
    assert NOTHING.is_taken_back(["bill_1"])
    assert held.is_taken_back(["bill_3"])
    assert not held.is_taken_back(["bill_3", "bill_2"])
    assert not replace(NOTHING, shared=True).is_taken_back([])
    assert not replace(NOTHING, spent=1).is_taken_back([])
    assert NOTHING.bills == []
    assert replace(held, bill="LP3").bills == ["LP1", "LP2", "LP3"]


async def test_what_is_listed_of_money_that_lines_told_of(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        own, much, little, undone, named, waited, spent_for, ended = [
            await books.bill(f"B{n}") for n in range(8)
        ]
        settled = await books.money(
            5000, "1", bill_id=own, reference=f"{books.name}B0 {books.name}B4 LPNONE"
        )
        await give(session, settled, much, 4000)
        await give(session, settled, little, 1)
        await take_back(session, await give(session, settled, undone, 500))
        waits = await books.money(9000, "2", reference=f"{books.name}B4")
        await books.told_by("feed", waits, "2")
        for place, reason, amount, bill in (
            ("suspense", "statement_only", 4000, None),
            ("suspense", "several_references", 1000, waited),
            ("refundable", "excess", 500, None),
            ("in_transit", "settled_by_gateway", 300, spent_for),
            ("collector_cash", "collector_deposit", 100, None),
            ("reversed", "same_money", 50, None),
        ):
            await put(session, waits, place, reason, amount, bill_id=bill)
        await put(session, waits, "suspense", "statement_only", 7, bill_id=ended, closed_at=AT)
        twice = await books.money(100, "3", "4")
        await books.told_by("feed", twice, "3", withdrawn_at=AT)
        gone = await books.money(200, "5")
        await put(session, gone, "suspense", "statement_only", 200)
        await books.returned(gone, "debit")
        # What these lines do not tell of: of another line, of another source, or not any more.
        await books.money(300, "other")
        await books.told_by("feed", await books.money(400), "1")
        late = await books.money(500)
        await tell(session, books.body, late, books.line("1"), amount=1, withdrawn_at=AT)
        found = await list_stated_money(session, books.lines("1", "2", "3", "4", "5"))
        names = {n: f"{books.name}B{n}" for n in range(8)}
        assert in_order(found) == [
            StatedMoney(
                settled, 4001, 0, 0, 0, False, own, names[0],
                sorted([much, little]), [names[1], names[2]], [], sorted([own, named]),
            ),
            StatedMoney(
                waits, 0, 5500, 4000, 400, True, None, None,
                [], [], sorted([waited, spent_for]), [named],
            ),
            StatedMoney(twice, 0, 0, 0, 0, False, None, None, [], [], [], []),
            StatedMoney(gone, 0, 200, 0, 0, False, None, None, [], [], [], []),
        ]  # fmt: skip
        one_line = await list_stated_money(session, books.lines("3"))
        assert [one.shared for one in one_line] == [True], "the other line is another statement's"


async def test_what_is_set_aside_to_go_back_is_spent(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        payment = await books.money(1000, "1")
        for place, amount in (("paying_back", 200), ("paid_back", 70)):
            reference = await add_reference(
                session, books.body.agency_id, "refund", f"{books.name}{amount}"
            )
            refund = {
                "id": new_id("refund"),
                "payment_id": payment,
                "agency_id": books.body.agency_id,
                "collection_account_id": books.body.collection_account_id,
                "amount": amount,
                "reason": "x",
                "status": "approved",
                "reference": reference,
                "requested_by": "staff:x",
                "requested_at": AT,
                "way": "bank",
                "from_revenue": 0,
                "asked": 0,
            }
            await insert(session, "refund", refund)
            await put(session, payment, place, "refund_wanted", amount, refund_id=refund["id"])
        (found,) = await list_stated_money(session, books.lines("1"))
        assert (found.spent, found.waiting) == (270, 0)


async def test_every_bill_that_the_money_may_touch_is_locked(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        own, settled, waited, named, unasked, free = [await books.bill(f"B{n}") for n in range(6)]
        first = await books.money(5000, "1", bill_id=own, reference=f"{books.name}B4")
        await give(session, first, settled, 4000)
        await put(session, first, "suspense", "short", 500, bill_id=waited)
        second = await books.money(5000, "2", reference=f"{books.name}B3")
        await put(session, second, "suspense", "statement_only", 5000)
    async with bare_books.transaction() as session:
        money = await lock_stated_money(session, books.lines("1", "2"))
        assert [one.payment_id for one in money] == [first, second]
        every = [own, settled, waited, named, unasked, free]
        # What a reference names matters only where something waits for another source's word.
        assert await rows_free(bare_books, "bill", every) == {unasked, free}


async def test_who_decides_about_notices_holds_their_name(bare_books: Database) -> None:
    name = notices_of("acct_1")
    for lock, how in ((share_notices_of, "shared"), (lock_notices_of, "alone")):
        async with bare_books.transaction() as session:
            await lock(session, "acct_1")
            assert await names_held(session, name) == {name: how}


async def test_withdrawing_takes_back_what_nothing_holds_and_its_notices(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        paid = [await add_paid_bill(session, books.body) for _ in range(3)]
        gone, proved = await books.money(6000, "1", "6"), await books.money(5000, "2")
        await give(session, gone, paid[0], 5000)
        await put(session, gone, "refundable", "excess", 1000, bill_id=paid[0])
        await give(session, proved, paid[1], 5000)
        shared, spent = await books.money(5000, "3"), await books.money(1000, "4")
        await books.told_by("feed", shared, "3")
        await give(session, shared, paid[2], 5000)
        await put(session, spent, "in_transit", "settled_by_gateway", 1000)
        # Another statement's line of gone money, and another one's of the same number.
        unasked = await books.money(700, "5")
        await put(session, unasked, "suspense", "statement_only", 700)
        lines = books.lines("1", "2", "3", "4", "6")
        money = await lock_stated_money(session, lines)
        with clock.frozen(AT):
            await withdraw_stated_money(session, money, lines, proved=[paid[1]], actor="test:who")
        every = [gone, proved, shared, spent, unasked]
        assert await books.places(*every) == sorted(
            [
                (gone, "reversed", "statement_withdrawn", 1000, paid[0]),
                (gone, "reversed", "statement_withdrawn", 5000, paid[0]),
                (spent, "in_transit", "settled_by_gateway", 1000, None),
                (unasked, "suspense", "statement_only", 700, None),
            ]
        )
        assert await books.given(*paid) == sorted(
            [
                (paid[0], "open", gone, 0),
                (paid[1], "paid", proved, 5000),
                (paid[2], "paid", shared, 5000),
            ]
        )
        notices = await books.rows(
            "SELECT payment_id, source, notice_ref, withdrawn_at FROM credit_notice"
            " WHERE payment_id = ANY(:ids) ORDER BY payment_id, notice_ref, source",
            every,
        )
        assert notices == [
            (gone, "statement", books.line("1"), AT),
            (gone, "statement", books.line("6"), AT),
            (proved, "statement", books.line("2"), None),
            (shared, "feed", books.line("3"), None),
            (shared, "statement", books.line("3"), AT),
            (spent, "statement", books.line("4"), None),
            (unasked, "statement", books.line("5"), None),
        ]
    told = await audited(bare_books, gone)
    assert {(action, who) for action, who, _ in told} == {("payment.reversed", "test:who")}
    assert sorted(details["amount"] for _, _, details in told) == [1000, 5000]


async def test_money_that_was_for_another_leaves_its_bills_and_waits(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        bill, other = [await add_paid_bill(session, books.body) for _ in range(2)]
        wrong, right = await books.money(3000, "1"), await books.money(5000, "2")
        await give(session, wrong, bill, 3000)
        await give(session, right, bill, 2000)
        await give(session, right, other, 3000)
        (money,) = await lock_stated_money(session, books.lines("1"))
        await take_from_bills(session, money, actor="test:who")
        assert await books.places(wrong, right) == [
            (wrong, "suspense", "unknown_reference", 3000, bill),
            (right, "suspense", "short", 2000, bill),
        ]
        assert await books.given(bill, other) == [
            (bill, "open", wrong, 0),
            (bill, "open", right, 0),
            (other, "paid", right, 3000),
        ]


async def test_what_only_lines_told_of_goes_where_it_was_sent(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        bills = [await books.bill() for _ in range(3)]
        whole = await books.money(5000, "1", bill_id=bills[0])
        part = await books.money(2000, "2", bill_id=bills[1])
        other = await books.money(5000, "3", bill_id=bills[2])
        for payment, bill, amount in zip(
            (whole, part, other), bills, (5000, 2000, 5000), strict=True
        ):
            await put(session, payment, "suspense", "statement_only", amount, bill_id=bill)
        outcome = await release_stated_money(session, CIPHER, books.lines("1", "2"), actor="test")
        assert outcome == ReleaseOutcome(2, 5000)
        assert [(state, given) for _, state, _, given in await books.given(*bills)] == [
            ("paid", 5000),
            ("open", None),
            ("open", None),
        ]
        assert [one[1:4] for one in await books.places(whole, part, other)] == [
            ("suspense", "short", 2000),
            ("suspense", "statement_only", 5000),
        ]
        nothing = await release_stated_money(session, CIPHER, books.lines("none"), actor="test")
        assert nothing == ReleaseOutcome(0, 0)


async def test_what_lines_told_of_in_parts_is_told_as_bills_have_it_at_the_end(
    bare_books: Database,
) -> None:
    """What was short waits until the next line's money makes it up; another's is not counted."""
    async with bare_books.transaction() as session:
        books = await books_in(session)
        bills = [await books.bill() for _ in range(2)]
        before = await books.money(1000, "1", bill_id=bills[0])
        await put(session, before, "suspense", "short", 1000, bill_id=bills[0])
        for n, (amount, bill) in enumerate([(1500, 0), (1500, 0), (2000, 1), (2000, 0)], 2):
            part = await books.money(amount, str(n), bill_id=bills[bill])
            await put(session, part, "suspense", "statement_only", amount, bill_id=bills[bill])
        lines = books.lines(*"12345")
        outcome = await release_stated_money(session, CIPHER, lines, actor="test")
        states = {bill: state for bill, state, *_ in await books.given(*bills)}
        assert states == dict(zip(bills, ("paid", "open"), strict=True))
        assert outcome == ReleaseOutcome(4, 4000)


async def test_returned_money_is_told_with_all_that_has_it_and_locked(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        much, little, undone = [await books.bill(f"B{n}") for n in range(3)]
        payment, other = await books.money(9000, "1"), await books.money(9001, "2")
        await give(session, payment, much, 3000)
        await give(session, payment, much, 500)
        await give(session, payment, little, 1)
        await take_back(session, await give(session, payment, undone, 900))
        await give(session, other, undone, 700)
        await put(session, payment, "suspense", "short", 400)
        await put(session, payment, "refundable", "excess", 30)
        await put(session, payment, "in_transit", "settled_by_gateway", 200)
        await put(session, payment, "collector_cash", "collector_deposit", 60)
        await put(session, payment, "in_transit", "settled_by_gateway", 8, closed_at=AT)
        await put(session, payment, "reversed", "same_money", 5)
        await put(session, other, "in_transit", "settled_by_gateway", 80)
        for line in ("debit-2", "debit-3"):
            await books.returned(payment, line)
    debits = books.lines("debit-1", "debit-2", "debit-3")
    async with bare_books.transaction() as session:
        money = await lock_returned_money(session, payment, debits)
        assert money == ReturnedMoney(
            payment,
            books.line("debit-2"),
            settled=3501,
            waiting=430,
            spent=260,
            bill_ids=(much, little),
            bills=(f"{books.name}B0", f"{books.name}B1"),
        )
        assert await rows_free(bare_books, "bill", [much, little, undone]) == {undone}
        assert await rows_free(bare_books, "payment", [payment, other]) == {other}
        with pytest.raises(NotReturned) as refused:
            await lock_returned_money(session, payment, debits[:1])
        assert refused.value.code == "not_returned"
        with pytest.raises(NotReturned):
            await lock_returned_money(session, other, debits)


async def test_returned_money_of_which_nothing_has_gone_on(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        payment = await books.money(5000, "1")
        await books.returned(payment, "debit")
        money = await lock_returned_money(session, payment, books.lines("debit"))
        assert money == ReturnedMoney(payment, books.line("debit"), 0, 0, 0, (), ())


async def test_who_was_giving_it_away_meanwhile_is_waited_for_until_nothing_changes(
    bare_books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look finds it elsewhere once more: another item, then another bill."""
    async with bare_books.transaction() as session:
        books = await books_in(session)
        first, second = [await books.bill(f"B{n}") for n in range(2)]
        payment = await books.money(9000, "1")
        await books.returned(payment, "debit")
        for bill, amount in ((first, 3000), (second, 700)):
            await give(session, payment, bill, amount)
        for amount in (400, 30):
            await put(session, payment, "suspense", "short", amount)
    own, items = commands._given, lock_items_of
    given_to, waiting = [1, 1, 1, 2, 2], [2, 1, 1, 1]

    async def given(session: WriteSession, payment_id: str) -> list[Any]:
        return (await own(session, payment_id))[: given_to.pop(0)]

    async def lock_items(session: WriteSession, payment_id: str) -> list[LockedItem]:
        return (await items(session, payment_id))[: waiting.pop(0)]

    monkeypatch.setattr(commands, "_given", given)
    monkeypatch.setattr(commands, "lock_items_of", lock_items)
    async with bare_books.transaction() as session:
        money = await lock_returned_money(session, payment, books.lines("debit"))
        assert (money.settled, money.waiting) == (3700, 400)
        assert await rows_free(bare_books, "bill", [first, second]) == set()
    assert (given_to, waiting) == ([], [])


async def test_returned_money_leaves_the_books_wherever_it_is(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        bill, other = [await add_paid_bill(session, books.body) for _ in range(2)]
        payment, right = await books.money(5500, "1"), await books.money(5000, "2")
        await give(session, payment, bill, 5000)
        await put(session, payment, "refundable", "excess", 500, bill_id=bill)
        await give(session, right, other, 5000)
        await books.returned(payment, "debit")
        money = await lock_returned_money(session, payment, books.lines("debit"))
        await reverse_returned_money(session, money, actor="test:who")
        assert await books.places(payment, right) == [
            (payment, "reversed", "returned_by_bank", 500, bill),
            (payment, "reversed", "returned_by_bank", 5000, bill),
        ]
        assert [one[:2] for one in await books.given(bill, other)] == [
            (bill, "open"),
            (other, "paid"),
        ]
        assert (await lock_bill(session, bill)).status == "open"
        doubts = "SELECT doubt FROM payment WHERE id = ANY(:ids) ORDER BY id"
        assert await books.rows(doubts, [payment, right]) == [("returned_by_bank",), (None,)]


async def test_that_a_bank_took_money_back_is_noted_once_for_each_debit(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        books = await books_in(session)
        payment = await books.money(5000, "1")
        for line in ("debit-1", "debit-1", "debit-2"):
            await note_returned_money(session, payment, books.line(line), actor="test:who")
        held = f"returned:{books.line('debit-2')}"
        assert (await names_held(session, held))[held] == "alone"
    assert await audited(bare_books, payment) == [
        (RETURNED, "test:who", {"line": books.line(line)}) for line in ("debit-1", "debit-2")
    ]


@pytest.mark.parametrize("odd", ["", "credited", "doubt", "collection_account_id", "line"])
async def test_a_debit_takes_back_one_payment_of_its_account_and_sum(
    bare_books: Database, odd: str
) -> None:
    """`odd` is what the other payment has not in common with one that was taken back by it."""
    async with bare_books.transaction() as session:
        books = await books_in(session)
        elsewhere = await add_account(session, books.body.agency_id)
        like: dict[str, Any] = {"doubt": Reason.RETURNED_BY_BANK}
        odder = {"credited": 4000, "doubt": Reason.SAME_MONEY, "collection_account_id": elsewhere}
        changes = like | ({odd: odder[odd]} if odd in odder else {})
        other = await add_credit(session, books.body, **changes)
        await books.returned(other, "another" if odd == "line" else "debit")
        payment = await books.money(5000, "1", **like)
        await note_returned_money(session, payment, books.line("debit"), actor="test")
        if odd:
            # Its own being taken back says nothing against it.
            money = await lock_returned_money(session, payment, books.lines("debit"))
            assert money.line_id == books.line("debit")
    assert len(await audited(bare_books, payment)) == (1 if odd else 0)
    if not odd:
        async with bare_books.transaction() as session:
            await replace(books, session=session).returned(payment, "debit")
            with pytest.raises(NotReturned):
                await lock_returned_money(session, payment, books.lines("debit"))
