"""Notes on bills, payments, receipts: seen by the body's people, by nobody else, taken off."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.web.staff import find
from core import clock
from core.crypto import DecryptionFailed
from core.ids import new_id
from payments.bills.marks import MarkedThing, find_marks, mark, page_of_marked
from payments.books.queries import list_waiting_money
from tests.support.callbacks import credit
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.plans import asked, without_index
from tests.support.rows import count, dump
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Markup, and a sign that turns the line round.
HOSTILE = "<b>gọi lại</b> \u202eabc"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "clerk") as browser:
        yield browser


async def marked(clerk: StaffBrowser, bill: str, note: str) -> None:
    page = (await clerk.get(f"/staff/bills/{bill}")).text
    answer = await clerk.send(page, f"/staff/bills/{bill}/mark", {"note": note})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/staff/bills/{bill}")


async def listed(browser: StaffBrowser) -> dict[str, str]:
    """The notes of the search's first page, by the bill's reference."""
    return {row[0]: row[1] for row in cells_of((await browser.get("/staff/find")).text)}


async def test_a_note_is_seen_by_colleagues_changed_and_taken_off(
    clerk: StaffBrowser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    await marked(clerk, bill["id"], "gọi lại người nộp")
    async with signed_in_as(shared_system, "auditor") as auditor:
        page = (await auditor.get(f"/staff/bills/{bill['id']}")).text
        assert "gọi lại người nộp" in words_of(page)
        assert 'name="note"' not in page
        assert (await listed(auditor))[bill["reference"]] == "gọi lại người nộp"
    await marked(clerk, bill["id"], "đã gọi, chờ hồ sơ")
    assert (await listed(clerk))[bill["reference"]] == "đã gọi, chờ hồ sơ"
    await marked(clerk, bill["id"], "  ")
    assert bill["reference"] not in await listed(clerk)
    history = words_of((await clerk.get(f"/staff/bills/{bill['id']}")).text)
    assert history.count("Đánh dấu") >= 2
    assert "Bỏ đánh dấu" in history
    # What was noted is in no entry of the log: it may be about somebody.
    said = "object_id = :id AND details::text LIKE '%gọi%'"
    assert await count(shared_system.parts.database, "audit_entry", said, id=bill["id"]) == 0
    assert await shared_system.broken() == []


@pytest.mark.parametrize(
    ("kind", "words"), [("payment", "Đánh dấu lần thanh toán"), ("receipt", "Đánh dấu biên lai")]
)
async def test_a_payment_and_a_receipt_bear_a_note_of_their_own(
    clerk: StaffBrowser, shared_system: System, kind: str, words: str
) -> None:
    bill = await shared_system.create_bill()
    await credit(shared_system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
    await shared_system.work()
    paid = await shared_system.read(bill)
    found = paid[f"{kind}s"][0]["id"]
    here, of_it, note = f"/staff/{kind}s/{found}", f"/staff/bills/{bill['id']}", "xem lại"
    page = (await clerk.get(here)).text
    answer = await clerk.send(page, f"{here}/mark", {"note": note})
    assert (answer.status_code, answer.headers["location"]) == (303, here)
    async with signed_in_as(shared_system, "auditor") as auditor:
        seen = (await auditor.get(here)).text
        assert note in words_of(seen)
        assert 'name="note"' not in seen
        # The bill shows it beside what bears it, and is not marked itself.
        of_bill = words_of((await auditor.get(of_it)).text)
        assert f"Dấu: {note}" in of_bill
        assert "Được đánh dấu" not in of_bill
        rows = cells_of((await auditor.get("/staff/find")).text)
        assert [paid["reference"], note] == next(row[:2] for row in rows if row[1] == note)
    assert words in words_of((await clerk.get(here)).text)
    assert words in words_of((await clerk.get(of_it)).text)
    page = (await clerk.get(here)).text
    await clerk.send(page, f"{here}/mark", {"note": ""})
    after = words_of((await clerk.get(here)).text)
    assert note not in after
    assert f"Bỏ đánh dấu {words.partition('dấu ')[2]}" in after
    assert await shared_system.broken() == []


async def test_money_of_no_bill_bears_a_note_too(
    clerk: StaffBrowser, shared_system: System
) -> None:
    await credit(shared_system, 7_000, "khong ma", bank_ref=new_id("ft"))
    async with shared_system.parts.database.reading() as session:
        payment = (await list_waiting_money(session))[-1].payment_id
    here = f"/staff/payments/{payment}"
    page = (await clerk.get(here)).text
    await clerk.send(page, f"{here}/mark", {"note": "chưa rõ của ai"})
    links = tree_of((await clerk.get("/staff/find")).text).xpath("//td//a/@href")
    assert here in links
    assert (await listed(clerk))[payment] == "chưa rõ của ai"
    await clerk.send(page, f"{here}/mark", {"note": ""})


async def test_the_newest_notes_come_first_and_none_is_out_of_reach(
    clerk: StaffBrowser, shared_system: System
) -> None:
    at, bills = clock.now(), [await shared_system.create_bill() for _ in range(5)]
    for minutes, bill in enumerate(bills):
        with clock.frozen(at + timedelta(minutes=1 + minutes // 2)):  # two in each moment
            async with shared_system.parts.database.transaction() as session:
                thing = MarkedThing("bill", bill["id"], shared_system.body.agency_id, bill["id"])
                cipher = shared_system.parts.cipher
                await mark(session, cipher, thing, f"số {minutes}", actor="test")
    page = (await clerk.get("/staff/find")).text
    assert next(iter(await listed(clerk))) == bills[-1]["reference"]
    found: list[str] = []
    cursor: str | None = None
    async with shared_system.parts.database.reading() as session:
        while True:
            some = await page_of_marked(
                *(session, shared_system.parts.cipher, [shared_system.body.agency_id]),
                cursor=cursor,
                limit=2,
            )
            found += [one.object_id for one in some.items]
            if (cursor := some.next_cursor) is None:
                break
    assert [one for one in found if one in {bill["id"] for bill in bills}] == [
        *(bills[4]["id"],),
        *sorted((bills[2]["id"], bills[3]["id"]), reverse=True),
        *sorted((bills[0]["id"], bills[1]["id"]), reverse=True),
    ]
    assert len(found) == len(set(found))
    assert "cursor=" not in page
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "PER_PAGE", 2)
        first = (await clerk.get("/staff/find")).text
        (more,) = tree_of(first).xpath("//p[@class='pages']/a/@href")
        second = cells_of((await clerk.get(more)).text)
    shown = [row[0] for row in (*cells_of(first), *second)]
    names = {bill["id"]: bill["reference"] for bill in bills}
    assert shown == [names[one] for one in found[:4]]
    for bill in bills:
        await marked(clerk, bill["id"], "")


async def test_what_is_noted_stands_nowhere_in_clear(
    clerk: StaffBrowser, shared_system: System
) -> None:
    """It may be about somebody: in the database it is sealed, and to its bill."""
    one, other = await shared_system.create_bill(), await shared_system.create_bill()
    words = "Bà Quách Thị Ngần hẹn thứ Hai"
    for bill in (one, other):
        await marked(clerk, bill["id"], words)
    database = shared_system.parts.database
    for table, rows in (await dump(database)).items():
        assert "Quách Thị Ngần" not in rows, table
    async with database.transaction() as session:
        copied = text(
            "UPDATE mark SET content = (SELECT content FROM mark WHERE object_id = :one)"
            " WHERE object_id = :other"
        )
        await session.execute(copied, {"one": one["id"], "other": other["id"]})
    async with database.reading() as session:
        cipher = shared_system.parts.cipher
        kept = await find_marks(session, cipher, [one["id"]])
        assert kept[one["id"]].note == words
        with pytest.raises(DecryptionFailed):
            await find_marks(session, cipher, [other["id"]])
    await marked(clerk, one["id"], "")
    async with database.transaction() as session:
        gone = text("DELETE FROM mark WHERE object_id = :id")
        await session.execute(gone, {"id": other["id"]})


#: What no note may be, and what its page says of it.
NO_NOTES = {
    "x" * 201: "Ghi chú dài quá 200 ký tự.",
    "a\x07b": "Ghi chú có ký tự điều khiển hoặc xuống dòng",
    HOSTILE: "Có ký tự không nhìn thấy được hoặc đảo chiều chữ (U+202E)",
    "gọi\u200blại": "Có ký tự không nhìn thấy được hoặc đảo chiều chữ (U+200B)",
}


@pytest.mark.parametrize("kind", ["bill", "payment", "receipt"])
async def test_what_is_written_stays_text_and_what_is_no_line_is_refused(
    clerk: StaffBrowser, shared_system: System, kind: str
) -> None:
    bill = await shared_system.create_bill()
    await credit(shared_system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
    await shared_system.work()
    paid = await shared_system.read(bill)
    there = f"/staff/{kind}s/{bill['id'] if kind == 'bill' else paid[f'{kind}s'][0]['id']}"
    await clerk.post(f"{there}/mark", {"note": "<b>gọi lại</b>", "once": new_id("o")})
    for wrong, why in NO_NOTES.items():
        refused = await clerk.post(f"{there}/mark", {"note": wrong, "once": new_id("o")})
        assert refused.status_code == 422, wrong
        # The thing's own page, with the reason at the field, and nothing in it that turns a line.
        tree = tree_of(refused.text)
        (typed,) = tree.xpath('//input[@name="note"]')
        assert typed.get("aria-invalid") == "true"
        (fault,) = tree.xpath('//*[@id="note-fault"]')
        assert why in fault.text_content()
        assert "\u202e" not in refused.text
    page = (await clerk.get(there)).text
    assert "<b>gọi lại" not in page
    assert "&lt;b&gt;gọi lại" in page
    assert "note-fault" not in page


async def test_another_body_neither_sees_nor_sets_one(
    clerk: StaffBrowser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    await credit(shared_system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
    await shared_system.work()
    await marked(clerk, bill["id"], "của ta")
    paid = await shared_system.read(bill)
    ours = [f"/staff/{kind}s/{paid[f'{kind}s'][0]['id']}" for kind in ("payment", "receipt")]
    async with (
        neighbour_of(shared_system) as other,
        signed_in_as(shared_system, "admin", agency_id=other.agency_id) as stranger,
    ):
        for here in (f"/staff/bills/{bill['id']}", *ours):
            for note in ("của họ", ""):
                sent = {"note": note, "once": new_id("o")}
                assert (await stranger.post(f"{here}/mark", sent)).status_code == 404, here
        assert await listed(stranger) == {}
    assert (await listed(clerk))[bill["reference"]] == "của ta"
    for here in ours:
        assert "Được đánh dấu" not in words_of((await clerk.get(here)).text)


async def test_who_only_looks_sets_no_note_on_anything(
    clerk: StaffBrowser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    await credit(shared_system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
    await shared_system.work()
    paid = await shared_system.read(bill)
    ours = [f"/staff/{kind}s/{paid[f'{kind}s'][0]['id']}" for kind in ("payment", "receipt")]
    async with signed_in_as(shared_system, "auditor") as auditor:
        for here in (f"/staff/bills/{bill['id']}", *ours):
            sent = {"note": "không được", "once": new_id("o")}
            assert (await auditor.post(f"{here}/mark", sent)).status_code == 403, here
            assert "không được" not in words_of((await clerk.get(here)).text)


async def test_the_list_reads_by_an_index(clerk: StaffBrowser, shared_system: System) -> None:
    bill = await shared_system.create_bill()
    await marked(clerk, bill["id"], "xem")
    database = shared_system.parts.database
    async with asked(database) as statements:
        assert (await clerk.get("/staff/find")).status_code == 200
    assert await without_index(database, statements) == []
