"""`lephi discrepancy`: what did not agree, who works it, and what is to become of it.

Commands of the family that stand in another module take the group from here; that module is the one
that `app.cli.main` names for it.
"""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.cli.approvals import Bills, Reason, named, one_line, show_approval
from app.cli.console import Json, fail, show
from app.cli.signed_in import By, as_person, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core import clock
from core.ids import new_id
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import get_staff_user
from payments.agencies.queries import get_collection_account
from payments.agencies.tree import branches
from payments.books.approvals import ApprovalValue, propose
from reconciliation.cases.approvals import BULK, PREFIX
from reconciliation.cases.commands import own_case
from reconciliation.cases.discrepancies import get_discrepancy, lock_cases, page_of_worked
from reconciliation.cases.notes import comment
from reconciliation.cases.schemas import DiscrepancyResolutionIn, WorkedDiscrepancyOut
from reconciliation.cases.trace_letters import letter_about
from reconciliation.matching.ageing import WAITING, first_late_day
from reconciliation.queries import get_run
from reconciliation.words import CLASSES, RESOLUTIONS, STANDINGS, STATUSES

discrepancy = typer.Typer(help="What did not simply agree, and its cases.", no_args_is_help=True)

#: How many are read at a time.
_PAGE = 1_000

Id = Annotated[str, typer.Argument(help="The discrepancy's id, as list shows it.")]
Run = Annotated[str, typer.Argument(help="The reconciliation's id.")]


@discrepancy.callback()
def about() -> None:
    """What did not simply agree, and its cases."""


@discrepancy.command("list")
def list_discrepancies(
    run: Run,
    status: Annotated[str | None, typer.Option(help="Only those open, resolved or gone.")] = None,
    kind: Annotated[str | None, typer.Option("--class", help="Only those of a class.")] = None,
    as_json: Json = False,
) -> None:
    """List the discrepancies of a run: what, how much, since when, whose, and how resolved."""

    async def work(parts: Parts) -> list[WorkedDiscrepancyOut]:
        calendar, today = parts.reconciling.calendar, clock.business_date(clock.now())
        found: list[WorkedDiscrepancyOut] = []
        cursor = None
        async with parts.database.reading() as session:
            known = await get_run(session, run, list(await branches(session)))
            while True:
                page = await page_of_worked(
                    session,
                    known.id,
                    status=status,
                    kind=kind,
                    late_from=None if kind in WAITING else first_late_day(calendar, today),
                    cursor=cursor,
                    limit=_PAGE,
                )
                found += [WorkedDiscrepancyOut.of(odd, calendar, today) for odd in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    return found

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json", by_alias=True) for one in found])
    elif not found:
        typer.echo("Không có chênh lệch nào.")
    for one in [] if as_json else found:
        typer.echo(_line(one))


@discrepancy.command("assign")
def assign(
    item: Id,
    by: By,
    to: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Who is to work it; nobody unless told.")
    ] = None,
) -> None:
    """Give a discrepancy to a person, or to nobody."""

    async def work(session: WriteSession, person: Principal) -> None:
        person.require(Action.WORK_DISCREPANCY)
        odd = await get_discrepancy(session, item, person.agency_ids)
        owner = None if to is None else await get_staff_user(session, to, person.agency_ids)
        await lock_cases(session, [str(odd.case_id)])
        owner_id = None if owner is None else owner.id
        await own_case(session, str(odd.case_id), owner_id, person.actor)

    as_person(by, work)
    typer.echo(f"{item} is {to or 'nobody'}'s.")


@discrepancy.command("comment")
def say(
    item: Id, by: By, text: Annotated[str, typer.Option(help="What is to be said of it.")]
) -> None:
    """Say something of a discrepancy; nobody changes it afterwards."""
    words = one_line(text)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> None:
        person.require(Action.WORK_DISCREPANCY)
        odd = await get_discrepancy(session, item, person.agency_ids)
        await comment(session, parts.cipher, str(odd.case_id), words, person.actor)

    as_person_with(by, work)
    typer.echo("Kept.")


@discrepancy.command("resolve")
def resolve(
    item: Annotated[str, typer.Argument(help="The discrepancy's id; with --class a run's.")],
    kind: Annotated[str, typer.Option(help="assign, settle, suspense, refund, accept, or ask.")],
    reason: Reason,
    by: By,
    bill: Bills = None,
    all_of: Annotated[
        str | None, typer.Option("--class", help="All open ones of this class, of the run.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask what is to become of it: nothing happens before another person approves.

    `ask` asks the gateway there and then.
    """
    try:
        wanted = DiscrepancyResolutionIn.model_validate(
            {"kind": kind, "reason": reason} | named(bill)
        )
    except ValidationError as error:
        fail("; ".join(one["msg"] for one in error.errors()))
    if wanted.kind == "trace":
        fail("Use `lephi discrepancy trace`.")
    if wanted.kind == "ask":
        _ask(item, by, as_json=as_json)
        return

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        name, about, asked = PREFIX + wanted.kind, item, dict[str, Any](wanted.wanted)
        if all_of is not None:
            run = await get_run(session, item, person.agency_ids)
            name, about = BULK, new_id("bulk")
            asked = {"run": run.id, "resolution": wanted.kind, "all_of": all_of}
        else:
            about = str((await get_discrepancy(session, item, person.agency_ids)).case_id)
        kinds = parts.approval_kinds
        return await propose(session, kinds, name, about, asked, wanted.reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def _ask(item: str, by: str, *, as_json: bool) -> None:
    async def allowed(session: WriteSession, person: Principal) -> str:
        person.require(Action.PROPOSE_APPROVAL)
        return (await get_discrepancy(session, item, person.agency_ids)).object_id

    payment_id = as_person(by, allowed)
    said = with_parts(lambda parts: parts.reconciling.ask(payment_id))
    if as_json:
        show({"status": "asked", "outcome": said})
    else:
        typer.echo(f"The gateway says: {said or 'nothing clear'}")


@discrepancy.command("trace")
def trace(item: Id) -> None:
    """Print the tracing letter (thư tra soát) about a discrepancy, drafted with its figures."""

    async def work(parts: Parts) -> str:
        async with parts.database.reading() as session:
            odd = await get_discrepancy(session, item)
            account = await get_collection_account(session, odd.collection_account_id)
            return await letter_about(
                session, parts.cipher, odd, account, clock.business_date(clock.now())
            )

    typer.echo(with_parts(work))


def _line(one: WorkedDiscrepancyOut) -> str:
    state = STANDINGS.get(one.standing or "") or STATUSES[one.status or ""]
    if one.resolution is not None:
        kind = one.resolution.kind
        state = f"{state}: {RESOLUTIONS.get(kind, kind)}"
    return "  ".join(
        [
            one.id,
            CLASSES.get(one.class_, one.class_),
            format_vnd(one.amount),
            state,
            f"{one.working_days} ngày làm việc" + (", quá hạn" if one.overdue else ""),
            f"người xử lý: {one.owner or 'chưa có'}",
            one.reference or one.object,
            one.reason,
        ]
    )
