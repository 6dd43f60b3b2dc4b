"""A day of the finance office in a real browser: worked by keys alone, or without any script.

Its differences are worked to zero, approved on a phone, and the day is closed by two people. Keys
and clicks are counted: the office does this every evening.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, Page

from core import clock
from core.clock import VIETNAM
from tests.journeys.test_staff_pages import looked_at
from tests.support.browser import DESKTOP, PAINTED, PHONE, Tab, tab
from tests.support.callbacks import credit
from tests.support.staff_browser import new_person, staff_browser
from tests.support.staff_days import bank_ref, odd_day
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@dataclass(slots=True)
class Hands:
    """Somebody at a page: each key and each click is counted under what it was for."""

    page: Page
    script: bool
    done: dict[str, int] = field(default_factory=dict)

    async def key(self, what: str, key: str) -> None:
        """Press a key on the page that is shown."""
        self.done[what] = self.done.get(what, 0) + 1
        await self.page.keyboard.press(key)

    async def click(self, what: str, selector: str) -> None:
        """Click something."""
        self.done[what] = self.done.get(what, 0) + 1
        await self.page.locator(selector).first.click()

    async def left(self, count: int) -> None:
        """Wait until so many are left to do."""
        await self.page.locator(f".pile .work li:nth-child({count})").wait_for()
        await self.page.locator(f".pile .work li:nth-child({count + 1})").wait_for(state="detached")
        # The list stands before the script that hears keys has run: it runs before `load`.
        await self.page.wait_for_load_state("load")
        if self.script:
            await self.page.evaluate(PAINTED)


@asynccontextmanager
async def signed_in(
    browser: Browser, system: System, role: str, name: str, script: bool, phone: bool = False
) -> AsyncIterator[Tab]:
    """A tab of somebody who has given both factors."""
    async with staff_browser(system, await new_person(system, role, name=name)) as person:
        await person.sign_in()
        size = PHONE if phone else DESKTOP
        async with tab(browser, java_script_enabled=script, viewport=size) as shown:
            cookie = {"name": "lephi_staff", "value": person.cookie, "url": system.base_url}
            await shown.page.context.add_cookies([cookie])  # type: ignore[list-item]
            yield shown


async def resolve_one(hands: Hands, what: str) -> None:
    """Accept what is chosen: the way, and on."""
    if hands.script:
        await hands.key(what, "5")
        await hands.key(what, "Enter")
    else:
        await hands.click(what, "input[name=kind][value=accept]")
        await hands.click(what, "#resolve button")


async def by_key(hands: Hands, what: str, key: str) -> None:
    """What a single key does, or the button or link that it presses."""
    if hands.script:
        await hands.key(what, key)
    else:
        at = f"[data-key={key}]"
        await hands.click(what, at if key == "a" else f"{at} button")


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
async def test_a_day_is_worked_to_zero_and_closed_by_two(
    browser: Browser, own_system: System, script: bool
) -> None:
    system = own_system
    day = await odd_day(system, unknown=7)
    found: list[str] = []
    async with (
        signed_in(browser, system, "finance", "Lê Lập", script) as clerk,
        signed_in(browser, system, "chief", "Trần Duyệt", script, phone=True) as chief,
    ):
        hands = Hands(clerk.page, script)
        await clerk.open(f"{system.base_url}{day.path}")
        found += await looked_at(clerk, "day")
        await clerk.open(f"{system.base_url}{day.path}/differences")
        await hands.left(7)
        found += await looked_at(clerk, "differences")
        if script:
            # Up and down the list, and where one was.
            chosen = clerk.page.locator(".work a[aria-current]")
            first, second = [
                str(await clerk.page.locator(".work a").nth(place).get_attribute("href"))
                for place in (0, 1)
            ]
            await clerk.page.keyboard.press("j")
            await clerk.page.wait_for_url("**at=*")
            assert await chosen.get_attribute("href") == second
            await clerk.page.evaluate(PAINTED)
            await clerk.page.keyboard.press("k")
            await clerk.page.wait_for_url(lambda url: url.endswith(first))
            await clerk.open(f"{system.base_url}{day.path}/differences")
        await resolve_one(hands, "a new way")
        await hands.left(6)
        await by_key(hands, "like the last", "r")
        await hands.left(5)
        found += await looked_at(clerk, "asked")
        await by_key(hands, "undo", "u")
        await hands.left(6)
        await resolve_one(hands, "after undoing")
        await hands.left(5)
        await by_key(hands, "all", "a")
        await clerk.page.wait_for_url("**/differences/all*")
        text = str(await clerk.page.locator("main").text_content())
        assert "5 chênh lệch" in text
        assert "35.020 đ" in text
        found += await looked_at(clerk, "many")
        await clerk.page.locator("input[name=kind][value=accept]").click()
        await clerk.page.locator("main form.asked button").click()
        await clerk.page.locator(".pile .notice.good").wait_for()
        assert all(count <= 3 for count in hands.done.values()), hands.done
        assert hands.done["undo"] <= 2

        await chief.open(f"{system.base_url}/staff/approvals")
        found += await looked_at(chief, "approvals")
        for waiting in (3, 2, 1):
            await chief.page.locator("ol.work").first.locator("a").first.click()
            await chief.page.locator("#decide").wait_for()
            if waiting == 3:
                found += await looked_at(chief, "approval")
            await chief.page.locator("section[aria-labelledby=decide] button").click()
            await chief.page.locator(".notice.good").wait_for()
            await chief.open(f"{system.base_url}/staff/approvals")

        await clerk.open(f"{system.base_url}{day.path}")
        await clerk.page.locator(f"form[action='{day.path}/close'] button").click()
        await clerk.page.locator("section[aria-labelledby=close] a").wait_for()
        await chief.open(f"{system.base_url}{day.path}")
        await chief.page.locator(f"form[action='{day.path}/close'] button").click()
        await chief.page.locator("a[href$='minutes.pdf']").wait_for()
        found += await looked_at(chief, "closed")
        minutes = await chief.page.request.get(f"{system.base_url}{day.path}/minutes.pdf")
        assert (await minutes.body()).startswith(b"%PDF-")
        await clerk.open(f"{system.base_url}{day.path}/matches")
        found += await looked_at(clerk, "matches")
        await clerk.open(f"{system.base_url}/staff/days")
        found += await looked_at(clerk, "days")
        assert found == []
        assert clerk.complaints + chief.complaints == []
    assert await system.broken() == []


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
async def test_a_file_is_looked_at_and_taken_in_and_today_leads_to_its_rows(
    browser: Browser, own_system: System, script: bool
) -> None:
    system = own_system
    day = await odd_day(system, unknown=2)
    await credit(system, 9000, "tien khong ro", bank_ref=bank_ref())
    found: list[str] = []
    async with signed_in(browser, system, "chief", "Trần Duyệt", script) as office:
        page = office.page
        await office.open(f"{system.base_url}/staff")
        found += await looked_at(office, "today")
        await page.locator("section[aria-labelledby=taken] .amount a").click()
        await page.wait_for_url("**/staff/takings*")
        assert await page.locator("tbody tr").count() == 3
        found += await looked_at(office, "takings")
        await office.open(f"{system.base_url}/staff/suspense")
        found += await looked_at(office, "suspense")
        await page.locator("#chosen button").click()
        await page.locator("#reason-fault").wait_for()
        found += await looked_at(office, "suspense-refused")

        await office.open(f"{system.base_url}/staff/load")
        found += await looked_at(office, "load")
        for name, content in (("xau.csv", bad_sheet()), ("la.csv", strange_sheet())):
            await office.open(f"{system.base_url}/staff/load")
            file = {"name": name, "mimeType": "text/csv", "buffer": content}
            await page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
            await page.locator("main form.asked button").click()
            await page.wait_for_url("**/staff/load/file_*")
            found += await looked_at(office, f"look-{name}")
        # The last has columns that nobody knows: chosen, tried, saved, and then it is taken in.
        await page.locator("a.button[href*=columns]").click()
        await page.locator("#booked_at").select_option("Ngay gio")
        await page.locator("#narrative").select_option("Viec")
        await page.locator("#credit_column").select_option("Vao")
        await page.locator("#debit_column").select_option("Ra")
        await page.locator("section[aria-labelledby=columns] button").click()
        await page.locator("#name").fill("mau-thu")
        found += await looked_at(office, "columns")
        await page.locator("section[aria-labelledby=save] button").click()
        await page.wait_for_url("**mapping=mau-thu*")
        found += await looked_at(office, "look")
        await page.locator("form[action$='/take'] button").click()
        await page.wait_for_url(f"**{day.path}*")
        assert "Đã nạp 2 dòng" in str(await page.locator("main").text_content())
        async with page.expect_navigation():
            await page.locator("section[aria-labelledby=again] button").click()
        assert found == []
        assert office.complaints == []
    assert await system.broken() == []


def bad_sheet() -> bytes:
    """A statement of the treasury's with two cells that are no amounts."""
    head = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"
    return f"{head}\n{stamp()};FT1;tien;;mot;\n{stamp()};FT2;tien;;7.0;\nCộng;;;0;0;\n".encode()


def strange_sheet() -> bytes:
    """A statement whose columns nobody knows."""
    rows = [f"{stamp()};{n}000;;tien {n}" for n in (6, 8)]
    return "\n".join(["Ngay gio;Vao;Ra;Viec", *rows, ""]).encode()


def stamp() -> str:
    """Now, as banks write it."""
    return f"{clock.now().astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
