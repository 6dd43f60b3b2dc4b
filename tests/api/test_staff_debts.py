"""Lists of debts on staff's pages: looked at first, refused with a sheet of faults, taken once."""

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.debts import land, land_file, workbook
from tests.support.markup import tree_of, words_of
from tests.support.staff_browser import StaffBrowser, form_of, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = "/staff/debts/new"


async def choose(
    browser: StaffBrowser, system: System, code: str, content: bytes, kind: str = "land_tax"
) -> Any:
    form = form_of((await browser.get(NEW)).text, NEW)
    form |= {"agency": system.body.agency_code, "kind": kind, "list": code}
    form.pop("file", None)
    return await browser.client.post(
        NEW, data=form, files={"file": ("dat.csv", content)}, headers={"Accept": "text/html"}
    )


async def test_a_list_is_looked_at_mended_taken_and_found(shared_system: System) -> None:
    system = shared_system
    code, name = new_id("id")[-12:], f"dat-{new_id('x')[-8:]}"
    async with signed_in_as(system, "finance") as clerk:
        bad = await choose(clerk, system, name, land_file(land(code, amount="hai triệu")))
        assert bad.status_code == 303, bad.text
        at = bad.headers["location"]
        shown = (await clerk.get(at)).text
        assert "Dòng 2, cột Số tiền" in words_of(shown)
        assert f"{at}/take" not in shown
        sheet = await clerk.get(f"{at}/errors.xlsx")
        rows = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0)
        assert rows.to_python()[0][-1] == "Lỗi"
        at = (await choose(clerk, system, name, land_file(land(code)))).headers["location"]
        page = (await clerk.get(at)).text
        assert "Khoản mới" in words_of(page)
        taken = [await clerk.send(page, f"{at}/take") for _ in range(2)]
        assert [one.status_code for one in taken] == [303, 303]
        assert (await clerk.get(at)).status_code == 404
        one = taken[0].headers["location"]
        assert "Đang nạp" in words_of((await clerk.get(one)).text)
        await system.work()
        assert "Đã nạp" in words_of((await clerk.get(f"{one}?part=all")).text)
        assert code in words_of((await clerk.get(f"{one}?part=all")).text)
        assert name in words_of((await clerk.get("/staff/debts")).text)
        for typed in (code, "0100109106", "nguyen van an"):
            found = (await clerk.get("/staff/find", params={"q": typed})).text
            assert code in words_of(found), typed
        # A page from when the version waited to be asked for does not ask for the list's end.
        done = (await clerk.get(one)).text
        late = await clerk.send(done, f"{one}/ask", {"reason": "bản mới", "state": "proposed"})
        assert late.status_code == 409
        assert "Tình trạng danh sách vừa đổi" in words_of(late.text)
        changed = await choose(clerk, system, name, land_file(land(code, amount="9.000")))
        at = changed.headers["location"]
        page = (await clerk.get(at)).text
        assert "một người khác phải duyệt" in words_of(page)
        assert "Phải nộp sau khi nạp tệp9.000 đ" in words_of(page)
        cells = tree_of(page).xpath("//table[@class='sheet']/tbody/tr/td")
        told = [str(one.text_content()).strip() for one in cells]
        assert told == [code, "Khoản đổi, lập lại", "1.530.000 đ", "9.000 đ", "–"]
        asked = await clerk.send(page, f"{at}/take", {"reason": "giảm theo quyết định"})
        waits = (await clerk.get(asked.headers["location"])).text
        assert "Chờ người thứ hai" in words_of(waits)
        assert "/staff/approvals/appr_" in waits


async def test_a_phone_that_got_its_nought_back_is_told_before_the_list_is_taken(
    shared_system: System,
) -> None:
    heading = ("Mã hóa đơn", "Họ tên", "Số tiền", "Nội dung", "Điện thoại")
    said = "1 số điện thoại đã mất số 0 ở đầu: đã thêm lại."
    async with signed_in_as(shared_system, "finance") as clerk:
        for phone, is_told in ((912345678, True), ("0912345678", False)):
            content = workbook(heading, (new_id("id"), "Lê Ba", 150_000, "Tiền nước", phone))
            chosen = await choose(clerk, shared_system, new_id("x"), content, "utility")
            shown = words_of((await clerk.get(chosen.headers["location"])).text)
            assert "Khoản mới" in shown
            assert (said in shown) is is_told


async def test_a_file_without_headings_or_of_no_list_says_so(shared_system: System) -> None:
    system = shared_system
    async with signed_in_as(system, "finance") as clerk:
        at = (await choose(clerk, system, "x-1", b"a,b\n1,2\n")).headers["location"]
        answer = await clerk.get(at)
        assert answer.status_code == 422
        assert "không có cột nào tên" in words_of(answer.text)
        refused = await choose(clerk, system, "có dấu", land_file(land("ID-1")))
        assert refused.status_code == 422
    async with signed_in_as(system, "auditor") as auditor:
        assert (await auditor.get("/staff/debts")).status_code == 200
        assert (await auditor.get(NEW)).status_code == 403


async def test_a_clerk_asks_for_more_on_a_dossier_that_was_paid(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill(dossier_number=f"H01-{new_id('x')[-8:]}")
    at = f"/staff/bills/{bill['id']}/supplement"
    wanted = {"description": "Lệ phí cấp thêm bản", "amount": "8.000", "sub_item": "2716"}
    async with signed_in_as(system, "clerk") as clerk:
        early = await clerk.send((await clerk.get(at)).text, at, wanted)
        assert early.status_code == 422
        assert "Khoản trước chưa nộp" in words_of(early.text)
        await credit(system, bill["amount"], bill["reference"])
        await system.work()
        page = (await clerk.get(at)).text
        wrong = await clerk.send(page, at, wanted | {"amount": "tám nghìn"})
        assert "Ghi số tiền bằng đồng" in words_of(wrong.text)
        made = [await clerk.send(page, at, wanted) for _ in range(2)]
        assert [one.headers["location"] for one in made] == [made[0].headers["location"]] * 2
        extra = words_of((await clerk.get(made[0].headers["location"])).text)
        assert f"Thu bổ sung cho{bill['reference']}" in extra
        assert bill["dossier_number"] in extra
        earlier = words_of((await clerk.get(f"/staff/bills/{bill['id']}")).text)
        assert "Đã thu bổ sung bằng" in earlier


async def test_a_fault_is_told_with_its_place_once_in_the_readers_language(
    shared_system: System,
) -> None:
    system, name = shared_system, f"dat-{new_id('x')[-8:]}"
    async with signed_in_as(system, "finance") as clerk:
        # No row of it can be read.
        empty = (await choose(clerk, system, name, b"")).headers["location"]
        assert "chưa nhận dòng nào. Tệp không có dòng nào." in words_of(
            (await clerk.get(empty)).text
        )
        none = (await choose(clerk, system, name, b"A,B\nx,y\n")).headers["location"]
        told = words_of((await clerk.get(none)).text)
        assert "Dòng 1: không có cột nào tên 'A', hoặc ghi hai lần." in told
        assert "row 1" not in told
        assert told.count("Dòng 1: thiếu cột") == 1
        bad = await choose(clerk, system, name, land_file(land("X1", amount="hai triệu")))
        at = bad.headers["location"]
        assert "Dòng 2, cột Số tiền: Phải là số nguyên" in words_of((await clerk.get(at)).text)
        english = words_of((await clerk.get(f"{at}?lang=en")).text)
        assert "Row 2, column Số tiền: Must be a whole number, such as 2000 or 2.000." in english
        english = words_of((await clerk.get(none)).text)
        assert "Row 1: no column is called 'A', or it is there twice." in english
        assert "No row was taken in." in english
