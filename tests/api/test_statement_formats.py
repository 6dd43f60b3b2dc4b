"""Statements in every format over the API: taken whole, or refused with row, field and reason."""

import pytest
from sqlmodel import col

from core import json
from core.ids import new_id
from reconciliation.models import StatementLine
from reconciliation.statements.lines import STORED_LINES
from tests.api.test_statements import count, own_number, send
from tests.support.camt import balance, detail, document, entry, statement
from tests.support.problems import problem
from tests.support.staff import finance_office
from tests.support.swift import line, message
from tests.support.system import System
from tests.support.tcvn3 import as_bytes
from tests.support.workbooks import part_of, treasury, with_part
from tests.unit.test_statement_csv import basic, basic_row
from tests.unit.test_statement_preview import UNKNOWN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_format_is_taken_in(shared_system: System) -> None:
    office, own, name = (
        await finance_office(shared_system),
        await own_number(shared_system),
        new_id("f"),
    )
    camt = document(
        statement(
            *(balance("OPBD", "1000"), balance("CLBD", "6000.00"), entry("0")),
            entry("5000", "CRDT", detail("2000", f"{name} A"), detail("3000", f"{name} B")),
            account=f"<Othr><Id>{own}</Id></Othr>",
        )
    )
    swift = message(line("CD7000,", f"{name} NOP PHI"), account=own, closing=1_007_000)
    workbook = treasury(["02/11/2026", name, "NOP PHI", "", 50_000], hidden_rows=[2])
    told = {}
    for mapping, content in (("camt", camt), ("mt940", swift), ("kbnn-so-phu", workbook)):
        sent = content.encode() if isinstance(content, str) else content
        answer = await send(office, sent, mapping=mapping)
        assert answer.status_code == 201, answer.text
        told[mapping] = answer.json()
        assert told[mapping]["new"] == told[mapping]["rows"]
    assert (told["camt"]["rows"], told["camt"]["skipped"]) == (2, {"zero": 1})
    assert (told["camt"]["opening"], told["camt"]["closing"]) == (1_000, 6_000)
    assert (told["mt940"]["rows"], told["mt940"]["warnings"]) == (1, [])
    assert told["kbnn-so-phu"]["notes"] == ["1 dòng đang ẩn trong tệp, vẫn được đọc: 2."]


@pytest.mark.parametrize(
    ("mapping", "content", "field", "code"),
    [
        ("mt940", message(line("C12..34"), closing=1), "row 5, column :61:", "amount"),
        ("mt940", message(line("C5000,"), closing=1_005_000), "file", "other_account"),
        ("camt", document(statement(entry("12..34"))), "row 6, column Amt", "amount"),
        ("camt", "<!DOCTYPE a><Document/>", "file", "doctype"),
        ("bars", "", "mapping", "unknown_mapping"),
    ],
)
async def test_a_refused_file_leaves_nothing(
    shared_system: System, mapping: str, content: str, field: str, code: str
) -> None:
    office, before = (
        await finance_office(shared_system),
        await count(shared_system, "statement_line"),
    )
    answer = await send(office, content.encode(), mapping=mapping)
    [fault] = problem(answer, 422)["errors"]
    assert (fault["field"], fault["code"]) == (field, code)
    assert await count(shared_system, "statement_line") == before


async def test_a_character_that_no_database_keeps_is_refused_with_its_cell(
    shared_system: System,
) -> None:
    office, name = await finance_office(shared_system), "xl/sharedStrings.xml"
    good = treasury(["02/11/2026", "FT1", "NOP PHI", "", 50_000])
    texts = part_of(good, name).replace(b"FT1", b"FT_x0000_1")
    answer = await send(office, with_part(good, name, texts), mapping="kbnn-so-phu")
    [fault] = problem(answer, 422)["errors"]
    assert (fault["field"], fault["code"]) == ("row 2, column Số tham chiếu", "control")


async def test_an_encoding_is_asked_for_and_said(shared_system: System) -> None:
    office, name = await finance_office(shared_system), new_id("e")
    content = as_bytes(basic(basic_row(1, narrative=f"{name} nộp lệ phí")))
    [fault] = problem(await send(office, content, mapping="lephi-basic"), 422)["errors"]
    assert fault["code"] == "encoding"
    assert "tcvn3" in fault["detail"]
    unknown = await send(office, content, mapping="lephi-basic", encoding="latin-1")
    assert problem(unknown, 422, "unknown_encoding")["errors"][0]["field"] == "encoding"
    said = await send(office, content, mapping="lephi-basic", encoding="tcvn3")
    assert said.status_code == 201, said.text
    async with shared_system.parts.database.reading() as session:
        of_file = col(StatementLine.statement_id) == said.json()["id"]
        (line,) = await session.all(STORED_LINES.where(of_file))
    assert line.opened(shared_system.parts.cipher).narrative == f"{name} nộp lệ phí"
    again = {"mapping": "lephi-basic", "encoding": "tcvn3"}
    shown = (await send(office, content, "/statements/preview", **again)).json()
    assert [one["narrative"] for one in shown["lines"]] == [f"{name} nộp lệ phí"]


async def test_a_look_into_a_file_stores_nothing_and_its_layout_can_be_tried(
    shared_system: System,
) -> None:
    office = await finance_office(shared_system)
    tables = ("statement", "statement_line", "statement_taking", "proposed_statement")
    before = [await count(shared_system, table) for table in tables]
    answer = await send(office, UNKNOWN.encode(), "/statements/preview", mapping="")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["mapping"], shown["proposed"], shown["faults"]) == ("proposed", True, [])
    assert (shown["rows"], shown["credited"], shown["debited"]) == (2, 1_250_000, 250_000)
    assert shown["lines"][0]["booked_at"] == "2026-11-02T01:15:00.000Z"
    layout = json.dumps({**shown["layout"], "code": "own"}).decode()
    tried = await send(office, UNKNOWN.encode(), "/statements/preview", mapping="", layout=layout)
    assert (tried.json()["mapping"], tried.json()["lines"]) == ("own", shown["lines"])
    broken = UNKNOWN.replace("1.250.000;1", "12..34;1").encode()
    refused = await send(office, broken, "/statements/preview", mapping="")
    assert [one["field"] for one in refused.json()["faults"]] == ["row 4, column Ghi có"]
    wrong = await send(office, UNKNOWN.encode(), "/statements/preview", mapping="", layout="{}")
    assert problem(wrong, 422, "bad_layout")["errors"]
    theirs = await send(office, UNKNOWN.encode(), "/statements/preview", account="no-such")
    problem(theirs, 404)
    assert [await count(shared_system, table) for table in tables] == before
