"""Rows of the money written straight into the tables, for tests that need no running system.

Each takes a session and the columns to change; what only the whole system would add is left out.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.seed.agency import DemoBody
from core import clock
from core.ids import new_id
from core.references import new_reference
from core.sessions import WriteSession


async def insert(session: WriteSession, table: str, values: dict[str, Any]) -> None:
    """Write one row; columns that are not named keep their default."""
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(f":{name}" for name in values)
    await session.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), values)


async def add_bill(session: WriteSession, body: DemoBody, **changes: Any) -> str:
    """An open bill of 5,000 đ with its line; its id."""
    now = clock.now()
    values: dict[str, Any] = {
        "id": new_id("bill"),
        "agency_id": body.agency_id,
        "reference": new_reference(),
        "status": "open",
        "amount": 5000,
        "channel": "api",
        "language": "vi",
        "extra": "{}",
        "created_at": now,
        "opened_on": clock.business_date(now),
    } | changes
    await insert(session, "bill", values)
    line = {
        "bill_id": values["id"],
        "position": 1,
        "description": "Chứng thực bản sao từ bản chính",
        "quantity": 3,
        "unit": "trang",
        "copies": 1,
        "amount": values["amount"],
        "sub_item": "2716",
    }
    await insert(session, "bill_line", line)
    return str(values["id"])


async def add_paid_bill(session: WriteSession, body: DemoBody, **changes: Any) -> str:
    """A bill that is paid, as far as issuing its receipt asks; its id."""
    return await add_bill(session, body, **({"status": "paid", "paid_at": clock.now()} | changes))


async def add_credit(session: WriteSession, body: DemoBody, **changes: Any) -> str:
    """A credit of 5,000 đ that arrived by itself a minute ago; its id."""
    now = clock.now() - timedelta(minutes=1)
    values: dict[str, Any] = {
        "id": new_id("pay"),
        "kind": "credit",
        "agency_id": body.agency_id,
        "gateway": "bank",
        "collection_account_id": body.collection_account_id,
        "status": "succeeded",
        "amount": 5000,
        "credited": 5000,
        "gateway_ref": new_id("ft"),
        "settlement_key": new_id("key"),
        "created_at": now,
        "paid_at": now,
        "accounting_on": clock.business_date(now),
        "asked": 0,
    } | changes
    await insert(session, "payment", values)
    return str(values["id"])
