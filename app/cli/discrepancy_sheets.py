"""`lephi discrepancy`: what unknown credits may be, files kept with one, the list as a workbook."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import Json, check_path, fail, show, write_file
from app.cli.discrepancy import Id, Run, discrepancy
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.tree import branches
from payments.books.schemas import ApprovalOut
from reconciliation.cases.discrepancies import get_discrepancy
from reconciliation.cases.filled_rows import list_sheet_rows, propose_rows
from reconciliation.cases.notes import attach
from reconciliation.cases.sheets import read_sheet, write_sheet
from reconciliation.days.run_schemas import LineSuggestionsOut
from reconciliation.days.suggestions import read_open_question
from reconciliation.matching.open_questions import answers_to
from reconciliation.queries import get_run

__all__ = ["discrepancy"]

File = Annotated[Path, typer.Argument(parser=Path, metavar="FILE")]


@discrepancy.command("suggestions")
def suggestions(run: Run, as_json: Json = False) -> None:
    """Show what the unknown credits of a run may be; nothing of it is done by itself."""

    async def work(parts: Parts) -> list[LineSuggestionsOut]:
        async with parts.database.reading() as session:
            reach = list(await branches(session))
            question = await read_open_question(session, parts.cipher, run, reach)
        return [LineSuggestionsOut.of(one) for one in answers_to(question)]

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json") for one in found])
        return
    if not found:
        typer.echo("Không có khoản ghi có nào chưa rõ.")
    for line in found:
        typer.echo(f"{line.line}  {format_vnd(line.amount)}")
        for one in line.suggestions:
            typer.echo(f"  {one.confidence} %  {', '.join(one.bills)}  {one.reason}")


@discrepancy.command("attach")
def keep_file(item: Id, file: File, by: By, as_json: Json = False) -> None:
    """Keep a small file with a discrepancy: PDF, PNG, JPEG or XLSX, at most 2 MiB."""
    content = _read(file)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> str:
        person.require(Action.WORK_DISCREPANCY)
        odd = await get_discrepancy(session, item, person.agency_ids)
        kept = await attach(
            session, parts.cipher, str(odd.case_id), file.name, content, person.actor
        )
        return kept.id

    kept = as_person_with(by, work)
    if as_json:
        show({"id": kept})
    else:
        typer.echo(f"Kept as {kept}.")


@discrepancy.command("export")
def export(
    run: Run,
    out: Annotated[Path, typer.Option(parser=Path, metavar="FILE", help="An .xlsx file.")],
) -> None:
    """Write the discrepancies of a run to a workbook, to be filled in and taken back."""
    check_path(out)
    if out.suffix.lower() != ".xlsx":
        fail("The file must end with .xlsx.")

    async def work(parts: Parts) -> bytes:
        async with parts.database.reading() as session:
            known = await get_run(session, run, list(await branches(session)))
            rows = await list_sheet_rows(session, known.id, parts.reconciling.calendar)
        return write_sheet(rows)

    write_file(out, with_parts(work))


@discrepancy.command("import")
def take_back(run: Run, file: File, by: By, as_json: Json = False) -> None:
    """Ask for what a filled-in workbook says of its rows, whole or not at all; others approve."""
    content = _read(file)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> list[ApprovalOut]:
        person.require(Action.PROPOSE_APPROVAL)
        known = await get_run(session, run, person.agency_ids)
        filled = read_sheet(content)
        kinds, calendar = parts.approval_kinds, parts.reconciling.calendar
        made = await propose_rows(session, kinds, calendar, known.id, filled, person)
        return [ApprovalOut.of(one) for one in made]

    made = as_person_with(by, work)
    if as_json:
        show([one.model_dump(mode="json") for one in made])
    for one in [] if as_json else made:
        typer.echo(f"{one.id}  {one.kind}")


def _read(file: Path) -> bytes:
    check_path(file)
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
