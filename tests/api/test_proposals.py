"""The catalogue out and in over HTTP: files, previews, two people, and who may see what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from payments.catalogue.upkeep.sheets.archives import MOST_UNPACKED
from payments.catalogue.upkeep.sheets.columns import COLUMNS
from payments.catalogue.upkeep.sheets.exports import CSV_TYPE, XLSX_TYPE, write_workbook
from payments.catalogue.upkeep.sheets.files import MOST_BYTES, read_file
from payments.catalogue.upkeep.sheets.intake import take
from tests.support.catalogue_files import FEE, HEADER, RELIEF, bomb, csv_of, fees_csv, fees_sheet
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.system import System, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROPOSALS = "/api/v1/catalogue/proposals"
EXPORT = "/api/v1/catalogue/export"


@dataclass(frozen=True, slots=True)
class Staff:
    """A person of the system's agency, with a key of their own."""

    id: str
    client: httpx2.AsyncClient

    async def send(
        self, content: bytes, key: str | None = None, name: str = "phi.csv", **form: str
    ) -> httpx2.Response:
        return await self.client.post(
            PROPOSALS,
            files={"file": (name, content)},
            data=form,
            headers={"Idempotency-Key": key or new_id("test")},
        )


@asynccontextmanager
async def hired(system: System, *roles: Role, agency_id: str | None = None) -> AsyncIterator[Staff]:
    agency_id = agency_id or system.body.agency_id
    async with system.parts.database.transaction() as session:
        person = await create_staff_user(
            session,
            agency_id=agency_id,
            email=f"{new_id('p')}@example.vn",
            name="Người Thử",
            password="mat-khau-thu-nghiem",
            roles=list(roles),
        )
        _, key = await create_api_key(
            session, agency_id=agency_id, label="person", staff_id=person.id
        )
    async with client_of(system.base_url, key) as client:
        yield Staff(person.id, client)


def new_code() -> str:
    return f"phi-{new_id('x')[-12:]}"


async def proposed(person: Staff, **changes: str) -> dict[str, Any]:
    answer = await person.send(fees_csv({"code": new_code()} | changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_change_takes_two_people_and_then_a_bill_costs_it(shared_system: System) -> None:
    system = shared_system
    code = new_code()
    async with hired(system, Role.FINANCE) as clerk, hired(system, Role.CHIEF) as chief:
        made = await proposed(clerk, code=code, valid_from="01/01/2020")
        assert made["state"] == "proposed"
        assert made["agency"] == system.body.agency_code
        assert made["proposed_by"] == f"staff:{clerk.id}"
        assert made["stale"] is False
        assert made["counts"] == [
            {"table": "fees", "title": "Khoản thu", "added": 1, "changed": 0, "unchanged": 0}
        ]
        (tariff,) = made["differences"]["tariffs"]
        assert (tariff["code"], tariff["on"], tariff["before_vi"]) == (code, "2020-01-01", None)
        assert len(made["differences"]["warnings"]) == 1
        seen = await chief.client.get(f"{PROPOSALS}/{made['id']}")
        assert seen.json() == made
        lines = [{"fee": code, "quantity": 1}]
        bill = {"agency": system.body.agency_code, "lines": lines}
        problem(await system.post("/api/v1/bills", bill), 422)
        path = f"{PROPOSALS}/{made['id']}/apply"
        problem(await clerk.client.post(path), 403)
        applied = await chief.client.post(path)
        assert applied.status_code == 200, applied.text
        assert applied.json()["state"] == "applied"
        assert applied.json()["decided_by"] == f"staff:{chief.id}"
        problem(await chief.client.post(path), 409, "already_decided")
        system.parts.payments.price_book.forget()
        assert (await system.create_bill(lines=lines))["amount"] == 10_000
    assert await system.broken() == []


async def test_the_chief_cannot_apply_his_own(shared_system: System) -> None:
    async with hired(shared_system, Role.CHIEF) as chief, hired(shared_system, Role.ADMIN) as admin:
        made = await proposed(chief)
        path = f"{PROPOSALS}/{made['id']}/apply"
        problem(await chief.client.post(path), 403, "two_people")
        answers = await asyncio.gather(*(admin.client.post(path) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_system_may_look_but_neither_propose_nor_decide(shared_system: System) -> None:
    system = shared_system
    async with hired(system, Role.FINANCE) as clerk:
        made = await proposed(clerk)
    assert (await system.office.get(f"{PROPOSALS}/{made['id']}")).json() == made
    problem(await Staff("", system.office).send(fees_csv({})), 403)
    problem(await system.office.post(f"{PROPOSALS}/{made['id']}/apply"), 403)
    refusal = {"reason": "x"}
    problem(await system.office.post(f"{PROPOSALS}/{made['id']}/reject", json=refusal), 403)


async def test_others_proposals_do_not_exist(shared_system: System) -> None:
    system = shared_system
    async with (
        hired(system, Role.CHIEF) as chief,
        neighbour_of(system) as neighbour,
        hired(system, Role.CHIEF, agency_id=neighbour.agency_id) as other,
    ):
        made = await proposed(chief)
        for answer in (
            await other.client.get(f"{PROPOSALS}/{made['id']}"),
            await other.client.post(f"{PROPOSALS}/{made['id']}/apply"),
            await other.client.post(f"{PROPOSALS}/{made['id']}/reject", json={"reason": "x"}),
            await chief.client.get(f"{PROPOSALS}/change_none"),
            await chief.client.get(f"{PROPOSALS}/%00"),
        ):
            problem(answer, 404)
        assert (await other.client.get(PROPOSALS)).json() == {"items": [], "next_cursor": None}
        first = (await chief.client.get(PROPOSALS, params={"limit": 1})).json()
        assert [one["id"] for one in first["items"]] == [made["id"]]
        assert "differences" not in first["items"][0]


async def test_a_proposal_is_rejected_with_a_reason(shared_system: System) -> None:
    async with (
        hired(shared_system, Role.FINANCE) as clerk,
        hired(shared_system, Role.CHIEF) as chief,
    ):
        made = await proposed(clerk)
        path = f"{PROPOSALS}/{made['id']}/reject"
        for body in ({}, {"reason": ""}, {"reason": " "}, {"reason": "a\nb"}, {"reason": "\u0000"}):
            problem(await chief.client.post(path, json=body), 422)
        done = await chief.client.post(path, json={"reason": "chưa có nghị quyết"})
        assert (done.json()["state"], done.json()["reason"]) == ("rejected", "chưa có nghị quyết")
        only = (await chief.client.get(PROPOSALS, params={"state": "rejected"})).json()
        assert made["id"] in [one["id"] for one in only["items"]]


async def test_a_repeat_with_its_key_gives_the_same_answer(shared_system: System) -> None:
    async with hired(shared_system, Role.FINANCE) as clerk:
        content = fees_csv({"code": new_code()})
        first = await clerk.send(content, key="mot")
        again = await clerk.send(content, key="mot")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        problem(await clerk.send(content, key="mot", table="fees"), 422, "idempotency_key_reused")
        sent = {"file": ("phi.csv", content)}
        problem(await clerk.client.post(PROPOSALS, files=sent), 400, "idempotency_key_missing")
        bad = await clerk.send(fees_csv({"amount": "x"}), key="hai")
        assert bad.status_code == 422
        assert (await clerk.send(content, key="hai")).status_code == 201


async def test_every_fault_of_a_file_is_named_and_nothing_is_taken(shared_system: System) -> None:
    database = shared_system.parts.database
    async with hired(shared_system, Role.FINANCE) as clerk:
        before = await contents(database)
        rows = [FEE | {"amount": "1e3"}, FEE | {"valid_from": "x"}, FEE | {"procedure": "0.0"}]
        found = problem(await clerk.send(csv_of(*rows)), 422, "catalogue_file_refused")
        assert [(one["field"], one["code"]) for one in found["errors"]] == [
            ("fees!2.amount", "not_an_integer"),
            ("fees!3.valid_from", "not_a_date"),
            ("fees!4.procedure", "unknown"),
        ]
        assert found["errors"][0]["detail"].startswith("Khoản thu, dòng 2, cột Mức thu: ")
        many = problem(await clerk.send(fees_csv(*[{"amount": "x"}] * 300)), 422)
        assert len(many["errors"]) == 200
        assert "300" in many["detail"]
        relief = csv_of(RELIEF | {"fees": "khong-co"}, table="reliefs")
        problem(await clerk.send(relief), 422, field="reliefs!2")
        assert await contents(database) == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"a,b\r\n1,2", 422),
        (fees_csv({"name_vi": "=1+1"}), 422),
        (fees_csv({"code": "p\x00"}), 422),
        (bomb(MOST_UNPACKED), 422),
        (write_workbook({"fees": []})[:2000], 422),
        (write_workbook({"fees": []}), 422),
        (b"x" * (MOST_BYTES + 1), 413),
    ],
    ids=["empty", "unknown", "formula", "nul", "bomb", "truncated", "no-rows", "huge"],
)
async def test_a_bad_file_is_refused_whole(
    shared_system: System, content: bytes, status: int
) -> None:
    database = shared_system.parts.database
    async with hired(shared_system, Role.FINANCE) as clerk:
        before = await contents(database)
        problem(await clerk.send(content), status)
        assert await contents(database) == before


async def test_a_calculated_cell_is_refused_and_a_hidden_row_is_said(
    shared_system: System,
) -> None:
    code = new_code()

    def hide(_: Workbook, sheet: Worksheet) -> None:
        sheet.write_string(1, 0, code)
        sheet.set_row(1, None, None, {"hidden": True})

    def calculate(workbook: Workbook, sheet: Worksheet) -> None:
        hide(workbook, sheet)
        sheet.write_formula(1, HEADER.index("cap"), "=100000*2", None, "")

    database = shared_system.parts.database
    async with hired(shared_system, Role.FINANCE) as clerk:
        before = await contents(database)
        found = problem(await clerk.send(fees_sheet(calculate)), 422, "catalogue_file_refused")
        (fault,) = found["errors"]
        assert (fault["field"], fault["code"]) == ("fees!2.cap", "formula")
        assert fault["detail"].startswith("Khoản thu, dòng 2, cột Tối đa mỗi bản (đồng): Ô ")
        assert await contents(database) == before
        answer = await clerk.send(fees_sheet(hide))
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["differences"]["warnings"] == [
            "Khoản thu: 1 dòng đang ẩn trong tệp (ẩn dòng hoặc bộ lọc), vẫn được đọc: dòng 2."
        ]
        seen = (await clerk.client.get(f"{PROPOSALS}/{made['id']}")).json()
        assert (seen["differences"], seen["stale"]) == (made["differences"], False)


async def test_a_form_without_a_file_or_with_an_unknown_table_is_refused(
    shared_system: System,
) -> None:
    async with hired(shared_system, Role.FINANCE) as clerk:
        key = {"Idempotency-Key": new_id("test")}
        problem(await clerk.client.post(PROPOSALS, headers=key), 422, field="file")
        problem(await clerk.client.post(PROPOSALS, headers=key, json={}), 422)
        problem(await clerk.send(fees_csv({}), table="bills"), 422, field="table")
        problem(await clerk.send(fees_csv({}), table="reliefs"), 422, "catalogue_file_refused")


async def test_an_exported_file_comes_back_as_no_change(shared_system: System) -> None:
    async with (
        hired(shared_system, Role.FINANCE) as clerk,
        hired(shared_system, Role.CHIEF) as chief,
    ):
        made = await proposed(clerk)
        await chief.client.post(f"{PROPOSALS}/{made['id']}/apply")
        for params in ({"format": "xlsx"}, {"format": "csv", "table": "fees"}):
            answer = await clerk.client.get(EXPORT, params=params)
            assert answer.status_code == 200
            kind = XLSX_TYPE if params["format"] == "xlsx" else CSV_TYPE
            assert answer.headers["content-type"].partition(";")[0] == kind
            assert answer.headers["content-disposition"].startswith('attachment; filename="cat')
            assert take(read_file(answer.content)).placed
            problem(await clerk.send(answer.content), 409, "no_changes")


async def test_the_national_catalogue_is_exported_whole(shared_system: System) -> None:
    client = shared_system.office
    answer = await client.get(EXPORT, params={"format": "xlsx", "scope": "national"})
    taken = take(read_file(answer.content))
    assert taken.faults == ()
    assert {one.table for one in taken.placed} <= set(COLUMNS)
    async with shared_system.parts.database.transaction() as session:
        for table in ("procedure", "fee"):
            own = " WHERE agency_id IS NULL" if table == "fee" else ""
            count = await session.scalar(text(f"SELECT count(*) FROM {table}{own}"))
            assert count == sum(one.table == f"{table}s" for one in taken.placed) > 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "format"),
        ({"format": "ods"}, "format"),
        ({"format": "csv"}, "table"),
        ({"format": "csv", "table": "procedures"}, "table"),
        ({"format": "xlsx", "table": "sub_items"}, "table"),
        ({"format": "xlsx", "table": "bills"}, "table"),
        ({"format": "xlsx", "scope": "world"}, "scope"),
    ],
)
async def test_an_export_that_cannot_be_is_refused(
    shared_system: System, params: dict[str, str], field: str
) -> None:
    problem(await shared_system.office.get(EXPORT, params=params), 422, field=field)
