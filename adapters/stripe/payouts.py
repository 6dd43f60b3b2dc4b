"""A payout by its balance transactions, written down as a settlement file of ours. Pure.

* [C] Only an automatic payout has its transactions; their net amounts sum to it. A manual one is
  refused. Each has `amount`, `fee` and `net` in đồng (VND has no cents), and with `source` expanded
  the payment intent that it is of.
* [M] `charge` and `payment` are payments, `refund` and `payment_refund` refunds, `adjustment` of a
  dispute's money that is withdrawn a chargeback. Everything else, a fee of Stripe's own among it,
  is an adjustment. A fee that is kept on what goes back is an adjustment of its own.

The columns are those of the layout `lephi-settlement`: what is fetched is taken in as a file is,
and kept as one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapters.stripe.dialect import moment
from adapters.wording import Malformed, object_of, whole, word
from core.clock import VIETNAM

HEADER: Final = (
    *("batch_ref", "settled_on", "kind", "order_ref", "gateway_ref", "amount", "fee", "net"),
    "paid_at",
)
#: Of Stripe's numbers: no word of a file's own, and nothing that a sheet calculates.
_NUMBER: Final = re.compile("[A-Za-z][0-9A-Za-z_]{0,63}")
_PAYMENTS: Final = ("charge", "payment")
_REFUNDS: Final = ("refund", "payment_refund")
_LARGEST: Final = 10**13


def written(payout: Mapping[str, object], transactions: Sequence[object]) -> bytes:
    """The file of a payout. Raises `Malformed` where it is none, or does not sum to it."""
    if payout.get("automatic") is not True or payout.get("currency") != "vnd":
        raise Malformed("payout: manual, or not in VND")
    if payout.get("status") != "paid":
        raise Malformed("payout: not paid yet")
    number, total = word(payout, "id", _NUMBER), whole(payout, "amount")
    day = moment(payout, "arrival_date").astimezone(VIETNAM).date().isoformat()
    told = [object_of(one) for one in transactions]
    own = [one for one in told if one.get("type") != "payout"]
    if sum(_signed(one, "net") for one in own) != total:
        raise Malformed("payout: its transactions do not sum to it")
    lines = [",".join(HEADER)]
    for one in own:
        for kind, ref, amount, fee, at in _rows(one):
            lines.append(f"{number},{day},{kind},,{ref},{amount},{fee},{amount - fee},{at}")
    return "\n".join([*lines, ""]).encode()


def _rows(one: Mapping[str, object]) -> Iterator[tuple[str, str, int, int, str]]:
    """Kind, number, amount, fee and time of each row that a transaction makes."""
    if one.get("currency") != "vnd":
        raise Malformed("currency: not VND")
    amount, fee, net = (_signed(one, name) for name in ("amount", "fee", "net"))
    if net != amount - fee:
        raise Malformed("net: not amount less fee")
    source, kind = object_of(one.get("source")), one.get("type")
    ref = source.get("payment_intent")
    known = isinstance(ref, str) and _NUMBER.fullmatch(ref) is not None
    at = moment(one, "created").isoformat()
    if known and kind in _PAYMENTS and amount > 0 and 0 <= fee <= amount:
        yield "payment", str(ref), amount, fee, at
        return
    disputed = kind == "adjustment" and source.get("object") == "dispute"
    if known and amount < 0 and (kind in _REFUNDS or disputed):
        kept = max(fee, 0)
        row = "chargeback" if disputed else "refund"
        yield row, str(ref), -amount, max(-fee, 0), at
        if kept:
            yield "adjustment", "", -kept, 0, at
        return
    yield "adjustment", "", net, 0, at


def _signed(fields: Mapping[str, object], name: str) -> int:
    """A JSON integer of either sign, in đồng. Raises `Malformed`."""
    return whole(fields, name, lowest=-_LARGEST)
