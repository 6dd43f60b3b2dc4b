"""What the API tells of collectors' cash. Amounts are whole đồng."""

from pydantic import BaseModel

from core.schemas import Instant
from payments.collecting.blocks import BlockUse
from payments.collecting.cash_book import CashBook, HandoverValue


class HandoverOut(BaseModel):
    """Cash handed over; `counted` is null until another person has counted it.

    `reference` is what the transfer bears that pays it in, `deposited` what has come of it.
    """

    id: str
    reference: str
    declared: int
    declared_at: Instant
    counted: int | None
    counted_by: str | None
    counted_at: Instant | None
    difference: str
    deposited: int

    @classmethod
    def of(cls, handover: HandoverValue) -> "HandoverOut":
        """The answer for a hand-over."""
        return cls.model_validate(handover, from_attributes=True)


class SlipBlockOut(BaseModel):
    """A phone's block of numbers, `first` to `last`, and what became of them; `free` is a count."""

    first: int
    last: int
    device: str
    used: list[int]
    void: list[int]
    missing: list[int]
    free: int

    @classmethod
    def of(cls, use: BlockUse) -> "SlipBlockOut":
        """The answer for a block."""
        return cls(
            first=use.block.first,
            last=use.block.last,
            device=use.block.device,
            used=list(use.used),
            void=list(use.void),
            missing=list(use.missing),
            free=use.free,
        )


class CashBookOut(BaseModel):
    """A collector's cash book: `held` is what they took less what was counted of hand-overs.

    `unbooked` was taken and could not be booked; `missing` are numbers of slips passed over.
    """

    collector: str
    name: str
    booked: int
    unbooked: int
    tickets: int
    counted: int
    deposited: int
    held: int
    handovers: list[HandoverOut]
    slips: list[SlipBlockOut]

    @classmethod
    def of(cls, book: CashBook) -> "CashBookOut":
        """The answer for a cash book."""
        sums = book.sums
        return cls(
            collector=book.collector_id,
            name=book.name,
            booked=sums.booked,
            unbooked=sums.unbooked,
            tickets=sums.tickets,
            counted=sums.counted,
            deposited=sums.deposited,
            held=sums.held,
            handovers=[HandoverOut.of(one) for one in book.handovers],
            slips=[SlipBlockOut.of(one) for one in book.blocks],
        )


class CashBookList(BaseModel):
    """The cash books of everybody who has walked, by name."""

    items: list[CashBookOut]
