"""`lephi refund`: money that is to go back to its payer, or has."""

from typing import Annotated

import typer
from pydantic import ValidationError

from app.cli.approvals import Reason, show_approval
from app.cli.console import Json, fail, show
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.tree import branches
from payments.books.approvals import ApprovalValue, propose
from payments.refunds.commands import mark_sent, request_refund
from payments.refunds.deciding import FAILURE
from payments.refunds.payees import Payee
from payments.refunds.queries import get_refund, page_of_refunds
from payments.refunds.schemas import RefundIn, RefundOut
from payments.refunds.ways import get_way_back

refunds = typer.Typer(help="Money that goes back.", no_args_is_help=True)

RefundId = Annotated[str, typer.Argument(help="The refund's id, as list shows it.")]


@refunds.callback()
def about() -> None:
    """Money that goes back."""


@refunds.command("list")
def list_refunds(
    status: Annotated[
        str | None,
        typer.Option(
            help="requested, approved, submitted, unknown, succeeded, failed or rejected."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List refunds, the newest first, with what the transfer of each has to bear."""

    async def work(parts: Parts) -> list[RefundOut]:
        async with parts.database.reading() as session:
            everybody = list(await branches(session))
            page = await page_of_refunds(session, everybody, status=status, limit=limit)
            context = parts.payments
            return [RefundOut.of(one, context.cipher, context.qr) for one in page.items]

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json") for one in found])
    elif not found:
        typer.echo("Nothing is to go back.")
    for one in [] if as_json else found:
        typer.echo(_line(one))


@refunds.command("request")
def request(
    payment: Annotated[str, typer.Argument(help="The payment's id.")],
    amount: Annotated[int, typer.Option(help="How much, in đồng.")],
    reason: Reason,
    by: By,
    bank_bin: Annotated[str | None, typer.Option(help="The payee's bank: NAPAS's number.")] = None,
    account_number: Annotated[str | None, typer.Option(help="The payee's account.")] = None,
    holder: Annotated[str | None, typer.Option(help="Whose account it is.")] = None,
    bill: Annotated[
        str | None, typer.Option(help="Whose share it is, of a payment for several bills.")
    ] = None,
    way: Annotated[
        str, typer.Option(help="bank: a transfer that you order; gateway: the one that took it.")
    ] = "bank",
    as_json: Json = False,
) -> None:
    """Ask that money of a payment go back: nothing happens before another person approves."""
    account = {"bank_bin": bank_bin, "account_number": account_number, "holder": holder}
    given = {name: value for name, value in account.items() if value is not None}
    try:
        wanted = RefundIn.model_validate(
            {
                "amount": amount,
                "reason": reason,
                "payee": given or None,
                "bill": bill,
                "way": way,
            }
        )
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()))
    payee = None if wanted.payee is None else Payee(**wanted.payee.model_dump())

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        through = None
        if wanted.way == "gateway":
            through = await get_way_back(parts.payments, session, payment, person.agency_ids)
        return await request_refund(
            session,
            parts.approval_kinds,
            payment,
            wanted.amount,
            wanted.reason,
            payee,
            person,
            parts.cipher,
            bill=wanted.bill,
            through=through,
        )

    show_approval(as_person_with(by, work), as_json=as_json)


@refunds.command("sent")
def sent(
    refund: RefundId,
    by: By,
    bank_ref: Annotated[str | None, typer.Option(help="What the bank calls the transfer.")] = None,
    as_json: Json = False,
) -> None:
    """Say that its transfer was ordered: it is unknown until a statement shows its debit."""

    async def work(parts: Parts, session: WriteSession, person: Principal) -> RefundOut:
        person.require(Action.PROPOSE_APPROVAL)
        await mark_sent(session, refund, bank_ref, person.agency_ids, actor=person.actor)
        found = await get_refund(session, refund, person.agency_ids)
        return RefundOut.of(found, parts.cipher, parts.payments.qr)

    told = as_person_with(by, work)
    if as_json:
        show(told.model_dump(mode="json"))
    else:
        typer.echo(_line(told))


@refunds.command("fail")
def fail_refund(refund: RefundId, reason: Reason, by: By, as_json: Json = False) -> None:
    """Ask another person to agree that it was never paid: its money goes back where it was."""

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        return await propose(session, parts.approval_kinds, FAILURE, refund, {}, reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def _line(refund: RefundOut) -> str:
    return "  ".join(
        [
            refund.id,
            format_vnd(refund.amount),
            refund.status,
            f"of {refund.payment}",
            f"from {refund.account}",
            f"memo {refund.reference}" if refund.way == "bank" else f"by {refund.gateway}",
            refund.reason,
        ]
    )
