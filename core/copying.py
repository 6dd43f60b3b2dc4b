"""Rows as PostgreSQL's COPY reads them in its text form: cells between tabs, a line for each. Pure.

Made where there is time for it, in a process of its own say: whoever sends them only passes bytes
on (`core.sessions.WriteSession.copy_in`).
"""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_line(cells: Iterable[str | int | None]) -> str:
    """One row; None is NULL, and what is true or false is so for the database too."""
    return "\t".join(map(_cell, cells)) + "\n"


def _cell(value: str | int | None) -> str:
    if value is None:
        return "\\N"
    if not isinstance(value, str):
        return str(value)
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value
