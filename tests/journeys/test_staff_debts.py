"""A list of debts on a page without JavaScript: looked at, mended, taken, changed, found."""

import pytest
from playwright.async_api import FilePayload, Page

from core.ids import new_id
from tests.journeys.test_staff_day import signed_in
from tests.journeys.test_staff_pages import looked_at
from tests.support import browser as chromium
from tests.support.callbacks import credit
from tests.support.debts import land, land_file
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = pytest.mark.timeout(400)


async def choose(page: Page, base: str, name: str, content: bytes) -> None:
    """Send a list's file by the form."""
    await page.goto(f"{base}/staff/debts/new")
    await page.locator("#list").fill(name)
    file = FilePayload(name="dat.csv", mimeType="text/csv", buffer=content)
    await page.locator("#file").set_input_files(file)
    await page.get_by_role("button", name="Xem trước").click()
    await page.wait_for_url("**/staff/debts/files/**")


async def test_a_list_is_mended_taken_and_changed(system: System) -> None:
    base, one = system.base_url, new_id("id")[-12:]
    found: list[str] = []
    async with (
        chromium.started() as browser,
        signed_in(browser, system, "finance", "Lê Lập", False, phone=True) as clerk,
    ):
        page = clerk.page
        await clerk.open(f"{base}/staff/debts/new")
        found += await looked_at(clerk, "debts-new")
        await choose(page, base, "dat-2026", land_file(land(one, amount="hai triệu")))
        found += await looked_at(clerk, "debts-faults")
        async with page.expect_download() as told:
            await page.get_by_role("link", name="Tải bảng lỗi (XLSX)").click()
        assert (await told.value).suggested_filename == "loi-danh-sach.xlsx"
        await choose(page, base, "dat-2026", land_file(land(one), land(f"{one}-2")))
        await page.get_by_role("button", name="Nạp 2 khoản").click()
        await page.wait_for_url("**/staff/debts/dlist_*")
        await system.work()
        await clerk.open(f"{base}/staff/debts")
        found += await looked_at(clerk, "debts")
        await choose(page, base, "dat-2026", land_file(land(one, amount="2.000.000")))
        found += await looked_at(clerk, "debts-preview")
        await page.locator("#reason").fill("theo quyết định mới")
        await page.get_by_role("button", name="Đề nghị duyệt danh sách").click()
        await page.wait_for_url("**/staff/debts/dlist_*")
        await page.get_by_role("link", name="Xem đề nghị").wait_for()
        found += await looked_at(clerk, "debts-list")
        await page.get_by_role("link", name="Xem đề nghị").click()
        shown = str(await page.locator("main").text_content())
        assert "Khoản đổi, lập lại" in shown
        await clerk.open(f"{base}/staff/find?q={one}")
        found += await looked_at(clerk, "debts-found")
        await page.get_by_role("link", name=one).first.click()
        found += await looked_at(clerk, "debts-bill")
        await clerk.open(f"{base}/khoan-phai-nop")
        await page.locator("#code").fill(one)
        await page.locator("#tax_number").fill("0100109106")
        await page.get_by_role("button", name="Tìm khoản phải nộp").click()
        await page.get_by_role("link", name="Nộp khoản này").wait_for()
        found += await looked_at(clerk, "debt-of-a-notice")
        bill = await system.create_bill(dossier_number="H01-BS")
        await credit(system, bill["amount"], bill["reference"])
        await system.work()
        async with signed_in(browser, system, "clerk", "Phạm Quầy", False, phone=True) as counter:
            await counter.open(f"{base}/staff/bills/{bill['id']}")
            await counter.page.get_by_role("link", name="Thu bổ sung").click()
            found += await looked_at(counter, "supplement")
            await counter.page.locator("#description").fill("Lệ phí cấp thêm bản")
            await counter.page.locator("#amount").fill("8.000")
            await counter.page.locator("#sub_item").fill("2716")
            await counter.page.get_by_role("button", name="Lập khoản thu bổ sung").click()
            await counter.page.wait_for_url("**/staff/bills/bill_*")
            found += await looked_at(counter, "supplement-bill")
        assert found == []
        assert clerk.complaints == []
    assert await system.broken() == []
