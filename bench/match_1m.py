"""One business day of a million payments: the whole of `reconcile files`, beside DuckDB alone.

The files are generated once, with the noise that real statements have, and kept in var/bench,
beside their truth: of each payment its class and, of one that has to match, the line. Every
measurement is a fresh process; ours and the floor take turns, and medians are compared. What ours
has written is held against the truth each time, after the clock has stopped: one payment in
another class, or one match with another line, and there is no figure.
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
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from bench.memory import own_peak_mib
from core import references
from core.calendar import CUT_OFF
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
_MATCH_COLUMNS = dict.fromkeys(("payment_id", "line_id", "reference", "amount", "rule"), "VARCHAR")
_ODD_COLUMNS = dict.fromkeys(
    ("side", "id", "class", "reference", "amount", "other_amount", "reason"), "VARCHAR"
)
_DIALECT = "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"'"
#: `line_id` is empty but for what has to match.
_TRUTH_COLUMNS = ("payment_id", "class", "line_id")
_SETTLING = ("matched", "late")
#: Whose it is (-1: nobody's), when booked, amount, direction, reference, narrative.
_Row = tuple[int, datetime, int, str, str, str]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """A day in files: its payments, the lines of its ledger, and the truth (`_TRUTH_COLUMNS`)."""

    payments: Path
    lines: Path
    truth: Path


def run() -> dict[str, Any]:
    """Measure, and give the line of var/bench.json."""
    day = generate(PAYMENTS)
    ours: list[dict[str, float]] = []
    floors: list[dict[str, float]] = []
    narrow: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        floors.append(measure("floor", day))
        ours.append(measure("ours", day))
        narrow.append(measure("narrow", day))
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


def generate(count: int) -> DayFiles:
    """The files of a day of `count` payments, made once; always the same ones."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    names = ("payments", "lines", "truth")
    day = DayFiles(*(_FOLDER / f"{name}_{count}.csv" for name in names))
    # Written beside their place and moved, the truth last: half a file would be measured for ever.
    half = DayFiles(*(_FOLDER / f"{name}_{count}.part" for name in names))
    if not day.truth.exists():
        _generate(count, half)
        half.payments.rename(day.payments)
        half.lines.rename(day.lines)
        half.truth.rename(day.truth)
    return day


def _generate(count: int, day: DayFiles) -> None:
    noise = random.Random(20261102)
    midnight = datetime.combine(ON, datetime.min.time(), VIETNAM)
    given: set[str] = set()
    rows: list[_Row] = []
    classes: list[str] = []
    ids: list[str] = []
    with day.payments.open("w", encoding="utf-8", newline="") as file:
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
            own = _lines_of(noise, number, reference, amount, paid_at)
            rows += own
            ids.append(payment_id)
            classes.append(_class_of(amount, paid_at, own))
    for _ in range(count * 3 // 1000):
        booked_at = midnight + timedelta(seconds=noise.randrange(86_400))
        unknown = _new_reference(noise, given) if noise.random() < 0.5 else ""
        rows.append((-1, booked_at, noise.choice(_PRICES), "credit", unknown, "CT DEN KHAC"))
    for hour in range(17, 23):
        at = midnight + timedelta(hours=hour)
        rows.append((-1, at, 10_000_000, "debit", "", "KET CHUYEN NHNN"))
    noise.shuffle(rows)
    line_of: dict[int, str] = {}
    with day.lines.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_LINE_COLUMNS)
        for place, (number, booked_at, *rest) in enumerate(rows):
            line_of[number] = f"L{place:010d}"
            writer.writerow((line_of[number], booked_at.isoformat(), *rest, f"FT{place:012d}"))
    with day.truth.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_TRUTH_COLUMNS)
        for number, (payment_id, kind) in enumerate(zip(ids, classes, strict=True)):
            its_line = line_of[number] if kind in _SETTLING else ""
            writer.writerow((payment_id, kind, its_line))


def _class_of(amount: int, paid_at: datetime, own: list[_Row]) -> str:
    """What has to become of a payment with these lines, by the rules as docs/reconcile.md says."""
    if len(own) != 1:
        return "duplicate" if own else "missing_in_ledger"
    ((_, booked_at, credited, *_),) = own
    if credited != amount:
        return "amount_mismatch"
    due = ON if paid_at.time() < CUT_OFF else ON + timedelta(days=1)  # a Monday, a Tuesday
    return "late" if booked_at.date() > due else "matched"


def _new_reference(noise: random.Random, given: set[str]) -> str:
    while True:
        body = "".join(noise.choices(references.ALPHABET, k=references.BODY_LENGTH))
        if body not in given:
            given.add(body)
            return f"{references.PREFIX}{body}{references.check_characters(body)}"


def _lines_of(
    noise: random.Random, number: int, reference: str, amount: int, paid_at: datetime
) -> list[_Row]:
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
    return [(number, booked_at, amount, "credit", field, narrative)] * times


def measure(what: str, day: DayFiles) -> dict[str, float]:
    """Seconds, seconds of processor and peak MiB of one run: `ours`, `floor` or `narrow`."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.match_1m", what, *map(str, astuple(day))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def _scan_and_join(day: DayFiles, *, every_column: bool) -> None:
    """The floor: what reading these two files and joining them costs DuckDB, and nothing more."""
    connection = duckdb.connect()
    columns = [f"p.{name}" for name in _PAYMENT_COLUMNS] + [f"l.{name}" for name in _LINE_COLUMNS]
    counts = ", ".join(f"count({column})" for column in columns) if every_column else "count(*)"
    connection.execute(f"""
        SELECT {counts}
        FROM read_csv('{day.payments}', columns = {_PAYMENT_COLUMNS}, {_DIALECT}) AS p
        JOIN read_csv('{day.lines}', columns = {_LINE_COLUMNS}, {_DIALECT}) AS l
        ON p.reference = l.reference
    """).fetchall()
    connection.close()


def check(day: DayFiles, out: Path) -> None:
    """Hold results against the truth. Raises AssertionError where one payment is not as it is."""
    with duckdb.connect() as connection:
        for name, path in (("truth", day.truth), ("odd", out / "discrepancies.csv")):
            columns = dict.fromkeys(_TRUTH_COLUMNS, "VARCHAR") if name == "truth" else _ODD_COLUMNS
            read = f"read_csv('{path}', columns = {columns}, {_DIALECT})"
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {read}")
        read = f"read_csv('{out / 'matches.csv'}', columns = {_MATCH_COLUMNS}, {_DIALECT})"
        wrong = connection.execute(f"""
            WITH pairs AS (
                SELECT payment_id, line_id, FALSE AS told FROM {read}
                UNION ALL
                SELECT payment_id, line_id, TRUE FROM truth WHERE class IN {_SETTLING}
            ), classes AS (
                SELECT id, class, FALSE AS told FROM odd WHERE side = 'payment'
                UNION ALL
                SELECT payment_id, class, TRUE FROM truth WHERE class <> 'matched'
            )
            SELECT
                (SELECT count(*) FROM (
                    FROM pairs SELECT 1 GROUP BY payment_id, line_id HAVING count(*) <> 2
                    OR count(DISTINCT told) <> 2)),
                (SELECT count(*) FROM (
                    FROM classes SELECT 1 GROUP BY id, class HAVING count(*) <> 2
                    OR count(DISTINCT told) <> 2))
        """).fetchone()
    if wrong != (0, 0):
        raise AssertionError(f"not as the truth has it: matches, classes = {wrong}")


def _child(what: str, day: DayFiles) -> None:
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        out = Path(folder) / "out"
        before = time.perf_counter()
        if what == "ours":
            from reconciliation.matching.files import reconcile_files

            reconcile_files(day.payments, day.lines, ON, out)
        else:
            _scan_and_join(day, every_column=what == "floor")
        seconds = time.perf_counter() - before
        usage = resource.getrusage(resource.RUSAGE_SELF)
        peak = own_peak_mib()
        if what == "ours":
            check(day, out)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_rss_mb": peak,
            }
        )
    )


if __name__ == "__main__":
    if len(sys.argv) == 5:
        _child(sys.argv[1], DayFiles(*map(Path, sys.argv[2:])))
    else:
        print(json.dumps(run(), indent=2))
