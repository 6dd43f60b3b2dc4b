"""`lephi invoices`: invoices of what is a price, and the accounts at their providers."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from app.cli.asking import asked
from app.cli.codes import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.console import Json, fail, say, show, show_table
from app.cli.credentials import read_credentials
from app.cli.wired import with_parts
from app.parts import Parts
from payments.agencies.access.principals import OPERATOR
from payments.agencies.queries import map_agency_codes
from receipts.invoice_calls import InvoiceAccess
from receipts.invoices import commands
from receipts.invoices.accounts import (
    InvoiceAccountValue,
    list_invoice_accounts,
    remove_invoice_account,
    renew_invoice_account,
    set_invoice_account,
)
from receipts.invoices.adjusting import order_adjustment, record_adjustment
from receipts.invoices.law import InvoiceKind
from receipts.invoices.queries import InvoiceState, InvoiceValue, get_invoice, list_invoices
from receipts.invoices.schemas import AdjustingIn, AdjustmentIn

invoices = typer.Typer(
    help="E-invoices of stall money and other prices: which were made, which wait, by whom.",
    no_args_is_help=True,
)

InvoiceId = Annotated[str, typer.Argument(metavar="ID", help="The invoice's id.")]

#: What an operator is told where no invoice is made.
NONE_SET_UP = "Chưa có nhà cung cấp hóa đơn điện tử nào: không hóa đơn nào được lập."


@invoices.command("account")
def account(
    agency: AgencyCode,
    access: Annotated[
        Path,
        typer.Option(help='JSON file of "url" and the provider\'s own names; - is standard input.'),
    ],
    form: Annotated[str, typer.Option(help="Mẫu số: 1 (giá trị gia tăng) or 2 (bán hàng).")],
    coding: Annotated[str, typer.Option(help="C with a code of the tax authority, K without.")],
    making: Annotated[str, typer.Option(help="T, or M from a cash register.")],
    series: Annotated[str, typer.Option(help="The two letters that the body chose.")],
    vat: Annotated[
        int | None, typer.Option(help="The tax in its prices in percent, with form 1.")
    ] = None,
    provider: Annotated[str, typer.Option(help="Which dialect it speaks.")] = "plain",
    as_json: Json = False,
) -> None:
    """Set a body's account up, in the place of the one before; credentials are kept encrypted."""
    given = read_credentials(access)
    wanted = InvoiceAccess(provider, given.pop("url", ""), given)
    kind = InvoiceKind(form, coding, making, series)

    async def work(parts: Parts) -> str:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            providers = parts.invoicing.providers
            return await set_invoice_account(
                *(session, parts.cipher, providers, found.id, kind, vat, wanted), actor=OPERATOR
            )

    made = with_parts(work)
    if as_json:
        show({"id": made, "agency": agency, "provider": provider, **asdict(kind), "vat": vat})
    else:
        say(f"{agency} has invoices made from now on, for what is paid from now on.")


@invoices.command("renew-account")
def renew(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account's id (--json).")],
    access: Annotated[
        Path,
        typer.Option(help='JSON file of "url" and the provider\'s own names; - is standard input.'),
    ],
) -> None:
    """Reach the same account at its provider by another address or with new credentials.

    Also one that another account has taken the place of: what may have been made there is asked
    about there.
    """
    given = read_credentials(access)
    url = given.pop("url", "")

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            await renew_invoice_account(
                *(session, parts.cipher, parts.invoicing.providers, account_id, url, given),
                actor=OPERATOR,
            )

    with_parts(work)
    say(f"{account_id} is reached so from now on.")


@invoices.command("remove-account")
def drop_account(agency: AgencyCode) -> None:
    """Take a body's account away; what waits for it is set aside."""

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            await remove_invoice_account(session, found.id, actor=OPERATOR)

    with_parts(work)
    say(f"{agency} has no account of its own any more; one of a body above it counts from now on.")


@invoices.command("accounts")
def show_accounts(agency: OnlyAgency = None, as_json: Json = False) -> None:
    """Show the accounts; never their credentials."""

    async def work(parts: Parts) -> tuple[list[InvoiceAccountValue], dict[str, str]]:
        async with parts.database.reading() as session:
            found = await list_invoice_accounts(session, await only_of(session, agency))
            return found, await map_agency_codes(session)

    found, codes = with_parts(work)
    if as_json:
        show([asdict(one) | {"agency": codes[one.agency_id]} for one in found])
        return
    if not found:
        say(NONE_SET_UP)
        return
    rows = [
        (
            *(codes[one.agency_id], one.provider, one.form),
            f"{one.coding}…{one.making}{one.series}",
            "" if one.vat_percent is None else f"{one.vat_percent} %",
        )
        for one in found
    ]
    show_table(("Cơ quan", "Nhà cung cấp", "Mẫu số", "Ký hiệu", "Thuế"), rows)


@invoices.command("list")
def list_all(
    agency: OnlyAgency = None,
    state: Annotated[
        str | None,
        typer.Option(help="waiting, asking, unknown, issued, dropped or set_aside."),
    ] = None,
    wants_adjustment: Annotated[
        bool, typer.Option("--wants-adjustment", help="Only those whose money went back since.")
    ] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List invoices, the newest first: number, amount, state, why not; never the buyer."""
    states = InvoiceState.__args__  # type: ignore[attr-defined]  # of a Literal
    if state is not None and state not in states:
        fail(f"There is no state {state}: there are {', '.join(states)}.")

    async def work(parts: Parts) -> tuple[tuple[InvoiceValue, ...], dict[str, str]]:
        async with parts.database.reading() as session:
            page = await list_invoices(
                session,
                await only_of(session, agency),
                state=cast(InvoiceState | None, state),
                wanting=wants_adjustment,
                limit=limit,
            )
            return page.items, await map_agency_codes(session)

    found, codes = with_parts(work)
    if as_json:
        show([asdict(one) | {"agency": codes[one.agency_id]} for one in found])
        return
    rows = [
        (
            *(one.id, codes[one.agency_id], f"{one.form}{one.symbol}", one.number),
            *(one.amount, one.money_back, one.money_back - one.adjusted),
            *(one.state, one.last_error),
        )
        for one in found
    ]
    headings = (
        *("Hóa đơn", "Cơ quan", "Ký hiệu", "Số", "Số tiền", "Đã trả lại", "Cần điều chỉnh"),
        *("Trạng thái", "Lý do"),
    )
    show_table(headings, rows)


@invoices.command("replay")
def replay(invoice_id: InvoiceId) -> None:
    """Have an invoice that was set aside asked for again, under its own key."""

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await get_invoice(session, invoice_id, None)
            await commands.replay_invoice(session, found, actor=OPERATOR)

    with_parts(work)
    say(f"{invoice_id} waits again.")


@invoices.command("adjusted")
def adjusted(
    invoice_id: InvoiceId,
    document: Annotated[str, typer.Option(help="The adjusting invoice, as 2C26MAA-57.")],
    money_back: Annotated[
        int, typer.Option(help="What of its money had gone back, in đồng, as the list said.")
    ],
) -> None:
    """Write down that an invoice was adjusted at its provider for the money that went back."""
    given = asked(AdjustmentIn, {"document": document, "money_back": money_back})

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await get_invoice(session, invoice_id, None)
            told = (given.document, given.money_back)
            await record_adjustment(session, found, *told, actor=OPERATOR)

    with_parts(work)
    say(f"{invoice_id} was adjusted by {document}.")


@invoices.command("adjust")
def adjust(
    invoice_id: InvoiceId,
    money_back: Annotated[
        int, typer.Option(help="What of its money had gone back, in đồng, as the list said.")
    ],
    as_json: Json = False,
) -> None:
    """Have an adjusting invoice asked for at the invoice's provider, for what went back since."""
    given = asked(AdjustingIn, {"money_back": money_back})

    async def work(parts: Parts) -> str:
        async with parts.database.transaction() as session:
            found = await get_invoice(session, invoice_id, None)
            return await order_adjustment(
                session, parts.cipher, found, given.money_back, actor=OPERATOR
            )

    made = with_parts(work)
    if as_json:
        show({"id": made, "adjusts": invoice_id})
    else:
        say(f"{made} waits; it adjusts {invoice_id}.")
