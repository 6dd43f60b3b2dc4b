"""A day of five million payments and as many lines, within two gigabytes.

The whole of `reconcile files` in a process of its own, as `match_1m` measures it, its results held
against the generator's truth. What counts is the most memory that the process held; what does not
fit is spilled to disk, which costs time.
"""

from typing import Any, Final

from bench.match_1m import generate, measure

PAYMENTS: Final = 5_000_000
LIMIT_MB: Final = 2048


def run() -> dict[str, Any]:
    """Measure, and give the line of var/bench.json. Raises AssertionError over the limit."""
    day = generate(PAYMENTS)
    floor = measure("floor", day)
    ours = measure("ours", day)
    peak = round(ours["peak_rss_mb"])
    if peak > LIMIT_MB:
        raise AssertionError(f"{PAYMENTS} payments took {peak} MiB, more than {LIMIT_MB}")
    return {
        "name": "match_5m",
        "value": peak,
        "unit": "MiB",
        "floor": round(floor["peak_rss_mb"]),
        "floor_what": "DuckDB alone: both files scanned, joined once, counted (without a limit)",
        "ratio": round(ours["peak_rss_mb"] / floor["peak_rss_mb"], 2),
        "peers": {},
        "limit_mb": LIMIT_MB,
        "seconds": round(ours["seconds"], 2),
        "floor_seconds": round(floor["seconds"], 2),
        "seconds_ratio": round(ours["seconds"] / floor["seconds"], 2),
    }
