"""What the API of gateways' batches and settlement lines takes and gives. Amounts in đồng."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from core.schemas import Instant, Line, RequestModel
from reconciliation.cases.schemas import Id
from reconciliation.settlements.batch_approvals import MOST_BATCHES
from reconciliation.settlements.batch_sums import BatchSum
from reconciliation.settlements.lines import SettlementLineValue

#: An account at a gateway as its callback path names it.
GATEWAY_PATH = r"^[a-z0-9_-]{1,40}/[A-Za-z0-9._-]{1,64}$"


class PayoutIn(RequestModel):
    """Which credit brought which batches of an account at a gateway, and why that is so.

    `credit` is the payment of the books, or the statement's line.
    """

    gateway: Annotated[str, StringConstraints(pattern=GATEWAY_PATH)]
    batches: Annotated[list[Line], Field(min_length=1, max_length=MOST_BATCHES)]
    credit: Id
    reason: Line

    @property
    def wanted(self) -> dict[str, object]:
        """What an approval keeps of it."""
        return {"gateway": self.gateway, "batches": sorted(set(self.batches))}


class BatchOut(BaseModel):
    """A batch as its lines add up: `net` is `gross` less `fee`; `payout` is what brought it."""

    batch_ref: str
    settled_on: date
    lines: int
    gross: int
    fee: int
    net: int
    payout: str | None

    @classmethod
    def of(cls, one: BatchSum) -> "BatchOut":
        """The answer for a batch."""
        return cls(
            batch_ref=one.batch_ref,
            settled_on=one.settled_on,
            lines=one.lines,
            gross=one.gross,
            fee=one.fee,
            net=one.net,
            payout=one.payout_id,
        )


class BatchList(BaseModel):
    """Batches by reference; `next_cursor` asks for those that follow, null at the end."""

    items: list[BatchOut]
    next_cursor: str | None


class SettlementLineOut(BaseModel):
    """A line of a settlement file. Of a refund or chargeback the amounts are what goes back.

    `stands` is false where a newer version of its file had it no more.
    """

    id: str
    row: int
    batch_ref: str
    settled_on: date
    kind: str
    order_ref: str
    gateway_ref: str
    amount: int
    fee: int
    paid_at: Instant | None
    stands: bool

    @classmethod
    def of(cls, one: SettlementLineValue) -> "SettlementLineOut":
        """The answer for a line."""
        return cls(
            id=one.id,
            row=one.line_number,
            batch_ref=one.batch_ref,
            settled_on=one.settled_on,
            kind=one.kind,
            order_ref=one.order_ref,
            gateway_ref=one.gateway_ref,
            amount=one.amount,
            fee=one.fee,
            paid_at=one.paid_at,
            stands=one.withdrawn_at is None,
        )


class SettlementLineList(BaseModel):
    """Lines of a settlement; `next_cursor` asks for those that follow, null at the end."""

    items: list[SettlementLineOut]
    next_cursor: str | None
