"""`lephi notices`: what gateways and banks told us, and we could not record."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.cli.console import Json, fail, show
from app.cli.wired import with_parts
from app.parts import Parts
from payments.incoming.set_aside import list_set_aside, replay, replay_unreadable

notices = typer.Typer(help="Notices that were kept and set aside.", no_args_is_help=True)


@notices.command("list")
def list_notices(as_json: Json = False) -> None:
    """Show notices that failed too often and were set aside, the oldest first."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.reading() as session:
            return [asdict(row) for row in await list_set_aside(session)]

    found = with_parts(work)
    for row in found:
        row["received_at"] = row["received_at"].isoformat()
    if as_json:
        show(found)
    elif not found:
        typer.echo("Nothing was set aside.")
    for row in [] if as_json else found:
        # A line each and not a table, which would cut the id that `replay` asks for.
        typer.echo("  ".join(str(value) for value in row.values() if value is not None))


@notices.command("replay")
def replay_notice(
    notice: Annotated[str | None, typer.Argument(help="The notice's id.")] = None,
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="All that could not be read, after an upgrade.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let the worker try a notice again that was set aside."""
    if (notice is None) != unreadable:
        fail("Name a notice, or all that could not be read: --unreadable.")

    async def work(parts: Parts) -> list[str]:
        async with parts.database.transaction() as session:
            if notice is None:
                return await replay_unreadable(session, actor="system:cli")
            await replay(session, notice, actor="system:cli")
            return [notice]

    replayed = with_parts(work)
    if as_json:
        show({"replayed": replayed if notice is None else notice})
    elif not replayed:
        typer.echo("Nothing was set aside unread.")
    for one in [] if as_json else replayed:
        typer.echo(f"{one} will be tried again.")
