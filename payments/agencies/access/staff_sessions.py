"""Sessions of people who are signed in: opened, known again, proved, ended.

A session ends by itself half an hour after it was last used and twelve hours after it began, when
its owner says so, here or from elsewhere, and when the person is disabled or has another password.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, update
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import hash_token, new_token
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from core.unseen import without_unseen
from payments.agencies.access.models import StaffUser
from payments.agencies.access.principals import Principal, known_roles
from payments.agencies.access.sign_in_models import StaffSession
from payments.agencies.tree import reach

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
#: How often it is written down that a session is being used.
_NOTED: Final = timedelta(minutes=1)
#: How long an ended one is kept, so that who comes back to it is known.
_KEPT: Final = timedelta(days=1)
_LONGEST_BROWSER: Final = 200


@dataclass(frozen=True, slots=True)
class SessionValue:
    """A session with its person; `live` says whether it opens anything."""

    id: str
    staff_id: str
    email: str
    name: str
    agency_id: str
    roles: list[str]
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    proved_at: datetime | None
    ended_at: datetime | None
    disabled_at: datetime | None
    network: str
    browser: str

    @property
    def live(self) -> bool:
        """Whether it has neither ended nor been forgotten, and its person works here."""
        now = clock.now()
        over = now >= self.ends_at or now - self.seen_at >= IDLE
        return self.ended_at is None and self.disabled_at is None and not over


_SESSIONS = values_of(SessionValue, StaffSession, StaffUser).join(
    StaffUser, col(StaffUser.id) == col(StaffSession.staff_id)
)


async def open_session(session: WriteSession, staff_id: str, network: str, browser: str) -> str:
    """Begin a session of somebody whose password was right; its token, shown this once."""
    token, now = new_token(), clock.now()
    await session.write(
        insert(StaffSession).values(
            id=new_id("session"),
            staff_id=staff_id,
            token_hash=hash_token(token),
            created_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
            network=network,
            browser=without_unseen(browser)[:_LONGEST_BROWSER],
        )
    )
    return token


async def find_session(session: ReadSession, token: str) -> SessionValue | None:
    """The session of a token, live or not; None where there is none."""
    return await session.first(_SESSIONS.where(col(StaffSession.token_hash) == hash_token(token)))


async def principal_of(session: ReadSession, found: SessionValue) -> Principal:
    """Who acts in a session."""
    return Principal(
        actor=f"staff:{found.staff_id}",
        key_id="",
        agency_id=found.agency_id,
        agency_ids=await reach(session, found.agency_id),
        roles=known_roles(found.roles),
    )


async def note_use(session: WriteSession, found: SessionValue) -> None:
    """Write down that a session is being used, now and then."""
    now = clock.now()
    if now - found.seen_at >= _NOTED:
        of_it = update(StaffSession).where(col(StaffSession.id) == found.id)
        await session.write(of_it.values(seen_at=now))


async def prove(session: WriteSession, found: SessionValue) -> str:
    """The second factor was given: the session opens what its person may, under a new token."""
    token, now = new_token(), clock.now()
    of_it = update(StaffSession).where(
        col(StaffSession.id) == found.id, col(StaffSession.ended_at).is_(None)
    )
    await session.write(of_it.values(token_hash=hash_token(token), proved_at=now, seen_at=now))
    await _record(session, found, "staff.signed_in", found.id)
    return token


async def list_sessions(session: ReadSession, staff_id: str) -> list[SessionValue]:
    """The sessions of a person that open something, the last used first."""
    wanted = _SESSIONS.where(
        col(StaffSession.staff_id) == staff_id,
        col(StaffSession.ended_at).is_(None),
        col(StaffSession.proved_at).is_not(None),
    ).order_by(col(StaffSession.seen_at).desc())
    return [found for found in await session.all(wanted) if found.live]


async def end_session(session: WriteSession, own: SessionValue, session_id: str) -> bool:
    """End one of the person's own sessions; False where they have no such one that runs."""
    running = update(StaffSession).where(
        col(StaffSession.id) == session_id,
        col(StaffSession.staff_id) == own.staff_id,
        col(StaffSession.ended_at).is_(None),
    )
    if not await session.write(running.values(ended_at=clock.now())):
        return False
    await _record(session, own, "staff.session_ended", session_id)
    return True


async def end_others(session: WriteSession, own: SessionValue) -> int:
    """End every session of the person but this one; how many."""
    others = [one.id for one in await list_sessions(session, own.staff_id) if one.id != own.id]
    for session_id in others:
        await end_session(session, own, session_id)
    return len(others)


async def end_all(session: WriteSession, staff_id: str, *, but: str = "") -> int:
    """End every session of a person, who has another password now, `but` one by its id; how many.

    Those too that wait for the second factor: the old password has opened them.
    """
    running = update(StaffSession).where(
        col(StaffSession.staff_id) == staff_id,
        col(StaffSession.ended_at).is_(None),
        col(StaffSession.id) != but,
    )
    return await session.write(running.values(ended_at=clock.now()))


async def expire(session: WriteSession) -> int:
    """Forget sessions that ended long ago; how many."""
    long_ago = clock.now() - _KEPT
    over = (col(StaffSession.ends_at) <= long_ago) | (col(StaffSession.ended_at) <= long_ago)
    return await session.write(delete(StaffSession).where(over))


async def _record(session: WriteSession, own: SessionValue, action: str, session_id: str) -> None:
    await record(
        session,
        actor=f"staff:{own.staff_id}",
        action=action,
        object_id=own.staff_id,
        details={"session": session_id},
    )
