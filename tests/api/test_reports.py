"""Reports agree with the ledger whatever has happened to money, and read well as files."""

import csv
import io
import random
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import BigInteger, Integer, column, event, select, text, values

from app.seed.catalogue import seed_catalogue
from core import clock
from core.ids import new_id
from core.money import MAX_AMOUNT
from payments.books import fee_parts
from payments.catalogue.models import FeeShare
from tests.api.test_approvals import bank_ref
from tests.support.callbacks import credit
from tests.support.catalogue_files import csv_of
from tests.support.closing import close
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.report_figures import differences
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

COPY = "chung-thuc-ban-sao"
SHARE = {
    "code": COPY,
    "kept_percent": "70 %",
    "basis": "226/2016/TT-BTC",
    "source": "Công báo",
    "certainty": "secondary",
    "checked_on": "22/11/2026",
    "valid_from": "01/01/2026",
}


def today() -> date:
    return clock.business_date(clock.now())


async def read(
    office: FinanceOffice, name: str, who: dict[str, str] | None = None, **query: str
) -> httpx2.Response:
    asked = {"from": f"{today()}", "to": f"{today()}"} | query
    return await office.system.browser.get(
        f"/api/v1/reports/{name}", params=asked, headers=who or office.clerk
    )


async def told(office: FinanceOffice, name: str, **query: str) -> dict[str, Any]:
    answer = await read(office, name, None, **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def propose_share(office: FinanceOffice, **changes: str) -> httpx2.Response:
    content = csv_of(SHARE | changes, table="shares")
    return await office.system.browser.post(
        "/api/v1/catalogue/proposals",
        files={"file": ("ty-le.csv", content)},
        data={"table": "shares"},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )


async def share(office: FinanceOffice, **changes: str) -> None:
    """Two people say which share of a fee their body keeps."""
    made = await propose_share(office, **changes)
    assert made.status_code == 201, made.text
    path = f"/catalogue/proposals/{made.json()['id']}/apply"
    done = await office.post(path, by=office.chief)
    assert done.status_code == 200, done.text


async def paid(system: System, *amounts: int, **changes: Any) -> dict[str, Any]:
    """A bill to which these amounts are transferred."""
    bill = await system.create_bill(**changes)
    for amount in amounts or (bill["amount"],):
        await credit(system, amount, bill["reference"], bank_ref=bank_ref())
    return await system.read(bill)


async def agree(system: System) -> None:
    async with system.parts.database.transaction() as session:
        assert await differences(session) == []


async def test_every_kind_of_money_is_in_the_reports_as_the_ledger_has_it(system: System) -> None:
    office = await finance_office(system)
    await share(office)
    plain = await paid(system)
    await paid(system, 1_999, 3_001)
    excess = await paid(system, 5_000, 5_000)
    await paid(system, 777)
    gateway = await system.create_bill()
    await system.decide(await system.start(gateway), "success")
    await system.until(gateway, "paid")
    own = {"description": "Phí thử", "amount": 10_001, "sub_item": "2716"}
    await paid(system, lines=[{"fee": "2.000815", "quantity": 1}, own])
    await agree(system)
    for payment, amount in ((plain["payments"][0], 1_234), (excess["payments"][1], 5_000)):
        asked = await office.post(
            f"/payments/{payment['id']}/refunds", {"amount": amount, "reason": "nộp nhầm"}
        )
        assert asked.status_code == 202, asked.text
        await office.approve({"id": asked.json()["approval"]})
    await agree(system)
    revenue = await told(office, "revenue")
    (copies,) = [row for row in revenue["rows"] if (row["fee"], row["gateway"]) == (COPY, "bank")]
    assert (copies["kept_percent"], copies["certainty"]) == (70, "nguồn thứ cấp")
    # What was given back and what was collected on one day by one payment are one part.
    parts = [5_000 - 1_234, 1_999, 3_001, 5_000, 2_000]
    assert copies["amount"] == sum(parts)
    assert copies["kept"] == sum(part * 70 // 100 for part in parts)
    assert copies["paid_in"] == copies["amount"] - copies["kept"]
    (free,) = [row for row in revenue["rows"] if row["description"] == "Phí thử"]
    assert (free["kept"], free["paid_in"], free["undivided"]) == (None, None, 10_001)
    total = revenue["totals"]["Cộng"]
    assert total["amount"] == total["kept"] + total["paid_in"] + total["undivided"]
    await system.work()
    assert await system.broken() == []


async def test_days_months_and_years_add_up_and_closed_days_are_adjusted_afterwards(
    system: System,
) -> None:
    office = await finance_office(system)
    await share(office)
    await paid(system)
    run = await reconcile(system)
    missing = await office.system.browser.get(
        f"/api/v1/reconciliations/{run['id']}/discrepancies", headers=office.clerk
    )
    for odd in missing.json()["items"]:
        wanted = {"kind": "accept", "reason": "đã xem"}
        answer = await office.post(f"/discrepancies/{odd['id']}/resolutions", wanted)
        await office.approve(answer.json())
    before = (await told(office, "revenue"))["totals"]["Cộng"]
    done = await close(office, run)
    minutes = await system.browser.get(
        f"/api/v1/reconciliations/{run['id']}/minutes.xlsx", headers=office.clerk
    )
    book = CalamineWorkbook.from_filelike(io.BytesIO(minutes.content))
    facts = {row[0]: row[1] for row in book.get_sheet_by_name("Biên bản").to_python()}
    assert facts["Để lại cho cơ quan thu"] == before["kept"] == 3_500
    assert facts["Nộp ngân sách nhà nước"] == before["paid_in"] == 1_500
    assert done["status"] == "closed"
    late = await paid(system)
    assert (await told(office, "revenue"))["totals"]["Cộng"] == before
    days = {"from": f"{today()}", "to": f"{today().replace(year=today().year + 1)}"}
    both = [
        (await told(office, "revenue", by=by, **days))["totals"]["Cộng"]
        for by in ("day", "month", "year")
    ]
    assert both[0] == both[1] == both[2]
    assert both[0]["amount"] == 10_000
    assert late["status"] == "paid"
    await agree(system)


async def test_a_report_of_the_ledger_that_is_wrong_is_caught(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: shares that are rounded for themselves lose a đồng."""
    office = await finance_office(system)
    await share(office)
    await paid(system, 1_999, 3_001)
    await agree(system)
    real = fee_parts.split

    def doubled(*arguments: Any) -> Any:
        parts = real(*arguments)
        return parts.select().union_all(parts.select().limit(1)).subquery("part")

    monkeypatch.setattr("payments.books.period_totals.split", doubled)
    async with system.parts.database.transaction() as session:
        assert await differences(session)


async def test_what_is_kept_is_rounded_down_and_taken_back_alike(system: System) -> None:
    """The rule itself, as the database does it, beside whole numbers."""
    noise = random.Random(70)
    some = [(noise.randint(1, MAX_AMOUNT), noise.randint(0, 100)) for _ in range(300)]
    some += [(9_999, 70), (1, 99), (5_000, 100), (MAX_AMOUNT, 99), (MAX_AMOUNT, 100), (0, 50)]
    given = values(column("part", BigInteger), column("percent", Integer), name="given").data(some)
    part, percent = given.c.part, given.c.percent
    both = (fee_parts.kept_of(part, percent), fee_parts.kept_of(-part, percent))
    wanted = select(part, percent, *both)
    async with system.parts.database.transaction() as session:
        rows = (await session.execute(wanted)).all()
    assert len(rows) == len(some)
    for amount, share_percent, kept, taken_back in rows:
        assert kept == amount * share_percent // 100
        assert taken_back == -kept


async def test_a_report_takes_as_many_statements_for_many_bills_as_for_one(
    system: System,
) -> None:
    office = await finance_office(system)
    await told(office, "revenue")  # what is remembered from the first time on
    counts: list[int] = []
    for _ in range(2):
        for _ in range(1 + 6 * len(counts)):
            await paid(system)
        seen: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_: Any, seen: list[str] = seen) -> None:
            seen.append(statement)

        engine = system.parts.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        for name in ("revenue", "accounts", "cashless", "remittance"):
            await told(office, name)
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def test_the_bodys_own_share_stands_in_the_place_of_the_nations(system: System) -> None:
    office = await finance_office(system)
    await paid(system)
    (row,) = (await told(office, "revenue"))["rows"]
    assert (row["kept"], row["undivided"], row["certainty"]) == (None, 5_000, "chưa rõ")
    async with system.parts.database.transaction() as session:
        session.add(
            FeeShare(
                id=new_id("share"), code=COPY, kept_percent=10, basis="x", source="x",
                certainty="confirmed", checked_on=today(), valid_from=date(2020, 1, 1),
                created_at=clock.now(), updated_at=clock.now(),
            )
        )  # fmt: skip
    (row,) = (await told(office, "revenue"))["rows"]
    assert (row["kept"], row["paid_in"], row["kept_percent"]) == (500, 4_500, 10)
    await share(office, kept_percent="0")
    (row,) = (await told(office, "revenue"))["rows"]
    assert (row["kept"], row["paid_in"], row["certainty"]) == (0, 5_000, "nguồn thứ cấp")


@pytest.mark.parametrize(("schedule", "kept"), [("khoan-chi-phi", 2_500), ("nop-toan-bo", 0)])
async def test_the_law_divides_what_a_body_takes_as_the_body_is_financed(
    system: System, schedule: str, kept: int
) -> None:
    async with system.parts.database.transaction() as session:
        await seed_catalogue(session, local={schedule: system.body.agency_id})
    office = await finance_office(system)
    await paid(system)
    (row,) = (await told(office, "revenue"))["rows"]
    assert (row["kept"], row["paid_in"], row["undivided"]) == (kept, 5_000 - kept, 0)
    assert row["certainty"] == "đã xác nhận"


async def test_a_share_that_has_begun_is_not_rewritten(system: System) -> None:
    office = await finance_office(system)
    await share(office, code="khai-sinh-dung-han")
    refused = problem(
        await propose_share(office, code="khai-sinh-dung-han", kept_percent="50 %"), 422
    )
    assert "has_begun" in str(refused["errors"])
    assert "unknown" in str(problem(await propose_share(office, code="khong-co"), 422)["errors"])


@pytest.mark.parametrize("name", ["revenue", "accounts", "cashless", "remittance"])
async def test_every_report_is_a_file_and_a_page(system: System, name: str) -> None:
    office = await finance_office(system)
    await share(office)
    evil = {"description": "=HYPERLINK(1) <b>", "amount": 9_000, "sub_item": "2716"}
    await paid(system, lines=[{"fee": "2.000815", "quantity": 3}, evil])
    rows = (await told(office, name))["rows"]
    assert rows
    text_of = {}
    for kind in ("csv", "xlsx", "svg", "html"):
        answer = await read(office, name, format=kind)
        assert answer.status_code == 200, answer.text
        text_of[kind] = answer
    read_back = list(csv.DictReader(io.StringIO(text_of["csv"].content.decode("utf-8-sig"))))
    plain = [{key: "" if cell is None else str(cell) for key, cell in row.items()} for row in rows]
    assert [{k: v.removeprefix("'") for k, v in row.items()} for row in read_back] == plain
    assert not any(cell.startswith("=") for row in read_back for cell in row.values())
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(text_of["xlsx"].content))
    assert len(sheet.get_sheet_by_name("Số liệu").to_python()) >= len(rows) + 2
    picture = ET.fromstring(text_of["svg"].text)  # noqa: S314  # our own
    assert picture.get("role") == "img"
    page = text_of["html"]
    assert "<b>" not in page.text
    assert "<script" not in page.text
    assert "sha256-" in page.headers["Content-Security-Policy"]


async def test_what_is_remitted_bears_the_bodys_codes(system: System) -> None:
    from reconciliation.reports.remittance_codes import CodesExist, RemittanceBearing, set_codes

    office = await finance_office(system)
    await share(office)
    await paid(system)
    blank = await told(office, "remittance")
    assert blank["facts"]["Tài khoản KBNN"].startswith("chưa ghi")
    codes = RemittanceBearing("805", "00001", "7111", "KBNN Khu vực I", "Thuế cơ sở 1")
    async with system.parts.database.transaction() as session:
        await set_codes(session, system.body.agency_id, date(2026, 1, 1), codes, actor="test")
        with pytest.raises(CodesExist):
            await set_codes(session, system.body.agency_id, date(2026, 1, 1), codes, actor="test")
    found = await told(office, "remittance")
    (line,) = found["rows"]
    assert (line["chapter"], line["area_code"], line["amount"]) == ("805", "00001", 1_500)
    assert found["facts"]["Cơ quan quản lý thu"] == "Thuế cơ sở 1"
    assert found["totals"]["Tổng số tiền"]["amount"] == 1_500


async def test_cashless_counts_what_was_paid_here_of_what_was_due(system: System) -> None:
    office = await finance_office(system)
    await paid(system)
    await system.create_bill()
    cancelled = await system.create_bill()
    assert (await system.post(f"/api/v1/bills/{cancelled['id']}/cancel", {})).status_code == 200
    (row,) = (await told(office, "cashless"))["rows"]
    assert (row["bills"], row["paid_bills"], row["share"]) == (2, 1, "50,00")
    assert (row["owed"], row["paid"], row["amount_share"]) == (10_000, 5_000, "50,00")


async def test_statements_stand_beside_the_ledger(system: System) -> None:
    office = await finance_office(system)
    bill = await paid(system)
    await take_statement(
        system, f"5000|credit|{bill['reference']}|FT1", "4000|debit|ket chuyen|FT2"
    )
    (row,) = (await told(office, "accounts"))["rows"]
    assert (row["on_account"], row["revenue"]) == (5_000, 5_000)
    assert (row["stated_credits"], row["stated_debits"]) == (5_000, 4_000)


async def test_who_may_see_which_figures(system: System) -> None:
    office = await finance_office(system)
    await paid(system)
    clerk = await key_of_person(system, "clerk")
    problem(await read(office, "revenue", who=clerk), 403)
    async with neighbour_of(system) as other:
        theirs = await key_of_person(system, "finance", agency_id=other.agency_id)
        problem(await read(office, "revenue", who=theirs, agency=system.body.agency_code), 404)
        assert (await read(office, "revenue", who=theirs)).json()["rows"] == []
    for wrong in ({"from": "2026-02-02", "to": "2026-02-01"}, {"from": "2020-01-01"}):
        problem(await read(office, "revenue", None, **wrong), 422)


async def test_reports_are_read_by_an_index(system: System) -> None:
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.execute(
            text(
                "EXPLAIN SELECT sum(o.amount) FROM ledger_transaction t"
                " JOIN posting o ON o.transaction_id = t.id"
                " WHERE t.accounting_on BETWEEN '2026-01-01' AND '2026-01-31'"
            )
        )
        told_plan = "\n".join(plan.scalars())
    assert "ix_ledger_transaction_accounting" in told_plan
    assert "ix_posting_transaction" in told_plan
