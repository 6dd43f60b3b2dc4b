"""What queries say of waiting money, drawn by lot, is what plain Python makes of its rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from core.clock import business_date
from core.sessions import WriteSession
from payments.books import suspense
from payments.books.queries import (
    WaitingMoney,
    find_waiting_money,
    list_waiting_money,
    page_of_waiting_money,
)
from payments.books.several import SuggestedShare, owe_exactly, suggest_shares
from payments.books.takings import page_of_takings
from payments.books.waiting_sums import WaitingSum, sum_waiting_money
from tests.support.bare_books import (
    ACCOUNTS,
    BODIES,
    DAYS,
    NOW,
    SEEN,
    BareBooks,
    Row,
    is_waiting,
    moments_of,
    total,
    waits_for,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def waiting_money(books: BareBooks) -> list[tuple[Row, WaitingMoney]]:
    """All that waits, each with its payment, by id."""
    bills, payments = books.by_id("bill"), books.by_id("payment")
    codes = {row["id"]: row["code"] for row in books["collection_account"]}
    found = []
    for item in filter(is_waiting, books["suspense_item"]):
        payment, bill = payments[item["payment_id"]], bills.get(item["bill_id"])
        value = WaitingMoney(
            id=item["id"],
            place=item["place"],
            reason=item["reason"],
            amount=item["amount"],
            account=codes[payment["collection_account_id"]],
            payment_id=payment["id"],
            gateway=payment["gateway"],
            gateway_ref=payment["gateway_ref"],
            bill=payment["reference"] if bill is None else bill["reference"],
            paid_at=payment["paid_at"],
        )
        found.append((payment, value))
    return found


async def test_what_waits(asking: WriteSession, books: BareBooks) -> None:
    every = waiting_money(books)
    assert await list_waiting_money(asking) == [one for _, one in every]
    assert await list_waiting_money(asking, limit=4) == [one for _, one in every[:4]]
    for account in ACCOUNTS:
        assert await list_waiting_money(asking, account) == [
            one for payment, one in every if payment["collection_account_id"] == account
        ]
    for bodies in SEEN:
        own = [one for payment, one in every if payment["agency_id"] in bodies]
        assert await sum_waiting_money(asking, bodies) == WaitingSum(
            len(own), sum(one.amount for one in own)
        )
        for _, one in every[:20]:
            found = await find_waiting_money(asking, bodies, one.id)
            assert found == (one if one in own else None)
    closed = next(item["id"] for item in books["suspense_item"] if not is_waiting(item))
    assert await find_waiting_money(asking, BODIES, closed) is None
    assert await sum_waiting_money(asking, ["agency_0"]) == WaitingSum(0, 0)


async def test_a_page_of_what_waits(asking: WriteSession, books: BareBooks) -> None:
    every = waiting_money(books)
    some = [row["id"] for row in books["payment"][:70]]
    for bodies, reason, payments in product(SEEN, (None, "short"), (None, some)):
        own = [
            one
            for payment, one in every
            if payment["agency_id"] in bodies
            and reason in (None, one.reason)
            and (payments is None or one.payment_id in payments)
        ]
        cursor = None
        for begin in range(0, max(len(own), 1), 9):
            page = await page_of_waiting_money(
                asking, bodies, reason=reason, payment_ids=payments, cursor=cursor, limit=9
            )
            assert list(page.items) == own[begin : begin + 9]
            cursor = page.next_cursor
            assert cursor == (own[begin + 8].id if begin + 9 < len(own) else None)
        last = await page_of_waiting_money(
            asking, bodies, reason=reason, payment_ids=payments, limit=len(own)
        )
        assert (list(last.items), last.next_cursor) == (own, None)


async def test_the_bills_that_waiting_money_names() -> None:
    one = WaitingMoney("s", "suspense", "short", 1, "a", "p", "bank", None, "LPB001 LPB002", None)
    assert one.named == ["LPB001", "LPB002"]
    nothing = WaitingMoney("s", "suspense", "short", 1, "a", "p", "bank", None, None, None)
    assert nothing.named == []


async def test_lists_end_where_it_is_said(asking: WriteSession, books: BareBooks) -> None:
    many = (
        "INSERT INTO suspense_item (id, payment_id, place, amount, reason, created_at)"
        " SELECT 'susp_x' || n, :payment, 'suspense', 1, 'short', :at FROM"
        " generate_series(1, 1001) n"
    )
    came = next(row for row in books["payment"] if row["credited"] is not None)
    await asking.execute(text(many), {"payment": came["id"], "at": NOW})
    assert len(await list_waiting_money(asking)) == 1000
    assert len((await page_of_waiting_money(asking, BODIES)).items) == 50
    takings = (
        "INSERT INTO payment (id, kind, agency_id, gateway, collection_account_id, status, amount,"
        " credited, settlement_key, created_at, paid_at, accounting_on, asked)"
        " SELECT 'pay_x' || n, 'credit', 'agency_1', 'bank', 'acct_1', 'succeeded', 1, 1,"
        " 'x' || n, :at, :at, :day, 0 FROM generate_series(1, 101) n"
    )
    await asking.execute(text(takings), {"at": NOW, "day": business_date(NOW)})
    page = await page_of_takings(asking, BODIES, list(ACCOUNTS), business_date(NOW))
    assert len(page.items) == 100


async def test_what_waits_for_a_bill(asking: WriteSession, books: BareBooks) -> None:
    payments = books.by_id("payment")
    for bill in books["bill"][:25]:
        waiting = waits_for(books, bill["id"])
        assert [astuple(one) for one in await suspense.lock_waiting(asking, bill["id"])] == [
            (
                item["id"],
                item["amount"],
                item["payment_id"],
                payments[item["payment_id"]]["collection_account_id"],
            )
            for item in waiting
        ]
        wanted = select(suspense.amount_waiting(bill["id"]))
        assert await asking.one(wanted) == total(waiting)


async def test_what_waited_for_bills_at_a_moment(asking: WriteSession, books: BareBooks) -> None:
    for at in (None, *(moment for day in DAYS for moment in moments_of(day))):
        sums = Counter[str]()
        for item in books["suspense_item"]:
            if item["bill_id"] is None or (item["place"], item["reason"]) != ("suspense", "short"):
                continue
            if at is None:
                waited = item["closed_at"] is None
            else:
                waited = item["created_at"] < at and (
                    item["closed_at"] is None or item["closed_at"] >= at
                )
            if waited:
                sums[item["bill_id"]] += item["amount"]
        found = suspense.waiting_at(at)
        rows = (await asking.execute(select(found.c.bill_id, found.c.amount))).all()
        assert dict(tuple(row) for row in rows) == dict(sums)


def locked(books: BareBooks, item: Row) -> suspense.LockedItem:
    payment = books.by_id("payment")[item["payment_id"]]
    own = ("id", "amount", "place", "reason", "payment_id", "bill_id", "closed_at")
    of_payment = ("collection_account_id", "agency_id", "kind", "gateway", "credited")
    return suspense.LockedItem(
        **{name: item[name] for name in own},
        **{name: payment[name] for name in (*of_payment, "reference", "paid_at")},
    )


async def test_items_as_they_are_locked(asking: WriteSession, books: BareBooks) -> None:
    items = books["suspense_item"]
    for item in items[:15]:
        assert await suspense.find_item(asking, item["id"]) == locked(books, item)
        assert await suspense.lock_item(asking, item["id"]) == locked(books, item)
    assert await suspense.find_item(asking, "susp_0") is None
    for payment in books["payment"][:60]:
        assert await suspense.lock_items_of(asking, payment["id"]) == [
            locked(books, item)
            for item in items
            if item["payment_id"] == payment["id"] and is_waiting(item)
        ]
    sent_over = 0
    for bill in books["bill"]:
        wanted = [
            locked(books, item)
            for item in items
            if item["bill_id"] == bill["id"]
            and item["place"] == "refundable"
            and item["reason"] in ("bill_already_paid", "excess")
            and item["closed_at"] is None
        ]
        assert await suspense.lock_sent_over(asking, bill["id"]) == wanted
        sent_over += len(wanted)
    assert sent_over > 5


async def test_what_waits_for_stalls(asking: WriteSession, books: BareBooks) -> None:
    standing = [row["reference"] for row in books["reference"] if row["kind"] != "bill"]
    for references in (standing[:4], standing):
        wanted = [
            locked(books, item)
            for item in books["suspense_item"]
            if (item["place"], item["reason"]) == ("suspense", "stall_credit")
            and item["closed_at"] is None
        ]
        wanted = [item for item in wanted if item.reference in references]
        wanted.sort(key=lambda item: (item.paid_at, item.payment_id, item.id))
        assert wanted
        assert await suspense.list_stall_credit(asking, references) == wanted
        assert await suspense.lock_stall_credit(asking, references) == wanted


async def test_a_credit_that_a_payout_has_cleared(asking: WriteSession, books: BareBooks) -> None:
    looked = 0
    for payment in books["payment"]:
        cleared = [
            item
            for item in books["suspense_item"]
            if item["payment_id"] == payment["id"]
            and item["place"] == "in_transit"
            and item["closed_at"] is None
        ]
        if len(cleared) == 1:
            found = await suspense.lock_cleared(asking, payment["id"])
            assert found == locked(books, cleared[0])
            looked += 1
    assert looked > 5


def missing(books: BareBooks, bill: Row) -> int:
    """What a bill still takes."""
    left: int = bill["amount"] - total(waits_for(books, bill["id"]))
    return max(left, 0) if bill["status"] in ("open", "expired") else 0


async def test_whether_bills_owe_exactly_a_sum(asking: WriteSession, books: BareBooks) -> None:
    owing = [bill for bill in books["bill"] if missing(books, bill)]
    nothing = next(bill for bill in books["bill"] if not missing(books, bill))
    for bills in (owing[:1], owing[1:3], owing[2:6]):
        ids, owed = [one["id"] for one in bills], sum(missing(books, one) for one in bills)
        assert await owe_exactly(asking, ids, owed)
        assert not await owe_exactly(asking, ids, owed - 1)
        assert not await owe_exactly(asking, ids, owed + 1)
        assert not await owe_exactly(asking, [*ids, nothing["id"]], owed)


def named(
    bills: Iterable[Row], amount: int, item_id: str = "susp_1", **changes: Any
) -> WaitingMoney:
    fields: dict[str, Any] = {
        "id": item_id,
        "place": "suspense",
        "reason": "several_references",
        "amount": amount,
        "account": "tk-0",
        "payment_id": "pay_1",
        "gateway": "bank",
        "gateway_ref": None,
        "bill": " ".join(one["reference"] for one in bills),
        "paid_at": NOW,
    }
    return WaitingMoney(**fields | changes)


async def test_shares_that_are_suggested(asking: WriteSession, books: BareBooks) -> None:
    owing = [bill for bill in books["bill"] if missing(books, bill)]
    own = [bill for bill in owing if bill["agency_id"] == "agency_1"]
    other = next(bill for bill in owing if bill["agency_id"] == "agency_2")
    paid = next(
        bill
        for bill in books["bill"]
        if not missing(books, bill) and bill["agency_id"] == "agency_1"
    )

    def shares(bills: Iterable[Row], amount: int) -> list[SuggestedShare]:
        """The oldest first; what is over goes to the last."""
        found, left = [], amount
        due = sorted(bills, key=lambda one: (one["expires_at"] or one["created_at"], one["id"]))
        for bill in due:
            owed = missing(books, bill)
            part = left if bill is due[-1] else min(owed, left)
            found.append(SuggestedShare(bill["reference"], owed, part))
            left -= part
        return found

    two, three = own[:2], own[2:5]
    least = min(missing(books, one) for one in two)
    items = [
        named(two, 20_000, "susp_1"),
        named(three, missing(books, three[0]) + 1, "susp_2"),
        named([*two, paid], 40_000, "susp_3"),
        named([own[0], paid], 30_000, "susp_4"),
        named([own[0], other], 30_000, "susp_5"),
        named([own[0]], 30_000, "susp_6", bill=f"{own[0]['reference']} LPNONE"),
        named(two, 30_000, "susp_7", reason="short"),
        named(two, least - 1, "susp_8"),
    ]
    wanted = {
        "susp_1": shares(two, 20_000),
        "susp_2": shares(three, missing(books, three[0]) + 1),
        "susp_3": shares(two, 40_000),
        "susp_4": [],
        "susp_8": shares(two, least - 1),
    }
    assert await suggest_shares(asking, items, ["agency_1"]) == wanted
    assert await suggest_shares(asking, items, ["agency_1", "agency_2"]) == wanted
    assert await suggest_shares(asking, items, ["agency_2"]) == {}
    assert await suggest_shares(asking, items[6:7], ["agency_1"]) == {}
    assert await suggest_shares(asking, [], ["agency_1"]) == {}
