"""What gateways took of a labelled day: settlement lines, and the batches that they pay over.

Each gateway pays over in batches, less its fee of each payment. A line names its payment by the
gateway's number, by our name of the order alone, or with the number written otherwise; some have
another amount, come twice, are missing or are nobody's; some money goes back. A batch's credit
names it plainly, as banks spoil it, or bears the gateway's words alone; of two of one amount
without a name nobody can tell which is which.
"""

import random
from datetime import datetime, timedelta
from typing import Final

from bench.labelled_day import ON, PRICES, Day, add_credit, batch_name
from core.clock import VIETNAM
from reconciliation.settlements.matching import SettledLine, TakenPayment

GATEWAYS: Final = ("paygov", "vnpay", "momo")
#: Words by which gateways' transfers are known to the account.
WORDS: Final = "QUYET TOAN CONG"

#: Of a thousand payments, how many of each kind.
_KINDS: Final = {
    "number": 900,
    "number_spoilt": 30,
    "order_only": 40,
    "line_missing": 10,
    "line_twice": 6,
    "line_other_amount": 6,
    "line_refunded": 8,
}
#: Of a hundred batches, how their credits name them.
_NAMING: Final = {
    "batch": 60,
    "batch_spoilt": 20,
    "batch_unnamed": 14,
    "batch_other_amount": 3,
    "batch_unpaid": 3,
}


def add_settlements(day: Day, count: int, batch_size: int, seed: int = 20261103) -> None:
    """Add `count` payments through gateways in batches of about `batch_size`, and two alike."""
    noise = random.Random(seed)
    kinds = [kind for kind, share in _KINDS.items() for _ in range(share)]
    namings = [kind for kind, share in _NAMING.items() for _ in range(share)]
    first = len(day.taken)
    number = batch = 0
    batch_ref = ""
    while number < count:
        gateway = GATEWAYS[batch % len(GATEWAYS)]
        # A prefix code: no reference stands inside another one.
        batch_ref = f"{gateway.upper()}-{ON:%y%m%d}-{batch:04d}"
        size = min(count - number, noise.randrange(batch_size // 2, batch_size + batch_size // 2))
        begun = len(day.settled)
        for place in range(first + number, first + number + size):
            _add_payment(day, noise, place, gateway, batch_ref, noise.choice(kinds))
        net = sum(line.paid_over for line in day.settled[begun:])
        _add_batch(day, noise, gateway, batch_ref, net, noise.choice(namings))
        number += size
        batch += 1
    for one in range(2):
        batch_ref = f"ALIKE-{one}-{ON:%y%m%d}"
        _add_payment(day, noise, first + count + one, "vnpay", batch_ref, "number", 50_000)
        _add_batch(day, noise, "vnpay", batch_ref, 50_000 - _fee(50_000), "batch_alike")
    for one in range(count // 200):
        amount = noise.choice(PRICES)
        # Its fee is all of it, so that its batch comes to what it did.
        line = SettledLine(
            *(_name(noise), batch_ref, "payment", f"X{one:09d}", f"OX{one:07d}"),
            *(amount, amount, "vnpay"),
        )
        _add_line(day, line, "line_of_nobody", frozenset())


def _add_payment(
    day: Day,
    noise: random.Random,
    place: int,
    gateway: str,
    batch_ref: str,
    kind: str,
    amount: int = 0,
) -> None:
    amount = amount or noise.choice(PRICES)
    number, order, times = f"{gateway[:2].upper()}{place:09d}", f"LE{place:09d}", 1
    taken = TakenPayment(f"got_{place:07d}", number, order, amount, ON)
    day.taken.append(taken)
    if kind == "line_missing":
        return
    if kind == "number_spoilt":
        number = noise.choice((number.lower(), f"{number[:2]}-{number[2:]}", f" {number} "))
    elif kind == "order_only":
        number = noise.choice(("", "0", "N/A"))
    elif kind == "line_twice":
        times = 2
    elif kind == "line_other_amount":
        amount += noise.choice((-1000, 1000))
    for _ in range(times):
        line = SettledLine(
            *(_name(noise), batch_ref, "payment", number, order),
            *(amount, _fee(amount), gateway),
        )
        _add_line(day, line, kind, frozenset({taken.payment_id}))
    if kind == "line_refunded":
        back = SettledLine(_name(noise), batch_ref, "refund", number, order, amount, 0, gateway)
        _add_line(day, back, "line_of_refund", frozenset())


def _name(noise: random.Random) -> str:
    return f"S{noise.getrandbits(48):012x}"


def _fee(amount: int) -> int:
    """1.1 %, in whole đồng."""
    return amount * 11 // 1000


def _add_line(day: Day, line: SettledLine, kind: str, its: frozenset[str]) -> None:
    day.settled.append(line)
    day.truth[line.line_id] = its
    day.kinds[line.line_id] = kind
    # Of what came twice or with another amount, none settles anything by itself.
    if not its or kind in ("line_twice", "line_other_amount"):
        day.idle.add(line.line_id)


def _add_batch(
    day: Day, noise: random.Random, gateway: str, batch_ref: str, net: int, kind: str
) -> None:
    if kind == "batch_unpaid" or net <= 0:
        return
    at = datetime.combine(ON, datetime.min.time(), VIETNAM) + timedelta(hours=9)
    said = {
        "batch": f"{gateway.upper()} {WORDS} {batch_ref}",
        "batch_spoilt": noise.choice(
            (
                f"CT DEN:{noise.randrange(10**6)} {batch_ref.lower().replace('-', '')} {WORDS}",
                f"{WORDS} {batch_ref[:9]} {batch_ref[9:]}/NET",
                f"TT {batch_ref.replace('-', ' ')} - phí đã trừ",
            )
        ),
        "batch_other_amount": f"{WORDS} {batch_ref}",
    }.get(kind, f"{gateway.upper()} {WORDS} NGAY {ON:%d/%m}")
    amount = net - 1000 if kind == "batch_other_amount" else net
    its = frozenset({batch_name(gateway, batch_ref)})
    line_id = add_credit(day, noise, kind, at, amount, "", said, its)
    if kind == "batch_other_amount":
        day.idle.add(line_id)
