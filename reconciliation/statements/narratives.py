"""The words of statement lines, encrypted at rest: banks write payers' names and numbers into them.

Matching needs them in clear, and has them: a day's lines are read and opened together, and the SQL
of `matching.sql` runs in memory (DuckDB), never on the stored rows. Lines of before migration 0029
stand in clear until a worker has sealed them.
"""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from core.crypto import Cipher
from core.sessions import WriteSession
from core.statements import values_of
from reconciliation.models import StatementLine

#: How many lines of before are sealed at a time: a transaction of a second.
_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class _ClearLine:
    """A line whose words nobody has sealed yet."""

    id: str
    narrative: str


_CLEAR = values_of(_ClearLine, StatementLine).where(col(StatementLine.narrative).is_not(None))


def seal_narrative(cipher: Cipher, line_id: str, narrative: str) -> bytes:
    """The words of a line as they are stored, bound to it."""
    return cipher.encrypt(narrative.encode(), _place(line_id))


def open_narrative(
    cipher: Cipher, line_id: str, sealed: bytes | None, in_clear: str | None = None
) -> str:
    """The words of a line from how it is stored: `sealed`, or of before and `in_clear`.

    Raises `DecryptionFailed` where they were changed or belong to another line.
    """
    if sealed is None:
        return in_clear or ""
    return cipher.decrypt(bytes(sealed), _place(line_id)).decode()


def _place(line_id: str) -> str:
    return f"statement_line:{line_id}:narrative"


async def seal_earlier(session: WriteSession, cipher: Cipher) -> int:
    """Seal the words of some lines of before; how many. Nothing once all are sealed."""
    lines = await session.lock_all(_CLEAR.limit(_AT_A_TIME), skip_locked=True)
    for line in lines:
        await session.write(
            update(StatementLine)
            .where(col(StatementLine.id) == line.id)
            .values(
                narrative=None, sealed_narrative=seal_narrative(cipher, line.id, line.narrative)
            )
        )
    return len(lines)
