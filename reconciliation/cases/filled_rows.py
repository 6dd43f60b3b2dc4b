"""A run's discrepancies as rows of a workbook, and what its filled-in rows ask for."""

from collections.abc import Sequence

from core import clock
from core.calendar import Calendar
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.books.approvals import ApprovalKinds, ApprovalValue, propose
from reconciliation.cases.approvals import BULK, PREFIX
from reconciliation.cases.discrepancies import page_of_worked
from reconciliation.cases.sheets import MOST_ROWS, FilledRow, SheetRow, check_rows, refuse_row
from reconciliation.cases.standing import stage_on


async def list_sheet_rows(session: ReadSession, run_id: str, calendar: Calendar) -> list[SheetRow]:
    """The discrepancies of a run as its workbook has them, up to 5,000; amounts in đồng."""
    today = clock.business_date(clock.now())
    page = await page_of_worked(session, run_id, limit=MOST_ROWS)
    return [
        SheetRow(
            id=odd.case_id or odd.id,
            side=odd.side,
            object_id=odd.object_id,
            kind=odd.kind,
            reference=odd.reference,
            amount=odd.amount,
            other_amount=odd.other_amount,
            reason=odd.reason,
            stage=stage_on(calendar, odd.expected_on, odd.missing_after, today) or "",
            status=odd.status or "",
            owner=odd.owner_id or "",
        )
        for odd in page.items
    ]


async def propose_rows(
    session: WriteSession,
    kinds: ApprovalKinds,
    calendar: Calendar,
    run_id: str,
    filled: Sequence[FilledRow],
    by: Principal,
) -> list[ApprovalValue]:
    """Ask for what filled-in rows say; rows that are accepted for one reason are one approval.

    Raises `SheetRefused`, naming the row, and then nothing is to be asked for.
    """
    known = {row.id: row for row in await list_sheet_rows(session, run_id, calendar)}
    check_rows(filled, known)
    made = []
    accepted: dict[str, list[FilledRow]] = {}
    for row in filled:
        if row.choice == "accept":
            accepted.setdefault(row.reason, []).append(row)
            continue
        wanted = {"bill": row.bill} if row.bill else {}
        try:
            kind = PREFIX + row.choice
            made.append(await propose(session, kinds, kind, row.id, wanted, row.reason, by))
        except (Conflict, Invalid, NotFound) as error:
            raise refuse_row(row, error.code, error.detail) from error
    for reason, rows in accepted.items():
        ids = sorted(row.id for row in rows)
        asked = {"run": run_id, "resolution": "accept", "discrepancies": ids}
        made.append(await propose(session, kinds, BULK, new_id("bulk"), asked, reason, by))
    return made
