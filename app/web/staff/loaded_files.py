"""The file that a day's page speaks of: what of it was recorded when it was taken in.

The address names the file; what is told of it comes from its row, and that somebody has taken it in
just now from the log.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.web.staff.just_done import find_just_done
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from reconciliation.settlements.stored import find_standing_settlement
from reconciliation.statements.queries import find_standing_statement

#: How each kind of file is found that stands, by what its taking is called in the log.
_KINDS: Final = {"statement": find_standing_statement, "settlement": find_standing_settlement}


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file that stands: `new` of its rows were in no earlier one.

    `just_now`: whoever asks has taken it in within the last minute.
    """

    name: str
    rows: int
    new: int
    at: datetime
    just_now: bool


async def find_loaded_file(
    session: ReadSession, account_id: str, file_id: str, who: Principal
) -> LoadedFile | None:
    """A statement or a settlement of an account by its id; None where there is no such file."""
    for kind, find in _KINDS.items():
        if file_id and (found := await find(session, file_id, account_id)):
            done = await find_just_done(session, file_id, f"{kind}.taken", who)
            counts = found.row_count, found.new_count
            return LoadedFile(found.file_name, *counts, found.created_at, done is not None)
    return None
