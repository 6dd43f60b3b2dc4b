"""Where a run puts what gateways took: paid over in a batch, still waiting, or not as it should be.

The account's credits say nothing of a single payment at a gateway, since a gateway pays over many
at once. So the first comparison judges it (`reconciliation.settlements.matching`), and the batch of
its line: once two people have said which credit brought the batch, the payment is settled. How long
the rest may wait says `reconciliation.matching.ageing`.

Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from core.money import format_vnd
from reconciliation.matching.ageing import ON_THE_WAY, WITH_GATEWAY
from reconciliation.matching.values import DayDiscrepancy, DaySettled
from reconciliation.settlements.matching import SettledLine, SettlementPlace

#: What is said of money that the gateway has not told of: by the class of the first comparison.
_UNTOLD: Final = {
    "expected": "Cổng đã thu, chưa có tệp quyết toán của ngày này.",
    "missing_in_settlement": "Cổng đã thu, tệp quyết toán của ngày này không có khoản này.",
}


class PaymentAtGateway(Protocol):
    """What is asked of a payment at a gateway; `amount` in đồng."""

    @property
    def payment_id(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def accounting_on(self) -> date: ...
    @property
    def gateway(self) -> str: ...


@dataclass(frozen=True, slots=True)
class GatewayPlaces:
    """The payments at gateways that are paid over, and the others; each payment is in one of them.

    Those that wait are told without the day by which they are due.
    """

    settled: Sequence[DaySettled] = ()
    others: Sequence[DayDiscrepancy] = ()


def put_in_places(
    payments: Iterable[PaymentAtGateway],
    compared: Iterable[SettlementPlace],
    lines: Mapping[str, SettledLine],
    paid_batches: Mapping[str, str],
) -> GatewayPlaces:
    """Put each payment in one place.

    `compared` is the first comparison, `lines` are its lines by id, and `paid_batches` maps each
    line of a batch that was paid over to that batch. A payment that was not compared waits.
    """
    known = {one.payment_id: one for one in compared if one.payment_id is not None}
    settled, others = [], []
    for payment in payments:
        place = known.get(payment.payment_id)
        batch_id = None
        if place is not None and place.kind == "matched":
            batch_id = paid_batches.get(place.line_ids[0])
        if place is not None and batch_id is not None:
            of_line = (payment.payment_id, place.line_ids[0], batch_id)
            settled.append(DaySettled(*of_line, payment.amount))
        else:
            others.append(_odd(payment, place, lines))
    return GatewayPlaces(settled, others)


def _odd(
    payment: PaymentAtGateway, place: SettlementPlace | None, lines: Mapping[str, SettledLine]
) -> DayDiscrepancy:
    found = [] if place is None else [lines[line_id] for line_id in place.line_ids]
    kind, other, reason = WITH_GATEWAY, None, _UNTOLD["expected"]
    if place is not None and place.kind in _UNTOLD:
        reason = _UNTOLD[place.kind]
    elif place is not None and place.kind == "matched":
        kind, reason = ON_THE_WAY, f"Cổng báo trong lô {found[0].batch_ref}, tiền đang về."
    elif found and place is not None:
        kind, other = place.kind, sum(line.amount for line in found)
        batches = ", ".join(sorted({line.batch_ref for line in found}))
        times = f"{len(found)} lần, cộng " if len(found) > 1 else ""
        reason = f"Tệp quyết toán của cổng ghi {times}{format_vnd(other)}, lô {batches}."
    return DayDiscrepancy(
        "payment", payment.payment_id, kind, payment.reference, payment.amount, other, reason
    )
