"""Looking things up: every way finds what it should, of one's own bodies alone, and is told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.web.staff import searching
from core import clock
from core.cursors import write_cursor
from core.ids import new_id
from payments.agencies.access.staff import create_staff_user
from payments.bills.names import hash_of_name
from receipts.finding import FoundReceipt, find_receipts_by_number
from tests.support.callbacks import credit
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.plans import asked, without_index
from tests.support.staff_browser import PASSWORD, StaffBrowser, new_person, staff_browser
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Markup, a sign that turns the line round, and one without a width.
HOSTILE = "<b>An & \u202eBình</b>\u200b"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with staff_browser(shared_system, await new_person(shared_system, "clerk")) as browser:
        await browser.sign_in()
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(shared_system: System) -> AsyncIterator[StaffBrowser]:
    """A clerk of another body."""
    async with neighbour_of(shared_system) as neighbour:
        email = f"{new_id('x')}@example.vn"
        async with shared_system.parts.database.transaction() as session:
            await create_staff_user(
                session,
                agency_id=neighbour.agency_id,
                email=email,
                name="Người Lạ",
                password=PASSWORD,
                roles=("clerk",),
            )
        async with staff_browser(shared_system, email) as browser:
            await browser.sign_in()
            yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paid(shared_system: System) -> dict[str, object]:
    """A bill that was paid by transfer, with a name and a dossier, and its receipt."""
    system = shared_system
    bill = await system.create_bill(
        lines=[{"fee": "2.000815", "quantity": 23}],
        payer={"name": "Trần Thị  Hoà"},
        dossier_number="H26.18-261129-0042",
    )
    await credit(system, bill["amount"], f"nop {bill['reference']}", bank_ref="FT26333777001")
    await system.work()
    found = await system.read(bill)
    assert found["status"] == "paid"
    return found


async def links(browser: StaffBrowser, text: str) -> list[str]:
    """Where what is found leads to."""
    answer = await browser.get("/staff/find", params={"q": text})
    assert answer.status_code == 200, answer.text
    return [str(one) for one in tree_of(answer.text).xpath("//tbody//td/a/@href")]


async def test_each_way_finds_what_it_should_and_nothing_of_anothers(
    clerk: StaffBrowser, stranger: StaffBrowser, paid: dict[str, object]
) -> None:
    bill = f"/staff/bills/{paid['id']}"
    payment = f"/staff/payments/{paid['payments'][0]['id']}"  # type: ignore[index]
    receipt = f"/staff/receipts/{paid['receipts'][0]['id']}"  # type: ignore[index]
    number = str(paid["receipts"][0]["number"])  # type: ignore[index]
    amount = int(str(paid["amount"]))
    ways = {
        str(paid["reference"]): [bill],
        f"nop {str(paid['reference']).lower()} hoa": [bill],
        str(paid["id"]): [bill],
        payment.rpartition("/")[2]: [payment],
        "H26.18-261129-0042": [bill],
        f"{amount:,}".replace(",", "."): [bill, payment],
        f"{amount} đ": [bill, payment],
        "FT26333777001": [payment],
        number: [receipt],
        str(paid["receipts"][0]["code"]): [receipt],  # type: ignore[index]
        "TRAN THI HOA": [bill],
        "\u200bTrần Thị Hoà ": [bill],
        "Trần Thị": [],
        "H26.18-261129": [],
    }
    for typed, wanted in ways.items():
        assert await links(clerk, typed) == wanted, typed
        assert await links(stranger, typed) == [], typed
    for path in (bill, payment, receipt, f"{receipt}.pdf", f"{receipt}.xml"):
        assert (await clerk.get(path)).status_code == 200, path
        assert (await stranger.get(path)).status_code == 404, path
        absent = path.replace("_0", "_1")
        assert (await stranger.get(absent)).status_code == 404


async def test_a_history_says_who_did_what_the_newest_last(
    clerk: StaffBrowser, shared_system: System, paid: dict[str, object]
) -> None:
    told = tree_of((await clerk.get(f"/staff/bills/{paid['id']}")).text)
    deeds = [str(one) for one in told.xpath("//ol[@class='history']//strong/text()")]
    assert deeds == ["Lập khoản phải nộp", "Đã nhận tiền", "Đã nộp đủ", "Phát hành biên lai"]
    by = " ".join(str(one) for one in told.xpath("//ol[@class='history']//p[2]/text()"))
    assert "hệ thống “" in by
    bill = await shared_system.create_bill()
    page = (await clerk.get(f"/staff/bills/{bill['id']}")).text
    answer = await clerk.send(page, f"/staff/bills/{bill['id']}/cancel")
    assert answer.status_code == 303
    told = tree_of((await clerk.get(answer.headers["location"])).text)
    assert told.xpath("//ol[@class='history']/li[last()]//strong/text()") == ["Hủy khoản phải nộp"]
    assert "Nguyễn Thử" in told.xpath("string(//ol[@class='history']/li[last()]/p[2])")


async def test_what_others_wrote_stays_text(clerk: StaffBrowser, shared_system: System) -> None:
    bank_ref = new_id("ft")
    await credit(shared_system, 4_321, HOSTILE, bank_ref=bank_ref)
    (found,) = await links(clerk, bank_ref)
    page = (await clerk.get(found)).text
    assert "<b>An" not in page
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert "<b>An & Bình</b>" in words_of(page)
    page = (await clerk.get("/staff/find", params={"q": HOSTILE})).text
    assert "<b>An" not in page
    assert "\u202e" not in page


async def test_whoever_may_not_cancel_is_offered_nothing_and_refused(
    shared_system: System,
) -> None:
    bill = await shared_system.create_bill()
    email = await new_person(shared_system, "auditor")
    async with staff_browser(shared_system, email) as auditor:
        await auditor.sign_in()
        page = (await auditor.get(f"/staff/bills/{bill['id']}")).text
        assert "/cancel" not in page
        token = {"form_token": str(tree_of(page).xpath("//input[@name='form_token']/@value")[0])}
        path = f"/staff/bills/{bill['id']}/cancel"
        assert (await auditor.client.post(path, data=token)).status_code == 403
    assert (await shared_system.read(bill))["status"] == "open"


async def test_names_are_hashed_with_a_key_for_each_body() -> None:
    one = hash_of_name(b"k", "agency_1", "Đỗ  Văn An")
    assert one == hash_of_name(b"k", "agency_1", "DO VAN AN")
    assert one is not None
    assert (
        len(
            {
                one,
                hash_of_name(b"k", "agency_2", "Do Van An"),
                hash_of_name(b"x", "agency_1", "Do Van An"),
            }
        )
        == 3
    )
    assert hash_of_name(b"k", "agency_1", "  ") is None


async def test_no_search_and_no_history_reads_without_an_index(
    clerk: StaffBrowser, shared_system: System, paid: dict[str, object]
) -> None:
    database = shared_system.parts.database
    typed = ("LP368U3EZ8RF9S", "1.000", "123456", "Trần Thị Hoà", "H26.18-1")
    cursor = write_cursor(clock.now(), new_id("bill"))
    paths = [
        *(f"/staff/find?q={one}" for one in typed),
        f"/staff/find?q=1000&by=amount&cursor={cursor}",
        "/staff/find?q=1000&by=amount&sort=reference",
        "/staff/find?q=Hoa&by=name&words=x",
        f"/staff/bills/{paid['id']}",
        f"/staff/payments/{paid['payments'][0]['id']}",  # type: ignore[index]
        f"/staff/receipts/{paid['receipts'][0]['id']}",  # type: ignore[index]
    ]
    async with asked(database) as statements:
        for path in paths:
            assert (await clerk.get(path)).status_code == 200, path
    assert len(statements) > 40
    assert await without_index(database, statements) == []
    # The negative control: nobody can look for a channel.
    bare: list[tuple[str, Any]] = [("SELECT id FROM bill WHERE channel = 'counter'", {})]
    assert len(await without_index(database, bare)) == 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def of_one_name(shared_system: System) -> list[str]:
    """Bills of one payer, of 1 to 30 copies; the references, the least first."""
    made = [
        await shared_system.create_bill(
            payer={"name": "Ngô Xếp Hàng"},
            dossier_number=f"H99-{number:02d}",
            lines=[{"fee": "2.000815", "quantity": number}],
        )
        for number in range(1, 31)
    ]
    return [bill["reference"] for bill in made]


async def test_what_was_found_is_sorted_filtered_paged_and_fetched(
    clerk: StaffBrowser, of_one_name: list[str]
) -> None:
    asked = {"q": "Ngô Xếp Hàng", "by": "name"}
    first = await clerk.get("/staff/find", params=asked)
    assert [row[0] for row in cells_of(first.text)] == of_one_name[::-1][:20]
    upward = await clerk.get("/staff/find", params=asked | {"sort": "dossier"})
    assert [row[0] for row in cells_of(upward.text)] == of_one_name[:25]
    (heading,) = tree_of(upward.text).xpath("//th[@aria-sort='ascending']/a/@href")
    assert "sort=-dossier" in heading
    (following,) = tree_of(upward.text).xpath("//a[text()='Các dòng sau']/@href")
    assert [row[0] for row in cells_of((await clerk.get(following)).text)] == of_one_name[25:]
    filtered = await clerk.get("/staff/find", params=asked | {"words": "h99-07"})
    assert [row[0] for row in cells_of(filtered.text)] == [of_one_name[6]]
    nothing = await clerk.get("/staff/find", params=asked | {"words": "không có"})
    assert cells_of(nothing.text) == []
    assert tree_of(nothing.text).xpath("//input[@id='words']/@value") == ["không có"]
    file = await clerk.get("/staff/find", params=asked | {"format": "csv", "sort": "dossier"})
    assert file.headers["content-disposition"].startswith('attachment; filename="name-')
    lines = file.text.strip().splitlines()
    assert len(lines) == 31
    assert [line.split(",")[0] for line in lines[1:]] == of_one_name
    book = await clerk.get("/staff/find", params=asked | {"format": "xlsx"})
    assert book.content.startswith(b"PK")


async def test_only_so_much_is_read_to_be_sorted_and_that_is_said(
    clerk: StaffBrowser, of_one_name: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_FOUND", 10)
    asked = {"q": "Ngô Xếp Hàng", "by": "name", "sort": "amount"}
    page = await clerk.get("/staff/find", params=asked)
    assert [row[0] for row in cells_of(page.text)] == of_one_name[20:]
    assert "Chỉ xem 10 dòng mới nhất." in words_of(page.text)


async def test_of_receipts_of_one_number_it_is_said_that_there_are_more(
    clerk: StaffBrowser, paid: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A province has a series for each commune, and each has a receipt of that number."""
    number, told = str(paid["receipts"][0]["number"]), "Chỉ xem 1 dòng mới nhất."

    async def of_two_series(*asked: Any) -> list[FoundReceipt]:
        return (await find_receipts_by_number(*asked) * 2)[: asked[-1]]

    monkeypatch.setattr(searching, "_SHOWN", 1)
    assert told not in words_of((await clerk.get("/staff/find", params={"q": number})).text)
    monkeypatch.setattr(searching, "find_receipts_by_number", of_two_series)
    assert told in words_of((await clerk.get("/staff/find", params={"q": number})).text)


async def test_a_search_is_sorted_by_what_there_is_and_shows_nothing_of_anothers(
    clerk: StaffBrowser, stranger: StaffBrowser, of_one_name: list[str]
) -> None:
    asked = {"q": "Ngô Xếp Hàng", "by": "name"}
    for wrong in ({"sort": "payer"}, {"sort": "amount", "cursor": "x"}):
        assert (await clerk.get("/staff/find", params=asked | wrong)).status_code == 422
    file = await stranger.get("/staff/find", params=asked | {"format": "csv"})
    assert of_one_name[0] not in file.text
    # A way that there is none of is every way, and no file.
    odd = await clerk.get("/staff/find", params=asked | {"by": "all", "format": "csv"})
    assert odd.headers["content-type"].startswith("text/html")
