"""The invariants of all packages in one statement: for a look after each of many steps.

`app.invariants.broken` asks one rule after the other, half a hundred of them, which takes longer
than most steps do. What it looks at is the same, but for the words of a snapshot.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import text

from core.audit import broken_links
from core.checks import load_rules
from core.sessions import WriteSession
from payments.books.checks import check_moves

_ROOT: Final = Path(__file__).resolve().parents[2]
#: Every package that has rules: one that is new is looked at too.
_PACKAGES: Final = sorted(
    ".".join(file.relative_to(_ROOT).parent.parts)
    for package in ("app", "core", "payments", "receipts", "reconciliation", "adapters")
    for file in (_ROOT / package).rglob("checks.sql")
)
_RULES: Final = [rule for package in _PACKAGES for rule in load_rules(package).items()]
_ALL: Final = text(
    "\nUNION ALL ".join(
        f"SELECT {place} AS place, CAST(id AS text) AS id, CAST(detail AS text) AS detail"
        f" FROM ({query.clause.text}\n) AS of_{place}"
        for place, (_, query) in enumerate(_RULES)
    )
)


async def broken_rules(session: WriteSession) -> list[str]:
    """A line for each row that breaks a rule, a move of states or the chain of the log."""
    rows = (await session.execute(_ALL)).all()
    found = [f"{_RULES[row.place][0]}: {row.id} ({row.detail})" for row in rows]
    found += [line async for line in check_moves(session)]
    return found + [line async for line in broken_links(session)]
