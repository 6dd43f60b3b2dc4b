"""A collector's cash book: what was taken, handed over and paid in, and each slip's number."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.access.models import StaffUser
from payments.billing.models import Stall
from payments.bills.models import Payment
from payments.collecting.blocks import BlockUse, list_blocks
from payments.collecting.models import CashDeposit, CashHandover, CollectedAction, SlipBlock

#: So many actions and hand-overs are told of one by one, the newest.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class CollectorSums:
    """What a collector took in cash and what became of it, in đồng.

    `booked` is in the books; `unbooked` was taken and could not be (its action was refused).
    `counted` was handed over, `deposited` of that has come to the account.
    """

    booked: int
    unbooked: int
    tickets: int
    counted: int
    deposited: int

    @property
    def held(self) -> int:
        """What the collector should have, in đồng; below zero where more was handed over."""
        return self.booked + self.unbooked - self.counted

    @property
    def on_the_way(self) -> int:
        """What was handed over and has not come to the account."""
        return self.counted - self.deposited


@dataclass(frozen=True, slots=True)
class HandoverValue:
    """A hand-over, with who counted it and what has been paid in; amounts in đồng."""

    id: str
    reference: str
    declared: int
    declared_at: datetime
    counted: int | None
    counted_by: str | None
    counted_at: datetime | None
    difference: str
    deposited: int

    @property
    def lacking(self) -> int:
        """What was counted and has not come to the account."""
        return (self.counted or 0) - self.deposited


@dataclass(frozen=True, slots=True)
class CollectedEntry:
    """An action in the cash book; see `CollectedAction`. `stall` is the stall's code."""

    id: str
    kind: str
    stall: str | None
    amount: int | None
    number: int | None
    done_at: datetime
    received_at: datetime
    outcome: str
    reason: str
    figures: dict[str, int]


@dataclass(frozen=True, slots=True)
class CashBook:
    """A collector's cash book."""

    collector_id: str
    name: str
    sums: CollectorSums
    handovers: tuple[HandoverValue, ...]
    entries: tuple[CollectedEntry, ...]
    blocks: tuple[BlockUse, ...]

    @property
    def waiting(self) -> HandoverValue | None:
        """The hand-over that nobody has counted yet; None where there is none."""
        return next((one for one in self.handovers if one.counted is None), None)

    @property
    def missing(self) -> list[int]:
        """Numbers of slips that were passed over."""
        return [number for use in self.blocks for number in use.missing]


@dataclass(frozen=True, slots=True)
class _Person:
    id: str
    name: str
    agency_id: str


async def sum_taken(session: ReadSession, collector_id: str) -> CollectorSums:
    """What a collector took in cash and what became of it."""
    action = CollectedAction
    booked = col(action.payment_id).is_not(None)
    amount = func.coalesce(col(action.amount), 0)
    own = col(action.collector_id) == collector_id
    handed = col(CashHandover.collector_id) == collector_id

    return await session.one(
        values_of(
            CollectorSums,
            booked=cast(func.coalesce(func.sum(amount).filter(booked), 0), BigInteger),
            unbooked=cast(func.coalesce(func.sum(amount).filter(~booked), 0), BigInteger),
            tickets=cast(
                func.coalesce(func.sum(amount).filter(col(action.kind) == "ticket"), 0), BigInteger
            ),
            counted=cast(
                select(func.coalesce(func.sum(CashHandover.counted), 0))
                .where(handed)
                .scalar_subquery(),
                BigInteger,
            ),
            deposited=cast(
                select(func.coalesce(func.sum(CashDeposit.amount), 0))
                .join(CashHandover, col(CashHandover.id) == col(CashDeposit.handover_id))
                .where(handed)
                .scalar_subquery(),
                BigInteger,
            ),
        )
        .select_from(action)
        .where(own)
    )


async def sum_owed_to(session: ReadSession, collector_id: str, account_id: str) -> int:
    """What a collector took in cash for one account and has not paid in there, in đồng.

    They may walk for several bodies, and what was taken for one account is paid in to no other.
    """
    of_account = col(Payment.collection_account_id) == account_id
    taken = (
        select(func.coalesce(func.sum(CollectedAction.amount), 0))
        .join(Payment, col(Payment.id) == col(CollectedAction.payment_id))
        .where(col(CollectedAction.collector_id) == collector_id, of_account)
        .scalar_subquery()
    )
    deposited = (
        select(func.coalesce(func.sum(CashDeposit.amount), 0))
        .join(CashHandover, col(CashHandover.id) == col(CashDeposit.handover_id))
        .join(Payment, col(Payment.id) == col(CashDeposit.payment_id))
        .where(col(CashHandover.collector_id) == collector_id, of_account)
        .scalar_subquery()
    )
    return await session.one(select(cast(taken - deposited, BigInteger)))


async def read_cash_book(
    session: ReadSession, person_id: str, name: str, agency_id: str
) -> CashBook:
    """The cash book of a person of a body; the newest entries and hand-overs of it."""
    return CashBook(
        collector_id=person_id,
        name=name,
        sums=await sum_taken(session, person_id),
        handovers=tuple(await _handovers(session, person_id)),
        entries=tuple(await _entries(session, person_id)),
        blocks=tuple(await list_blocks(session, agency_id, [person_id])),
    )


@dataclass(frozen=True, slots=True)
class FoundHandover:
    """A hand-over as it is looked up; amounts in đồng, `collector` is a name."""

    id: str
    reference: str
    collector: str
    declared: int
    counted: int | None
    declared_at: datetime


async def find_handovers(
    session: ReadSession, agency_ids: Collection[str], references: Collection[str]
) -> list[FoundHandover]:
    """The hand-overs of these references, of collectors of these bodies."""
    if not references:
        return []
    wanted = (
        values_of(FoundHandover, CashHandover, collector=col(StaffUser.name))
        .join(StaffUser, col(StaffUser.id) == col(CashHandover.collector_id))
        .where(
            col(CashHandover.reference).in_(references),
            col(CashHandover.agency_id).in_(agency_ids),
        )
    )
    return await session.all(wanted.order_by(col(CashHandover.id)))


async def list_cash_books(session: ReadSession, agency_ids: Collection[str]) -> list[CashBook]:
    """The cash books of everybody of these bodies who has walked, by name."""
    walked = select(SlipBlock.collector_id).where(col(SlipBlock.agency_id).in_(agency_ids))
    people = await session.all(
        values_of(_Person, StaffUser)
        .where(col(StaffUser.id).in_(walked))
        .order_by(col(StaffUser.name), col(StaffUser.id))
    )
    return [await read_cash_book(session, one.id, one.name, one.agency_id) for one in people]


async def _handovers(session: ReadSession, person_id: str) -> list[HandoverValue]:
    deposited = (
        select(func.coalesce(func.sum(CashDeposit.amount), 0))
        .where(col(CashDeposit.handover_id) == col(CashHandover.id))
        .scalar_subquery()
    )
    wanted = (
        values_of(
            HandoverValue,
            CashHandover,
            counted_by=col(StaffUser.name),
            deposited=cast(deposited, BigInteger),
        )
        .join(StaffUser, col(StaffUser.id) == col(CashHandover.counted_by), isouter=True)
        .where(col(CashHandover.collector_id) == person_id)
    )
    return await session.all(wanted.order_by(col(CashHandover.id).desc()).limit(MOST_SHOWN))


async def _entries(session: ReadSession, person_id: str) -> list[CollectedEntry]:
    wanted = (
        values_of(CollectedEntry, CollectedAction, stall=col(Stall.code))
        .join(Stall, col(Stall.id) == col(CollectedAction.stall_id), isouter=True)
        .where(col(CollectedAction.collector_id) == person_id)
    )
    newest = (col(CollectedAction.received_at).desc(), col(CollectedAction.id))
    return await session.all(wanted.order_by(*newest).limit(MOST_SHOWN))
