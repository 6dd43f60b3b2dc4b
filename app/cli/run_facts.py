"""The work of `lephi reconcile matches` and `claims`, which needs the whole house."""

import typer

from app.cli.console import show
from app.cli.wired import with_parts
from app.parts import Parts
from core.money import format_vnd
from payments.agencies.tree import branches
from reconciliation.days.claims_api import ClaimList
from reconciliation.days.late_money import read_late_day
from reconciliation.days.run_queries import list_matches
from reconciliation.days.run_schemas import MatchOut
from reconciliation.queries import get_run

#: How many are read at a time.
_PAGE = 1_000


def show_matches(run: str, *, statement_alone: bool | None, as_json: bool) -> None:
    """Show what agreed, by payment, and by which rule."""

    async def work(parts: Parts) -> list[MatchOut]:
        found: list[MatchOut] = []
        cursor = None
        async with parts.database.reading() as session:
            known = await get_run(session, run, list(await branches(session)))
            while True:
                page = await list_matches(
                    session, known.id, statement_alone=statement_alone, cursor=cursor, limit=_PAGE
                )
                found += [MatchOut.of(one) for one in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    return found

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json") for one in found])
    elif not found:
        typer.echo("Không có khoản nào khớp.")
    for one in [] if as_json else found:
        alone = "  chỉ có sao kê" if one.statement_alone else ""
        amount = format_vnd(one.amount)
        typer.echo(f"{one.payment}  {one.line}  {one.reference}  {amount}  {one.rule}{alone}")


def show_claims(run: str, rate_basis_points: int, *, as_json: bool) -> None:
    """Show what the bank owes for what it booked late."""

    async def work(parts: Parts) -> ClaimList:
        async with parts.database.reading() as session:
            reach = list(await branches(session))
            day = await read_late_day(session, parts.reconciling.calendar, run, reach)
        return ClaimList.of(day, rate_basis_points)

    told = with_parts(work)
    if as_json:
        show(told.model_dump(mode="json"))
        return
    for one in told.items:
        typer.echo(
            f"{one.payment}  {one.reference}  {format_vnd(one.amount)}  phải ghi"
            f" {one.due_on:%d/%m/%Y}, ghi {one.booked_on:%d/%m/%Y}, chậm {one.days_late} ngày:"
            f" {format_vnd(one.claim)}"
        )
    typer.echo(f"Cộng {format_vnd(told.total)} ({told.basis})")
