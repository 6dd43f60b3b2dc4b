"""Sealing the words of statement lines of before migration 0029, some at a time."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from core.crypto import Cipher
from core.sessions import WriteSession
from core.statements import values_of
from reconciliation.models import StatementLine
from reconciliation.statements.narratives import seal_narrative

#: How many lines of before are sealed at a time: a transaction of a second.
_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class _ClearLine:
    """A line whose words nobody has sealed yet."""

    id: str
    narrative: str


_CLEAR = values_of(_ClearLine, StatementLine).where(col(StatementLine.narrative).is_not(None))


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
