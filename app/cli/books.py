"""`lephi invariants`, `lephi statement`, `lephi outbox`: are the books in order?"""

from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.wired import with_parts
from app.invariants import broken
from app.parts import Parts
from core import clock
from core import outbox as queue
from core.errors import NotFound
from core.outbox import SetAsideDelivery
from payments.agencies.queries import find_collection_account
from reconciliation.commands import StatementIntake, take_statement
from reconciliation.formats.csv_statement import read_day_file

statement = typer.Typer(help="Statements of collection accounts.", no_args_is_help=True)
outbox = typer.Typer(help="Work that waits, and work that was set aside.", no_args_is_help=True)


def invariants(as_json: Json = False) -> None:
    """Check everything that must always hold; exit 1 naming each row that breaks it."""

    async def work(parts: Parts) -> list[str]:
        async with parts.database.transaction() as session:
            return await broken(session)

    lines = with_parts(work)
    if as_json:
        show({"broken": lines})
    elif lines:
        typer.echo("\n".join(lines), err=True)
    else:
        typer.echo("All invariants hold.")
    if lines:
        raise typer.Exit(1)


@statement.callback()
def statements() -> None:
    """Statements of collection accounts."""


@statement.command("import")
def import_statement(
    file: Annotated[Path, typer.Argument(parser=Path, help="The statement file, CSV.")],
    account: Annotated[str, typer.Option(help="Code or number of the collection account.")],
    mapping: Annotated[str, typer.Option(help="How the bank lays its columns out.")],
    as_json: Json = False,
) -> None:
    """Take a statement in, whole or not at all; each bad row is named with column and reason."""
    check_path(file, is_kept=True)
    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")

    async def work(parts: Parts) -> tuple[StatementIntake, dict[str, int]]:
        file_read = read_day_file(content, mapping, clock.business_date(clock.now()))
        async with parts.database.transaction() as session:
            found = await find_collection_account(session, account)
            if found is None:
                raise NotFound(f"There is no collection account {account}.")
            taken = await take_statement(
                session,
                found,
                file_read.rows,
                content=content,
                file_name=file.name,
                mapping=mapping,
                actor="system:cli",
            )
            return taken, file_read.skipped

    taken, skipped = with_parts(work)
    if as_json:
        show(
            {
                "id": taken.statement_id,
                "rows": taken.row_count,
                "new": taken.new_count,
                "known": taken.known,
                "skipped": skipped,
            }
        )
    elif taken.known:
        typer.echo("This file was taken in before; nothing changed.")
    else:
        typer.echo(f"{taken.row_count} rows, {taken.new_count} of them new.")
    if skipped and not as_json:
        told = ", ".join(f"{count} × {what}" for what, count in sorted(skipped.items()))
        typer.echo(f"Passed over, as no lines of a statement: {told}.")


@outbox.command("list")
def list_outbox(as_json: Json = False) -> None:
    """Show deliveries that failed too often and were set aside."""

    async def work(parts: Parts) -> list[SetAsideDelivery]:
        async with parts.database.reading() as session:
            return await queue.list_set_aside(session)

    found = with_parts(work)
    if as_json:
        show([asdict(delivery) for delivery in found])
    elif found:
        columns = [field.name for field in fields(SetAsideDelivery)]
        show_table(columns, [astuple(delivery) for delivery in found])
    else:
        typer.echo("Nothing was set aside.")


@outbox.command("replay")
def replay_outbox(
    event: Annotated[int | None, typer.Option(help="One event's; left out, all.")] = None,
    as_json: Json = False,
) -> None:
    """Put set-aside deliveries back in the queue."""

    async def work(parts: Parts) -> int:
        async with parts.database.transaction() as session:
            return await queue.replay(session, event)

    count = with_parts(work)
    if as_json:
        show({"replayed": count})
    else:
        typer.echo(f"{count} put back in the queue.")
