"""`lephi invariants` and `lephi outbox`: are the books in order?"""

from dataclasses import asdict, astuple, fields
from typing import Annotated

import typer

from app.cli.console import Json, show, show_table
from app.cli.wired import with_parts
from app.invariants import broken
from app.parts import Parts
from core import outbox as queue
from core.outbox import SetAsideDelivery

outbox = typer.Typer(help="Work that waits, and work that was set aside.", no_args_is_help=True)


def invariants(as_json: Json = False) -> None:
    """Check everything that must always hold; exit 1 naming each row that breaks it."""

    async def work(parts: Parts) -> list[str]:
        async with parts.database.transaction() as session:
            return await broken(session, parts.evidence)

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
