"""Who may open which page of a day, and send which form: every role, and another body's people."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from app.web.staff.approval_facts import TITLES
from core import clock
from core.ids import new_id
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from reconciliation.statements.kept_files import keep_file
from tests.support.markup import foreign_addresses, foreign_words, inline_code, tree_of
from tests.support.neighbour import neighbour_of
from tests.support.page_routes import unlisted
from tests.support.staff_browser import PASSWORD, StaffBrowser, form_of, signed_in_as, staff_browser
from tests.support.staff_days import OddDay, odd_day
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYONE = "clerk finance chief admin auditor collector"
READERS = "finance chief admin auditor"
#: Pages, and who may open them; `{day}` and the like are things of the system's body.
PAGES: Mapping[str, str] = {
    "/staff": EVERYONE,
    "/staff/takings": READERS,
    "/staff/opened": READERS,
    "/staff/refunds": READERS,
    "/staff/refunds?status=approved": READERS,
    "/staff/refunds/to-order": READERS,
    "/staff/disputes": READERS,
    "/staff/disputes?which=all": READERS,
    "/staff/days": READERS,
    "{day}": READERS,
    "{day}/matches": READERS,
    "{day}/differences": READERS,
    "{day}/differences?part=rest": READERS,
    "{day}/differences/all": "finance chief",
    "/collect": "collector",
    "/collect/walk": "collector",
    "/collect/book": "collector",
    "/staff/cash": READERS,
    "/staff/suspense": READERS,
    "/staff/approvals": READERS,
    "/staff/approvals/{approval}": READERS,
    "/staff/load": "finance chief admin",
}
#: Forms, what is sent, and who may send them.
FORMS: Mapping[str, tuple[dict[str, str], str]] = {
    "{day}/run": ({}, "finance chief admin"),
    "{day}/close": ({"reason": "thử"}, "finance chief"),
    "{day}/differences": ({"kind": "accept", "case": "none"}, "finance chief"),
    "{day}/differences/undo": ({"approval": "none"}, "finance chief"),
    "{day}/differences/all": ({"kind": "accept", "reason": "thử"}, "finance chief"),
    "{day}/differences/comment": ({"case": "none", "text": "x"}, "finance chief"),
    "{day}/differences/ask": ({"case": "none"}, "finance chief"),
    "{day}/differences/reopen": ({"case": "none", "reason": "x"}, "finance chief"),
    "/collect/actions": ({}, "collector"),
    "/collect/book": ({"declared": "1"}, "collector"),
    "/staff/cash": ({"handover": "none", "counted": "1"}, "finance chief"),
    "/staff/suspense": ({"item": "none", "kind": "keep", "reason": "thử"}, "finance chief"),
    "/staff/approvals/none/approve": ({}, "chief admin"),
    "/staff/approvals/none/reject": ({"reason": "thử"}, "finance chief admin"),
    "/staff/refunds/to-order": ({"refund": "none"}, "finance chief"),
    "/staff/refunds/none/sent": ({}, "finance chief"),
    "/staff/load": ({}, "finance chief admin"),
    "/staff/load/none/take": ({"mapping": "x"}, "finance chief admin"),
    "/staff/load/none/layout": ({"name": "x"}, "finance chief admin"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(shared_system: System) -> OddDay:
    return await odd_day(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(shared_system: System) -> AsyncIterator[dict[str, StaffBrowser]]:
    """Somebody of each role, signed in."""
    async with AsyncExitStack() as open_:
        found = {}
        for role in Role:
            found[str(role)] = await open_.enter_async_context(signed_in_as(shared_system, role))
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def approval(day: OddDay, people: dict[str, StaffBrowser]) -> str:
    """What the finance clerk has asked for."""
    work = f"{day.path}/differences"
    page = (await people["finance"].get(work)).text
    answer = await people["finance"].send(page, work, {"kind": "accept"})
    return str(answer.headers["location"].partition("done=")[2])


async def send(browser: StaffBrowser, path: str, form: dict[str, str]) -> int:
    if not browser.form_token:
        home = (await browser.get("/staff/sessions")).text
        browser.form_token = form_of(home, "/staff/sign-out")["form_token"]
    answer = await browser.post(path, form | {"once": new_id("once")})
    return answer.status_code


async def test_each_page_opens_for_whom_it_may(
    day: OddDay, people: dict[str, StaffBrowser], approval: str
) -> None:
    found = {}
    for page, roles in PAGES.items():
        path = page.format(day=day.path, approval=approval)
        for role, browser in people.items():
            answer = await browser.get(path)
            expected = 200 if role in roles.split() else 403
            if answer.status_code != expected:
                found[page, role] = answer.status_code
    assert found == {}


async def test_each_form_is_taken_from_whom_it_may(
    day: OddDay, people: dict[str, StaffBrowser]
) -> None:
    found = {}
    for page, (form, roles) in FORMS.items():
        for role, browser in people.items():
            status = await send(browser, page.format(day=day.path), form)
            if (status == 403) == (role in roles.split()):
                found[page, role] = status
    assert found == {}


async def test_a_form_of_another_site_is_not_taken(
    day: OddDay, people: dict[str, StaffBrowser]
) -> None:
    for page, (form, _) in FORMS.items():
        path = page.format(day=day.path)
        for bad in ({"form_token": "x"}, {}):
            answer = await people["chief"].client.post(
                path, data=form | bad, headers={"Accept": "text/html"}
            )
            assert answer.status_code == 403, path


async def test_another_body_s_things_are_as_if_absent(
    shared_system: System, day: OddDay, approval: str
) -> None:
    system = shared_system
    email = f"{new_id('x')}@example.vn"
    async with neighbour_of(system) as other, system.parts.database.transaction() as session:
        person = await create_staff_user(
            session,
            agency_id=other.agency_id,
            email=email,
            name="Người Lạ",
            password=PASSWORD,
            roles=("finance", "chief"),
        )
        # Even a file that names another body's account, however it came to be kept.
        kept = await keep_file(
            *(session, system.parts.cipher, person.id, "x.csv", b"x"),
            account=system.body.collection_code,
        )
    async with staff_browser(system, email) as stranger:
        await stranger.sign_in()
        for page in (day.path, f"{day.path}/differences", f"{day.path}/matches",
                     f"{day.path}/differences/all", f"/staff/approvals/{approval}",
                     f"{day.path}/minutes.pdf", f"/staff/load/{kept}",
                     "/staff/suspense?at=susp_none"):  # fmt: skip
            assert (await stranger.get(page)).status_code == 404, page
        for form in ("run", "close", "differences", "differences/undo", "differences/all"):
            sent = {"kind": "accept", "reason": "thử", "run": day.run["id"], "approval": approval}
            assert await send(stranger, f"{day.path}/{form}", sent) == 404, form
        for deed in ("approve", "reject"):
            path = f"/staff/approvals/{approval}/{deed}"
            assert await send(stranger, path, {"reason": "thử"}) == 404, deed
        shown = (await stranger.get("/staff/days")).text
        assert system.body.collection_code not in shown


async def test_every_page_of_staff_is_in_a_list(shared_system: System, day: OddDay) -> None:
    paths = [page.format(day=day.path, approval="a").partition("?")[0] for page in PAGES]
    paths += [f"{day.path}/minutes.pdf", "/staff/load/f", "/staff/load/f/columns"]
    paths.append(f"{day.path}/differences/letter")
    paths += [f"/staff/refunds/r{more}" for more in ("", "/qr.svg")]
    paths.append("/staff/payments/p/refund")
    rooms = ("refund", "today", "days", "working", "cases", "approvals", "suspense", "load")
    for room in (*rooms, "collecting", "cash"):
        assert unlisted(shared_system.app, paths, f"app.web.staff.{room}") == []


async def test_no_page_holds_a_script_a_style_or_anything_from_elsewhere(
    shared_system: System, day: OddDay, people: dict[str, StaffBrowser], approval: str
) -> None:
    """And each is in one language, whichever is chosen."""
    for page in PAGES:
        path = page.format(day=day.path, approval=approval)
        sign = "&" if "?" in path else "?"
        for language in ("vi", "en"):
            text = (await people["chief"].get(f"{path}{sign}lang={language}")).text
            assert inline_code(text) == [], path
            assert foreign_addresses(text, shared_system.base_url) == [], path
            assert tree_of(text).get("lang") == language, path
            names = ("Nguyễn Thử", "Lệ Phí", "Tiếng Việt")
            assert foreign_words(text, language, names) == [], path


async def test_a_day_that_is_none_is_told_as_one(people: dict[str, StaffBrowser]) -> None:
    today = clock.business_date(clock.now())
    for path in (f"/staff/days/none/{today}", f"/staff/days/none/{today}/differences"):
        assert (await people["chief"].get(path)).status_code == 404


async def test_every_kind_of_approval_has_a_title(shared_system: System) -> None:
    assert set(shared_system.parts.approval_kinds) - set(TITLES) == set()
    assert set(TITLES) - set(shared_system.parts.approval_kinds) == set()
