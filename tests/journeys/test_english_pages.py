"""Pages for a citizen who reads English: chosen by the link, kept, whole, on any screen."""

from tests.support import browser as chromium
from tests.support.accessibility import faults_everywhere
from tests.support.browser import pictured, tab
from tests.support.markup import foreign_words
from tests.support.page_states import PAYER
from tests.support.system import System


async def test_english_is_chosen_once_and_every_page_is_in_it(system: System) -> None:
    bill = await system.create_bill(payer={"name": PAYER})
    body = f"{system.base_url}/p/{system.body.agency_code}"
    pages = {
        "bill": bill["pay_url"],
        "fees": body,
        "poster": f"{body}/2.000884",
        "fee": f"{body}/2.000815",
        "transfer": f"{system.base_url}/bien-lai",
        "notice": f"{system.base_url}/khoan-phai-nop",
        "error": f"{system.base_url}/no/such/page",
    }
    found = {}
    async with chromium.started() as browser, tab(browser) as shown:
        page = shown.page
        await shown.open(f"{system.base_url}/")
        await page.get_by_role("link", name="English").click()
        await page.get_by_role("heading", name="Pay a public body's fees without cash").wait_for()
        for name, address in pages.items():
            await shown.open(address)
            assert await page.locator("html").get_attribute("lang") == "en", name
            found[f"{name}, words"] = foreign_words(await page.content(), "en", (PAYER,))
            # Their colours are looked at in Vietnamese (test_pages).
            found[name] = await faults_everywhere(page, dark=False)
            await pictured(page, f"english-{name}")
        await page.get_by_role("link", name="Tiếng Việt").click()
        await page.get_by_role("heading", name="Không tìm thấy trang này").wait_for()
        assert shown.complaints == []
    assert {place: faults for place, faults in found.items() if faults} == {}
