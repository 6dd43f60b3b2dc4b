"""The payer, the one it is paid for and the delegate: taken, kept, on the receipt, and masked."""

from typing import Any

import pytest

from receipts.content import Delegate, Payer
from receipts.xml import parse
from tests.support.callbacks import credit
from tests.support.pdf import text_of
from tests.support.rows import dump
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTIES: dict[str, Any] = {
    "payer": {
        "name": "Nguyễn Thị Ánh",
        "address": "số 5 phố Huế, Hà Nội",
        "tax_number": "0100109106",
        "identity_number": "001190012345",
    },
    "on_behalf_of": {
        "name": "Công ty Bình Minh",
        "address": "số 7 phố Vọng",
        "tax_number": "0100109106001",
    },
    "delegate": {"name": "Bưu điện Cửa Nam", "address": "số 9 phố Tràng Thi"},
}


async def test_the_parties_stand_on_the_receipt_and_are_masked_in_public(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill(**PARTIES)
    await credit(system, bill["amount"], bill["reference"])
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    content = parse((await system.browser.get(receipt["xml_url"])).content)
    assert content.payer == Payer(
        "Nguyễn Thị Ánh", "số 5 phố Huế, Hà Nội", "0100109106", "001190012345"
    )
    assert content.on_behalf_of == Payer("Công ty Bình Minh", "số 7 phố Vọng", "0100109106-001")
    assert content.delegate == Delegate("Bưu điện Cửa Nam", "số 9 phố Tràng Thi")
    written = text_of((await system.browser.get(receipt["pdf_url"])).content)
    for told in ("Nguyễn Thị Ánh", "Công ty Bình Minh", "0100109106-001", "Bưu điện Cửa Nam"):
        assert told in written
    page = (await system.browser.get(receipt["check_url"])).text
    public = (await system.browser.get(bill["pay_url"].partition("?")[0])).text
    for told in ("Ánh", "phố Huế", "Bình Minh", "0100109106-001", "phố Vọng", "Bưu điện", "Tràng"):
        assert told not in page
        assert told not in public
    assert "C*** t*** B*** M***" in page
    assert "B*** đ*** C*** N***" in page
    opened = (await system.browser.get(bill["pay_url"])).text
    assert "Công ty Bình Minh" in opened
    for table, rows in (await dump(system.parts.database)).items():
        assert "Bình Minh" not in rows, table
        assert "Tràng Thi" not in rows, table


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"payer": {"tax_number": "0100109107"}}, "payer.tax_number", "chữ số kiểm tra"),
        ({"payer": {"tax_number": "100109106"}}, "payer.tax_number", "gồm 10 chữ số"),
        (
            {"on_behalf_of": {"name": "An", "tax_number": "0100109106-1"}},
            "on_behalf_of.tax_number",
            "gồm 10 chữ số",
        ),
        ({"payer": {"address": "Phố 中"}}, "payer.address", "“中” (U+4E2D)"),
    ],
)
async def test_what_is_wrong_with_a_party_is_said_in_vietnamese(
    shared_system: System, changes: dict[str, Any], field: str, said: str
) -> None:
    body = {"agency": shared_system.body.agency_code, "lines": [{"fee": "2.000815", "quantity": 1}]}
    answer = await shared_system.post("/api/v1/bills", body | changes)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert said in fault["detail"]
    assert said in answer.json()["detail"]
