"""Lines that are stored twice though they are one: a later file told of it in other words.

A line that several files hold is stored once (`intake`): what one file says so many times is so
many lines, and no file after it adds to them unless it says it more often. So as many lines say one
thing as the file that says it most often.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from core.clock import business_date
from core.crypto import Cipher, DecryptionFailed
from core.sessions import ReadSession
from core.statements import ReadSql, load_sql
from reconciliation.formats.rows import Direction, StatementRow
from reconciliation.statements.intake import what_it_says
from reconciliation.statements.narratives import open_narrative

RULE: Final = "a line that several statements tell of is stored once"


@dataclass(frozen=True, slots=True)
class _AlikeLine:
    """A stored line, and the later statements that held it too."""

    id: str
    statement_id: str
    collection_account_id: str
    line_number: int
    booked_at: datetime
    amount: int
    direction: Direction
    reference: str | None
    bank_ref: str
    narrative: str | None
    sealed_narrative: bytes | None
    repeated_in: Sequence[str]


_SQL = load_sql("reconciliation.statements", "told_twice")
#: Lines of several statements that may be one.
_ALIKE = ReadSql(_AlikeLine, _SQL["alike"])


async def lines_told_twice(session: ReadSession, cipher: Cipher) -> AsyncIterator[str]:
    """A line for each stored line that is another one in other words, or cannot be opened."""
    found: list[str] = []
    said: defaultdict[bytes, list[_AlikeLine]] = defaultdict(list)
    day: tuple[str, date] | None = None
    # Lines of several days are never one, and those of years are too many to hold.
    async for line in session.each(_ALIKE):
        its_day = (line.collection_account_id, business_date(line.booked_at))
        if its_day != day:
            found += _again(said.values())
            said.clear()
            day = its_day
        try:
            said[_what(line, cipher)].append(line)
        except DecryptionFailed:
            found.append(f"{RULE}: {line.id} (its words are not its own)")
    for told in (*found, *_again(said.values())):
        yield told


def _again(groups: Iterable[Sequence[_AlikeLine]]) -> Iterator[str]:
    """Of lines that say the same, those that no file tells of so often."""
    for lines in groups:
        files: Counter[str] = Counter()
        for line in lines:
            files.update({line.statement_id, *line.repeated_in})
        if len(lines) > max(files.values()):
            told = ", ".join(line.id for line in lines[1:])
            yield f"{RULE}: {lines[0].id} ({lines[0].amount}, again as {told})"


def _what(line: _AlikeLine, cipher: Cipher) -> bytes:
    words = open_narrative(cipher, line.id, line.sealed_narrative, line.narrative)
    row = StatementRow(
        line.line_number,
        line.booked_at,
        line.amount,
        line.direction,
        line.reference,
        words,
        line.bank_ref,
    )
    return what_it_says(line.collection_account_id, row)
