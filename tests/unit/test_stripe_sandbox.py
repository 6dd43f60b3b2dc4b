"""Stripe's Checkout as the sandbox plays it: it refuses what the real one refuses, by its words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.state import PayerOutcome, SandboxState
from adapters.sandbox.engine.store import Order
from core import clock, json

KEYS = {"api_key": "sk_test_1", "webhook_secret": "whsec_1"}
NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
PRICE = "line_items[0][price_data]"
SESSION = {
    "mode": "payment",
    "client_reference_id": "LPA-01",
    f"{PRICE}[currency]": "vnd",
    f"{PRICE}[unit_amount]": "150000",
    f"{PRICE}[product_data][name]": "Le phi",
    "line_items[0][quantity]": "1",
    "success_url": "https://le-phi.example/b",
    "expires_at": str(int(NOW.timestamp()) + 3_600),
    "metadata[request_code]": "pay_1",
}


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.frozen(NOW) as stopped:
        yield stopped


@pytest.fixture
def state(time: clock.FrozenClock) -> SandboxState:
    made = SandboxState(seed=1)
    made.open("stripe", KEYS, "http://h/callbacks/stripe/x")
    return made


def called(state: SandboxState, path: str, form: dict[str, str], key: str) -> Reply:
    headers = {"authorization": f"Bearer {KEYS['api_key']}"}
    headers |= {"idempotency-key": key} if key else {}
    request = ProviderRequest("POST", path, "", headers, urlencode(form).encode())
    reply = state.handle("stripe", request)
    assert isinstance(reply, Reply)
    return reply


def created(state: SandboxState, key: str = "lephi-LPA-01", **changes: str) -> Reply:
    form = {name: value for name, value in (SESSION | changes).items() if value != "-"}
    return called(state, "v1/checkout/sessions", form, key)


def refunded(state: SandboxState, amount: str, ref: str = "R-1", key: str = "lephi-R-1") -> Reply:
    (order,) = state.store.orders.values()
    number = order.charges[0].transaction_no
    form = {"payment_intent": number, "amount": amount, "metadata[refund_ref]": ref}
    return called(state, "v1/refunds", form, key)


def fault_of(reply: Reply) -> tuple[int, str, str | None, str | None]:
    said: Any = json.loads(reply.body)
    wrong = said["error"]
    return reply.status, wrong["type"], wrong.get("code"), wrong.get("param")


REUSED = (400, "idempotency_error", None, None)


def refused(code: str, param: str | None) -> tuple[int, str, str | None, str | None]:
    return (400, "invalid_request_error", code, param)


def test_a_session_is_made_once_for_its_key(state: SandboxState) -> None:
    """Nothing of what follows is refused because everything is."""
    first, again = created(state), created(state)
    assert (first.status, again.body) == (200, first.body)
    assert len(state.store.orders) == 1


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({f"{PRICE}[unit_amount]": "11999"}, "amount_too_small", "line_items"),
        ({f"{PRICE}[unit_amount]": "100000000"}, "amount_too_large", "line_items"),
        ({f"{PRICE}[unit_amount]": "1.5"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
        ({f"{PRICE}[unit_amount]": "-"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
        ({f"{PRICE}[currency]": "usd"}, "parameter_invalid", "line_items"),
        ({"line_items[0][quantity]": "2"}, "parameter_invalid", "line_items"),
        ({"success_url": "-"}, "parameter_missing", "success_url"),
        ({"success_url": "le-phi.example"}, "url_invalid", "success_url"),
        ({"mode": "-"}, "parameter_missing", "mode"),
        ({"expires_at": str(int(NOW.timestamp()) + 1_799)}, "parameter_invalid", "expires_at"),
        ({"expires_at": str(int(NOW.timestamp()) + 86_401)}, "parameter_invalid", "expires_at"),
        ({"expires_at": "-"}, "parameter_invalid", "expires_at"),
    ],
)
def test_what_no_session_can_be_is_refused_with_the_parameter(
    state: SandboxState, changes: dict[str, str], code: str, param: str
) -> None:
    assert fault_of(created(state, **changes)) == refused(code, param)
    assert state.store.orders == {}


@pytest.mark.parametrize("ahead", [1_800, 86_400])
def test_a_session_may_end_from_half_an_hour_to_a_day_ahead(
    state: SandboxState, ahead: int
) -> None:
    assert created(state, expires_at=str(int(NOW.timestamp()) + ahead)).status == 200


def test_a_key_is_used_with_the_parameters_that_it_was_first_used_with(
    state: SandboxState,
) -> None:
    assert created(state, "lephi-X-LPA-01").status == 200
    other_amount = {f"{PRICE}[unit_amount]": "150001"}
    assert fault_of(created(state, "lephi-X-LPA-01", **other_amount)) == REUSED
    assert fault_of(created(state, "lephi-X-LPA-01", expires_at="-")) == REUSED
    other_order = created(state, "lephi-X-LPA-01", client_reference_id="A-01")
    assert fault_of(other_order) == REUSED
    assert [order.amount for order in state.store.orders.values()] == [150_000]


@pytest.mark.parametrize("key", ["", "another", "k" * 250 + "LPA-01"])
def test_a_call_without_a_key_of_its_own_is_caught(state: SandboxState, key: str) -> None:
    assert fault_of(created(state, key)) == refused("parameter_missing", "Idempotency-Key")


def test_the_very_call_again_is_answered_however_late(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    first = json.loads(created(state).body)
    time.advance(timedelta(seconds=3_000))
    again = json.loads(created(state).body)
    assert isinstance(first, dict)
    assert isinstance(again, dict)
    assert again["id"] == first["id"]


def test_a_session_whose_time_is_over_takes_no_money_and_says_so(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    created(state)
    (order,) = state.store.orders.values()
    page = ProviderRequest("GET", order.page.removeprefix("/stripe/"))
    time.advance(timedelta(seconds=3_599))
    assert isinstance(state.handle("stripe", page), Order)
    time.advance(timedelta(seconds=1))
    over = state.handle("stripe", page)
    assert isinstance(over, Reply)
    assert over.status == 410
    headers = {"authorization": f"Bearer {KEYS['api_key']}"}
    listed = state.handle("stripe", ProviderRequest("GET", "v1/checkout/sessions", "", headers))
    assert isinstance(listed, Reply)
    said: Any = json.loads(listed.body)
    assert [(one["status"], one["payment_status"]) for one in said["data"]] == [
        ("expired", "unpaid")
    ]


def test_money_back_is_never_more_than_was_charged(state: SandboxState) -> None:
    created(state)
    (order,) = state.store.orders.values()
    state.pay(order, PayerOutcome.SUCCESS)
    too_much = refused("amount_too_large", "amount")
    assert fault_of(refunded(state, "150001")) == too_much
    assert refunded(state, "100000").status == 200
    assert fault_of(refunded(state, "50001", "R-2", "lephi-R-2")) == too_much
    assert fault_of(refunded(state, "1e3", "R-2", "lephi-R-2")) == refused(
        "parameter_invalid_integer", "amount"
    )
    assert fault_of(refunded(state, "100000", "R-2", "")) == refused(
        "parameter_missing", "Idempotency-Key"
    )
    assert fault_of(refunded(state, "99999")) == REUSED
    assert [one.amount for one in state.store.refunds_of(order)] == [100_000]
