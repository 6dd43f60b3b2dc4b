"""A refund on a phone: asked for by one, approved by another, its transfer ordered, its debit seen.

With and without JavaScript, small and wide; each page of the way is looked at.
"""

import pytest
from playwright.async_api import Browser, Page

from core.ids import new_id
from tests.journeys.test_staff_day import signed_in
from tests.journeys.test_staff_pages import looked_at
from tests.support.callbacks import credit
from tests.support.staff_days import bank_ref
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).click()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
async def test_a_refund_is_approved_on_a_phone_and_paid_out(
    browser: Browser, own_system: System, script: bool
) -> None:
    system = own_system
    bill, base = await system.create_bill(), system.base_url
    await credit(system, 5000, bill["reference"], bank_ref=new_id("ft"))
    await system.work()
    payment = (await system.read(bill))["payments"][0]["id"]
    found: list[str] = []
    async with (
        signed_in(browser, system, "finance", "Lê Lập", script, phone=True) as clerk,
        signed_in(browser, system, "chief", "Trần Duyệt", script, phone=True) as chief,
    ):
        page = clerk.page
        await clerk.open(f"{base}/staff/payments/{payment}")
        await page.get_by_role("link", name="Đề nghị hoàn trả").click()
        found += await looked_at(clerk, "refund-ask")
        await page.locator("#reason").fill("người dân nộp nhầm")
        await page.locator("#bank_bin").fill("970436")
        await press(page, "Đề nghị hoàn trả")
        # An account without a number and a holder is none: it is said where.
        await page.locator("#account_number-fault").wait_for()
        assert await page.locator("#reason").input_value() == "người dân nộp nhầm"
        found += await looked_at(clerk, "refund-refused")
        await page.locator("#account_number").fill("0071000123456")
        await page.locator("#holder").fill("TRẦN THỊ HOÀ")
        await press(page, "Đề nghị hoàn trả")
        await page.wait_for_url("**/staff/approvals/appr_*")
        # Who asked may take it back, and may not approve it.
        assert await page.locator("#decide").count() == 0

        await chief.open(f"{base}/staff/approvals")
        await chief.page.locator("ol.work a").first.click()
        await chief.page.locator("#decide").wait_for()
        shown = str(await chief.page.locator("main").text_content())
        assert "5.000 đ" in shown
        assert "người dân nộp nhầm" in shown
        found += await looked_at(chief, "refund-approval")
        await press(chief.page, "Duyệt 5.000 đ")
        await chief.page.locator(".notice.good").wait_for()

        await clerk.open(f"{base}/staff/refunds/to-order")
        assert "5.000 đ" in str(await page.locator(".lead").text_content())
        found += await looked_at(clerk, "refunds-to-order")
        memo = str(await page.locator("label.tick code").first.text_content())
        file = await page.request.get(f"{base}/staff/refunds?status=approved&format=xlsx")
        assert (await file.body()).startswith(b"PK")
        await press(page, "Ghi là đã đặt lệnh")
        await page.wait_for_url("**/staff/refunds?*ordered=refund_*")
        found += await looked_at(clerk, "refunds")
        await page.get_by_role("link", name=memo).click()
        await page.locator("#transfer").wait_for()
        # Rejects for an image that cannot be read.
        await page.locator("img.qr").evaluate("image => image.decode()")
        found += await looked_at(clerk, "refund")

        # The bank's debit proves it.
        await take_statement(system, f"5000|debit|HOAN TRA {memo}|{bank_ref()}")
        await reconcile(system)
        await page.reload()
        assert "đã hoàn trả" in str(await page.locator("main").text_content())
        assert found == []
        assert clerk.complaints + chief.complaints == []
    assert await system.broken() == []
