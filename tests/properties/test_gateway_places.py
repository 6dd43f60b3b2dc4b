"""Each payment at a gateway is in exactly one place, and only what a batch brought is settled."""

from dataclasses import dataclass
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats.settlement_rows import SettlementKind
from reconciliation.settlements.matching import SettledLine, TakenPayment, compare_settlement
from reconciliation.settlements.places import put_in_places

ON = date(2026, 11, 16)
KINDS: tuple[SettlementKind, ...] = ("payment", "payment", "payment", "refund")


@dataclass(frozen=True)
class Taken:
    payment_id: str
    amount: int
    reference: str = ""
    accounting_on: date = ON
    gateway: str = "paygov"


@dataclass(frozen=True)
class GatewayDay:
    payments: list[Taken]
    lines: list[SettledLine]
    paid: frozenset[str]


@st.composite
def gateway_days(draw: st.DrawFn) -> GatewayDay:
    """Payments of few amounts, lines of some of them in three batches, and which were paid over."""
    numbers = draw(st.lists(st.integers(1, 30), unique=True, max_size=8))
    payments = [Taken(f"pay_{n}", draw(st.sampled_from([5000, 7000]))) for n in numbers]
    lines: list[SettledLine] = []
    for number in draw(st.lists(st.sampled_from([*numbers, 99]), max_size=10)):
        amount = draw(st.sampled_from([5000, 7000]))
        kind: SettlementKind = draw(st.sampled_from(KINDS))
        batch = draw(st.sampled_from(["B1", "B2", "B3"]))
        lines.append(
            SettledLine(f"L{len(lines):02d}", batch, kind, f"G{number}", "", amount, 50, "paygov")
        )
    paid = draw(st.frozensets(st.sampled_from(["B1", "B2", "B3"])))
    return GatewayDay(payments, lines, paid)


@given(gateway_days(), st.booleans())
def test_each_payment_is_in_one_place_and_settled_only_by_its_own_line(
    day: GatewayDay, told: bool
) -> None:
    taken = [
        TakenPayment(one.payment_id, f"G{one.payment_id[4:]}", "", one.amount, ON)
        for one in day.payments
    ]
    compared = compare_settlement(taken, day.lines, {ON} if told else set())
    lines = {line.line_id: line for line in day.lines}
    paid = {line.line_id: line.batch_ref for line in day.lines if line.batch_ref in day.paid}
    places = put_in_places(day.payments, compared, lines, paid)

    names = [one.payment_id for one in places.settled] + [one.object_id for one in places.others]
    assert sorted(names) == sorted(one.payment_id for one in day.payments)
    amounts = [one.amount for one in places.settled] + [one.amount for one in places.others]
    assert sum(amounts) == sum(one.amount for one in day.payments)
    for payment in day.payments:
        own = [
            line
            for line in day.lines
            if line.kind == "payment" and line.gateway_ref == f"G{payment.payment_id[4:]}"
        ]
        brought = len(own) == 1 and own[0].amount == payment.amount and own[0].batch_ref in day.paid
        assert brought == any(one.payment_id == payment.payment_id for one in places.settled)
