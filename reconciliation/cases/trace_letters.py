"""What a tracing letter about a discrepancy is written from."""

from datetime import date

from core.clock import business_date
from core.crypto import Cipher
from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.queries import CollectionAccountValue, find_agency
from reconciliation.cases.discrepancies import WorkedDiscrepancy
from reconciliation.cases.tracing import TracedLine, TracedMatter, tracing_letter
from reconciliation.models import StatementLine
from reconciliation.statements.lines import STORED_LINES


async def letter_about(
    session: ReadSession,
    cipher: Cipher,
    odd: WorkedDiscrepancy,
    account: CollectionAccountValue,
    on: date,
) -> str:
    """The letter about a discrepancy, as of a day. Raises `NotFound`."""
    body = await find_agency(session, odd.agency_id)
    if body is None:
        raise NotFound("Không có cơ quan này.")
    line = None
    if odd.side == "line":
        wanted = STORED_LINES.where(StatementLine.id == odd.object_id)
        if (stored := await session.first(wanted)) is not None:
            told = stored.opened(cipher)
            line = TracedLine(business_date(told.booked_at), told.bank_ref, told.narrative)
    matter = TracedMatter(
        id=str(odd.case_id),
        body=body.name,
        account_number=account.account_number,
        account_name=account.account_name,
        business_on=odd.business_on,
        kind=odd.kind,
        reference=odd.reference,
        object_id=odd.object_id,
        amount=odd.amount,
        other_amount=odd.other_amount,
        reason=odd.reason,
        line=line,
    )
    return tracing_letter(matter, on)
