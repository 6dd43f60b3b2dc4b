"""The history of a thing in words: what the audit log has of it, who did it, the newest last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.web.staff.history_words import BY_ITSELF, DEEDS, PARTS, TELLERS
from core.audit import EntryValue, list_entries
from core.sessions import ReadSession
from payments.agencies.access.actors import NamedActor, list_named_actors
from payments.books.related import list_decisions_about, list_parts_of


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One deed: `what` is said by its `words`, else by the log's own name of it.

    `by` is a person or a system's key; None where something acted by itself, which is `part`.
    `amount` in đồng. `object_id` is what it was done to.
    """

    at: datetime
    what: str
    words: str | None
    by: NamedActor | None
    part: str
    amount: int | None
    object_id: str
    entry_id: int


async def read_history(
    session: ReadSession,
    object_ids: Collection[str],
    payment_ids: Collection[str] = (),
) -> list[HistoryLine]:
    """What was done to some objects, and to what hangs together with payments."""
    ids = [*object_ids, *payment_ids]
    if payment_ids:
        ids += await list_parts_of(session, payment_ids)
    ids += await list_decisions_about(session, ids)
    return await told(session, await list_entries(session, ids))


async def told(session: ReadSession, entries: Sequence[EntryValue]) -> list[HistoryLine]:
    """Entries of the audit log as lines of a history."""
    named = await list_named_actors(session, {entry.actor for entry in entries})
    return [
        HistoryLine(
            at=entry.at,
            what=entry.action,
            words=DEEDS.get(entry.action),
            by=named.get(entry.actor),
            part=_part(entry.actor),
            amount=_amount_of(entry),
            object_id=entry.object_id,
            entry_id=entry.id,
        )
        for entry in entries
    ]


def _part(actor: str) -> str:
    """What acts by itself is called."""
    return TELLERS if actor.startswith("gateway:") else PARTS.get(actor, BY_ITSELF)


def _amount_of(entry: EntryValue) -> int | None:
    """What the entry says of money, in đồng."""
    for name in ("credited", "amount", "paid_back"):
        figure = entry.details.get(name)
        if isinstance(figure, int) and not isinstance(figure, bool):
            return figure
    return None
