"""`lephi settlement`: what gateways say that they have paid over, and what credits brought it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.approvals import Reason, one_line, show_approval
from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.layouts import save_settlement_as, show_settlement_layouts
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from app.settlement_layouts import settlement_layouts
from core import clock
from core.bodies import validated
from core.errors import Invalid
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.queries import get_gateway_name
from payments.books.approvals import ApprovalValue, propose
from reconciliation.formats.settlement_file import SETTLEMENT_LIMITS
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.batch_approvals import PAY_OVER, UNDO
from reconciliation.settlements.batch_schemas import (
    BatchList,
    BatchOut,
    PayoutIn,
    SettlementLineList,
    SettlementLineOut,
)
from reconciliation.settlements.batch_sums import page_of_batches
from reconciliation.settlements.intake import (
    SettlementIntake,
    SettlementValue,
    page_of_settlements,
    take_settlement,
)
from reconciliation.settlements.lines import page_of_lines
from reconciliation.settlements.preparing import prepare_settlement
from reconciliation.settlements.saved_layouts import get_settlement_layout
from reconciliation.settlements.versions import get_gateway_of, take_version

Gateway = Annotated[
    str, typer.Option(help="The account at the gateway, as gateway/account in callbacks.")
]

settlement = typer.Typer(help="Settlement files of gateways.", no_args_is_help=True)


@settlement.callback()
def settlements() -> None:
    """Settlement files of gateways."""


@settlement.command("import")
def import_settlement(
    file: Annotated[Path, typer.Argument(parser=Path, help="The settlement file.")],
    gateway: Gateway,
    mapping: Annotated[str, typer.Option(help="How the gateway lays its columns out.")],
    encoding: Annotated[
        str | None, typer.Option(help="What the file is written in, where it does not tell.")
    ] = None,
    separate: Annotated[
        bool, typer.Option("--separate", help="Payments told before are told of further.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a settlement in, whole or not at all; each bad row is named with column and reason."""
    content = _content_of(file)
    today = clock.business_date(clock.now())

    async def work(parts: Parts) -> SettlementIntake:
        async with parts.database.reading() as reading:
            found = await get_gateway_name(reading, gateway, None)
            layout = await get_settlement_layout(
                *(reading, settlement_layouts(), found.agency_id, mapping, today)
            )
        prepared = prepare_settlement(content, layout, today, encoding)
        _say_how_sure(layout)

        async def take(session: WriteSession) -> SettlementIntake:
            return await take_settlement(
                session,
                found,
                prepared,
                file_name=file.name,
                actor="system:cli",
                separate=separate,
            )

        return await parts.database.run(take)

    taken = with_parts(work)
    one = taken.settlement
    if as_json:
        show({"known": taken.known, **_told(one)})
    elif taken.known:
        typer.echo("This file was taken in before; nothing changed.")
    else:
        typer.echo(f"{one.row_count} rows, {one.new_count} of them new.")
        typer.echo(f"Amount {one.amount}, fee {one.fee}, net {one.net} đồng.")


@settlement.command("list")
def list_all(gateway: Gateway, as_json: Json = False) -> None:
    """Show the settlements of an account at a gateway, the newest first."""

    async def work(parts: Parts) -> list[SettlementValue]:
        async with parts.database.reading() as session:
            found = await get_gateway_name(session, gateway, None)
            return list((await page_of_settlements(session, found.id)).items)

    found = with_parts(work)
    if as_json:
        show([_told(one) for one in found])
        return
    rows = [
        [
            *(one.id, one.version, "superseded" if one.superseded_at else "", one.row_count),
            *(one.new_count, one.amount, one.fee, one.net, one.file_name),
        ]
        for one in found
    ]
    heading = ["Settlement", "Version", "", "Rows", "New", "Amount", "Fee", "Net", "File"]
    show_table(heading, rows)


@settlement.command("replace")
def replace(
    settlement_id: Annotated[str, typer.Argument(help="The settlement, as list shows it.")],
    file: Annotated[Path, typer.Argument(parser=Path, help="The file as it was issued again.")],
    mapping: Annotated[str, typer.Option(help="How the gateway lays its columns out.")],
    reason: Reason,
    by: By,
    encoding: Annotated[
        str | None, typer.Option(help="What the file is written in, where it does not tell.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give the newer version of a file that was issued again; what differs is shown.

    Another person approves it, unless nothing that counts differs.
    """
    why, content = one_line(reason), _content_of(file)
    today = clock.business_date(clock.now())

    async def work(
        parts: Parts, session: WriteSession, person: Principal
    ) -> SettlementIntake | ApprovalValue:
        owner = await get_gateway_of(session, settlement_id, person.agency_ids)
        layout = await get_settlement_layout(
            *(session, settlement_layouts(), owner.agency_id, mapping, today)
        )
        prepared = prepare_settlement(content, layout, today, encoding)
        _say_how_sure(layout)
        return await take_version(
            *(session, parts.approval_kinds, parts.cipher, settlement_id),
            prepared,
            file_name=file.name,
            reason=why,
            by=person,
        )

    taken = as_person_with(by, work)
    if not isinstance(taken, SettlementIntake):
        show_approval(taken, as_json=as_json)
    elif as_json:
        show({"known": taken.known, **_told(taken.settlement)})
    else:
        same = "It says the same; nothing changed."
        told = same if taken.known else "Nothing that counts differs."
        typer.echo(f"{taken.settlement.id}  version {taken.settlement.version}  {told}")


@settlement.command("layout-save")
def save_one_layout(
    file: Annotated[Path, typer.Argument(parser=Path, help="A file that the layout reads.")],
    gateway: Gateway,
    name: Annotated[str, typer.Option(help="What the layout is to be called.")],
    layout: Annotated[Path, typer.Option(parser=Path, help="The layout in JSON.")],
    by: By,
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From which day on; else today.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="What the file is written in, where it does not tell.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Save a layout that reads FILE, as a mapping of the gateway's body and its units."""
    save_settlement_as(
        *(name, _content_of(file), _content_of(layout).decode("utf-8", "replace"), gateway),
        by=by,
        valid_from=valid_from,
        encoding=encoding,
        as_json=as_json,
    )


@settlement.command("layouts")
def list_saved_layouts(gateway: Gateway, as_json: Json = False) -> None:
    """Show the layouts that the gateway's body has saved, the newest version first."""
    show_settlement_layouts(gateway, as_json=as_json)


@settlement.command("lines")
def list_lines(
    settlement_id: Annotated[str, typer.Argument(help="The settlement, as list shows it.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, by id.")] = 100,
    after: Annotated[str | None, typer.Option(help="The line to go on after.")] = None,
    as_json: Json = False,
) -> None:
    """Show the lines of a settlement, page by page."""

    async def work(parts: Parts) -> SettlementLineList:
        async with parts.database.reading() as session:
            page = await page_of_lines(session, settlement_id, None, cursor=after, limit=limit)
        items = [SettlementLineOut.of(one) for one in page.items]
        return SettlementLineList(items=items, next_cursor=page.next_cursor)

    _show_page(with_parts(work), as_json=as_json)


@settlement.command("batches")
def list_all_batches(
    gateway: Gateway,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, by reference.")] = 100,
    after: Annotated[str | None, typer.Option(help="The batch to go on after.")] = None,
    as_json: Json = False,
) -> None:
    """Show the batches of an account at a gateway: gross, fee, net, and what brought them."""

    async def work(parts: Parts) -> BatchList:
        async with parts.database.reading() as session:
            found = await get_gateway_name(session, gateway, None)
            page = await page_of_batches(session, found.id, cursor=after, limit=limit)
        return BatchList(
            items=[BatchOut.of(one) for one in page.items], next_cursor=page.next_cursor
        )

    _show_page(with_parts(work), as_json=as_json)


@settlement.command("pay-over")
def pay_over(
    batches: Annotated[list[str], typer.Argument(help="The batches that the credit brought.")],
    gateway: Gateway,
    credit: Annotated[str, typer.Option(help="The credit: a payment, or a statement's line.")],
    reason: Reason,
    by: By,
    as_json: Json = False,
) -> None:
    """Ask that a credit be taken for what a gateway paid over for its batches.

    They leave transit gross, the fee is a posting of its own. Another person approves it.
    """
    asked = {"gateway": gateway, "batches": batches, "credit": credit, "reason": reason}
    try:
        wanted = validated(PayoutIn, asked)
    except Invalid as error:
        fail("; ".join(one.detail for one in error.errors))
    _propose(PAY_OVER, wanted.credit, wanted.wanted, wanted.reason, by, as_json=as_json)


@settlement.command("undo")
def undo(
    payout: Annotated[str, typer.Argument(help="The payout, as batches shows it.")],
    reason: Reason,
    by: By,
    as_json: Json = False,
) -> None:
    """Ask that a payout be undone; its credit then waits in suspense again."""
    _propose(UNDO, payout, {}, one_line(reason), by, as_json=as_json)


def _propose(
    kind: str, about: str, wanted: Mapping[str, object], reason: str, by: str, *, as_json: bool
) -> None:
    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        return await propose(session, parts.approval_kinds, kind, about, wanted, reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def _show_page(page: BatchList | SettlementLineList, *, as_json: bool) -> None:
    told = page.model_dump(mode="json")
    if as_json:
        show(told)
        return
    if not told["items"]:
        typer.echo("There are none.")
        return
    rows = [["" if value is None else value for value in one.values()] for one in told["items"]]
    show_table(list(told["items"][0]), rows)
    if page.next_cursor is not None:
        typer.echo(f"More: --after {page.next_cursor}")


def _content_of(file: Path) -> bytes:
    check_path(file, is_kept=True)
    try:
        with file.open("rb") as opened:
            return opened.read(SETTLEMENT_LIMITS.size + 1)
    except OSError as error:
        fail(f"{file}: {error.strerror}")


def _say_how_sure(layout: SettlementLayout) -> None:
    """Say of a layout that read a file, but was made without one, that it may have misread it."""
    if not layout.confirmed:
        told = f"Nobody has seen a real file of the layout {layout.code}: compare its sums."
        typer.echo(told, err=True)


def _told(one: SettlementValue) -> dict[str, object]:
    ended = None if one.superseded_at is None else one.superseded_at.isoformat()
    return asdict(one) | {"created_at": one.created_at.isoformat(), "superseded_at": ended}
