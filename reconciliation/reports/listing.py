"""The reports there are, by their names."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from core.sessions import ReadSession
from reconciliation.reports.accounts import account_report
from reconciliation.reports.cashless import cashless_report
from reconciliation.reports.periods import ReportPeriod
from reconciliation.reports.remittance import remittance_report
from reconciliation.reports.revenue import revenue_report
from reconciliation.reports.scope import ReportScope
from reconciliation.reports.tables import ReportTable


class ReportName(StrEnum):
    """What a report is about."""

    REVENUE = "revenue"
    ACCOUNTS = "accounts"
    CASHLESS = "cashless"
    REMITTANCE = "remittance"


MakeReport = Callable[[ReadSession, ReportScope, ReportPeriod], Awaitable[ReportTable]]

REPORTS: Mapping[ReportName, MakeReport] = MappingProxyType(
    {
        ReportName.REVENUE: revenue_report,
        ReportName.ACCOUNTS: account_report,
        ReportName.CASHLESS: cashless_report,
        ReportName.REMITTANCE: remittance_report,
    }
)
