"""`lephi approvals`: what one person asked for, and another one's word on it."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from app.cli.console import Json, fail, show
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.sessions import WriteSession
from core.unseen import is_plain_line
from payments.agencies.access.principals import Principal
from payments.agencies.tree import branches
from payments.books import approvals as commands
from payments.books.approvals import ApprovalValue, GivenApproval
from payments.books.schemas import ApprovalOut

approvals = typer.Typer(help="What two people decide.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(help="The approval's id.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the approval.")]
Bills = Annotated[
    list[str] | None,
    typer.Option("--bill", help="The reference of a bill to assign to; several are split over."),
]


def named(bills: list[str] | None) -> dict[str, str | list[str]]:
    """The bills to assign to, as a resolution takes them."""
    if not bills:
        return {}
    return {"bill": bills[0]} if len(bills) == 1 else {"bills": bills}


@approvals.callback()
def about() -> None:
    """What two people decide."""


@approvals.command("list")
def list_all(
    status: Annotated[
        str | None, typer.Option(help="Only those proposed, approved or rejected.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what was asked for, the newest first."""

    async def work(parts: Parts) -> list[ApprovalValue]:
        async with parts.database.reading() as session:
            everybody = list(await branches(session))
            page = await commands.list_approvals(session, everybody, status=status, limit=limit)
            return list(page.items)

    found = with_parts(work)
    if as_json:
        show([ApprovalOut.of(one).model_dump(mode="json") for one in found])
    elif not found:
        typer.echo("Nothing was asked for.")
    for one in [] if as_json else found:
        _tell(one)


@approvals.command("approve")
def approve(approval: ApprovalId, by: By, as_json: Json = False) -> None:
    """Do what somebody else asked for; the figures must be as they were shown."""

    async def work(parts: Parts, session: WriteSession, person: Principal) -> GivenApproval:
        return await commands.approve(session, parts.approval_kinds, approval, person)

    given = as_person_with(by, work)
    show_approval(given.approval, as_json=as_json, told_once=given.told_once)


@approvals.command("reject")
def reject(approval: ApprovalId, by: By, reason: Reason, as_json: Json = False) -> None:
    """Refuse what was asked for; who asked may take it back so."""
    why = one_line(reason)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        return await commands.reject(session, parts.approval_kinds, approval, why, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def one_line(reason: str) -> str:
    """The reason without spaces around it; ends where it is no line of text."""
    if not reason.strip() or not is_plain_line(reason) or len(reason) > 200:
        fail("The reason must be one line of text, 200 characters at most.")
    return reason.strip()


def show_approval(
    approval: ApprovalValue, *, as_json: bool, told_once: Mapping[str, str] | None = None
) -> None:
    """Tell of an approval: a line, or JSON as the API has it; `told_once` is shown nowhere else."""
    if as_json:
        show(ApprovalOut.of(approval, told_once).model_dump(mode="json"))
        return
    _tell(approval)
    for name, value in (told_once or {}).items():
        typer.echo(f"  {name}: {value}")


def _tell(one: ApprovalValue) -> None:
    wanted = "".join(f" {name} {value}" for name, value in one.wanted.items())
    told = one.figures if one.outcome is None else one.outcome
    typer.echo(f"{one.id}  {one.status}  {one.kind} {one.object_id}{wanted}  {one.reason}")
    typer.echo(f"  {json.dumps(told, ensure_ascii=False)}")
