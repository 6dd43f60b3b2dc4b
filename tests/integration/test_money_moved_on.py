"""Money that leaves suspense, is reversed or decided about: every row that is written."""

import json
from typing import Any

import pytest

from core import audit
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.bills.locks import lock_bill, lock_bills
from payments.books import suspense
from payments.books.allocation import Reason, suspend
from payments.books.destination import Destination
from payments.books.posting import BillMoney
from payments.books.release import (
    find_bills_of,
    give,
    give_to_several,
    move,
    move_shares,
    release_stated,
    send_on,
)
from payments.books.returned import RETURNED
from payments.books.reversal import reverse_item, reverse_settlement
from payments.books.several import unless_for_others
from payments.books.suspense import LockedItem
from tests.integration.test_money_posted import DAYS_AT, paid
from tests.support.bare_books import NOW, POSTER_PRICE
from tests.support.bare_rows import insert
from tests.support.book_deeds import (
    ACTOR,
    TODAY,
    Done,
    bill,
    doing,
    money,
    reference,
    waits,
)
from tests.support.locks import rows_free

pytestmark = pytest.mark.asyncio(loop_scope="module")

CIPHER = Cipher(b"k" * 32)
#: References of the stories: of bills, and of what is no bill.
A, B, C, STALL, DEPOSIT, POSTER = (reference(letter) for letter in "ABCSHK")


def moved(
    payment_id: str, bill_id: str | None, *, place: str = "suspense", **ledgers: int
) -> tuple[Any, ...]:
    """What is posted of money that leaves a place today."""
    amounts = {name: -amount for name, amount in ledgers.items()}
    amounts[place] = amounts.get(place, 0) + sum(ledgers.values())
    told = {name: amount for name, amount in amounts.items() if amount}
    return ("from_suspense", payment_id, TODAY, "acct_1", bill_id, told)


def became(
    allocated: int = 0, suspense: int = 0, refundable: int = 0, bill: str | None = None
) -> Any:
    parts = {"allocated": allocated, "suspense": suspense, "refundable": refundable}
    return parts | {"bill": bill}


async def say(session: WriteSession, payment_id: str, **words: str) -> None:
    """Keep the words in which money came."""
    sealed = CIPHER.encrypt(json.dumps(words).encode(), f"payer:{payment_id}")
    kept = {"subject_id": payment_id, "data": sealed, "created_at": NOW}
    await insert(session, "payer_data", kept)


async def refer(session: WriteSession, name: str, kind: str, **changes: Any) -> None:
    values = {"reference": name, "kind": kind, "agency_id": "agency_1", "created_at": NOW}
    await insert(session, "reference", values | changes)


async def stray(session: WriteSession, amount: int, named: str | None, **item: Any) -> LockedItem:
    """Money of no bill that waits in doubt, and which body's it seems to be."""
    await money(session, "pay_x1", amount, reference=named, doubt="possible_duplicate")
    return await waits(session, "pay_x1", amount, "possible_duplicate", **item)


async def test_money_that_is_given_to_a_bill_is_its_bodys(asking: WriteSession) -> None:
    owed = await lock_bill(asking, await bill(asking, "bill_a", agency_id="agency_2"))
    item = await stray(asking, 5200, None)
    async with doing(asking) as done:
        assert await give(asking, item, owed, ACTOR) == became(5000, 0, 200, A)
    settled = paid("bill_a")
    settled["told"][0][1]["agency_id"] = "agency_2"
    settled["changed"]["pay_x1"] = {"bill_id": "bill_a", "agency_id": "agency_2", "doubt": None}
    assert done == Done(
        given=[("pay_x1", "bill_a", 5000, None)],
        held=[("pay_x1", "bill_a", "refundable", 200, "excess")],
        closed=[item.id],
        posted=[moved("pay_x1", "bill_a", revenue=5000, refundable=200)],
        **settled,
    )


async def test_a_part_of_another_bills_money_leaves_the_payment_there(
    asking: WriteSession,
) -> None:
    await bill(asking, "bill_a")
    owed = await lock_bill(asking, await bill(asking, "bill_b"))
    await money(asking, "pay_x1", 9000, bill_id="bill_a")
    item = await waits(asking, "pay_x1", 4000, "excess", bill_id="bill_a", place="refundable")
    async with doing(asking) as done:
        assert await give(asking, item, owed, ACTOR) == became(0, 4000, 0, B)
    assert done == Done(
        held=[("pay_x1", "bill_b", "suspense", 4000, "short")],
        closed=[item.id],
        posted=[moved("pay_x1", "bill_b", place="refundable", suspense=4000)],
    )


async def test_money_of_no_bill_alone_that_has_one_is_not_given_another(
    asking: WriteSession,
) -> None:
    """A payment may have its bill while a part of it is of none."""
    await bill(asking, "bill_a")
    owed = await lock_bill(asking, await bill(asking, "bill_b"))
    await money(asking, "pay_x1", 9000, bill_id="bill_a", agency_id="agency_4")
    item = await waits(asking, "pay_x1", 400, "no_reference")
    async with doing(asking) as done:
        await give(asking, item, owed, ACTOR)
    assert done.changed == {}
    second = await waits(asking, "pay_x1", 300, "no_reference")
    async with doing(asking) as done:
        await give_to_several(asking, second, [owed], ACTOR)
    assert done.changed == {}


async def test_money_for_several_is_of_no_bill_alone(asking: WriteSession) -> None:
    for bill_id, at in (("bill_a", DAYS_AT[1]), ("bill_b", DAYS_AT[0])):
        await bill(asking, bill_id, expires_at=at, agency_id="agency_2")
    owed = await lock_bills(asking, ["bill_a", "bill_b"])
    item = await stray(asking, 8000, None)
    async with doing(asking) as done:
        given = await give_to_several(asking, item, owed, ACTOR)
    shares = [became(5000, bill=B), became(suspense=3000, bill=A)]
    sums = {"allocated": 5000, "suspense": 3000, "refundable": 0}
    assert given == sums | {"bills": shares}
    settled = paid("bill_b")
    settled["told"][0][1]["agency_id"] = "agency_2"
    settled["changed"]["pay_x1"] = {"agency_id": "agency_2", "doubt": None}
    assert done == Done(
        given=[("pay_x1", "bill_b", 5000, None)],
        held=[("pay_x1", "bill_a", "suspense", 3000, "short")],
        closed=[item.id],
        posted=[
            moved("pay_x1", "bill_a", suspense=3000),
            moved("pay_x1", "bill_b", revenue=5000),
        ][1:],
        **settled,
    )


async def test_a_doubt_ends_where_money_counts_and_else_its_reason_is_kept(
    asking: WriteSession,
) -> None:
    item = await stray(asking, 500, None)
    async with doing(asking) as done:
        moved_ = await move(asking, item, None, suspend(500, Reason.STALL_CREDIT), ACTOR)
    assert moved_ == became(suspense=500)
    assert done.changed == {"pay_x1": {"doubt": None}}
    (held,) = await suspense.lock_items_of(asking, "pay_x1")
    async with doing(asking) as done:
        await move(asking, held, None, suspend(500, Reason.NO_REFERENCE), ACTOR)
    assert done.changed == {"pay_x1": {"doubt": "no_reference"}}
    (held,) = await suspense.lock_items_of(asking, "pay_x1")
    two = [BillMoney(None, suspend(n, Reason.OTHER_AGENCY)) for n in (200, 299)]
    with pytest.raises(ValueError, match="are not its 500"):
        await move_shares(asking, held, two, ACTOR)


async def test_where_money_goes_on_to(asking: WriteSession) -> None:
    """What decides is its own bill, else what it names by now."""
    await bill(asking, "bill_a")
    await bill(asking, "bill_b")
    for bill_id, named, found in (
        ("bill_a", B, ("bill_a",)),
        (None, B, ("bill_b",)),
        (None, f"{A} {B}", ("bill_a", "bill_b")),
        (None, None, ()),
        (None, "LPNONE", ()),
    ):
        assert tuple(sorted(await find_bills_of(asking, bill_id, "acct_1", named))) == found


async def test_money_of_its_own_goes_to_its_bill(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    await bill(asking, "bill_b")
    item = await stray(asking, 5000, B, bill_id="bill_a")
    async with doing(asking) as done:
        assert await send_on(asking, CIPHER, item, ACTOR) == became(5000, bill=A)
    settled = paid("bill_a")
    settled["changed"]["pay_x1"] = {"doubt": None}
    assert done == Done(
        given=[("pay_x1", "bill_a", 5000, None)],
        closed=[item.id],
        posted=[moved("pay_x1", "bill_a", revenue=5000)],
        **settled,
    )


@pytest.mark.parametrize(
    ("named", "reason", "told"),
    [
        (STALL, "stall_credit", "stall_credit.waits"),
        (DEPOSIT, "collector_deposit", "collector_deposit.waits"),
        (None, "no_reference", None),
    ],
)
async def test_money_of_its_own_waits_where_it_names_no_bill(
    asking: WriteSession, named: str | None, reason: str, told: str | None
) -> None:
    await refer(asking, STALL, "stall")
    await refer(asking, DEPOSIT, "handover")
    item = await stray(asking, 600, named)
    async with doing(asking) as done:
        assert await send_on(asking, CIPHER, item, ACTOR) == became(suspense=600)
    event = {"payment_id": "pay_x1", "agency_id": "agency_1", "amount": 600}
    assert done == Done(
        held=[("pay_x1", None, "suspense", 600, reason)],
        closed=[item.id],
        changed={"pay_x1": {"doubt": None if told else reason}},
        told=[(told, event)] if told else [],
    )


async def test_what_came_to_stalls_at_one_moment_is_in_the_order_of_its_payments(
    asking: WriteSession,
) -> None:
    for payment_id, item_id in (("pay_x1", "susp_x2"), ("pay_x2", "susp_x1")):
        await money(asking, payment_id, 600, reference=STALL)
        await waits(asking, payment_id, 600, "stall_credit", id=item_id)
    found = await suspense.list_stall_credit(asking, [STALL])
    assert [one.id for one in found] == ["susp_x2", "susp_x1"]


async def test_money_that_went_astray_is_for_people(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    item = await stray(asking, 5000, A)
    await say(asking, "pay_x1", narrative=A, astray="9704")
    async with doing(asking) as done:
        await send_on(asking, CIPHER, item, ACTOR)
    assert done.held == [("pay_x1", None, "suspense", 5000, "unknown_reference")]
    assert done.given == []


async def test_exact_money_for_several_bills_settles_each(asking: WriteSession) -> None:
    await bill(asking, "bill_a", amount=3000)
    await bill(asking, "bill_b")
    item = await stray(asking, 8000, f"{A} {B}")
    async with doing(asking) as done:
        given = await send_on(asking, CIPHER, item, ACTOR)
    assert (given["allocated"], len(given["bills"])) == (8000, 2)
    assert done.given == [("pay_x1", "bill_a", 3000, None), ("pay_x1", "bill_b", 5000, None)]
    assert done.changed["pay_x1"] == {"doubt": None}


async def test_other_money_for_several_bills_waits_for_people(asking: WriteSession) -> None:
    await bill(asking, "bill_a", amount=3000)
    await bill(asking, "bill_b")
    item = await stray(asking, 8001, f"{A} {B}")
    async with doing(asking) as done:
        await send_on(asking, CIPHER, item, ACTOR)
    assert done.given == []
    assert done.held == [("pay_x1", None, "suspense", 8001, "several_references")]


def misspelt(right: str) -> str:
    """A reference with a character that is none of its own."""
    return right[:5] + ("D" if right[5] != "D" else "E") + right[6:]


@pytest.mark.parametrize("kept", [False, True])
async def test_words_that_misspell_another_bill_are_for_people(
    asking: WriteSession, kept: bool
) -> None:
    """Both as they came, and as another source tells of them now."""
    await bill(asking, "bill_a", amount=3000)
    await bill(asking, "bill_b")
    item = await stray(asking, 8000, A)
    words = f"{A} {misspelt(B)}"
    await say(asking, "pay_x1", narrative=words if kept else A)
    async with doing(asking) as done:
        await send_on(asking, CIPHER, item, ACTOR, "" if kept else words)
    assert done.held == [("pay_x1", None, "suspense", 8000, "several_references")]


async def test_only_the_exact_sum_is_for_those_that_words_misspell(asking: WriteSession) -> None:
    await bill(asking, "bill_a", amount=3000)
    await bill(asking, "bill_b")
    to_first = Destination(Reason.UNKNOWN_REFERENCE, "bill_a", A)
    nowhere = Destination(Reason.NO_REFERENCE)
    words = f"{A} {misspelt(B)}"
    several = Destination(Reason.SEVERAL_REFERENCES, reference=A)
    assert await unless_for_others(asking, to_first, words, 8000) == several
    assert await unless_for_others(asking, to_first, words, 7999) == to_first
    assert await unless_for_others(asking, to_first, A, 3000) == to_first
    assert await unless_for_others(asking, nowhere, words, 8000) == nowhere


async def poster(session: WriteSession, amount: int, named: str = POSTER) -> LockedItem:
    await refer(session, POSTER, "procedure", fee_code="phi-poster", agency_id="agency_2")
    return await stray(session, amount, named)


async def test_exact_money_on_a_poster_makes_its_bill(asking: WriteSession) -> None:
    item = await poster(asking, POSTER_PRICE)
    async with doing(asking) as done:
        given = await send_on(asking, CIPHER, item, ACTOR)
    assert done.given == [("pay_x1", "bill", 4500, None)]
    assert done.posted == [moved("pay_x1", "bill", revenue=4500)]
    assert done.changed == {"pay_x1": {"bill_id": "bill", "agency_id": "agency_2", "doubt": None}}
    assert given["allocated"] == 4500
    assert [action for action, _, _ in done.noted] == ["bill.opened", "bill.paid"]


async def test_other_money_on_a_poster_makes_none(asking: WriteSession) -> None:
    item = await poster(asking, 4501)
    async with doing(asking) as done:
        assert await send_on(asking, CIPHER, item, ACTOR) == became(suspense=4501)
    assert done.held == [("pay_x1", None, "suspense", 4501, "static_amount")]
    assert done.changed == {"pay_x1": {"doubt": "static_amount"}}


async def test_a_poster_whose_fee_is_not_in_force_makes_none(asking: WriteSession) -> None:
    await refer(asking, POSTER, "procedure", fee_code="phi-none")
    item = await stray(asking, 4500, POSTER)
    async with doing(asking) as done:
        await send_on(asking, CIPHER, item, ACTOR)
    assert done.held == [("pay_x1", None, "suspense", 4500, "fee_not_in_force")]


async def test_what_another_source_tells_of_is_let_go(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    await money(asking, "pay_x1", 5300, reference=A, doubt="statement_only")
    stated = await waits(asking, "pay_x1", 5000, "statement_only")
    await waits(asking, "pay_x1", 300, "possible_duplicate")
    async with doing(asking) as done:
        released = await release_stated(asking, CIPHER, "pay_x1", None, actor=ACTOR)
    assert released == [became(5000, bill=A)]
    assert done.closed == [stated.id]
    assert done.changed["bill_a"]["status"] == "paid"


async def test_what_the_bank_has_taken_back_is_not_let_go(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    await money(asking, "pay_x1", 5000, reference=A)
    await waits(asking, "pay_x1", 5000, "statement_only")
    await audit.record(asking, actor="x", action=RETURNED, object_id="pay_x1", details={})
    async with doing(asking) as done:
        assert await release_stated(asking, CIPHER, "pay_x1", None, actor=ACTOR) == []
    assert done == Done()


async def test_the_bill_is_locked_before_what_is_let_go(
    asking: WriteSession, written_books: Database
) -> None:
    """Also where nothing of it is let go."""
    assert await release_stated(asking, CIPHER, "pay_whole", "bill_000", actor=ACTOR) == []
    assert not await rows_free(written_books, "bill", ["bill_000"])


@pytest.mark.parametrize(("place", "amount"), [("suspense", 5000), ("refundable", 3000)])
async def test_what_was_no_money_is_reversed(asking: WriteSession, place: str, amount: int) -> None:
    await bill(asking, "bill_a")
    await money(asking, "pay_x1", 5000)
    item = await waits(asking, "pay_x1", amount, "excess", bill_id="bill_a", place=place)
    async with doing(asking) as done:
        await reverse_item(asking, ACTOR, item, Reason.SAME_MONEY)
    ledgers = {place: amount, "reversed": -amount}
    details = {"item": item.id, "amount": amount, "reason": "same_money"}
    assert done == Done(
        held=[("pay_x1", "bill_a", "reversed", amount, "same_money")],
        closed=[item.id],
        posted=[("reversal", "pay_x1", TODAY, "acct_1", "bill_a", ledgers)],
        # Of a part people say nothing about the whole payment.
        changed={"pay_x1": {"doubt": "same_money"}} if amount == 5000 else {},
        noted=[("payment.reversed", "pay_x1", details)],
    )


async def settled(session: WriteSession, **changes: Any) -> dict[str, str]:
    """A paid bill with what three payments gave it, and what one gave and took back before."""
    await bill(session, "bill_a", status="paid", paid_at=DAYS_AT[2], amount=6000, **changes)
    for payment_id, amount in (("pay_x1", 1000), ("pay_x2", 2000), ("pay_x3", 3000)):
        given = {"bill_id": "bill_a", "collection_account_id": "acct_2"}
        await money(session, payment_id, amount, **given)
        part = {"id": f"alloc_{payment_id}", "payment_id": payment_id, "bill_id": "bill_a"}
        await insert(session, "allocation", {**part, "amount": amount, "created_at": NOW})
    old = {"payment_id": "pay_x3", "bill_id": "bill_a", "created_at": NOW}
    await insert(session, "allocation", {**old, "id": "alloc_old", "amount": 70})
    back = {"id": "alloc_old_back", "amount": -70, "reverses": "alloc_old"}
    await insert(session, "allocation", old | back)
    return {"bill_id": "bill_a", "agency_id": changes.get("agency_id", "agency_1")}


def undone(payment_id: str, amount: int, place: str) -> tuple[Any, ...]:
    ledgers = {"revenue": amount, place: -amount}
    return ("reversal", payment_id, TODAY, "acct_2", "bill_a", ledgers)


@pytest.mark.parametrize("is_money", [False, True])
async def test_a_bill_whose_money_was_none_is_owed_again(
    asking: WriteSession, is_money: bool
) -> None:
    whose = await settled(asking)
    owed = await lock_bill(asking, "bill_a")
    gone = ["pay_x2", "pay_x1"]
    how = {"is_money": True} if is_money else {}
    async with doing(asking) as done:
        await reverse_settlement(asking, ACTOR, owed, gone, Reason.SAME_MONEY, **how)
    place = "suspense" if is_money else "reversed"
    log = {"reason": "same_money", "bill": "bill_a"}
    assert done == Done(
        given=[
            ("pay_x1", "bill_a", -1000, "alloc_pay_x1"),
            ("pay_x2", "bill_a", -2000, "alloc_pay_x2"),
            ("pay_x3", "bill_a", -3000, "alloc_pay_x3"),
        ],
        held=[
            ("pay_x1", "bill_a", place, 1000, "same_money"),
            ("pay_x2", "bill_a", place, 2000, "same_money"),
            ("pay_x3", "bill_a", "suspense", 3000, "short"),
        ],
        posted=[
            undone("pay_x1", 1000, place),
            undone("pay_x2", 2000, place),
            undone("pay_x3", 3000, "suspense"),
        ],
        changed={
            "bill_a": {"status": "open", "paid_at": None},
            "pay_x1": {"doubt": "same_money"},
            "pay_x2": {"doubt": "same_money"},
        },
        noted=[
            (
                "bill.reopened",
                "bill_a",
                {"before": "paid", "reason": "same_money", "payments": ["pay_x1", "pay_x2"]},
            ),
            ("payment.reversed", "pay_x1", log | {"amount": 1000, "allocation": "alloc_pay_x1"}),
            ("payment.reversed", "pay_x2", log | {"amount": 2000, "allocation": "alloc_pay_x2"}),
        ],
        told=[("bill.reopened", whose | {"amount": 6000})],
    )


@pytest.mark.parametrize("channel", ["api", "poster"])
async def test_what_was_sent_over_pays_it_again_and_no_more_than_it_takes(
    asking: WriteSession, channel: str
) -> None:
    """Nor is it cancelled then, whose money ever had made it."""
    await settled(asking, channel=channel)
    await refer(asking, POSTER, "procedure", fee_code="phi-poster")
    await money(asking, "pay_x6", 9, reference=POSTER, bill_id="bill_a")
    await money(asking, "pay_x5", 4000, bill_id="bill_a")
    over = {"bill_id": "bill_a", "place": "refundable"}
    first = await waits(asking, "pay_x5", 3000, "bill_already_paid", id="susp_x1", **over)
    await waits(asking, "pay_x5", 1000, "excess", id="susp_x2", **over)
    owed = await lock_bill(asking, "bill_a")
    gone = ["pay_x2", "pay_x1", "pay_x6"]
    async with doing(asking) as done:
        await reverse_settlement(asking, ACTOR, owed, gone, Reason.SAME_MONEY)
    assert first.id in done.closed
    assert "susp_x2" not in done.closed
    assert ("pay_x5", "bill_a", 3000, None) in done.given
    assert ("pay_x3", "bill_a", 3000, None) in done.given
    assert done.changed["bill_a"] == {"paid_at": NOW.isoformat()}
    assert {name for name, _ in done.told} == {"bill.reopened", "bill.paid"}


#: What is another of a bill that a poster's money had made, and whether it is cancelled then.
MADE_BY: dict[str, tuple[dict[str, Any], bool]] = {
    "a poster's": ({}, True),
    "another channel's": ({"channel": "api"}, False),
    "a stall's": ({"kind": "stall"}, False),
    "of money that stays": ({"gone": "pay_x2"}, False),
    "of another bill's money": ({"other": True}, False),
}


@pytest.mark.parametrize("whose", MADE_BY)
async def test_a_bill_that_such_money_had_made_is_cancelled(
    asking: WriteSession, whose: str
) -> None:
    changes, cancelled = MADE_BY[whose]
    told = dict(changes)
    kind, gone = told.pop("kind", "procedure"), told.pop("gone", "pay_x1")
    other = told.pop("other", False)
    await settled(asking, **({"channel": "poster"} | told))
    await refer(asking, POSTER, kind, fee_code="phi-poster" if kind == "procedure" else None)
    await bill(asking, "bill_b", channel="poster")
    values = {"reference": POSTER, "bill_id": "bill_b" if other else "bill_a"}
    await money(asking, "pay_x6", 9, **values)
    made = "pay_x6" if gone == "pay_x1" else "pay_x7"
    owed = await lock_bill(asking, "bill_a")
    async with doing(asking) as done:
        await reverse_settlement(asking, ACTOR, owed, [gone, made], Reason.SAME_MONEY)
    after = {"status": "cancelled" if cancelled else "open", "paid_at": None}
    assert done.changed["bill_a"] == after
    actions = [action for action, object_id, _ in done.noted if object_id == "bill_a"]
    assert actions == ["bill.cancelled", "bill.reopened"][not cancelled :]
