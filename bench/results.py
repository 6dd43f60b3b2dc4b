"""The file that the benchmarks leave behind, and the table that a person reads."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.table import Table

#: what each benchmark's `run()` gives, at least; `ratio` is value / floor
FIELDS: Final = ("name", "value", "unit", "floor", "floor_what", "ratio", "peers")
#: what `stamp` adds
STAMP: Final = ("measured_on", "measured_at", "measured_by")

Result = Mapping[str, Any]


def stamp() -> Result:
    """When something is measured, of which revision, on what machine: the day (UTC), the commit,
    and cores, processor and memory."""
    revision = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"), check=True, capture_output=True, text=True
    ).stdout.strip()
    today = datetime.now(UTC).date().isoformat()
    return dict(zip(STAMP, (today, revision, _machine()), strict=True))


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB"


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
            if name not in FIELDS + STAMP:
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
        others = {key: value for key, value in one.items() if key not in FIELDS + STAMP}
        measured = (
            f"Measured on {one['measured_on']} at {one['measured_at']}: {one['measured_by']}."
        )
        told = _told({**one["peers"], **others})
        parts.append("\n".join((f"## {one['name']}", "", measured, *(["", *told] if told else []))))
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
