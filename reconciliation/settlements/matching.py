"""The first of a day's three comparisons: payments with a gateway's settlement lines.

A payment and a line are the same money by the gateway's own number, else by our name of the order,
and never by amount: fees are fixed, so that equal amounts say nothing.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from core.folding import without_marks
from reconciliation.formats.settlement_rows import BACK, SettlementKind
from reconciliation.matching.rules import RuleName

SettlementClass = Literal[
    "matched",
    "amount_mismatch",
    "duplicate",
    "missing_in_settlement",
    "expected",
    "unknown_in_settlement",
    "refund",
    "chargeback",
    "adjustment",
]
_GATEWAY_REF: Final[RuleName] = "gateway_ref"
_ORDER_REF: Final[RuleName] = "order_ref"
#: What people and machines write where they have no number.
_PLACEHOLDERS: Final = frozenset({"nonref", "notprovided", "na", "none", "null", "khong"})


@dataclass(frozen=True, slots=True)
class TakenPayment:
    """Money that a gateway has taken, as our books have it: amount in đồng."""

    payment_id: str
    gateway_ref: str
    order_ref: str
    amount: int
    business_on: date


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line of a settlement, amount and fee in đồng; `gateway` is whose batch it is of."""

    line_id: str
    batch_ref: str
    kind: SettlementKind
    gateway_ref: str
    order_ref: str
    amount: int
    fee: int
    gateway: str = ""
    settled_on: date | None = None

    @property
    def gross(self) -> int:
        """What the line adds to what is settled, in đồng: negative for what goes back."""
        if self.kind == "adjustment":
            return 0
        return -self.amount if self.kind in BACK else self.amount

    @property
    def kept(self) -> int:
        """What the gateway keeps by it, in đồng; an adjustment is all its own."""
        if self.kind == "adjustment":
            return self.fee - self.amount
        return -self.fee if self.kind in BACK else self.fee

    @property
    def paid_over(self) -> int:
        """What the line adds to its batch's transfer, in đồng."""
        return self.gross - self.kept


@dataclass(frozen=True, slots=True)
class SettlementPlace:
    """Where the first comparison puts a payment, its lines, or a line that is nobody's."""

    kind: SettlementClass
    payment_id: str | None
    line_ids: tuple[str, ...]
    #: by which rule its lines are a payment's
    rule: RuleName | None = None

    @property
    def name(self) -> str:
        """The payment, or the line that is nobody's."""
        return self.payment_id or self.line_ids[0]


def compare_settlement(
    payments: Sequence[TakenPayment],
    lines: Sequence[SettledLine],
    days_told: Collection[date],
) -> list[SettlementPlace]:
    """Put each payment and each line of one gateway account in exactly one place, by id.

    A payment without a line is `expected` until a file of its day is there (`days_told`). Of a
    payment that has several lines all are its `duplicate`. Lines of what goes back, and
    adjustments, have a place of their own: they are compared with no payment.
    """
    by_number = _owners((payment.gateway_ref, payment.payment_id) for payment in payments)
    by_order = _owners((payment.order_ref, payment.payment_id) for payment in payments)
    own: defaultdict[str, list[SettledLine]] = defaultdict(list)
    rules: dict[str, RuleName] = {}
    places = []
    for line in sorted(lines, key=lambda one: one.line_id):
        if line.kind != "payment":
            places.append(SettlementPlace(line.kind, None, (line.line_id,)))
            continue
        owner, rule = by_number.get(plain_name(line.gateway_ref)), _GATEWAY_REF
        if owner is None:
            owner, rule = by_order.get(plain_name(line.order_ref)), _ORDER_REF
        if owner is None:
            places.append(SettlementPlace("unknown_in_settlement", None, (line.line_id,)))
        else:
            own[owner].append(line)
            # Of several lines the weakest rule is told.
            rules[owner] = rule if rules.get(owner) != _ORDER_REF else _ORDER_REF
    for payment in sorted(payments, key=lambda one: one.payment_id):
        found = own[payment.payment_id]
        kind = _kind_of(payment, found, days_told)
        ids = tuple(line.line_id for line in found)
        rule_of = rules.get(payment.payment_id)
        places.append(SettlementPlace(kind, payment.payment_id, ids, rule_of))
    return places


def _kind_of(
    payment: TakenPayment, found: Sequence[SettledLine], days_told: Collection[date]
) -> SettlementClass:
    if not found:
        return "missing_in_settlement" if payment.business_on in days_told else "expected"
    if len(found) > 1:
        return "duplicate"
    return "matched" if found[0].amount == payment.amount else "amount_mismatch"


def _owners(named: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Whose each name is; what two have, or what is none, is nobody's."""
    pairs = [(plain_name(name), owner) for name, owner in named]
    often = Counter(name for name, _ in pairs)
    return {name: owner for name, owner in pairs if name and often[name] == 1}


def plain_name(text: str) -> str:
    """A reference as banks and gateways leave it: without case, marks, spaces or signs."""
    plain = "".join(char for char in without_marks(text.casefold()) if char.isalnum())
    return "" if plain in _PLACEHOLDERS or not plain.strip("0") else plain
