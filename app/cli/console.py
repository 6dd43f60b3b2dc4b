"""How commands speak: one clear line on failure, JSON on request, plain tables."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table

from core.errors import LephiError
from core.file_names import name_fault, path_fault

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WithParent = Annotated[
    int, typer.Option("--with-parent", hidden=True, help="Pid of the parent to end with.")
]

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(error: LephiError | str, *, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error, a line for each fault, and end."""
    if isinstance(error, str):
        _errors.print(error, markup=False)
    else:
        _errors.print(error.detail, markup=False)
        for fault in error.errors:
            line = f"  {fault.field}: {fault.detail}"
            if line not in error.detail:
                _errors.print(line, markup=False)
    raise typer.Exit(code)


def check_path(*paths: Path | None, is_kept: bool = False) -> None:
    """End with what is wrong with a file's name, where something is; None is no file.

    `is_kept` names go into the database.
    """
    for path in paths:
        if path is None:
            continue
        fault = path_fault(path) or (name_fault(path.name) if is_kept else None)
        if fault is not None:
            fail(fault[1])


def write_file(path: Path, content: bytes) -> None:
    """Write a file and print its name, or end with why it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    typer.echo(str(path))


def say(words: str) -> None:
    """Say something beside the answer, on standard error."""
    _errors.print(words, markup=False)


def show(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their headings, as wide as they need."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # What stands in brackets is text: it may come from a file or a payer.
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(table)
