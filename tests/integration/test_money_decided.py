"""What two people may decide of waiting money: what each sees, and what is done then."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.clock import VIETNAM
from core.crypto import Cipher
from core.db import Database
from core.errors import Invalid, NotFound
from core.sessions import WriteSession
from payments.books.approvals import ApprovalValue, Subject
from payments.books.resolutions import NotWaiting, suspense_kinds
from payments.books.suspense import LockedItem
from payments.books.transit import MoreThanInTransit
from tests.integration.test_money_moved_on import became, moved, stray
from tests.integration.test_money_posted import DAYS_AT, in_transit, paid
from tests.support.bare_books import NOW
from tests.support.book_deeds import ACTOR, TODAY, Done, bill, doing, money, reference, waits
from tests.support.locks import rows_free

pytestmark = pytest.mark.asyncio(loop_scope="module")

CIPHER = Cipher(b"k" * 32)
KINDS = ("assign", "refund", "same_money", "other_money", "returned", "settlement", "keep")
A, B, C, STALL = (reference(letter) for letter in "ABCS")


async def look(
    session: WriteSession, kind: str, item_id: str, wanted: Mapping[str, Any] | None = None
) -> Subject:
    return await suspense_kinds(CIPHER)[kind].look(session, item_id, wanted or {})


async def carry_out(
    session: WriteSession,
    kind: str,
    item: LockedItem,
    wanted: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    approval = ApprovalValue(
        *("approval_x", "agency_1", "co-quan-0", kind, item.id, dict(wanted or {})),
        figures={"amount": item.amount},
        reason="r",
        status="proposed",
        proposed_by="x",
        proposed_at=NOW,
        decided_by=None,
        decided_at=None,
        decision=None,
        outcome=None,
    )
    return await suspense_kinds(CIPHER)[kind].carry_out(session, approval, ACTOR)


def figures(item: LockedItem) -> dict[str, Any]:
    return {
        "amount": item.amount,
        "place": item.place,
        "reason": item.reason,
        "payment": "pay_x1",
        "credited": item.credited,
        "paid_at": NOW.astimezone(VIETNAM).isoformat(timespec="seconds"),
        "reference": item.reference,
    }


@pytest.mark.parametrize("kind", ["refund", "same_money", "other_money", "returned", "keep"])
async def test_whoever_decides_sees_what_waits(asking: WriteSession, kind: str) -> None:
    item = await stray(asking, 5000, A)
    assert await look(asking, kind, item.id) == Subject("agency_1", figures(item))


#: What is another of an item, and which kinds of decisions it keeps from being asked for.
NOT_SO: dict[str, tuple[dict[str, Any], set[str]]] = {
    "closed": ({"closed_at": NOW}, {*KINDS}),
    "at its end": ({"place": "reversed"}, {*KINDS}),
    "refundable": (
        {"place": "refundable"},
        {"refund", "same_money", "other_money"},
    ),
    "beyond doubt": ({"reason": "no_reference"}, {"same_money", "other_money"}),
}


@pytest.mark.parametrize("how", NOT_SO)
async def test_what_cannot_be_decided_of_it(asking: WriteSession, how: str) -> None:
    await bill(asking, "bill_a")
    await in_transit(asking, 10_000)
    await money(asking, "pay_x1", 5000)
    changes, refused = NOT_SO[how]
    values = {"reason": "possible_duplicate", **changes}
    item = await waits(asking, "pay_x1", 5000, **values)
    assert {*suspense_kinds(CIPHER)} == {*KINDS}
    for kind in KINDS:
        wanted = {"bill": A} if kind == "assign" else {}
        if kind in refused:
            with pytest.raises(NotWaiting) as told:
                await look(asking, kind, item.id, wanted)
            assert told.value.code == "not_waiting"
        else:
            assert (await look(asking, kind, item.id, wanted)).agency_id == "agency_1"
    with pytest.raises(NotFound):
        await look(asking, "keep", "susp_none")


async def test_only_the_banks_money_is_paid_over_and_no_more_than_there_is(
    asking: WriteSession,
) -> None:
    await in_transit(asking, 5000)
    item = await stray(asking, 5000, None)
    assert await look(asking, "settlement", item.id) == Subject("agency_1", figures(item))
    more = await waits(asking, await money(asking, "pay_x2", 5001), 5001, "no_reference")
    with pytest.raises(MoreThanInTransit):
        await look(asking, "settlement", more.id)
    await money(asking, "pay_x3", 10, gateway="momo")
    theirs = await waits(asking, "pay_x3", 10, "no_reference")
    with pytest.raises(NotWaiting):
        await look(asking, "settlement", theirs.id)


async def test_the_bill_that_money_is_to_be_given_to_is_shown(asking: WriteSession) -> None:
    await bill(asking, "bill_a", agency_id="agency_2", status="expired")
    await waits(asking, await money(asking, "pay_w1", 700), 700, "short", bill_id="bill_a")
    item = await stray(asking, 5000, None)
    shown = {"reference": A, "status": "expired", "amount": 5000, "waiting": 700}
    for wanted in ({"bill": A}, {"bills": [A]}):
        seen = await look(asking, "assign", item.id, wanted)
        assert seen == Subject("agency_1", figures(item) | {"bill": shown}, ("agency_2",))
    async with doing(asking) as done:
        given = await carry_out(asking, "assign", item, {"bill": A})
    assert given == became(4300, refundable=700, bill=A)
    assert done.changed["pay_x1"] == {
        "bill_id": "bill_a",
        "agency_id": "agency_2",
        "doubt": None,
    }


@pytest.mark.parametrize("third", [False, True])
async def test_the_bills_that_money_is_to_be_split_over_are_shown(
    asking: WriteSession, third: bool
) -> None:
    for bill_id, at in (("bill_a", DAYS_AT[2]), ("bill_b", DAYS_AT[1]), ("bill_c", DAYS_AT[0])):
        await bill(asking, bill_id, expires_at=at)
    await waits(asking, await money(asking, "pay_w1", 700), 700, "short", bill_id="bill_c")
    item = await stray(asking, 7000 if third else 4300, f"{A} {B} {C}")
    shown = [
        {"reference": A, "status": "open", "amount": 5000, "waiting": 0, "share": 0},
        {"reference": B, "status": "open", "amount": 5000, "waiting": 0, "share": 2700},
        {"reference": C, "status": "open", "amount": 5000, "waiting": 700, "share": 4300},
    ]
    parts = [became(4300, bill=C), became(suspense=2700, bill=B)]
    if not third:
        del shown[1], parts[1]
    wanted = {"bills": [one["reference"] for one in shown]}
    seen = await look(asking, "assign", item.id, wanted)
    assert seen == Subject("agency_1", figures(item) | {"bills": shown}, ("agency_1",))
    async with doing(asking) as done:
        given = await carry_out(asking, "assign", item, wanted)
    assert given["bills"] == parts
    assert item.id in done.closed


async def test_what_waits_for_a_bill_already_is_not_given_to_it(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    await bill(asking, "bill_b")
    await money(asking, "pay_x1", 5000, bill_id="bill_a")
    short = await waits(asking, "pay_x1", 500, "short", bill_id="bill_a")
    over = await waits(asking, "pay_x1", 400, "bill_cancelled", bill_id="bill_a")
    for wanted in ({"bill": A}, {"bills": [A, B]}, {"bills": [B, A]}):
        with pytest.raises(NotWaiting):
            await look(asking, "assign", short.id, wanted)
        assert (await look(asking, "assign", over.id, wanted)).agency_id == "agency_1"
    other = await look(asking, "assign", short.id, {"bill": B})
    assert other.figures["bill"]["reference"] == B


async def test_money_is_given_to_no_bill_that_is_none_here(asking: WriteSession) -> None:
    await bill(asking, "bill_b", agency_id="agency_4")
    item = await stray(asking, 5000, None)
    for unknown in (A, B):
        with pytest.raises(Invalid):
            await look(asking, "assign", item.id, {"bill": unknown})


async def test_what_is_decided_of_waits_with_its_bills_locked(
    asking: WriteSession, written_books: Database
) -> None:
    assert await rows_free(written_books, "bill", ["bill_000"])
    await look(asking, "keep", "susp_whole")
    assert not await rows_free(written_books, "bill", ["bill_000"])
    assert not await rows_free(written_books, "suspense_item", ["susp_whole"])


async def test_money_that_is_wanted_back_is_refundable(asking: WriteSession) -> None:
    item = await stray(asking, 5000, A)
    async with doing(asking) as done:
        given = await carry_out(asking, "refund", item)
    assert given == became(refundable=5000)
    assert done == Done(
        held=[("pay_x1", None, "refundable", 5000, "refund_wanted")],
        closed=[item.id],
        posted=[moved("pay_x1", None, refundable=5000)],
        changed={"pay_x1": {"doubt": "refund_wanted"}},
    )


@pytest.mark.parametrize(
    ("kind", "reason"), [("same_money", "same_money"), ("returned", "returned_by_bank")]
)
async def test_money_that_was_none_or_went_back_is_reversed(
    asking: WriteSession, kind: str, reason: str
) -> None:
    item = await stray(asking, 5000, A)
    async with doing(asking) as done:
        assert await carry_out(asking, kind, item) == {"reversed": 5000}
    ledgers = {"suspense": 5000, "reversed": -5000}
    assert done == Done(
        held=[("pay_x1", None, "reversed", 5000, reason)],
        closed=[item.id],
        posted=[("reversal", "pay_x1", TODAY, "acct_1", None, ledgers)],
        changed={"pay_x1": {"doubt": reason}},
        noted=[
            (
                "payment.reversed",
                "pay_x1",
                {"item": item.id, "amount": 5000, "reason": reason},
            )
        ],
    )


async def test_money_that_a_gateway_paid_over_is_cleared(asking: WriteSession) -> None:
    item = await stray(asking, 5000, None)
    async with doing(asking) as done:
        assert await carry_out(asking, "settlement", item) == {"cleared": 5000}
    assert done.held == [("pay_x1", None, "in_transit", 5000, "settled_by_gateway")]


async def test_other_money_goes_where_it_was_sent(asking: WriteSession) -> None:
    await bill(asking, "bill_a")
    item = await stray(asking, 5000, A)
    async with doing(asking) as done:
        assert await carry_out(asking, "other_money", item) == became(5000, bill=A)
    settled = paid("bill_a")
    own = {"bill_id": "bill_a", "doubt": None}
    assert done.changed == settled["changed"] | {"pay_x1": own}


async def test_what_is_kept_stays_where_it_is(asking: WriteSession) -> None:
    item = await stray(asking, 5000, None)
    async with doing(asking) as done:
        assert await carry_out(asking, "keep", item) == {"kept": 5000}
    assert done == Done()
