"""Paying at a gateway in a real browser, where it does not end well: with and without script."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from app.web.citizen import bills
from tests.support.browser import tab
from tests.support.page_states import until_attempt
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def to_the_gateway(page: Page, system: System) -> None:
    """Press the button of a bill's page."""
    await page.get_by_role("button", name="qua PayGov").click()
    await page.wait_for_url(f"{system.sandbox_url}/**")


@pytest.mark.parametrize("script", [True, False])
async def test_a_decline_is_told_with_what_to_do_next(
    browser: Browser, shared_system: System, script: bool
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser, java_script_enabled=script) as shown:
        page = shown.page
        await shown.open(bill["pay_url"])
        await to_the_gateway(page, shared_system)
        await page.locator("button[value='decline']").click()
        await page.wait_for_url(f"{shared_system.base_url}/b/**")
        await until_attempt(shared_system, bill, "failed")
        await shown.open(bill["pay_url"])
        notice = page.locator(".notice", has_text="PayGov đã từ chối giao dịch, chưa trừ tiền")
        await notice.get_by_text("Hãy thử lại, chọn cách khác").wait_for()
        assert await page.locator(".notice").count() == 1
        # What it says to do can be done.
        assert await page.locator("img.qr").count() == 1
        await to_the_gateway(page, shared_system)
        assert shown.complaints == []


@pytest.mark.parametrize("script", [True, False])
async def test_whoever_comes_back_goes_on_or_chooses_another_way(
    browser: Browser, shared_system: System, script: bool
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser, java_script_enabled=script) as shown:
        page = shown.page
        await shown.open(bill["pay_url"])
        await to_the_gateway(page, shared_system)
        order = page.url
        await shown.open(bill["pay_url"])
        assert await page.locator("img.qr").count() == 0
        assert await page.get_by_role("button", name="qua PayGov").count() == 0
        await page.get_by_role("link", name="Tiếp tục trên trang PayGov").click()
        await page.wait_for_url(order)
        await shown.open(bill["pay_url"])
        await page.get_by_role("button", name="Tôi chưa bị trừ tiền").click()
        await page.locator(".notice", has_text="đã khép lại").wait_for()
        assert await page.locator("img.qr").count() == 1
        assert page.url == bill["pay_url"]
        assert shown.complaints == []


async def test_an_open_page_tells_of_a_payment_whose_callback_was_lost(
    browser: Browser, shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bills, "WATCHED", timedelta())
    bill = await shared_system.create_bill()
    payment = await shared_system.start(bill)
    async with tab(browser) as shown:
        await shown.open(bill["pay_url"])
        await shown.page.locator(".notice", has_text="PayGov chưa nhận được tiền").wait_for()
        await shared_system.decide(payment, "lost_callback")
        await shown.page.get_by_role("heading", name="Đã nộp đủ").wait_for()
        assert shown.complaints == []
