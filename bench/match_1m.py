"""One business day of a million payments: the whole of `reconcile files`, beside DuckDB alone.

The files are generated once, with the noise that real statements have, and kept in var/bench.
Every measurement is a fresh process; ours and the floor take turns, and medians are compared.
"""

import csv
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from core import references
from core.clock import VIETNAM

PAYMENTS: Final = 1_000_000
ROUNDS: Final = 5
ON: Final = date(2026, 11, 2)

_FOLDER = Path("var/bench")
_PRICES = (2000, 5000, 8000, 10000, 15000, 20000, 30000, 50000, 100000, 150000)
_PAYMENT_COLUMNS = {
    "payment_id": "VARCHAR",
    "reference": "VARCHAR",
    "amount": "BIGINT",
    "paid_at": "TIMESTAMPTZ",
    "gateway": "VARCHAR",
    "gateway_ref": "VARCHAR",
}
_LINE_COLUMNS = {
    "line_id": "VARCHAR",
    "booked_at": "TIMESTAMPTZ",
    "amount": "BIGINT",
    "direction": "VARCHAR",
    "reference": "VARCHAR",
    "narrative": "VARCHAR",
    "bank_ref": "VARCHAR",
}


def run() -> dict[str, Any]:
    """Measure, and give the line of var/bench.json."""
    payments, lines = generate(PAYMENTS)
    ours: list[dict[str, float]] = []
    floors: list[dict[str, float]] = []
    narrow: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        floors.append(_measure("floor", payments, lines))
        ours.append(_measure("ours", payments, lines))
        narrow.append(_measure("narrow", payments, lines))
    value = statistics.median(figure["seconds"] for figure in ours)
    floor = statistics.median(figure["seconds"] for figure in floors)
    return {
        "name": "match_1m",
        "value": round(value, 3),
        "unit": "s",
        "floor": round(floor, 3),
        "floor_what": (
            "DuckDB alone, in a process of its own: both files scanned with every column read as"
            " its type, joined once on the reference, counted; nothing checked or written"
        ),
        "ratio": round(value / floor, 2),
        "peers": {
            "peak_rss_mb": round(max(figure["peak_rss_mb"] for figure in ours)),
            "floor_peak_rss_mb": round(max(figure["peak_rss_mb"] for figure in floors)),
            "scan_and_join_of_the_reference_column_only": round(
                statistics.median(figure["seconds"] for figure in narrow), 3
            ),
            "cpu_s": round(statistics.median(figure["cpu"] for figure in ours), 2),
            "floor_cpu_s": round(statistics.median(figure["cpu"] for figure in floors), 2),
        },
    }


def generate(count: int) -> tuple[Path, Path]:
    """The two files of a day of `count` payments, made once; always the same ones."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    payments = _FOLDER / f"payments_{count}.csv"
    lines = _FOLDER / f"lines_{count}.csv"
    if not (payments.exists() and lines.exists()):
        _generate(count, payments, lines)
    return payments, lines


def _generate(count: int, payments: Path, lines: Path) -> None:
    noise = random.Random(20261102)
    midnight = datetime.combine(ON, datetime.min.time(), VIETNAM)
    given: set[str] = set()
    rows: list[tuple[object, ...]] = []
    # Written beside their place and moved: half a file would be measured for ever.
    half_payments, half_lines = payments.with_suffix(".part"), lines.with_suffix(".part")
    with half_payments.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_PAYMENT_COLUMNS)
        for number in range(count):
            reference = _new_reference(noise, given)
            amount = noise.choice(_PRICES)
            paid_at = midnight + timedelta(seconds=noise.randrange(86_400))
            payment_id = f"pay_{0x019A40000000 + number:012x}7{noise.getrandbits(76):019x}"
            writer.writerow(
                (payment_id, reference, amount, paid_at.isoformat(), "paygov", f"PG{number:012d}")
            )
            rows += _lines_of(noise, number, reference, amount, paid_at)
    for _ in range(count * 3 // 1000):
        booked_at = midnight + timedelta(seconds=noise.randrange(86_400))
        unknown = _new_reference(noise, given) if noise.random() < 0.5 else ""
        rows.append((booked_at, noise.choice(_PRICES), "credit", unknown, "CT DEN KHAC"))
    for hour in range(17, 23):
        sweep = (midnight + timedelta(hours=hour), 10_000_000, "debit", "", "KET CHUYEN NHNN")
        rows.append(sweep)
    noise.shuffle(rows)
    with half_lines.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_LINE_COLUMNS)
        writer.writerows(
            (f"L{number:010d}", booked_at.isoformat(), *rest, f"FT{number:012d}")
            for number, (booked_at, *rest) in enumerate(rows)
            if isinstance(booked_at, datetime)
        )
    half_payments.rename(payments)
    half_lines.rename(lines)


def _new_reference(noise: random.Random, given: set[str]) -> str:
    while True:
        body = "".join(noise.choices(references.ALPHABET, k=references.BODY_LENGTH))
        if body not in given:
            given.add(body)
            return f"{references.PREFIX}{body}{references.check_characters(body)}"


def _lines_of(
    noise: random.Random, number: int, reference: str, amount: int, paid_at: datetime
) -> list[tuple[object, ...]]:
    """The ledger lines of one payment, with the noise of a real day."""
    chance = noise.random()
    booked_at = paid_at + timedelta(seconds=noise.randrange(5, 3_600))
    narrative = f"CT DEN:{number % 10_000:04d} LE PHI TOI 0011004"
    field = reference
    times = 1
    if chance < 0.005:
        return []
    if chance < 0.007:
        amount += noise.choice((-1000, 1000))
    elif chance < 0.009:
        times = 2
    elif chance < 0.019:
        field = ""
        said = reference if noise.random() < 0.5 else reference.lower()
        if noise.random() < 0.25:
            place = noise.randrange(1, len(said))
            said = f"{said[:place]} {said[place:]}"
        narrative = f"MBVCB.{number}.{said}.CT tu 0011 NGUYEN VAN A toi 0022"
    elif chance < 0.029:
        booked_at += timedelta(days=1)
    return [(booked_at, amount, "credit", field, narrative)] * times


def _measure(what: str, payments: Path, lines: Path) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, "-m", "bench.match_1m", what, str(payments), str(lines)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def _scan_and_join(payments: Path, lines: Path, *, every_column: bool) -> None:
    """The floor: what reading these two files and joining them costs DuckDB, and nothing more."""
    connection = duckdb.connect()
    columns = [f"p.{name}" for name in _PAYMENT_COLUMNS] + [f"l.{name}" for name in _LINE_COLUMNS]
    counts = ", ".join(f"count({column})" for column in columns) if every_column else "count(*)"
    options = "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"'"
    connection.execute(f"""
        SELECT {counts}
        FROM read_csv('{payments}', columns = {_PAYMENT_COLUMNS}, {options}) AS p
        JOIN read_csv('{lines}', columns = {_LINE_COLUMNS}, {options}) AS l
        ON p.reference = l.reference
    """).fetchall()
    connection.close()


def _reconcile(payments: Path, lines: Path) -> None:
    from reconciliation.files import reconcile_files

    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        reconcile_files(payments, lines, ON, Path(folder) / "out")


def _child(what: str, payments: Path, lines: Path) -> None:
    before = time.perf_counter()
    if what == "ours":
        _reconcile(payments, lines)
    else:
        _scan_and_join(payments, lines, every_column=what == "floor")
    seconds = time.perf_counter() - before
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_rss_mb": usage.ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _child(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(run(), indent=2))
