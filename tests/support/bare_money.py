"""Bodies, places of money and notices written straight into the tables, beside `bare_rows`.

Of several bodies, accounts and days that differ in everything: what a query gives of them shows
which of its conditions it forgets.
"""

from typing import Any

from sqlalchemy import text

from app.seed.agency import DemoBody
from core import clock
from core.ids import new_id
from core.sessions import WriteSession
from payments.books.identity import STATEMENT
from tests.support.bare_rows import insert


async def add_body(session: WriteSession, parent_id: str | None = None) -> DemoBody:
    """A body with an account of its own; below another one where that is given."""
    agency_id = new_id("agency")
    values: dict[str, Any] = {
        "id": agency_id,
        "code": agency_id,
        "name": "UBND phường Thử",
        "name_en": "Trial Ward",
        "parent_id": parent_id,
        "tax_code": "0100000000",
        "address": "1 đường Thử",
        "phone": "024",
        "return_origins": [],
        "created_at": clock.now(),
    }
    await insert(session, "agency", values)
    account_id = await add_account(session, agency_id)
    return DemoBody(agency_id, agency_id, account_id, account_id)


async def add_account(session: WriteSession, agency_id: str, **changes: Any) -> str:
    """An account on which a body's money arrives; its id is its code and its number."""
    account_id = new_id("acct")
    values: dict[str, Any] = {
        "id": account_id,
        "agency_id": agency_id,
        "code": account_id,
        "bank_bin": "999999",
        "account_number": account_id,
        "account_name": "TK THU",
        "cut_off": "16:00",
        "created_at": clock.now(),
    } | changes
    await insert(session, "collection_account", values)
    return account_id


async def add_reference(
    session: WriteSession, agency_id: str, kind: str, reference: str, fee_code: str | None = None
) -> str:
    """What a bank carries back to us, of that kind; the reference."""
    values = {"reference": reference, "kind": kind, "agency_id": agency_id, "fee_code": fee_code}
    await insert(session, "reference", {**values, "created_at": clock.now()})
    return reference


async def give(session: WriteSession, payment_id: str, bill_id: str, amount: int) -> str:
    """Give a bill a part of a payment; the allocation's id."""
    allocation_id = new_id("alloc")
    values = {"id": allocation_id, "payment_id": payment_id, "bill_id": bill_id, "amount": amount}
    await insert(session, "allocation", {**values, "created_at": clock.now()})
    return allocation_id


async def take_back(session: WriteSession, allocation_id: str) -> None:
    """Take a part back that a bill was given, whole."""
    taken = text(
        "INSERT INTO allocation (id, payment_id, bill_id, amount, created_at, reverses)"
        " SELECT :id, payment_id, bill_id, -amount, :now, id FROM allocation WHERE id = :reverses"
    )
    values = {"id": new_id("alloc"), "now": clock.now(), "reverses": allocation_id}
    await session.execute(taken, values)


async def put(
    session: WriteSession, payment_id: str, place: str, reason: str, amount: int, **changes: Any
) -> str:
    """Put a part of a payment into a place that is no bill's; the item's id."""
    values: dict[str, Any] = {
        "id": new_id("susp"),
        "payment_id": payment_id,
        "place": place,
        "amount": amount,
        "reason": reason,
        "created_at": clock.now(),
    } | changes
    await insert(session, "suspense_item", values)
    return str(values["id"])


async def tell(
    session: WriteSession, body: DemoBody, payment_id: str, notice_ref: str, **changes: Any
) -> None:
    """A notice of 5,000 đ of today, a statement's unless another source is given."""
    now = clock.now()
    values: dict[str, Any] = {
        "source": STATEMENT,
        "notice_ref": notice_ref,
        "amount": 5000,
        "collection_account_id": body.collection_account_id,
        "booked_on": clock.business_date(now),
        "bank_ref": "",
        "plain_ref": "",
        "reference": "",
        "payment_id": payment_id,
        "told_at": now,
    } | changes
    await insert(session, "credit_notice", values)
