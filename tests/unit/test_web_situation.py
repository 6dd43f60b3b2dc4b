"""How a bill stands, from its state and its payments."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import combinations, product
from typing import Any

import pytest

from app.web.citizen.messages import OTHER, known_code, message_for
from app.web.citizen.situation import UNDER_WAY, AttemptEnd, Doubt, Situation, situation_of
from app.web.citizen.under_way import message_beside
from app.web.policy import policy
from payments.attempts.checkout import (
    AttemptOpen,
    BillNotPayable,
    OutcomePending,
)
from payments.attempts.leaving import AttemptUnclear
from payments.attempts.offering import AmountNotTaken, GatewayNotOffered
from payments.bills.queries import BillValue, PaymentValue
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown
from payments.states import BILL, PAYMENT

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def payment(status: str, credited: int | None = None, number: int = 1, **more: Any) -> PaymentValue:
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
        **more,
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
    gravest = ["held", "unknown", "created", "submitted"]
    for more, less in combinations(gravest, 2):
        for order in ((more, less), (less, more)):
            found = situation_of(bill("open", *map(payment, order)), 0)
            assert found.doubt == {"created": "starting"}.get(more, more)
            assert found.attempt is not None
            assert found.attempt.status == more


def test_part_of_the_amount_leaves_the_rest() -> None:
    found = situation_of(bill("open", payment("succeeded", 3000)), 0)
    assert (found.doubt, found.received, found.remaining) == (Doubt.SHORT, 3000, 2000)


def test_what_the_gateway_said_is_told_apart_from_its_silence() -> None:
    for says, doubt in ((None, Doubt.SUBMITTED), ("pending", Doubt.UNPAID)):
        found = situation_of(bill("open", payment("submitted", gateway_says=says)), 0)
        assert (found.doubt, found.may_leave) == (doubt, doubt is Doubt.UNPAID)
    # That it knows no order tells nothing of an attempt whose answer was lost.
    found = situation_of(bill("open", payment("unknown", gateway_says="not_found")), 0)
    assert (found.doubt, found.may_leave) == (Doubt.UNKNOWN, False)


@pytest.mark.parametrize("status", ["created", "unknown", "submitted", "held"])
def test_nothing_is_payable_while_a_payment_is_under_way(status: str) -> None:
    for payments in ((payment(status),), (payment(status), payment("failed", number=2))):
        found = situation_of(bill("open", *payments), 0)
        assert (found.payable, found.remaining, found.ended) == (0, 5000, None)
        assert found.doubt in UNDER_WAY


def test_an_open_attempt_can_be_left_past_its_time_and_held_money_cannot() -> None:
    for status in ("created", "unknown", "submitted"):
        assert situation_of(bill("open", payment(status)), 0, over=True).may_leave
    assert not situation_of(bill("open", payment("held")), 0, over=True).may_leave


def test_the_end_of_the_last_attempt_is_told_and_the_bill_is_payable() -> None:
    ends = {"failed": AttemptEnd.DECLINED, "expired": AttemptEnd.LAPSED}
    for status, ended in ends.items():
        found = situation_of(bill("open", payment("failed"), payment(status, number=2)), 0)
        assert (found.doubt, found.ended, found.payable) == (None, ended, 5000)
        assert found.attempt is not None
        assert found.attempt.id == "pay_2"


@pytest.mark.parametrize("error", [GatewayUnavailable, GatewayMisuse])
def test_an_attempt_that_never_came_to_the_gateway_is_no_decline(
    error: type[GatewayUnavailable | GatewayMisuse],
) -> None:
    assert situation_of(bill("open", payment("failed", gateway_code=error.code)), 0).ended is None


def test_what_a_page_tells_by_itself_is_not_told_twice() -> None:
    def told(situation: Situation, code: str) -> bool:
        return message_beside(situation, code) is not None

    clear = situation_of(bill("open"), 0)
    unknown = situation_of(bill("open", payment("unknown")), 0)
    unpaid = situation_of(bill("open", payment("submitted", gateway_says="pending")), 0)
    declined = situation_of(bill("open", payment("failed")), 0)
    for code in ("payment_outcome_pending", "attempt_open", "idempotency_in_flight"):
        assert not any(told(one, code) for one in (clear, unknown, unpaid, declined))
    assert [told(one, "payment_declined") for one in (clear, declined)] == [True, False]
    assert [told(one, "attempt_unclear") for one in (unknown, unpaid)] == [False, True]
    assert told(declined, "gateway_unavailable")
    assert not told(unknown, "gateway_unavailable")
    assert not told(situation_of(bill("paid"), 1), "gateway_unavailable")


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
    seen: dict[str, tuple[object, ...]] = {}
    for status in BILL.states:
        for attempt in PAYMENT.states:
            for receipts, says, over in product((0, 1), (None, "pending"), (False, True)):
                made = bill(status, payment(attempt, gateway_says=says))
                found = situation_of(made, receipts, over=over)
                told = (found.status, found.doubt, found.ended, found.may_leave)
                looks = (*told, found.received, receipts)
                assert seen.setdefault(found.version, looks) == looks
    assert len(seen) == len(set(seen.values()))


def test_another_attempt_in_the_same_state_is_another_version() -> None:
    first, second = payment("submitted"), replace(payment("submitted"), order_ref="LP-02")
    versions = {situation_of(bill("open", one), 0).version for one in (first, second)}
    assert len(versions) == 2


def test_every_way_that_a_payment_can_fail_has_its_message() -> None:
    for error in (
        BillNotPayable,
        OutcomePending,
        AttemptOpen,
        AttemptUnclear,
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
