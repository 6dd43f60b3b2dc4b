"""Posting, clearing and paying over: every row that each deed writes or changes, as literals."""

from typing import Any

import pytest

from core import clock
from core.db import Database
from core.errors import NotFound
from core.sessions import WriteSession
from payments.bills.locks import lock_bill, lock_bills
from payments.books import payouts, suspense, transit
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.ledger import MoneySource
from payments.books.payouts import CreditNotWhole, PayoutUndone
from payments.books.posting import (
    BillMoney,
    apportion_exactly,
    apportion_on,
    distribute_on,
    post_cash,
    post_credit,
    post_from_suspense,
)
from payments.books.recording import Recording, lock_money, note_conflict, note_doubt
from payments.books.transit import MoreThanInTransit
from payments.ports import CallbackResult
from tests.support.bare_books import DAYS, NOW, BareBooks
from tests.support.bare_rows import insert
from tests.support.book_deeds import ACTOR, TODAY, Done, bill, doing, money, waits
from tests.support.locks import name_free, rows_free

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Where money of the stories came to, and when: not the day on which something is done about it.
SOURCE = MoneySource("pay_x1", "acct_1", DAYS[3])
DAY = DAYS[3].isoformat()
PAID = {"status": "paid", "paid_at": NOW.isoformat()}


def paid(bill_id: str, amount: int = 5000) -> dict[str, Any]:
    """What is written of a bill that is settled."""
    return {
        "changed": {bill_id: PAID},
        "noted": [("bill.paid", bill_id, {"before": "open", "amount": amount})],
        "told": [("bill.paid", {"bill_id": bill_id, "agency_id": "agency_1", "amount": amount})],
    }


@pytest.mark.parametrize("at_gateway", [False, True])
async def test_exact_money_settles_its_bill(asking: WriteSession, at_gateway: bool) -> None:
    await money(asking, "pay_x1", 5000)
    owed = await lock_bill(asking, await bill(asking, "bill_a"))
    exact = await distribute_on(asking, owed, 5000)
    assert exact == Distribution(allocated=5000)
    async with doing(asking) as done:
        await post_credit(asking, ACTOR, owed, SOURCE, exact, at_gateway=at_gateway)
    left = "in_transit" if at_gateway else "receivable"
    ledgers = {left: 5000, "revenue": -5000}
    assert done == Done(
        given=[("pay_x1", "bill_a", 5000, None)],
        posted=[("credit", "pay_x1", DAY, "acct_1", "bill_a", ledgers)],
        **paid("bill_a"),
    )


async def test_cash_is_with_its_collector(asking: WriteSession) -> None:
    await money(asking, "pay_x1", 7000, gateway="cash")
    owed = await lock_bill(asking, await bill(asking, "bill_a"))
    over = await distribute_on(asking, owed, 7000)
    async with doing(asking) as done:
        await post_cash(asking, ACTOR, owed, SOURCE, over)
    ledgers = {"collector_cash": 7000, "revenue": -5000, "refundable": -2000}
    assert done == Done(
        given=[("pay_x1", "bill_a", 5000, None)],
        held=[("pay_x1", "bill_a", "refundable", 2000, "excess")],
        posted=[("credit", "pay_x1", DAY, "acct_1", "bill_a", ledgers)],
        **paid("bill_a"),
    )


async def test_the_rest_takes_what_waited_on_the_day_that_settles(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    for payment_id, account in (("pay_w1", "acct_2"), ("pay_w2", "acct_1")):
        await money(asking, payment_id, 1500, collection_account_id=account)
    first = await waits(asking, "pay_w1", 1500, "short", bill_id="bill_a")
    second = await waits(asking, "pay_w2", 1000, "short", bill_id="bill_a")
    await waits(asking, "pay_w2", 400, "no_reference", bill_id="bill_a")
    await money(asking, "pay_x1", 2600)
    owed = await lock_bill(asking, "bill_a")
    rest = await distribute_on(asking, owed, 2600)
    assert rest == Distribution(2500, 0, 100, reason=Reason.EXCESS, takes_waiting=True)
    async with doing(asking) as done:
        await post_credit(asking, ACTOR, owed, SOURCE, rest, at_gateway=False)

    def taken(payment_id: str, account: str, amount: int) -> tuple[Any, ...]:
        ledgers = {"suspense": amount, "revenue": -amount}
        return ("from_suspense", payment_id, DAY, account, "bill_a", ledgers)

    ledgers = {"receivable": 2600, "revenue": -2500, "refundable": -100}
    assert done == Done(
        given=[
            ("pay_w1", "bill_a", 1500, None),
            ("pay_w2", "bill_a", 1000, None),
            ("pay_x1", "bill_a", 2500, None),
        ],
        held=[("pay_x1", "bill_a", "refundable", 100, "excess")],
        closed=sorted([first.id, second.id]),
        posted=[
            ("credit", "pay_x1", DAY, "acct_1", "bill_a", ledgers),
            taken("pay_w1", "acct_2", 1500),
            taken("pay_w2", "acct_1", 1000),
        ],
        **paid("bill_a"),
    )


async def test_short_money_waits_and_settles_nothing(asking: WriteSession) -> None:
    await money(asking, "pay_x1", 4999)
    owed = await lock_bill(asking, await bill(asking, "bill_a"))
    short = await distribute_on(asking, owed, 4999)
    async with doing(asking) as done:
        await post_credit(asking, ACTOR, owed, SOURCE, short, at_gateway=False)
    ledgers = {"receivable": 4999, "suspense": -4999}
    assert done == Done(
        held=[("pay_x1", "bill_a", "suspense", 4999, "short")],
        posted=[("credit", "pay_x1", DAY, "acct_1", "bill_a", ledgers)],
    )


async def test_money_of_no_bill_is_held_and_never_given(asking: WriteSession) -> None:
    await money(asking, "pay_x1", 300)
    unknown = suspend(300, Reason.NO_REFERENCE)
    async with doing(asking) as done:
        await post_credit(asking, ACTOR, None, SOURCE, unknown, at_gateway=False)
    ledgers = {"receivable": 300, "suspense": -300}
    held = ("pay_x1", None, "suspense", 300, "no_reference")
    posted = ("credit", "pay_x1", DAY, "acct_1", None, ledgers)
    assert done == Done(held=[held], posted=[posted])
    with pytest.raises(ValueError, match="money of pay_x1 is given to no bill"):
        await post_cash(asking, ACTOR, None, SOURCE, Distribution(allocated=300))


async def test_what_only_gets_another_reason_is_not_posted(asking: WriteSession) -> None:
    await money(asking, "pay_x1", 300)
    other = suspend(300, Reason.OTHER_AGENCY)
    async with doing(asking) as done:
        await post_from_suspense(asking, ACTOR, None, SOURCE, other, "suspense")
    assert done == Done(held=[("pay_x1", None, "suspense", 300, "other_agency")])
    async with doing(asking) as done:
        await post_from_suspense(asking, ACTOR, None, SOURCE, other, "refundable")
    ledgers = {"refundable": 300, "suspense": -300}
    assert done.posted == [("from_suspense", "pay_x1", DAY, "acct_1", None, ledgers)]


async def test_money_for_several_bills_goes_to_the_oldest_first(asking: WriteSession) -> None:
    await bill(asking, "bill_a", amount=3000)
    await bill(asking, "bill_b", expires_at=DAYS_AT[1], amount=4000)
    await bill(asking, "bill_c", expires_at=DAYS_AT[0])
    await waits(asking, await money(asking, "pay_w1", 500), 500, "short", bill_id="bill_c")
    owed = await lock_bills(asking, ["bill_a", "bill_b", "bill_c"])
    first, second, third = owed

    def shares(last: Distribution) -> list[BillMoney]:
        return [
            BillMoney(third, Distribution(4500, takes_waiting=True)),
            BillMoney(second, Distribution(4000)),
            BillMoney(first, last),
        ]

    short = suspend(2999, Reason.SHORT)
    assert await apportion_on(asking, owed, 11_499) == shares(short)
    assert await apportion_exactly(asking, owed, 11_500) == shares(Distribution(3000))
    assert await apportion_exactly(asking, owed, 11_499) == []


DAYS_AT = tuple(clock.day_bounds(day, day)[0] for day in DAYS)


async def in_transit(session: WriteSession, amount: int) -> None:
    """Have gateways taken so much for the account and not paid it over."""
    there = await transit.sum_in_transit(session, "acct_1")
    posting = {"transaction_id": "ltx_001", "ledger": "in_transit", "amount": amount - there}
    await insert(session, "posting", {**posting, "collection_account_id": "acct_1"})


async def test_money_of_one_name_is_recorded_by_one_at_a_time(
    asking: WriteSession, written_books: Database
) -> None:
    assert await name_free(written_books, "acct:1")
    await lock_money(asking, "acct:1")
    assert not await name_free(written_books, "acct:1")


async def test_a_doubt_is_noted(asking: WriteSession) -> None:
    async with doing(asking) as done:
        await note_conflict(asking, ACTOR, "pay_x1", {"amount": 1})
        await note_doubt(asking, ACTOR, "pay_x2", Reason.POSSIBLE_DUPLICATE, {"bank": "x"})
    assert done == Done(
        noted=[
            ("payment.conflicting_notice", "pay_x1", {"amount": 1}),
            ("payment.possible_duplicate", "pay_x2", {"bank": "x"}),
        ]
    )
    async with doing(asking) as done:
        for _ in range(2):
            await note_conflict(asking, ACTOR, "pay_x3", {"amount": 1, "order_ref": "x"})
        # Of other words, of another payment, and of another doubt.
        await note_conflict(asking, ACTOR, "pay_x3", {"amount": 2, "order_ref": "x"})
        # Less than what was told before is not what was told before.
        await note_conflict(asking, ACTOR, "pay_x3", {"amount": 2})
        await note_conflict(asking, ACTOR, "pay_x4", {"amount": 1, "order_ref": "x"})
        told_so = {"amount": 1, "order_ref": "x"}
        await note_doubt(asking, ACTOR, "pay_x3", Reason.POSSIBLE_DUPLICATE, told_so)
    assert [(action, of, said["amount"]) for action, of, said in done.noted] == [
        ("payment.conflicting_notice", "pay_x3", 1),
        ("payment.conflicting_notice", "pay_x3", 2),
        ("payment.conflicting_notice", "pay_x3", 2),
        ("payment.conflicting_notice", "pay_x4", 1),
        ("payment.possible_duplicate", "pay_x3", 1),
    ]
    told = Recording(CallbackResult.ACCEPTED)
    assert (told.new, told.misdirected) == (False, False)


async def test_a_whole_credit_is_locked_after_its_bill(
    asking: WriteSession, written_books: Database, books: BareBooks
) -> None:
    item = await payouts.lock_credit(asking, "pay_whole")
    wanted = books.by_id("suspense_item")["susp_whole"]
    assert (item.id, item.amount, item.bill_id) == ("susp_whole", wanted["amount"], "bill_000")
    assert not await rows_free(written_books, "bill", ["bill_000"])
    assert not await rows_free(written_books, "suspense_item", ["susp_whole"])
    assert await rows_free(written_books, "bill", ["bill_001"])
    assert not await name_free(written_books, "in_transit:acct_1")


#: What of a credit of 5,000 đ is there, and why a gateway cannot have paid it over.
NOT_WHOLE: dict[str, list[dict[str, Any]]] = {
    "nothing waits": [],
    "two parts": [{"amount": 2000}, {"amount": 3000}],
    "a part": [{"amount": 4999}],
    "it is to be given back": [{"place": "refundable"}],
    "it has gone": [{"closed_at": NOW}],
    "it may be told of already": [{"reason": "possible_duplicate"}],
    "it is contradicted": [{"reason": "conflicting_notice"}],
    "its day is wrong": [{"reason": "dated_ahead"}],
    "its account was not there": [{"reason": "dated_before"}],
}


@pytest.mark.parametrize("why", NOT_WHOLE)
async def test_what_does_not_wait_whole_is_no_payout(asking: WriteSession, why: str) -> None:
    await money(asking, "pay_x1", 5000)
    for part in NOT_WHOLE[why]:
        values: dict[str, Any] = {"amount": 5000, "reason": "no_reference"} | part
        await waits(asking, "pay_x1", **values)
    with pytest.raises(CreditNotWhole) as told:
        await payouts.lock_credit(asking, "pay_x1")
    assert told.value.code == "not_waiting"


async def test_what_a_gateway_told_of_is_no_payout(asking: WriteSession) -> None:
    item = await waits(asking, await money(asking, "pay_x1", 5000), 5000, "no_reference")
    assert await payouts.lock_credit(asking, "pay_x1") == item
    await waits(asking, await money(asking, "pay_x2", 5000, gateway="momo"), 5000, "no_reference")
    with pytest.raises(CreditNotWhole):
        await payouts.lock_credit(asking, "pay_x2")


async def test_no_more_is_cleared_than_is_in_transit(asking: WriteSession) -> None:
    await in_transit(asking, 5055)
    await payouts.check_cleared(asking, "acct_1", 5055)
    with pytest.raises(MoreThanInTransit, match=r"5\.055.*5\.056"):
        await payouts.check_cleared(asking, "acct_1", 5056)
    item = await waits(asking, await money(asking, "pay_x1", 5056), 5056, "no_reference")
    with pytest.raises(MoreThanInTransit, match=r"5\.055.*5\.056"):
        await transit.check_in_transit(asking, item)
    with pytest.raises(MoreThanInTransit):
        await payouts.pay_over(asking, ACTOR, item, 5057)


async def test_what_may_be_cleared_is_locked(asking: WriteSession, written_books: Database) -> None:
    await in_transit(asking, 5000)
    item = await waits(asking, await money(asking, "pay_x1", 5000), 5000, "no_reference")
    assert await name_free(written_books, "in_transit:acct_1")
    await transit.check_in_transit(asking, item)
    assert not await name_free(written_books, "in_transit:acct_1")


async def test_a_payout_and_what_undoes_it(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    await in_transit(asking, 5055)
    await money(asking, "pay_x1", 5000, doubt="gateway_settlement")
    item = await waits(asking, "pay_x1", 5000, "gateway_settlement", bill_id="bill_a")
    async with doing(asking) as done:
        payout_id = await payouts.pay_over(asking, ACTOR, item, 5055, line_id="line_x")
    sums = {"amount": 5000, "gross": 5055, "fee": 55}
    ledgers = {"suspense": 5000, "in_transit": -5055, "gateway_fee": 55}
    assert done == Done(
        held=[("pay_x1", "bill_a", "in_transit", 5000, "settled_by_gateway")],
        closed=[item.id],
        posted=[("payout", "pay_x1", TODAY, "acct_1", "bill_a", ledgers)],
        payouts=[
            {
                "payment_id": "pay_x1",
                "collection_account_id": "acct_1",
                **sums,
                "clearing": "ledger_transaction",
                "line_id": "line_x",
                "undone_at": None,
                "undoing": None,
            }
        ],
        changed={"pay_x1": {"doubt": "settled_by_gateway"}},
        noted=[("payment.settled_by_gateway", "pay_x1", {"payout": "payout", **sums})],
    )
    payout = await payouts.lock_payout(asking, payout_id)
    cleared = await suspense.lock_cleared(asking, "pay_x1")
    async with doing(asking) as done:
        await payouts.undo_payout(asking, ACTOR, payout)
    ledgers = {name: -amount for name, amount in ledgers.items()}
    assert done == Done(
        held=[("pay_x1", "bill_a", "suspense", 5000, "gateway_settlement")],
        closed=[cleared.id],
        posted=[("payout_undone", "pay_x1", TODAY, "acct_1", "bill_a", ledgers)],
        changed={
            "pay_x1": {"doubt": "gateway_settlement"},
            payout_id: {"undone_at": NOW.isoformat(), "undoing": "ledger_transaction"},
        },
        noted=[("payment.payout_undone", "pay_x1", {"payout": payout_id, **sums})],
    )
    with pytest.raises(PayoutUndone) as told:
        await payouts.lock_payout(asking, payout_id)
    assert told.value.code == "already_undone"


async def test_a_payout_that_is_to_be_undone_is_locked(
    asking: WriteSession, written_books: Database, books: BareBooks
) -> None:
    standing = next(row for row in books["payout"] if row["undone_at"] is None)
    transit_to = f"in_transit:{standing['collection_account_id']}"
    assert await name_free(written_books, transit_to)
    assert (await payouts.lock_payout(asking, standing["id"])).id == standing["id"]
    assert not await name_free(written_books, transit_to)
    assert not await rows_free(written_books, "payout", [standing["id"]])
    with pytest.raises(NotFound):
        await payouts.lock_payout(asking, "payout_none")


@pytest.mark.parametrize(("place", "amount"), [("suspense", 5000), ("refundable", 3000)])
async def test_what_a_gateway_paid_over_clears_what_was_in_transit(
    asking: WriteSession, place: str, amount: int
) -> None:
    await bill(asking, "bill_a")
    await money(asking, "pay_x1", 5000, doubt="gateway_settlement")
    item = await waits(asking, "pay_x1", amount, "excess", bill_id="bill_a", place=place)
    async with doing(asking) as done:
        await transit.clear_transit(asking, ACTOR, item)
    ledgers = {place: amount, "in_transit": -amount}
    # Of a part people say nothing about the whole payment.
    whole = {"pay_x1": {"doubt": "settled_by_gateway"}} if amount == 5000 else {}
    assert done == Done(
        held=[("pay_x1", "bill_a", "in_transit", amount, "settled_by_gateway")],
        closed=[item.id],
        posted=[("settlement", "pay_x1", TODAY, "acct_1", "bill_a", ledgers)],
        changed=whole,
        noted=[("payment.settled_by_gateway", "pay_x1", {"item": item.id, "amount": amount})],
    )
