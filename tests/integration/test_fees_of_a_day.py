"""What each fee of a day got, and what its body keeps of it, to the đồng.

Two accounts, two days, five bodies, shares that differ in everything and end or begin that day.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from app.seed.agency import DemoBody
from core import clock
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.books.day_totals import (
    FeeTotal,
    PlaceTotal,
    list_fee_totals,
    list_place_totals,
    list_waiting_totals,
)
from tests.support.bare_money import add_account, add_body, give, put, take_back
from tests.support.bare_rows import add_credit, insert
from tests.support.catalogue_rows import fee_row, procedure_row

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON = date(2026, 11, 27)
DAY = timedelta(days=1)


async def add_fee(session: WriteSession, code: str, procedure: str) -> str:
    """A fee of a procedure of its own; its id."""
    known = procedure_row(new_id("proc"), procedure)
    session.add(known)
    await session.flush()
    fee = fee_row(known.id, code=code, name_vi=f"Khoản {code}")
    session.add(fee)
    await session.flush()
    return fee.id


async def add_share(
    session: WriteSession, code: str, percent: int, agency_id: str | None = None, **changes: Any
) -> None:
    values: dict[str, Any] = {
        "id": new_id("share"),
        "code": code,
        "agency_id": agency_id,
        "kept_percent": percent,
        "basis": "x",
        "source": "x",
        "certainty": "confirmed",
        "checked_on": ON,
        "valid_from": date(2026, 1, 1),
        "created_at": clock.now(),
        "updated_at": clock.now(),
    } | changes
    await insert(session, "fee_share", values)


async def add_lines(session: WriteSession, body: DemoBody, *lines: dict[str, Any]) -> str:
    """An open bill of these lines; its id."""
    bill_id = new_id("bill")
    bill = {
        "id": bill_id,
        "agency_id": body.agency_id,
        "reference": bill_id,
        "status": "open",
        "amount": sum(line["amount"] for line in lines),
        "channel": "api",
        "language": "vi",
        "extra": "{}",
        "created_at": clock.now(),
        "opened_on": ON,
    }
    await insert(session, "bill", bill)
    for position, line in enumerate(lines, 1):
        usual = {"bill_id": bill_id, "position": position, "quantity": 1, "unit": "", "copies": 1}
        await insert(session, "bill_line", {"description": "Dòng", **usual, **line})
    return bill_id


async def paid(session: WriteSession, body: DemoBody, bill: str, amount: int, **said: Any) -> str:
    """Money of the day that a bill was given; the allocation's id."""
    payment = await add_credit(session, body, **({"accounting_on": ON} | said))
    return await give(session, payment, bill, amount)


def total(body: DemoBody, *figures: Any, **share: Any) -> FeeTotal:
    return FeeTotal(body.agency_code, *figures, **share)


def kept(percent: int, amount: int, certainty: str = "confirmed") -> dict[str, Any]:
    return {"kept_percent": percent, "certainty": certainty, "kept": amount}


async def test_each_fee_got_its_part_and_its_body_keeps_the_share_of_the_nearest(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        above = await add_body(session)
        between = await add_body(session, above.agency_id)
        ward = await add_body(session, between.agency_id)
        other, bare = await add_body(session), await add_body(session)
        tag = new_id("t")[-8:]
        one, two, three, nobody = (f"{tag}-{n}" for n in "1234")
        first, second = [await add_fee(session, code, f"9.{code}") for code in (one, two)]
        # Of the first fee: of the nation, and of bodies; what ended the day before, or begins the
        # day after, is no share of this day.
        await add_share(session, one, 10)
        await add_share(session, one, 20, above.agency_id)
        await add_share(session, one, 30, between.agency_id, valid_from=ON, valid_to=ON)
        await add_share(session, one, 98, ward.agency_id, valid_to=ON - DAY)
        await add_share(session, one, 97, ward.agency_id, valid_from=ON + DAY)
        await add_share(session, nobody, 96, ward.agency_id)
        for code, percent in ((one, 50), (two, 40)):
            await add_share(session, code, percent, other.agency_id)

        shared = await add_lines(
            *(session, ward),
            {"fee_id": first, "fee": one, "amount": 700, "sub_item": "2716", "nature": "fee"},
            {"fee_id": second, "fee": two, "amount": 300, "nature": "fee"},
        )
        await paid(session, ward, shared, 333)
        await paid(session, ward, shared, 667, gateway="paygov")
        named = await add_lines(
            *(session, ward),
            {"description": "Thuê quầy", "amount": 500},
            {"description": "Không thu", "amount": 0},
            {"description": "Gửi xe", "amount": 200, "nature": "price"},
            {"description": "Chỗ ngồi", "amount": 100, "nature": "charge"},
        )
        await paid(session, ward, named, 800)
        again = {"description": "Dòng khác", "fee_id": first, "fee": one, "sub_item": "2716"}
        tiny = await add_lines(session, ward, {**again, "amount": 1})
        await paid(session, ward, tiny, 1)
        guarded = {"description": "An ninh", "amount": 40}
        guard = await add_lines(session, ward, guarded)
        await paid(session, ward, guard, 40, gateway="paygov")
        unknown = {"fee": three, "amount": 60, "nature": "charge"}
        await paid(session, ward, await add_lines(session, ward, unknown), 60)
        for body, amount in ((other, 1000), (bare, 500)):
            line = {"fee_id": first, "fee": one, "amount": amount}
            await paid(session, ward, await add_lines(session, body, line), amount)
        # Of another day, another account, or taken back again.
        late = await add_lines(session, ward, unknown)
        await paid(session, ward, late, 7, accounting_on=ON + DAY)
        elsewhere = await add_account(session, ward.agency_id)
        await paid(session, ward, late, 8, collection_account_id=elsewhere)
        await take_back(session, await paid(session, ward, late, 9))

        found = await list_fee_totals(session, ward.collection_account_id, ON)
    by_nature = kept(0, 0, "nature")
    of_one = (f"9.{one}", one, f"Khoản {one}")
    of_two = (f"9.{two}", two, f"Khoản {two}")
    assert found == [
        total(ward, "", "", "Chỗ ngồi", "", "bank", 1, 100),
        total(
            *(ward, "", "", "Gửi xe", "", "bank", 1, 200),
            **kept(100, 200, "nature"),
        ),
        total(ward, "", "", "Thuê quầy", "", "bank", 1, 500),
        total(ward, "", "", "An ninh", "", "paygov", 1, 40),
        total(ward, "", three, "Dòng", "", "bank", 1, 60),
        total(
            *(ward, *of_one, "2716", "bank", 2, 234),
            **kept(30, 69),
        ),
        total(
            *(ward, *of_one, "2716", "paygov", 1, 466),
            **kept(30, 139),
        ),
        total(ward, *of_two, "", "bank", 1, 100, **by_nature),
        total(ward, *of_two, "", "paygov", 1, 201, **by_nature),
        total(
            *(other, *of_one, "", "bank", 1, 1000),
            **kept(50, 500),
        ),
        total(
            *(bare, *of_one, "", "bank", 1, 500),
            **kept(10, 50),
        ),
    ]
    assert sum(one.amount for one in found) == 333 + 667 + 800 + 1 + 40 + 60 + 1000 + 500


async def test_what_waits_of_an_account_is_summed_by_place_and_reason(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        body, other = await add_body(session), await add_body(session)
        for at, place, reason, amount, changes in (
            (body, "suspense", "short", 300, {}),
            (body, "suspense", "short", 20, {}),
            (body, "suspense", "bill_cancelled", 4, {}),
            (body, "refundable", "excess", 5, {}),
            (body, "refundable", "excess", 6, {"closed_at": clock.now()}),
            (body, "reversed", "same_money", 7, {}),
            (body, "in_transit", "settled_by_gateway", 8, {}),
            (other, "suspense", "short", 9, {}),
        ):
            payment = await add_credit(session, at)
            await put(session, payment, place, reason, amount, **changes)
        assert await list_waiting_totals(session, body.collection_account_id) == [
            PlaceTotal("refundable", "excess", 1, 5),
            PlaceTotal("suspense", "bill_cancelled", 1, 4),
            PlaceTotal("suspense", "short", 2, 320),
        ]


async def test_the_money_of_a_day_is_in_its_places(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        bill = await add_lines(session, body, {"amount": 5000})
        for on, amount in ((ON, 700), (ON, 30), (ON + DAY, 2)):
            payment = await add_credit(session, body, accounting_on=on)
            await give(session, payment, bill, amount)
            await put(session, payment, "suspense", "short", amount + 1)
        assert await list_place_totals(session, body.collection_account_id, ON) == [
            PlaceTotal("allocated", "", 2, 730),
            PlaceTotal("suspense", "short", 2, 732),
        ]
