"""The frame of staff's pages on an office computer: one line of places, headings in whole words."""

import os
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from payments.agencies.access.rights import Role
from tests.journeys.test_staff_keeping import desk, paid_bill
from tests.support.browser import DESKTOP
from tests.support.every_route import Things, keys_of
from tests.support.market_routes import billing_run
from tests.support.markets import add_rate, lay_out
from tests.support.system import System

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PICTURES = os.environ.get("LEPHI_TEST_PICTURES")
#: The words of headings, and of ours in tables, that stand in more than one line.
BROKEN = r"""
() => {
  const found = [];
  for (const heading of document.querySelectorAll(
    "main :is(th, h1, h2, h3, td.of-words, td.of-moment, td.of-day)"
  )) {
    if (heading.closest(".long, .unseen")) continue;
    const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      if (text.parentElement.closest(".unseen")) continue;
      for (const word of text.data.matchAll(/[^\s–/-]+/gu)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map((one) => Math.round(one.top)));
        if (lines.size > 1) found.push(word[0]);
      }
    }
  }
  return found;
}
"""
#: In how many lines the places stand, by the middle of each.
LINES = r"""
() => new Set([...document.querySelectorAll("nav.staff > *")].map((one) => {
  const box = one.getBoundingClientRect();
  return Math.round((box.top + box.bottom) / 2 / 10);
})).size
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(shared_system: System) -> dict[str, str]:
    """Pages whose tables have many columns, with rows in them."""
    system, parts = shared_system, shared_system.parts
    laid = await lay_out(
        parts.database, parts.cipher, count=9, agency_id=system.body.agency_id, code="cho-khung"
    )
    async with parts.database.transaction() as session:
        await add_rate(session, laid.market.id)
    await paid_bill(system)
    things = Things(system, await keys_of(system, system.body.agency_id))
    await things.user()
    await billing_run(things)
    return {
        "home": "/staff",
        "markets": "/staff/markets",
        "rates": "/staff/markets/rates",
        "arrears": "/staff/markets/arrears",
        "market": f"/staff/markets/{laid.market.id}",
        "gateways": "/staff/settings/gateways",
        "users": "/staff/settings/users",
        "webhooks": "/staff/settings/webhooks",
        "disputes": "/staff/disputes",
        "refunds": "/staff/refunds",
        "days": "/staff/days",
        "find": "/staff/find?q=hoa",
        "sessions": "/staff/sessions",
    }


async def seen_of(page: Page, name: str, locale: str) -> list[str]:
    """What is wrong with the frame of a page as it stands."""
    if PICTURES:
        path = Path(PICTURES) / f"frame-{name}-{locale}.png"
        await page.screenshot(path=path, full_page=True)
    found = [f"{name}, {locale}: {word} is broken" for word in await page.evaluate(BROKEN)]
    if (lines := await page.evaluate(LINES)) != 1:
        found.append(f"{name}, {locale}: the places stand in {lines} lines")
    needed = await page.evaluate("document.documentElement.scrollWidth")
    if needed > DESKTOP["width"]:
        found.append(f"{name}, {locale}: needs {needed} px")
    return found


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
async def test_places_stand_in_one_line_and_headings_in_whole_words(
    browser: Browser, shared_system: System, pages: dict[str, str], locale: str
) -> None:
    found: list[str] = []
    options = {"viewport": DESKTOP, "locale": locale}
    async with desk(shared_system, browser, *map(str, Role), **options) as shown:
        for name, path in pages.items():
            await shown.open(f"{shared_system.base_url}{path}")
            found += await seen_of(shown.page, name, locale)
    assert found == []


async def test_a_heading_that_is_broken_and_places_in_two_lines_are_noticed(
    browser: Browser, shared_system: System, pages: dict[str, str]
) -> None:
    async with desk(shared_system, browser, *map(str, Role), viewport=DESKTOP) as shown:
        await shown.open(f"{shared_system.base_url}{pages['markets']}")
        page = shown.page
        assert await seen_of(page, "markets", "as it is") == []
        await page.evaluate(
            # Whatever the month's sums: without them the table has room, and breaks nothing.
            "document.querySelectorAll('th').forEach((one) => {"
            " one.style.overflowWrap = 'anywhere'; Object.assign(one.closest('table').style,"
            " {tableLayout: 'fixed', width: '16rem', minWidth: 0}); });"
            "document.querySelector('nav.staff').style.fontSize = '2rem';"
        )
        found = await seen_of(page, "markets", "broken")
        assert any("is broken" in one for one in found)
        assert any("lines" in one for one in found)
