"""The first page of staff on a small phone: what stands beside a long state can still be read."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from core import clock
from tests.journeys.test_staff_day import signed_in
from tests.support.breakers import answer_again
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURES = os.environ.get("LEPHI_TEST_PICTURES")
OPEN = (
    "INSERT INTO gateway_breaker"
    " (gateway_account_id, silences, code, changed_at, opened_at, probe_at)"
    " SELECT id, 7, 'timeout', :now, :now, :later FROM gateway_account WHERE gateway = 'paygov'"
)
#: The labels whose box is narrower than the longest word in it.
BROKEN = """() => [...document.querySelectorAll(".rows td[data-label]")].filter(cell => {
  const style = getComputedStyle(cell, "::before");
  const room = document.createElement("span");
  room.style.cssText = "position: absolute; white-space: nowrap";
  room.style.fontSize = style.fontSize;
  room.style.fontWeight = style.fontWeight;
  cell.append(room);
  const widths = cell.dataset.label.split(" ").map(word => {
    room.textContent = word;
    return room.getBoundingClientRect().width;
  });
  room.remove();
  return parseFloat(style.width) < Math.max(...widths) - 0.5;
}).map(cell => cell.dataset.label)"""

NARROW = ".rows td[data-label]::before { max-width: 1rem !important }"


async def test_a_label_beside_a_long_state_is_not_broken_within_a_word(
    browser: Browser, shared_system: System
) -> None:
    now = clock.now()
    async with shared_system.parts.database.transaction() as session:
        await session.execute(text(OPEN), {"now": now, "later": now + timedelta(minutes=5)})
    shared_system.parts.payments.breakers.forget()
    try:
        await _is_whole(browser, shared_system)
    finally:
        answer_again(shared_system)


async def _is_whole(browser: Browser, system: System) -> None:
    async with signed_in(browser, system, "finance", "Lê Ba", script=True, phone=True) as shown:
        for language in ("vi", "en"):
            await shown.open(f"{system.base_url}/staff?lang={language}")
            assert await shown.page.locator("#health ~ table .state.bad").count() == 1
            assert await shown.page.evaluate(BROKEN) == [], language
            if PICTURES:
                await shown.page.screenshot(
                    path=Path(PICTURES) / f"home-{language}.png", full_page=True
                )
            # The control: the page is measured, not taken on trust.
            await shown.page.evaluate(f"document.styleSheets[0].insertRule('{NARROW}')")
            assert await shown.page.evaluate(BROKEN) != []
