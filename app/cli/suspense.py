"""`lephi suspense`: money that waits for a person, or is to be given back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from app.cli.approvals import Bills, Reason, named, show_approval
from app.cli.console import Json, fail, show
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.bodies import validated
from core.clock import VIETNAM
from core.errors import Invalid, NotFound
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.queries import find_collection_account
from payments.books.approvals import ApprovalValue, propose
from payments.books.queries import WaitingMoney, list_waiting_money
from payments.books.schemas import ResolutionIn

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
        show(
            [
                asdict(item)
                | {"paid_at": _written(item.paid_at), "bills": item.named}
                | {"bill": item.bill if len(item.named) == 1 else None}
                for item in waiting
            ]
        )
    elif not waiting:
        typer.echo("Nothing waits.")
    for item in [] if as_json else waiting:
        # A line each and not a table, which would cut references that people copy.
        typer.echo(_line(item))


@suspense.command("resolve")
def resolve(
    item: Annotated[str, typer.Argument(help="The item's id, as list shows it.")],
    kind: Annotated[
        str,
        typer.Option(help="assign, refund, same_money, other_money, returned, settlement, keep."),
    ],
    reason: Reason,
    by: By,
    bill: Bills = None,
    as_json: Json = False,
) -> None:
    """Ask what is to become of it: nothing happens before another person approves."""
    try:
        wanted = validated(ResolutionIn, {"kind": kind, "reason": reason} | named(bill))
    except Invalid as error:
        fail("; ".join(one.detail for one in error.errors))

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        return await propose(
            session, parts.approval_kinds, kind, item, wanted.wanted, wanted.reason, person
        )

    show_approval(as_person_with(by, work), as_json=as_json)


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
