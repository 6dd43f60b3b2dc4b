"""Where a sandbox plays the bank, a bill's page leads to its bank page with the QR read in."""

from urllib.parse import urlsplit

import pytest

from tests.support.markup import tree_of, words_of
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = "Trả thử tại ngân hàng thử"


async def test_the_sandbox_s_bank_has_read_the_qr_of_the_bill(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("system")
    async with system_at(system_template, folder, sandbox_url="http://127.0.0.1:9") as system:
        bill = await system.create_bill()
        page = (await system.browser.get(bill["pay_url"])).text
        (link,) = tree_of(page).xpath(f'//a[contains(., "{WORDS}")]/@href')
        assert link.startswith("http://127.0.0.1:9/bank?payload=")
        english = words_of((await system.browser.get(f"{bill['pay_url']}&lang=en")).text)
        assert "Try paying at the sandbox's bank" in english
        # The sandbox of this test is at another port.
        asked = urlsplit(link)
        bank = (await system.browser.get(f"{system.sandbox_url}{asked.path}?{asked.query}")).text
        tree = tree_of(bank)
        (payload,) = tree.xpath('//*[@name="payload"]/text() | //input[@name="payload"]/@value')
        assert bill["reference"] in payload
        answer = await system.transfer(payload.strip(), bill["amount"], "")
        assert answer.status_code == 200
        await system.until(bill, "paid")
        paid = (await system.browser.get(f"{bill['pay_url']}&lang=vi")).text
        assert WORDS not in words_of(paid)


async def test_without_a_sandbox_no_bill_leads_to_one(shared_system: System) -> None:
    """The control: nothing of it stands on a page that somebody really pays by."""
    bill = await shared_system.create_bill()
    page = (await shared_system.browser.get(bill["pay_url"])).text
    assert "qr.svg" in page
    assert WORDS not in words_of(page)
    assert "/bank?" not in page
