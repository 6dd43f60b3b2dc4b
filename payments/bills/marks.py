"""Notes that staff set for one another on bills, payments and receipts: set, read, taken off.

A note is for people alone: nothing that is owed, paid or told depends on it. What it says is
encrypted, and in no audit entry, for it may be about somebody.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import Cipher
from core.cursors import Page, page_of, read_cursor, write_cursor
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.bills.models import Bill, StaffMark

#: What a note may be set on.
MarkedKind = Literal["bill", "payment", "receipt"]


@dataclass(frozen=True, slots=True)
class MarkedThing:
    """What a note is set on: `bill_id` is the bill that it is about, None where there is none."""

    kind: MarkedKind
    id: str
    agency_id: str
    bill_id: str | None


@dataclass(frozen=True, slots=True)
class MarkValue:
    """A note with what it is set on; `agency` is the body's code, `marked_by` an actor.

    `reference` is of the bill that it is about, None where there is none. `amount` (đồng) and
    `status` are of the bill that bears it, None where a payment or a receipt does.
    """

    kind: MarkedKind
    object_id: str
    reference: str | None
    amount: int | None
    status: str | None
    agency: str
    note: str
    marked_by: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class _StoredMark:
    kind: MarkedKind
    object_id: str
    reference: str | None
    amount: int | None
    status: str | None
    agency: str
    content: bytes
    marked_by: str
    marked_at: datetime

    def opened(self, cipher: Cipher) -> MarkValue:
        place = _place(self.kind, self.object_id)
        note = cipher.decrypt(bytes(self.content), place).decode()
        of_bill = (self.amount, self.status) if self.kind == "bill" else (None, None)
        return MarkValue(
            *(self.kind, self.object_id, self.reference, *of_bill, self.agency),
            *(note, self.marked_by, self.marked_at),
        )


_MARKED = (
    values_of(
        _StoredMark,
        StaffMark,
        reference=col(Bill.reference),
        amount=col(Bill.amount),
        status=col(Bill.status),
        agency=col(Agency.code),
    )
    .join_from(StaffMark, Bill, col(Bill.id) == col(StaffMark.bill_id), isouter=True)
    .join(Agency, col(Agency.id) == col(StaffMark.agency_id))
)


async def find_marks(
    session: ReadSession, cipher: Cipher, object_ids: Collection[str]
) -> dict[str, MarkValue]:
    """The notes on bills, payments and receipts, by the ids of those that bear one."""
    wanted = _MARKED.where(col(StaffMark.object_id).in_(object_ids)).order_by(
        col(StaffMark.object_id)
    )
    return {one.object_id: one.opened(cipher) for one in await session.all(wanted)}


async def page_of_marked(
    session: ReadSession,
    cipher: Cipher,
    agency_ids: Collection[str],
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[MarkValue]:
    """The notes of some bodies, the newest first.

    Raises `Invalid` for a cursor that we did not make.
    """
    place = (col(StaffMark.marked_at), col(StaffMark.object_id))
    wanted = _MARKED.where(col(StaffMark.agency_id).in_(agency_ids))
    if cursor is not None:
        wanted = wanted.where(tuple_(*place) < read_cursor(cursor, "bill", "pay", "rcpt"))
    newest_first = wanted.order_by(*(one.desc() for one in place))
    stored = await session.all(newest_first.limit(limit + 1))
    page = page_of(stored, limit, lambda one: write_cursor(one.marked_at, one.object_id))
    return Page(tuple(one.opened(cipher) for one in page.items), page.next_cursor)


async def mark(
    session: WriteSession, cipher: Cipher, thing: MarkedThing, note: str, *, actor: str
) -> None:
    """Set a note on a bill, payment or receipt, in place of the one that it bears."""
    content = cipher.encrypt(note.encode(), _place(thing.kind, thing.id))
    row = {"content": content, "marked_by": actor, "marked_at": clock.now()}
    borne_by = {"object_id": thing.id, "kind": thing.kind, "bill_id": thing.bill_id}
    made = insert(StaffMark).values(**borne_by, agency_id=thing.agency_id, **row)
    await session.write(made.on_conflict_do_update(index_elements=["object_id"], set_=row))
    await record(session, actor=actor, action=f"{thing.kind}.marked", object_id=thing.id)


async def unmark(session: WriteSession, thing: MarkedThing, *, actor: str) -> None:
    """Take the note off a bill, payment or receipt; one that bears none stays as it is."""
    if await session.write(delete(StaffMark).where(col(StaffMark.object_id) == thing.id)):
        await record(session, actor=actor, action=f"{thing.kind}.unmarked", object_id=thing.id)


def _place(kind: MarkedKind, object_id: str) -> str:
    return f"{kind}_mark:{object_id}"
