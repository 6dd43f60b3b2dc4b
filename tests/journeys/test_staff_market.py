"""The board's pages of a market in a real browser: read by everyone, and used without a script."""

import pytest
from playwright.async_api import FilePayload, Page

from core.ids import new_id
from tests.journeys.test_staff_keeping import desk, press
from tests.journeys.test_staff_pages import looked_at
from tests.support import browser as chromium
from tests.support.callbacks import credit
from tests.support.every_route import Things, keys_of
from tests.support.market_routes import waiver
from tests.support.markets import add_rate, lay_out
from tests.support.page_routes import unlisted
from tests.support.stall_files import workbook_of_stalls
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = pytest.mark.timeout(400)

PHONE_360 = {"width": 360, "height": 740}


async def test_the_board_bills_a_month_without_a_script_and_every_page_can_be_read(
    system: System,
) -> None:
    parts = system.parts
    laid = await lay_out(
        parts.database, parts.cipher, count=9, agency_id=system.body.agency_id, code="cho-ben"
    )
    async with parts.database.transaction() as session:
        await add_rate(session, laid.market.id)
    here, base = f"/staff/markets/{laid.market.id}", system.base_url
    stall = f"/staff/stalls/{laid.stalls['A-001']}"
    found: list[str] = []
    async with chromium.started() as browser:
        options = {"java_script_enabled": False, "viewport": PHONE_360}
        async with desk(system, browser, "finance", **options) as shown:
            page = shown.page
            await shown.open(f"{base}{here}/readings?stall=A-002")
            await page.get_by_label("Chỉ số", exact=True).fill("120")
            await page.get_by_label("Ngày ghi").fill("2026-10-31")
            await press(page, "Ghi chỉ số")
            await page.get_by_text("Đã ghi chỉ số").wait_for()
            await shown.open(f"{base}{here}/runs")
            await page.get_by_label("Kỳ", exact=True).fill("2026-11")
            await press(page, "Xem trước")
            await press(page, "Lập các khoản này")
            await page.get_by_text("Đã lập xong").first.wait_for()
            run = page.url.removeprefix(base)
            await credit(system, 250_000, f"gop {await _reference(system, laid.stalls['A-003'])}")
            await credit(system, 600_000, "nguyen thi 004 nop sap a 004")
            await system.work()
            # On the map each stall is a link that says how it stands.
            await shown.open(f"{base}{here}")
            await page.locator(".map a", has_text="A-001").click()
            await page.wait_for_url(f"**{stall}")
            await shown.open(f"{base}{here}/import")
            file = FilePayload(name="sap.xlsx", mimeType="", buffer=workbook_of_stalls(2))
            await page.locator("input[type=file]").set_input_files(file)
            await press(page, "Nạp tệp")
            await page.wait_for_url("**/staff/markets/imports/*")
            loaded = page.url.removeprefix(base)
            assert shown.complaints == []
        await _let_off(system)
        pages = {
            "markets": "/staff/markets",
            "market": here,
            "stall": stall,
            "rates": "/staff/markets/rates?year=2026",
            "kinds": "/staff/markets/arrears",
            "arrears": f"{here}/arrears",
            "tariffs": f"{here}/tariffs?stall=A-001",
            "readings": f"{here}/readings?stall=A-002",
            "import": f"{here}/import",
            "loaded": loaded,
            "runs": f"{here}/runs",
            "preview": f"{here}/runs/preview?kind=month&period=2026-12",
            "run": run,
            "suspense": "/staff/suspense",
        }
        async with desk(system, browser, "chief", "admin") as shown:
            for name, path in pages.items():
                await shown.open(f"{base}{path}")
                if name == "tariffs":
                    await page_says(shown.page, "Thông báo 3")
                if name == "suspense":
                    await page_says(shown.page, "Chỉ là gợi ý")
                found += await looked_at(shown, f"market-{name}")
            assert shown.complaints == []
    assert found == [], "\n".join(found)
    assert unlisted(system.app, pages.values(), "app.web.staff.market") == []


async def page_says(page: Page, words: str) -> None:
    await page.get_by_text(words).first.wait_for()


async def _let_off(system: System) -> None:
    """A storm's days that two people have let off: the list of waivers has a row."""
    things = Things(system, await keys_of(system, system.body.agency_id))
    asked = await waiver(things)
    days = {"first_on": "2027-01-04", "last_on": "2027-01-06"}
    answer = await system.browser.post(
        "/api/v1/markets/cho-ben/waivers",
        json=asked["json"] | days,
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 202, answer.text
    done = await system.browser.post(
        f"/api/v1/approvals/{answer.json()['id']}/approve", headers=things.client("chief")
    )
    assert done.status_code == 200, done.text


async def _reference(system: System, stall_id: str) -> str:
    things = Things(system, await keys_of(system, system.body.agency_id))
    answer = await system.browser.get(
        "/api/v1/markets/cho-ben/stalls", headers=things.client("finance")
    )
    return str(next(one["reference"] for one in answer.json()["items"] if one["id"] == stall_id))
