"""How much of what was due was paid without cash, by body and procedure.

Cash is here only where a market's collectors took it: a bill that was not paid here was paid at a
counter, elsewhere or not at all, and nobody here knows which. So the share is a least one.
"""

from collections.abc import Sequence
from typing import Final

from core.sessions import ReadSession
from payments.books.period_totals import BillTotal, list_bill_totals
from reconciliation.reports.periods import ReportPeriod
from reconciliation.reports.scope import ReportScope
from reconciliation.reports.tables import (
    ChartSeries,
    ReportCell,
    ReportChart,
    ReportColumn,
    ReportTable,
)

_COLUMNS: Final = (
    ReportColumn("period", "Kỳ lập", "Period"),
    ReportColumn("agency", "Đơn vị", "Body"),
    ReportColumn("procedure", "Thủ tục", "Procedure"),
    ReportColumn("name", "Tên thủ tục", "Name"),
    ReportColumn("bills", "Số khoản phải nộp", "Bills"),
    ReportColumn("owed", "Phải nộp (đồng)", "Owed"),
    ReportColumn("paid_bills", "Đã nộp không tiền mặt", "Paid without cash"),
    ReportColumn("paid", "Số tiền (đồng)", "Amount paid"),
    ReportColumn("share", "Tỷ lệ theo số khoản (%)", "Share of bills (%)"),
    ReportColumn("amount_share", "Tỷ lệ theo số tiền (%)", "Share of amounts (%)"),
)
_NOTE: Final = (
    "Theo ngày lập khoản phải nộp; không tính khoản đã hủy và khoản 0 đồng. Khoản người thu"
    " nhận bằng tiền mặt không tính là đã nộp; khoản chưa nộp ở đây có thể đã nộp tiền mặt ở nơi"
    " khác, nên tỷ lệ là mức tối thiểu."
)
_MOST_BARS: Final = 31


async def cashless_report(
    session: ReadSession, scope: ReportScope, period: ReportPeriod
) -> ReportTable:
    """What of the bills opened in a period has been paid without cash until now."""
    found = await list_bill_totals(
        session, scope.agency_ids, period.first, period.last, period.grain
    )
    rows = [
        (period.label(one.on), one.agency, one.procedure, one.name, *_figures([one]))
        for one in found
    ]
    return ReportTable(
        name="cashless",
        title_vi="Tỷ lệ nộp không dùng tiền mặt",
        title_en="Paid without cash",
        agency=scope.name,
        first=period.first,
        last=period.last,
        columns=_COLUMNS,
        rows=rows,
        totals={"Cộng": (None, None, None, None, *_figures(found))} if found else {},
        notes=(_NOTE,),
        chart=_chart(found),
    )


def _figures(found: Sequence[BillTotal]) -> tuple[ReportCell, ...]:
    bills, owed = sum(one.bills for one in found), sum(one.owed for one in found)
    paid_bills, paid = sum(one.paid_bills for one in found), sum(one.paid for one in found)
    return (bills, owed, paid_bills, paid, percent(paid_bills, bills), percent(paid, owed))


def percent(part: int, whole: int) -> str:
    """A share with two decimals as people write it, cut off: 100 is all and nothing less."""
    hundredths = part * 10_000 // whole if whole else 0
    return f"{hundredths // 100},{hundredths % 100:02}"


def _chart(found: Sequence[BillTotal]) -> ReportChart | None:
    if not found:
        return None
    sums: dict[str, tuple[int, int]] = {}
    for one in found:
        label = f"{one.agency} · {one.name or one.procedure or 'khoản khác'}"
        bills, paid = sums.get(label, (0, 0))
        sums[label] = (bills + one.bills, paid + one.paid_bills)
    chosen = sorted(sums.items(), key=lambda item: -item[1][0])[:_MOST_BARS]
    return ReportChart(
        title="Khoản phải nộp theo thủ tục",
        unit="khoản",
        labels=tuple(label for label, _ in chosen),
        series=(
            ChartSeries("Đã nộp không tiền mặt", tuple(paid for _, (_, paid) in chosen)),
            ChartSeries("Chưa nộp ở đây", tuple(bills - paid for _, (bills, paid) in chosen)),
        ),
    )
