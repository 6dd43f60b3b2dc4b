"""A whole day of a million payments, in the database: all three comparisons, results stored.

Half the money came to the account one by one, half through gateways, which pay over in batches net
of fees. Taken in are the statement and the settlements, as files; then the day is reconciled and
looked at: payments with settlement lines, batches with credits, credits with payments. Beside it
pandas merges the same three files and stores what it found; it checks nothing.

Whoever is measured is a process of its own, its memory with that of all that it has begun; the
server's is not counted. What was matched is held against the truth.
"""

import asyncio
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from app.migrations.run import upgrade
from app.seed.agency import configure_gateway, seed_body
from app.settlement_layouts import settlement_layouts
from app.wiring import parts_of
from bench.labelled_day import ON, PRICES
from bench.memory import peak_of
from bench.server import durable_server
from core.clock import VIETNAM, business_date, now
from core.references import ALPHABET, BODY_LENGTH, PREFIX, check_characters
from core.settings import Settings
from payments.agencies.commands import set_settlement_words
from payments.agencies.queries import get_collection_account, list_gateway_names
from reconciliation.days.commands import reconcile
from reconciliation.days.settlements import view_day
from reconciliation.formats.settlement_layouts import get_layout
from reconciliation.settlements.intake import take_settlement
from reconciliation.settlements.preparing import prepare_settlement
from reconciliation.statements.preparing import prepare
from reconciliation.statements.taking import take_statement

PAYMENTS: Final = 1_000_000
#: A file of a gateway holds a batch, which is what its day comes to.
BATCH: Final = 50_000
_LOST, _WRONG = 0.005, 0.002
_WORDS: Final = "VNPAY QUYET TOAN"
_FOLDER: Final = Path("var/bench")
_MONEY = (
    *("id", "kind", "agency_id", "bill_id", "gateway", "gateway_account_id"),
    *("collection_account_id", "status", "amount", "credited", "order_ref", "gateway_ref"),
    *("settlement_key", "reference", "created_at", "paid_at", "accounting_on", "asked"),
)
_BILL = (
    *("id", "agency_id", "reference", "status", "amount", "channel", "language", "extra"),
    *("created_at", "opened_on", "paid_at"),
)


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a measured process finds its work."""

    url: str
    data_dir: str
    account: str
    folder: str


def run(count: int = PAYMENTS) -> dict[str, Any]:
    """Seconds and memory of the day, and of pandas, in one run."""
    with durable_server() as (server, folder):
        upgrade(server.url())
        settings = _settings(server.url(), str(folder))
        files = folder / "files"
        files.mkdir()
        account = asyncio.run(_seed(settings, files, count))
        where = _Where(server.url(), str(folder), account, str(files))
        ours, our_peak = _child("ours", where)
        theirs, their_peak = _child("pandas", where)
        _check(server.url(), ours, count)
    seconds = ours["reconciled"] + ours["viewed"]
    return {
        "name": "day_1m",
        "value": round(seconds, 1),
        "unit": "s",
        "floor": round(theirs["seconds"], 1),
        "floor_what": "pandas: three files read, three merges, what they give stored by COPY",
        "ratio": round(seconds / theirs["seconds"], 2),
        "peers": {},
        "payments": count,
        "taken_in_s": round(ours["taken_in"], 1),
        "reconciled_s": round(ours["reconciled"], 1),
        "viewed_s": round(ours["viewed"], 1),
        "peak_mib": our_peak,
        "pandas_peak_mib": their_peak,
        "classes": ours["classes"],
    }


def _settings(url: str, data_dir: str) -> Settings:
    return Settings(mode="demo", database_url=url, data_dir=Path(data_dir), log_level="error")


async def _seed(settings: Settings, files: Path, count: int) -> str:
    """The body, its gateway, the day's payments and files; the account's id."""
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        body = await seed_body(session)
        gateway = await configure_gateway(
            session,
            parts.cipher,
            agency_id=body.agency_id,
            collection_account_id=body.collection_account_id,
            gateway="vnpay",
            account="bench",
            base_url="http://127.0.0.1:1",
            credentials={"tmn_code": "BENCHTM1", "hash_secret": "secretofabench"},
        )
        await set_settlement_words(
            session, body.collection_account_id, [_WORDS], actor="system:bench"
        )
    url = settings.database_url or ""
    ids = (body.agency_id, body.collection_account_id, gateway)
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        # The books of a real day grow with it; their checks are others' benchmarks.
        connection.execute("SET session_replication_role = replica")
        for table, columns, rows in (
            ("bill", _BILL, _bills(ids, count)),
            ("payment", _MONEY, _payments(ids, count)),
        ):
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with connection.cursor().copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("ANALYZE")
    _write_files(files, count)
    return body.collection_account_id


def _references(count: int) -> Iterator[str]:
    noise = random.Random(20261102)
    for _ in range(count):
        body = "".join(noise.choices(ALPHABET, k=BODY_LENGTH))
        yield f"{PREFIX}{body}{check_characters(body)}"


def _paid_at(number: int) -> datetime:
    begin = datetime.combine(ON, datetime.min.time(), VIETNAM) + timedelta(hours=7)
    return begin + timedelta(seconds=number % 28_000)


def _is_direct(number: int) -> bool:
    return number % 2 == 0


def _bills(ids: tuple[str, str, str], count: int) -> Iterator[tuple[object, ...]]:
    for number, reference in enumerate(_references(count)):
        at = _paid_at(number)
        amount = PRICES[number % len(PRICES)]
        yield (
            *(f"bill_{number:09d}", ids[0], reference, "paid", amount, "api", "vi", "{}"),
            *(at, ON, at),
        )


def _payments(ids: tuple[str, str, str], count: int) -> Iterator[tuple[object, ...]]:
    for number, reference in enumerate(_references(count)):
        direct, at, amount = _is_direct(number), _paid_at(number), PRICES[number % len(PRICES)]
        yield (
            *(f"pay_{number:09d}", "credit" if direct else "attempt", ids[0]),
            *(f"bill_{number:09d}", "bank" if direct else "vnpay", None if direct else ids[2]),
            *(ids[1], "succeeded", amount, amount, None if direct else f"LE{number:09d}"),
            *(f"FEED{number:09d}" if direct else f"G{number:09d}", f"key_{number}"),
            *(reference if direct else None, at, at, ON, 0),
        )


def _write_files(folder: Path, count: int) -> None:
    noise = random.Random(20261103)
    batches: list[list[tuple[int, int]]] = []
    with (folder / "lines.csv").open("w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        head = ("line_id", "booked_at", "amount", "direction", "reference", "narrative", "bank_ref")
        writer.writerow(head)
        for number, reference in enumerate(_references(count)):
            amount, chance = PRICES[number % len(PRICES)], noise.random()
            if not _is_direct(number):
                if not batches or len(batches[-1]) == BATCH:
                    batches.append([])
                batches[-1].append((number, amount))
                continue
            if chance < _LOST:
                continue
            amount += 1000 if chance < _LOST + _WRONG else 0
            field, words = (reference, "LE PHI") if chance < 0.99 else ("", f"ND {reference} CT")
            at = (_paid_at(number) + timedelta(seconds=40)).isoformat()
            writer.writerow((number, at, amount, "credit", field, words, f"FT{number:09d}"))
        for place, batch in enumerate(batches):
            net = sum(amount - _fee(amount) for _, amount in batch)
            words = f"{_WORDS} LO{ON:%y%m%d}{place:03d}"
            at = _paid_at(27_999).isoformat()
            writer.writerow((f"B{place}", at, net, "credit", "", words, f"FTB{place:09d}"))
    columns = ("batch_ref", "settled_on", "kind", "order_ref", "gateway_ref")
    for place, batch in enumerate(batches):
        with (folder / f"settlement_{place:03d}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*columns, "amount", "fee", "net", "paid_at"))
            for number, amount in batch:
                own = (f"LO{ON:%y%m%d}{place:03d}", ON.isoformat(), "payment", f"LE{number:09d}")
                money = (amount, _fee(amount), amount - _fee(amount))
                writer.writerow((*own, f"G{number:09d}", *money, _paid_at(number).isoformat()))


def _fee(amount: int) -> int:
    return amount * 11 // 1000


def _child(what: str, where: _Where) -> tuple[dict[str, Any], int]:
    """What a process of its own answers, and the most memory that it held with its children."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.day_1m", what, *astuple(where)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with peak_of(child.pid) as peak:
        told, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{what} ended with {child.returncode}")
    figures: dict[str, Any] = json.loads(told.splitlines()[-1])
    return figures, peak.together


def _check(url: str, ours: dict[str, Any], count: int) -> None:
    """Hold what is in the database against the truth. Raises AssertionError."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE l.bank_ref <> 'FT' || substr(m.payment_id, 5))"
            " FROM match m JOIN statement_line l ON l.id = m.line_id"
            " WHERE m.payment_id LIKE 'pay\\_%' AND l.bank_ref NOT LIKE 'FTB%'"
        ).fetchone()
    noise = random.Random(20261103)
    chances = [noise.random() for _ in range(count)]
    direct = [chance for number, chance in enumerate(chances) if _is_direct(number)]
    right = sum(chance >= _LOST + _WRONG for chance in direct)
    batches = -(-(count - len(direct)) // BATCH)
    if row != (right, 0) or ours["batches"] != {"matched": batches}:
        raise AssertionError(f"not as the truth has it: {row}, {ours}; {right}, {batches}")
    if ours["settled"] != {"matched": count - len(direct)}:
        raise AssertionError(f"settlement lines: {ours['settled']}")


def _files(folder: Path) -> list[Path]:
    return [folder / "lines.csv", *sorted(folder.glob("settlement_*.csv"))]


async def _ours(where: _Where) -> dict[str, Any]:
    told = dict[str, Any]()
    lines, *settlements = _files(Path(where.folder))
    async with parts_of(_settings(where.url, where.data_dir)) as parts:
        database = parts.database
        async with database.reading() as session:
            account = await get_collection_account(session, where.account)
            (gateway,) = await list_gateway_names(session, where.account)
        today, begun = business_date(now()), time.perf_counter()
        statement = prepare(lines.read_bytes(), "lephi-basic", account, today, cipher=parts.cipher)
        async with database.transaction() as session:
            await take_statement(
                session, account, statement, file_name="lines.csv", actor="system:bench"
            )
        layout = get_layout(settlement_layouts(), "lephi-settlement", today)
        for file in settlements:
            settlement = prepare_settlement(file.read_bytes(), layout, today)
            async with database.transaction() as session:
                await take_settlement(
                    session, gateway, settlement, file_name=file.name, actor="system:bench"
                )
        told["taken_in"], begun = time.perf_counter() - begun, time.perf_counter()
        run_id = await reconcile(parts.reconciling, account, ON, actor="system:bench")
        told["reconciled"], begun = time.perf_counter() - begun, time.perf_counter()
        async with database.reading() as session:
            day = await view_day(session, parts.cipher, parts.reconciling.calendar, account, ON)
        told["viewed"] = time.perf_counter() - begun
        if day.run != run_id:
            raise AssertionError("another run stands")
    told["classes"] = {name: one["count"] for name, one in day.summary.items() if one["count"]}
    told["batches"] = _counts(batch.kind for batch in day.batches)
    told["settled"] = _counts(place.kind for one in day.settlements for place in one.places)
    return told


def _counts(kinds: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in kinds:
        found[kind] = found.get(kind, 0) + 1
    return found


def _pandas(where: _Where) -> dict[str, Any]:
    import io

    import pandas as pd

    folder = Path(where.folder)
    with psycopg.connect(where.url.replace("+psycopg", "", 1), autocommit=True) as connection:
        # The payments as a file, which is how pandas would be given them.
        query = (
            "COPY (SELECT id, reference, amount, gateway, gateway_ref FROM payment)"
            " TO STDOUT (FORMAT csv, HEADER)"
        )
        with (
            (folder / "payments.csv").open("wb") as file,
            connection.cursor().copy(query) as copy,
        ):
            for piece in copy:
                file.write(piece)
        begun = time.perf_counter()
        payments = pd.read_csv(folder / "payments.csv")
        lines = pd.read_csv(folder / "lines.csv", dtype={"line_id": str})
        settled = pd.concat(pd.read_csv(file) for file in sorted(folder.glob("settlement_*.csv")))
        direct = payments[payments.gateway == "bank"]
        named = lines.narrative.str.extract(f"({PREFIX}[{ALPHABET}]{{12}})")[0]
        lines["key"] = lines.reference.fillna(named)
        first = direct.merge(
            lines, left_on="reference", right_on="key", how="outer", suffixes=("", "_line")
        )
        first["ok"] = first.amount == first.amount_line
        taken = payments[payments.gateway != "bank"]
        second = taken.merge(settled, on="gateway_ref", how="outer", suffixes=("", "_settled"))
        second["ok"] = second.amount == second.amount_settled
        sums = settled.groupby("batch_ref", as_index=False).net.sum()
        lines["batch_ref"] = lines.narrative.str.extract(r"(LO\d{9})")[0]
        third = sums.merge(lines, on="batch_ref", how="left")
        third["ok"] = third.net == third.amount
        connection.execute(
            "CREATE UNLOGGED TABLE merged (comparison int, a text, b text, amount text, ok text)"
        )
        for number, (found, columns) in enumerate(
            (
                (first, ["id", "line_id", "amount", "ok"]),
                (second, ["id", "order_ref", "amount", "ok"]),
                (third, ["batch_ref", "line_id", "net", "ok"]),
            )
        ):
            text = io.StringIO()
            found[columns].assign(comparison=number)[["comparison", *columns]].to_csv(
                text, header=False, index=False
            )
            with connection.cursor().copy("COPY merged FROM STDIN (FORMAT csv)") as copy:
                copy.write(text.getvalue())
        return {"seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    where = _Where(*sys.argv[2:])
    print(json.dumps(asyncio.run(_ours(where)) if sys.argv[1] == "ours" else _pandas(where)))
    sys.stdout.flush()
    os._exit(0)  # what a pool takes to end is not measured
