"""Draws docs/figures.md from var/bench.json: python -m bench.figures."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

from bench import results
from bench.__main__ import NAMES, OUTPUT

PAGE: Final = Path(__file__).parents[1] / "docs" / "figures.md"

_HEAD: Final = """# How fast it is

Drawn by `make figures` from what `make bench` found; nothing here is written by hand. Each
figure stands beside its floor, measured in the same run: what the work costs where only that is
done. *Times the floor* is the first divided by the second; of a rate, more is better. A machine
that others use moves both, and the first more than the second.
"""


def main() -> None:
    """Write the page anew from every figure that is kept."""
    known = {each["name"]: each for each in json.loads(OUTPUT.read_text("utf-8"))}
    found = [known[name] for name in NAMES if name in known]
    PAGE.write_text(f"{_HEAD}\n{_machine()}\n\n{results.page(found)}", "utf-8")


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    revision = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"), check=True, capture_output=True, text=True
    ).stdout.strip()
    return (
        f"Machine: {os.cpu_count()} cores ({models[0] if models else platform.machine()}),"
        f" {memory:.0f} GiB, Python {platform.python_version()}. Drawn at {revision}."
    )


if __name__ == "__main__":
    main()
