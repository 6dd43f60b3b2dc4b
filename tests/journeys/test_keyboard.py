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

#: How much can be come to: of radio buttons of one name one, and nothing that is folded away. From
#: now on the page notes where the keyboard comes to, and where it cannot be seen.
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
  window.reached = new Set();
  window.unseen = new Set();
  document.removeEventListener('focusin', window.note);
  window.note = ({ target: at }) => {
    const style = getComputedStyle(at);
    const of = one => one === at || (at.type === 'radio' && one.name === at.name);
    const place = marked.findIndex(of);
    if (place < 0) return;
    reached.add(place);
    if (style.outlineStyle === 'none' || style.outlineWidth === '0px') unseen.add(place);
  };
  document.addEventListener('focusin', window.note);
  return marked.length;
}"""
#: What was not reached, and what was reached and could not be seen.
MISSED = """() => {
  const named = one => one.outerHTML.slice(0, 80);
  return [
    ...marked.filter((_, place) => !reached.has(place)).map(one => `not reached: ${named(one)}`),
    ...[...unseen].map(place => `not seen: ${named(marked[place])}`),
  ];
}"""


async def faults_by_tab(page: Page) -> list[str]:
    """What Tab does not come to, cannot leave, or does not show."""
    count = await page.evaluate(REACHABLE)
    for _ in range(count + 12):  # past the end of the page, and from its beginning again
        await page.keyboard.press("Tab")
    found: list[str] = await page.evaluate(MISSED)
    return found


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
