"""The sandbox's logic: its store, its lies, and that a seed makes them the same again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.paygov import dialect
from adapters.paygov.gateway import PayGov
from adapters.sandbox.dialects import paygov, payos
from adapters.sandbox.engine.deliveries import DeliveryState, WebhookDelivery
from adapters.sandbox.engine.faults import POSSIBLE, Fault, Operation
from adapters.sandbox.engine.replies import Reply, ResponseFault
from adapters.sandbox.engine.state import AlreadyFinal, PayerOutcome, SandboxState, Timing
from adapters.sandbox.engine.store import (
    BankAccount,
    Charge,
    Merchant,
    Order,
    OrderStatus,
    Store,
    journal_to,
)
from adapters.wording import Malformed
from core import clock
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    AttemptKey,
    GatewayAccount,
    GatewayResult,
    Outcome,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)
from tests.support.in_process_sandbox import InProcessSandbox

KEYS = {
    "partner_code": "PAYGOV-THU",
    "access_key": "access",
    "secret_key": "secret",
    "token": "token",
    "service_code": "service",
}
MERCHANT = Merchant("paygov", "PAYGOV-THU", KEYS, "http://h/callbacks/x")
CREDENTIALS = dialect.Credentials("PAYGOV-THU", "access", "secret", "token", "service")
ACCOUNT = BankAccount("sepay", "1020304050", "http://h/callbacks/bank", "bank-secret")
OK = b'{"error_code":"SUCCESSFUL","error_message":""}'
AUTHORIZATION = {"authorization": "Bearer token"}
AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.frozen(datetime(2026, 11, 22, 8, 0, tzinfo=UTC)) as stopped:
        yield stopped


@pytest.fixture
def state(time: clock.FrozenClock) -> SandboxState:
    return sandbox()


def sandbox(seed: int = 1, store: Store | None = None) -> SandboxState:
    made = SandboxState(seed=seed, timing=Timing(schedule=(1, 2)), store=store)
    made.open("paygov", KEYS, MERCHANT.callback_url)
    made.bank.open(ACCOUNT)
    return made


def request(number: int = 1, amount: int = 5_000) -> StartRequest:
    return StartRequest(
        f"A-{number:04d}-01", f"{number}", amount, "Lệ phí", "http://h/b", "", created_at=AT
    )


def ordered(state: SandboxState, number: int = 1, amount: int = 5_000) -> Order:
    body = dialect.create_body(CREDENTIALS, request(number, amount))
    assert paygov.create(state, body, AUTHORIZATION).status == 200
    order = state.order("PAYGOV-THU", f"A-{number:04d}-01")
    assert order is not None
    return order


def create(state: SandboxState, number: int = 1, amount: int = 5_000) -> Reply:
    return paygov.create(
        state, dialect.create_body(CREDENTIALS, request(number, amount)), AUTHORIZATION
    )


def query(state: SandboxState, order: Order) -> Reply:
    return paygov.query(state, dialect.query_body(CREDENTIALS, order.order_id), AUTHORIZATION)


def said(delivery: WebhookDelivery) -> GatewayResult:
    return dialect.read_report(CREDENTIALS, dialect.CALLBACK, json.loads(delivery.body))


def asked(state: SandboxState, order: Order) -> GatewayResult:
    reply = paygov.query(state, dialect.query_body(CREDENTIALS, order.order_id), AUTHORIZATION)
    return dialect.read_report(CREDENTIALS, dialect.ANSWER, json.loads(reply.body)["data"])


def carried(
    state: SandboxState, answer: bytes = OK, status: int | None = 200
) -> list[WebhookDelivery]:
    due = state.deliveries.take_due(state.now())
    for delivery in due:
        state.answered(delivery, state.headers_for(delivery), status, answer)
    return due


def test_success_charges_once_and_tells_it(state: SandboxState) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.SUCCESS)
    (callback,) = carried(state)
    assert said(callback).outcome is Outcome.SUCCEEDED
    assert order.charged == 5_000
    assert asked(state, order).gateway_ref == said(callback).gateway_ref
    assert callback.state is DeliveryState.ACKNOWLEDGED
    assert state.deliveries.next_due_at() is None


def test_a_decline_charges_nothing(state: SandboxState) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.DECLINE)
    (callback,) = carried(state)
    assert said(callback).outcome is Outcome.FAILED
    assert (order.charged, order.status) == (0, OrderStatus.FAILED)
    assert asked(state, order).outcome is Outcome.FAILED


def test_a_final_order_cannot_be_paid_again(state: SandboxState) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.SUCCESS)
    for outcome in PayerOutcome:
        with pytest.raises(AlreadyFinal):
            state.pay(order, outcome)
    assert order.charged == 5_000


@pytest.mark.parametrize("outcome", [PayerOutcome.TIMEOUT_AFTER_CHARGE, PayerOutcome.LOST_CALLBACK])
def test_a_lost_result_is_found_by_asking_only(
    state: SandboxState, time: clock.FrozenClock, outcome: PayerOutcome
) -> None:
    order = ordered(state)
    result = state.pay(order, outcome)
    assert (result.url is None) == (outcome is PayerOutcome.TIMEOUT_AFTER_CHARGE)
    time.advance(timedelta(days=1))
    assert carried(state) == []
    assert [d.state for d in state.deliveries.all] == [DeliveryState.LOST]
    assert asked(state, order).amount == order.charged == 5_000


def test_a_duplicate_is_three_times_the_same_bytes(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.DUPLICATE_CALLBACK)
    time.advance(timedelta(seconds=10))
    callbacks = carried(state)
    assert len(callbacks) == 3
    assert len({callback.body for callback in callbacks}) == 1
    assert order.charged == 5_000


def test_an_early_result_comes_before_a_query_knows(state: SandboxState) -> None:
    order = ordered(state)
    result = state.pay(order, PayerOutcome.EARLY_CALLBACK)
    assert [said(first).outcome for first in result.first] == [Outcome.SUCCEEDED]
    assert asked(state, order).outcome is Outcome.PENDING
    state.reveal(order)
    assert asked(state, order).outcome is Outcome.SUCCEEDED


def test_a_late_result_comes_late(state: SandboxState, time: clock.FrozenClock) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.LATE_CALLBACK)
    assert carried(state) == []
    assert asked(state, order).outcome is Outcome.SUCCEEDED
    time.advance(timedelta(seconds=state.timing.late))
    assert len(carried(state)) == 1


@pytest.mark.parametrize("amount", [1, 2, 99, 5_000, 10**13])
def test_a_wrong_amount_is_really_charged_and_told(time: clock.FrozenClock, amount: int) -> None:
    for seed in range(20):
        state = sandbox(seed)
        order = ordered(state, amount=amount)
        state.pay(order, PayerOutcome.WRONG_AMOUNT)
        (callback,) = carried(state)
        assert said(callback).amount == order.charged == asked(state, order).amount
        assert order.charged != amount
        assert 1 <= order.charged <= 10**13


def test_success_after_failure_tells_both_and_charges_once(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.SUCCESS_AFTER_FAILURE)
    assert [said(d).outcome for d in carried(state)] == [Outcome.FAILED]
    assert asked(state, order).outcome is Outcome.FAILED
    time.advance(timedelta(seconds=state.timing.failure_to_success))
    assert [said(d).outcome for d in carried(state)] == [Outcome.SUCCEEDED]
    assert asked(state, order).amount == order.charged == 5_000


def test_a_held_charge_is_told_as_held(state: SandboxState) -> None:
    order = ordered(state)
    state.pay(order, PayerOutcome.HELD)
    assert said(carried(state)[0]).outcome is Outcome.HELD
    assert asked(state, order).outcome is Outcome.HELD


def test_only_what_came_straight_and_is_not_held_stands_on_the_bank_s_statement(
    state: SandboxState,
) -> None:
    order = ordered(state)
    for dialect_of, number, held in (
        (payos.DIALECT, "FT1", False),
        (payos.DIALECT, "FT2", True),
        (paygov.DIALECT, "FT3", False),
    ):
        charge = Charge(number, 5_000, clock.now(), clock.now(), held)
        state.bank.credited(dialect_of, replace(order, details={"account": "1020304050"}), charge)
    told = [(one.reference_code, one.amount, one.balance) for one in state.store.movements]
    assert told == [("FT1", 5_000, 5_000)]
    assert state.bank.transfer("1020304050", 7_000, "x")[0].balance == 12_000


def test_a_forged_callback_fails_its_checksum_and_charges_nothing(state: SandboxState) -> None:
    order = ordered(state)
    forged = state.forge(MERCHANT, order.order_id, 5_000)
    with pytest.raises(Malformed):
        said(forged)
    assert order.charged == 0


def test_a_callback_is_repeated_until_it_is_acknowledged(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    state.pay(ordered(state), PayerOutcome.SUCCESS)
    bodies = []
    for status, answer in ((None, b""), (200, OK.replace(b"SUCCESSFUL", b"FAILED")), (503, OK)):
        bodies += [callback.body for callback in carried(state, answer, status)]
        assert carried(state) == [], "repeated before its time"
        time.advance(timedelta(seconds=2))
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    (delivery,) = state.deliveries.all
    assert delivery.state is DeliveryState.GIVEN_UP
    assert [attempt.status for attempt in delivery.attempts] == [None, 200, 503]


def test_the_same_bytes_are_the_same_order_and_others_are_refused(state: SandboxState) -> None:
    body = dialect.create_body(CREDENTIALS, request())
    first, again = (
        paygov.create(state, body, AUTHORIZATION),
        paygov.create(state, body, AUTHORIZATION),
    )
    assert first.body == again.body
    other = paygov.create(
        state, dialect.create_body(CREDENTIALS, request(amount=6_000)), AUTHORIZATION
    )
    assert (other.status, json.loads(other.body)["error_code"]) == (409, "94")
    assert state.store.create_calls == {("PAYGOV-THU", "A-0001-01"): 3}
    assert len(state.store.orders) == 1


@pytest.mark.parametrize(
    ("change", "authorization"),
    [
        ({}, {"authorization": "Bearer another"}),
        ({}, {}),
        ({"amount": 6_000}, AUTHORIZATION),
        ({"accessKey": "another"}, AUTHORIZATION),
        ({"partnerCode": "PAYGOV-KHAC"}, AUTHORIZATION),
        ({"serviceCode": "another"}, AUTHORIZATION),
        ({"amount": "5000"}, AUTHORIZATION),
        ({"orderInfo": "Lệ phí"}, AUTHORIZATION),
        ({"extra": "1"}, AUTHORIZATION),
    ],
)
def test_a_create_call_that_is_not_the_merchant_s_is_refused(
    state: SandboxState, change: dict[str, Any], authorization: dict[str, str]
) -> None:
    body = json.loads(dialect.create_body(CREDENTIALS, request()))
    reply = paygov.create(state, json.dumps(body | change).encode(), authorization)
    assert reply.status in (400, 401, 403)
    assert state.store.orders == {}


def test_a_scripted_fault_strikes_as_often_as_it_was_asked_for(state: SandboxState) -> None:
    state.faults.script("PAYGOV-THU", Operation.CREATE, Fault.TIMEOUT, count=2)
    body = dialect.create_body(CREDENTIALS, request())
    faults = [paygov.create(state, body, AUTHORIZATION).spoilt for _ in range(3)]
    assert faults == [ResponseFault.NEVER, ResponseFault.NEVER, ResponseFault.NONE]


@pytest.mark.parametrize("operation", Operation)
def test_a_fault_that_makes_no_sense_is_refused(state: SandboxState, operation: Operation) -> None:
    for fault in set(Fault) - set(POSSIBLE[operation]):
        with pytest.raises(ValueError, match=fault):
            state.faults.script("PAYGOV-THU", operation, fault)


def test_the_same_seed_gives_the_same_lies(time: clock.FrozenClock) -> None:
    def story(seed: int) -> list[Any]:
        state = sandbox(seed)
        for operation in Operation:
            account = "1020304050" if operation is Operation.CREDIT else "PAYGOV-THU"
            state.faults.randomly(account, operation, 0.7)
        told: list[Any] = []
        for number in range(1, 30):
            reply = paygov.create(
                state,
                dialect.create_body(CREDENTIALS, request(number, 1_000 + number)),
                AUTHORIZATION,
            )
            told.append(reply.status)
            told.append(reply.body)
            order = state.order("PAYGOV-THU", f"A-{number:04d}-01")
            if order is not None and order.status is OrderStatus.OPEN:
                state.pay(order, PayerOutcome.SUCCESS)
                told.append(asked_body(state, order))
            state.bank.transfer("1020304050", number, "LPABC")
        told += [(d.kind, d.state, d.body) for d in state.deliveries.all]
        return told

    def asked_body(state: SandboxState, order: Order) -> bytes:
        return paygov.query(
            state, dialect.query_body(CREDENTIALS, order.order_id), AUTHORIZATION
        ).body

    assert story(5) == story(5)
    assert story(5) != story(6)


@pytest.mark.parametrize("fault", POSSIBLE[Operation.CREATE])
async def test_the_adapter_never_mistakes_a_spoilt_create(
    state: SandboxState, fault: Fault
) -> None:
    """Whatever the gateway does, what the adapter says is compatible with its books."""

    async def receive(callback: RawCallback) -> Acknowledgement:
        return Acknowledgement(200, OK)

    gateway = PayGov(gateway_account(), http=InProcessSandbox(state, receive).http("paygov"))
    state.faults.script("PAYGOV-THU", Operation.CREATE, fault, retry_after="0")
    result: Any = None
    try:
        result = await gateway.start(request())
    except OutcomeUnknown as error:
        result = error
    order = state.order("PAYGOV-THU", "A-0001-01")
    if isinstance(result, AcceptedAttempt):
        assert order is not None
    elif not isinstance(result, OutcomeUnknown):
        assert order is None
    assert state.store.create_calls["PAYGOV-THU", "A-0001-01"] <= 2
    assert order is None or order.charged in (0, 5_000)


async def test_an_early_callback_arrives_before_create_is_answered(state: SandboxState) -> None:
    heard: list[GatewayResult] = []

    async def receive(callback: RawCallback) -> Acknowledgement:
        heard.append(gateway.read_notice(callback))
        assert (await gateway.query(AttemptKey("A-0001-01", AT))).outcome is Outcome.PENDING
        return Acknowledgement(200, OK)

    gateway = PayGov(gateway_account(), http=InProcessSandbox(state, receive).http("paygov"))
    state.faults.script("PAYGOV-THU", Operation.CREATE, Fault.EARLY_CALLBACK)
    assert isinstance(await gateway.start(request()), AcceptedAttempt)
    assert [report.outcome for report in heard] == [Outcome.SUCCEEDED]
    assert (await gateway.query(AttemptKey("A-0001-01", AT))).outcome is Outcome.SUCCEEDED


async def test_a_receiver_that_is_away_hears_it_later(
    state: SandboxState, time: clock.FrozenClock
) -> None:
    away = True

    async def receive(callback: RawCallback) -> Acknowledgement:
        if away:
            raise ConnectionRefusedError
        return Acknowledgement(200, OK)

    in_process = InProcessSandbox(state, receive)
    state.pay(ordered(state), PayerOutcome.SUCCESS)
    assert await in_process.send_due() == 1
    assert await in_process.send_due() == 0
    away = False
    time.advance(timedelta(seconds=1))
    assert await in_process.send_due() == 1
    assert state.deliveries.all[0].state is DeliveryState.ACKNOWLEDGED


def test_a_transfer_is_noted_and_told_once(state: SandboxState) -> None:
    movement, notice = state.bank.transfer("1020304050", 5_000, "LPABC")
    _, out = state.bank.transfer("1020304050", 2_000, "sweep", direction="out")
    assert (notice.dialect, notice.url) == ("sepay", ACCOUNT.feed_url)
    told = json.loads(out.body)
    assert (told["transferType"], told["accumulated"]) == ("out", 3_000)
    assert movement.reference_code
    assert told["referenceCode"] != movement.reference_code
    assert told["id"] == movement.id + 1


@pytest.mark.parametrize(
    ("fault", "kinds", "sent"),
    [
        (Fault.LOST_CALLBACK, ["genuine"], 0),
        (Fault.LATE_CALLBACK, ["genuine"], 0),
        (Fault.DUPLICATE_CALLBACK, ["duplicate", "genuine"], 2),
        (Fault.FORGED_CALLBACK, ["forged", "genuine"], 2),
    ],
)
def test_a_credit_can_go_wrong_on_its_way(
    state: SandboxState, fault: Fault, kinds: list[str], sent: int
) -> None:
    state.faults.script("1020304050", Operation.CREDIT, fault)
    state.bank.transfer("1020304050", 5_000, "LPABC")
    assert [delivery.kind for delivery in state.deliveries.all] == kinds
    assert len(carried(state, b'{"success":true}')) == sent
    assert len(state.store.movements) == 1


def test_forged_notices_carry_another_signature(state: SandboxState) -> None:
    state.faults.script("1020304050", Operation.CREDIT, Fault.FORGED_CALLBACK)
    state.bank.transfer("1020304050", 5_000, "LPABC")
    forged, genuine = state.deliveries.all
    assert forged.body == genuine.body
    assert state.headers_for(forged) != state.headers_for(genuine)


def test_references_do_not_come_again_after_a_restart(time: clock.FrozenClock) -> None:
    """The demo's database outlives the sandbox: a number used twice would be money lost."""
    seen: set[str] = set()
    for _restart in range(3):
        state = SandboxState()
        state.open("paygov", KEYS, MERCHANT.callback_url)
        state.bank.open(ACCOUNT)
        for number in range(1, 20):
            order = ordered(state, number)
            state.pay(order, PayerOutcome.SUCCESS)
            seen.add(order.charges[0].transaction_no)
            movement, _ = state.bank.transfer("1020304050", 1, "x")
            seen.add(movement.reference_code)
    assert len(seen) == 3 * 19 * 2


def test_the_journal_keeps_every_charge_and_no_secret(
    time: clock.FrozenClock, tmp_path: Path
) -> None:
    path = tmp_path / "books.jsonl"
    state = sandbox(store=Store(journal=journal_to(path)))
    state.pay(ordered(state), PayerOutcome.SUCCESS)
    state.pay(ordered(state, 2), PayerOutcome.DECLINE)
    state.bank.transfer("1020304050", 7_000, "LPABC")
    text = path.read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["event"] for row in rows] == ["order", "charge", "order", "failure", "movement"]
    assert rows[1]["amount"] == 5_000
    assert rows[1]["order_id"] == "A-0001-01"
    assert "secret" not in text


def gateway_account() -> GatewayAccount:
    return GatewayAccount("paygov", "thu", "http://127.0.0.1/paygov", KEYS)
