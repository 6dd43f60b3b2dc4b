"""The main job over real HTTP: a bill, its QR, three ways to pay, receipts, and the day's end."""

from tests.support.house import House


async def test_a_bill_is_paid_on_the_gateways_page_and_has_its_receipt(house: House) -> None:
    bill = await house.open_bill()
    assert bill["amount"] == 5000
    payment = await house.start(bill)
    await house.decide(payment, "success")
    await house.until(bill, "paid")
    await house.work()
    paid = await house.read(bill)
    assert [receipt["number"] for receipt in paid["receipts"]] == [1]
    assert await house.broken() == []
