"""What a statement's file would say, on a terminal."""

import typer

from app.cli.console import show, show_table
from core.clock import VIETNAM
from core.json import dumps
from reconciliation.formats.preview import StatementPreview
from reconciliation.formats.proposing import PROPOSED
from reconciliation.statements.preview_schemas import PreviewOut

#: So much of a cell fits on a terminal.
_CELL = 40


def show_preview(shown: StatementPreview, *, as_json: bool) -> None:
    """Print a look into a file, with its layout to be changed and tried again; 1 on faults."""
    told = PreviewOut.of(shown)
    if as_json:
        show(told.model_dump())
    else:
        _print(told)
    if told.faults:
        raise typer.Exit(1)


def _print(told: PreviewOut) -> None:
    delimiter = repr(told.delimiter) if told.delimiter else "-"
    typer.echo(
        f"Định dạng {told.format}, bảng mã {told.encoding or '-'}, dấu phân cách {delimiter},"
        f" tiêu đề ở dòng {told.header_row or '-'}, mẫu {told.mapping or '-'}"
        f"{' (đề xuất)' if told.proposed else ''}."
    )
    if told.layout is not None and told.mapping == PROPOSED:
        typer.echo(dumps(told.layout).decode())
    for fault in told.faults:
        typer.echo(f"{fault.field}: {fault.detail}", err=True)
    if told.faults:
        width = max((len(row.cells) for row in told.raw_rows), default=0)
        cells = [
            [row.row, *(cell[:_CELL] for cell in row.cells), *[""] * (width - len(row.cells))]
            for row in told.raw_rows
        ]
        show_table(["Dòng", *(str(number + 1) for number in range(width))], cells)
        return
    lines = [
        [
            line.row,
            line.booked_at.astimezone(VIETNAM).isoformat(timespec="seconds"),
            line.amount if line.direction == "credit" else -line.amount,
            line.bank_ref,
            line.narrative[:_CELL],
        ]
        for line in told.lines
    ]
    show_table(["Dòng", "Thời điểm", "Số tiền", "Số tham chiếu", "Nội dung"], lines)
    typer.echo(f"{told.rows} dòng: vào {told.credited}, ra {told.debited} đồng.")
    for warning in told.warnings:
        typer.echo(f"Cảnh báo: {warning.detail}.")
    for note in told.notes:
        typer.echo(f"Lưu ý: {note}")
