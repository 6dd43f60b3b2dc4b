"""A collector in the rain: no network, a battery that dies, another collector at the same stalls.

In a real browser whose network is cut. What the phones wrote is on the server later, each once.
"""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Playwright,
    Route,
    async_playwright,
)
from playwright.async_api import Error as TargetClosed

from core import clock
from tests.support import browser as chromium
from tests.support.accessibility import faults_everywhere
from tests.support.browser import PAINTED, PHONE, Tab, pictured, tab
from tests.support.machine import needs
from tests.support.markets import add_rate
from tests.support.markup import foreign_words
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System
from tests.support.walks import Walker, ledger_of, rows

#: axe-core looks at every page, and two phones are started twice.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

#: What a collector does in the page, by its own buttons; resolves when it is written down.
DO = """
async ([kind, stall, value]) => {
  const is = (id) => document.getElementById(id);
  const before = Number(is("count").dataset.count);
  if (kind === "ticket") {
    document.querySelector("#tickets input").value = value;
    document.querySelector("#tickets form").requestSubmit();
  } else {
    document.querySelector(`[data-stall="${stall}"]`).click();
    if (kind === "cash") { is("amount").value = value; is("cash").requestSubmit(); }
    if (kind === "reading") { is("shows").value = value; is("reading").requestSubmit(); }
    if (kind === "visit") document.querySelector(`[data-finding="${value}"]`).click();
  }
  // What has a slip is counted a moment before its slip is shown.
  const numbered = kind === "cash" || kind === "ticket";
  while (Number(is("count").dataset.count) <= before || (numbered && !is("slip").open)) {
    await new Promise((drawn) => setTimeout(drawn, 5));
  }
  document.querySelectorAll("dialog[open]").forEach((one) => one.close());
}
"""
ACTIONS: Final = "SELECT id FROM collected_action WHERE kind = 'cash'"
#: What the phone has written and not sent.
QUEUE = """
() => new Promise((resolve) => {
  indexedDB.open("lephi-collect").onsuccess = (event) => {
    const asked = event.target.result.transaction("queue").objectStore("queue").getAll();
    asked.onsuccess = () => resolve(asked.result.map((one) => one.action));
  };
})
"""


class Phone:
    """A browser with a profile of its own on the disk, as a phone has."""

    def __init__(self, playwright: Playwright, system: System, who: StaffBrowser, at: Path) -> None:
        self._playwright, self._system, self._who, self._at = playwright, system, who, at
        self._context: BrowserContext | None = None

    @property
    def context(self) -> BrowserContext:
        assert self._context is not None
        return self._context

    @property
    def page(self) -> Page:
        return self.context.pages[0]

    async def switch_on(self, *, offline: bool = False) -> None:
        """Start it, and open the page of the walk."""
        self._context = await self._playwright.chromium.launch_persistent_context(
            str(self._at),
            executable_path=needs("chromium-headless-shell"),
            args=chromium.FLAGS,
            viewport=PHONE,
            locale="vi-VN",
        )
        if offline:
            await self.context.set_offline(True)
        else:
            await self.sign_in()
        await self.page.goto(f"{self._system.base_url}/collect", wait_until="load")
        await self.page.locator("#walk[data-shown]").wait_for()

    async def sign_in(self) -> None:
        cookie = {"name": "lephi_staff", "value": self._who.cookie, "url": self._system.base_url}
        await self.context.add_cookies([cookie])  # type: ignore[list-item]

    async def lose_its_battery(self) -> None:
        """Every process of it is killed, wherever it was."""
        for number in processes_of(f"--user-data-dir={self._at}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        with contextlib.suppress(TargetClosed):  # it may be known already
            await self.switch_off()

    async def switch_off(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.close()

    async def do(self, kind: str, stall_id: str, value: object) -> None:
        await self.page.evaluate(DO, [kind, stall_id, str(value)])

    async def queue(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.page.evaluate(QUEUE)
        return found

    async def until_sent(self) -> None:
        await self.page.locator('#count[data-count="0"]').wait_for(timeout=60_000)


def processes_of(argument: str) -> list[int]:
    """The processes that were started with this argument."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if argument.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found


@asynccontextmanager
async def phone(
    playwright: Playwright, system: System, who: StaffBrowser, at: Path
) -> AsyncIterator[Phone]:
    made = Phone(playwright, system, who, at)
    await made.switch_on()
    await made.page.locator("#walk[data-ready]").wait_for()
    try:
        yield made
    finally:
        await made.switch_off()


async def market_of(system: System, count: int) -> list[StallAtHand]:
    """Stalls that owe, at a market that sells tickets."""
    stalls = [await stall(system, f"P-{number}") for number in range(count)]
    for one in stalls:
        await one.owe(300_000)
    rate = {"kind": "entry", "code": "vang-lai", "name": "Vé vãng lai", "name_en": "Entry"}
    async with system.parts.database.transaction() as session:
        await add_rate(session, stalls[0].market_id, per="entry", rate=3_000, **rate)
    return stalls


def deeds_of(stalls: list[StallAtHand], shift: int) -> list[tuple[str, str, object]]:
    """25 things that a collector does at these stalls."""
    done: list[tuple[str, str, object]] = []
    for turn in range(5):
        at = stalls[(turn + shift) % len(stalls)].id
        done += [
            ("cash", at, 300_000),
            ("reading", at, 100 + turn),
            ("visit", at, "absent"),
            ("ticket", "", 2),
            ("cash", at, 10_000 + turn),
        ]
    return done


async def test_fifty_actions_without_a_network_are_each_on_the_server_once(
    own_system: System, tmp_path: Path
) -> None:
    system = own_system
    stalls = await market_of(system, 6)
    lost = 0

    async def lose_the_answer(route: Route) -> None:
        nonlocal lost
        await route.fetch()
        lost += 1
        await route.abort()

    async with (
        signed_in_as(system, "collector") as one,
        signed_in_as(system, "collector") as two,
        async_playwright() as playwright,
        phone(playwright, system, one, tmp_path / "one") as first,
        phone(playwright, system, two, tmp_path / "two") as second,
    ):
        await first.context.set_offline(True)
        await second.context.set_offline(True)
        for deed in deeds_of(stalls, 0)[:13]:
            await first.do(*deed)
        await first.lose_its_battery()
        await first.switch_on(offline=True)
        await first.page.get_by_text("13 việc chờ gửi").wait_for()
        await first.page.get_by_text("Không có mạng").wait_for()
        for deed in deeds_of(stalls, 0)[13:]:
            await first.do(*deed)
        for deed in deeds_of(stalls, 2):
            await second.do(*deed)
        acts = [*await first.queue(), *await second.queue()]
        assert len({act["id"] for act in acts}) == 50
        money = sum(act.get("amount", 0) for act in acts)
        assert await rows(system, "SELECT id FROM collected_action") == []
        # The network returns; of what it brings first the answer is lost on the way back.
        await first.context.set_offline(False)
        await first.page.get_by_text("Đã hết phiên").wait_for()
        await first.page.route("**/collect/actions*", lose_the_answer, times=1)
        await first.sign_in()
        await first.page.locator("#sync").click()
        await first.page.get_by_text("Không có mạng").wait_for()
        assert lost == 1
        assert len(await first.queue()) == 25
        # Whoever would sign out now is told what would stay behind.
        asked = []

        async def stay(dialog: Dialog) -> None:
            asked.append(dialog.message)
            await dialog.dismiss()

        first.page.once("dialog", stay)
        await first.page.locator("#sign-out button").click()
        assert "25 việc chưa gửi" in asked[0]
        await first.page.locator("#sync").click()
        await first.until_sent()
        await second.context.set_offline(False)
        await second.until_sent()
        # Whoever came second is told, and it stays until it is read.
        told = second.page.locator("#notices li")
        await told.filter(has_text="thành tiền trả trước của sạp").first.wait_for()
        left = await told.count()
        await second.page.locator("#notices button").first.click()
        fewer = "left => document.querySelectorAll('#notices li').length === left"
        await second.page.wait_for_function(fewer, arg=left - 1)
    found = await rows(system, "SELECT id, kind, amount, reason FROM collected_action")
    assert sorted(row[0] for row in found) == sorted(act["id"] for act in acts)
    assert not {row[3] for row in found} & {"number_used", "number_not_yours"}
    await system.work()
    booked = await rows(system, "SELECT sum(credited) FROM payment WHERE gateway = 'cash'")
    assert (booked[0][0], (await ledger_of(system))["collector_cash"]) == (money, money)
    assert {status for at in stalls for status in await at.statuses()} <= {"paid", "open"}
    assert await system.broken() == []


async def test_a_page_that_forgets_before_it_is_answered_is_seen_to_lose_money(
    browser: Browser, own_system: System
) -> None:
    """The negative control: what is sent leaves the queue before the server has answered."""
    system = own_system
    (at,) = await market_of(system, 1)
    right = "const told = await send(mine);"
    wrong = (
        'await writing(["queue"], (c) => mine.forEach((o) => c.objectStore("queue").delete(o.id)));'
        + right
    )

    async def forgetful(route: Route) -> None:
        answer = await route.fetch()
        script = await answer.text()
        assert right in script
        await route.fulfill(response=answer, body=script.replace(right, wrong))

    async with (
        signed_in_as(system, "collector") as one,
        tab(browser, service_workers="block") as shown,
    ):
        page = shown.page
        await enter(shown, one)
        await page.route("**/static/collect.js*", forgetful)
        await shown.open(f"{system.base_url}/collect")
        await page.locator("#walk[data-shown]").wait_for()
        await page.route("**/collect/actions*", lambda route: route.abort(), times=1)
        await page.evaluate(DO, ["cash", at.id, "300000"])
        await page.get_by_text("0 việc chờ gửi").wait_for()
        await page.unroute("**/collect/actions*")
        await page.locator("#sync").click()
        await page.get_by_text("Có mạng").wait_for()
    assert await rows(system, "SELECT id FROM collected_action") == []


#: What of a walk is on the phone: the list, the page, and what waits.
ON_THE_PHONE = """async () => {
  const asked = indexedDB.open("lephi-collect");
  const database = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
  const of = database.transaction(["kept", "queue"]);
  const found = await Promise.all([["kept", "walk"], ["queue", null]].map(([store, key]) =>
    new Promise((done) => {
      const read = of.objectStore(store);
      const one = key ? read.count(key) : read.count();
      one.onsuccess = () => done(one.result);
    })));
  database.close();
  return [...found, await caches.has("collect")];
}"""


#: What came back to somebody else who walked with this phone.
ANOTHERS_NOTICE = """async () => {
  const asked = indexedDB.open("lephi-collect");
  const database = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
  const change = database.transaction("notices", "readwrite");
  const theirs = { id: "n", staff: "another", action: { kind: "visit" }, why: [] };
  change.objectStore("notices").put(theirs);
  await new Promise((done) => (change.oncomplete = done));
  database.close();
}"""


async def test_whoever_signs_out_on_another_page_leaves_no_list_either(
    browser: Browser, own_system: System
) -> None:
    system = own_system
    (at,) = await market_of(system, 1)
    async with (
        signed_in_as(system, "collector") as one,
        tab(browser) as shown,
    ):
        page = shown.page
        await enter(shown, one)
        await shown.open(f"{system.base_url}/collect")
        await page.locator("#walk[data-ready]").wait_for()
        await page.get_by_text("Có mạng").wait_for()
        await page.context.route("**/collect/actions*", lambda route: route.abort())
        await page.evaluate(DO, ["cash", at.id, "300000"])
        assert await page.evaluate(ON_THE_PHONE) == [1, 1, True]
        # What came back to another is theirs to read, and to put away.
        await page.evaluate(ANOTHERS_NOTICE)
        await page.reload()
        await page.locator("#walk[data-shown]").wait_for()
        assert await page.locator("#notices li").count() == 0
        await shown.open(f"{system.base_url}/collect/book")
        await page.locator('form[action="/staff/sign-out"] button').first.click()
        await page.locator("html[data-left]").wait_for()
        # What waits stays: it is money.
        assert await page.evaluate(ON_THE_PHONE) == [0, 1, False]


async def enter(shown: Tab, who: StaffBrowser) -> None:
    cookie = {"name": "lephi_staff", "value": who.cookie, "domain": "127.0.0.1", "path": "/"}
    await shown.page.context.add_cookies([cookie])  # type: ignore[list-item]


async def test_the_pages_fit_a_small_phone_and_are_read_by_everyone(
    browser: Browser, own_system: System
) -> None:
    system = own_system
    stalls = await market_of(system, 3)
    found: dict[str, object] = {}
    async with (
        signed_in_as(system, "collector") as one,
        signed_in_as(system, "finance") as office,
    ):
        who = Walker(system, one)
        await who.send()
        today = clock.business_date(clock.now()).isoformat()
        reading = {"meter": "electricity", "read_on": today}
        await who.send(
            who.act("cash", stall=stalls[0].id, amount=400_000, owed=300_000),
            who.act("reading", stall=stalls[1].id, shows=100, **reading),
            who.act("cash", stall=stalls[0].id, amount=5_000, owed=300_000),
            who.act("void", number=who.numbers[2]),
        )
        await one.post("/collect/book", {"declared": "400000"})
        for person, pages in (
            (one, {"walk": "/collect", "book": "/collect/book"}),
            (office, {"cash": "/staff/cash"}),
        ):
            async with tab(browser) as shown:
                await enter(shown, person)
                for language in ("vi", "en"):
                    for name, path in pages.items():
                        await shown.open(f"{system.base_url}{path}?lang={language}")
                        if name == "walk":
                            await shown.page.locator("#walk[data-shown]").wait_for()
                        found |= await looked_at(shown, f"{name}-{language}", language)
                        if name != "walk":
                            continue
                        await shown.page.locator("#stalls button").nth(1).click()
                        found |= await looked_at(shown, f"stall-{language}", language)
                        await shown.page.locator("#amount").fill("1.000")
                        await shown.page.keyboard.press("Enter")
                        await shown.page.locator("#slip[open]").wait_for()
                        found |= await looked_at(shown, f"slip-{language}", language)
                assert shown.complaints == []
    assert {place: faults for place, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    ("clock_of_page", "taken"), [("() => 1e9", 0), ("() => (time += 1000)", 1)]
)
async def test_a_wet_finger_takes_no_cash(
    browser: Browser, own_system: System, clock_of_page: str, taken: int
) -> None:
    """It touches twice where a stall is opened, and the button for its cash appears under it.

    The negative control is a page whose clock runs so fast that the second touch comes late.
    """
    system = own_system
    await market_of(system, 12)
    async with (
        signed_in_as(system, "collector") as one,
        tab(browser, has_touch=True) as shown,
    ):
        await Walker(system, one).send()
        await enter(shown, one)
        await shown.open(f"{system.base_url}/collect")
        page = shown.page
        await page.locator("#walk[data-shown]").wait_for()
        await page.locator("#stalls button").nth(5).click()
        await page.locator("#stall[open]").wait_for()  # it opens once the page knows what is owed
        button = await page.locator("#cash button").bounding_box()
        assert button is not None
        await page.keyboard.press("Escape")
        x, y = button["x"] + button["width"] / 2, button["y"] + button["height"] / 2
        await (
            page.locator("#stalls button")
            .nth(5)
            .evaluate(
                "(stall, y) => { const at = stall.getBoundingClientRect();"
                " scrollBy(0, at.top + at.height / 2 - y); }",
                y,
            )
        )
        await page.evaluate(f"() => {{ let time = 1e9; performance.now = {clock_of_page}; }}")
        await page.touchscreen.tap(x, y)
        await page.locator("#stall[open]").wait_for()
        await page.touchscreen.tap(x, y)
        if taken:
            await page.locator("#slip[open]").wait_for()
        await page.evaluate(PAINTED)
        assert len(await page.evaluate(QUEUE)) + len(await rows(system, ACTIONS)) == taken
        assert await page.locator("#stall").evaluate("one => one.open") == (not taken)


async def looked_at(shown: Tab, name: str, language: str) -> dict[str, object]:
    """What is wrong with a page on any screen or in the dark, and its words of another language."""
    page = shown.page
    found: dict[str, object] = {}
    if language == "en":
        own = ("Nguyễn Thử", "Tiếng Việt", "Lệ Phí", "Vé vãng lai")
        found[f"{name}, words"] = foreign_words(await page.content(), "en", own)
    # The colours are the same in every language.
    found[name] = await faults_everywhere(page, dark=language == "vi")
    await pictured(page, f"collect-{name}")
    return found
