"""Draws docs/figures.md from the newest figure of each benchmark: python -m bench.figures.

What `make bench` found here is put in place of what docs/figures.json has of the same name, unless
that is of a later day: a figure stays until it is measured again, and says when and of which commit
it was measured.
"""

import json
from pathlib import Path
from typing import Any, Final

from bench import results
from bench.__main__ import NAMES
from bench.__main__ import OUTPUT as FOUND

PAGE: Final = Path(__file__).parents[1] / "docs" / "figures.md"
KEPT: Final = PAGE.with_suffix(".json")

_HEAD: Final = """# How fast it is

Drawn by `make figures` from what `make bench` found; nothing here is written by hand. Each
figure stands beside its floor, measured in the same run: what the work costs where only that is
done. *Times the floor* is the first divided by the second; of a rate, more is better. A machine
that others use moves both, and the first more than the second. Each is the newest that was
measured; below the table stands when, of which commit and on what machine.
"""


def main() -> None:
    """Keep what was found, and write the page anew from every figure that is kept."""
    known = _known(KEPT)
    for name, found in _known(FOUND).items():
        # One that does not say when it was measured is older than all that do.
        if found.get("measured_on", "") >= known.get(name, {}).get("measured_on", "1"):
            results.merge(KEPT, found)
    known = _known(KEPT)
    drawn = [known[name] for name in NAMES if name in known]
    PAGE.write_text(f"{_HEAD}\n{results.page(drawn)}", "utf-8")


def _known(path: Path) -> dict[str, dict[str, Any]]:
    found = json.loads(path.read_text("utf-8")) if path.exists() else []
    return {each["name"]: each for each in found}


if __name__ == "__main__":
    main()
