"""How commands speak: one clear line on failure, JSON on request, asynchronous work from here."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table

from app.wiring import Parts, parts_of
from core.errors import LephiError
from core.settings import Settings, load

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

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


def show(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their headings, as wide as they need."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)


def settings_or_fail() -> Settings:
    """The settings of the environment; ends with every fault if they are wrong."""
    try:
        return load()
    except LephiError as error:
        fail(error)


def with_parts(work: Callable[[Parts], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run asynchronous work with everything wired; an expected failure is one line and exit 1."""
    chosen = settings or settings_or_fail()

    async def main() -> T:
        async with parts_of(chosen) as parts:
            return await work(parts)

    try:
        return asyncio.run(main())
    except LephiError as error:
        fail(error)
