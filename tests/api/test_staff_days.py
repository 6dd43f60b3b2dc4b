"""The pages of a day: its list, resolving and taking back, approving, closing; once for a press."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.registry import infos
from app.web.staff import cases
from reconciliation.cases import asking
from reconciliation.cases.discrepancies import WorkedDiscrepancy
from reconciliation.context import ReconciliationContext
from tests.support.markup import tree_of, words_of
from tests.support.staff_browser import StaffBrowser, form_of, new_person, staff_browser
from tests.support.staff_days import odd_day
from tests.support.system import System


@pytest_asyncio.fixture
async def clerk(system: System) -> AsyncIterator[StaffBrowser]:
    async with staff_browser(system, await new_person(system, "finance", name="Lê Lập")) as one:
        await one.sign_in()
        yield one


@pytest_asyncio.fixture
async def chief(system: System) -> AsyncIterator[StaffBrowser]:
    async with staff_browser(system, await new_person(system, "chief", name="Trần Duyệt")) as one:
        await one.sign_in()
        yield one


def items(page: str) -> int:
    return len(tree_of(page).xpath("//section[@class='pile']//ol[@class='work']/li"))


async def follow(browser: StaffBrowser, answer: object) -> str:
    assert answer.status_code == 303, answer.text  # type: ignore[attr-defined]
    shown = await browser.get(answer.headers["location"])  # type: ignore[attr-defined]
    assert shown.status_code == 200, shown.text
    return str(shown.text)


async def test_what_a_day_names_is_called_as_people_call_it_and_leads_to_its_money(
    system: System, clerk: StaffBrowser
) -> None:
    day = await odd_day(system)
    matches = (await clerk.get(f"{day.path}/matches")).text
    links = tree_of(matches).xpath("//main//tbody//a/@href")
    assert links
    for href in links:
        assert href.startswith("/staff/payments/")
        assert (await clerk.get(href)).status_code == 200
    names = {one.name for one in infos()} | {"bank"}
    for page in (day.path, f"{day.path}/differences", "/staff/suspense"):
        shown = tree_of((await clerk.get(page)).text)
        texts = shown.xpath("//main//*[self::h3 or self::dd]//text()")
        said = {text.strip(" ·\n") for text in texts}
        assert not said & names, page


async def test_where_the_money_is_and_whose_it_is_come_to_the_same(
    system: System, clerk: StaffBrowser
) -> None:
    day = await odd_day(system)
    shown = tree_of((await clerk.get(day.path)).text)
    (places,) = shown.xpath("//section[@aria-labelledby='places']")
    groups = [
        {row.findtext("dt"): int(re.sub(r"\D", "", row.find("dd").text_content())) for row in one}
        for one in places.xpath("dl[div/dt='Cộng']")
    ]
    assert len(groups) == 2
    where, whose = groups
    assert where["Cộng"] == whose["Cộng"] > 0
    for group in groups:
        # What a place is made up of stands under it, and is not counted twice.
        alone = [came for name, came in group.items() if name != "Cộng" and "trong đó" not in name]
        assert sum(alone) == group["Cộng"]


async def test_a_day_is_worked_approved_and_closed_by_two(
    system: System, clerk: StaffBrowser, chief: StaffBrowser
) -> None:
    day = await odd_day(system)
    work = f"{day.path}/differences"
    listed = await clerk.get("/staff/days")
    assert day.path in listed.text
    overview = await clerk.get(day.path)
    assert overview.status_code == 200
    assert "Còn phải xử lý" in words_of(overview.text)
    page = (await clerk.get(work)).text
    assert items(page) == 4
    # Three pages on, with what is chosen going on by itself; taken back once in between.
    page = await follow(clerk, await clerk.send(page, work, {"kind": "accept"}))
    assert items(page) == 3
    page = await follow(clerk, await clerk.send(page, f"{work}/undo"))
    assert items(page) == 4
    page = await follow(clerk, await clerk.send(page, work, {"kind": "accept", "reason": "đã xem"}))
    assert "Như dòng trước: Chấp nhận" in words_of(page)
    many = (await clerk.get(f"{work}/all?class=unknown_in_ledger")).text
    assert "Đề nghị cho" in words_of(many)
    sent = await clerk.send(many, f"{work}/all", {"kind": "accept", "reason": "tiền lạ"})
    page = await follow(clerk, sent)
    left = items(page)
    for _ in range(left):
        form = {"kind": "accept", "reason": "thử"}
        page = await follow(clerk, await clerk.send(page, work, form))
    assert items(page) == 0
    waiting = (await chief.get("/staff/approvals")).text
    paths = tree_of(waiting).xpath("//ol[@class='work']//a/@href")
    assert len(paths) == 2 + left
    for path in paths:
        shown = (await chief.get(str(path))).text
        page = await follow(chief, await chief.send(shown, f"{path}/approve"))
        assert "Đã duyệt" in words_of(page)
    page = (await clerk.get(day.path)).text
    page = await follow(clerk, await clerk.send(page, f"{day.path}/close", {"reason": "xong"}))
    assert "Người thứ hai" in words_of(page)
    page = (await chief.get(day.path)).text
    page = await follow(chief, await chief.send(page, f"{day.path}/close"))
    assert "đã khóa sổ" in words_of(page)
    minutes = await clerk.get(f"{day.path}/minutes.pdf")
    assert (minutes.status_code, minutes.content[:5]) == (200, b"%PDF-")
    assert await system.broken() == []


async def test_a_second_press_does_it_once(system: System, clerk: StaffBrowser) -> None:
    day = await odd_day(system)
    work = f"{day.path}/differences"
    page = (await clerk.get(work)).text
    nameless = await clerk.send(page, work, {"kind": "assign", "once": "nameless"})
    assert nameless.status_code == 422
    assert tree_of(nameless.text).xpath("//p[@id='bill-fault']")
    answers = [await clerk.send(page, work, {"kind": "accept"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    changed = await clerk.send(page, work, {"kind": "suspense"})
    assert changed.status_code == 409
    assert "đã được gửi một lần với nội dung khác" in words_of(changed.text)
    # The control: the same from a form that has another name is another press.
    other = await clerk.send(page, work, {"kind": "accept", "once": "other"})
    assert other.status_code == 409
    assert "đang chờ duyệt" in words_of(other.text)


async def test_what_a_gateway_has_answered_is_told_by_the_log_and_never_by_an_address(
    system: System, clerk: StaffBrowser, chief: StaffBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is about money: nobody is told by a link that a gateway has taken it."""
    work = f"{(await odd_day(system, unknown=1)).path}/differences"
    outcomes = list[str | None]()

    async def answer(
        parts: ReconciliationContext, odd: WorkedDiscrepancy, actor: str
    ) -> str | None:
        await asking._note(parts, odd, actor, "discrepancy.asked", outcomes[-1])
        return outcomes[-1]

    monkeypatch.setattr(cases, "ask_gateway", answer)
    page = (await clerk.get(work)).text
    case = form_of(page, work)["case"]
    for outcome, told in (("succeeded", "đã thu tiền."), (None, "Cổng chưa trả lời rõ")):
        outcomes.append(outcome)
        form = {name: form_of(page, work)[name] for name in ("form_token", "case")}
        sent = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        asked = await clerk.client.post(f"{work}/ask", data=form, headers=sent)
        assert asked.status_code == 303, asked.text
        there = asked.headers["location"]
        assert told in words_of((await clerk.get(there)).text)
        assert told not in words_of((await chief.get(there)).text)
    made_up = await chief.get(f"{work}?at={case}&said=succeeded")
    assert "đã thu tiền" not in words_of(made_up.text)


async def test_what_is_said_asked_and_taken_back_about_one(
    system: System, clerk: StaffBrowser, chief: StaffBrowser
) -> None:
    day = await odd_day(system, unknown=1)
    work = f"{day.path}/differences"
    page = (await clerk.get(work)).text
    for strange in ("ngân\u202e hàng", "ngân\u200b hàng"):
        refused = await clerk.send(page, f"{work}/comment", {"text": strange})
        assert refused.status_code == 422
        assert not tree_of((await clerk.get(work)).text).xpath("//p[@class='said']")
    hostile = "<b>gọi</b> ngân hàng =1+1"
    page = await follow(clerk, await clerk.send(page, f"{work}/comment", {"text": hostile}))
    (said,) = tree_of(page).xpath("//p[@class='said']")
    assert "<b>gọi</b> ngân hàng =1+1" in said.text_content()
    empty = await clerk.send(page, f"{work}/comment", {"text": " "})
    assert empty.status_code == 422
    (letter,) = tree_of(page).xpath("//a[contains(@href, '/letter?')]/@href")
    assert "THƯ TRA SOÁT" in (await clerk.get(str(letter))).text
    # No gateway took a credit without a reference: there is nobody to ask, by no hand-made form.
    form = {name: form_of(page, work)[name] for name in ("form_token", "case")}
    sent = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    asked_anyway = await clerk.client.post(f"{work}/ask", data=form, headers=sent)
    assert asked_anyway.status_code == 409
    assert "Chưa làm được" in words_of(asked_anyway.text)
    page = await follow(clerk, await clerk.send(page, work, {"kind": "accept"}))
    (asked,) = tree_of((await chief.get("/staff/approvals")).text).xpath("//ol//a/@href")
    await chief.send((await chief.get(str(asked))).text, f"{asked}/approve")
    # Approved, and taken back all the same: by two people, as long as the day is open.
    page = (await clerk.get(f"{work}?part=resolved")).text
    assert items(page) == 1
    page = await follow(clerk, await clerk.send(page, f"{work}/reopen", {"reason": "nhầm"}))
    (asked,) = tree_of((await chief.get("/staff/approvals")).text).xpath("//ol//a/@href")
    page = await follow(
        chief, await chief.send((await chief.get(str(asked))).text, f"{asked}/approve")
    )
    assert items((await clerk.get(work)).text) == 1
    assert items((await clerk.get(f"{work}?part=resolved")).text) == 0
    assert await system.broken() == []


async def test_what_moved_money_and_what_is_closed_is_not_reopened(
    system: System, clerk: StaffBrowser, chief: StaffBrowser
) -> None:
    day = await odd_day(system, unknown=1)
    work = f"{day.path}/differences"
    page = (await clerk.get(work)).text
    case = form_of(page, work)["case"]
    token = {name: form_of(page, work)[name] for name in ("form_token", "case")}
    sent = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}

    async def reopen() -> str:
        form = token | {"reason": "nhầm"}
        answer = await clerk.client.post(f"{work}/reopen", data=form, headers=sent)
        assert answer.status_code == 409
        return words_of(answer.text)

    assert "không phải đang được chấp nhận" in await reopen()
    page = await follow(clerk, await clerk.send(page, work, {"kind": "suspense"}))
    (asked,) = tree_of((await chief.get("/staff/approvals")).text).xpath("//ol//a/@href")
    await chief.send((await chief.get(str(asked))).text, f"{asked}/approve")
    assert "không phải đang được chấp nhận" in await reopen()
    # Run again: the money has a place now, and the day can be closed.
    page = (await clerk.get(day.path)).text
    page = await follow(clerk, await clerk.send(page, f"{day.path}/run"))
    page = await follow(clerk, await clerk.send(page, f"{day.path}/close", {"reason": "xong"}))
    page = (await chief.get(day.path)).text
    await follow(chief, await chief.send(page, f"{day.path}/close"))
    assert "khóa sổ" in await reopen()
    refused = await clerk.client.post(
        work, data=token | {"kind": "accept", "case": case}, headers=sent
    )
    assert refused.status_code == 409


async def test_a_day_that_no_calendar_goes_on_after_is_no_fault_of_ours(
    system: System, clerk: StaffBrowser
) -> None:
    """Addresses are typed, and cut off: the first and the last day there are have no neighbour."""
    days = (await odd_day(system)).path.rpartition("/")[0]
    for last in ("0001-01-01", "9999-12-31"):
        for page in (f"/staff?on={last}", f"/staff/takings?on={last}", f"/staff/days?until={last}"):
            assert (await clerk.get(page)).status_code == 200, page
        assert (await clerk.get(f"/staff/opened?on={last}&procedure=")).status_code == 200
        assert (await clerk.get(f"/staff/disputes?which=lost&since={last}")).status_code == 200
        for page in (f"{days}/{last}", f"{days}/{last}/differences", f"{days}/{last}/matches"):
            assert (await clerk.get(page)).status_code == 404, page
