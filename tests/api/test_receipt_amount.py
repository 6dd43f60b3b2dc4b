"""A receipt with a person's number opens for whoever has its code and knows its amount."""

from typing import Any

import pytest

from core.guesses import MOST_WRONG
from receipts.xml import parse
from tests.support.callbacks import credit
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "001190012345"
LINES = [{"description": "Lệ phí thử", "amount": 47_000, "sub_item": "2716"}]
PEOPLE: dict[str, dict[str, Any]] = {
    "the payer's identity number": {"payer": {"name": "An", "identity_number": NUMBER}},
    "the payer's tax number": {"payer": {"name": "An", "tax_number": "001090123457"}},
}


async def receipt_of(system: System, **body: Any) -> dict[str, Any]:
    """The receipt of a bill of 47,000 đồng, as the API shows it."""
    bill = await system.create_bill(lines=LINES, **body)
    await credit(system, bill["amount"], bill["reference"])
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    found: dict[str, Any] = receipt
    return found


@pytest.mark.parametrize("number", PEOPLE)
async def test_the_code_alone_opens_neither_file_nor_amount(
    shared_system: System, number: str
) -> None:
    receipt = await receipt_of(shared_system, **PEOPLE[number])
    page = await shared_system.browser.get(receipt["check_url"])
    assert page.status_code == 200
    assert "Biên lai thật, đang có hiệu lực" in page.text
    assert "Số tiền ghi trên biên lai" in page.text
    for told in ("47.000", "47000", "Bốn mươi bảy", "Xem PDF", "Lệ phí thử"):
        assert told not in page.text
    for kind in ("pdf", "xml"):
        for query in ("", "?amount=", "?amount=46999", "?amount=x", "?amount=47,0"):
            shut = await shared_system.browser.get(f"{receipt['check_url']}.{kind}{query}")
            assert shut.status_code == 303, query
            assert shut.headers["location"] == f"/r/{receipt['code']}"
            assert shut.content == b""


async def test_the_amount_opens_it_as_people_write_it(shared_system: System) -> None:
    receipt = await receipt_of(shared_system, **PEOPLE["the payer's identity number"])
    page = await shared_system.browser.get(receipt["check_url"], params={"amount": "47.000 đ"})
    assert "47.000" in page.text
    assert "Xem PDF" in page.text
    assert NUMBER not in page.text
    pdf = await shared_system.browser.get(receipt["pdf_url"])
    assert pdf.content.startswith(b"%PDF")
    xml = await shared_system.browser.get(receipt["xml_url"])
    assert parse(xml.content).payer.identity == NUMBER
    wrong = await shared_system.browser.get(receipt["check_url"], params={"amount": "470.000"})
    assert "Số tiền bạn nhập không khớp" in wrong.text
    assert "47.000" not in wrong.text


async def test_a_receipt_without_a_persons_number_needs_its_code_only(
    shared_system: System,
) -> None:
    firm = {"name": "Công ty Bình Minh", "tax_number": "0100109106"}
    receipt = await receipt_of(shared_system, payer=firm)
    page = await shared_system.browser.get(receipt["check_url"])
    assert "47.000" in page.text
    for kind in ("pdf", "xml"):
        file = await shared_system.browser.get(f"{receipt['check_url']}.{kind}")
        assert file.status_code == 200


async def test_amounts_cannot_be_tried_without_end(shared_system: System) -> None:
    receipt = await receipt_of(shared_system, **PEOPLE["the payer's identity number"])
    address = f"{receipt['check_url']}.xml"
    for guess in range(MOST_WRONG):
        answer = await shared_system.browser.get(address, params={"amount": str(guess)})
        assert answer.status_code == 303
    for amount in ("5", "47000"):
        answer = await shared_system.browser.get(address, params={"amount": amount})
        assert answer.status_code == 429
    # Without a guess the page still says whether the receipt stands.
    assert (await shared_system.browser.get(receipt["check_url"])).status_code == 200
