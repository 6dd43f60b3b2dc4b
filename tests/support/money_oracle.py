"""Says what is wrong with our books, from what really happened in the gateway's and the bank's.

The oracle knows nothing of how the service places money. It sums up what was charged and credited
in the sandbox's books and says where each đồng must be; the invariants are asked beside it.
`so_far` holds after every step; `in_the_end` holds when everything that was on its way has come.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from adapters.sandbox.engine.deliveries import DeliveryState
from app.invariants import broken
from core import clock
from tests.support.money_sandbox import poster_price
from tests.support.money_stall import misplaced
from tests.support.money_world import MoneyWorld
from tests.support.report_figures import differences

#: gateway or bank, its name of the money, the amount
Money = tuple[str, str, int]

_NAMELESS: Final = "fp"


async def so_far(world: MoneyWorld) -> list[str]:
    """What is wrong in the middle of things: a broken invariant, or money that nobody paid."""
    problems = list(world.problems)
    async with world.service.parts.database.transaction() as session:
        problems += await broken(session)
    invented = await _recorded(world) - _real(world)
    problems += [f"we have money that nobody paid, or have it twice: {m}" for m in invented]
    problems += [f"the order {name} was sent twice" for name in world.sandbox.created_again]
    return problems


async def settle(world: MoneyWorld) -> None:
    """Let everything come that is on its way: callbacks, answers, deadlines, expiries, receipts.

    The gateway's lost callbacks do not come: the status inquiry has to find that money. Two things
    nobody can find by asking, and people would have to: a bank's lost notice, and money taken for
    an order whose end the gateway itself had told us. Those are told again.
    """
    world.sandbox.faults.clear()
    for _ in range(8):
        await world.deliver_due()
        world.advance(timedelta(seconds=61))
    excused = world.sandbox.denied | world.after_the_end
    for delivery in list(world.sandbox.deliveries.all):
        untold = delivery.state in (DeliveryState.LOST, DeliveryState.GIVEN_UP)
        beyond_us = delivery.dialect == "sepay" or delivery.subject in excused
        if untold and beyond_us and delivery.kind != "forged":
            await world.repeat(delivery)
    await world.work()
    # Past every deadline; then often enough for each question's own pause.
    for wait in (timedelta(minutes=6), timedelta(hours=25), *[timedelta(minutes=6)] * 3):
        world.advance(wait)
        await world.work()
    for asked in list(world.cut_off):
        world.cut_off = [asked]
        await world.insist()
    world.advance(timedelta(hours=25))
    await world.work()


@dataclass(slots=True)
class _Due:
    """Where the money meant for one reference must be: `clean` counts for it, `odd` waits."""

    clean: int = 0
    odd: int = 0


async def in_the_end(world: MoneyWorld) -> list[str]:
    """What is wrong after `settle`."""
    problems = await so_far(world)
    missing = _real(world) - await _recorded(world)
    problems += [f"money was paid and is not in our books: {money}" for money in missing]
    problems += await _misplaced(world)
    problems += await _unanswered(world)
    problems += await _receipts(world)
    async with world.service.parts.database.transaction() as session:
        problems += await differences(session)
    for row in await world.service.read(
        "SELECT id, status FROM payment WHERE status IN ('created', 'submitted', 'unknown')"
    ):
        problems.append(f"the attempt {row['id']} is still {row['status']}")
    for row in await world.service.read(
        "SELECT id FROM bill WHERE status = 'open' AND expires_at < :now", now=clock.now()
    ):
        problems.append(f"the bill {row['id']} is open past its time")
    for row in await world.service.read("SELECT id FROM callback WHERE state <> 'applied'"):
        problems.append(f"the callback {row['id']} was kept and never applied")
    return problems


def _real(world: MoneyWorld) -> Counter[Money]:
    charges: list[Money] = [
        ("paygov", charge.transaction_no, charge.amount)
        for order in world.sandbox.store.orders.values()
        for charge in order.charges
    ]
    credited: list[Money] = [
        ("bank", _bank_name(move.reference_code), move.amount) for move in world.credits()
    ]
    return Counter(charges + credited)


async def _recorded(world: MoneyWorld) -> Counter[Money]:
    # What only a withdrawn statement had told of is reversed, and told of again it is another row.
    rows = await world.service.read(
        "SELECT gateway, gateway_ref, credited FROM payment p WHERE credited > ("
        " SELECT coalesce(sum(s.amount), 0) FROM suspense_item s WHERE s.payment_id = p.id"
        " AND s.place = 'reversed' AND s.reason = 'statement_withdrawn' AND s.closed_at IS NULL)"
    )
    return Counter(
        (
            row["gateway"],
            _bank_name(row["gateway_ref"]) if row["gateway"] == "bank" else row["gateway_ref"],
            row["credited"],
        )
        for row in rows
    )


def _bank_name(told: str) -> str:
    """What the sandbox's bank calls money, however it was written; its names begin with FT."""
    name = told.split("\\")[0].strip().lstrip("0").upper()
    return name if name.startswith("FT") else _NAMELESS


async def _misplaced(world: MoneyWorld) -> list[str]:
    """Compare each bill's places with what was paid for it, and all posters' and lost money."""
    due: dict[str, _Due] = {bill.reference: _Due() for bill in world.bills}
    for order in world.sandbox.store.orders.values():
        own = due.setdefault(order.order_id.rpartition("-")[0], _Due())
        for charge in order.charges:
            if charge.amount == order.amount and not charge.held:
                own.clean += charge.amount
            else:
                own.odd += charge.amount
    homeless, problems = await _split(world, due)
    poster_bills: Counter[int] = Counter()
    stalls, whole = 0, True
    for move in world.credits():
        meant, left = world.meant[move.id], move.amount - world.taken_back[move.id]
        if meant is not None and " " in meant and move.id not in world.contradicting:
            continue  # see `_split`
        if move.id in world.contradicting:
            if meant in due:
                due[meant].odd += left
            else:
                homeless += left
        elif meant == world.stall.reference:
            stalls += left
            whole = whole and left == move.amount and not world.withdrawn[move.id]
        elif meant in world.posters:
            day = move.booked_at.astimezone(clock.VIETNAM).date().isoformat()
            if move.amount == poster_price(world.posters[meant], day) and left == move.amount:
                poster_bills[move.amount] += 1
            else:
                homeless += left
        elif meant is None:
            homeless += left
        else:
            due[meant].clean += left

    places = await world.service.read(
        "SELECT b.reference, b.status, b.amount, b.channel,"
        " (SELECT coalesce(sum(amount), 0) FROM allocation a WHERE a.bill_id = b.id) AS given,"
        " (SELECT coalesce(sum(amount), 0) FROM suspense_item s WHERE s.bill_id = b.id"
        "  AND place = 'suspense' AND closed_at IS NULL) AS waiting,"
        " (SELECT coalesce(sum(amount), 0) FROM suspense_item s WHERE s.bill_id = b.id"
        "  AND place = 'refundable' AND closed_at IS NULL) AS back FROM bill b ORDER BY b.id"
    )
    of_stall = [row for row in places if row["channel"] == "billing_run"]
    (credit,) = await world.service.read(
        "SELECT coalesce(sum(amount), 0)::bigint AS amount FROM suspense_item"
        " WHERE reason = 'stall_credit' AND place = 'suspense' AND closed_at IS NULL"
    )
    homeless += credit["amount"]
    problems += misplaced(world.stall, of_stall, stalls, credit["amount"], whole=whole)
    cancelled = {bill.reference for bill in world.bills if bill.cancelled}
    by_poster: Counter[int] = Counter()
    for row in places:
        if row in of_stall:
            continue
        found = (row["status"] == "paid", row["given"], row["waiting"], row["back"])
        if row["channel"] == "poster" and row["status"] == "cancelled":
            expected = (False, 0, 0, 0)  # its money was none, and came again for another one
        elif row["channel"] == "poster":
            by_poster[row["amount"]] += 1
            expected = (True, row["amount"], 0, 0)
        else:
            own = due.pop(row["reference"], _Due())
            expected = _expected(row["amount"], own, row["reference"] in cancelled)
        if found != expected:
            problems.append(
                f"bill {row['reference']} of {row['amount']} ({row['status']}): paid, given,"
                f" waiting, refundable are {found}, must be {expected}"
            )
    problems += [f"the answered bill {reference} is not there" for reference in due]
    if by_poster != poster_bills:
        problems.append(f"bills by poster {dict(by_poster)}, must be {dict(poster_bills)}")
    rows = await world.service.read(
        "SELECT coalesce(sum(amount), 0) AS amount FROM suspense_item"
        " WHERE bill_id IS NULL AND place = 'suspense' AND closed_at IS NULL"
    )
    if rows[0]["amount"] != homeless:
        problems.append(f"{rows[0]['amount']} đ wait without a bill, must be {homeless}")
    return problems


async def _split(world: MoneyWorld, due: dict[str, _Due]) -> tuple[int, list[str]]:
    """Add to `due` what bills have of transfers that name several; how much of these waits whole.

    Whether such a transfer was the exact sum depends on what had come before it. So the books are
    asked what they made of it, and held to this: all of it or nothing is with the bills it names,
    none gets more than it costs before each has some, and where nothing else ever came for them and
    it is what they cost, it is with them.
    """
    came: Counter[str] = Counter()
    for move in world.credits():
        meant = world.meant[move.id]
        if meant is not None and " " in meant and move.id not in world.contradicting:
            came[meant] += move.amount - world.taken_back[move.id]
    rows = await world.service.read(
        "SELECT p.id, p.reference, p.credited, p.doubt, b.reference AS bill,"
        " coalesce(sum(x.amount), 0)::bigint AS share,"
        " (SELECT coalesce(sum(s.amount), 0) FROM suspense_item s WHERE s.payment_id = p.id"
        "  AND s.place = 'reversed' AND s.closed_at IS NULL)::bigint AS gone FROM payment p"
        " LEFT JOIN (SELECT payment_id, bill_id, amount FROM allocation UNION ALL"
        "  SELECT payment_id, bill_id, amount FROM suspense_item WHERE closed_at IS NULL"
        "  AND bill_id IS NOT NULL AND place <> 'reversed') x ON x.payment_id = p.id"
        " LEFT JOIN bill b ON b.id = x.bill_id WHERE p.reference LIKE '% %' GROUP BY p.id, 2, 5"
    )
    shares: dict[str, Counter[str]] = {}
    problems = []
    costs = {bill.reference: bill.amount for bill in world.bills}
    for row in rows:
        own = shares.setdefault(row["id"], Counter())
        if row["share"]:
            own[row["bill"]] += row["share"]
    for row in {row["id"]: row for row in rows}.values():
        own, named = shares[row["id"]], row["reference"].split()
        if own and (set(own) - set(named) or own.total() != row["credited"] - row["gone"]):
            problems.append(f"{row['credited']} for {named} is split into {dict(own)}")
        over = [name for name in own if own[name] > costs.get(name, 0)]
        if over and len(own) < len(named):
            problems.append(f"{over} get more than they cost of money for {named}")
        if not own and not row["gone"] and row["doubt"] is None and _alone(world, named, row):
            problems.append(f"{row['credited']} for {named} waits, and is what they cost")
        for bill, share in own.items():
            due[bill].clean += share
        came[row["reference"]] -= own.total()
    return came.total(), problems


def _alone(world: MoneyWorld, named: list[str], row: Mapping[str, Any]) -> bool:
    """Whether a transfer is what the bills it names cost, and nothing else ever came for them."""
    bills = [bill for bill in world.bills if bill.reference in named]
    told = [world.meant[move.id] or "" for move in world.credits()]
    once = sum(1 for meant in told if set(meant.split()) & set(named)) == 1
    charged = any(
        order.charges and order.order_id.rpartition("-")[0] in named
        for order in world.sandbox.store.orders.values()
    )
    payable = len(bills) == len(named) and all(x.amount and not x.cancelled for x in bills)
    cost = sum(bill.amount for bill in bills)
    return once and not charged and payable and cost == row["credited"]


def _expected(amount: int, own: _Due, cancelled: bool) -> tuple[bool, int, int, int]:
    """Paid, given, waiting, refundable."""
    if amount == 0:
        return False, 0, own.odd, own.clean
    if cancelled or own.clean < amount:
        return False, 0, own.odd + own.clean, 0
    return True, amount, own.odd, own.clean - amount


async def _unanswered(world: MoneyWorld) -> list[str]:
    """What was answered must be there, and a bill's reader must see the truth."""
    problems = []
    for bill in world.bills:
        answer = await world.service.get(f"/api/v1/bills/{bill.id}")
        if answer.status_code != 200:
            problems.append(f"bill {bill.id} was answered and reads {answer.status_code}")
            continue
        seen = answer.json()
        if (seen["reference"], seen["amount"]) != (bill.reference, bill.amount):
            problems.append(f"bill {bill.id} is not what was answered")
        paid = seen["status"] == "paid"
        if len(seen["receipts"]) != paid:
            problems.append(f"bill {bill.id} is {seen['status']}: {len(seen['receipts'])} receipts")
        if bill.cancelled and seen["status"] != "cancelled":
            problems.append(f"bill {bill.id} was cancelled and is {seen['status']}")
    return problems


async def _receipts(world: MoneyWorld) -> list[str]:
    rows = await world.service.read(
        "SELECT s.symbol, r.number, r.bill_id, r.amount, b.amount AS owed, b.status FROM receipt r"
        " JOIN receipt_series s ON s.id = r.series_id JOIN bill b ON b.id = r.bill_id"
        " ORDER BY s.symbol, r.number"
    )
    problems = []
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(row["symbol"], []).append(row["number"])
        if row["status"] != "paid" or row["amount"] != row["owed"]:
            problems.append(f"receipt {row['symbol']} {row['number']} is not of a paid bill")
    for symbol, given in numbers.items():
        if given != list(range(1, len(given) + 1)):
            problems.append(f"numbers of {symbol} are {given}")
    paid = await world.service.read("SELECT count(*) AS count FROM bill WHERE status = 'paid'")
    if len({row["bill_id"] for row in rows}) != paid[0]["count"] or len(rows) != paid[0]["count"]:
        problems.append(f"{paid[0]['count']} bills are paid and {len(rows)} receipts stand")
    return problems
