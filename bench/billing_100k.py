"""A market's month: a bill for each of 100,000 stalls, with what each owes for its place and waste.

What the run takes, and the most memory its process holds, beside one COPY of the very rows that it
wrote into the same tables, with their keys and checks, in a copy of the database as it was before.
`LEPHI_BENCH_STALLS` says how many stalls where there is no time for all.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.parts import Parts
from app.seed.agency import seed_body
from app.wiring import parts_of
from bench.memory import peak_of
from bench.server import durable_server
from core.settings import Settings
from payments.billing.commands import (
    NewContract,
    NewMarket,
    NewStall,
    NewVendor,
    add_contracts,
    add_stalls,
    add_vendors,
    create_market,
)
from payments.billing.markets import get_market
from payments.billing.periods import period_of
from payments.billing.runs import run_billing

STALLS: Final = int(os.environ.get("LEPHI_BENCH_STALLS", "100000"))
ROUNDS: Final = 3
_ACTOR: Final = "system:bench"
_MONTHS: Final = ("2026-11", "2026-12", "2027-01")
TARIFFS: Final = """
INSERT INTO stall_tariff (id, agency_id, market_class, kind, per, rate, frontage_surcharges,
  vat_included, vat_percent, basis, valid_from, created_at)
SELECT 'startariff_1', agency_id, 2, 'covered', 'day', 2000, '{500}', true, 0, 'QĐ 480/QĐ-UBND',
  '2026-01-01', now() FROM market;
INSERT INTO charge_tariff (id, market_id, kind, code, name, name_en, per, rate, vat_included,
  vat_percent, basis, valid_from, created_at)
SELECT 'rate_1', id, 'service', 'rac', 'Thu gom rác', 'Waste', 'month', 60000, true, 0, 'TB 1',
  '2026-01-01', now() FROM market;
"""
#: The tables that a run writes, with what tells a run's rows, in the order of their keys.
_WRITTEN: Final = {
    "reference": "reference IN (SELECT reference FROM bill WHERE {bills})",
    "bill": "{bills}",
    "bill_line": "bill_id IN (SELECT id FROM bill WHERE {bills})",
    "payer_data": "subject_id IN (SELECT id FROM bill WHERE {bills})",
    "audit_entry": "object_id IN (SELECT id FROM bill WHERE {bills})",
    "billing_run": "period = '{month}'",
    "charge": "period = '{month}'",
}
_GIVEN_BY_THE_TABLE: Final = {"audit_entry": {"id", "transaction"}}


def run() -> dict[str, Any]:
    """Seconds for a month of the market, the median of some months."""
    with durable_server() as (server, folder):
        return asyncio.run(_measure(server, folder))


async def _measure(server: EmbeddedDatabase, folder: Path) -> dict[str, Any]:
    upgrade(server.url())
    settings = Settings(
        mode="demo", database_url=server.url(), data_dir=folder, log_level="warning"
    )
    ours, floors, peaks = [], [], []
    async with parts_of(settings) as parts:
        market_id = await lay_out(parts)
        await parts.database.dispose()
        with server.connect("lephi") as connection:
            connection.execute(TARIFFS)
            connection.execute("VACUUM ANALYZE")
        with server.connect("postgres") as connection:
            connection.execute("CREATE DATABASE before_runs TEMPLATE lephi")
        async with parts.database.reading() as session:
            market = await get_market(session, market_id)
        for month in _MONTHS[:ROUNDS]:
            with peak_of(os.getpid()) as peak:
                begun = time.perf_counter()
                period = period_of("month", month)
                opened = period.first
                done = await run_billing(
                    parts.database,
                    parts.cipher,
                    market,
                    period,
                    actor=_ACTOR,
                    opened_on=opened,
                    readings_until=date(2026, 10, 31),
                )
                ours.append(time.perf_counter() - begun)
            if done.bills != STALLS:
                raise RuntimeError(f"{done.bills} bills of {STALLS} stalls")
            peaks.append(peak.own)
            floors.append(_copy(server, month))
    value, floor = statistics.median(ours), statistics.median(floors)
    return {
        "name": "billing_100k",
        "value": round(value, 2),
        "unit": f"s for {STALLS} stalls",
        "floor": round(floor, 2),
        "floor_what": "one COPY of the same rows into the same tables, keys and checks on",
        "ratio": round(value / floor, 2),
        "peers": {},
        "peak_mib": max(peaks),
        "bills_per_second": round(STALLS / value),
    }


async def lay_out(parts: Parts) -> str:
    """A market of many stalls in some hundred sizes, each held by a vendor of its own; its id."""
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        new = NewMarket("cho-lon", "Chợ Lớn", "Large Market", 2)
        market_id = await create_market(session, body.agency_id, new, actor=_ACTOR)
    for numbers in _pieces():
        async with parts.database.transaction() as session:
            market = await get_market(session, market_id)
            stalls = await add_stalls(
                session,
                market,
                [
                    NewStall(f"S{n:06d}", "covered", 200 + n % 400 * 5, frontages=1 + n % 2)
                    for n in numbers
                ],
                actor=_ACTOR,
            )
            vendors = await add_vendors(
                session,
                body.agency_id,
                [NewVendor(f"V{n:06d}", f"Nguyễn Thị Số {n}", f"09{n:08d}") for n in numbers],
                cipher=parts.cipher,
                key=parts.payments.request_key,
                actor=_ACTOR,
            )
            contracts = [
                NewContract(
                    stalls[f"S{n:06d}"],
                    vendors[f"V{n:06d}"],
                    date(2026, 1, 1),
                    services={"service:rac": 1},
                )
                for n in numbers
            ]
            await add_contracts(session, market, contracts, actor=_ACTOR)
    return market_id


def _pieces() -> Iterator[range]:
    for begin in range(0, STALLS, 2_000):
        yield range(begin, min(begin + 2_000, STALLS))


def _copy(server: EmbeddedDatabase, month: str) -> float:
    """Seconds for a COPY of a month's rows, in one transaction, into the database as it was."""
    bills = f"channel = 'billing_run' AND extra->>'period' = '{month}'"
    rows: list[tuple[str, str, list[bytes]]] = []
    with server.connect("lephi") as connection:
        for table, which in _WRITTEN.items():
            told = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                " AND table_schema = 'public' ORDER BY ordinal_position",
                (table,),
            )
            left_out = _GIVEN_BY_THE_TABLE.get(table, set())
            names = ", ".join(str(name) for (name,) in told if name not in left_out)
            where = which.format(bills=bills, month=month)
            query = f"COPY (SELECT {names} FROM {table} WHERE {where}) TO STDOUT"
            with connection.cursor() as cursor, cursor.copy(query) as copy:
                rows.append((table, names, [bytes(piece) for piece in copy]))
    with server.connect("before_runs") as connection, connection.transaction():
        begun = time.perf_counter()
        for table, names, pieces in rows:
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
            ):
                for begin in range(0, len(pieces), 1_000):
                    copy.write(b"".join(pieces[begin : begin + 1_000]))
    return time.perf_counter() - begun
