"""Odd money is visible: what is over, double, held or too late, on the page and in the API."""

from typing import Any

import pytest

from adapters.sandbox.engine.state import PayerOutcome
from payments.books.places import Places
from tests.integration.test_status_inquiry import order_of, started
from tests.support.markup import words_of
from tests.support.money_world import MoneyWorld, Opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOM = ("024 0000 0000", "1 đường Thử Nghiệm, phường Bến Mẫu")
PLACES = ("credited", "allocated", "in_suspense", "refundable", "reason")


async def a_bill(world: MoneyWorld) -> Opened:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], None)
    return world.bills[-1]


async def transfer(world: MoneyWorld, bill: Opened, amount: int) -> None:
    await world.transfer(amount, bill.reference, bill.reference)
    await world.deliver_due()


async def words(world: MoneyWorld, bill: Opened) -> str:
    """What the page of a bill says to whoever has its reference."""
    return words_of((await world.service.browse(f"/b/{bill.reference}")).text)


async def payments(world: MoneyWorld, bill: Opened) -> list[tuple[Any, ...]]:
    """Where the money of each of a bill's payments is, as the API shows it."""
    shown = (await world.service.get(f"/api/v1/bills/{bill.id}")).json()["payments"]
    for one in shown:
        alone = await world.service.get(f"/api/v1/payments/{one['id']}")
        assert alone.json() == one
        places = one["allocated"] + one["in_suspense"] + one["refundable"]
        assert places == (one["credited"] or 0)
    return [tuple(one[name] for name in PLACES) for one in shown]


async def test_too_much_is_told_with_what_becomes_of_it_and_whom_to_call(
    world: MoneyWorld,
) -> None:
    bill = await a_bill(world)
    await transfer(world, bill, bill.amount + 10_000)
    told = await words(world, bill)
    for said in ("10.000 đ sẽ được hoàn trả", "nhiều hơn khoản phải nộp", *WHOM):
        assert said in told
    assert await payments(world, bill) == [(15_000, 5_000, 0, 10_000, "excess")]


async def test_a_second_payment_is_told_as_such(world: MoneyWorld) -> None:
    bill = await started(world)
    await transfer(world, bill, bill.amount)
    assert "sẽ được hoàn trả" not in await words(world, bill)
    before = (await world.service.browse(f"/b/{bill.reference}/state")).json()
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    await world.deliver_due()
    told = await words(world, bill)
    for said in ("5.000 đ sẽ được hoàn trả", "đây là lần nộp thứ hai", "qua PayGov", *WHOM):
        assert said in told
    assert sorted(await payments(world, bill), key=str) == [
        (5_000, 0, 0, 5_000, "bill_already_paid"),
        (5_000, 5_000, 0, 0, None),
    ]
    # A page that is still open is renewed for it.
    assert (await world.service.browse(f"/b/{bill.reference}/state")).json() != before


async def test_held_money_is_told_with_what_the_gateway_took(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.WRONG_AMOUNT)
    await world.deliver_due()
    ((credited, *places),) = await payments(world, bill)
    assert places == [0, credited, 0, "amount_mismatch"]
    taken = f"{credited:,} đ".replace(",", ".")
    told = await words(world, bill)
    for said in (f"PayGov đã thu {taken}", "cần thu cho lần này là 5.000 đ", *WHOM):
        assert said in told
    assert told.count("cán bộ đang") == 1


async def test_money_that_a_gateway_looks_at_is_told(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.HELD)
    await world.deliver_due()
    assert "PayGov đã thu 5.000 đ. Cổng thanh toán đang kiểm tra" in await words(world, bill)
    assert await payments(world, bill) == [(5_000, 0, 5_000, 0, "held_by_gateway")]


async def test_money_for_a_cancelled_bill_is_told(world: MoneyWorld) -> None:
    bill = await a_bill(world)
    await world.cancel(bill)
    assert "đã đến" not in await words(world, bill)
    await transfer(world, bill, bill.amount)
    told = await words(world, bill)
    for said in ("5.000 đ đã đến, cán bộ đang xem xét", "khi khoản này đã hủy", *WHOM):
        assert said in told
    assert await payments(world, bill) == [(5_000, 0, 5_000, 0, "bill_cancelled")]


async def test_short_money_waits_for_the_rest_and_is_nothing_odd(world: MoneyWorld) -> None:
    bill = await a_bill(world)
    await transfer(world, bill, 2_000)
    told = await words(world, bill)
    assert "Đã nhận 2.000 đ, còn thiếu 3.000 đ" in told
    assert "cán bộ đang xem xét" not in told
    assert await payments(world, bill) == [(2_000, 0, 2_000, 0, "short")]
    await transfer(world, bill, 3_000)
    assert sorted(await payments(world, bill), key=str) == [
        (2_000, 2_000, 0, 0, None),
        (3_000, 3_000, 0, 0, None),
    ]


async def test_an_attempt_without_money_has_none_anywhere(world: MoneyWorld) -> None:
    bill = await started(world)
    assert await payments(world, bill) == [(None, 0, 0, 0, None)]


async def test_a_page_that_knows_no_places_would_say_nothing(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nowhere(*_given: Any) -> dict[str, Any]:
        return {}

    bill = await a_bill(world)
    await transfer(world, bill, bill.amount + 10_000)
    monkeypatch.setattr(Places, "of_payments", nowhere)
    assert "sẽ được hoàn trả" not in await words(world, bill)
    with pytest.raises(AssertionError):
        await payments(world, bill)
