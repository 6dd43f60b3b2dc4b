"""An evening of two thousand payments and twelve differences, worked in a real browser.

What the office does is counted: keys where there is a script, clicks where there is none.
"""

import pytest
from playwright.async_api import Browser

from tests.journeys.test_staff_day import Hands, by_key, resolve_one, signed_in
from tests.support.many_payments import pay_many
from tests.support.staff_days import odd_day
from tests.support.system import System

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

DIFFERENCES = 12


@pytest.mark.parametrize(
    ("payments", "script"),
    [(2_000, True), (100, False)],
    ids=["with a script", "without"],
)
async def test_twelve_differences_among_many_payments(
    browser: Browser, own_system: System, payments: int, script: bool
) -> None:
    system = own_system
    agreed = await pay_many(system, payments)
    day = await odd_day(system, unknown=DIFFERENCES, agreed=agreed)
    assert day.run["summary"]["matched"]["count"] == payments + 1
    async with signed_in(browser, system, "finance", "Lê Lập", script) as clerk:
        hands, page = Hands(clerk.page, script), clerk.page
        await clerk.open(f"{system.base_url}{day.path}")
        await hands.click("to the list", f"a[href='{day.path}/differences']")
        await hands.left(DIFFERENCES)
        # Three by themselves, three like the one before, one taken back, the rest at once.
        for left in (11, 10, 9):
            await resolve_one(hands, "a way of its own")
            await hands.left(left)
        for left in (8, 7, 6):
            await by_key(hands, "like the one before", "r")
            await hands.left(left)
        await by_key(hands, "undo", "u")
        await hands.left(7)
        await by_key(hands, "the rest", "a")
        await page.wait_for_url("**/differences/all*")
        text = str(await page.locator("main").text_content())
        assert "7 chênh lệch" in text
        await hands.click("the rest", "input[name=kind][value=accept]")
        await hands.click("the rest", "main form.asked button")
        await page.locator(".pile .notice.good").wait_for()
        await page.locator(".pile .work li").first.wait_for(state="detached")
        assert clerk.complaints == []
    # docs/console.md states these.
    assert hands.done == {
        "to the list": 1,
        "a way of its own": 3 * 2,
        "like the one before": 3,
        "undo": 1,
        "the rest": 3,
    }
    assert sum(hands.done.values()) == 14
    assert await system.broken() == []
