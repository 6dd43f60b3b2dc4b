"""VNPay as the sandbox plays it: what it takes, what it refuses, and how often it calls."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from adapters.sandbox.dialects import vnpay
from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.state import PayerOutcome, SandboxState, Timing
from adapters.sandbox.engine.store import Order
from adapters.vnpay import dialect
from adapters.vnpay.gateway import VNPay
from core import clock
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import (
    Acknowledgement,
    AttemptKey,
    GatewayAccount,
    Outcome,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)
from tests.support.in_process_sandbox import InProcessSandbox

KEYS = {"tmn_code": "LEPHI001", "hash_secret": "SECRET"}
CREDENTIALS = dialect.Credentials("LEPHI001", "SECRET")
NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
REQUEST = StartRequest(
    "LPA-01", "p", 5_000, "Le phi", "https://le-phi.example/b", "", created_at=NOW
)


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.frozen(NOW) as stopped:
        yield stopped


@pytest.fixture
def state(time: clock.FrozenClock) -> SandboxState:
    made = SandboxState(seed=1, timing=Timing(schedule=(300, 1)))
    made.open("vnpay", KEYS, "http://h/callbacks/vnpay/x")
    return made


def opened(state: SandboxState, query: str) -> Order | Reply | None:
    return state.handle("vnpay", ProviderRequest("GET", "vpcpay.html", query))


def test_the_address_of_our_adapter_is_understood(state: SandboxState) -> None:
    order = opened(state, dialect.pay_query(CREDENTIALS, REQUEST))
    assert isinstance(order, Order)
    assert (order.order_id, order.amount, order.order_info) == ("LPA-01", 5_000, "Le phi")
    assert opened(state, dialect.pay_query(CREDENTIALS, REQUEST)) is order


@pytest.mark.parametrize(
    "change",
    [
        {"vnp_Amount": "500001"},
        {"vnp_Amount": "499900"},
        {"vnp_Amount": "100000000000"},
        {"vnp_TmnCode": "LEPHI002"},
        {"vnp_Version": "2.0.0"},
        {"vnp_OrderInfo": ""},
        {"vnp_IpAddr": "::1"},
        {"vnp_Extra": "1"},
        {"vnp_ExpireDate": "20261128145959"},
    ],
)
def test_what_vnpay_refuses_is_refused_although_it_is_signed(
    state: SandboxState, change: dict[str, str]
) -> None:
    fields = dict(parse_qsl(dialect.pay_query(CREDENTIALS, REQUEST))) | change
    del fields["vnp_SecureHash"]
    merchant = state.store.merchants["LEPHI001"]
    text = urlencode(sorted(fields.items()))
    reply = opened(state, f"{text}&vnp_SecureHash={vnpay._sha512(merchant, text)}")
    assert isinstance(reply, Reply)
    assert reply.status == 400
    assert state.store.orders == {}


async def test_an_answer_that_an_outsider_has_signed_says_nothing_and_the_next_one_does(
    state: SandboxState,
) -> None:
    """What it was asked for is done all the same: it is asked about, and never called for again."""
    order = opened(state, dialect.pay_query(CREDENTIALS, REQUEST))
    assert isinstance(order, Order)
    state.pay(order, PayerOutcome.SUCCESS)
    account = GatewayAccount(
        "vnpay", "x", "http://127.0.0.1/vnpay/paymentv2", {**KEYS, "refund": "yes"}
    )
    adapter = VNPay(account, http=InProcessSandbox(state, no_receiver).http("vnpay"))
    attempt = AttemptKey(REQUEST.order_ref, NOW)
    state.faults.script("LEPHI001", Operation.QUERY, Fault.FORGED_ANSWER)
    with pytest.raises(OutcomeUnknown, match="vnp_SecureHash"):
        await adapter.query(attempt)
    assert (await adapter.query(attempt)).outcome is Outcome.SUCCEEDED
    number = order.charges[0].transaction_no
    back = RefundOrder("rf-1", REQUEST.order_ref, number, 2_000, 5_000, "hoàn", "u", NOW, NOW)
    state.faults.script("LEPHI001", Operation.REFUND, Fault.FORGED_ANSWER)
    with pytest.raises(OutcomeUnknown, match="vnp_SecureHash"):
        await adapter.refund(back)
    assert (await adapter.query_refund(back)).outcome is RefundOutcome.SUCCEEDED
    assert [one.amount for one in state.store.refunds.values()] == [2_000]


async def test_an_adapter_that_believes_every_hash_would_take_it_for_an_answer(
    state: SandboxState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: all else in such an answer is right."""
    order = opened(state, dialect.pay_query(CREDENTIALS, REQUEST))
    assert isinstance(order, Order)
    state.pay(order, PayerOutcome.SUCCESS)
    account = GatewayAccount("vnpay", "x", "http://127.0.0.1/vnpay/paymentv2", KEYS)
    adapter = VNPay(account, http=InProcessSandbox(state, no_receiver).http("vnpay"))
    monkeypatch.setattr("adapters.vnpay.dialect.hmac.compare_digest", lambda *_: True)
    state.faults.script("LEPHI001", Operation.QUERY, Fault.FORGED_ANSWER)
    result = await adapter.query(AttemptKey(REQUEST.order_ref, NOW))
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, 5_000)


async def no_receiver(_: RawCallback) -> Acknowledgement:
    raise ConnectionError


def test_an_address_that_was_changed_or_is_too_old_opens_nothing(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    query = dialect.pay_query(CREDENTIALS, REQUEST)
    for other in ("", query.replace("500000", "600000"), query[:-1], f"{query}&vnp_TxnRef=X"):
        assert isinstance(opened(state, other), Reply)
    time.advance(timedelta(minutes=16))
    assert isinstance(opened(state, query), Reply)
    assert state.store.orders == {}


def test_another_amount_under_a_known_order_is_refused(state: SandboxState) -> None:
    assert isinstance(opened(state, dialect.pay_query(CREDENTIALS, REQUEST)), Order)
    other = dialect.pay_query(CREDENTIALS, replace(REQUEST, amount=6_000))
    assert isinstance(opened(state, other), Reply)


@pytest.mark.parametrize("code", ["01", "04", "97", "99", ""])
def test_it_calls_ten_times_at_five_minutes_distance_unless_it_hears_00_or_02(
    state: SandboxState, time: clock.FrozenClock, code: str
) -> None:
    order = opened(state, dialect.pay_query(CREDENTIALS, REQUEST))
    assert isinstance(order, Order)
    state.pay(order, PayerOutcome.SUCCESS)
    (delivery,) = state.deliveries.all
    urls = []
    for _ in range(20):
        for due in state.deliveries.take_due(state.now()):
            urls.append(due.url)
            state.answered(due, {}, 200, f'{{"RspCode": "{code}"}}'.encode())
        time.advance(timedelta(minutes=5))
    assert (delivery.state, len(urls), len(set(urls))) == (DeliveryState.GIVEN_UP, 10, 1)
    waits = {b.at - a.at for a, b in zip(delivery.attempts, delivery.attempts[1:], strict=False)}
    assert waits == {timedelta(minutes=5)}


@pytest.mark.parametrize("code", ["00", "02"])
def test_00_and_02_end_the_calls(state: SandboxState, code: str) -> None:
    order = opened(state, dialect.pay_query(CREDENTIALS, REQUEST))
    assert isinstance(order, Order)
    state.pay(order, PayerOutcome.SUCCESS)
    (delivery,) = state.deliveries.take_due(state.now())
    state.answered(delivery, {}, 200, f'{{"RspCode":"{code}"}}'.encode())
    assert delivery.state is DeliveryState.ACKNOWLEDGED


def test_numbers_of_charges_have_at_most_fifteen_digits_and_do_not_come_twice(
    state: SandboxState,
) -> None:
    numbers = [vnpay.DIALECT.transaction_no(NOW, state.rng, count) for count in range(100)]
    assert len(set(numbers)) == 100
    assert all(number.isdigit() and len(number) <= 15 for number in numbers)
