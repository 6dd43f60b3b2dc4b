"""Pages for a citizen who reads English: chosen by the link, kept, whole, on any screen."""

import os
from pathlib import Path

from tests.journeys.test_pages import WIDTHS, too_wide
from tests.support import browser as chromium
from tests.support.accessibility import faults_of
from tests.support.browser import DESKTOP, PHONE, tab
from tests.support.markup import foreign_words
from tests.support.page_states import PAYER
from tests.support.system import System

#: Where pictures go, where somebody wants to look at them.
PICTURES = os.environ.get("LEPHI_TEST_PICTURES")


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
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                found[f"{name}, {scheme}"] = await faults_of(page)
                for size in (PHONE, DESKTOP):
                    if PICTURES:
                        await page.set_viewport_size(size)
                        path = Path(PICTURES) / f"{name}-{size['width']}-{scheme}.png"
                        await page.screenshot(path=path, full_page=True)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 740})
                found[f"{name}, {width}"] = await too_wide(page)
        await page.get_by_role("link", name="Tiếng Việt").click()
        await page.get_by_role("heading", name="Không tìm thấy trang này").wait_for()
        assert shown.complaints == []
    assert {place: faults for place, faults in found.items() if faults} == {}
