"""`lephi report`: what was collected, kept, paid in and remitted, as a table or a file."""

from datetime import date
from pathlib import Path
from typing import Annotated, get_args

import typer

from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.signed_in import By, as_person
from app.cli.wired import with_parts
from app.parts import Parts
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_agency_id
from reconciliation.reports.api import ReportOut
from reconciliation.reports.document import cell_text
from reconciliation.reports.listing import REPORTS, ReportName
from reconciliation.reports.periods import Grain, ReportPeriod
from reconciliation.reports.remittance_codes import RemittanceBearing, set_codes
from reconciliation.reports.scope import scope_of
from reconciliation.reports.tables import ReportTable
from reconciliation.reports.writing import ReportFormat, write_report

report = typer.Typer(help="Báo cáo: reports of a period.", no_args_is_help=True)

_FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)


@report.callback()
def reports() -> None:
    """Báo cáo: reports of a period."""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date like 2026-11-02") from None


@report.command("show")
def show_report(
    name: Annotated[ReportName, typer.Argument(help="Which report.")],
    agency: Annotated[str, typer.Option(help="Code of the body; its units count with it.")],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day (Vietnam).")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day (Vietnam).")],
    by: Annotated[str, typer.Option(help="day, month or year.")] = "day",
    out: Annotated[
        Path | None,
        typer.Option(parser=Path, metavar="FILE", help="A .csv, .xlsx, .svg or .html file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a report of a body, or write it to a file."""
    check_path(out)
    kind = _format_of(out)
    grain = _grain(by)
    days = _day(first), _day(last)

    async def work(parts: Parts) -> ReportTable:
        period = ReportPeriod(*days, grain)
        async with parts.database.reading() as session:
            return await REPORTS[name](session, await scope_of(session, agency, None), period)

    table = with_parts(work)
    if out is not None and kind is not None:
        try:
            out.write_bytes(write_report(table, kind))
        except OSError as error:
            fail(f"{out}: {error.strerror}")
        typer.echo(str(out))
    elif as_json:
        show(ReportOut.of(name, table).model_dump(mode="json"))
    else:
        _print(table)


def _grain(by: str) -> Grain:
    for known in get_args(Grain):
        if by == known:
            grain: Grain = known
            return grain
    raise typer.BadParameter("day, month or year")


def _format_of(out: Path | None) -> ReportFormat | None:
    if out is None:
        return None
    for kind in _FORMATS:
        if out.suffix.lower() == f".{kind}":
            return kind
    fail("The file must end with .csv, .xlsx, .svg or .html.")


def _print(table: ReportTable) -> None:
    typer.echo(f"{table.title_vi}: {table.agency}")
    for name, told in table.facts.items():
        typer.echo(f"{name}: {told}")
    rows = [[cell_text(cell) for cell in row] for row in table.rows]
    rows += [[name, *(cell_text(cell) for cell in row[1:])] for name, row in table.totals.items()]
    show_table([column.vi for column in table.columns], rows)
    for note in table.notes:
        typer.echo(note)


@report.command("codes")
def set_remittance_codes(
    agency: Annotated[str, typer.Option(help="Code of the body.")],
    valid_from: Annotated[str, typer.Option("--from", metavar="DATE", help="From which day on.")],
    chapter: Annotated[str, typer.Option(help="Mã chương, three digits.")],
    area: Annotated[str, typer.Option(help="Mã ĐBHC, five digits.")],
    account: Annotated[str, typer.Option(help="Tài khoản KBNN, such as 7111.")],
    treasury: Annotated[str, typer.Option(help="The treasury office.")],
    managing: Annotated[str, typer.Option(help="Cơ quan quản lý thu.")],
    by: By,
) -> None:
    """Say which codes a body's payments to the budget (C1-02/NS) bear from a day on."""
    day = _day(valid_from)
    codes = RemittanceBearing(chapter, area, account, treasury, managing)

    async def work(session: WriteSession, person: Principal) -> str:
        person.require(Action.ADMINISTER)
        agency_id = await get_agency_id(session, agency)
        if agency_id not in person.agency_ids:
            fail(f"There is no agency {agency}.")
        return await set_codes(session, agency_id, day, codes, actor=person.actor)

    typer.echo(as_person(by, work))
