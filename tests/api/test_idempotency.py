"""Idempotency keys: one POST, one effect, one answer, however often and however it is repeated."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from core import clock, failpoints, idempotency
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.attempts.inquiry import inquire
from payments.ports import AcceptedAttempt, DeclinedAttempt, StartRequest
from tests.support.problems import problem
from tests.support.rows import contents, count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

_HOLDS_A_KEY = (
    "locktype = 'advisory' AND database = (SELECT oid FROM pg_database"
    " WHERE datname = current_database())"
)
LINES = [{"fee": "2.000815", "quantity": 3}]


@pytest.fixture(autouse=True)
def _no_failpoint_left_over() -> Any:
    yield
    failpoints.clear()


def body(system: System, **changes: Any) -> dict[str, Any]:
    return {"agency": system.body.agency_code, "lines": LINES} | changes


async def bills_of(system: System, dossier: str) -> int:
    return await count(system.parts.database, "bill", "dossier_number = :d", d=dossier)


async def test_a_creation_without_a_key_is_refused_and_writes_nothing(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    before = await contents(system.parts.database)
    for path, sent in (
        ("/api/v1/bills", body(system)),
        (f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"}),
    ):
        answer = await system.client.post(path, json=sent)
        problem(answer, 400, "idempotency_key_missing", "Idempotency-Key")
    assert await contents(system.parts.database) == before


@pytest.mark.parametrize("key", ["", "k" * 256, "kh\u00f3a".encode("latin-1"), b"a\tb"])
async def test_a_malformed_key_is_refused_and_writes_nothing(
    shared_system: System, key: str | bytes
) -> None:
    system = shared_system
    before = await contents(system.parts.database)
    headers = {b"Idempotency-Key": key if isinstance(key, bytes) else key.encode()}
    answer = await system.client.post("/api/v1/bills", json=body(system), headers=headers)
    problem(answer, 400, "idempotency_key_invalid", "Idempotency-Key")
    assert await contents(system.parts.database) == before


@pytest.mark.parametrize("key", ["k", "k" * 255, '!"#~', "a, b; c=d"])
async def test_every_printable_key_of_1_to_255_characters_is_taken(
    shared_system: System, key: str
) -> None:
    answer = await shared_system.post("/api/v1/bills", body(shared_system), key)
    assert answer.status_code == 201


async def test_a_repeat_gets_the_same_status_and_the_same_bytes_for_ever_after(
    shared_system: System,
) -> None:
    system, key, dossier = shared_system, new_id("k"), new_id("d")
    sent = body(system, dossier_number=dossier, payer={"name": "Trần Văn Đỗ"})
    first = await system.post("/api/v1/bills", sent, key)
    assert first.status_code == 201
    bill = first.json()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    again = await system.post("/api/v1/bills", sent, key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    # What the body says decides, not how it is spaced or ordered.
    spaced = httpx2.Request("POST", "http://a", json=dict(reversed(sent.items()))).read()
    headers = {"Idempotency-Key": key, "Content-Type": "application/json; charset=utf-8"}
    other = await system.client.post("/api/v1/bills", content=b" " + spaced, headers=headers)
    assert (other.status_code, other.content) == (201, first.content)
    assert await bills_of(system, dossier) == 1


async def test_a_repeat_is_answered_even_when_its_fee_is_no_longer_in_force(
    shared_system: System,
) -> None:
    system, key = shared_system, new_id("k")
    sent = body(system, lines=[{"fee": "can-cuoc-cap-doi", "quantity": 1}])
    expiring = sent | {"expires_at": "2026-12-31T16:59:30Z"}
    with clock.frozen(datetime(2026, 12, 31, 16, 59, tzinfo=UTC)) as now:
        first = await system.post("/api/v1/bills", sent, key)
        timely = await system.post("/api/v1/bills", expiring, f"{key}-e")
        now.advance(timedelta(minutes=1))
        again = await system.post("/api/v1/bills", sent, key)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.json()["amount"] == 25_000
        # The expiry has passed meanwhile: that alone would now be refused.
        late = await system.post("/api/v1/bills", expiring, f"{key}-e")
        assert (late.status_code, late.content) == (201, timely.content)


async def test_a_key_with_another_body_is_refused_and_writes_nothing(shared_system: System) -> None:
    system, key = shared_system, new_id("k")
    bill = (await system.post("/api/v1/bills", body(system), key)).json()
    path = f"/api/v1/bills/{bill['id']}/payments"
    assert (await system.post(path, {"gateway": "paygov"}, key)).status_code == 201
    before = await contents(system.parts.database)
    other = body(system, lines=[{"fee": "2.000815", "quantity": 4}])
    answer = await system.post("/api/v1/bills", other, key)
    problem(answer, 422, "idempotency_key_reused", "Idempotency-Key")
    # Even where that other body could not be opened at all.
    answer = await system.post(
        "/api/v1/bills", body(system, lines=[{"fee": "x", "quantity": 1}]), key
    )
    problem(answer, 422, "idempotency_key_reused", "Idempotency-Key")
    answer = await system.post(path, {"gateway": "momo"}, key)
    problem(answer, 422, "idempotency_key_reused", "Idempotency-Key")
    assert await contents(system.parts.database) == before


async def test_a_refused_request_leaves_its_key_free(shared_system: System) -> None:
    system, key = shared_system, new_id("k")
    wrong = body(system, lines=[{"fee": "2.000815", "quantity": 0}])
    problem(await system.post("/api/v1/bills", wrong, key), 422)
    unknown = body(system, lines=[{"fee": "khong-co", "quantity": 1}])
    problem(await system.post("/api/v1/bills", unknown, key), 422)
    assert (await system.post("/api/v1/bills", body(system), key)).status_code == 201


async def test_one_key_is_another_key_for_another_client_and_another_route(
    shared_system: System,
) -> None:
    system, key = shared_system, new_id("k")
    first = (await system.post("/api/v1/bills", body(system), key)).json()
    async with system.parts.database.transaction() as session:
        _, secret = await create_api_key(session, agency_id=system.body.agency_id, label="other")
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
    other = body(system, lines=[{"fee": "2.000884", "quantity": 1}])
    second = await system.browser.post("/api/v1/bills", json=other, headers=headers)
    assert second.status_code == 201
    assert second.json()["amount"] == 10_000
    started = [
        await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"}, key)
        for bill in (first, second.json())
    ]
    assert [answer.status_code for answer in started] == [201, 201]
    assert started[0].json()["id"] != started[1].json()["id"]


async def test_a_repeat_while_the_first_request_runs_is_told_so_at_once(
    shared_system: System,
) -> None:
    system, key, dossier = shared_system, new_id("k"), new_id("d")
    sent = body(system, dossier_number=dossier)
    async with system.parts.database.transaction() as session:
        # The new bill's foreign key waits for this row; its request holds the key meanwhile.
        await session.execute(
            text("SELECT 1 FROM agency WHERE id = :id FOR UPDATE"), {"id": system.body.agency_id}
        )
        first = asyncio.create_task(system.post("/api/v1/bills", sent, key))
        while not await count(system.parts.database, "pg_locks", _HOLDS_A_KEY):
            pass
        refused = problem(await system.post("/api/v1/bills", sent, key), 409)
        assert (refused["code"], refused["retryable"]) == ("idempotency_in_flight", True)
        assert not first.done()
    assert (await first).status_code == 201
    again = await system.post("/api/v1/bills", sent, key)
    assert (again.status_code, again.content) == (201, (await first).content)
    assert await bills_of(system, dossier) == 1


async def test_thirty_requests_with_one_key_open_one_bill(shared_system: System) -> None:
    system, key, dossier = shared_system, new_id("k"), new_id("d")
    sent = body(system, dossier_number=dossier)
    answers = await asyncio.gather(*(system.post("/api/v1/bills", sent, key) for _ in range(30)))
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "idempotency_in_flight")
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await bills_of(system, dossier) == 1


@pytest.mark.parametrize("swept", [False, True])
async def test_after_72_hours_a_key_is_refused_for_ever(shared_system: System, swept: bool) -> None:
    system, key, dossier = shared_system, new_id("k"), new_id("d")
    sent = body(system, dossier_number=dossier)
    with clock.frozen(datetime(2026, 11, 20, 5, 0, tzinfo=UTC)) as now:
        first = await system.post("/api/v1/bills", sent, key)
        path = f"/api/v1/bills/{first.json()['id']}/payments"
        started = await system.post(path, {"gateway": "paygov"}, key)
        now.advance(timedelta(hours=72))
        assert (await system.post("/api/v1/bills", sent, key)).content == first.content
        assert (await system.post(path, {"gateway": "paygov"}, key)).content == started.content
        now.advance(timedelta(seconds=1))
        if swept:
            async with system.parts.database.transaction() as session:
                await idempotency.expire(session)
            hashed = await count(system.parts.database, "idempotency_key", "state = 'expired'")
            assert hashed >= 2
            assert not await count(
                system.parts.database, "idempotency_key", "state = 'expired' AND body IS NOT NULL"
            )
        problem(await system.post("/api/v1/bills", sent, key), 409, "idempotency_expired")
        answer = await system.post(path, {"gateway": "paygov"}, key)
        problem(answer, 409, "idempotency_expired")
        now.advance(timedelta(days=3650))
        problem(await system.post("/api/v1/bills", sent, key), 409, "idempotency_expired")
    assert await bills_of(system, dossier) == 1


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Holds every create call to the gateway back until it is set."""
    opened = asyncio.Event()
    genuine = PayGov.start

    async def held(self: PayGov, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        await opened.wait()
        return await genuine(self, request)

    monkeypatch.setattr(PayGov, "start", held)
    yield opened
    opened.set()


async def test_an_attempt_that_is_being_started_is_not_started_again(
    shared_system: System, gate: asyncio.Event
) -> None:
    system, key = shared_system, new_id("k")
    bill = await system.create_bill()
    path = f"/api/v1/bills/{bill['id']}/payments"
    first = asyncio.create_task(system.post(path, {"gateway": "paygov"}, key))
    while not (await system.read(bill))["payments"]:
        pass
    refused = problem(await system.post(path, {"gateway": "paygov"}, key), 409)
    assert (refused["code"], refused["retryable"]) == ("idempotency_in_flight", True)
    problem(await system.post(path, {"gateway": "momo"}, key), 422, "idempotency_key_reused")
    gate.set()
    assert (await first).status_code == 201
    again = await system.post(path, {"gateway": "paygov"}, key)
    assert (again.status_code, again.content) == (201, (await first).content)
    assert calls(system, bill) == 1


def calls(system: System, bill: dict[str, Any]) -> int:
    every = system.sandbox.store.create_calls.items()
    return sum(number for (_, order), number in every if order.startswith(bill["reference"]))


@pytest.mark.parametrize(
    ("place", "created", "status"),
    [
        ("checkout.after_intent", 0, "unknown"),
        ("checkout.after_call", 1, "unknown"),
        ("checkout.before_outcome_commit", 1, "unknown"),
    ],
)
async def test_a_start_that_stopped_half_way_is_taken_over_and_never_called_again(
    shared_system: System, place: str, created: int, status: str
) -> None:
    system, key, sent = shared_system, new_id("k"), {"gateway": "paygov"}
    bill = await system.create_bill()
    path = f"/api/v1/bills/{bill['id']}/payments"
    failpoints.configure(f"{place}=raise")
    problem(await system.post(path, sent, key), 500, "unexpected")
    failpoints.clear()
    problem(await system.post(path, sent, key), 409, "idempotency_in_flight")
    with clock.frozen(clock.now() + idempotency.LEASE + timedelta(seconds=1)) as now:
        # Two at once: one takes over, and both are told the same.
        both = await asyncio.gather(system.post(path, sent, key), system.post(path, sent, key))
        assert [answer.status_code for answer in both] == [201, 201]
        assert both[0].content == both[1].content
        assert both[0].json()["status"] == status
        assert calls(system, bill) == created
        now.advance(timedelta(seconds=1))
        await inquire(system.parts.payments, 1000)
        (payment,) = (await system.read(bill))["payments"]
        assert payment["status"] == ("submitted" if created else "unknown")
        again = await system.post(path, sent, key)
        assert (again.status_code, again.content) == (201, both[0].content)
    assert calls(system, bill) == created
    assert await system.broken() == []
