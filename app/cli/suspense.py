"""`lephi suspense`: money that waits for a person, or is to be given back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from app.cli.console import Json, show
from app.cli.wired import with_parts
from app.parts import Parts
from core.clock import VIETNAM
from core.errors import NotFound
from core.money import format_vnd
from payments.agencies.queries import find_collection_account
from payments.books.queries import WaitingMoney, list_waiting_money

suspense = typer.Typer(help="Money that waits for a person.", no_args_is_help=True)


@suspense.callback()
def money() -> None:
    """Money that waits for a person."""


@suspense.command("list")
def list_suspense(
    account: Annotated[
        str | None, typer.Option(help="Code or number of a collection account.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is in suspense or refundable, the oldest first: how much, why, and since when."""

    async def work(parts: Parts) -> list[WaitingMoney]:
        async with parts.database.reading() as session:
            if account is None:
                return await list_waiting_money(session)
            found = await find_collection_account(session, account)
            if found is None:
                raise NotFound(f"There is no collection account {account}.")
            return await list_waiting_money(session, found.id)

    waiting = with_parts(work)
    if as_json:
        show([asdict(item) | {"paid_at": _written(item.paid_at)} for item in waiting])
    elif not waiting:
        typer.echo("Nothing waits.")
    for item in [] if as_json else waiting:
        # A line each and not a table, which would cut references that people copy.
        typer.echo(_line(item))


def _line(item: WaitingMoney) -> str:
    told = f"{item.gateway} {item.gateway_ref or '(no reference)'}"
    return "  ".join(
        [
            item.id,
            format_vnd(item.amount),
            f"{item.place}: {item.reason}",
            f"for {item.bill or 'nothing known'}",
            f"on {item.account} by {told}",
            _written(item.paid_at),
        ]
    )


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(VIETNAM).isoformat(timespec="seconds")
