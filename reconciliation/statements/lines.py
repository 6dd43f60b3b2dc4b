"""Lines of statements as they are stored, and how they are read: in order of time, words opened."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func
from sqlmodel import col

from core.crypto import Cipher
from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.closing_models import LateLine
from reconciliation.matching.values import DayLine
from reconciliation.models import StatementLine
from reconciliation.statements.narratives import open_narrative


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as it is stored; its words are sealed, or of before and in clear."""

    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    reference: str
    narrative: str | None
    bank_ref: str
    sealed_narrative: bytes | None
    late_on: date | None

    def opened(self, cipher: Cipher) -> DayLine:
        """The line with its words. Raises `DecryptionFailed`."""
        words = open_narrative(cipher, self.line_id, self.sealed_narrative, self.narrative)
        return DayLine(
            self.line_id,
            self.booked_at,
            self.amount,
            self.direction,
            self.reference,
            words,
            self.bank_ref,
            self.late_on,
        )


#: Every line; whoever reads says which.
STORED_LINES: Final = (
    values_of(
        StoredLine,
        StatementLine,
        line_id=col(StatementLine.id),
        reference=func.coalesce(StatementLine.reference, ""),
        late_on=col(LateLine.accounting_on),
    )
    .join_from(StatementLine, LateLine, col(LateLine.line_id) == StatementLine.id, isouter=True)
    .order_by(col(StatementLine.booked_at), col(StatementLine.id))
)


async def find_line(session: ReadSession, cipher: Cipher, line_id: str) -> DayLine | None:
    """A line that stands, with its words; None where there is none, or it was withdrawn."""
    stands = (StatementLine.id == line_id, col(StatementLine.withdrawn_at).is_(None))
    stored = await session.first(STORED_LINES.where(*stands))
    return None if stored is None else stored.opened(cipher)
