"""A vendor scans the sticker: the code, what is owed, an amount, the bank, and what it paid.

On the narrowest phone, with and without script, in both languages, and looked at by axe's rules.
"""

import pytest
from playwright.async_api import Browser

from core import clock
from core.references import find_references
from payments.billing.reminding.commands import set_reminders
from tests.support.accessibility import faults_everywhere
from tests.support.browser import NARROW, pictured, tab
from tests.support.markup import foreign_words
from tests.support.stalls import CODE, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("script", [True, False])
async def test_a_vendor_pays_an_amount_and_sees_what_it_paid(
    browser: Browser, shared_system: System, script: bool
) -> None:
    system, at = shared_system, await stall(shared_system, f"J-{script:d}")
    await at.owe(310_000, due_in=-20)
    await at.owe(300_000, due_in=10)
    address = f"{system.base_url}/v/{system.body.agency_code}/{at.reference}"
    async with tab(browser, java_script_enabled=script, viewport=NARROW) as shown:
        page = shown.page
        await shown.open(address)
        assert "310.000" not in await page.content()
        await page.get_by_label("Mã trên hợp đồng").fill("111111")
        await page.get_by_role("button", name="Mở").click()
        await page.locator(".notice", has_text="Mã không đúng").wait_for()
        await page.get_by_label("Mã trên hợp đồng").fill(CODE)
        await page.keyboard.press("Enter")
        await page.get_by_text("610.000 đ").first.wait_for()
        own = page.url
        # An amount that fills one period and a part of the next: said before it is sent.
        await page.get_by_label("Hoặc số tiền khác").fill("400.000")
        await page.get_by_role("button", name="Xem mã QR").click()
        await page.get_by_text("90.000 đ trong 300.000 đ").wait_for()
        shown_qr = page.locator("img.qr")
        await shown_qr.evaluate("image => image.decode()")
        (reference,) = find_references(await page.locator(".scan").inner_text())
        assert reference == at.reference
        payload = await page.locator("a[download]").get_attribute("href")
        assert payload is not None
        assert payload.endswith("qr.png?amount=400000")
        await system.transfer(await payload_of(system, at.reference), 400_000, reference)
        await system.told()
        await system.work()
        await shown.open(own)
        await page.get_by_text("đã trả 90.000 đ trong 300.000 đ").wait_for()
        assert await page.get_by_role("link", name="Xem chứng từ").count() == 1
        # And what is over is kept, and shown.
        await system.transfer(await payload_of(system, at.reference), 250_000, reference)
        await system.told()
        await system.work()
        await shown.open(own)
        await page.get_by_role("heading", name="Không còn nợ kỳ nào").wait_for()
        await page.get_by_text("Đang trả trước 40.000 đ").wait_for()
        assert await page.get_by_role("link", name="Xem chứng từ").count() == 2
        # The voice is there with the script alone, where the browser can speak.
        assert await page.locator("#speak").is_visible() == script
        assert shown.complaints == []
    assert await at.statuses() == ["paid", "paid"]


async def payload_of(system: System, reference: str) -> str:
    """The text inside the stall's VietQR."""
    account = (await system.parts.payments.agencies.get_agency(system.body.agency_id)).account
    assert account is not None
    return system.parts.payments.qr.payload(
        bank_bin=account.bank_bin,
        account_number=account.account_number,
        amount=None,
        reference=reference,
        static=True,
    )


async def test_the_page_fits_and_is_read_by_everyone(
    browser: Browser, shared_system: System
) -> None:
    system, at = shared_system, await stall(shared_system, "J-9")
    for due in (-40, -10, 20):
        await at.owe(310_000, due_in=due)
    await at.owe(15_000_000, due_in=50)
    sticker = f"{system.base_url}/v/{system.body.agency_code}/{at.reference}"
    way = await system.browser.post(sticker, data={"code": CODE})
    opened = f"{system.base_url}{way.headers['location']}"
    stop = system.parts.payments.urls.stop_reminders(at.reference, at.vendor_id)
    other = await stall(shared_system, "J-8")
    async with system.parts.database.transaction() as session:
        await set_reminders(session, other.vendor_id, wanted=False, actor="system:test")
    refused = system.parts.payments.urls.stop_reminders(other.reference, other.vendor_id)
    pages = {"shut": sticker, "opened": opened, "amount": f"{opened}&amount=700000"}
    pages |= {"reminders": stop, "no reminders": refused}
    former = await stall(shared_system, "J-7")
    await former.owe(1_310_000, due_in=-40)
    before = f"{system.base_url}/v/{system.body.agency_code}/{former.reference}"
    way = await system.browser.post(before, data={"code": CODE})
    await former.hand_over(clock.business_date(clock.now()))
    pages["left"] = f"{system.base_url}{way.headers['location']}"
    found = {}
    async with tab(browser) as shown:
        page = shown.page
        for language in ("vi", "en"):
            for name, address in pages.items():
                await shown.open(f"{address}{'&' if '?' in address else '?'}lang={language}")
                place = f"{name}, {language}"
                if language == "en":
                    own = ("Thuê sạp", at.code)
                    found[f"{place}, words"] = foreign_words(await page.content(), "en", own)
                # 180: a phone of 360 px whose letters are twice as large. The colours are the same
                # in every language.
                found[place] = await faults_everywhere(page, dark=language == "vi", narrower=(180,))
                await pictured(page, f"stall-{name.replace(' ', '-')}-{language}")
        assert shown.complaints == []
    assert {place: faults for place, faults in found.items() if faults} == {}
