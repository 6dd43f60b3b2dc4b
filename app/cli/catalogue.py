"""`lephi seed` and `lephi catalogue`: procedures and their fees, in and out.

Commands of `lephi catalogue` that stand in other modules take the group from here; the last of
those modules is the one that `app.cli.main` names for it.
"""

from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.differences import counted, show_differences, show_refusal
from app.cli.signed_in import By, as_person
from app.cli.wired import with_parts
from app.parts import Parts
from app.seed.agency import seed_body
from app.seed.catalogue import DEMO_SCHEDULES, read_seed, seed_catalogue
from core.errors import LephiError, NotFound
from core.sessions import WriteSession
from core.unseen import is_plain_line
from payments.agencies.access.principals import Principal
from payments.agencies.queries import find_agency, get_agency_id
from payments.catalogue.upkeep.proposals import commands as proposals
from payments.catalogue.upkeep.proposals.reading import load_entries, tables_of
from payments.catalogue.upkeep.proposals.rows import Proposal, get_row, list_proposals, value_of
from payments.catalogue.upkeep.sheets.columns import TITLES
from payments.catalogue.upkeep.sheets.exports import write_csv, write_workbook
from payments.catalogue.upkeep.sheets.faults import FileRefused
from payments.catalogue.upkeep.sheets.files import read_file

catalogue = typer.Typer(help="The catalogue of procedures and fees.", no_args_is_help=True)

AgencyCode = Annotated[
    str | None, typer.Option("--agency", help="The agency's own entries; left out, the national.")
]
TableName = Annotated[str | None, typer.Option("--table", help=f"One of {', '.join(TITLES)}.")]
ProposalId = Annotated[str, typer.Argument(help="The proposal's id.")]


# With a callback the group stands by itself, whichever commands have been added to it.
@catalogue.callback()
def about() -> None:
    """The catalogue of procedures and fees: look through it, take changes in, give it out."""


def seed(
    local_schedule: Annotated[
        list[str] | None,
        typer.Option(
            "--local",
            metavar="NAME=AGENCY",
            help=(
                "Whose the fees of a province are (ha-noi=CODE), or what of its charges a body"
                " keeps (nop-toan-bo=CODE, khoan-chi-phi=CODE); may be repeated."
            ),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add the real procedures and their fees; in a demo, a body to collect them too.

    What a province sets is left out unless --local says which body collects by it, and so is what
    the law lets a body keep of its charges, which depends on how the body is financed.
    """
    wanted = [one.partition("=") for one in local_schedule or ()]
    known = read_seed().local
    for name, _, code in wanted:
        if name not in known or not code:
            fail(f"--local is NAME=AGENCY; there are the schedules {', '.join(sorted(known))}.")
    if len({name for name, _, _ in wanted}) < len(wanted):
        fail("--local names one body for each schedule: run it again for another body.")

    async def work(parts: Parts) -> dict[str, int]:
        async with parts.database.transaction() as session:
            local: dict[str, str] = {}
            if parts.settings.mode != "production":
                body = await seed_body(session)
                local = dict.fromkeys(DEMO_SCHEDULES, body.agency_id)
            for name, _, code in wanted:
                local[name] = await get_agency_id(session, code)
            counts = await seed_catalogue(session, local=local)
            return {
                "added": counts.added,
                "changed": counts.changed,
                "unchanged": counts.unchanged,
            }

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(", ".join(f"{name}: {count}" for name, count in made.items()))


@catalogue.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(parser=Path, help="Where to write; its name ends in .csv or .xlsx.")
    ],
    agency: AgencyCode = None,
    table: TableName = None,
    as_json: Json = False,
) -> None:
    """Write the catalogue to a file that can be edited and imported again."""
    kind = _kind_of(file, table)
    if kind == "csv" and table is None:
        fail("A CSV file holds one table: name it with --table.")

    async def work(parts: Parts) -> dict[str, int]:
        async with parts.database.transaction() as session:
            owner = await _owner(session, agency)
            tables = tables_of(owner)
            if table is not None and table not in tables:
                raise NotFound(f"{table} are in the national catalogue only: leave out --agency.")
            found = await load_entries(session, owner, tables if table is None else [table])
        listed = {name: tuple(entries.values()) for name, entries in found.items()}
        if kind == "csv":
            content = write_csv(cast(str, table), listed[cast(str, table)])
        else:
            content = write_workbook(listed)
        _write(file, content)
        return {name: len(entries) for name, entries in listed.items()}

    counts = with_parts(work)
    if as_json:
        show({"file": str(file), "rows": counts})
    else:
        typer.echo(f"{file}: " + ", ".join(f"{TITLES[t]} {count}" for t, count in counts.items()))


@catalogue.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(parser=Path, help="A CSV or XLSX file, as export writes it.")
    ],
    by: By,
    agency: AgencyCode = None,
    table: TableName = None,
    as_json: Json = False,
) -> None:
    """Check a file, show what it would change, and propose that: somebody else applies it."""
    _check_table(table)
    check_path(file, is_kept=True)
    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")

    async def propose(session: WriteSession, person: Principal) -> Proposal | FileRefused:
        owner = await _owner(session, agency)
        proposals.check_proposer(person, owner, operator=True)
        try:
            sheets = read_file(content, table)
            return await proposals.propose(session, owner, file.name, sheets, person, operator=True)
        except FileRefused as error:
            return error

    made = as_person(by, propose)
    if isinstance(made, FileRefused):
        _refuse(made, as_json=as_json)
    elif as_json:
        show(_facts(made) | {"differences": made.differences})
    else:
        show_differences(made.differences)
        typer.echo(made.id)


@catalogue.command("proposals")
def proposals_list(
    agency: AgencyCode = None,
    state: Annotated[
        str | None, typer.Option(help="Only those proposed, applied or rejected.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the proposed changes, the newest first; without --agency those of everybody."""

    async def work(parts: Parts) -> list[Proposal]:
        async with parts.database.transaction() as session:
            whose = None if agency is None else frozenset({await _owner(session, agency)})
            page = await list_proposals(session, whose, state=state, limit=limit)
            return list(page.items)

    found = with_parts(work)
    if as_json:
        show([_facts(one) for one in found])
        return
    rows = [
        [one.id, one.agency or "(chung)", one.state, counted(one.differences), one.file_name]
        for one in found
    ]
    show_table(["Đề xuất", "Cơ quan", "Trạng thái", "Dòng mới / sửa", "Tệp"], rows)


@catalogue.command("apply")
def apply(proposal: ProposalId, by: By, as_json: Json = False) -> None:
    """Write a proposed change into the catalogue; another person than its proposer does it."""

    async def work(session: WriteSession, person: Principal) -> Proposal:
        return await proposals.apply(session, proposal, person, operator=True)

    _show_decided(as_person(by, work), as_json=as_json)


@catalogue.command("reject")
def reject(
    proposal: ProposalId,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the proposal.")],
    as_json: Json = False,
) -> None:
    """Set a proposed change aside."""
    if not reason.strip() or not is_plain_line(reason):
        fail("The reason must be one line of text.")

    async def work(session: WriteSession, person: Principal) -> Proposal:
        return await proposals.reject(session, proposal, reason.strip(), person, operator=True)

    _show_decided(as_person(by, work), as_json=as_json)


@catalogue.command("show")
def show_proposal(proposal: ProposalId, as_json: Json = False) -> None:
    """Show what a proposed change would do, and whether it still stands."""

    async def work(parts: Parts) -> tuple[Proposal, bool | None]:
        async with parts.database.reading() as session:
            found = value_of(await get_row(session, proposal, None))
            is_open = found.state == "proposed"
            return found, await proposals.is_stale(session, found) if is_open else None

    found, stale = with_parts(work)
    if as_json:
        show(_facts(found) | {"stale": stale, "differences": found.differences})
        return
    show_differences(found.differences)
    typer.echo(f"{found.id}: {found.state}{', không còn như khi xem trước' if stale else ''}")


async def _owner(session: WriteSession, code: str | None) -> str | None:
    if code is None:
        return None
    found = await find_agency(session, code)
    if found is None:
        raise NotFound(f"There is no agency {code}.")
    return found.id


def _kind_of(file: Path, table: str | None) -> str:
    _check_table(table)
    check_path(file)
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("csv", "xlsx"):
        fail("The file's name must end in .csv or .xlsx.")
    return kind


def _check_table(table: str | None) -> None:
    if table is not None and table not in TITLES:
        fail(f"There is no table {table}; there are {', '.join(TITLES)}.")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise LephiError(f"{file} cannot be written: {error.strerror}") from error


def _refuse(refused: FileRefused, *, as_json: bool) -> NoReturn:
    if as_json:
        faults = [
            {
                "sheet": fault.sheet_title,
                "row": fault.row,
                "column": fault.column_title,
                "code": fault.code,
                "reason": fault.reason,
            }
            for fault in refused.faults
        ]
        show({"error": refused.detail, "count": refused.count, "faults": faults})
    show_refusal(refused)
    raise typer.Exit(1)


def _show_decided(proposal: Proposal, *, as_json: bool) -> None:
    if as_json:
        show(_facts(proposal))
    else:
        typer.echo(f"{proposal.id}: {proposal.state} ({counted(proposal.differences)})")


def _facts(proposal: Proposal) -> dict[str, Any]:
    names = ("id", "agency", "file_name", "state", "proposed_by", "proposed_at", "decided_by")
    facts = {name: getattr(proposal, name) for name in (*names, "decided_at", "reason")}
    return facts | {"counts": proposal.differences.counts}
