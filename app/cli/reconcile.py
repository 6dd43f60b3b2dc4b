"""`lephi reconcile`: does the ledger agree with what we were paid?

`files` works on two files and needs no database, no settings and no running service.
"""

import json
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.console import show, show_table
from core.calendar import CUT_OFF, calendar_with
from core.errors import LephiError
from core.money import format_vnd
from reconciliation.matching.columns import InputRefused
from reconciliation.matching.engine import ClassTally
from reconciliation.matching.files import reconcile_files

app = typer.Typer(help="Compare payments with what the treasury booked.", no_args_is_help=True)

#: Bad input, as for a wrong option.
_REFUSED = 2

_LABELS = {
    "matched": "khớp",
    "late": "khớp nhưng ghi sổ trễ",
    "missing_in_ledger": "chưa được ghi có",
    "amount_mismatch": "lệch số tiền",
    "duplicate": "được ghi có nhiều lần",
    "unknown_in_ledger": "ghi có không rõ của ai",
    "reversed": "ghi có rồi bị ghi nợ trả lại",
    "no_statement": "chưa nạp sao kê",
    "statement_alone": "khớp, chỉ có sao kê làm chứng",
    "batch": "khớp, tiền của lô quyết toán",
    "debits": "ghi nợ khác",
    "expected": "đang chờ ghi có",
    "ambiguous": "chưa phân định được",
    "swept": "kết chuyển về Ngân hàng Nhà nước",
    "wrong_sweep": "kết chuyển sai số",
    "missing_sweep": "ngày không kết chuyển",
    "missing_day": "thiếu sao kê của ngày",
    "balance_conflict": "số dư sao kê trái nhau",
    "settled_in_batch": "thu qua cổng, đã chuyển trả theo lô",
    "with_gateway": "đang ở cổng",
    "on_the_way": "cổng đã quyết toán, tiền đang về",
    "missing_in_settlement": "cổng quá hạn quyết toán",
    "not_paid_over": "lô quá hạn chưa về",
}


#: As in `app.cli.signed_in`, which loads the house.
By = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="EMAIL",
        help="Who does this; the password is asked for, or read from LEPHI_USER_PASSWORD.",
    ),
]


@app.callback()
def reconcile() -> None:
    """Compare payments with what the treasury booked."""


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date like 2026-11-02") from None


def _cut_off(text: str) -> time:
    try:
        cut_off = time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a time like 16:00") from None
    if cut_off.tzinfo is not None:
        raise typer.BadParameter("the cut-off is a time in Vietnam, without an offset")
    return cut_off


@app.command("files")
def files(
    payments: Annotated[
        Path,
        typer.Option(
            parser=Path,  # typer's own says in English, and before us, what is wrong with a name
            help="CSV: payment_id, reference, amount, paid_at, gateway, gateway_ref.",
            metavar="CSV",
        ),
    ],
    ledger: Annotated[
        Path,
        typer.Option(
            parser=Path,
            help="CSV: line_id, booked_at, amount, direction, reference, narrative, bank_ref.",
            metavar="CSV",
        ),
    ],
    day: Annotated[
        str,
        typer.Option("--date", metavar="DATE", help="Business date of the payments (+07:00)."),
    ],
    out: Annotated[Path, typer.Option(parser=Path, help="Folder for the results.", metavar="DIR")],
    cut_off: Annotated[
        str, typer.Option(metavar="HH:MM", help="When the treasury's day ends in Vietnam.")
    ] = f"{CUT_OFF:%H:%M}",
    calendar: Annotated[
        Path | None,
        typer.Option(parser=Path, metavar="TOML", help="Days off and days worked of one's own."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json.")] = False,
) -> None:
    """Match two files: matches.csv, discrepancies.csv and summary.json.

    Ends with 0 even if there are discrepancies, with 2 if a file cannot be taken as it is; then
    every problem is told with its row and column, and nothing is written.
    """
    on, day_ends = _date(day), _cut_off(cut_off)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(
            *columns, console=errors, transient=True, disable=not errors.is_terminal
        ) as progress:
            task = progress.add_task("", total=None)
            summary = reconcile_files(
                payments,
                ledger,
                on,
                out,
                cut_off=day_ends,
                calendar=None if calendar is None else calendar_with(calendar),
                progress=lambda step: progress.update(task, description=step),
            )
    except InputRefused as refused:
        for problem in refused.problems:
            errors.print(str(problem), markup=False)
        raise typer.Exit(_REFUSED) from None
    except LephiError as error:
        errors.print(error.detail, markup=False)
        raise typer.Exit(_REFUSED if error.status == 422 else 1) from None
    except OSError as error:
        errors.print(f"Không đọc hoặc ghi được: {error}", markup=False)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(summary.as_json(), ensure_ascii=False, indent=2))
    else:
        _show(summary.classes)


@app.command("show")
def show_command(
    account: Annotated[str, typer.Option(help="Code or number of the collection account.")],
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="Business day (Vietnam).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it.")] = False,
) -> None:
    """Show a day: gateways' settlements, their batches, the bank's credits; where the money is."""
    from app.cli.reconcile_show import day_as_shown

    shown = day_as_shown(account, _date(day))
    if as_json:
        typer.echo(shown.model_dump_json(indent=2))
        return
    for one in shown.settlements:
        for kind, tally in one.classes.items():
            typer.echo(f"{one.gateway}: {kind} {tally.count}, {tally.sum} đồng")
    for batch in shown.batches:
        typer.echo(
            f"{batch.gateway} {batch.batch_ref}: {batch.kind}, net {batch.net} đồng"
            f" (fee {batch.fee})"
        )
    for kind, tally in shown.credits.items():
        typer.echo(f"credits: {kind} {tally.count}, {tally.sum} đồng")
    for stated in shown.statements:
        typer.echo(
            f"statement {stated.id} v{stated.version}: +{stated.credits} −{stated.debits},"
            f" {stated.opening} → {stated.closing}"
        )
    if shown.missing is not None:
        days = ", ".join(str(one) for one in shown.missing.days) or "số dư không nối tiếp"
        typer.echo(f"missing: {days} ({shown.missing.after} … {shown.missing.until})")
    for stage, tally in shown.waiting.items():
        typer.echo(f"waiting: {stage} {tally.count}, {tally.sum} đồng")
    for place, amount in shown.places.model_dump().items():
        typer.echo(f"{place}: {'-' if amount is None else amount}")


@app.command("day")
def day_command(
    account: Annotated[str, typer.Option(help="Code or number of the collection account.")],
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="Business day (Vietnam).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print run and discrepancies.")] = False,
) -> None:
    """Reconcile a day of our books with the statements taken in; 0 even with discrepancies."""
    # Here, because `files` needs neither a database nor the seconds it takes to load the house.
    from app.cli.reconcile_day import run_day

    run, odd, differences = run_day(account, _date(day))
    if as_json:
        told = {
            "id": run.id,
            "account": run.account,
            "date": run.business_on,
            "summary": run.summary,
            "discrepancies": odd,
        }
        show(told if differences is None else {**told, "differences": differences})
        return
    if differences is not None:
        typer.echo(f"Ngày đã khóa sổ, không đổi; đối chiếu lại sẽ khác {len(differences)} chỗ.")
        for one in differences:
            typer.echo(f"  {one['change']} {one['side']} {one['object']}: {one['place']}")
    _show({name: ClassTally(**tally) for name, tally in run.summary.items()})
    if odd:
        columns = ("Bên", "Mã", "Loại", "Mã thanh toán", "Số tiền", "Lý do")
        rows = [
            (
                one["side"],
                one["object"],
                _LABELS[one["class"]],
                one["reference"],
                format_vnd(one["amount"]),
                one["reason"],
            )
            for one in odd
        ]
        show_table(columns, rows)


@app.command("schedule")
def schedule_command(
    valid_from: Annotated[str, typer.Option("--from", metavar="DATE", help="From which day on.")],
    by: By,
    at: Annotated[
        str | None,
        typer.Option(metavar="HH:MM", help="Time of working days (Vietnam), after the cut-off."),
    ] = None,
    account: Annotated[str | None, typer.Option(help="One collection account.")] = None,
    agency: Annotated[
        str | None, typer.Option(help="All accounts of a body and its units without their own.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Nothing by itself any more.")] = False,
) -> None:
    """Have days reconciled by themselves, each on the first working day after it."""
    from app.cli.nights import schedule

    if (at is None) is not off:
        raise typer.BadParameter("give --at or --off")
    if (account is None) is (agency is None):
        raise typer.BadParameter("give --account or --agency")
    schedule(account, agency, _date(valid_from), None if at is None else _cut_off(at), by)


@app.command("nights")
def nights_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the days that are due to be reconciled by themselves and are not yet."""
    from app.cli.nights import show_nights

    show_nights(as_json=as_json)


@app.command("close")
def close_command(
    run: Annotated[str, typer.Argument(help="The reconciliation's id.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "khóa sổ ngày",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask that a run's day be closed, or, where another person has asked, close it for good."""
    from app.cli.closing import close_day

    close_day(run, reason, by, as_json=as_json)


@app.command("undo")
def undo_command(
    run: Annotated[str, typer.Argument(help="The reconciliation's id.")],
    payment: Annotated[str, typer.Argument(help="The payment whose match it is.")],
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="EMAIL",
            help="Who does this; the password is asked for, or read from LEPHI_USER_PASSWORD.",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask that a match of a run be undone: another person approves it."""
    from app.cli.closing import undo_match

    undo_match(run, payment, reason, by, as_json=as_json)


@app.command("matches")
def matches_command(
    run: Annotated[str, typer.Argument(help="The reconciliation's id.")],
    statement_alone: Annotated[
        bool, typer.Option("--statement-alone", help="Only what a statement alone tells of.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what agreed in a run, by payment: its line, its amount, and by which rule."""
    from app.cli.run_facts import show_matches

    show_matches(run, statement_alone=statement_alone or None, as_json=as_json)


@app.command("claims")
def claims_command(
    run: Annotated[str, typer.Argument(help="The reconciliation's id.")],
    rate: Annotated[
        int,
        typer.Option(
            "--rate-basis-points",
            min=1,
            max=5_000,
            help="The bank's non-term rate for đồng, in hundredths of a percent a year.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the bank owes for what it booked late (TT 81/2025/TT-BTC, Điều 5.5)."""
    from app.cli.run_facts import show_claims

    show_claims(run, rate, as_json=as_json)


@app.command("minutes")
def minutes_command(
    run: Annotated[str, typer.Argument(help="The reconciliation's id.")],
    out: Annotated[Path, typer.Option(parser=Path, metavar="FILE", help="A .pdf or .xlsx file.")],
) -> None:
    """Write the minutes (biên bản đối chiếu) of the day that a run closed."""
    from app.cli.closing import write_minutes

    write_minutes(run, out)


def _show(classes: Mapping[str, ClassTally]) -> None:
    """The classes with something in them, and how many have nothing."""
    told = {name: tally for name, tally in classes.items() if tally.count or tally.sum}
    if not told:
        typer.echo("Không loại nào có khoản.")
        return
    table = Table("", "số lượng", "số tiền", box=None, pad_edge=False)
    for name, tally in told.items():
        table.add_row(_LABELS[name], f"{tally.count:,}".replace(",", "."), format_vnd(tally.sum))
    Console(highlight=False, soft_wrap=True).print(table)
    if len(told) < len(classes):
        typer.echo(f"{len(classes) - len(told)} loại khác không có khoản nào.")
