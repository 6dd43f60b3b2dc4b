"""`lephi invariants`, `lephi anchor` and `lephi outbox`: are the books in order?"""

from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from app.anchors import anchor_files, drop_anchor
from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.settings import settings_or_fail
from app.cli.wired import with_parts
from app.invariants import Verdict, judge
from app.parts import Parts
from core import outbox as queue
from core.checkpoints import set_checkpoint
from core.errors import Unavailable
from core.outbox import SetAsideDelivery

#: Ends a check that could not tell whether the books hold.
_UNTOLD = 2
_MINUTE_MS = 60_000

outbox = typer.Typer(help="Work that waits, and work that was set aside.", no_args_is_help=True)


def invariants(
    since_last: Annotated[
        bool, typer.Option("--since-last", help="Only what is new since the last check that held.")
    ] = False,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(help="Anchor to compare with; left out, all in LEPHI_ANCHOR_DIR."),
    ] = None,
    statement_minutes: Annotated[
        int, typer.Option(min=1, max=1440, help="How long one question to the database may take.")
    ] = 60,
    as_json: Json = False,
) -> None:
    """Check everything that must always hold, naming each row that breaks it.

    Ends with 0 if all of it holds, 1 if something is broken, 2 if it could not be told.
    """
    check_path(*(anchor or ()))
    try:
        verdict = with_parts(
            lambda parts: _judge(parts, anchor, statement_minutes, whole=not since_last),
            settings_or_fail(code=_UNTOLD),
            failing=_UNTOLD,
        )
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, nothing was found broken by it
        words = (str(error) or repr(error)).splitlines()[0]
        fail(f"It could not be told: {words}", code=_UNTOLD)
    if as_json:
        show({"broken": verdict.lines, "whole": verdict.whole})
    elif verdict.lines:
        typer.echo("\n".join(verdict.lines), err=True)
    else:
        typer.echo("All invariants hold.")
    if verdict.lines:
        raise typer.Exit(1)


async def _judge(parts: Parts, given: list[Path] | None, minutes: int, *, whole: bool) -> Verdict:
    files = given if given is not None else anchor_files(parts.settings.anchor_dir)
    errors = Console(stderr=True, highlight=False)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("", total=None)
        try:
            async with parts.database.transaction() as session:
                verdict = await judge(
                    session,
                    parts.evidence,
                    whole=whole,
                    anchor_files=files,
                    statement_ms=minutes * _MINUTE_MS,
                    progress=lambda what, done, of: progress.update(
                        task, description=what, completed=done, total=of
                    ),
                )
        except Unavailable as error:
            longer = "--statement-minutes gives each question longer"
            fail(f"It could not be told: {error.detail} ({longer})", code=_UNTOLD)
    if not verdict.lines and verdict.head is not None:
        async with parts.database.transaction() as session:
            sealer = parts.evidence.sealer
            await set_checkpoint(session, sealer, verdict.head, whole=verdict.whole)
    return verdict


def anchor(as_json: Json = False) -> None:
    """Write the signed end of the audit chain to LEPHI_ANCHOR_DIR now, and mail it if set so."""

    async def work(parts: Parts) -> Path | None:
        return await drop_anchor(parts.database, parts.anchoring)

    try:
        path = with_parts(work)
    except OSError as error:
        fail(f"The anchor could not be written: {error}.")
    if as_json:
        show({"anchor": None if path is None else str(path)})
    else:
        typer.echo("Nothing is chained yet." if path is None else str(path))


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
