"""The board's pages of a market: asked for, billed, read, taken in; what is refused says why."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.web.staff import market_runs
from core import clock
from core.ids import new_id
from payments.billing.markets import get_market
from payments.billing.periods import month_of, period_of
from payments.billing.runs import begin_run
from tests.support.callbacks import credit
from tests.support.markets import MarketStalls, lay_out
from tests.support.markup import (
    foreign_addresses,
    foreign_words,
    inline_code,
    tree_of,
    words_of,
)
from tests.support.staff_browser import StaffBrowser, form_of, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

RENT = 600_000
PERIOD = {"kind": "month", "period": "2026-11"}


@dataclass(frozen=True, slots=True)
class Board:
    """Somebody of finance and the chief at their browsers."""

    system: System
    finance: StaffBrowser
    chief: StaffBrowser

    async def market(self, count: int = 3) -> MarketStalls:
        """A new market of the body, its stalls A-001 and so on, each held since 2020."""
        parts, body = self.system.parts, self.system.body
        code = new_id("cho")[-12:]
        return await lay_out(
            parts.database, parts.cipher, count=count, agency_id=body.agency_id, code=code
        )

    async def page(self, path: str) -> str:
        answer = await self.finance.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def billed(self, laid: MarketStalls, period: str = "2026-11") -> str:
        """A month of the market, billed from its page; where that leads."""
        here = f"/staff/markets/{laid.market.id}/runs"
        shown = await self.page(f"{here}/preview?kind=month&period={period}")
        answer = await self.finance.send(shown, here)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board(shared_system: System) -> AsyncIterator[Board]:
    async with (
        signed_in_as(shared_system, "finance") as finance,
        signed_in_as(shared_system, "chief") as chief,
    ):
        yield Board(shared_system, finance, chief)


async def test_a_month_is_previewed_billed_and_told_of(board: Board) -> None:
    laid = await board.market()
    here = f"/staff/markets/{laid.market.id}"
    shown = words_of(await board.page(f"{here}/runs/preview?kind=month&period=2026-11"))
    assert "1.800.000 đ" in shown
    address = await board.billed(laid)
    page = words_of(await board.page(address))
    assert "Đã lập xong" in page
    assert "Chưa lập xong" not in page
    # The stall's page tells of it, and so does the list.
    stall = words_of(await board.page(f"/staff/stalls/{laid.stalls['A-001']}"))
    assert "Tháng 11/2026" in stall
    assert "600.000 đ" in stall
    assert "Nguyễn Thị 001" in stall
    listed = words_of(await board.page(here))
    assert "N*** T*** 0***" in listed
    assert "Nguyễn Thị" not in listed


async def test_a_run_that_was_stopped_is_shown_so_and_gone_on_with(board: Board) -> None:
    laid = await board.market()
    parts = board.system.parts
    async with parts.database.transaction() as session:
        market = await get_market(session, laid.market.id)
        run_id = await begin_run(session, market, period_of("month", "2026-11"), actor="test")
    address = f"/staff/markets/runs/{run_id}"
    page = await board.page(address)
    assert "Đã lập cho 0 trong 3 sạp." in words_of(page)
    (bar,) = tree_of(page).xpath("//progress")
    assert (bar.get("value"), bar.get("max")) == ("0", "3")
    answer = await board.finance.send(page, f"/staff/markets/{laid.market.id}/runs")
    assert answer.headers["location"] == address
    assert "Đã lập xong" in words_of(await board.page(address))


async def test_an_answer_does_not_wait_for_a_long_run(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_runs, "_PATIENCE", 0)
    laid = await board.market()
    address = await board.billed(laid)
    await board.system.parts.payments.background.do(
        f"bill {address.rpartition('/')[2]}", _nothing, patience=10
    )
    assert "Đã lập xong" in words_of(await board.page(address))


async def _nothing() -> None:
    """What is under way under that name is waited for instead."""


async def test_a_period_that_is_none_is_refused_in_words(board: Board) -> None:
    laid = await board.market(1)
    answer = await board.finance.get(
        f"/staff/markets/{laid.market.id}/runs/preview?kind=month&period=2026-13"
    )
    assert answer.status_code == 422
    assert "Kỳ ghi dạng 2026-11 (tháng)" in words_of(answer.text)


async def test_a_stall_is_found_by_its_code_and_by_its_vendor(board: Board) -> None:
    laid = await board.market(11)
    here = f"/staff/markets/{laid.market.id}"
    found = await board.finance.get(f"{here}?q=a-003")
    assert found.headers["location"] == f"/staff/stalls/{laid.stalls['A-003']}"
    vendor = await board.finance.get(f"{here}?q=tt-{laid.market.code}-004")
    assert vendor.headers["location"] == f"/staff/stalls/{laid.stalls['A-004']}"
    several = words_of(await board.page(f"{here}?q=A-01"))
    assert "A-010" in several
    assert "Không có dòng nào." in words_of(await board.page(f"{here}?q=%25"))


async def test_a_rent_is_asked_for_here_and_approved_by_another(board: Board) -> None:
    laid = await board.market(1)
    here = f"/staff/markets/{laid.market.id}"
    page = await board.page(f"{here}/tariffs")
    typed = {"kind": "covered", "per": "day", "rate": "2.500", "basis": "QĐ 9", "reason": "tăng"}
    wrong = await board.finance.send(
        page, f"{here}/stall-tariffs", typed | {"valid_from": "2019-01-01", "rate": "rẻ"}
    )
    assert wrong.status_code == 422
    (field,) = tree_of(wrong.text).xpath("//input[@id='stall_tariff-rate']")
    assert (field.get("aria-invalid"), field.get("value")) == ("true", "rẻ")
    # Its form stands open, so that the fault is seen.
    assert tree_of(wrong.text).xpath("//details[@id='stall_tariff']/@open") == [""]
    typed |= {"valid_from": "2199-12-01", "frontage_surcharges": "1,500; 2.000"}
    # Whoever writes thousands with a comma does not ask for 1 đồng and for 500.
    wrong = await board.finance.send(wrong.text, f"{here}/stall-tariffs", typed)
    assert wrong.status_code == 422, wrong.headers["location"]
    (field,) = tree_of(wrong.text).xpath("//input[@id='stall_tariff-frontage_surcharges']")
    assert (field.get("aria-invalid"), field.get("value")) == ("true", "1,500; 2.000")
    typed |= {"frontage_surcharges": "500, 1.000"}
    asked = await board.finance.send(wrong.text, f"{here}/stall-tariffs", typed)
    assert asked.status_code == 303, asked.text
    approval = asked.headers["location"]
    assert approval.startswith("/staff/approvals/")
    shown = (await board.chief.get(approval)).text
    assert "2.500 đ" in words_of(shown)
    done = await board.chief.send(shown, f"{approval}/approve")
    assert done.status_code == 303, done.text
    told = words_of(await board.page(f"{here}/tariffs"))
    assert "500, 1.000" in told
    async with board.system.parts.database.transaction() as session:
        await session.execute(text("DELETE FROM stall_tariff WHERE valid_from = '2199-12-01'"))


async def test_who_prices_power_needs_no_code_and_who_prices_a_service_does(board: Board) -> None:
    laid = await board.market(1)
    here = f"/staff/markets/{laid.market.id}"
    page = await board.page(f"{here}/tariffs")
    typed = {"name": "Tiền điện", "name_en": "Power", "per": "unit", "rate": "3.500"}
    typed |= {"basis": "TB 9", "valid_from": "2199-12-01", "reason": "giá mới"}
    wrong = await board.finance.send(
        page, f"{here}/charge-tariffs", typed | {"kind": "service", "per": "month"}
    )
    assert wrong.status_code == 422
    (field,) = tree_of(wrong.text).xpath("//input[@id='charge_tariff-code']")
    assert field.get("aria-invalid") == "true"
    asked = await board.finance.send(
        wrong.text, f"{here}/charge-tariffs", typed | {"kind": "electricity", "code": ""}
    )
    assert asked.status_code == 303, asked.text
    shown = (await board.chief.get(asked.headers["location"])).text
    assert "3.500 đ" in words_of(shown)


async def test_a_waiver_names_its_stall_by_code(board: Board) -> None:
    laid = await board.market(2)
    here = f"/staff/markets/{laid.market.id}"
    page = await board.page(f"{here}/tariffs?stall=A-002")
    # This month, whichever it is: the map says how a stall stands today.
    month = month_of(clock.business_date(clock.now()))
    typed = {"first_on": month.first.isoformat(), "last_on": month.last.isoformat()}
    typed |= {"percent": "100"}
    typed |= {"kind": "hardship", "basis": "Đơn", "reason": "ốm"}
    none = await board.finance.send(page, f"{here}/waivers", typed | {"stall": "Z-9"})
    assert none.status_code == 422
    assert "Chợ này không có sạp mang mã này." in words_of(none.text)
    for amount in ({"amount": "5.000"}, {"percent": ""}):
        wrong = await board.finance.send(page, f"{here}/waivers", typed | amount)
        assert wrong.status_code == 422
        assert "chỉ một trong hai" in words_of(wrong.text)
    asked = await board.finance.send(page, f"{here}/waivers", typed)
    shown = (await board.chief.get(asked.headers["location"])).text
    await board.chief.send(shown, f"{asked.headers['location']}/approve")
    await board.billed(laid, month.name)
    drawn = (await board.finance.get(f"{here}/map.svg")).text
    assert "A-002: Được miễn" in drawn
    assert "A-001: Quá hạn" in drawn or "A-001: Còn phải trả" in drawn


async def test_whoever_approves_an_amount_reads_that_it_is_of_each_stall(board: Board) -> None:
    """That much is let off of each stall: of the whole market it is more than its sum."""
    laid = await board.market(3)
    here = f"/staff/markets/{laid.market.id}"
    page = await board.page(f"{here}/tariffs")
    typed = {"stall": "", "first_on": "2026-11-01", "last_on": "2026-11-30", "percent": ""}
    typed |= {"amount": "300.000", "kind": "storm", "basis": "Thông báo", "reason": "bão"}
    asked = await board.finance.send(page, f"{here}/waivers", typed)
    assert asked.status_code == 303, asked.text
    shown = words_of((await board.chief.get(asked.headers["location"])).text)
    assert "Giảm cho mỗi sạp300.000" in shown
    assert "thực hiện ngay với" not in shown
    assert "Duyệt 300.000" not in shown


async def test_readings_are_typed_in_stall_after_stall(board: Board) -> None:
    laid = await board.market(2)
    here = f"/staff/markets/{laid.market.id}/readings"
    page = await board.page(here)
    # The box for a meter that began anew is not ticked, as in a browser.
    typed = {"stall": "A-001", "meter": "water", "read_on": "2026-10-31", "began_anew": ""}
    typed |= {"shows": "120"}
    done = await board.finance.send(page, here, typed)
    assert done.status_code == 303, done.text
    page = await board.page(done.headers["location"])
    assert "Đã ghi chỉ số Sạp A-001. Nhập sạp tiếp theo." in words_of(page)
    assert "120" in words_of(page)
    assert form_of(page, here)["stall"] == ""
    assert 'value="water" selected' in page
    # It is told to whoever wrote it down, and never by an address.
    sent = words_of((await board.chief.get(done.headers["location"])).text)
    assert "Đã ghi chỉ số" not in sent
    assert "Các lần ghi gần nhất của A-001" in sent
    for made_up in ("done=A-001", "done=A-001&meter=water", "reading=reading_none", "reading=%27"):
        answer = await board.finance.get(f"{here}?{made_up}")
        assert answer.status_code in (200, 422), made_up
        assert "Đã ghi chỉ số" not in answer.text, made_up
    back = await board.finance.send(page, here, typed | {"read_on": "2026-11-01", "shows": "90"})
    assert back.status_code == 422
    assert "Chỉ số chạy lùi (120 ngày 31/10/2026)" in words_of(back.text)
    odd = await board.finance.send(page, here, typed | {"stall": "X", "shows": "1,5"})
    assert odd.status_code == 422


async def test_a_file_with_a_fault_is_refused_whole_and_told_row_by_row(board: Board) -> None:
    laid = await board.market(1)
    here = f"/staff/markets/{laid.market.id}/import"
    fields = form_of(await board.page(here), here)
    rows = 'Mã sạp,Loại,Diện tích (m²),Dãy\nB-1,covered,"8,5",B\nB-2,covered,rộng,B\n'
    wrong = await board.finance.post(here, fields, files={"file": ("s.csv", rows.encode())})
    assert wrong.status_code == 422
    assert "Dòng 3, cột Diện tích (m²)" in words_of(wrong.text)
    assert "Chưa nhận dòng nào" in words_of(wrong.text)
    assert words_of(wrong.text).count("Dòng 3") == 1
    english = await board.finance.post(
        f"{here}?lang=en", fields | {"once": "another"}, files={"file": ("s.csv", rows.encode())}
    )
    assert "Row 3, column Diện tích (m²): An area is a number" in words_of(english.text)
    await board.page(f"{here}?lang=vi")
    right = rows.replace("rộng", "9").encode()
    fields = form_of(wrong.text, here)
    places = set()
    for _ in range(2):
        taken = await board.finance.post(here, dict(fields), files={"file": ("s.csv", right)})
        assert taken.status_code == 303, taken.text
        places.add(taken.headers["location"])
        assert "2 dòng: thêm 2 sạp" in words_of(await board.page(taken.headers["location"]))
    assert len(places) == 1
    assert "s.csv" in words_of(await board.page(here))
    assert "B-2" in words_of(await board.page(f"/staff/markets/{laid.market.id}?lane=B"))
    none = await board.finance.post(here, {})
    assert none.status_code == 422


async def test_a_file_whose_phones_lost_their_nought_says_in_which_rows(board: Board) -> None:
    laid = await board.market(1)
    here = f"/staff/markets/{laid.market.id}/import"
    fields = form_of(await board.page(here), here)
    rows = "Mã sạp,Loại,Diện tích (m²),Mã tiểu thương,Họ tên,Điện thoại,Từ ngày\n"
    for at, phone in enumerate(("912345678", "0912345679", "387654321")):
        rows += f"C-{at},covered,8,TTC{at},Lê Ba,{phone},01/01/2026\n"
    taken = await board.finance.post(here, fields, files={"file": ("s.csv", rows.encode())})
    assert taken.status_code == 303, taken.text
    shown = words_of(await board.page(taken.headers["location"]))
    assert "Số điện thoại của 2 tiểu thương đã mất số 0 ở đầu" in shown
    assert "Dòng 2, 4" in shown


async def test_arrears_and_rates_are_fetched_as_files(board: Board) -> None:
    laid = await board.market(3)
    await board.billed(laid)
    ((reference,),) = await _rows(
        board.system, "SELECT reference FROM stall WHERE id = :id", id=laid.stalls["A-001"]
    )
    await credit(board.system, 100_000, f"gop {reference}")
    await board.system.work()
    here = f"/staff/markets/{laid.market.id}/arrears"
    page = words_of(await board.page(here))
    assert "1.700.000 đ" in page
    answer = await board.finance.get(f"{here}?format=csv")
    heads, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heads[0] == "Sạp"
    assert sorted((row[0], row[-1]) for row in rows) == [
        ("A-001", "500000"),
        ("A-002", "600000"),
        ("A-003", "600000"),
    ]
    for path in (here, "/staff/markets/arrears", "/staff/markets/rates"):
        book = await board.finance.get(path, params={"format": "xlsx"})
        assert book.content[:2] == b"PK", path
    shown = words_of(await board.page("/staff/markets/rates?year=2026"))
    assert "5,5" in shown
    # A page calls a market by its name; its code is for machines, and in the file.
    assert laid.market.name in shown
    assert laid.market.code not in shown
    year = (await board.finance.get("/staff/markets/rates?year=2026&format=csv")).content
    _, *rates = csv.reader(io.StringIO(year.decode("utf-8-sig")))
    (own,) = [row for row in rates if row[3] == laid.market.code]
    # Billed, waived, paid, in part, owed, withdrawn, percent.
    assert own[4:] == ["1800000", "0", "0", "100000", "1700000", "0", "5.5"]


async def test_every_page_is_in_one_language_and_holds_nothing_foreign(board: Board) -> None:
    laid = await board.market(2)
    run = await board.billed(laid)
    here = f"/staff/markets/{laid.market.id}"
    parts = ("arrears", "runs", "runs/preview", "tariffs", "readings?stall=A-001")
    pages = [here, run, "/staff/markets", "/staff/markets/rates", "/staff/markets/arrears"]
    pages += [f"/staff/stalls/{laid.stalls['A-001']}", *(f"{here}/{part}" for part in parts)]
    pages.append(f"{here}/import")
    names = ("Nguyễn Thử", "Nguyễn Thị", "QĐ", "Tiếng Việt")
    for page in pages:
        for language in ("vi", "en"):
            sign = "&" if "?" in page else "?"
            text_ = await board.page(f"{page}{sign}lang={language}")
            assert inline_code(text_) == [], page
            assert foreign_addresses(text_, board.system.base_url) == [], page
            assert tree_of(text_).get("lang") == language, page
            assert foreign_words(text_, language, names) == [], page
    await board.page("/staff/markets?lang=vi")


async def _rows(system: System, statement: str, **values: object) -> list[tuple[object, ...]]:
    async with system.parts.database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(statement), values)]
