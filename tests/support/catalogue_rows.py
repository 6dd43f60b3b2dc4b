"""A catalogue in a database of its own: rows one by one, and what is asked of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event, text

from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.models import Agency
from payments.catalogue import models, queries
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import price
from payments.catalogue.rules.pricing import price_fees
from payments.catalogue.rules.schedule import FeeValue, Schedule

TODAY = date(2026, 11, 22)
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


async def add_agency(database: Database, code: str, parent_id: str | None = None) -> str:
    agency = Agency(
        id=new_id("agency"),
        code=code,
        name="Cơ quan thu",
        name_en="Collecting body",
        parent_id=parent_id,
        tax_code="0100000000",
        address="Hà Nội",
        phone="024",
        return_origins=[],
        created_at=BEGAN,
    )
    async with database.transaction() as session:
        session.add(agency)
    return agency.id


async def find_fee(
    session: WriteSession, agency_id: str | None, code: str, day: date
) -> FeeValue | None:
    return (await queries.schedule_of_code(session, agency_id, code)).find(code, day)


async def get_fee(
    session: WriteSession, agency_id: str | None, code: str, day: date, *, field: str = "fee"
) -> FeeValue:
    return (await queries.schedule_of_code(session, agency_id, code)).get(code, day, field=field)


def full_price(fee: FeeValue, quantity: int = 1) -> int:
    """What so many units cost before any relief."""
    return price(fee.rule, FeeRequest(quantity), unit=fee.unit).amount


def amount_of(schedule: Schedule, code: str, day: date) -> int:
    """What one unit costs somebody who claims nothing, after the reliefs that all have."""
    (line,) = price_fees(schedule, code, FeeRequest(), Circumstances(day))
    return line.amount


async def run(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(statement)


def fee_row(procedure_id: str, **columns: Any) -> models.Fee:
    usual: dict[str, Any] = {
        "id": new_id("fee"),
        "code": "phi-thu",
        "procedure_id": procedure_id,
        "agency_id": None,
        "name_vi": "Phí thử",
        "name_en": "Trial fee",
        "unit_vi": "trường hợp",
        "unit_en": "case",
        "kind": "fixed",
        "rule": {"amount": 1000},
        "sub_item": "2716",
        "basis": "TT 1/2026/TT-BTC",
        "source": "trial",
        "certainty": "confirmed",
        "checked_on": TODAY,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
        "created_at": BEGAN,
        "updated_at": BEGAN,
    }
    return models.Fee(**(usual | columns))


def procedure_row(procedure_id: str, code: str) -> models.Procedure:
    """A trial procedure of that code, to be added to a session."""
    return models.Procedure(
        id=procedure_id,
        code=code,
        name_vi="Thủ tục thử",
        name_en="Trial procedure",
        field="Thử",
        code_certainty="confirmed",
        search_text="thu tuc thu",
        created_at=BEGAN,
        updated_at=BEGAN,
    )


async def add_fees(database: Database, *rows: dict[str, Any], procedure: str = "9.000001") -> None:
    """Add a procedure if it is new, then fees of it, each in a statement of its own."""
    async with database.transaction() as session:
        await _add_fees(session, *rows, procedure=procedure)


async def _add_fees(session: WriteSession, *rows: dict[str, Any], procedure: str) -> None:
    known = await session.scalar(
        text("SELECT id FROM procedure WHERE code = :code"), {"code": procedure}
    )
    if known is None:
        known = new_id("proc")
        session.add(procedure_row(known, procedure))
        await session.flush()
    for row in rows:
        session.add(fee_row(known, **row))
        await session.flush()


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements sent to the database inside the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
