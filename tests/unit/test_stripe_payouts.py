"""A payout by its balance transactions: a settlement file that sums to it, or none."""

from datetime import date
from typing import Any

import pytest

from adapters.stripe import payouts
from adapters.wording import Malformed
from app.settlement_layouts import settlement_layouts
from payments.capabilities import PayoutTeller
from payments.ports import GatewayMisuse, Outcome, OutcomeUnknown
from reconciliation.formats.settlement_file import SETTLEMENT_LIMITS, read_settlement
from reconciliation.formats.settlement_layouts import get_layout
from reconciliation.formats.settlement_rows import SettlementRow
from tests.support.rigs.stripe import StripeRig

ON = date(2026, 11, 30)
PAYOUT: dict[str, Any] = {
    "id": "po_1",
    "automatic": True,
    "currency": "vnd",
    "status": "paid",
    "amount": 127_900,
    "arrival_date": 1_795_939_200,
}


def moved(kind: str, amount: int, fee: int, source: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": kind,
        "currency": "vnd",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "created": 1_795_800_000,
        "source": source or {"object": kind, "payment_intent": "pi_1"},
    }


MOVED = [
    moved("payout", -127_900, 0),
    moved("charge", 150_000, 4_500),
    moved("refund", -10_000, 0),
    moved("adjustment", -5_000, 1_600, {"object": "dispute", "payment_intent": "pi_2"}),
    moved("stripe_fee", -1_000, 0, {"object": "fee"}),
]


def rows(content: bytes) -> list[SettlementRow]:
    layout = get_layout(settlement_layouts(), "lephi-settlement", ON)
    return read_settlement(content, layout, ON, limits=SETTLEMENT_LIMITS)


def test_every_transaction_is_a_row_and_they_sum_to_the_payout() -> None:
    read = rows(payouts.written(PAYOUT, MOVED))
    told = [(row.kind, row.gateway_ref, row.amount, row.fee, row.paid_over) for row in read]
    assert told == [
        ("payment", "pi_1", 150_000, 4_500, 145_500),
        ("refund", "pi_1", 10_000, 0, -10_000),
        ("chargeback", "pi_2", 5_000, 0, -5_000),
        ("adjustment", "", -1_600, 0, -1_600),
        ("adjustment", "", -1_000, 0, -1_000),
    ]
    assert sum(row.paid_over for row in read) == PAYOUT["amount"]
    assert {row.batch_ref for row in read} == {"po_1"}


@pytest.mark.parametrize(
    ("payout", "transactions"),
    [
        ({"automatic": False}, MOVED),
        ({"currency": "usd"}, MOVED),
        ({"status": "in_transit"}, MOVED),
        ({"amount": 127_901}, MOVED),
        ({"arrival_date": 0}, MOVED),
        ({"id": ""}, MOVED),
        ({}, MOVED[:-1]),
        ({}, [*MOVED, MOVED[1]]),
        ({}, [*MOVED[:1], MOVED[1] | {"fee": 4_400}, *MOVED[2:]]),
        ({}, [*MOVED[:1], MOVED[1] | {"currency": "usd"}, *MOVED[2:]]),
        ({}, [*MOVED[:1], MOVED[1] | {"net": 145_500.0}, *MOVED[2:]]),
        ({}, [*MOVED[:1], "x", *MOVED[2:]]),
    ],
)
def test_what_does_not_sum_or_cannot_be_read_is_no_file(
    payout: dict[str, Any], transactions: list[Any]
) -> None:
    with pytest.raises(Malformed):
        payouts.written(PAYOUT | payout, transactions)


async def test_a_payout_is_fetched_page_by_page_over_http() -> None:
    rig = StripeRig()
    async with rig.running():
        gateway = rig.gateway()
        assert isinstance(gateway, PayoutTeller)
        for amount in (100_000, 200_000, 300_000):
            request = rig.request(amount)
            await gateway.start(request)
            rig.pay(request.order_ref, Outcome.SUCCEEDED)
        read = rows(await gateway.payout_file("po_today"))
        assert [row.amount for row in read] == [100_000, 200_000, 300_000]
        assert [row.net for row in read] == [97_000, 194_000, 291_000]
        charges = [c for o in rig.state.store.orders.values() for c in o.charges]
        assert [row.gateway_ref for row in read] == [charge.transaction_no for charge in charges]
        with pytest.raises(OutcomeUnknown, match="manual"):
            await gateway.payout_file("po_manual_1")
        with pytest.raises(GatewayMisuse):
            await gateway.payout_file("xx_1")
