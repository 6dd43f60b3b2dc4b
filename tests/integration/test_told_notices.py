"""Each kept notice goes its own way: what is written of it, and of no other beside it."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlmodel import select

from core import clock, failpoints
from core.audit import AuditEntry
from core.db import DatabaseUnavailable
from core.errors import Conflict
from core.ids import new_id
from payments.bills.models import Payment
from payments.books.recording import Recording
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.incoming import notices
from payments.incoming.keeping import event_key, keep, set_aside_unread
from payments.incoming.models import UNREADABLE, Callback
from payments.incoming.notices import apply, apply_waiting
from payments.incoming.sealing import content_of, open_sealed
from payments.notice_json import read_notice
from payments.ports import (
    CallbackResult,
    GatewayResult,
    NoticeContent,
    NoticeUnreadable,
    Outcome,
)
from tests.support.callbacks import PAYGOV, call, notify, order_of, result_of
from tests.support.kept_notices import (
    AT,
    MOMENT,
    SECOND,
    Log,
    account_of,
    counted,
    credit,
    kept,
    plant,
    raw,
    rows,
    system,
)
from tests.support.system import System

__all__ = ["system"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    found = Log()
    monkeypatch.setattr(notices, "log", found)
    return found


@pytest.fixture
def grown() -> Any:
    """What the figures of refused callbacks have grown by."""
    was = counted()
    return lambda: {
        key: n - was.get(key, 0) for key, n in counted().items() if n != was.get(key, 0)
    }


async def test_what_is_kept_says_everything_and_is_applied_alone(system: System) -> None:
    told = credit(narrative="CK DEN 1"), credit(9_000, narrative="CK DEN 2")
    call_ = raw(b"as it came", AT)
    account = await account_of(system)
    patience = timedelta(seconds=10)
    one, other = await keep(
        system.parts.payments, account, told, call_, ("content-type",), patience
    )
    assert [(one.account, one.content), (other.account, other.content)] == [
        (account, told[0]),
        (account, told[1]),
    ]
    found = await rows(system)
    for row, content in ((found[one.id], told[0]), (found[other.id], told[1])):
        assert (row.gateway_account_id, row.event_key) == (account.id, event_key(content))
        assert (row.state, row.result, row.attempts) == ("received", None, 0)
        assert (row.received_at, row.due_at) == (AT, AT + patience)
        assert (row.applied_at, row.last_error) == (None, None)
        cipher = system.parts.cipher
        assert open_sealed(cipher, row.id, row.raw) == replace(
            call_, headers={"content-type": "text/plain"}
        )
        assert row.content is not None
        assert read_notice(cipher.decrypt(row.content, content_of(row.id))) == content
    with clock.frozen(AT):
        assert await apply(system.parts.payments, one) is CallbackResult.ACCEPTED
    found = await rows(system)
    assert (found[one.id].state, found[one.id].result) == ("applied", "accepted")
    assert (found[one.id].attempts, found[one.id].applied_at) == (1, AT)
    assert (found[other.id].state, found[other.id].attempts) == ("received", 0)
    # Its money is recorded by who told of it, and once.
    async with system.parts.database.reading() as session:
        (payment,) = await session.all(
            select(Payment).where(Payment.gateway_ref == told[0].bank_ref)
        )
        actors = await session.all(
            select(AuditEntry.actor).where(AuditEntry.object_id == payment.id).distinct()
        )
    assert (payment.credited, actors) == (7_000, ["gateway:sepay"])
    assert await apply(system.parts.payments, one) is CallbackResult.REPEATED
    assert (await rows(system))[one.id].attempts == 1


async def test_an_order_that_nobody_knows_is_told_so_each_time(system: System) -> None:
    told = GatewayResult(f"LP{new_id('x')[-10:]}-01", Outcome.FAILED)
    (one,) = await kept(system, told, gateway="paygov")
    for _ in range(2):
        assert await apply(system.parts.payments, one) is CallbackResult.UNKNOWN_ORDER
    assert (await rows(system))[one.id].result == "unknown_order"


NEW, KNOWN = (Recording(CallbackResult.ACCEPTED, new=new) for new in (True, False))
ODD = Recording(CallbackResult.MISMATCH)
DISPUTE = GatewayDispute("d", "T1", 5_000, DisputeState.LOST, "x", AT)


@pytest.mark.parametrize(
    ("content", "recorded", "result"),
    [
        (credit(), NEW, "accepted"),
        (credit(), KNOWN, "repeated"),
        (credit(), ODD, "mismatch"),
        (GatewayResult("A", Outcome.SUCCEEDED), NEW, "accepted"),
        (GatewayResult("A", Outcome.SUCCEEDED), KNOWN, "repeated"),
        (GatewayResult("A", Outcome.SUCCEEDED), ODD, "mismatch"),
        (GatewayResult("A", Outcome.HELD), KNOWN, "repeated"),
        (GatewayResult("A", Outcome.FAILED), KNOWN, "accepted"),
        (GatewayResult("A", Outcome.PENDING), KNOWN, "accepted"),
        (DISPUTE, KNOWN, "accepted"),
        (DISPUTE, ODD, "mismatch"),
    ],
)
async def test_only_money_that_the_books_had_is_a_repeat(
    content: NoticeContent, recorded: Recording, result: str
) -> None:
    assert notices._told(recorded, content).value == result


async def test_a_gateway_is_asked_for_its_receipt_of_what_it_tells_and_a_feed_is_not(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    async def want(_: object, *what: Any) -> None:
        asked.append(what)

    monkeypatch.setattr(notices, "want_receipt", want)
    told = GatewayResult(f"LP{new_id('x')[-10:]}-01", Outcome.FAILED)
    ((one,), (other,)) = await kept(system, told, gateway="paygov"), await kept(system)
    for each in (one, other):
        await apply(system.parts.payments, each)
    info = system.parts.payments.gateways.find_info("paygov")
    assert info is not None
    unknown = Recording(CallbackResult.UNKNOWN_ORDER)
    assert asked == [(one.account, info, told, unknown)]


async def test_what_another_account_ought_to_have_told_waits_for_a_person(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (await kept(system))[0], (await kept(system))[0]

    async def misdirected(*_: object, **__: object) -> Recording:
        return Recording(CallbackResult.MISMATCH, misdirected=True)

    monkeypatch.setattr(notices, "record_credit", misdirected)
    assert await apply(system.parts.payments, one) is CallbackResult.MISMATCH
    found = await rows(system)
    row, beside = found[one.id], found[other.id]
    assert (row.state, row.result, row.attempts, row.applied_at) == ("set_aside", None, 1, None)
    assert row.last_error is not None
    assert "another account's" in row.last_error
    assert (beside.state, beside.attempts, beside.last_error) == ("received", 0, None)


async def test_an_event_has_the_key_of_its_money_first() -> None:
    """A dispute has its state in it, for each of its states is told."""
    assert event_key(DISPUTE) == "T1:dispute-lost:5000:d"


async def fails(*_: object, **__: object) -> Any:
    raise DatabaseUnavailable("busy")


async def odd(*_: object, **__: object) -> Any:
    raise ValueError("of what it was working on")


async def paid(system: System) -> tuple[dict[str, Any], bytes]:
    bill = await system.create_bill()
    return bill, result_of(system, order_of(system, await system.start(bill)))


async def test_a_gateway_that_cannot_be_served_is_told_when_to_come_again(
    system: System, monkeypatch: pytest.MonkeyPatch, log: Log, grown: Any
) -> None:
    bill, body = await paid(system)
    account = await account_of(system, "paygov")
    for name, event in (("keep", "callback not kept"), ("apply", "callback not applied yet")):
        with monkeypatch.context() as patch:
            patch.setattr(notices, name, fails)
            answer = await call(system, body)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert log.lines == [("warning", event, {"gateway": "paygov", "account": account.id})]
        log.lines.clear()
    with monkeypatch.context() as patch:
        patch.setattr(notices, "apply", odd)
        assert (await call(system, body)).status_code == 503
    assert log.lines == [
        (
            *("error", "notice cannot be recorded"),
            {"gateway": "paygov", "reason": "paygov: cannot be recorded: ValueError"},
        )
    ]
    served = await call(system, body)
    assert (served.status_code, served.headers.get("Retry-After")) == (200, None)
    assert served.headers["Content-Type"] == "application/json"
    assert (await system.read(bill))["status"] == "paid"
    assert grown() == {}


@pytest.mark.parametrize(
    ("point", "state"),
    [
        ("callback.after_raw", "received"),
        ("callback.before_apply_commit", "received"),
        ("callback.after_apply", "applied"),
    ],
)
async def test_who_is_stopped_on_the_way_has_kept_it_and_applied_it_wholly_or_not(
    system: System, point: str, state: str
) -> None:
    bill, body = await paid(system)
    before = await rows(system)
    failpoints.configure(f"{point}=raise")
    try:
        assert (await call(system, body)).status_code == 500
    finally:
        failpoints.clear()
    (new,) = (row for name, row in (await rows(system)).items() if name not in before)
    assert new.state == state
    assert (await system.read(bill))["status"] == ("paid" if state == "applied" else "open")


async def test_what_cannot_be_written_down_is_kept_as_it_came(
    system: System, monkeypatch: pytest.MonkeyPatch, log: Log, grown: Any
) -> None:
    _, body = await paid(system)
    before = await rows(system)
    monkeypatch.setattr(notices, "keep", odd)
    with clock.frozen(AT):
        answer = await call(system, body)
    assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    (new,) = (row for name, row in (await rows(system)).items() if name not in before)
    said = "paygov: cannot be recorded: ValueError"
    assert (new.state, new.attempts, new.last_error) == ("set_aside", 0, said)
    assert (new.received_at, new.due_at, new.content) == (AT, AT, None)
    assert new.event_key == UNREADABLE + hashlib.sha256(b"\n" + body).hexdigest()
    assert open_sealed(system.parts.cipher, new.id, new.raw).body == body
    assert grown() == {("paygov", "unreadable"): 1}
    assert log.lines == [
        ("error", "notice cannot be recorded", {"gateway": "paygov", "reason": said})
    ]


async def test_what_cannot_be_read_is_kept_once_and_never_lost(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, account = system.parts.payments, await account_of(system)
    error = NoticeUnreadable("x" * 501)
    before = await rows(system)
    for call_ in (raw(b"one", AT), raw(b"one"), raw(b"two", AT)):
        kept_as = await set_aside_unread(context, account, call_, ("cookie",), error)
        assert kept_as is CallbackResult.MISMATCH
    one, two = (row for name, row in (await rows(system)).items() if name not in before)
    for row, body in ((one, b"one"), (two, b"two")):
        came = open_sealed(system.parts.cipher, row.id, row.raw)
        assert (came.body, came.headers) == (body, {"cookie": "no"})
        assert row.event_key == UNREADABLE + hashlib.sha256(b"a=1\n" + body).hexdigest()
        assert (row.state, row.attempts, row.last_error) == ("set_aside", 0, "x" * 500)
        assert (row.received_at, row.due_at) == (AT, AT)
    monkeypatch.setattr(type(context.database), "run", fails)
    busy = await set_aside_unread(context, account, raw(b"three"), (), error)
    assert busy is CallbackResult.TRY_AGAIN


async def test_what_is_refused_is_in_the_log(system: System, log: Log, grown: Any) -> None:
    answer = await notify(system, b"{}", "another secret")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (401, None)
    ((level, event, told),) = log.lines
    assert (level, event) == ("warning", "callback rejected")
    assert (told["gateway"], told["account"]) == ("sepay", "test")
    assert told["reason"].startswith("sepay: ")
    assert grown() == {("sepay", "wrong_signature"): 1}


async def test_a_callback_has_its_gateways_time_and_64_kibibytes(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[float] = []
    monkeypatch.setattr("payments.incoming.api.allow", allowed.append)
    info = system.parts.payments.gateways.find_info("vnpay")
    assert info is not None

    async def post(path: str, size: int) -> httpx2.Response:
        return await system.browser.post(path, content=b" " * size)

    for path, seconds in (
        (PAYGOV, 10),
        ("/callbacks/vnpay/test", info.answer_within.total_seconds()),
        ("/callbacks/nobody/test", 10),
    ):
        allowed.clear()
        await post(path, 1)
        assert allowed == [seconds]
    assert (await post(PAYGOV, 65_536)).status_code == 401
    assert (await post(PAYGOV, 65_537)).status_code == 413


async def test_the_worker_applies_what_is_due_and_goes_on_behind_what_fails(
    system: System, log: Log
) -> None:
    with clock.frozen(AT):
        first = await plant(system, due_at=AT - SECOND, content=b"not ours")
        (one,), (other,), (later,) = [await kept(system) for _ in range(3)]
        applied = await plant(system, state="applied", result="accepted", attempts=4)
        aside = await plant(system, state="set_aside", attempts=3)
    async with system.parts.database.transaction() as session:
        row = await session.get_one(Callback, later.id)
        row.due_at = AT + MOMENT
        session.add(row)
    with clock.frozen(AT):
        assert await apply_waiting(system.parts.payments) == 2
    found = await rows(system)
    states = {name: (found[name].state, found[name].attempts) for name in found}
    assert {name: states[name] for name in (one.id, other.id, later.id, applied, aside, first)} == {
        one.id: ("applied", 1),
        other.id: ("applied", 1),
        later.id: ("received", 0),
        applied: ("applied", 4),
        aside: ("set_aside", 3),
        first: ("received", 1),
    }
    assert found[first].due_at == AT + timedelta(seconds=10)
    assert (found[first].last_error or "").startswith("decryption_failed: ")
    assert [(level, event) for level, event, _ in log.lines] == [
        ("error", "kept callback cannot be applied")
    ]
    assert log.lines[0][2]["callback"] == first


async def test_the_worker_takes_fifty_at_once_those_first_that_are_due_longest(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = [await plant(system, due_at=AT - n * SECOND) for n in range(51)]
    tried: list[str] = []

    async def put_back(_: object, callback_id: str, error: Exception) -> None:
        tried.append(callback_id)

    monkeypatch.setattr(notices, "_put_back", put_back)
    with clock.frozen(AT):
        assert await apply_waiting(system.parts.payments) == 0
    assert tried == planted[:0:-1]


TOLD = Conflict("y" * 600)


@pytest.mark.parametrize(
    ("tried", "error", "state", "says"),
    [
        (0, ValueError("of what it was working on"), "received", "ValueError"),
        (3, TOLD, "received", f"{TOLD.code}: {'y' * 600}"[:500]),
        (18, TOLD, "received", f"{TOLD.code}: {'y' * 600}"[:500]),
        (19, KeyError("x"), "set_aside", "KeyError"),
        (2, NoticeUnreadable("casso: x"), "set_aside", "notice_unreadable: casso: x"),
    ],
)
async def test_a_failed_try_is_counted_for_its_notice_alone(
    system: System, log: Log, tried: int, error: Exception, state: str, says: str
) -> None:
    one = await plant(system, attempts=tried)
    other = await plant(system, attempts=7)
    done = await plant(system, attempts=7, state="applied", result="accepted")
    with clock.frozen(AT):
        await notices._put_back(system.parts.payments, one, error)
        await notices._put_back(system.parts.payments, done, error)
    found = await rows(system)
    assert (found[one].state, found[one].attempts) == (state, tried + 1)
    assert found[one].due_at == AT + notices.pause(tried)
    assert found[one].last_error == says
    for untouched in (other, done):
        assert (found[untouched].attempts, found[untouched].last_error) == (7, None)
    assert (found[other].state, found[done].state) == ("received", "applied")
    aside = ("error", "callback set aside", {"callback": one, "attempts": tried + 1})
    assert log.lines == ([aside] if state == "set_aside" else [])
