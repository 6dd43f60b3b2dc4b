"""`lephi billing`: what a market would bill for a period, billing it, and what became of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.asking import asked
from app.cli.console import Json, fail, show, show_table
from app.cli.market import MarketName
from app.cli.signed_in import By, ask_password
from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import Invalid
from core.money import format_vnd
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import sign_in
from payments.billing.answers import BillingRunOut, ProblemOut, RunPreviewOut
from payments.billing.api import own_market
from payments.billing.markets import get_market
from payments.billing.periods import Period, period_of
from payments.billing.preview import preview_run
from payments.billing.queries import get_run, list_runs, sum_charges
from payments.billing.runs import run_billing
from payments.billing.schemas import RunIn

billing = typer.Typer(help="Bills of a market, period by period.", no_args_is_help=True)

PeriodName = Annotated[str, typer.Option(help="2026-11, 2026-W45 or 2026-11-05.")]
Kind = Annotated[str, typer.Option(help="month, week or day.")]
Until = Annotated[
    str | None,
    typer.Option("--readings-until", metavar="DATE", help="Readings up to this day; else today."),
]


@billing.callback()
def about() -> None:
    """Bills of a market, period by period."""


def _asked(kind: str, period: str, until: str | None) -> tuple[Period, date | None]:
    given = asked(RunIn, {"kind": kind, "period": period, "readings_until": until})
    try:
        return period_of(given.kind, given.period), given.readings_until
    except Invalid as error:
        fail(error)


@billing.command("preview")
def preview(
    market: MarketName,
    period: PeriodName,
    kind: Kind = "month",
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Show what a run would bill now and how that differs from the run before; nothing is kept."""
    wanted, readings_until = _asked(kind, period, until)

    async def work(parts: Parts) -> RunPreviewOut:
        async with parts.database.reading() as session:
            found = await get_market(session, market)
            made = await preview_run(session, found, wanted, readings_until=readings_until)
            return RunPreviewOut.of(made)

    shown = with_parts(work)
    if as_json:
        show(shown.model_dump(mode="json"))
        return
    typer.echo(f"{shown.stalls} stalls, {shown.bills} bills, {format_vnd(shown.amount)}.")
    rows = [(s.kind, s.count, format_vnd(s.amount), format_vnd(s.waived)) for s in shown.sums]
    show_table(("Kind", "Charges", "Owed", "Waived"), rows)
    if shown.against is not None:
        before = format_vnd(shown.amount_before)
        typer.echo(f"Against {shown.against} ({before}): {shown.differing} stalls differ.")
        told = [(d.stall, format_vnd(d.before), format_vnd(d.now)) for d in shown.differences[:20]]
        show_table(("Stall", "Before", "Now"), told)
    _show_problems(shown.problems)


@billing.command("run")
def run(
    market: MarketName,
    period: PeriodName,
    by: By,
    kind: Kind = "month",
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Bill a market for a period. Run again, or after a kill, it adds what is missing."""
    wanted, readings_until = _asked(kind, period, until)
    password = ask_password(by)

    async def work(parts: Parts) -> BillingRunOut:
        async with parts.database.transaction() as session:
            person = await sign_in(session, by, password)
            person.require(Action.BILL_MARKET)
            found = await own_market(session, person, market)
        with _progress(hidden=as_json) as tell:
            done = await run_billing(
                parts.database,
                parts.cipher,
                found,
                wanted,
                actor=person.actor,
                readings_until=readings_until,
                tell=tell,
            )
        return await _read(parts, done.run_id, person.agency_ids)

    _show_run(with_parts(work), as_json=as_json)


@billing.command("report")
def report(
    market: MarketName, period: PeriodName, kind: Kind = "month", as_json: Json = False
) -> None:
    """Show what a run has billed, what of that is paid, and what could not be billed."""
    wanted, _ = _asked(kind, period, None)

    async def work(parts: Parts) -> BillingRunOut:
        async with parts.database.reading() as session:
            found = await get_market(session, market)
            runs = await list_runs(session, found.id)
        named = [one.id for one in runs if (one.kind, one.period) == (wanted.kind, wanted.name)]
        return await _read(parts, named[0] if named else "", {found.agency_id})

    _show_run(with_parts(work), as_json=as_json)


async def _read(parts: Parts, run_id: str, agency_ids: set[str] | frozenset[str]) -> BillingRunOut:
    async with parts.database.reading() as session:
        found = await get_run(session, run_id, agency_ids)
        return BillingRunOut.of(found, await sum_charges(session, found.id))


def _show_run(run: BillingRunOut, *, as_json: bool) -> None:
    if as_json:
        show(run.model_dump(mode="json"))
        return
    charged = run.charged or []
    owed, waived = sum(one.amount for one in charged), sum(one.waived for one in charged)
    typer.echo(
        f"{run.market} {run.period}: {run.state}, due {run.due_on}; {format_vnd(owed)} owed,"
        f" {format_vnd(waived)} waived."
    )
    rows = [
        (one.kind, one.status, one.count, format_vnd(one.amount), format_vnd(one.waived))
        for one in charged
    ]
    show_table(("Kind", "Bills", "Charges", "Owed", "Waived"), rows)
    _show_problems(run.problems)


def _show_problems(problems: list[ProblemOut]) -> None:
    if problems:
        typer.echo(f"Not billed ({len(problems)}):")
        show_table(("Stall", "Why"), [(one.stall, one.detail) for one in problems[:50]])


@contextmanager
def _progress(*, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, told how many stalls are done and of how many."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("stalls", total=None)

        def tell(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, description=f"{done}/{of} stalls")

        yield tell
