"""The pages of staff by keyboard alone: Tab comes to everything, shows where it is, and goes on."""

import pytest
from playwright.async_api import Page

from tests.journeys.test_staff_keeping import desk, paid_bill
from tests.support import browser as chromium
from tests.support.browser import DESKTOP
from tests.support.callbacks import credit
from tests.support.staff_days import odd_day
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

#: A browser on a busy machine is slow.
pytestmark = pytest.mark.timeout(400)

#: What can be come to: of radio buttons of one name one, and nothing that is folded away.
REACHABLE = """() => {
  const all = [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary')];
  const names = new Set();
  window.marked = all.filter(one => {
    if (one.disabled || one.tabIndex < 0 || !one.checkVisibility()) return false;
    if (one.type !== 'radio' || !one.name) return true;
    if (names.has(one.name)) return false;
    names.add(one.name);
    return true;
  });
  return marked.length;
}"""
#: Where the keyboard is: the place of it among what can be come to, and whether it can be seen.
HERE = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return [-1, true];
  const style = getComputedStyle(at);
  const of = one => one === at || (at.type === 'radio' && one.name === at.name);
  return [marked.findIndex(of), style.outlineStyle !== 'none' && style.outlineWidth !== '0px'];
}"""


async def faults_by_tab(page: Page) -> list[str]:
    """What Tab does not come to, cannot leave, or does not show."""
    count = await page.evaluate(REACHABLE)
    reached, unseen = set(), set()
    for _ in range(count + 12):
        await page.keyboard.press("Tab")
        place, shown = await page.evaluate(HERE)
        if place == -1:  # at the end of the page: the next is its beginning
            continue
        reached.add(place)
        if not shown:
            unseen.add(place)
    names = await page.evaluate("() => marked.map(one => one.outerHTML.slice(0, 80))")
    return [
        *(f"not reached: {names[place]}" for place in sorted(set(range(count)) - reached)),
        *(f"not seen: {names[place]}" for place in sorted(unseen)),
    ]


async def test_tab_comes_to_everything_and_out_again(system: System) -> None:
    day = await odd_day(system, unknown=3)
    bill = await paid_bill(system)
    await credit(system, 7_000, "khong ma")
    pages = [
        *("/staff", "/staff/days", day.path, f"{day.path}/differences", "/staff/approvals"),
        *("/staff/suspense", "/staff/refunds", "/staff/load", "/staff/find", bill["bill"]),
        *(bill["payment"], SETTINGS, f"{SETTINGS}/gateways", f"{SETTINGS}/operations"),
        *(f"{SETTINGS}/users/new", f"{SETTINGS}/catalogue/proposals/new"),
    ]
    found: list[str] = []
    async with (
        chromium.started() as browser,
        desk(system, browser, "finance", "chief", "admin", viewport=DESKTOP) as shown,
    ):
        for path in pages:
            await shown.open(f"{system.base_url}{path}")
            found += [f"{path}: {fault}" for fault in await faults_by_tab(shown.page)]
        # After a deed the keyboard is in the list again, not at the top of the page.
        await shown.open(f"{system.base_url}{day.path}/differences")
        for key in ("5", "Enter"):
            await shown.page.keyboard.press(key)
        await shown.page.locator(".notice.good").wait_for()
        await shown.page.locator("#bench:focus").wait_for()
        # Where nobody could see the keyboard it is noticed.
        await shown.page.evaluate(
            "() => { document.body.insertAdjacentHTML('beforeend', '<button id=away>x</button>');"
            " document.querySelector('#away').style.outline = 'none'; }"
        )
        assert any("not seen" in one for one in await faults_by_tab(shown.page))
        assert shown.complaints == []
    assert found == [], "\n".join(found)
