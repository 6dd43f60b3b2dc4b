"""`lephi agency` and `lephi account`: set up a body, its units, and where their money arrives."""

from typing import Annotated, Any

import typer
from sqlmodel import select

from app.cli.console import Json, show, show_table
from app.cli.setting_up import (
    OptionalBy,
    OptionalReason,
    asker,
    id_of,
    set_up,
    show_waiting,
)
from app.cli.wired import with_parts
from app.parts import Parts
from core.bodies import validated
from core.sessions import ReadSession, WriteSession
from payments.administration.bodies import (
    changed_agency,
    confirmed_account,
    new_account,
    new_agency,
    prefixed_account,
)
from payments.administration.deeds import Deed
from payments.administration.door import ask, operator_of
from payments.agencies.commands import set_settlement_words
from payments.agencies.listing import list_accounts, list_agencies
from payments.agencies.models import Agency
from payments.agencies.queries import (
    get_account_id,
    get_agency_id,
    get_collection_account,
)
from payments.agencies.schemas import AccountIn, AccountOut, AgencyChangeIn, AgencyIn, AgencyOut
from payments.books.approvals import ApprovalValue

agency = typer.Typer(help="Public bodies and their units.", no_args_is_help=True)
account = typer.Typer(
    help="Bank and treasury accounts that money arrives on.", no_args_is_help=True
)

ACTOR = "system:cli"
#: More bodies than one installation has.
EVERY = 100_000

Code = Annotated[str, typer.Option("--code", help="Short name, for ever: it stands in addresses.")]
Offers = Annotated[
    str | None,
    typer.Option(
        metavar="CODE,…|all|parent",
        help="Codes of the procedures it collects for; all of them; or as the body above does. "
        "Left out, a unit does as the body above, and a body of its own offers nothing yet.",
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--return-origin", help="Where a payer may be sent back to; may be repeated."),
]


@agency.command("create")
def create(
    code: Code,
    name: Annotated[str, typer.Option(help="Name in Vietnamese.")],
    name_en: Annotated[str, typer.Option(help="Name in English.")],
    tax_code: Annotated[str, typer.Option(help="Tax code of 10 or 13 digits.")],
    address: Annotated[str, typer.Option(help="Address, as receipts show it.")],
    phone: Annotated[str, typer.Option(help="Telephone, as pages show it.")],
    parent: Annotated[str | None, typer.Option(help="Code of the body above.")] = None,
    offers: Offers = None,
    return_origin: Origins = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Make a public body, or a unit of one."""
    given = {
        "code": code,
        "name": name,
        "name_en": name_en,
        "tax_code": tax_code,
        "address": address,
        "phone": phone,
        "parent": parent,
        "offers": _offers(offers),
        "return_origins": return_origin or [],
    }

    async def deed(_: WriteSession) -> Deed:
        return new_agency(validated(AgencyIn, given).model_dump(exclude={"reason"}))

    async def above(session: WriteSession) -> str | None:
        return await id_of(session, parent)

    made = set_up(asker(by, reason), above, deed, _agency, actor=ACTOR)
    if not isinstance(made, AgencyOut):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(made)
    else:
        typer.echo(f"{made.code} offers {_told(made)}")


async def _agency(_: Parts, session: ReadSession, agency_id: str) -> AgencyOut:
    page = await list_agencies(session, None, only=agency_id)
    return AgencyOut.of(page.items[0])


@agency.command("change")
def change(
    code: Code,
    name: Annotated[str | None, typer.Option(help="Name in Vietnamese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="Name in English.")] = None,
    tax_code: Annotated[str | None, typer.Option(help="Tax code of 10 or 13 digits.")] = None,
    address: Annotated[str | None, typer.Option(help="Address, as receipts show it.")] = None,
    phone: Annotated[str | None, typer.Option(help="Telephone, as pages show it.")] = None,
    parent: Annotated[
        str | None, typer.Option(help="Code of the body above; empty for a body of its own.")
    ] = None,
    offers: Offers = None,
    return_origin: Annotated[
        list[str] | None,
        typer.Option(help="All places a payer may be sent back to; one that is empty for none."),
    ] = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Change what is given of a body; the rest stays. Receipts that are issued stay as they are."""
    given = {
        "name": name,
        "name_en": name_en,
        "tax_code": tax_code,
        "address": address,
        "phone": phone,
        "parent": parent or None,
        "offers": _offers(offers),
        "return_origins": [o for o in return_origin if o] if return_origin else None,
    }
    before: list[AgencyOut] = []

    async def deed(session: WriteSession) -> Deed:
        checked = validated(AgencyChangeIn, given)
        changes: dict[str, Any] = checked.model_dump(exclude_none=True, exclude={"reason"})
        if parent is not None:
            changes["parent"] = checked.parent
        agency_id = await get_agency_id(session, code)
        # Locked, so that nobody else's change is taken for this one.
        await session.lock_first(select(Agency.id).where(Agency.id == agency_id))
        before.append(AgencyOut.of((await list_agencies(session, None, only=agency_id)).items[0]))
        return changed_agency(agency_id, changes)

    async def own(session: WriteSession) -> str | None:
        return await get_agency_id(session, code)

    shown = set_up(asker(by, reason), own, deed, _agency, actor=ACTOR)
    if not isinstance(shown, AgencyOut):
        show_waiting(shown, as_json=as_json)
    elif as_json:
        show({"changed": shown != before[0], **shown.model_dump()})
    else:
        typer.echo("Changed." if shown != before[0] else "Nothing is different.")


@agency.command("list")
def show_agencies(as_json: Json = False) -> None:
    """Show every body and unit, and what each offers."""

    async def work(parts: Parts) -> list[AgencyOut]:
        async with parts.database.reading() as session:
            page = await list_agencies(session, None, limit=EVERY)
            return [AgencyOut.of(entry) for entry in page.items]

    found = with_parts(work)
    if as_json:
        show(found)
        return
    rows = [(one.code, one.name, one.parent, one.tax_code, one.phone, _told(one)) for one in found]
    show_table(("Code", "Name", "Below", "Tax code", "Telephone", "Offers"), rows)


@account.command("create")
def create_collection(
    agency: Annotated[str, typer.Option(help="The body's code.")],
    code: Code,
    kind: Annotated[str, typer.Option(help="bank, or treasury (its account at a bank).")],
    bank_bin: Annotated[str, typer.Option(help="Six digits that say which bank.")],
    number: Annotated[str, typer.Option(help="Account number, as a VietQR carries it.")],
    holder: Annotated[str, typer.Option(help="Account holder, as the bank writes it.")],
    cut_off: Annotated[
        str, typer.Option(help="Money after this time of a working day is booked the next one.")
    ] = "16:00",
    unlisted_bank: Annotated[
        bool, typer.Option("--unlisted-bank", help="The BIN is right, though no list has it.")
    ] = False,
    opened_on: Annotated[
        str | None,
        typer.Option(help="First day it existed on: statements of earlier days are refused."),
    ] = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Write down an account that a body's money arrives on. It cannot be changed afterwards."""
    given = {
        "agency": agency,
        "code": code,
        "kind": kind,
        "bank_bin": bank_bin,
        "number": number,
        "holder": holder,
        "cut_off": cut_off,
        "unlisted_bank": unlisted_bank,
        "opened_on": opened_on,
    }

    async def deed(_: WriteSession) -> Deed:
        return new_account(validated(AccountIn, given).model_dump(exclude={"reason"}))

    async def owner(session: WriteSession) -> str | None:
        return await get_agency_id(session, agency)

    made = set_up(asker(by, reason), owner, deed, _account, actor=ACTOR)
    if not isinstance(made, AccountOut):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(made)
    else:
        typer.echo(f"{made.code}: {made.number} at {made.bank or made.bank_bin}, {made.holder}")
        if made.confirmed_at is None:
            typer.echo("Payers see it as unconfirmed until somebody of the body stands by it.")


@account.command("confirm")
def confirm(
    code: Annotated[str, typer.Option("--code", help="Code of the account.")],
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Ask that an unconfirmed account be confirmed: another person compares it and approves."""

    async def work(parts: Parts) -> ApprovalValue:
        async with parts.database.transaction() as session:
            account_id = await get_account_id(session, code)
            person = await who.find(session) or await operator_of(session, account_id, ACTOR)
            administration, kinds = parts.administration, parts.approval_kinds
            deed = confirmed_account(account_id)
            return await ask(session, administration, kinds, deed, person, who.reason)

    who = asker(by, reason)
    show_waiting(with_parts(work), as_json=as_json)


async def _account(_: Parts, session: ReadSession, account_id: str) -> AccountOut:
    page = await list_accounts(session, None, only=account_id)
    return AccountOut.of(page.items[0])


@account.command("list")
def show_accounts(as_json: Json = False) -> None:
    """Show every collection account."""

    async def work(parts: Parts) -> list[AccountOut]:
        async with parts.database.reading() as session:
            page = await list_accounts(session, None, limit=EVERY)
            return [AccountOut.of(entry) for entry in page.items]

    found = with_parts(work)
    if as_json:
        show(found)
        return
    rows = [
        (
            one.code,
            one.agency,
            one.kind,
            one.bank or one.bank_bin,
            one.number,
            one.holder,
            "" if one.confirmed_at else "unconfirmed",
        )
        for one in found
    ]
    show_table(("Code", "Body", "Kind", "Bank", "Number", "Holder", ""), rows)


@account.command("settlement-words")
def set_words(
    code: Annotated[str, typer.Argument(help="The account's code.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Words of a gateway's transfers; none at all takes them away."),
    ] = None,
) -> None:
    """Say by which words gateways pay over to an account: such credits pay no bill by themselves.

    They wait in suspense until two people say that they clear money in transit (`lephi suspense
    resolve --kind settlement`), or that they are money of a payer's (`other_money`).
    """

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await get_account_id(session, code)
            await set_settlement_words(session, found, words or [], actor=ACTOR)

    with_parts(work)
    typer.echo(f"{code}: {', '.join(words) if words else 'no words of settlements'}")


@account.command("virtual-prefix")
def set_prefix(
    code: Annotated[str, typer.Argument(help="The account's code.")],
    prefix: Annotated[
        str | None,
        typer.Argument(help="What its virtual accounts begin with; none at all: it has none."),
    ] = None,
    digits: Annotated[
        bool, typer.Option("--digits", help="Sixteen digits follow: the bank takes no letters.")
    ] = False,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Send payers to the bank's virtual accounts: to a prefix, and the reference of what they pay.

    Only where the bank has agreed that every number that begins so leads to this account.
    """

    async def deed(session: WriteSession) -> Deed:
        return prefixed_account(await get_account_id(session, code), prefix, digits=digits)

    async def owner(session: WriteSession) -> str | None:
        account_id = await get_account_id(session, code)
        return (await get_collection_account(session, account_id)).agency_id

    made = set_up(asker(by, reason), owner, deed, _account, actor=ACTOR)
    if not isinstance(made, AccountOut):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(made)
    else:
        follows = " and 16 digits" if made.virtual_digits else "LP…"
        told = f"virtual accounts {prefix}{follows}" if prefix else "its own number"
        typer.echo(f"{code}: {told}")
        if made.confirmed_at is None:
            typer.echo("Payers see it as unconfirmed until somebody of the body stands by it.")


def _offers(given: str | None) -> list[str] | str | None:
    """`--offers` as the schema takes it; one that is empty offers nothing."""
    if given is None or given in ("all", "parent"):
        return given
    return [code for part in given.split(",") if (code := part.strip())]


def _told(shown: AgencyOut) -> str:
    if isinstance(shown.offers, str):
        return "everything" if shown.offers == "all" else "as the body above"
    return ", ".join(shown.offers) if len(shown.offers) < 6 else f"{len(shown.offers)} procedures"
