"""A real browser for the journeys: Debian's Chromium, quiet, on this machine only."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright

from app.web.citizen.messages import TOLD
from tests.support.machine import needs

FLAGS = [
    "--no-sandbox",  # the tests run as root in containers, and visit nothing but themselves
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Resolves when what has been loaded has also been drawn.
PAINTED = "() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"

#: Where pictures go.
PICTURES = os.environ.get("LEPHI_TEST_PICTURES")

#: The narrowest screen that WCAG asks for, a small phone, the window of an office computer.
NARROW: ViewportSize = {"width": 320, "height": 640}
PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


@dataclass(slots=True)
class Tab:
    """A page and what the browser had to complain about: errors of scripts and of the policy."""

    page: Page
    script: bool = True
    complaints: list[str] = field(default_factory=list)

    async def open(self, address: str) -> None:
        """Go to an address and wait until everything on it has loaded.

        After `#told=` stands what a press of the page's button is said to have been answered.
        """
        address, _, told = address.partition("#told=")
        if told:
            own = address.partition("?")[0]
            await self.page.context.add_cookies([{"name": TOLD, "value": told, "url": own}])
        await self.page.goto(address, wait_until="load")
        if self.script:
            # Before its first picture, Chromium drops what is pressed.
            await self.page.evaluate(PAINTED)

    def _hear(self, message: ConsoleMessage) -> None:
        # A page that is an error says so in its status, which the browser repeats as an error.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


async def pictured(page: Page, name: str) -> None:
    """Pictures of a page on every screen, light and dark, where somebody wants to look at them.

    The page is light and as large as it was before and afterwards.
    """
    if PICTURES is None:
        return
    before = page.viewport_size
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        for size in (NARROW, DESKTOP, PHONE):
            await page.set_viewport_size(size)
            await page.evaluate(PAINTED)
            picture = Path(PICTURES) / f"{name}-{size['width']}-{scheme}.png"
            await page.screenshot(path=picture, full_page=True)
    await page.set_viewport_size(before or PHONE)


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """The browser; the test is skipped where there is none."""
    program = needs("chromium-headless-shell")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def tab(browser: Browser, **options: Any) -> AsyncIterator[Tab]:
    """A tab of its own: a Vietnamese phone's, unless the options of its context say otherwise."""
    context = await browser.new_context(**({"viewport": PHONE, "locale": "vi-VN"} | options))
    try:
        made = Tab(await context.new_page(), bool(options.get("java_script_enabled", True)))
        made.page.on("console", lambda message: made._hear(message))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        yield made
    finally:
        await context.close()
