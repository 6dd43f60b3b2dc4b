"""`lephi invariants`, `lephi statement`, `lephi outbox`: are the books in order?"""

from typing import Annotated, Any

import typer

from app.cli.output import Json, show, show_table, with_parts
from app.invariants import broken
from app.wiring import Parts
from core import outbox as queue

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


@outbox.command("list")
def list_outbox(as_json: Json = False) -> None:
    """Show deliveries that failed too often and were set aside."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.transaction() as session:
            return await queue.list_set_aside(session)

    found = with_parts(work)
    if as_json:
        show(found)
    elif found:
        columns = tuple(found[0])
        show_table(columns, [tuple(row.values()) for row in found])
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
