"""What somebody has just done to a thing, as recorded: said on its page to them, for a moment.

Never by an address, which anybody could be sent.
"""

from datetime import datetime, timedelta
from typing import Final

from core import clock
from core.audit import EntryValue, list_entries
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal

#: How long it is said, and so many entries of others may have come meanwhile.
_JUST: Final = timedelta(minutes=1)
_MEANWHILE: Final = 50


async def find_just_done(
    session: ReadSession, object_id: str, action: str, who: Principal
) -> EntryValue | None:
    """The last that they did to the thing, where it is this deed and of within a minute.

    What others do to it meanwhile, or the system, takes nothing away from them.
    """
    newest = await list_entries(session, [object_id], limit=_MEANWHILE)
    for entry in [one for one in newest if one.actor == who.actor][-1:]:
        if entry.action == action and is_just(entry.at):
            return entry
    return None


def is_just(at: datetime) -> bool:
    """Whether what was recorded then (aware) is still said of."""
    return clock.now() - at < _JUST
