"""Handing cash over: a collector declares it, another person counts it, and the bank has it later.

What differs is written down with its reason and changes nothing that was said: the collector goes
on owing what they did not hand over. What was counted is paid in under the hand-over's own
reference. Commands take a session and never commit.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import col

from core import audit, clock
from core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound
from core.ids import new_id
from core.money import format_vnd
from core.name_locks import lock_names
from core.references import new_reference
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.models import Reference
from payments.books.cash import tell_of_deposits
from payments.collecting.cash_book import sum_taken
from payments.collecting.collectors import Collector
from payments.collecting.models import CashHandover


class HandoverCounted(Conflict):
    """Somebody has counted this hand-over already: what they found stands."""

    code = "handover_counted"


class HandoverOpen(Conflict):
    """The hand-over before is not counted yet: have it counted first."""

    code = "handover_open"


class OwnCount(NotAllowed):
    """Who hands cash over does not count it: ask another person."""

    code = "same_person"


@dataclass(frozen=True, slots=True)
class LockedHandover:
    """A hand-over that nobody else changes before our transaction ends; amounts in đồng."""

    id: str
    agency_id: str
    collector_id: str
    declared: int
    reference: str
    counted: int | None
    counted_at: datetime | None


HANDOVER = values_of(LockedHandover, CashHandover)


async def declare_handover(session: WriteSession, who: Collector, declared: int) -> str:
    """Say that one hands over so many đồng; its id. Raises `Invalid` and `HandoverOpen`.

    More than the books say that the collector has is refused: what was done offline is sent first.
    """
    await lock_names(session, f"cash:{who.staff_id}")
    open_one = HANDOVER.where(
        col(CashHandover.collector_id) == who.staff_id, col(CashHandover.counted_at).is_(None)
    )
    if await session.first(open_one) is not None:
        raise HandoverOpen("Lần bàn giao trước chưa được kiểm đếm.")
    held = await sum_held(session, who.staff_id)
    if not 1 <= declared <= held:
        detail = f"Theo sổ, bạn đang giữ {format_vnd(max(held, 0))}; hãy ghi số tiền từ 1 đến đó."
        raise Invalid(detail, errors=[FieldError("declared", "out_of_range", detail)])
    reference, now = new_reference(), clock.now()
    named = {"reference": reference, "kind": "handover", "agency_id": who.agency_id}
    await session.write(insert(Reference), named | {"created_at": now})
    row = {
        "id": new_id("handover"),
        "agency_id": who.agency_id,
        "collector_id": who.staff_id,
        "declared": declared,
        "reference": reference,
        "declared_at": now,
    }
    await session.write(insert(CashHandover), row)
    await audit.record(
        session,
        actor=who.actor,
        action="handover.declared",
        object_id=str(row["id"]),
        details={"declared": declared, "held": held},
    )
    return str(row["id"])


async def sum_held(session: WriteSession, collector_id: str) -> int:
    """What a collector has of the cash that they took, in đồng, as the books know."""
    return (await sum_taken(session, collector_id)).held


async def count_handover(
    session: WriteSession,
    handover_id: str,
    agency_ids: Collection[str],
    counted: int,
    difference: str,
    *,
    by: str,
    actor: str,
) -> None:
    """Say, as another person, what was counted; `difference` says why it is not what was declared.

    Raises `NotFound`, `OwnCount`, `HandoverCounted` and `Invalid`.
    """
    found = await session.lock_first(
        HANDOVER.where(
            col(CashHandover.id) == handover_id, col(CashHandover.agency_id).in_(agency_ids)
        )
    )
    if found is None:
        raise NotFound("Không có lần bàn giao này.")
    if by == found.collector_id:
        raise OwnCount("Người bàn giao không tự kiểm đếm; hãy nhờ người khác.")
    if found.counted_at is not None:
        raise HandoverCounted("Lần bàn giao này đã được kiểm đếm.")
    if counted < 0 or counted > found.declared * 10:
        detail = "Hãy ghi số tiền đã đếm bằng chữ số."
        raise Invalid(detail, errors=[FieldError("counted", "out_of_range", detail)])
    reason = difference.strip() if counted != found.declared else ""
    if counted != found.declared and not reason:
        detail = f"Khác số đã khai {format_vnd(found.declared)}; hãy ghi lý do chênh lệch."
        raise Invalid(detail, errors=[FieldError("difference", "missing", detail)])
    said = update(CashHandover).where(col(CashHandover.id) == found.id)
    await session.write(
        said.values(counted=counted, counted_by=by, counted_at=clock.now(), difference=reason)
    )
    told = {"declared": found.declared, "counted": counted, "difference": reason}
    await audit.record(
        session, actor=actor, action="handover.counted", object_id=found.id, details=told
    )
    # What was paid in before anybody counted it waits for that.
    await tell_of_deposits(session, found.reference)
