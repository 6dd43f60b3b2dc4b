"""How a bill stands, from its state and its payments."""

from datetime import UTC, date, datetime
from itertools import combinations

import pytest

from app.web.citizen.messages import OTHER, known_code, message_for
from app.web.citizen.situation import Doubt, situation_of
from app.web.policy import policy
from payments.attempts.checkout import (
    AmountNotTaken,
    BillNotPayable,
    GatewayNotOffered,
    OutcomePending,
    TooManyAttempts,
)
from payments.bills.queries import BillValue, PaymentValue
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown
from payments.states import BILL, PAYMENT

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def payment(status: str, credited: int | None = None, number: int = 1) -> PaymentValue:
    return PaymentValue(
        id=f"pay_{number}",
        kind="attempt",
        agency_id="agency_1",
        bill_id="bill_1",
        gateway="paygov",
        gateway_account_id="gw_1",
        collection_account_id="acct_1",
        status=status,
        amount=5000,
        credited=credited,
        order_ref="LP-01",
        gateway_ref=None,
        checkout=None,
        created_at=NOW,
        paid_at=None,
        accounting_on=None,
    )


def bill(status: str, *payments: PaymentValue) -> BillValue:
    return BillValue(
        id="bill_1",
        agency_id="agency_1",
        reference="LPAAAAAAAAAAAA",
        status=status,
        amount=5000,
        dossier_number=None,
        channel="online",
        language="vi",
        return_url=None,
        metadata={},
        expires_at=None,
        created_at=NOW,
        opened_on=date(2026, 11, 23),
        paid_at=None,
        lines=(),
        payments=payments,
    )


def test_a_fresh_bill_leaves_no_doubt_and_the_whole_amount() -> None:
    found = situation_of(bill("open"), 0)
    assert (found.doubt, found.received, found.remaining) == (None, 0, 5000)
    assert not found.final


def test_the_gravest_doubt_is_told_whatever_the_order_of_payments() -> None:
    gravest = ["held", "unknown", "submitted"]
    for more, less in combinations(gravest, 2):
        for order in ((more, less), (less, more)):
            found = situation_of(bill("open", *map(payment, order)), 0)
            assert found.doubt == more
            assert found.attempt is not None
            assert found.attempt.status == more


def test_part_of_the_amount_leaves_the_rest() -> None:
    found = situation_of(bill("open", payment("succeeded", 3000)), 0)
    assert (found.doubt, found.received, found.remaining) == (Doubt.SHORT, 3000, 2000)


def test_failed_and_expired_attempts_leave_no_doubt() -> None:
    attempts = [payment(status) for status in ("failed", "expired", "created")]
    assert situation_of(bill("open", *attempts), 0).doubt is None


@pytest.mark.parametrize("status", ["paid", "exempt", "cancelled"])
def test_a_settled_bill_asks_for_nothing_whatever_its_payments(status: str) -> None:
    payments = [payment("submitted"), payment("succeeded", 5000), payment("succeeded", 5000)]
    found = situation_of(bill(status, *payments), 1)
    assert (found.doubt, found.received, found.remaining) == (None, 0, 0)
    assert found.final


def test_a_paid_bill_is_watched_until_its_receipt_is_there() -> None:
    assert not situation_of(bill("paid"), 0).final
    assert situation_of(bill("paid"), 1).final


def test_every_state_of_a_bill_with_every_state_of_a_payment_has_its_own_version() -> None:
    seen: dict[str, tuple[str, Doubt | None, int, int]] = {}
    for status in BILL.states:
        for attempt in PAYMENT.states:
            for receipts in (0, 1):
                found = situation_of(bill(status, payment(attempt)), receipts)
                looks = (found.status, found.doubt, found.received, receipts)
                assert seen.setdefault(found.version, looks) == looks
    assert len(seen) == len(set(seen.values()))


def test_every_way_that_a_payment_can_fail_has_its_message() -> None:
    for error in (
        BillNotPayable,
        OutcomePending,
        TooManyAttempts,
        GatewayNotOffered,
        GatewayUnavailable,
        OutcomeUnknown,
        GatewayMisuse,
        AmountNotTaken,
    ):
        assert known_code(error.code) == error.code
        assert message_for(error.code) is not None


def test_a_failure_without_a_message_has_the_general_one_and_an_odd_code_none() -> None:
    assert known_code("disk_full") == OTHER
    assert message_for(OTHER) is not None
    assert message_for("Giao dịch thành công") is None
    assert message_for("") is None


def test_a_policy_names_each_origin_once_and_nothing_of_a_path() -> None:
    found = policy(["https://pay.example/a?b", "https://pay.example/c", "http://127.0.0.1:1/x"])
    assert found.endswith("; form-action 'self' http://127.0.0.1:1 https://pay.example")
    assert policy().endswith("; form-action 'self'")
