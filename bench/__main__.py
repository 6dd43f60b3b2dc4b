"""Run the benchmarks: python -m bench [NAME …], all of them if none is named.

Each stands in a module of its name with `run() -> dict`, imported only when its turn comes. What
it finds goes into var/bench.json as soon as it is known, so one that fails costs no other's.
"""

import argparse
import importlib
from pathlib import Path

from rich.console import Console

from bench import results

NAMES = (
    *("bills", "qr", "intake", "match_1m", "match_5m", "match_accuracy", "day_1m", "pages"),
    *("staff", "xlsx_100k", "billing_100k", "vendor_page", "webhooks", "hanging", "books_1m"),
)
OUTPUT = Path(__file__).parents[1] / "var" / "bench.json"


def main() -> None:
    """Run what the command line names and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run the benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="the same")
    arguments = parser.parse_args()
    wanted = [*arguments.names, *arguments.only] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(NAMES)}")
    console = Console()
    found = []
    for name in wanted:
        with console.status(f"{name} …"):
            found.append(importlib.import_module(f"bench.{name}").run())
        results.merge(OUTPUT, {**found[-1], **results.stamp()})
    console.print(results.table(found))


if __name__ == "__main__":
    main()
