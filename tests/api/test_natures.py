"""What a fee is in law decides what proves it: a receipt, a slip's data, a confirmation."""

from typing import Any

import pytest
from sqlalchemy import text

from receipts.xml import parse
from tests.support.callbacks import credit
from tests.support.rows import count, dump
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Certified copies (phí) with postage (a price).
POSTED = [
    {"fee": "2.000815", "quantity": 3},
    {"fee": "tra-ket-qua-qua-buu-chinh", "quantity": 1},
]
NOTICE = {
    "number": "LTB-2026/0042",
    "issued_on": "2026-11-02",
    "tax_number": "0100109106",
    "treasury": "KBNN Bến Mẫu",
    "chapter": "757",
    "sub_item": "1401",
}
LAND = [{"fee": "tien-su-dung-dat", "amount": 12_345_000, "notice": NOTICE}]


def own(nature: str | None, amount: int) -> dict[str, Any]:
    line = {"description": f"Khoản {amount}", "amount": amount, "sub_item": "2999"}
    return line if nature is None else line | {"nature": nature}


async def paid(system: System, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A bill of these lines, paid by transfer and worked on."""
    bill = await system.create_bill(lines=lines, **more)
    await credit(system, bill["amount"], bill["reference"])
    await system.work()
    return await system.read(bill)


async def test_a_price_beside_a_charge_is_confirmed_and_not_receipted(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await paid(system, POSTED)
    assert [line["nature"] for line in bill["lines"]] == ["charge", "price"]
    (receipt,) = bill["receipts"]
    (document,) = bill["documents"]
    charge, price = (line["amount"] for line in bill["lines"])
    assert (receipt["amount"], document["amount"]) == (charge, price)
    content = parse((await system.browser.get(receipt["xml_url"])).content)
    assert [line.amount for line in content.lines] == [charge]
    assert document["kind"] == "confirmation"
    page = (await system.browser.get(document["page_url"])).text
    assert "Không phải biên lai thu phí, lệ phí và không phải hóa đơn" in page
    assert "30.500" in page
    assert await system.broken() == []


async def test_a_land_levy_has_the_data_of_the_treasurys_slip_and_no_receipt(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await paid(
        system,
        LAND,
        payer={"name": "Nguyễn Thị Ánh"},
        on_behalf_of={"name": "Trần Văn Bình", "address": "số 7 phố Vọng"},
    )
    assert bill["receipts"] == []
    (document,) = bill["documents"]
    assert (document["kind"], document["amount"]) == ("treasury_slip", 12_345_000)
    page = (await system.browser.get(document["page_url"])).text
    for told in (
        *("C1-02/NS", "LTB-2026/0042", "02/11/2026", "chương 757", "tiểu mục 1401"),
        *("KBNN Bến Mẫu", "Nguyễn Thị Ánh", "Trần Văn Bình", "0100109106", "12.345.000"),
    ):
        assert told in page, told
    assert "Không phải biên lai thu phí, lệ phí" in page
    opened = (await system.browser.get(bill["pay_url"])).text
    assert document["page_url"] in opened
    public = (await system.browser.get(bill["pay_url"].partition("?")[0])).text
    assert document["page_url"] not in public
    for table, rows in (await dump(system.parts.database)).items():
        assert "Trần Văn Bình" not in rows, table
    assert await system.broken() == []


async def test_a_notices_tax_number_stands_on_the_slip_alone(shared_system: System) -> None:
    system = shared_system
    bill = await paid(system, [*LAND, *POSTED], payer={"name": "Nguyễn Thị Ánh"})
    pages = {
        one["kind"]: (await system.browser.get(one["page_url"])).text for one in bill["documents"]
    }
    assert "0100109106" in pages["treasury_slip"]
    assert "0100109106" not in pages["confirmation"]
    assert sum(one["amount"] for one in (*bill["receipts"], *bill["documents"])) == bill["amount"]


@pytest.mark.parametrize(
    ("natures", "receipt", "documents"),
    [
        ([None], 1000, {}),
        (["charge", "fee"], 3000, {}),
        (["state_revenue"], None, {"treasury_slip": 1000}),
        (["price", "price"], None, {"confirmation": 3000}),
        (
            ["price", "fee", "state_revenue", "charge"],
            6000,
            {"confirmation": 1000, "treasury_slip": 3000},
        ),
    ],
)
async def test_each_line_is_proved_once_by_what_its_nature_asks_for(
    shared_system: System,
    natures: list[str | None],
    receipt: int | None,
    documents: dict[str, int],
) -> None:
    lines = [own(nature, 1000 * place) for place, nature in enumerate(natures, 1)]
    bill = await paid(shared_system, lines)
    assert [one["amount"] for one in bill["receipts"]] == ([] if receipt is None else [receipt])
    assert {one["kind"]: one["amount"] for one in bill["documents"]} == documents
    assert await shared_system.broken() == []


async def test_an_event_that_comes_twice_writes_one_document(shared_system: System) -> None:
    system = shared_system
    bill = await paid(system, POSTED)
    async with system.parts.database.transaction() as session:
        again = (
            "UPDATE outbox_delivery SET state = 'waiting', leased_until = NULL, attempts = 0"
            " WHERE handler = 'receipts.issue'"
        )
        await session.execute(text(again))
    await system.work()
    assert (await system.read(bill))["documents"] == bill["documents"]
    assert await count(system.parts.database, "payment_document", "bill_id = :b", b=bill["id"]) == 1


async def test_a_code_that_is_no_documents_is_not_found(shared_system: System) -> None:
    assert (await shared_system.browser.get("/d/ABCDEFGHJKMN")).status_code == 404


async def test_a_line_by_fee_cannot_change_its_nature(shared_system: System) -> None:
    system = shared_system
    line = {"fee": "2.000815", "quantity": 1, "nature": "price"}
    sent = {"agency": system.body.agency_code, "lines": [line]}
    assert (await system.post("/api/v1/bills", sent)).status_code == 422


async def test_the_page_and_the_api_say_what_a_fee_is_and_whether_it_is_given_back(
    shared_system: System,
) -> None:
    system = shared_system
    body = f"/p/{system.body.agency_code}"
    land = (await system.browser.get(f"{body}/x-tien-su-dung-dat")).text
    assert "không phải phí, lệ phí: chứng từ là giấy nộp tiền C1-02/NS" in land
    assert "Giá dịch vụ, không phải phí, lệ phí: không có biên lai" in land
    shop = (await system.browser.get(f"{body}/1.001612")).text
    assert "Hoàn trả có điều kiện: Không hoàn trả khi không được cấp đăng ký hộ kinh doanh" in shop
    answer = await system.client.get("/api/v1/procedures/1.001612")
    (fee,) = answer.json()["fees"]
    assert (fee["nature"], fee["refundable"]) == ("fee", "on_terms")
    assert "không được cấp" in fee["refund_terms"]
