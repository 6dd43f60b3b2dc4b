"""Whatever text a bill was opened with: once paid it has its receipt, and every page shows."""

from typing import Any

import pytest

from tests.support.callbacks import credit
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Marks that turn the line round, noncharacters, an emoji, decomposed letters, markup, a tag.
ODD = (
    "\u202eNguye\u0302\u0303n\u200b \ufffe\uffff \U0001f600 <b>&amp;</b> ]]> <!-- ' \" \U000e0001 ﷽"
)

STORIES: dict[str, dict[str, Any]] = {
    "odd": {
        "payer": {"name": ODD, "identity_number": "001090123456"},
        "dossier_number": "../a/..",
        "lines": [{"description": ODD, "amount": 1, "sub_item": "2999"}],
        "metadata": {"k": ODD},
    },
    "long": {
        "payer": {"name": "Ấ" * 200},
        "dossier_number": "W" * 64,
        "lines": [
            {"description": f"{n} " + "W" * 190, "amount": 10**11, "sub_item": "2999"}
            for n in range(50)
        ],
    },
    "large": {"lines": [{"description": "W" * 200, "amount": 10**13, "sub_item": "2999"}]},
}


@pytest.mark.parametrize("story", STORIES)
async def test_a_paid_bill_has_a_receipt_whatever_its_words(
    shared_system: System, story: str
) -> None:
    system = shared_system
    bill = await system.create_bill(**STORIES[story])
    page = await system.browser.get(bill["pay_url"])
    assert page.status_code == 200
    assert "<b>&amp;</b>" not in page.text
    await credit(system, bill["amount"], bill["reference"])
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    pdf = await system.browser.get(receipt["pdf_url"])
    assert pdf.content.startswith(b"%PDF")
    xml = await system.browser.get(receipt["xml_url"])
    assert xml.content.startswith(b"<?xml")
    for address in (receipt["check_url"], bill["pay_url"]):
        page = await system.browser.get(address)
        assert page.status_code == 200
        assert "<b>&amp;</b>" not in page.text
    assert await system.broken() == []
