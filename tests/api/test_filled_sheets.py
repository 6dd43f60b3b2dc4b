"""Discrepancies go out as a workbook and come back filled in: whole, or not at all."""

import io
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from core.ids import new_id
from tests.api.test_working_discrepancies import detail, unknown_line
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fetched(office: FinanceOffice, run: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of a run's workbook, headings first."""
    answer = await office.system.browser.get(
        f"/api/v1/reconciliations/{run['id']}/discrepancies.xlsx", headers=office.clerk
    )
    assert answer.status_code == 200, answer.text
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    return book.get_sheet_by_name("Chênh lệch").to_python()


def filled(rows: list[list[Any]], *changes: tuple[int, str, str, str]) -> bytes:
    """The workbook with resolution, bill and reason in some rows."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Chênh lệch")
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell != "":
                    sheet.write(number, column, cell)
        for number, choice, bill, reason in changes:
            for column, words in ((11, choice), (12, bill), (13, reason)):
                if words.startswith("="):
                    sheet.write_formula(number, column, words, value="accept")
                elif words:
                    sheet.write_string(number, column, words)
    return made.getvalue()


async def send(office: FinanceOffice, run: Mapping[str, Any], content: bytes) -> httpx2.Response:
    return await office.system.browser.post(
        f"/api/v1/reconciliations/{run['id']}/discrepancies.xlsx",
        files={"file": ("chenh-lech.xlsx", content)},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )


def row_of(rows: list[list[Any]], odd: Mapping[str, Any]) -> int:
    (place,) = (n for n, row in enumerate(rows) if row[0] == odd["id"])
    return place


async def test_a_filled_workbook_becomes_approvals(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    _, first = await unknown_line(office, "nop phi", 5000)
    _, second = await unknown_line(office)
    run, third = await unknown_line(office)
    rows = await fetched(office, run)
    changes = (
        (row_of(rows, first), "assign", bill["reference"], "người nộp gọi"),
        (row_of(rows, second), "Chấp nhận – chuyển theo dõi tiếp", "", "theo dõi"),
        (row_of(rows, third), "accept", "", "theo dõi"),
    )
    answer = await send(office, run, filled(rows, *changes))
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert made["rows"] == 3
    assert [one["kind"] for one in made["approvals"]] == ["discrepancy_assign", "discrepancies"]
    assert made["approvals"][1]["figures"]["count"] == 2
    for one in made["approvals"]:
        await office.approve(one)
    assert (await system.read(bill))["status"] == "paid"
    for odd, kind in ((first, "assign"), (second, "accept"), (third, "accept")):
        found = (await detail(office, odd))["discrepancy"]
        assert found["resolution"]["kind"] == kind


async def test_one_bad_row_and_nothing_is_asked_for(shared_system: System) -> None:
    office = await finance_office(shared_system)
    _, good = await unknown_line(office)
    run, bad = await unknown_line(office)
    rows = await fetched(office, run)
    one, other = row_of(rows, good), row_of(rows, bad)
    cases = {
        "unknown": (other, "burn", "", "x"),
        "bill": (other, "assign", "", "x"),
        "missing": (other, "accept", "", ""),
        "no_missed_attempt": (other, "settle", "", "x"),
        "formula": (other, '="accept"', "", "x"),
        "invalid": (other, "assign", "LPABCDEFGHJK23", "x"),
    }
    for code, change in cases.items():
        content = filled(rows, (one, "accept", "", "tốt"), change)
        refused = problem(await send(office, run, content), 422, "sheet_refused")
        assert code in {error["code"] for error in refused["errors"]}, (code, refused)
        assert (await proposed(office)) == [], code
    changed = [list(row) for row in rows]
    changed[other][5] += 1
    content = filled(changed, (other, "accept", "", "x"))
    refused = problem(await send(office, run, content), 422, "sheet_refused")
    assert f"row {other + 1}, " in refused["errors"][0]["field"]
    twice = [*rows, rows[other]]
    content = filled(twice, (other, "accept", "", "x"), (len(rows), "accept", "", "x"))
    problem(await send(office, run, content), 422, "sheet_refused")
    problem(await send(office, run, b"PK\x03\x04 hong"), 422, "sheet_refused")


async def proposed(office: FinanceOffice) -> list[str]:
    """What this office has asked for and nobody has decided."""
    answer = await office.system.browser.get(
        "/api/v1/approvals", params={"status": "proposed", "limit": 100}, headers=office.clerk
    )
    return [one["id"] for one in answer.json()["items"]]


async def test_a_row_that_was_settled_meanwhile_is_refused(shared_system: System) -> None:
    office = await finance_office(shared_system)
    run, odd = await unknown_line(office)
    rows = await fetched(office, run)
    content = filled(rows, (row_of(rows, odd), "accept", "", "x"))
    asked = await send(office, run, content)
    await office.approve(asked.json()["approvals"][0])
    refused = problem(await send(office, run, content), 422, "sheet_refused")
    assert refused["errors"][0]["code"] == "not_open"
