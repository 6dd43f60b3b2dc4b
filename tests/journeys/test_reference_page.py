"""The API reference in a real browser: complete, ours alone, under the policy of every page."""

import re

import pytest
from playwright.async_api import Browser, Page

from app.web.policy import STRICT
from tests.support.browser import DESKTOP, PAINTED, tab
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Method and path of each operation that is drawn.
OPERATIONS = """() => [...document.querySelectorAll(".opblock")].map(one => [
  one.querySelector(".opblock-summary-method").textContent,
  one.querySelector(".opblock-summary-path").dataset.path,
])"""


async def test_the_reference_keeps_the_policy_of_every_page(shared_system: System) -> None:
    page = await shared_system.browser.get("/docs")
    assert page.headers["content-security-policy"] == STRICT
    assert page.headers["cache-control"] == "no-store"
    for address in re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", page.text):
        file = await shared_system.browser.get(address)
        assert file.status_code == 200, address
        assert "immutable" in file.headers["cache-control"], address


async def drawn(page: Page, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The operations that are drawn on the way down: of a long list only those in sight are."""
    await page.locator(".opblock").first.wait_for()
    found: set[tuple[str, str]] = set()
    for _ in range(200):
        told = await page.evaluate(OPERATIONS)
        found |= {(method, path) for method, path in told}
        if found >= wanted:
            break
        await page.mouse.wheel(0, 600)
        await page.evaluate(PAINTED)
    return found


async def test_every_operation_is_shown_and_can_be_tried_out(
    browser: Browser, shared_system: System
) -> None:
    document = (await shared_system.browser.get("/api/v1/openapi.json")).json()
    operations = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    async with tab(browser, viewport=DESKTOP) as shown:
        asked: list[str] = []
        shown.page.on("request", lambda request: asked.append(request.url))
        await shown.open(f"{shared_system.base_url}/docs")
        assert await drawn(shown.page, operations) == operations
        await shown.page.evaluate("() => window.scrollTo(0, 0)")
        await shown.page.get_by_role("button", name="Authorize").click()
        await shown.page.locator(".modal-ux input").fill(shared_system.api_key)
        await shown.page.locator(".modal-ux").get_by_role("button", name="Apply").click()
        await shown.page.get_by_role("button", name="Close", exact=True).click()
        own = shown.page.locator('[data-path="/api/v1/bills"]')
        block = shown.page.locator(".opblock-get", has=own)
        await block.locator(".opblock-summary-control").click()
        await block.get_by_role("button", name="Try it out").click()
        await block.get_by_role("button", name="Execute").click()
        await block.locator(".live-responses-table", has_text="next_cursor").wait_for()
        assert shown.complaints == []
        elsewhere = [one for one in asked if not one.startswith((shared_system.base_url, "data:"))]
        assert elsewhere == []
