"""Numbers of slips, kept for one phone at a time, so that two never write the same one offline.

A body's blocks follow one another without a gap. What became of each number of a block is known:
it is a slip's or a ticket's, or void, or it is still to be used; one that was passed over is
missing until somebody says.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, insert
from sqlmodel import col, select

from core import audit, clock
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.collecting.collectors import Collector
from payments.collecting.models import BLOCK, CollectedAction, SlipBlock

#: With fewer free numbers than this a phone gets another block when it asks.
ENOUGH = 20


@dataclass(frozen=True, slots=True)
class BlockValue:
    """A block of numbers, from `first` to `last`, both included."""

    id: str
    collector_id: str
    device: str
    first: int

    @property
    def last(self) -> int:
        """The block's last number."""
        return self.first + BLOCK - 1

    @property
    def numbers(self) -> range:
        """Every number of the block."""
        return range(self.first, self.first + BLOCK)


@dataclass(frozen=True, slots=True)
class _NumberUse:
    number: int
    kind: str


@dataclass(frozen=True, slots=True)
class BlockUse:
    """What became of the numbers of a block: of slips and tickets, void, passed over, or free."""

    block: BlockValue
    used: tuple[int, ...]
    void: tuple[int, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers that were passed over: later ones of the block are used."""
        known = {*self.used, *self.void}
        return tuple(n for n in self.block.numbers if known and n < max(known) and n not in known)

    @property
    def free(self) -> int:
        """How many numbers are still to be used."""
        return len(self.block.numbers) - len(self.used) - len(self.void) - len(self.missing)


_BLOCKS = values_of(BlockValue, SlipBlock)


async def have_numbers(session: WriteSession, who: Collector, device: str) -> list[BlockUse]:
    """The blocks of a collector's phone that have free numbers; one more where they are few."""
    await lock_names(session, f"slips:{who.agency_id}")
    own = await _open_blocks_of(session, who, device)
    held = [one for one in await uses_of(session, who.agency_id, own) if one.free]
    if sum(one.free for one in held) >= ENOUGH:
        return held
    last = select(func.coalesce(func.max(SlipBlock.first), 1 - BLOCK))
    first = await session.one(last.where(col(SlipBlock.agency_id) == who.agency_id)) + BLOCK
    made = BlockValue(new_id("slips"), who.staff_id, device, first)
    row = {
        "id": made.id,
        "agency_id": who.agency_id,
        "collector_id": who.staff_id,
        "device": device,
        "first": first,
        "reserved_at": clock.now(),
    }
    await session.write(insert(SlipBlock), row)
    told = {"first": made.first, "last": made.last, "device": device}
    await audit.record(
        session, actor=who.actor, action="slips.reserved", object_id=made.id, details=told
    )
    return [*held, BlockUse(made, (), ())]


async def find_number_fault(
    session: WriteSession, who: Collector, device: str, number: int
) -> str | None:
    """Why a number cannot be this action's, as a code; None where it can. It is locked then."""
    await lock_names(session, f"slip:{who.agency_id}:{number}")
    block = await session.first(
        _BLOCKS.where(
            col(SlipBlock.agency_id) == who.agency_id,
            col(SlipBlock.first) == number - (number - 1) % BLOCK,
        )
    )
    if block is None or (block.collector_id, block.device) != (who.staff_id, device):
        return "number_not_yours"
    taken = select(CollectedAction.id).where(
        col(CollectedAction.agency_id) == who.agency_id, col(CollectedAction.number) == number
    )
    return None if await session.first(taken) is None else "number_used"


async def list_blocks(
    session: ReadSession, agency_id: str, collector_ids: Collection[str]
) -> list[BlockUse]:
    """Every block of these collectors of a body, and what became of its numbers, in order."""
    wanted = _BLOCKS.where(
        col(SlipBlock.agency_id) == agency_id, col(SlipBlock.collector_id).in_(collector_ids)
    )
    return await uses_of(
        session, agency_id, await session.all(wanted.order_by(col(SlipBlock.first)))
    )


async def _open_blocks_of(session: ReadSession, who: Collector, device: str) -> list[BlockValue]:
    """Those of a phone's blocks whose last number is still to be used: no others have free ones.

    A phone has hundreds of finished blocks in the end, and asks each time that it sends.
    """
    finished = (
        select(CollectedAction.id)
        .where(
            col(CollectedAction.agency_id) == who.agency_id,
            col(CollectedAction.number) == col(SlipBlock.first) + BLOCK - 1,
        )
        .exists()
    )
    wanted = _BLOCKS.where(
        ~finished,
        col(SlipBlock.agency_id) == who.agency_id,
        col(SlipBlock.collector_id) == who.staff_id,
        col(SlipBlock.device) == device,
    )
    return await session.all(wanted.order_by(col(SlipBlock.first)))


async def uses_of(
    session: ReadSession, agency_id: str, blocks: Collection[BlockValue]
) -> list[BlockUse]:
    """What became of the numbers of these blocks of a body."""
    if not blocks:
        return []
    lowest = min(one.first for one in blocks)
    highest = max(one.last for one in blocks)
    wanted = values_of(_NumberUse, CollectedAction, number=col(CollectedAction.number))
    within = col(CollectedAction.number).between(lowest, highest)
    known = {
        one.number: one.kind
        for one in await session.all(
            wanted.where(col(CollectedAction.agency_id) == agency_id, within)
        )
    }
    return [
        BlockUse(
            block,
            tuple(n for n in block.numbers if known.get(n) in ("cash", "ticket")),
            tuple(n for n in block.numbers if known.get(n) == "void"),
        )
        for block in blocks
    ]
