"""Good settlement files of every layout, made from the layout itself: heading, rows, totals."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock import VIETNAM
from reconciliation.formats.settlement_layouts import SettlementLayout
from tests.support.workbooks import workbook

AT = datetime(2026, 11, 27, 9, 30, tzinfo=VIETNAM)


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A row as a gateway would write it, in đồng."""

    number: str
    amount: int
    fee: int
    is_refund: bool = False

    @property
    def sign(self) -> int:
        """What it counts in the totals."""
        return -1 if self.is_refund else 1


LINES = (
    PaidLine("G26110001", 1_250_000, 13_750),
    PaidLine("G26110002", 50_000, 550),
    PaidLine("G26110003", 20_000, 220, is_refund=True),
)


def settlement_csv(layout: SettlementLayout, lines: Sequence[PaidLine] = LINES) -> bytes:
    """The file in CSV, by the first delimiter of its layout."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=layout.delimiters[0], lineterminator="\n")
    writer.writerows(_rows(layout, lines))
    return made.getvalue().encode()


def settlement_xlsx(layout: SettlementLayout, lines: Sequence[PaidLine] = LINES) -> bytes:
    """The same as a workbook, all cells text."""
    return workbook(_rows(layout, lines))


def lines_of(layout: SettlementLayout) -> tuple[PaidLine, ...]:
    """`LINES`, without what goes back where the layout has no word for it."""
    return tuple(line for line in LINES if layout.refund_words or not line.is_refund)


def written(layout: SettlementLayout, amount: int) -> str:
    """An amount of đồng as the layout writes it."""
    sign = "-" if amount < 0 else ""
    whole = f"{abs(amount) * layout.scale:,}".replace(",", layout.style.thousands)
    point = "," if layout.style.thousands == "." else "."
    return sign + whole + (point + "0" * layout.style.decimals if layout.style.decimals else "")


def _rows(layout: SettlementLayout, lines: Sequence[PaidLine]) -> list[list[str]]:
    names = list(layout.columns.values())
    rows = [names]
    sums = dict.fromkeys(("amount", "fee", "net"), 0)
    for line in lines:
        money = {"amount": line.amount, "fee": line.fee, "net": line.amount - line.fee}
        for name, value in money.items():
            sums[name] += line.sign * value
        sign = -1 if line.is_refund and layout.refunds == "negative" else 1
        cells = {name: written(layout, sign * value) for name, value in money.items()}
        cells |= {
            "batch_ref": "BATCH-2611",
            "settled_on": AT.strftime(layout.days[0]),
            "order_ref": f"LE{line.number}",
            "gateway_ref": line.number,
        }
        if "kind" in layout.columns:
            cells["kind"] = (layout.refund_words if line.is_refund else layout.payment_words)[0]
        if layout.times:
            iso = layout.times[0] == "iso"
            cells["paid_at"] = f"{AT:%Y-%m-%dT%H:%M:%S}+07:00" if iso else f"{AT:{layout.times[0]}}"
        rows.append([cells[name] for name in layout.columns])
    if layout.totals:
        last = [written(layout, sums[name]) if name in sums else "" for name in layout.columns]
        rows.append([layout.totals, *last[1:]])
    return rows
