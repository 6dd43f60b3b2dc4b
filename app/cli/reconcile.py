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
from reconciliation.columns import InputRefused
from reconciliation.files import reconcile_files
from reconciliation.matching import ClassTally

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
    "debits": "ghi nợ (kết chuyển)",
}


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


@app.command("day")
def day_command(
    account: Annotated[str, typer.Option(help="Code or number of the collection account.")],
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="Business day (Vietnam).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print run and discrepancies.")] = False,
) -> None:
    """Reconcile a day of our books with the statements taken in; 0 even with discrepancies."""
    # Here, because `files` needs neither a database nor the seconds it takes to load the house.
    from app.cli.reconcile_day import run_day

    run, odd = run_day(account, _date(day))
    if as_json:
        show(
            {
                "id": run.id,
                "account": run.account,
                "date": run.business_on,
                "summary": run.summary,
                "discrepancies": odd,
            }
        )
        return
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


def _show(classes: Mapping[str, ClassTally]) -> None:
    table = Table("", "số lượng", "số tiền", box=None, pad_edge=False)
    for name, tally in classes.items():
        table.add_row(_LABELS[name], f"{tally.count:,}".replace(",", "."), format_vnd(tally.sum))
    Console(highlight=False, soft_wrap=True).print(table)
