"""`lephi agency` and `lephi account`: set up a body, its units, and where their money arrives."""

from typing import Annotated, Any

import typer

from app.cli.console import Json, show, show_table
from app.cli.wired import with_parts
from app.parts import Parts
from core.bodies import validated
from payments.agencies.commands import (
    NewAccount,
    NewAgency,
    change_agency,
    create_account,
    create_agency,
    set_settlement_words,
)
from payments.agencies.listing import list_accounts, list_agencies
from payments.agencies.queries import get_account_id, get_agency_id
from payments.agencies.schemas import AccountIn, AccountOut, AgencyChangeIn, AgencyIn, AgencyOut

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
    as_json: Json = False,
) -> None:
    """Make a public body, or a unit of one."""

    async def work(parts: Parts) -> AgencyOut:
        given = validated(
            AgencyIn,
            {
                "code": code,
                "name": name,
                "name_en": name_en,
                "tax_code": tax_code,
                "address": address,
                "phone": phone,
                "parent": parent,
                "offers": _offers(offers),
                "return_origins": return_origin or [],
            },
        )
        async with parts.database.transaction() as session:
            above = None if given.parent is None else await get_agency_id(session, given.parent)
            new = NewAgency(**given.model_dump(exclude={"parent"}), parent_id=above)
            made = await create_agency(session, new, parts.knowledge, actor=ACTOR)
            page = await list_agencies(session, None, only=made)
            return AgencyOut.of(page.items[0])

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(f"{made.code} offers {_told(made)}")


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

    async def work(parts: Parts) -> tuple[bool, AgencyOut]:
        checked = validated(AgencyChangeIn, given)
        changes: dict[str, Any] = checked.model_dump(exclude_none=True, exclude={"parent"})
        async with parts.database.transaction() as session:
            agency_id = await get_agency_id(session, code)
            if parent is not None:
                above = checked.parent
                changes["parent_id"] = (
                    None if above is None else await get_agency_id(session, above)
                )
            changed = await change_agency(session, agency_id, changes, parts.knowledge, actor=ACTOR)
            page = await list_agencies(session, None, only=agency_id)
            return changed, AgencyOut.of(page.items[0])

    changed, shown = with_parts(work)
    if as_json:
        show({"changed": changed, **shown.model_dump()})
    else:
        typer.echo("Changed." if changed else "Nothing is different.")


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
    as_json: Json = False,
) -> None:
    """Write down an account that a body's money arrives on. It cannot be changed afterwards."""

    async def work(parts: Parts) -> AccountOut:
        given = validated(
            AccountIn,
            {
                "agency": agency,
                "code": code,
                "kind": kind,
                "bank_bin": bank_bin,
                "number": number,
                "holder": holder,
                "cut_off": cut_off,
                "unlisted_bank": unlisted_bank,
                "opened_on": opened_on,
            },
        )
        async with parts.database.transaction() as session:
            owner = await get_agency_id(session, given.agency)
            new = NewAccount(**given.model_dump(exclude={"agency"}), agency_id=owner)
            made = await create_account(session, new, actor=ACTOR)
            page = await list_accounts(session, None, only=made)
            return AccountOut.of(page.items[0])

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(f"{made.code}: {made.number} at {made.bank or made.bank_bin}, {made.holder}")


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
        (one.code, one.agency, one.kind, one.bank or one.bank_bin, one.number, one.holder)
        for one in found
    ]
    show_table(("Code", "Body", "Kind", "Bank", "Number", "Holder"), rows)


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


def _offers(given: str | None) -> list[str] | str | None:
    """`--offers` as the schema takes it; one that is empty offers nothing."""
    if given is None or given in ("all", "parent"):
        return given
    return [code for part in given.split(",") if (code := part.strip())]


def _told(shown: AgencyOut) -> str:
    if isinstance(shown.offers, str):
        return "everything" if shown.offers == "all" else "as the body above"
    return ", ".join(shown.offers) if len(shown.offers) < 6 else f"{len(shown.offers)} procedures"
