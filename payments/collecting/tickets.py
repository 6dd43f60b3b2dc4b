"""Entry tickets: what one costs on a day, and the bill that the sale of some is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlmodel import col, or_

from core.money import format_vnd
from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.billing.loading import MarketValue
from payments.billing.models import ChargeTariffRow
from payments.bills.new_bill import BillRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.natures import FeeNature

#: How a bill of tickets is told from others.
CHANNEL = "ticket"


@dataclass(frozen=True, slots=True)
class TicketRate:
    """What entry costs, in đồng; `vat_percent` comes on top where the rate does not include it."""

    code: str
    name: str
    name_en: str
    rate: int
    vat_percent: int
    basis: str

    @property
    def price(self) -> int:
        """What one ticket costs with everything, in whole đồng, half a đồng rounded up."""
        return int(Fraction(self.rate * (100 + self.vat_percent), 100) + Fraction(1, 2))


def _rates(market_id: str, on: date) -> ValueSelect[TicketRate]:
    row = ChargeTariffRow
    return values_of(TicketRate, row).where(
        col(row.market_id) == market_id,
        col(row.kind) == "entry",
        col(row.valid_from) <= on,
        or_(col(row.valid_to).is_(None), col(row.valid_to) >= on),
    )


async def list_rates(session: ReadSession, market_id: str, on: date) -> Sequence[TicketRate]:
    """What entry to a market costs on a day, by code."""
    return await session.all(_rates(market_id, on).order_by(col(ChargeTariffRow.code)))


async def find_rate(session: ReadSession, market_id: str, code: str, on: date) -> TicketRate | None:
    """What entry of that code costs on a day; None where there is none."""
    return await session.first(_rates(market_id, on).where(col(ChargeTariffRow.code) == code))


def ticket_request(
    market: MarketValue, rate: TicketRate | None, quantity: int, amount: int, on: date, slip: str
) -> BillRequest:
    """The bill of some tickets that `amount` đồng were taken for, whatever they should cost."""
    exact = rate is not None and rate.price * quantity == amount
    line = NewLine(
        description=rate.name if rate else "Vé vào chợ",
        description_en=rate.name_en if rate else "Market entry",
        quantity=quantity,
        copies=1,
        amount=amount,
        full_amount=amount,
        sub_item=None,
        unit="vé",
        explanation=f"{quantity} vé × {format_vnd(rate.price)}" if rate and exact else None,
        basis=rate.basis if rate else None,
        nature=FeeNature.PRICE,
    )
    return BillRequest(
        agency_id=market.agency_id,
        lines=(line,),
        channel=CHANNEL,
        opened_on=on,
        metadata={"market": market.code, "slip": slip},
    )
