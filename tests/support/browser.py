"""A real browser for the journeys: Debian's Chromium, quiet, on this machine only."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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

#: A small phone, and the window of an office computer.
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
