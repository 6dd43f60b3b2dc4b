"""The HTTP surface of reports: one address for each, as JSON or as a file."""

import asyncio
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from reconciliation.reports.document import POLICY
from reconciliation.reports.listing import REPORTS, ReportName
from reconciliation.reports.periods import Grain, ReportPeriod
from reconciliation.reports.scope import scope_of
from reconciliation.reports.tables import ReportTable
from reconciliation.reports.writing import TYPES, write_report

router = APIRouter(prefix="/api/v1", tags=["reports"])

_FILES = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()}


class ReportOut(BaseModel):
    """A report: rows by the keys of their columns, whole numbers in đồng or counts.

    null is what nobody knows. `totals` are sums under their names.
    """

    report: ReportName
    title: str
    title_en: str
    agency: str
    first: date
    last: date
    columns: dict[str, str]
    rows: list[dict[str, str | int | None]]
    totals: dict[str, dict[str, str | int | None]]
    facts: dict[str, str]
    notes: list[str]

    @classmethod
    def of(cls, name: ReportName, table: ReportTable) -> "ReportOut":
        """The answer for a report."""
        return cls(
            report=name,
            title=table.title_vi,
            title_en=table.title_en,
            agency=table.agency,
            first=table.first,
            last=table.last,
            columns={column.key: column.vi for column in table.columns},
            rows=[table.keyed(row) for row in table.rows],
            totals={total: table.keyed(row) for total, row in table.totals.items()},
            facts=dict(table.facts),
            notes=list(table.notes),
        )


@router.get(
    "/reports/{name}",
    response_model=ReportOut,
    responses={200: {"content": _FILES, "description": "The report, as it was asked for."}},
)
async def read_report(
    principal: Annotated[Principal, needs(Action.READ_REPORTS)],
    name: ReportName,
    session: ReadSessionDep,
    first: Annotated[date, Query(alias="from", description="First day (Vietnam).")],
    last: Annotated[date, Query(alias="to", description="Last day (Vietnam).")],
    by: Grain = "day",
    agency: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    form: Annotated[
        Literal["json", "csv", "xlsx", "svg", "html"],
        Query(alias="format", description="JSON, a file, or a page with chart and table."),
    ] = "json",
) -> Response:
    """A report of the days `from` to `to`, by day, month or year; of a body with its units.

    `revenue`: by procedure, fee, sub-item and channel, kept and paid in. `accounts`: what moved on
    collection accounts, the ledger beside the statements. `cashless`: what was paid without cash.
    `remittance`: what is paid in, in the columns of C1-02/NS. Without `agency` it is the caller's.
    """
    period = ReportPeriod(first, last, by)
    scope = await scope_of(session, agency or principal.agency_id, principal.agency_ids)
    table = await REPORTS[name](session, scope, period)
    if form == "json":
        told = ReportOut.of(name, table).model_dump_json()
        return Response(told, media_type="application/json")
    file_name = f"{name}-{first}-{last}.{form}"
    shown = "inline" if form in ("svg", "html") else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{file_name}"'}
    if form == "html":
        headers["Content-Security-Policy"] = POLICY
    # A workbook of a year by day takes seconds, in which others are answered.
    written = await asyncio.to_thread(write_report, table, form)
    return Response(written, media_type=TYPES[form], headers=headers)
