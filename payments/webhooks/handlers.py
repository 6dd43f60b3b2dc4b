"""What receivers are told when something has happened: written down for each, in its order.

A receiver hears of what happens at its body and at the units below. The messages of one receiver
are numbered 1, 2, 3 … without a gap, in the order in which they were written down; the receiver's
row is held meanwhile, so that no number is given twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, update
from sqlmodel import col

from core import clock
from core.events import Event
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.tree import lineage
from payments.events import BillPaid, RefundPaid, RefundUnproved
from payments.webhooks.models import EventMessage, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class EventFact:
    """What happened to which object, at which body."""

    event: Event
    object_id: str
    agency_id: str


@dataclass(frozen=True, slots=True)
class _Listener:
    id: str
    agency_id: str
    types: list[str]
    last_sequence: int


async def tell_of_bills(session: WriteSession, events: Sequence[BillPaid]) -> None:
    """Tell receivers of bills that are paid."""
    await tell(session, [EventFact(one, one.bill_id, one.agency_id) for one in events])


async def tell_of_refunds(
    session: WriteSession, events: Sequence[RefundPaid] | Sequence[RefundUnproved]
) -> None:
    """Tell receivers of refunds that have left the account, or are not proved any more."""
    await tell(session, [EventFact(one, one.refund_id, one.agency_id) for one in events])


async def tell(session: WriteSession, facts: Sequence[EventFact]) -> None:
    """Write a message for each receiver of each fact."""
    above = {one: await lineage(session, one) for one in {fact.agency_id for fact in facts}}
    listeners = await _listeners(session, above)
    rows = []
    for listener in listeners:
        heard = [
            fact
            for fact in facts
            if listener.agency_id in above[fact.agency_id]
            and (not listener.types or fact.event.name in listener.types)
        ]
        rows += _messages(listener, heard)
    if not rows:
        return
    await session.write_each(insert(EventMessage), rows)
    last = {row["endpoint_id"]: row["sequence"] for row in rows}
    for endpoint_id, number in last.items():
        numbered = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id)
        await session.write(numbered.values(last_sequence=number))


async def _listeners(session: WriteSession, above: Mapping[str, Sequence[str]]) -> list[_Listener]:
    """The receivers of these bodies and of those above them, held in the order of their ids."""
    bodies = {body for line in above.values() for body in line}
    wanted = values_of(_Listener, WebhookEndpoint).where(
        col(WebhookEndpoint.agency_id).in_(bodies), col(WebhookEndpoint.removed_at).is_(None)
    )
    return await session.lock_all(wanted.order_by(col(WebhookEndpoint.id)))


def _messages(listener: _Listener, facts: Sequence[EventFact]) -> list[dict[str, object]]:
    now = clock.now()
    return [
        {
            "id": new_id("msg"),
            "endpoint_id": listener.id,
            "sequence": number,
            "type": fact.event.name,
            "version": fact.event.version,
            "object_id": fact.object_id,
            "told_at": now,
            "state": "waiting",
            "attempts": 0,
            "waits_since": now,
        }
        for number, fact in enumerate(facts, start=listener.last_sequence + 1)
    ]
