"""Statement lines that turn up for a day that is closed: they count for the first open day."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import String, any_, cast, insert, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core import clock
from core.sessions import ReadSession, WriteSession
from payments.books.closed_days import find_last_closed
from reconciliation.closing_models import LateLine
from reconciliation.models import StatementLine
from reconciliation.runs import DayClosed


async def note_late_lines(session: WriteSession, account_id: str, statement_id: str) -> int:
    """Note which lines of a new statement are of closed days; how many.

    The caller holds the account's intake, which a closing waits for.
    """
    last = await find_last_closed(session, account_id)
    if last is None:
        return 0
    _, until = clock.day_bounds(last, last)
    first_open = last + timedelta(days=1)
    late = select(col(StatementLine.id), literal(first_open)).where(
        StatementLine.statement_id == statement_id, col(StatementLine.booked_at) < until
    )
    noted = insert(LateLine).from_select(["line_id", "accounting_on"], late)
    return await session.write(noted)


async def check_lines_open(
    session: ReadSession, account_id: str, statement_id: str, only: Collection[str] | None = None
) -> None:
    """Raise `DayClosed` where a line of a statement counts for a day that is closed by now.

    `only` are the lines that it is about; all of the statement's where that is None.
    """
    last = await find_last_closed(session, account_id)
    if last is None:
        return
    _, until = clock.day_bounds(last, last)
    still_open = select(LateLine.line_id).where(LateLine.accounting_on > last)
    closed = select(StatementLine.id).where(
        StatementLine.statement_id == statement_id,
        StatementLine.booked_at < until,
        col(StatementLine.withdrawn_at).is_(None),
        col(StatementLine.id).not_in(still_open),
    )
    if only is not None:
        # One parameter, however many they are.
        closed = closed.where(col(StatementLine.id) == any_(cast(list(only), ARRAY(String))))
    if await session.first(closed.limit(1)) is not None:
        raise DayClosed("Sao kê có dòng thuộc ngày đã khóa sổ, không rút được nữa.")
