"""`lephi debts`: lists of debts that other offices set, looked at, taken in, and withdrawn."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from app.cli.approvals import Reason, one_line, show_approval
from app.cli.asking import asked
from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.signed_in import By, as_person_with, ask_password
from app.cli.wired import with_parts
from app.parts import Parts
from core import clock
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import sign_in
from payments.agencies.tree import branches
from payments.billing.api import own_agency
from payments.books.approvals import ApprovalValue, propose
from payments.debts.approvals import DEBT_LIST, DEBT_WITHDRAWAL
from payments.debts.commands import NewDebtList, take_list, withdraw_list
from payments.debts.comparing import ListName, compare, faults_elsewhere
from payments.debts.error_sheet import write_error_sheet
from payments.debts.kinds import DebtKind
from payments.debts.loading import load_list
from payments.debts.queries import DebtSearch, get_debt, get_list, page_of_debts, page_of_lists
from payments.debts.schemas import DebtListNameIn, DebtListOut, DebtOut, DebtPreviewOut
from payments.debts.sheets import DebtSheet, read_debts

debts = typer.Typer(help="Debts that other offices set, list by list.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(parser=Path, help="CSV or XLSX, a row for each debt.")]
Agency = Annotated[str, typer.Option(help="The code of the agency that collects.")]
Kind = Annotated[str, typer.Option(help=f"{', '.join(DebtKind)}.")]
ListCode = Annotated[str, typer.Option("--list", help="What the list is called.")]
Errors = Annotated[
    Path | None,
    typer.Option("--errors", parser=Path, help="Where to write the rows with their faults (XLSX)."),
]


@debts.callback()
def about() -> None:
    """Debts that other offices set, list by list."""


@debts.command("preview")
def preview(
    file: File,
    agency: Agency,
    kind: Kind,
    code: ListCode,
    by: By,
    errors: Errors = None,
    as_json: Json = False,
) -> None:
    """Show what a file would do: what is new, changed and gone; nothing is taken."""
    wanted, sheet = _read(file, agency, kind, code, errors)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> DebtPreviewOut:
        name = await _named(session, person, wanted)
        await _look(session, name, sheet, errors)
        compared = await compare(session, name, sheet.debts, parts.payments.request_key)
        return DebtPreviewOut.of(compared, sheet)

    told = as_person_with(by, work)
    if as_json:
        show(told.model_dump(mode="json"))
        return
    after, before = format_vnd(told.amount_after), format_vnd(told.amount_before)
    typer.echo(f"{told.rows} debts; {after} owed then, {before} now.")
    show_table(("Change", "Debts"), [(one, count) for one, count in told.changes.items()])
    rows = [
        (one.code, one.change, format_vnd(one.before), format_vnd(one.after), one.finding)
        for one in told.differences[:20]
    ]
    show_table(("Code", "Change", "Before", "After", "Finding"), rows)
    if told.calculated:
        typer.echo(f"{told.calculated} amounts were calculated by formulas.")
    if told.mended_phones:
        typer.echo(f"{told.mended_phones} phone numbers got back their leading 0.")
    if told.takes_two_people:
        typer.echo("It changes or ends debts: a second person has to approve it.")


@debts.command("import")
def import_file(
    file: File,
    agency: Agency,
    kind: Kind,
    code: ListCode,
    by: By,
    reason: Annotated[
        str, typer.Option(help="Why debts are changed, for the second person.")
    ] = "Phiên bản mới của danh sách",
    errors: Errors = None,
    as_json: Json = False,
) -> None:
    """Take a list in: all of it, or nothing and every fault's reason. Run again, it goes on.

    A version that changes or ends debts is asked for: another person approves it.
    """
    wanted, sheet = _read(file, agency, kind, code, errors)
    digest = sha256(file.read_bytes()).hexdigest()
    why, password = one_line(reason), ask_password(by)

    async def work(parts: Parts) -> DebtListOut | ApprovalValue:
        key = parts.payments.request_key
        async with parts.database.transaction() as session:
            person = await sign_in(session, by, password)
            name = await _named(session, person, wanted)
            await _look(session, name, sheet, errors)
            new = NewDebtList(name, file.name, digest, sheet.debts)
            taken = await take_list(session, new, cipher=parts.cipher, key=key, actor=person.actor)
            if taken.state == "proposed" and not taken.known:
                told = (taken.id, {"list": taken.id}, why, person)
                return await propose(session, parts.approval_kinds, DEBT_LIST, *told)
        await load_list(parts.database, taken.id, parts.cipher, key)
        async with parts.database.reading() as session:
            return DebtListOut.of(await get_list(session, taken.id))

    done = with_parts(work)
    if isinstance(done, ApprovalValue):
        show_approval(done, as_json=as_json)
    elif as_json:
        show(done.model_dump(mode="json"))
    else:
        _show_list(done)


@debts.command("cancel")
def cancel(
    reason: Reason,
    by: By,
    list_id: Annotated[
        str | None, typer.Option("--list", help="The id of a list: all that stands of it.")
    ] = None,
    debt: Annotated[str | None, typer.Option(help="The id of one debt.")] = None,
    as_json: Json = False,
) -> None:
    """Ask that a debt, or a whole list, be owed no more: another person approves it."""
    if (list_id is None) == (debt is None):
        fail("Name --list or --debt.")
    why = one_line(reason)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        kinds = parts.approval_kinds
        if debt is not None:
            one = await get_debt(session, debt, person.agency_ids)
            told = (one.id, {"debt": one.id}, why, person)
            return await propose(session, kinds, DEBT_WITHDRAWAL, *told)
        found = await get_list(session, str(list_id), person.agency_ids)
        name = ListName(found.agency_id, found.kind, found.code)
        key = parts.payments.request_key
        taken = await withdraw_list(session, name, key=key, actor=person.actor)
        told = (taken.id, {"list": taken.id}, why, person)
        return await propose(session, kinds, DEBT_LIST, *told)

    show_approval(as_person_with(by, work), as_json=as_json)


@debts.command("list")
def list_all(
    findings: Annotated[
        bool, typer.Option("--findings", help="The debts instead that wait for people.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the lists that were taken in, the newest first."""

    async def work(parts: Parts) -> list[DebtListOut] | list[DebtOut]:
        async with parts.database.reading() as session:
            everybody = list(await branches(session))
            if findings:
                search, key = DebtSearch(has_finding=True), parts.payments.request_key
                page = await page_of_debts(session, everybody, key, search, limit=500)
                return [DebtOut.of(one) for one in page.items]
            lists = await page_of_lists(session, everybody, limit=500)
            return [DebtListOut.of(one) for one in lists.items]

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        if isinstance(one, DebtListOut):
            _show_list(one)
        else:
            back = format_vnd(one.difference or 0)
            typer.echo(f"{one.id}  {one.list} {one.code}: {one.finding}, {back} to give back")


def _show_list(one: DebtListOut) -> None:
    counts = ", ".join(f"{count} {change}" for change, count in sorted(one.outcome.items()))
    typer.echo(
        f"{one.id}  {one.kind} {one.list} v{one.version}: {one.state}, {one.rows} debts,"
        f" {format_vnd(one.amount)}; {counts or 'nothing loaded yet'}"
    )


def _read(
    file: Path, agency: str, kind: str, code: str, errors: Path | None
) -> tuple[DebtListNameIn, DebtSheet]:
    check_path(file, errors)
    wanted = asked(DebtListNameIn, {"agency": agency, "kind": kind, "list": code})
    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    return wanted, read_debts(content, wanted.kind, clock.business_date(clock.now()))


async def _named(session: WriteSession, person: Principal, wanted: DebtListNameIn) -> ListName:
    person.require(Action.KEEP_DEBTS)
    agency_id = await own_agency(session, person, wanted.agency)
    return ListName(agency_id, wanted.kind, wanted.list)


async def _look(
    session: WriteSession, name: ListName, sheet: DebtSheet, errors: Path | None
) -> None:
    """Raises `DebtSheetRefused` for any fault, once the sheet of errors is written."""
    whole = sheet.with_faults(await faults_elsewhere(session, name, sheet.debts))
    if whole.faults and errors is not None:
        await asyncio.to_thread(errors.write_bytes, write_error_sheet(whole))
    whole.check()
