"""The file that the benchmarks leave behind, and the table that a person reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

#: what each benchmark's `run()` gives, at least; `ratio` is value / floor
FIELDS = ("name", "value", "unit", "floor", "floor_what", "ratio", "peers")

Result = Mapping[str, Any]


def merge(path: Path, result: Result) -> list[Result]:
    """Put a result into the list at `path`, in place of an earlier one of its name.

    Raises ValueError if a field is missing: a figure without its floor says nothing. The file is
    whole at every moment; one that is not there yet is begun.
    """
    missing = [field for field in FIELDS if field not in result]
    if missing:
        raise ValueError(f"benchmark {result.get('name')}: no {', '.join(missing)}")
    known: list[Result] = json.loads(path.read_text("utf-8")) if path.exists() else []
    results = [*(each for each in known if each["name"] != result["name"]), result]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    text = json.dumps(results, ensure_ascii=False, indent=2)
    unfinished.write_text(text + "\n", "utf-8")
    unfinished.replace(path)
    return results


def table(results: Sequence[Result]) -> Table:
    """One row for each benchmark, one more for each of its peers and further figures."""
    drawn = Table("benchmark", "figure", "unit", "what")
    drawn.columns[1].justify = "right"
    for result in results:
        drawn.add_section()
        drawn.add_row(result["name"], _figure(result["value"]), result["unit"], "ours")
        drawn.add_row("", _figure(result["floor"]), result["unit"], result["floor_what"])
        drawn.add_row("", _figure(result["ratio"]), "", "ours / floor")
        for peer, value in result["peers"].items():
            drawn.add_row("", _figure(value), result["unit"], peer)
        for name, value in result.items():
            if name not in FIELDS:
                drawn.add_row("", _figure(value), "", name)
    return drawn


def page(results: Sequence[Result]) -> str:
    """The same in Markdown: a table of all, then what else each has found."""
    rows = [
        f"| [{one['name']}](#{one['name']}) | {_figure(one['value'])} {one['unit']}"
        f" | {_figure(one['floor'])} | {_figure(one['ratio'])} | {one['floor_what']} |"
        for one in results
    ]
    head = "| | ours | floor | times the floor | what the floor is |\n|---|---:|---:|---:|---|"
    parts = ["\n".join((head, *rows))]
    for one in results:
        others = {key: value for key, value in one.items() if key not in FIELDS}
        told = _told({**one["peers"], **others})
        parts.append("\n".join((f"## {one['name']}", "", *(told or ["Nothing else."]))))
    return "\n\n".join(parts) + "\n"


def _told(values: Mapping[str, object], under: str = "") -> list[str]:
    """A line for each figure; those that belong together one below the other."""
    lines: list[str] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{under}- {name}:", *_told(value, under + "  ")]
        else:
            lines.append(f"{under}- {name}: {_figure(value)}")
    return lines


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
