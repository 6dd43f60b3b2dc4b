"""Messages written down to be sent, and sent again. Commands take a session and never commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import and_, delete, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.errors import Conflict
from core.ids import new_id
from core.sessions import WriteSession
from payments.message_calls import ChannelKind
from payments.messages.models import PayerMessage
from payments.messages.queries import PayerMessageValue
from payments.messages.rules import KEPT_FOR, MessageKind, MessageLanguage, goes_at

#: A statement has 65,535 parameters at most.
_AT_ONCE = 1_000


class MessageUnderWay(Conflict):
    """The message waits, is being sent, or was sent: only what was set aside is sent again."""

    code = "message_under_way"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something to be told: `once` is its key, of which there is one message for ever.

    `facts` hold no personal data; `subject_id` says whose says where it goes. Nobody waits for one
    that is `unhurried`: it leaves the night out as a reminder does.
    """

    agency_id: str
    kind: MessageKind
    once: str
    object_id: str
    subject_id: str
    channel: ChannelKind
    language: MessageLanguage = "vi"
    facts: Mapping[str, str] = field(default_factory=dict)
    unhurried: bool = False


_COLUMNS = NewMessage.__dataclass_fields__.keys() - {"unhurried"}


async def write_messages(session: WriteSession, new: Sequence[NewMessage]) -> int:
    """Write messages down to be sent, those that are not there yet; how many that were."""
    now, count = clock.now(), 0
    rows = [
        {
            "id": new_id("pmsg"),
            **{name: getattr(one, name) for name in _COLUMNS},
            "facts": dict(one.facts),
            "state": "waiting",
            "due_at": goes_at("reminder" if one.unhurried else one.kind, now),
            "waits_since": now,
            "turn": 0,
            "attempts": 0,
            "created_at": now,
        }
        for one in new
    ]
    once = insert(PayerMessage).on_conflict_do_nothing(index_elements=["once"])
    for first in range(0, len(rows), _AT_ONCE):
        some = once.values(rows[first : first + _AT_ONCE]).returning(col(PayerMessage.id))
        count += len(await session.write_all(some))
    return count


async def replay(session: WriteSession, message: PayerMessageValue, *, actor: str) -> None:
    """Have a message that was set aside, or of which nobody knows, sent again under its own id.

    Raises `MessageUnderWay`.
    """
    row, now = PayerMessage, clock.now()
    again = update(row).where(
        col(row.id) == message.id,
        or_(
            col(row.state) == "set_aside",
            and_(col(row.state) == "unknown", col(row.due_at).is_(None)),
        ),
    )
    count = await session.write(
        again.values(
            state="waiting", due_at=goes_at(message.kind, now), waits_since=now, attempts=0
        )
    )
    if not count:
        raise MessageUnderWay("Tin này đang chờ gửi hoặc đã gửi rồi.")
    details = {"state": message.state, "last_error": message.last_error}
    await record(
        session,
        actor=actor,
        action="payer_message.replayed",
        object_id=message.id,
        details=details,
    )


async def expire(session: WriteSession, keep: timedelta = KEPT_FOR) -> int:
    """Forget messages that were sent or dropped long ago; how many."""
    row = PayerMessage
    old = delete(row).where(
        col(row.state).in_(("sent", "dropped")), col(row.created_at) < clock.now() - keep
    )
    return await session.write(old)
