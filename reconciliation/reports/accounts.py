"""What moved on collection accounts, the treasury's and banks': the ledger beside the statements.

In each row what came (`on_account` + `in_transit` + `with_collectors` + `gateway_fee` +
`gateway_back`) is where it went: to `revenue`, `suspense`, `refundable`, `paying_back`,
`paid_back`, `reversed` and `others`.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from core.sessions import ReadSession
from payments.agencies.queries import list_collection_accounts
from payments.books.period_totals import LedgerTotal, list_ledger_totals
from reconciliation.reports.account_figures import list_gateway_fees, list_stated_totals
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

#: Ledgers on whose debit side money is; on all others it is on the credit side.
_HELD: Final = ("receivable", "in_transit", "collector_cash", "gateway_fee", "gateway_back")
_GONE_TO: Final = ("revenue", "suspense", "refundable", "paying_back", "paid_back", "reversed")
_KINDS: Final = {"treasury": "kho bạc", "bank": "ngân hàng"}
_COLUMNS: Final = (
    ReportColumn("period", "Kỳ", "Period"),
    ReportColumn("account", "Tài khoản thu", "Account"),
    ReportColumn("account_kind", "Loại", "Kind"),
    ReportColumn("on_account", "Vào tài khoản (đồng)", "On the account"),
    ReportColumn("in_transit", "Đang ở cổng (đồng)", "With gateways"),
    ReportColumn("with_collectors", "Tiền mặt ở người thu (đồng)", "Cash with collectors"),
    ReportColumn("gateway_fee", "Phí cổng đã ghi sổ (đồng)", "Gateway fees booked"),
    ReportColumn("gateway_back", "Cổng đã hoàn người nộp (đồng)", "Given back by gateways"),
    ReportColumn("revenue", "Đã áp khoản phải nộp (đồng)", "Given to bills"),
    ReportColumn("suspense", "Chờ xử lý (đồng)", "In suspense"),
    ReportColumn("refundable", "Phải hoàn (đồng)", "Refundable"),
    ReportColumn("paying_back", "Đang hoàn (đồng)", "Being paid back"),
    ReportColumn("paid_back", "Đã hoàn (đồng)", "Paid back"),
    ReportColumn("reversed", "Đã đảo (đồng)", "Reversed"),
    ReportColumn("others", "Khác (đồng)", "Others"),
    ReportColumn("stated_credits", "Sao kê: ghi có (đồng)", "Statement credits"),
    ReportColumn("stated_debits", "Sao kê: ghi nợ (đồng)", "Statement debits"),
    ReportColumn("stated_fees", "Tệp quyết toán: phí cổng (đồng)", "Gateway fees as stated"),
)
_SUMMED: Final = frozenset(range(3, len(_COLUMNS)))
_NOTE: Final = (
    "Số phát sinh thuần trong kỳ theo sổ: vào tài khoản + đang ở cổng + tiền mặt ở người thu +"
    " phí cổng + cổng đã hoàn = tổng các cột sau đó đến “Khác”. Khoản hoàn, đảo ghi vào kỳ hạch"
    " toán chúng; của ngày đã khóa sổ ghi vào ngày mở đầu tiên. Sao kê và phí cổng theo tệp đã nạp."
)

_Place = tuple[date, str]


async def account_report(
    session: ReadSession, scope: ReportScope, period: ReportPeriod
) -> ReportTable:
    """What moved on the accounts of a body and its units."""
    accounts = await list_collection_accounts(session, scope.agency_ids)
    codes = {one.id: one.code for one in accounts}
    kinds = {one.code: one.kind for one in accounts}
    days = (period.first, period.last, period.grain)
    ledgers = _by_place(await list_ledger_totals(session, scope.agency_ids, *days))
    stated = {
        (one.on, codes[one.collection_account_id]): (one.credits, one.debits)
        for one in await list_stated_totals(session, codes.keys(), *days)
    }
    fees = {
        (one.on, codes[one.collection_account_id]): one.fee
        for one in await list_gateway_fees(session, codes.keys(), *days)
    }
    rows: list[tuple[ReportCell, ...]] = [
        (
            *(period.label(on), account, _KINDS.get(kinds[account], kinds[account])),
            *_moved(ledgers.get((on, account), {})),
            *stated.get((on, account), (0, 0)),
            fees.get((on, account), 0),
        )
        for on, account in sorted(ledgers.keys() | stated.keys() | fees.keys())
    ]
    totals = {
        f"Tài khoản {kind}": summed(of_kind, _SUMMED)
        for kind in _KINDS.values()
        if (of_kind := [row for row in rows if row[2] == kind])
    }
    if rows:
        totals["Cộng"] = summed(rows, _SUMMED)
    return ReportTable(
        name="accounts",
        title_vi="Báo cáo tài khoản thu và kho bạc",
        title_en="Collection accounts and treasury",
        agency=scope.name,
        first=period.first,
        last=period.last,
        columns=_COLUMNS,
        rows=rows,
        totals=totals,
        notes=(_NOTE,),
        chart=_chart(rows),
    )


def _by_place(found: Sequence[LedgerTotal]) -> dict[_Place, dict[str, int]]:
    """What each ledger moved, debits positive."""
    sums: dict[_Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in found:
        sums[one.on, one.account][one.ledger] += one.debit - one.credit
    return sums


def _moved(ledgers: dict[str, int]) -> tuple[int, ...]:
    named = (*_HELD, *_GONE_TO)
    others = -sum(amount for ledger, amount in ledgers.items() if ledger not in named)
    return (
        *(ledgers.get(ledger, 0) for ledger in _HELD),
        *(-ledgers.get(ledger, 0) for ledger in _GONE_TO),
        others,
    )


def _chart(rows: Sequence[tuple[ReportCell, ...]]) -> ReportChart | None:
    if not rows:
        return None
    sums: dict[str, list[int]] = {}
    for row in rows:
        had = sums.setdefault(str(row[1]), [0, 0, 0])
        for place, column in enumerate((8, 9, 10)):
            cell = row[column]
            had[place] += cell if isinstance(cell, int) else 0
    names = ("Đã áp khoản phải nộp", "Chờ xử lý", "Phải hoàn")
    return ReportChart(
        title="Tiền theo tài khoản",
        unit="đồng",
        labels=tuple(sums),
        series=tuple(
            ChartSeries(name, tuple(parts[place] for parts in sums.values()))
            for place, name in enumerate(names)
        ),
    )
