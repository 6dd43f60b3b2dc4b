"""What was collected by body, procedure, fee, sub-item and gateway; what of it is kept and paid in.

Of each row `amount` = `kept` + `paid_in` + `undivided`: the last is what nobody knows the share of.
"""

from collections.abc import Callable, Sequence
from typing import Final

from core.sessions import ReadSession
from payments.books.period_totals import RevenueTotal, list_revenue
from reconciliation.reports.periods import ReportPeriod
from reconciliation.reports.scope import ReportScope
from reconciliation.reports.tables import (
    ChartSeries,
    ReportCell,
    ReportChart,
    ReportColumn,
    ReportTable,
    summed,
)

#: What a share's certainty is called.
_CERTAINTIES: Final = {
    "confirmed": "đã xác nhận",
    "secondary": "nguồn thứ cấp",
    "unconfirmed": "chưa xác nhận",
    "nature": "theo loại khoản thu",
}
_COLUMNS: Final = (
    ReportColumn("period", "Kỳ", "Period"),
    ReportColumn("agency", "Đơn vị", "Body"),
    ReportColumn("procedure", "Thủ tục", "Procedure"),
    ReportColumn("fee", "Mã khoản thu", "Fee"),
    ReportColumn("description", "Khoản thu", "Description"),
    ReportColumn("sub_item", "Tiểu mục", "Sub-item"),
    ReportColumn("gateway", "Kênh thu", "Channel"),
    ReportColumn("count", "Số lượng", "Count"),
    ReportColumn("collected", "Đã thu (đồng)", "Collected"),
    ReportColumn("returned", "Hoàn, đảo (đồng)", "Given back"),
    ReportColumn("amount", "Còn lại (đồng)", "Net"),
    ReportColumn("kept_percent", "Để lại (%)", "Kept (%)"),
    ReportColumn("certainty", "Độ chắc chắn của tỷ lệ", "Certainty of the share"),
    ReportColumn("kept", "Để lại (đồng)", "Kept"),
    ReportColumn("paid_in", "Nộp ngân sách (đồng)", "Paid in"),
    ReportColumn("undivided", "Chưa rõ tỷ lệ (đồng)", "Share unknown"),
)
_SUMMED: Final = frozenset({7, 8, 9, 10, 13, 14, 15})
_ROUNDING: Final = (
    "Số để lại của từng khoản đã thu được làm tròn xuống đến đồng; phần còn lại nộp ngân sách, nên"
    " để lại + nộp ngân sách + chưa rõ tỷ lệ = còn lại."
)
_BY_NATURE: Final = (
    "Lệ phí và khoản thu khác của ngân sách nộp toàn bộ, giá dịch vụ không nộp ngân sách, trừ khi"
    " danh mục ghi tỷ lệ khác."
)
_UNKNOWN: Final = "Khoản phí mà danh mục chưa ghi tỷ lệ để lại thì không chia."
#: How many bars a chart has at most.
_MOST_BARS: Final = 31


async def revenue_report(
    session: ReadSession, scope: ReportScope, period: ReportPeriod
) -> ReportTable:
    """Revenue of a body and its units, as the ledger has it."""
    found = await list_revenue(session, scope.agency_ids, period.first, period.last, period.grain)
    rows = [_row(one, period) for one in found]
    return ReportTable(
        name="revenue",
        title_vi="Báo cáo thu phí, lệ phí",
        title_en="Fees collected",
        agency=scope.name,
        first=period.first,
        last=period.last,
        columns=_COLUMNS,
        rows=rows,
        totals={"Cộng": summed(rows, _SUMMED)} if rows else {},
        notes=(_ROUNDING, _BY_NATURE, _UNKNOWN),
        chart=_chart(found, period),
    )


def _row(one: RevenueTotal, period: ReportPeriod) -> tuple[ReportCell, ...]:
    return (
        *(period.label(one.on), one.agency, one.procedure, one.fee, one.description),
        *(one.sub_item, one.gateway, one.count, one.collected, one.returned, one.amount),
        *(one.kept_percent, _CERTAINTIES.get(one.certainty or "", "chưa rõ")),
        *(one.kept, one.paid_in, undivided(one)),
    )


def undivided(one: RevenueTotal) -> int:
    """What of it nobody knows the share of."""
    return one.amount if one.kept is None else 0


def _chart(found: Sequence[RevenueTotal], period: ReportPeriod) -> ReportChart | None:
    """By period where there are several, else by fee; the largest where there are too many."""
    if not found:
        return None
    if len({one.on for one in found}) > 1:
        title, label = "Thu theo kỳ", lambda one: period.label(one.on)
        sums = _gathered(found, label)
        chosen = list(sums.items())[-_MOST_BARS:]
    else:
        title = "Thu theo khoản"
        sums = _gathered(found, lambda one: one.description)
        chosen = sorted(sums.items(), key=lambda item: -sum(item[1]))[:_MOST_BARS]
    names = ("Để lại", "Nộp ngân sách", "Chưa rõ tỷ lệ")
    return ReportChart(
        title=title,
        unit="đồng",
        labels=tuple(name for name, _ in chosen),
        series=tuple(
            ChartSeries(name, tuple(parts[place] for _, parts in chosen))
            for place, name in enumerate(names)
        ),
    )


def _gathered(
    found: Sequence[RevenueTotal], label: Callable[[RevenueTotal], str]
) -> dict[str, tuple[int, int, int]]:
    sums: dict[str, tuple[int, int, int]] = {}
    for one in found:
        kept, paid_in, unknown = sums.get(label(one), (0, 0, 0))
        sums[label(one)] = (
            kept + (one.kept or 0),
            paid_in + (one.paid_in or 0),
            unknown + undivided(one),
        )
    return sums
