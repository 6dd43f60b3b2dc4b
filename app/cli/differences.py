"""What a proposed change of the catalogue would do, as tables on a terminal. Pure."""

from collections.abc import Sequence

import typer
from rich.console import Console

from app.cli.console import show_table
from payments.catalogue.upkeep.proposals.differences import Differences, RowChange
from payments.catalogue.upkeep.sheets.columns import TITLES
from payments.catalogue.upkeep.sheets.faults import FileRefused

_NOTHING = "(không có)"


def show_differences(differences: Differences) -> None:
    """Print everything a change would do: tables, rows, cells, tariffs, warnings."""
    counts = [[c.title, c.added, c.changed, c.unchanged] for c in differences.counts]
    show_table(["Bảng", "Thêm", "Sửa", "Giữ nguyên"], counts)
    if differences.added:
        _heading("Dòng mới")
        new = [[TITLES[row.table], row.entry, row.name_vi] for row in differences.added]
        show_table(["Bảng", "Mã", "Tên"], new)
    if differences.changed:
        _heading("Dòng sửa")
        show_table(["Bảng", "Mã", "Cột", "Trước", "Sau"], _cells(differences.changed))
    if differences.tariffs:
        _heading("Mức thu và miễn giảm")
        tariffs = [
            [f"{t.on:%d/%m/%Y}", t.code, t.before_vi or _NOTHING, t.after_vi or _NOTHING]
            for t in differences.tariffs
        ]
        show_table(["Từ ngày", "Mã", "Trước", "Sau"], tariffs)
    for warning in differences.warnings:
        typer.echo(f"Lưu ý: {warning}")


def show_refusal(refused: FileRefused) -> None:
    """Print why a file was not taken, on standard error: one line, then a row for each fault."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(refused.detail, markup=False)
    for fault in refused.faults:
        console.print(f"  {fault.words}", markup=False)


def counted(differences: Differences) -> str:
    """How many rows are new and how many change: "3 / 12"."""
    return f"{len(differences.added)} / {len(differences.changed)}"


def _heading(text: str) -> None:
    typer.echo(f"\n{text}")


def _cells(rows: Sequence[RowChange]) -> list[list[object]]:
    return [
        [TITLES[row.table], row.entry, cell.title, cell.before or _NOTHING, cell.after or _NOTHING]
        for row in rows
        for cell in row.columns
    ]
