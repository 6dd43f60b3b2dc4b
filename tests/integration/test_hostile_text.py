"""Whatever text a bill was opened with: once paid it has its receipt, and every page shows."""

from typing import Any

import pytest

from core import clock
from payments.bills.create import create_bill_within
from payments.bills.new_bill import BillRequest
from payments.catalogue.rules.lines import NewLine
from tests.support.callbacks import credit
from tests.support.pdf import text_of
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Decomposed letters, markup.
ODD = "Nguye\u0302\u0303n <b>&amp;</b> ]]> <!-- ' \""
#: What the door refuses and an old row may hold: marks that turn the line round or have no width, a
#: tag, a noncharacter, an emoji, other scripts.
UNSEEN = "\u202e\u200b\u2066\ufe0f\U000e0001"
UNDRAWABLE = f"\u202e{ODD}\u200b \u2066x\ufe0f \U000e0001 \ufffe\uffff \U0001f600 ﷽ 王小明"

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
    await becomes_a_receipt(system, await system.create_bill(**STORIES[story]))


async def test_words_that_no_door_would_take_any_more_do_not_stop_a_receipt(
    shared_system: System,
) -> None:
    """As a bill of an earlier version has them, or an imported catalogue."""
    system = shared_system
    request = BillRequest(
        agency_id=system.body.agency_id,
        lines=(
            NewLine(
                description=UNDRAWABLE,
                quantity=1,
                copies=1,
                amount=2,
                full_amount=2,
                sub_item="2999",
                unit="頁",
            ),
        ),
        channel="api",
        opened_on=clock.business_date(clock.now()),
        payer={"name": UNDRAWABLE},
    )
    async with system.parts.database.transaction() as session:
        made = await create_bill_within(session, request, actor="test", cipher=system.parts.cipher)
    answer = await system.client.get(f"/api/v1/bills/{made.id}")
    pdf = await becomes_a_receipt(system, answer.json())
    written = text_of(pdf)
    assert "[U+738B U+5C0F U+660E]" in written
    assert "?" not in written
    assert not set(written) & set(UNSEEN)


@pytest.mark.parametrize("field", ["payer.name", "lines.0.description"])
async def test_words_that_a_receipt_cannot_show_are_refused_by_name(
    shared_system: System, field: str
) -> None:
    system = shared_system
    line = {"description": "Phí", "amount": 1, "sub_item": "2999"}
    body: dict[str, Any] = {"agency": system.body.agency_code, "lines": [line]}
    told = "An 王😀"
    if field == "payer.name":
        body["payer"] = {"name": told}
    else:
        line["description"] = told
    answer = await system.post("/api/v1/bills", body)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == (field, "undrawable")
    assert "không in được ký tự “王” (U+738B), “😀” (U+1F600)" in fault["detail"]
    assert fault["detail"] in answer.json()["detail"]


async def becomes_a_receipt(system: System, bill: dict[str, Any]) -> bytes:
    """Pay a bill and look at all that shows its receipt; the PDF."""
    page = await system.browser.get(bill["pay_url"])
    assert page.status_code == 200
    assert "<b>&amp;</b>" not in page.text
    # A page shows no more than the paper.
    assert not set(page.text) & set(UNSEEN)
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
        assert not set(page.text) & set(UNSEEN)
    assert await system.broken() == []
    return pdf.content
