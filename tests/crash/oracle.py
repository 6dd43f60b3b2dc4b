"""What must hold after the dust has settled: every promise against the books, from outside.

The product's own invariants are one voice among several. The others compare the database with
what the payer was answered, what the gateway and the bank took, and what they saw acknowledged.
"""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import text

from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.store import OrderStatus
from app.invariants import broken
from core.db import Database
from core.sessions import WriteSession
from tests.crash.harness import CrashSystem
from tests.crash.payer import Payer

_SETTLE_SECONDS = 40.0


@asynccontextmanager
async def _session(system: CrashSystem) -> AsyncIterator[WriteSession]:
    database = Database(system.ground.server.url(system.database), pool_size=1)
    try:
        async with database.transaction() as session:
            yield session
    finally:
        await database.dispose()


async def settle(system: CrashSystem, seconds: float = _SETTLE_SECONDS) -> list[str]:
    """Wait until nothing is on its way any more; what still is when time is up."""
    deadline = time.monotonic() + seconds
    with system.ground.server.connect(system.database) as connection:
        while True:
            open_ends = _open_ends(system, connection)
            if not open_ends or time.monotonic() > deadline:
                return [f"not settled: {end}" for end in open_ends]
            await asyncio.sleep(0.09)


_OPEN_ENDS = """
    SELECT 'callback not applied: ' || id FROM callback WHERE state <> 'applied'
    UNION ALL SELECT 'delivery waits: ' || handler || ' ' || event_id FROM outbox_delivery
      WHERE state = 'waiting'
    UNION ALL SELECT 'outcome unknown: ' || id FROM payment WHERE status IN ('created', 'unknown')
    UNION ALL SELECT 'paid at the gateway, not here: ' || id FROM payment
      WHERE status NOT IN ('succeeded', 'held') AND order_ref = ANY(CAST(%(paid)s AS text[]))
"""


def _open_ends(system: CrashSystem, connection: psycopg.Connection[Any]) -> list[str]:
    state = system.sandbox
    on_their_way = [
        f"callback {d.id} of {d.subject} is {d.state} after {len(d.attempts)} attempts"
        for d in state.deliveries.all
        if d.state in (DeliveryState.WAITING, DeliveryState.IN_FLIGHT)
    ]
    paid = [o.order_id for o in state.store.orders.values() if o.status is OrderStatus.PAID]
    return on_their_way + [one for (one,) in connection.execute(_OPEN_ENDS, {"paid": paid})]


async def find_faults(system: CrashSystem, payer: Payer) -> list[str]:
    """Settle, then name every promise that was not kept; none when all were."""
    faults = await settle(system)
    async with _session(system) as session:
        faults += [f"invariant: {line}" for line in await broken(session)]
        faults += await _numbers(session)
        faults += await _receipts(session, payer)
        faults += await _bills(session, payer)
        faults += await _money(session, system)
        faults += await _acknowledged(session, system)
    faults += _orders(system)
    faults += await _answers(system, payer)
    faults += [f"answered {count} times: {said}" for said, count in payer.wrong.items()]
    faults += [
        f"{child.name} ended by itself with {child.status}:\n{system.tail(child.name)}"
        for child in system.dead
        if child.status != -9
    ]
    return faults


async def _numbers(session: WriteSession) -> list[str]:
    """Receipt numbers of each series are 1..N."""
    rows = await session.execute(
        text(
            "SELECT series_id, array_agg(number ORDER BY number) AS numbers FROM receipt GROUP BY 1"
        )
    )
    return [
        f"numbers are not 1..N: {row.numbers}"
        for row in rows
        if row.numbers != list(range(1, len(row.numbers) + 1))
    ]


async def _receipts(session: WriteSession, payer: Payer) -> list[str]:
    """A paid bill has exactly one receipt, other bills none; a number once told never changes."""
    rows = await session.execute(
        text(
            "SELECT b.id, b.status, count(r.id) AS receipts FROM bill b"
            " LEFT JOIN receipt r ON r.bill_id = b.id GROUP BY b.id, b.status"
        )
    )
    faults = [
        f"bill {row.id} is {row.status} with {row.receipts} receipts"
        for row in rows
        if row.receipts != (1 if row.status == "paid" else 0)
    ]
    rows = await session.execute(text("SELECT id, number, code FROM receipt"))
    known = {row.id: (row.number, row.code) for row in rows}
    return faults + [
        f"receipt {receipt} was told as {told}, is {known.get(receipt)}"
        for receipt, told in payer.receipts.items()
        if known.get(receipt) != told
    ]


async def _bills(session: WriteSession, payer: Payer) -> list[str]:
    """Every answered bill exists as answered, and no other but those that a poster opened."""
    rows = await session.execute(text("SELECT id, reference, amount, channel FROM bill"))
    known = {row.id: row for row in rows}
    faults = []
    for bill_id, answered in payer.bills.items():
        told = json.loads(answered.answer)
        row = known.get(bill_id)
        if row is None:
            faults.append(f"answered bill is lost: {bill_id}")
        elif (row.reference, row.amount) != (told["reference"], told["amount"]):
            faults.append(f"answered bill differs: {bill_id}")
    posters = [row.id for row in known.values() if row.channel == "poster"]
    if len(posters) != payer.posters:
        faults.append(f"{payer.posters} credits on the poster, {len(posters)} bills of it")
    strangers = known.keys() - payer.bills.keys() - set(posters)
    return faults + [f"bill that nobody was told of: {bill_id}" for bill_id in sorted(strangers)]


async def _money(session: WriteSession, system: CrashSystem) -> list[str]:
    """Every charge and every credit is exactly one payment, and every payment is one of them."""
    books = system.sandbox.store
    taken: Counter[tuple[str, int]] = Counter()
    for order in books.orders.values():
        taken.update((charge.transaction_no, charge.amount) for charge in order.charges)
    taken.update((m.reference_code, m.amount) for m in books.movements if m.direction == "in")
    rows = await session.execute(
        text("SELECT gateway_ref, credited FROM payment WHERE credited IS NOT NULL")
    )
    recorded = Counter((row.gateway_ref, row.credited) for row in rows)
    faults = [f"taken, but not in the books: {what}" for what in (taken - recorded).elements()]
    return faults + [
        f"in the books, but never taken: {what}" for what in (recorded - taken).elements()
    ]


async def _acknowledged(session: WriteSession, system: CrashSystem) -> list[str]:
    """Money that a gateway or bank saw acknowledged is allocated, in suspense or refundable."""
    rows = await session.execute(
        text(
            "SELECT p.gateway_ref, p.order_ref FROM payment p WHERE p.credited ="
            " coalesce((SELECT sum(amount) FROM allocation WHERE payment_id = p.id), 0)"
            " + coalesce((SELECT sum(amount) FROM suspense_item WHERE payment_id = p.id"
            "   AND closed_at IS NULL), 0)"
        )
    )
    placed = {name for row in rows for name in (row.gateway_ref, row.order_ref)}
    references = {str(m.id): m.reference_code for m in system.sandbox.store.movements}
    return [
        f"acknowledged, but nowhere: {delivery.kind} callback of {delivery.subject}"
        for delivery in system.sandbox.deliveries.all
        if delivery.state is DeliveryState.ACKNOWLEDGED
        and delivery.kind not in ("failure", "forged")
        and references.get(delivery.subject, delivery.subject) not in placed
    ]


def _orders(system: CrashSystem) -> list[str]:
    """No order was created twice at the gateway."""
    return [
        f"order {order_id} was created {calls} times"
        for (_, order_id), calls in system.sandbox.store.create_calls.items()
        if calls != 1
    ]


async def _answers(system: CrashSystem, payer: Payer) -> list[str]:
    """The service repeats every answer byte for byte: bills by their key, PDFs by their receipt."""
    faults = []
    for bill_id, answered in payer.bills.items():
        again = await payer.ask("POST", answered.path, answered.asked, answered.key)
        if (again.status_code, again.content) != (201, answered.answer):
            faults.append(f"another answer to the same request: {bill_id}")
    for receipt, digest in payer.pdfs.items():
        pdf = await payer.ask("GET", f"/api/v1/receipts/{receipt}.pdf")
        if hashlib.sha256(pdf.content).hexdigest() != digest:
            faults.append(f"another PDF of {receipt}")
    return faults
