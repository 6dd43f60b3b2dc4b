"""The work of `layout-save` and `layouts`, of `lephi statement` and of `lephi settlement`."""

from datetime import date

import typer

from app.cli.console import fail, show, show_table
from app.cli.signed_in import as_person
from app.cli.wired import with_parts
from app.parts import Parts
from app.settlement_layouts import settlement_layouts
from core import clock
from core.days import day_text
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_collection_account, get_gateway_name
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.settlements.saved_layouts import save_settlement_layout
from reconciliation.settlements.trying import try_settlement_layout
from reconciliation.statements.layout_versions import LayoutVersion, list_versions
from reconciliation.statements.looking import try_layout
from reconciliation.statements.saved_layouts import save_layout
from reconciliation.statements.saved_layouts_api import SavedLayoutOut


def save_as(
    name: str,
    content: bytes,
    layout: str,
    account: str,
    *,
    by: str,
    valid_from: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Save a layout that reads a sample, for the body of an account."""
    today = clock.business_date(clock.now())
    begins = _day(valid_from)

    async def work(session: WriteSession, person: Principal) -> LayoutVersion:
        person.require(Action.SAVE_LAYOUT)
        found = await find_collection_account(session, account)
        if found is None or found.agency_id not in person.agency_ids:
            fail(f"There is no collection account {account}.")
        task = ReadingTask("", today, account_number=found.account_number, encoding=encoding)
        read = try_layout(content, task, layout, name)
        if not read.vouched:
            typer.echo(
                "Tệp mẫu không có tổng hoặc số dư: sao kê đọc theo mẫu này không tự kết toán gì,"
                " tiền được duyệt từng khoản.",
                err=True,
            )
        return await save_layout(session, found, read, begins, actor=person.actor)

    _show_saved(as_person(by, work), as_json=as_json)


def save_settlement_as(
    name: str,
    content: bytes,
    layout: str,
    gateway: str,
    *,
    by: str,
    valid_from: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Save a layout that reads a sample, for the body of an account at a gateway."""
    today = clock.business_date(clock.now())
    begins = _day(valid_from)

    async def work(session: WriteSession, person: Principal) -> LayoutVersion:
        person.require(Action.SAVE_LAYOUT)
        found = await get_gateway_name(session, gateway, person.agency_ids)
        read = try_settlement_layout(content, layout, name, settlement_layouts(), today, encoding)
        typer.echo(
            f"{read.rows} dòng: số tiền {read.amount}, phí {read.fee}, thực nhận {read.net} đồng.",
            err=True,
        )
        return await save_settlement_layout(session, found, read, begins, actor=person.actor)

    _show_saved(as_person(by, work), as_json=as_json)


def _show_saved(made: LayoutVersion, *, as_json: bool) -> None:
    if as_json:
        show(SavedLayoutOut.of(made).model_dump(mode="json"))
    else:
        typer.echo(f"{made.name}, phiên bản {made.version}, từ {day_text(made.valid_from)}")


def _day(text: str | None) -> date:
    if text is None:
        return clock.business_date(clock.now())
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{text} is not a date like 2026-11-02.")


def show_layouts(account: str, *, as_json: bool) -> None:
    """Print what the body of an account, and those above it, have saved."""

    async def work(parts: Parts) -> list[LayoutVersion]:
        async with parts.database.reading() as session:
            found = await find_collection_account(session, account)
            if found is None:
                fail(f"There is no collection account {account}.")
            return await list_versions(session, "statement", found.agency_id)

    _show_layouts(with_parts(work), as_json=as_json)


def show_settlement_layouts(gateway: str, *, as_json: bool) -> None:
    """Print what the body of an account at a gateway, and those above it, have saved."""

    async def work(parts: Parts) -> list[LayoutVersion]:
        async with parts.database.reading() as session:
            found = await get_gateway_name(session, gateway, None)
            return await list_versions(session, "settlement", found.agency_id)

    _show_layouts(with_parts(work), as_json=as_json)


def _show_layouts(layouts: list[LayoutVersion], *, as_json: bool) -> None:
    if as_json:
        show([SavedLayoutOut.of(one).model_dump(mode="json") for one in layouts])
        return
    rows = [
        [one.name, one.version, day_text(one.valid_from), one.layout["title"], one.created_by]
        for one in layouts
    ]
    show_table(["Mẫu", "Phiên bản", "Từ ngày", "Tên", "Người lưu"], rows)
