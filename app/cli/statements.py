"""`lephi statement`: statements of collection accounts, taken in, looked through, withdrawn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.approvals import Reason, one_line, show_approval
from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.preview import show_preview
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core import clock
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.queries import CollectionAccountValue, find_collection_account
from payments.books.approvals import ApprovalValue, propose
from reconciliation.formats.preview import preview
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.statements.forced import propose_forced
from reconciliation.statements.large import LARGE, LargeStatement, take_showing
from reconciliation.statements.preparing import PreparedStatement, prepare
from reconciliation.statements.queries import StatementValue, list_statements
from reconciliation.statements.saved_layouts import find_layout
from reconciliation.statements.superseding import get_account_of, is_same, propose_superseding
from reconciliation.statements.taking import StatementIntake
from reconciliation.statements.takings import NewTaking, taking_turn

StatementPath = Annotated[Path, typer.Argument(parser=Path, help="The statement file.")]
Account = Annotated[str, typer.Option(help="Code or number of the collection account.")]
MappingCode = Annotated[
    str, typer.Option(help="How the bank lays its columns out, or mt940 or camt.")
]
EncodingName = Annotated[
    str | None, typer.Option(help="What the file is written in, where it does not tell.")
]
StatementId = Annotated[str, typer.Argument(help="The statement's id, as list shows it.")]

statement = typer.Typer(help="Statements of collection accounts.", no_args_is_help=True)


@statement.callback()
def statements() -> None:
    """Statements of collection accounts."""


@statement.command("import")
def import_statement(
    file: StatementPath,
    account: Account,
    mapping: MappingCode,
    encoding: EncodingName = None,
    as_json: Json = False,
) -> None:
    """Take a statement in, whole or not at all; each bad row is named with column and reason."""
    check_path(file, is_kept=True)
    content = _content_of(file)

    async def work(parts: Parts) -> tuple[StatementIntake, PreparedStatement]:
        async with parts.database.reading() as session:
            found = await _account(session, account)
            today = clock.business_date(clock.now())
            layout = await find_layout(session, found.agency_id, mapping, today)
        new = LargeStatement(
            taking_id=new_id("stmt"),
            account=found,
            mapping=mapping,
            file_name=file.name,
            actor="system:cli",
            today=today,
            cipher=parts.cipher,
            database_url=parts.database.url,
            encoding=encoding,
            layout=layout,
        )
        turn = NewTaking(new.taking_id, found.id, large=len(content) > LARGE)
        async with taking_turn(parts.database, turn):
            with _showing(content, hidden=as_json) as tell:
                return await take_showing(parts.database, content, new, tell)

    taken, prepared = with_parts(work)
    skipped = prepared.skipped
    if as_json:
        show(
            {
                "id": taken.statement_id,
                "rows": taken.row_count,
                "new": taken.new_count,
                "known": taken.known,
                "skipped": skipped,
                "warnings": [gap.detail for gap in prepared.gaps],
                "notes": list(prepared.notes),
            }
        )
        return
    if taken.known:
        typer.echo("This file was taken in before; nothing changed.")
    else:
        typer.echo(f"{taken.row_count} rows, {taken.new_count} of them new.")
    if skipped:
        told = ", ".join(f"{count} × {what}" for what, count in sorted(skipped.items()))
        typer.echo(f"Passed over, as no lines of a statement: {told}.")
    for gap in prepared.gaps:
        typer.echo(f"Cảnh báo: {gap.detail}.")
    for note in prepared.notes:
        typer.echo(f"Lưu ý: {note}")


@statement.command("preview")
def preview_file(
    file: StatementPath,
    mapping: Annotated[
        str, typer.Option(help="A mapping's code; without it one is proposed.")
    ] = "",
    layout: Annotated[
        Path | None, typer.Option(parser=Path, help="A mapping of your own, in JSON.")
    ] = None,
    encoding: EncodingName = None,
    as_json: Json = False,
) -> None:
    """See what a file would say: columns, first rows, sums; nothing is stored, nothing is asked."""
    check_path(file, is_kept=True)
    today = clock.business_date(clock.now())
    task = ReadingTask(mapping=mapping, on=today, encoding=encoding)
    written = "" if layout is None else _content_of(layout).decode("utf-8", "replace")
    try:
        shown = preview(_content_of(file), task, written)
    except Invalid as refused:
        fail(refused)
    show_preview(shown, as_json=as_json)


@statement.command("layout-save")
def save_one_layout(
    file: StatementPath,
    account: Account,
    name: Annotated[str, typer.Option(help="What the layout is to be called.")],
    layout: Annotated[
        Path, typer.Option(parser=Path, help="The layout in JSON, as preview proposes one.")
    ],
    by: By,
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From which day on; else today.")
    ] = None,
    encoding: EncodingName = None,
    as_json: Json = False,
) -> None:
    """Save a layout that reads FILE, as a mapping of the account's body and its units."""
    from app.cli.layouts import save_as

    check_path(file, is_kept=True)
    written = _content_of(layout).decode("utf-8", "replace")
    save_as(
        name,
        _content_of(file),
        written,
        account,
        by=by,
        valid_from=valid_from,
        encoding=encoding,
        as_json=as_json,
    )


@statement.command("layouts")
def list_saved_layouts(account: Account, as_json: Json = False) -> None:
    """Show the layouts that the account's body has saved, the newest version first."""
    from app.cli.layouts import show_layouts

    show_layouts(account, as_json=as_json)


@statement.command("force")
def force(
    file: StatementPath,
    account: Account,
    mapping: MappingCode,
    reason: Reason,
    by: By,
    encoding: EncodingName = None,
    as_json: Json = False,
) -> None:
    """Ask that a file be taken in whose amounts seem to have lost their thousands.

    Another person approves it. A file that is in order needs no force: import it.
    """
    why = one_line(reason)
    check_path(file, is_kept=True)
    content = _content_of(file)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        found = await _account(session, account)
        read = await _reading(session, parts, found, mapping, encoding)
        believed = read(content, forced=True)
        return await propose_forced(
            session,
            parts.reconciling,
            parts.approval_kinds,
            found,
            believed,
            content=content,
            file_name=file.name,
            reason=why,
            by=person,
            encoding=encoding,
        )

    show_approval(as_person_with(by, work), as_json=as_json)


@statement.command("supersede")
def supersede(
    statement_id: StatementId,
    file: StatementPath,
    mapping: MappingCode,
    reason: Reason,
    by: By,
    encoding: EncodingName = None,
    as_json: Json = False,
) -> None:
    """Ask that a file which the bank issued anew take a statement's place.

    The difference is shown; another person approves it. The same rows change nothing.
    """
    why = one_line(reason)
    check_path(file, is_kept=True)
    content = _content_of(file)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue | None:
        account = await get_account_of(session, statement_id, person.agency_ids)
        read = await _reading(session, parts, account, mapping, encoding)
        prepared = read(content)
        if await is_same(session, statement_id, prepared):
            return None
        return await propose_superseding(
            session,
            parts.reconciling,
            parts.approval_kinds,
            statement_id,
            prepared,
            content=content,
            file_name=file.name,
            reason=why,
            by=person,
            encoding=encoding,
        )

    made = as_person_with(by, work)
    if made is not None:
        show_approval(made, as_json=as_json)
    elif as_json:
        show({"statement": statement_id, "known": True})
    else:
        typer.echo("The file has the statement's rows; nothing changed.")


@statement.command("list")
def list_all(
    account: Account,
    as_json: Json = False,
) -> None:
    """Show the statements of an account, the newest first."""

    async def work(parts: Parts) -> list[StatementValue]:
        async with parts.database.reading() as session:
            return await list_statements(session, (await _account(session, account)).id)

    found = with_parts(work)
    if as_json:
        show([asdict(one) | {"created_at": one.created_at.isoformat()} for one in found])
        return
    rows = [
        [
            one.id,
            one.created_at.astimezone(clock.VIETNAM).isoformat(timespec="seconds"),
            one.row_count,
            one.new_count,
            f"{one.version}{' withdrawn' if one.withdrawn else ''}",
            f"+{one.credited} −{one.debited}",
            f"{one.opening_balance} → {one.closing_balance}",
            one.file_name,
        ]
        for one in found
    ]
    show_table(
        ["Statement", "Taken in", "Rows", "New", "Version", "Sums", "Balances", "File"], rows
    )


@statement.command("release")
def release(statement_id: StatementId, reason: Reason, by: By, as_json: Json = False) -> None:
    """Ask that what only this statement tells of settle its bills: another person approves it."""
    _propose("release_statement", statement_id, reason, by, as_json=as_json)


@statement.command("withdraw")
def withdraw(statement_id: StatementId, reason: Reason, by: By, as_json: Json = False) -> None:
    """Ask that a statement taken in wrongly be withdrawn: another person approves it."""
    _propose("withdraw_statement", statement_id, reason, by, as_json=as_json)


@contextmanager
def _showing(content: bytes, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """Show on standard error how many rows were read, where a person looks."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("đọc và ghi sao kê"),
        BarColumn(),
        TextColumn("{task.completed:,} dòng"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=hidden or not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=content.count(b"\n"))
        yield lambda rows: progress.update(task, completed=rows)


async def _reading(
    session: ReadSession,
    parts: Parts,
    account: CollectionAccountValue,
    mapping: str,
    encoding: str | None,
) -> Callable[..., PreparedStatement]:
    """What makes a file's content ready, read as the account's body reads it today."""
    today = clock.business_date(clock.now())
    layout = await find_layout(session, account.agency_id, mapping, today)
    return partial(
        prepare,
        mapping=mapping,
        account=account,
        today=today,
        cipher=parts.cipher,
        encoding=encoding,
        layout=layout,
    )


async def _account(session: ReadSession, code: str) -> CollectionAccountValue:
    found = await find_collection_account(session, code)
    if found is None:
        raise NotFound(f"There is no collection account {code}.")
    return found


def _content_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _propose(kind: str, statement_id: str, reason: str, by: str, *, as_json: bool) -> None:
    why = one_line(reason)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        return await propose(session, parts.approval_kinds, kind, statement_id, {}, why, person)

    show_approval(as_person_with(by, work), as_json=as_json)
