"""What somebody has just done to a thing, by the log: said on its page to them, for a moment.

Never by an address, which anybody could be sent.
"""

from datetime import timedelta
from typing import Final

from core import clock
from core.audit import EntryValue, list_entries
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal

#: How long it is said.
_JUST: Final = timedelta(minutes=1)


async def find_just_done(
    session: ReadSession, object_id: str, action: str, who: Principal
) -> EntryValue | None:
    """The thing's newest entry, where it is this deed of theirs and of within a minute."""
    for entry in await list_entries(session, [object_id], limit=1):
        is_theirs = (entry.action, entry.actor) == (action, who.actor)
        if is_theirs and clock.now() - entry.at < _JUST:
            return entry
    return None
