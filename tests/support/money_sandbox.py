"""The sandbox with an eye on it, and narratives as banks carry them."""

import random
from typing import Final, Literal

from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.state import SandboxState, Timing
from adapters.sandbox.engine.store import Charge, Order
from core import json

#: A poster whose fee costs the same for ever, and one whose fee changes with the year.
POSTERS: Final = ("chung-thuc-chu-ky", "can-cuoc-cap-doi")

Mangling = Literal["plain", "lower", "spaced", "wrapped", "accented"]


def poster_price(fee: str, day: str) -> int:
    """What a poster's fee costs on a Vietnamese day (ISO), read from the law and not from us."""
    if fee == "chung-thuc-chu-ky":
        return 10_000
    return 25_000 if day <= "2026-12-31" else 50_000


class WatchedSandbox(SandboxState):
    """The sandbox, remembering what it was asked twice and which lie nobody can see through."""

    def __init__(self, seed: int) -> None:
        super().__init__(base_url="http://127.0.0.1", seed=seed, timing=Timing(schedule=(1, 5, 60)))
        #: orders that were sent again although the gateway had taken them
        self.created_again: list[str] = []
        #: orders that the gateway once said it does not know, although it does
        self.denied: set[str] = set()

    def handle(self, name: str, request: ProviderRequest) -> Reply | Order | None:
        """As the sandbox's; a create for an order it has taken, and an answer that denies an order,
        are noted."""
        before = self._known(request.body)
        if request.path == "create" and before is not None:
            self.created_again.append(before)
        reply = super().handle(name, request)
        if request.path == "query" and isinstance(reply, Reply):
            known = self._known(request.body)
            if known is not None and b'"errorCode":"91"' in reply.body:
                self.denied.add(known)
        return reply

    def charge_otherwise(self, order: Order, by: int) -> None:
        """Tell of the order's charge once more, with more money: in the books both stand."""
        number = order.charges[0].transaction_no
        amount = max(order.amount, *(charge.amount for charge in order.charges)) + by
        charge = Charge(number, amount, self.now(), None)
        self.store.charge(order, charge)
        self.notices.report(self.store.merchants[order.merchant_id], order, charge, "genuine")

    def _known(self, body: bytes) -> str | None:
        document = json.loads(body)
        assert isinstance(document, dict)
        order_id = str(document["orderId"])
        return order_id if (document["partnerCode"], order_id) in self.store.orders else None


def mangled(reference: str, how: Mangling) -> str:
    """A reference as banks carry it; it is still the same reference."""
    match how:
        case "lower":
            return reference.lower()
        case "spaced":
            return f"{reference[:5]} {reference[5:9]} {reference[9:]}"
        case "wrapped":
            return f"MBVCB.123.CT tu 0011 toi {reference}.FT26-nop le phi"
        case "accented":
            return f"nộp phí chứng thực {reference} cảm ơn"
        case "plain":
            return reference


def spoilt(reference: str, position: int) -> str:
    """A reference with one wrong character: it is no reference any more."""
    place = 2 + position % (len(reference) - 2)
    wrong = random.Random(position).choice([c for c in "ABCDEFGH23456789" if c != reference[place]])
    return reference[:place] + wrong + reference[place + 1 :]
