"""An open attempt: nothing is payable beside it, its gateway is asked, its payer can leave it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from adapters.paygov.gateway import PayGov
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from app.invariants import broken
from app.web.citizen import bills as bill_pages
from app.web.citizen.messages import TOLD
from app.web.citizen.paying import LEAVES, STARTS
from core import clock, idempotency
from payments.attempts import asking
from payments.attempts.asking import AGAIN
from payments.attempts.leaving import AFTER_LEAVING, leave
from payments.attempts.queries import count_attempts
from payments.bills.queries import BillValue
from payments.gateway_info import OPEN_FOR
from payments.ports import AttemptKey, GatewayResult, Outcome
from tests.integration.test_status_inquiry import (
    Dumb,
    Other,
    attempt,
    order_of,
    started,
    states,
    with_gateway,
)
from tests.support.markup import tree_of, words_of
from tests.support.money_service import MERCHANT
from tests.support.money_world import MoneyWorld, Opened
from tests.support.offered import offered
from tests.support.problems import problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait a moment only for a gateway that does not answer."""
    monkeypatch.setattr(bill_pages, "PATIENCE", 0.05)


async def page(world: MoneyWorld, bill: Opened, *, private: bool = False) -> str:
    """The page of a bill as HTML, by its reference or with its token."""
    path = f"/b/{bill.reference}"
    if private:
        token = world.service.parts.payments.urls.token(bill.id)
        path = f"{path}?t={token}"
    return (await world.service.browse(path)).text


async def start(world: MoneyWorld, bill: Opened, key: str, **more: str) -> httpx2.Response:
    path = f"/api/v1/bills/{bill.id}/payments"
    return await world.service.post(path, {"gateway": "paygov", **more}, key)


async def choose_another_way(world: MoneyWorld, bill: Opened) -> str:
    """Press the button for it, as the page has it; where that leads."""
    tree = tree_of(await page(world, bill))
    (form,) = tree.xpath("//form[contains(@action, '/another-way')]")
    fields = {str(i.get("name")): str(i.get("value")) for i in form.xpath(".//input")}
    answer = await world.service.press(str(form.get("action")), fields)
    assert answer.status_code == 303
    return answer.headers["location"]


async def until_attempt(world: MoneyWorld, bill: Opened, status: str) -> None:
    """Wait until the bill's only attempt has a status; fails after ten seconds."""
    for _ in range(500):
        if (await states(world, bill))[1] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the attempt is not {status}")


def silent(world: MoneyWorld, times: int = 30) -> None:
    """The gateway gives no answer to so many questions."""
    world.sandbox.faults.script(MERCHANT.id, Operation.QUERY, Fault.TRUNCATED, count=times)


async def test_the_page_asks_and_a_lost_callback_is_told_at_once(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    assert "Đã nộp đủ" in words_of(await page(world, bill))
    assert await states(world, bill) == ("paid", "succeeded")


@pytest.mark.parametrize("fault", [None, Fault.TRUNCATED])
async def test_nothing_is_payable_while_nobody_knows_whether_it_was_paid(
    world: MoneyWorld, fault: Fault | None
) -> None:
    bill = await started(world, fault=fault)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    silent(world)
    assert await offered(world, bill) == []
    words = words_of(await page(world, bill))
    assert "đừng thanh toán lại" in words
    assert "Chọn cách thanh toán khác" not in words
    world.sandbox.faults.clear()
    world.advance(AGAIN)
    assert "Đã nộp đủ" in words_of(await page(world, bill))
    assert len(world.charged_orders()) == 1


async def test_nothing_is_payable_while_the_gateway_calls_it_unpaid(world: MoneyWorld) -> None:
    bill = await started(world)
    assert await offered(world, bill) == []
    assert "PayGov chưa nhận được tiền" in words_of(await page(world, bill))


async def test_a_page_that_offers_beside_an_open_attempt_is_noticed(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await started(world)
    monkeypatch.setattr(BillValue, "payable", BillValue.remaining)
    assert {"button paygov", "qr.png", "qr.svg", "qr of the API"} <= set(await offered(world, bill))


async def test_a_second_attempt_is_refused_and_the_open_one_named(world: MoneyWorld) -> None:
    bill = await started(world)
    refused = problem(await start(world, bill, "another"), 409, "attempt_open")
    (named,) = refused["errors"]
    assert named["detail"] == (await attempt(world, bill))["id"]
    assert not refused["retryable"]
    assert len(world.sandbox.store.orders) == 1


async def test_a_checkout_that_does_not_look_is_noticed(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blind(*given: Any) -> Any:
        return replace(await count_attempts(*given), open=None)

    bill = await started(world)
    monkeypatch.setattr("payments.attempts.checkout.count_attempts", blind)
    assert (await start(world, bill, "another")).status_code == 201
    assert len(world.sandbox.store.orders) == 2
    async with world.service.parts.database.transaction() as session:
        told = await broken(session)
    assert told == [f"a bill has one open attempt at most: {bill.id} (2 are open)"]
    world.advance(OPEN_FOR + SECOND)
    await world.work()


async def test_twins_of_one_request_get_its_answer_and_not_that_it_is_open(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.DECLINE)
    await world.deliver_due()
    answers = await asyncio.gather(*(start(world, bill, "twin") for _ in range(6)))
    told = {a.json().get("code", "") for a in answers if a.status_code == 409}
    assert told <= {"idempotency_in_flight"}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    assert len(world.sandbox.store.orders) == 2


async def test_of_many_requests_at_once_one_opens_an_attempt(world: MoneyWorld) -> None:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    answers = await asyncio.gather(*(start(world, bill, f"key-{n}") for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"attempt_open"}
    assert len(world.sandbox.store.orders) == 1


async def test_a_button_pressed_many_times_at_once_opens_one_attempt(world: MoneyWorld) -> None:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    for once in ("this-page", ""):
        form = {"gateway": "paygov", "once": once}
        path = f"/b/{bill.reference}/pay"
        answers = await asyncio.gather(*(world.service.press(path, form) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {303}
    assert len(world.sandbox.store.orders) == 1


async def test_an_attempt_lives_as_long_as_its_payment_page(world: MoneyWorld) -> None:
    bill = await started(world)
    world.advance(OPEN_FOR)
    assert await offered(world, bill) == []
    world.advance(AGAIN)
    assert "button paygov" in await offered(world, bill)
    assert await states(world, bill) == ("open", "expired")
    assert "Lần thanh toán qua PayGov đã khép lại" in words_of(await page(world, bill))


async def test_whoever_chooses_another_way_is_told_what_happens_and_may_pay_again(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    words = words_of(await page(world, bill))
    for said in ("chưa bị trừ tiền", "phần thừa được ghi nhận để hoàn trả", "024 0000 0000"):
        assert said in words
    assert await choose_another_way(world, bill) == f"/b/{bill.reference}"
    assert await states(world, bill) == ("open", "expired")
    assert "button paygov" in await offered(world, bill)


@pytest.mark.parametrize("outcome", [PayerOutcome.SUCCESS, PayerOutcome.LOST_CALLBACK])
async def test_money_that_comes_after_another_way_was_chosen_and_paid_is_kept(
    world: MoneyWorld, outcome: PayerOutcome
) -> None:
    bill = await started(world)
    first = order_of(world, bill)
    await choose_another_way(world, bill)
    await world.transfer(bill.amount, bill.reference, bill.reference)
    await world.deliver_due()
    assert (await states_of_bill(world, bill)) == "paid"
    await world.pay(first, outcome)
    await world.deliver_due()
    world.advance(AFTER_LEAVING)
    await world.work()
    (item,) = await world.service.read(
        "SELECT place, amount, reason FROM suspense_item WHERE bill_id = :id", id=bill.id
    )
    assert dict(item) == {
        "place": "refundable",
        "amount": bill.amount,
        "reason": "bill_already_paid",
    }


@pytest.mark.parametrize("end", ["left", "paid"])
async def test_an_old_page_pressed_again_leads_to_no_attempt_that_has_ended(
    world: MoneyWorld, end: str
) -> None:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    path, form = f"/b/{bill.reference}/pay", {"gateway": "paygov", "once": "an-old-page"}
    first = (await world.service.press(path, form)).headers["location"]
    assert first.endswith(order_of(world, bill).page)
    assert (await world.service.press(path, form)).headers["location"] == first
    if end == "left":
        await choose_another_way(world, bill)
    else:
        await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
        await world.deliver_due()
    again = await world.service.press(path, form)
    assert again.headers["location"] == f"/b/{bill.reference}"


async def test_money_that_comes_after_another_way_was_chosen_pays_what_is_still_owed(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    first = order_of(world, bill)
    await choose_another_way(world, bill)
    await world.pay(first, PayerOutcome.SUCCESS)
    await world.deliver_due()
    assert await states(world, bill) == ("paid", "succeeded")


async def test_an_attempt_that_was_paid_meanwhile_is_not_left(world: MoneyWorld) -> None:
    bill = await started(world)
    tree = tree_of(await page(world, bill))
    (order_ref,) = tree.xpath("//form[contains(@action, '/another-way')]//input/@value")
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    path = f"/b/{bill.reference}/another-way"
    await world.service.press(path, {"attempt": str(order_ref)})
    assert await states(world, bill) == ("paid", "succeeded")


async def test_while_the_gateway_is_silent_its_attempt_is_left_only_past_its_time(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    (row,) = [await attempt(world, bill)]
    silent(world, 200)
    path = f"/b/{bill.reference}/another-way"
    answer = await world.service.press(path, {"attempt": row["order_ref"]})
    assert f"{TOLD}=attempt_unclear; " in answer.headers["set-cookie"]
    problem(await start(world, bill, "b", instead_of=row["id"]), 409, "attempt_unclear")
    assert await states(world, bill) == ("open", "submitted")
    world.advance(OPEN_FOR + SECOND)
    # Nobody is locked out for longer, though nobody knows.
    assert await offered(world, bill) == []
    await choose_another_way(world, bill)
    assert "button paygov" in await offered(world, bill)
    world.sandbox.faults.clear()


async def test_another_attempt_may_take_the_open_ones_place(world: MoneyWorld) -> None:
    bill = await started(world)
    first = (await attempt(world, bill))["id"]
    second = await start(world, bill, "second", instead_of=first)
    assert second.status_code == 201
    rows = await world.service.read(
        "SELECT id, status FROM payment WHERE bill_id = :id ORDER BY id", id=bill.id
    )
    assert [(row["id"], row["status"]) for row in rows] == [
        (first, "expired"),
        (second.json()["id"], "submitted"),
    ]
    # The same request again is the same answer, and leaves nothing.
    assert (await start(world, bill, "second", instead_of=first)).content == second.content
    # One that has ended is open no more, whoever names it.
    problem(await start(world, bill, "third", instead_of=first), 409, "attempt_open")


async def test_only_the_bills_own_attempt_can_be_replaced(world: MoneyWorld) -> None:
    bill, other = await started(world), await started(world)
    foreign = (await attempt(world, other))["id"]
    problem(await start(world, bill, "k", instead_of=foreign), 404)
    assert await states(world, other) == ("open", "submitted")


async def test_an_attempt_that_cannot_be_asked_about_is_left_past_its_time(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    _, context = await with_gateway(world, Dumb)
    world.service.use(context)
    assert await offered(world, bill) == []
    path = f"/b/{bill.reference}/another-way"
    order_ref = (await attempt(world, bill))["order_ref"]
    await world.service.press(path, {"attempt": order_ref})
    assert await states(world, bill) == ("open", "submitted")
    world.advance(OPEN_FOR + SECOND)
    await choose_another_way(world, bill)
    assert await states(world, bill) == ("open", "expired")
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    await world.deliver_due()
    assert await states(world, bill) == ("paid", "succeeded")


async def test_an_attempt_that_is_just_being_started_is_neither_asked_about_nor_left(
    world: MoneyWorld,
) -> None:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    await world.start(bill, crash="checkout.after_intent")
    row = await attempt(world, bill)
    assert "Đang mở trang thanh toán của PayGov" in words_of(await page(world, bill))
    assert await offered(world, bill) == []
    problem(await start(world, bill, "b", instead_of=row["id"]), 409, "attempt_unclear")
    assert (await attempt(world, bill))["asked_at"] is None
    world.advance(idempotency.LEASE)
    await page(world, bill)
    assert await states(world, bill) == ("open", "unknown")
    world.cut_off.clear()


@pytest.mark.usefixtures("hasty")
async def test_a_slow_gateway_keeps_no_page_waiting(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    answering, told = asyncio.Event(), asyncio.Event()

    async def wait(_order_ref: str) -> None:
        told.set()
        await answering.wait()

    gateway, context = await with_gateway(world, Other)
    assert isinstance(gateway, Other)
    gateway.asked = wait
    world.service.use(context)
    html = await page(world, bill)
    assert told.is_set()
    assert "Đang hỏi PayGov" in words_of(html)
    assert tree_of(html).xpath("//noscript/meta[@http-equiv='refresh']")
    before = (await world.service.browse(f"/b/{bill.reference}/state")).json()
    answering.set()
    await until_attempt(world, bill, "succeeded")
    # The page that is still shown learns of it.
    assert (await world.service.browse(f"/b/{bill.reference}/state")).json() != before


@pytest.mark.usefixtures("hasty")
async def test_a_page_that_is_looked_at_often_asks_now_and_then(world: MoneyWorld) -> None:
    bill = await started(world)
    asked: list[str] = []

    async def note(order_ref: str) -> None:
        asked.append(order_ref)

    gateway, context = await with_gateway(world, Other)
    assert isinstance(gateway, Other)
    gateway.asked = note
    world.service.use(context)
    await asyncio.gather(*(page(world, bill) for _ in range(5)))
    await page(world, bill)
    assert len(asked) == 1
    world.advance(AGAIN - MOMENT)
    await page(world, bill)
    assert len(asked) == 1
    world.advance(MOMENT)
    await page(world, bill)
    assert len(asked) == 2
    # That it was asked in an hour, a clock has said that was put forward.
    ahead = "UPDATE payment SET asked_at = :at WHERE bill_id = :id RETURNING id"
    await world.service.read(ahead, at=world.time.at + timedelta(hours=1), id=bill.id)
    await page(world, bill)
    assert len(asked) == 3
    # The worker asks at its own pace, whatever pages do.
    assert (await attempt(world, bill))["asked"] == 0


@pytest.mark.usefixtures("hasty")
async def test_pressing_pay_at_a_slow_gateway_shows_the_page_and_then_the_way_on(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    asked, answering = asyncio.Event(), asyncio.Event()
    call = PayGov.start

    async def slow(self: PayGov, *given: Any) -> Any:
        asked.set()
        await answering.wait()
        return await call(self, *given)

    monkeypatch.setattr(PayGov, "start", slow)
    monkeypatch.setattr("app.web.citizen.paying.PATIENCE", 0.05)
    path = f"/b/{bill.reference}/pay"
    answer = await world.service.press(path, {"gateway": "paygov", "once": "this-page"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/b/{bill.reference}")
    await asyncio.wait_for(asked.wait(), 30)
    assert "Đang mở trang thanh toán của PayGov" in words_of(await page(world, bill))
    assert await offered(world, bill) == []
    answering.set()
    await until_attempt(world, bill, "submitted")
    (order,) = world.open_orders()
    links = tree_of(await page(world, bill)).xpath("//a[contains(., 'Tiếp tục')]/@href")
    assert [str(link).endswith(order.page) for link in links] == [True]


async def test_only_whoever_sees_the_name_goes_on_to_what_leads_back_to_it(
    world: MoneyWorld,
) -> None:
    bill = await started(world)  # by the portal: it leads back to the private page
    assert "Tiếp tục trên trang PayGov" not in words_of(await page(world, bill))
    assert "Tiếp tục trên trang PayGov" in words_of(await page(world, bill, private=True))


async def states_of_bill(world: MoneyWorld, bill: Opened) -> str:
    (row,) = await world.service.read("SELECT status FROM bill WHERE id = :id", id=bill.id)
    status: str = row["status"]
    return status


async def test_an_old_answer_is_not_kept_for_a_new_one(world: MoneyWorld) -> None:
    bill = await started(world)
    await page(world, bill)
    assert (await attempt(world, bill))["gateway_says"] == "pending"
    silent(world)
    world.advance(asking.AGAIN)
    assert "Đang hỏi PayGov" in words_of(await page(world, bill))
    assert (await attempt(world, bill))["asked_at"] == clock.now()


async def test_a_stranger_takes_the_code_away_a_few_times_and_never_the_way_back(
    world: MoneyWorld,
) -> None:
    """Who knows the reference alone opens attempts; the payer without a token gets each QR back."""
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    bill = world.bills[-1]
    path = f"/b/{bill.reference}/pay"
    for _ in range(STARTS.turns):
        await world.service.press(path, {"gateway": "paygov"})
        assert await offered(world, bill) == []
        # Whoever presses on meanwhile uses up nobody's way back.
        for _ in range(LEAVES.turns):
            await world.service.press(f"/b/{bill.reference}/another-way", {"attempt": "none"})
        await choose_another_way(world, bill)
        assert "qr.png" in await offered(world, bill)
        world.advance(AGAIN)
    refused = await world.service.press(path, {"gateway": "paygov"})
    assert f"{TOLD}=rate_limited; " in refused.headers["set-cookie"]
    assert "qr.png" in await offered(world, bill)
    # The payer's own link opens one all the same.
    token = world.service.parts.payments.urls.token(bill.id)
    await world.service.press(path, {"gateway": "paygov", "t": token})
    assert await offered(world, bill) == []


async def test_the_page_says_when_an_attempt_was_begun_and_how_long_it_lasts(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    world.advance(timedelta(minutes=4) + SECOND)
    words = words_of(await page(world, bill))
    assert "còn hiệu lực 11 phút" in words
    assert "Nếu không phải bạn mở, hãy chọn cách khác: mã QR hiện lại ngay." in words
    silent(world, 200)
    world.advance(OPEN_FOR)
    assert "còn hiệu lực" not in words_of(await page(world, bill))
    world.sandbox.faults.clear()


async def test_a_portal_leaves_an_attempt_and_shows_the_code_again(world: MoneyWorld) -> None:
    bill = await started(world)
    (row,) = [await attempt(world, bill)]
    path = f"/api/v1/payments/{row['id']}/leave"
    assert "qr of the API" not in await offered(world, bill)
    for _ in range(2):
        left = await world.service.post(path, {}, "leaving")
        assert (left.status_code, left.json()["status"]) == (200, "expired")
    assert "qr of the API" in await offered(world, bill)


async def test_a_portal_leaves_none_that_may_have_been_charged(world: MoneyWorld) -> None:
    bill = await started(world)
    (row,) = [await attempt(world, bill)]
    silent(world, 200)
    path = f"/api/v1/payments/{row['id']}/leave"
    problem(await world.service.post(path, {}, "leaving"), 409, "attempt_unclear")
    assert await states(world, bill) == ("open", "submitted")
    world.sandbox.faults.clear()


class Closing(PayGov):
    """PayGov as if it could close an attempt, and what it says when it is asked to."""

    says: Outcome
    closed: list[str]

    async def cancel(self, attempt: AttemptKey) -> GatewayResult:
        self.closed.append(attempt.order_ref)
        asked = await self.query(attempt)
        return replace(asked, outcome=self.says)


@pytest.mark.parametrize(
    ("says", "became"), [(Outcome.FAILED, "failed"), (Outcome.PENDING, "expired")]
)
async def test_a_gateway_that_can_close_an_attempt_is_told_to(
    world: MoneyWorld, says: Outcome, became: str
) -> None:
    bill = await started(world)
    (row,) = [await attempt(world, bill)]
    gateway, context = await with_gateway(world, Closing)
    assert isinstance(gateway, Closing)
    gateway.says, gateway.closed = says, []
    await leave(context, row["id"], {row["agency_id"]}, actor="test")
    assert gateway.closed == [row["order_ref"]]
    assert await states(world, bill) == ("open", became)


async def test_of_an_attempt_that_has_ended_no_gateway_is_asked(world: MoneyWorld) -> None:
    row = await attempt(world, await started(world))
    asked: list[str] = []

    async def note(order_ref: str) -> None:
        asked.append(order_ref)

    gateway, context = await with_gateway(world, Other)
    assert isinstance(gateway, Other)
    gateway.asked = note
    for _ in range(2):
        await leave(context, row["id"], {row["agency_id"]}, actor="test")
        assert asked == [row["order_ref"]]
