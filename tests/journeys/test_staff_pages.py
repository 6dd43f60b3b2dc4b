"""A new clerk in a real browser: enrols, comes in, ends a session; small, wide, light and dark."""

import base64

import pytest
from playwright.async_api import Browser, Page

from core import clock
from payments.agencies.access.totp import code_at, step_of
from tests.support.accessibility import faults_everywhere
from tests.support.browser import Tab, pictured, tab
from tests.support.staff_browser import PASSWORD, new_person
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


async def looked_at(shown: Tab, name: str) -> list[str]:
    """What is wrong with a page in any scheme or width."""
    await pictured(shown.page, name)
    return [f"{name}, {fault}" for fault in await faults_everywhere(shown.page)]


async def enter(page: Page, email: str, button: str) -> None:
    await page.locator("#email").fill(email)
    await page.locator("#password").fill(PASSWORD)
    await page.get_by_role("button", name=button).click()


@pytest.mark.parametrize(
    ("locale", "on", "out", "java_script"),
    [
        ("vi-VN", "Tiếp tục", "Đăng xuất", True),
        ("vi-VN", "Tiếp tục", "Đăng xuất", False),
        ("en-GB", "Continue", "Sign out", True),
    ],
)
async def test_a_new_clerk_enrols_comes_in_and_goes(
    browser: Browser, shared_system: System, locale: str, on: str, out: str, java_script: bool
) -> None:
    """Without a script the pages are the same in every language."""
    system, email = shared_system, await new_person(shared_system, "finance", "chief")
    found: list[str] = []
    async with tab(browser, locale=locale, java_script_enabled=java_script) as shown:
        page = shown.page
        await shown.open(f"{system.base_url}/staff/sessions")
        found += await looked_at(shown, f"sign-in-{locale}")
        await enter(page, email, on)
        await page.locator("img.qr").wait_for()
        found += await looked_at(shown, f"enrol-{locale}")
        secret = base64.b32decode(str(await page.locator("dd code.long").text_content()))
        await page.locator("#code").fill("000000")
        await page.get_by_role("button", name=on).click()
        await page.get_by_role("alert").wait_for()
        found += await looked_at(shown, f"wrong-code-{locale}")
        step = step_of(clock.now())
        await page.locator("#code").fill(code_at(secret, step))
        await page.get_by_role("button", name=on).click()
        assert await page.locator(".codes li").count() == 10
        found += await looked_at(shown, f"recovery-codes-{locale}")
        await page.locator("a.button.wide").click()
        # Where they wanted to go in the first place.
        await page.wait_for_url("**/staff/sessions")
        found += await looked_at(shown, f"sessions-{locale}")
        await shown.open(f"{system.base_url}/staff")
        assert email in str(await page.locator("main").text_content())
        found += await looked_at(shown, f"home-{locale}")
        await page.get_by_role("button", name=out).click()
        await page.wait_for_url("**/staff/sign-in*")
        await shown.open(f"{system.base_url}/staff")
        assert "/staff/sign-in" in page.url
        assert found == []
        assert shown.complaints == []
