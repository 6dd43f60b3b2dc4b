"""Loading a file from a page: looked at first, refused by row and field, taken in once; columns."""

from typing import Any

import pytest
from sqlalchemy import text

from app.settlement_layouts import settlement_layouts
from core import clock
from core.clock import VIETNAM
from core.errors import NotFound
from core.ids import new_id
from reconciliation.formats.settlement_layouts import get_layout
from reconciliation.settlements.saved_layouts import list_settlement_layouts
from reconciliation.statements.kept_files import KEPT, expire, get_kept_file, keep_file
from tests.api.test_saved_settlement_layouts import LAYOUT, a_name, save, settlement
from tests.support.bare_money import add_account
from tests.support.markup import tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.rows import count
from tests.support.settlements import GATEWAY
from tests.support.staff import finance_office
from tests.support.staff_browser import (
    StaffBrowser,
    form_of,
    new_person,
    signed_in_as,
    staff_browser,
)
from tests.support.staff_days import bank_ref
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOAD = "/staff/load"


def sheet(*amounts: int, heading: str = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;"
          "Phát sinh có;Số dư") -> bytes:  # fmt: skip
    """A treasury's statement of now with these credits."""
    now = f"{clock.now().astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    rows = [heading, *(f"{now};{bank_ref()};{new_id('nd')};;{one};" for one in amounts)]
    ends = [f"Cộng phát sinh;;;0;{sum(amounts)};", f"Số giao dịch;{len(amounts)};;;;", ""]
    return "\n".join([*rows, *ends]).encode()


async def choose(browser: StaffBrowser, place: str, name: str, content: bytes) -> Any:
    page = (await browser.get(LOAD)).text
    form = form_of(page, LOAD) | {"place": place}
    form.pop("file", None)
    return await browser.client.post(
        LOAD, data=form, files={"file": (name, content)}, headers={"Accept": "text/html"}
    )


async def rows_of(system: System) -> int:
    found = await system.office.get(
        f"/api/v1/days/{system.body.collection_code}/{clock.business_date(clock.now())}"
    )
    return sum(one["credit_count"] or 0 for one in found.json()["statements"])


async def test_a_statement_is_looked_at_and_then_taken_in_once(shared_system: System) -> None:
    system = shared_system
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        before = await rows_of(system)
        answer = await choose(
            clerk, f"account:{system.body.collection_code}", "so-phu.csv", sheet(7000, 8000)
        )
        assert answer.status_code == 303, answer.text
        at = answer.headers["location"]
        page = (await clerk.get(at)).text
        told = words_of(page)
        assert "15.000 đ" in told, told
        assert "Nạp 2 dòng" in told
        assert await rows_of(system) == before
        taken = [await clerk.send(page, f"{at}/take") for _ in range(2)]
        assert [one.status_code for one in taken] == [303, 303]
        assert await rows_of(system) == before + 2
        shown = words_of((await clerk.get(taken[0].headers["location"])).text)
        assert "Đã nạp 2 dòng, 2 dòng mới" in shown
        # It is kept no longer.
        assert (await clerk.get(at)).status_code == 404


async def test_what_was_taken_in_is_told_by_what_was_recorded_and_never_by_an_address(
    shared_system: System,
) -> None:
    system, content = shared_system, sheet(7000, 8000)
    day = f"/staff/days/{system.body.collection_code}/{clock.business_date(clock.now())}"
    async with signed_in_as(system, "finance") as clerk, signed_in_as(system, "chief") as other:
        made = await take(clerk, system, "so-phu.csv", content)
        assert made.startswith(day)
        assert "Đã nạp 2 dòng, 2 dòng mới" in words_of((await clerk.get(made)).text)
        # Whoever is sent the address has loaded nothing, nor has the clerk a file of 99 rows.
        told = words_of((await other.get(made)).text)
        assert "Đã nạp 2 dòng" not in told
        assert "so-phu.csv đã được nạp từ trước" in told
        for made_up in (f"{day}?rows=99&new=99", f"{day}?file=stmt_none", f"{day}?file=%27"):
            answer = await clerk.get(made_up)
            assert answer.status_code in (200, 422), made_up
            assert " 99 dòng" not in words_of(answer.text)
            assert "đã được nạp" not in words_of(answer.text)
        # The same file once more, under another name, by somebody else.
        again = await take(other, system, "lai.csv", content)
        assert again == made
        told = words_of((await other.get(again)).text)
        assert "so-phu.csv đã được nạp từ trước" in told
        assert "2 dòng, 2 dòng mới" in told
        # A file of another account stands on no page of this one.
        async with system.parts.database.transaction() as session:
            code = new_id("tk")[-12:]
            await add_account(session, system.body.agency_id, code=code)
        elsewhere = made.replace(system.body.collection_code, code)
        shown = await clerk.get(elsewhere)
        assert shown.status_code == 200, shown.text
        assert "so-phu.csv" not in words_of(shown.text)


async def test_a_settlement_that_was_taken_in_is_told_by_what_was_recorded(
    shared_system: System,
) -> None:
    system = shared_system
    content = file_of("paygov", paygov_row(new_id("lo")))
    async with signed_in_as(system, "finance") as clerk, signed_in_as(system, "chief") as other:
        made = await take(clerk, system, "paygov.csv", content, f"gateway:{GATEWAY}")
        assert "Đã nạp 1 dòng, 1 dòng mới" in words_of((await clerk.get(made)).text)
        told = words_of((await other.get(made)).text)
        assert "Đã nạp 1 dòng" not in told
        assert "paygov.csv đã được nạp từ trước" in told


async def take(
    browser: StaffBrowser, system: System, name: str, content: bytes, place: str = ""
) -> str:
    """Take a file in; where its answer leads."""
    place = place or f"account:{system.body.collection_code}"
    at = (await choose(browser, place, name, content)).headers["location"]
    taken = await browser.send((await browser.get(at)).text, f"{at}/take")
    assert taken.status_code == 303, taken.text
    return str(taken.headers["location"])


async def test_every_bad_row_is_named_and_nothing_is_taken(shared_system: System) -> None:
    system = shared_system
    bad = sheet(7000, 8000).replace(b";7000;", b";7.0.0;").replace(b";8000;", b";tam;")
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        before = await rows_of(system)
        account = f"account:{system.body.collection_code}"
        at = (await choose(clerk, account, "x.csv", bad)).headers["location"]
        page = (await clerk.get(at)).text
        faults = tree_of(page).xpath("//ul[@class='wrongs']/li")
        assert len(faults) >= 2
        told = [words_of_node(one) for one in faults]
        assert told[0].startswith("Dòng 2, cột Phát sinh có: "), told
        assert told[1].startswith("Dòng 3, cột Phát sinh có: "), told
        assert f'action="{at}/take"' not in page
        forced = await clerk.client.post(
            f"{at}/take",
            data=form_of((await clerk.get("/staff/sessions")).text, "/staff/sign-out")
            | {"mapping": "kbnn-so-phu"},
            headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
        )
        assert forced.status_code == 422
        assert await rows_of(system) == before


def words_of_node(node: Any) -> str:
    return str(node.text_content())


async def test_unknown_columns_are_chosen_tried_and_saved(shared_system: System) -> None:
    system = shared_system
    strange = sheet(9000, heading="Luc;Bien lai;Viec;Ra;Vao;Con").replace(b"C\xe1\xbb\x99ng", b"#")
    strange = b"\n".join(strange.split(b"\n")[:2]) + b"\n"
    name = f"mau-{new_id('m')[-8:].lower()}"
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        account = f"account:{system.body.collection_code}"
        at = (await choose(clerk, account, "la.csv", strange)).headers["location"]
        page = (await clerk.get(at)).text
        assert f'action="{at}/take"' not in page
        asked = {
            "header": "1",
            "booked_at": "Luc",
            "time": "%d/%m/%Y %H:%M:%S",
            "narrative": "Viec",
            "bank_ref": "Bien lai",
            "kind": "sides",
            "credit_column": "Vao",
            "debit_column": "Ra",
        }
        wrong = await clerk.get(f"{at}/columns", params=asked | {"narrative": "Luc"})
        assert "một cột được dùng hai lần" in words_of(wrong.text)
        tried = await clerk.get(f"{at}/columns", params=asked)
        assert "9.000 đ" in words_of(tried.text)
        bad = await clerk.send(tried.text, f"{at}/layout", {"name": "Tên Xấu"})
        assert bad.status_code == 422
        saved = await clerk.send(tried.text, f"{at}/layout", {"name": name})
        assert saved.status_code == 303, saved.text
        page = (await clerk.get(saved.headers["location"])).text
        assert "Nạp 1 dòng" in words_of(page)
        assert (await clerk.send(page, f"{at}/take")).status_code == 303


UNSEEN = "Chưa có ai so mẫu này với một tệp thật"


def file_of(layout: str, *rows: str) -> bytes:
    """A file of these rows under the columns of one of our layouts."""
    known = get_layout(settlement_layouts(), layout, clock.business_date(clock.now()))
    return "\n".join([";".join(known.columns.values()), *rows, ""]).encode()


def paygov_row(batch: str, amount: str = "20000") -> str:
    moment = "01/11/2026 10:00:00"
    return f"{batch};02/11/2026;O1;{new_id('pg')};{amount};200;19800;{moment}"


async def test_that_nobody_has_seen_a_real_file_of_a_layout_is_said_where_it_is_taken(
    shared_system: System,
) -> None:
    """Whoever takes a file in sees the layout that was found for it, and how sure it is."""
    content = file_of("paygov", paygov_row("V1"))
    async with signed_in_as(shared_system, "finance") as clerk:
        chosen = await choose(clerk, f"gateway:{GATEWAY}", "paygov.csv", content)
        at = chosen.headers["location"]
        page = (await clerk.get(at)).text
        english = (await clerk.get(f"{at}?lang=en")).text
    assert f'action="{at}/take"' in page
    assert "Đọc theo mẫu: PayGov: tệp quyết toán (chưa xác nhận)" in words_of(page)
    assert UNSEEN in words_of(page)
    # Each column can be compared with the file's.
    cells = tree_of(page).xpath("//table[@class='rows']/tbody/tr/td")
    told = {str(one.get("data-label")): str(one.text_content()).strip() for one in cells}
    assert told["Tiền ròng"] == "19.800 đ"
    assert told["Nộp lúc"] == "10:00:00 01/11/2026"
    assert "Có 1 dòng." in tree_of(page).xpath("string(//table[@class='rows']/caption)")
    assert "dòng đầu" not in words_of(page)
    assert "Nobody has compared this layout with a real file yet" in words_of(english)
    assert "Read by: PayGov: settlement file (unconfirmed)" in words_of(english)
    # What it may be read by instead is English too.
    assert "chưa xác nhận" not in english


async def test_a_fault_is_told_of_the_gateways_own_layout(shared_system: System) -> None:
    """And of none that has other columns, which no row of the file could please."""
    content = file_of("paygov", paygov_row("V1", amount="hai"))
    async with signed_in_as(shared_system, "finance") as clerk:
        chosen = await choose(clerk, f"gateway:{GATEWAY}", "paygov.csv", content)
        page = (await clerk.get(chosen.headers["location"])).text
    assert "Dòng 2, cột Số tiền" in words_of(page)
    assert "thiếu cột" not in words_of(page).lower()
    async with signed_in_as(shared_system, "finance") as clerk:
        chosen = await choose(clerk, f"gateway:{GATEWAY}", "paygov.csv", content)
        page = (await clerk.get(f"{chosen.headers['location']}?lang=en")).text
    assert 'Row 2, column Số tiền: "hai" is no amount like' in words_of(page)


async def test_another_gateways_file_is_said_to_be_and_not_read_by_itself(
    shared_system: System,
) -> None:
    row = "V1;02/11/2026;1;O1;VT14012345;20000;200;19800;01/11/2026 10:00:00"
    content = file_of("viettel", row)
    async with signed_in_as(shared_system, "finance") as clerk:
        chosen = await choose(clerk, f"gateway:{GATEWAY}", "viettel.csv", content)
        at = chosen.headers["location"]
        page = (await clerk.get(at)).text
        assert f'action="{at}/take"' not in page
        told = words_of(page)
        assert "Tệp có các cột của mẫu Viettel Money" in told
        # What it is comes before what it lacks.
        assert told.index("Tệp có các cột") < told.index("Tệp này không nạp được")
        english = words_of((await clerk.get(f"{at}?lang=en")).text)
        assert "The file has the columns of the layout Viettel Money" in english
        # Whoever knows better says so.
        named = (await clerk.get(f"{at}?mapping=viettel")).text
        assert f'action="{at}/take"' in named
        # A file that no layout knows is said to be like none.
        strange = await choose(clerk, f"gateway:{GATEWAY}", "la.csv", settlement("Mã lạ gì"))
        shown = words_of((await clerk.get(strange.headers["location"])).text)
        assert "Tệp có các cột của mẫu" not in shown


async def test_a_settlement_is_looked_at_by_the_layouts_that_the_body_has_saved(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, gateway = a_name(), f"gateway:{GATEWAY}"
    # No layout of ours knows this heading.
    strange = settlement("Mã lạ")
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        at = (await choose(clerk, gateway, "doi-soat.csv", strange)).headers["location"]
        page = (await clerk.get(at)).text
        assert f'action="{at}/take"' not in page
        layout = LAYOUT | {"columns": LAYOUT["columns"] | {"gateway_ref": "Mã lạ"}}
        assert (await save(office, name, strange, layout)).status_code == 201
        page = (await clerk.get(at)).text
        assert f'<option value="{name}" selected>' in page
        assert "Nạp 2 dòng" in words_of(page)
        assert "44.450 đ" in words_of(page)
        assert UNSEEN not in words_of(page)
        before = await count(system.parts.database, "settlement")
        taken = [await clerk.send(page, f"{at}/take") for _ in range(2)]
        assert {one.status_code for one in taken} == {303}
        assert await count(system.parts.database, "settlement") == before + 1
        # Of another body's layouts nothing is known.
        other = (await choose(clerk, gateway, "khac.csv", settlement("Mã khác"))).headers[
            "location"
        ]
        told = await clerk.get(other, params={"mapping": "no-such"})
        assert f'action="{other}/take"' not in told.text
    async with neighbour_of(system) as neighbour, system.parts.database.reading() as session:
        ours = system.app.state.settlement_layouts
        day = clock.business_date(clock.now())
        known = await list_settlement_layouts(session, ours, neighbour.agency_id, day)
        assert name not in {one.code for one in known}


async def test_nobody_sees_what_another_has_chosen(shared_system: System) -> None:
    system = shared_system
    account = f"account:{system.body.collection_code}"
    async with (
        staff_browser(system, await new_person(system, "finance")) as clerk,
        staff_browser(system, await new_person(system, "finance")) as other,
    ):
        await clerk.sign_in()
        await other.sign_in()
        at = (await choose(clerk, account, "so-phu.csv", sheet(7000))).headers["location"]
        assert (await clerk.get(at)).status_code == 200
        assert (await other.get(at)).status_code == 404
        assert (await other.get(f"{at}/columns")).status_code == 404
        for place, status in (("account:no-such", 404), ("", 422)):
            assert (await choose(clerk, place, "x.csv", b"x")).status_code == status
        empty = await choose(clerk, account, "", b"")
        assert empty.status_code == 422


async def test_a_file_is_kept_for_an_hour_and_nobody_can_read_it_in_the_database(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = shared_system.parts
    async with parts.database.transaction() as session:
        staff_id = (await session.execute(text("SELECT id FROM staff_user LIMIT 1"))).scalar_one()
        file_id = await keep_file(
            *(session, parts.cipher, staff_id, "so-phu.csv", b"NGUYEN VAN AN"), account="x"
        )
    async with parts.database.transaction() as session:
        found, content = await get_kept_file(session, parts.cipher, staff_id, file_id)
        stored = (await session.execute(text("SELECT content FROM kept_file"))).scalars().all()
    assert (found.file_name, content) == ("so-phu.csv", b"NGUYEN VAN AN")
    assert not any(b"NGUYEN" in bytes(one) for one in stored)
    moment = clock.now() + KEPT
    monkeypatch.setattr(clock, "now", lambda: moment)
    async with parts.database.transaction() as session:
        with pytest.raises(NotFound):
            await get_kept_file(session, parts.cipher, staff_id, file_id)
        assert await expire(session) >= 1
    async with parts.database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM kept_file"))).scalar_one() == 0


async def test_why_a_file_is_not_taken_is_said_once(shared_system: System) -> None:
    account = f"account:{shared_system.body.collection_code}"
    async with signed_in_as(shared_system, "finance") as clerk:
        answer = await choose(clerk, account, "x" * 201, b"x")
    assert answer.status_code == 422
    # Where it is told of the whole form, and beside the field.
    assert words_of(answer.text).count("Tên tệp dài quá 200 ký tự") == 2


@pytest.mark.parametrize(
    ("content", "offered"),
    [(b"", False), (b"%PDF-1.7 x", False), (b"Luc;Bien lai\n1;2\n", True)],
    ids=["empty", "PDF", "other columns"],
)
async def test_columns_are_to_be_chosen_where_the_file_has_any(
    shared_system: System, content: bytes, offered: bool
) -> None:
    account = f"account:{shared_system.body.collection_code}"
    async with signed_in_as(shared_system, "finance") as clerk:
        at = (await choose(clerk, account, "la.csv", content)).headers["location"]
        page = (await clerk.get(at)).text
    assert ("Chưa có mẫu nào đọc được tệp này" in words_of(page)) is offered
    assert (f'href="{at}/columns"' in page) is offered
