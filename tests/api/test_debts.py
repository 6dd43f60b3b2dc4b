"""Debts over the API: a list taken in, paid, proved, found, changed by two people, withdrawn."""

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from core import guesses
from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.debts import land, land_file, utility_file
from tests.support.every_route import Things, keys_of
from tests.support.rows import dump
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

AMOUNT = 1_530_000


@pytest.fixture(scope="module")
def kept() -> dict[str, Things]:
    return {}


@pytest.fixture
async def things(shared_system: System, kept: dict[str, Things]) -> Things:
    if "all" not in kept:
        agency_id = shared_system.body.agency_id
        kept["all"] = Things(shared_system, await keys_of(shared_system, agency_id))
    return kept["all"]


async def ask(things: Things, who: str, path: str, body: object = None, status: int = 202) -> Any:
    headers = things.client(who) | {"Idempotency-Key": new_id("k")}
    answer = await things.system.browser.post(f"/api/v1{path}", headers=headers, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def read(things: Things, path: str, status: int = 200, **params: str) -> Any:
    answer = await things.system.browser.get(
        f"/api/v1{path}", headers=things.client("clerk"), params=params
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def send(
    things: Things,
    content: bytes,
    path: str = "/debt-lists",
    *,
    code: str = "dat",
    kind: str = "land_tax",
) -> Any:
    answer = await things.system.browser.post(
        f"/api/v1{path}",
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
        data={"agency": things.system.body.agency_code, "kind": kind, "list": code},
        files={"file": ("danh-sach.csv", content)},
    )
    return answer


async def loaded(things: Things, content: bytes, **said: str) -> dict[str, Any]:
    answer = await send(things, content, **said)
    assert answer.status_code == 202, answer.text
    await things.system.work()
    found: dict[str, Any] = await read(things, f"/debt-lists/{answer.json()['id']}")
    return found


async def debt_of(things: Things, code: str) -> dict[str, Any]:
    (found,) = (await read(things, "/debts", code=code))["items"]
    debt: dict[str, Any] = found
    return debt


async def pay(things: Things, code: str) -> dict[str, Any]:
    debt = await debt_of(things, code)
    await credit(things.system, debt["amount"], debt["reference"])
    await things.system.work()
    return debt


async def test_a_list_becomes_bills_that_are_paid_and_proved_for_the_treasury(
    things: Things,
) -> None:
    system = things.system
    done = await loaded(things, land_file(land("TT-1"), land("TT-2", name="Lê Thị Sáu")), code="tt")
    assert (done["state"], done["rows"], done["amount"]) == ("done", 2, 2 * AMOUNT)
    assert done["outcome"] == {"new": 2}
    debt = await debt_of(things, "TT-2")
    pulled = await read(things, "/dossiers/H01-TT-2/bills")
    assert (pulled["state"], pulled["amount"]) == ("unpaid", AMOUNT)
    assert pulled["items"][0]["lines"][0]["notice"]["treasury"] == "KBNN Ba Đình"
    named = {"name": "Phạm Người Nộp", "tax_number": "0100109106"}
    await ask(things, "clerk", f"/debts/{debt['id']}/payer", named, 201)
    await pay(things, "TT-2")
    bill = await read(things, f"/bills/{debt['bill']}")
    assert (bill["status"], bill["receipts"]) == ("paid", [])
    (document,) = bill["documents"]
    assert document["kind"] == "treasury_slip"
    page = (await system.browser.get(document["page_url"])).text
    for told in ("Phạm Người Nộp", "Lê Thị Sáu", "KBNN Ba Đình", "123/QĐ-CCT", "1401", "757"):
        assert told in page
    late = await ask(things, "clerk", f"/debts/{debt['id']}/payer", named, 409)
    assert late["code"] == "debt_paid"
    assert (await read(things, "/dossiers/H01-TT-2/bills"))["state"] == "settled"
    await read(things, "/dossiers/H01-none/bills", 404)
    assert await system.broken() == []
    for table, rows in (await dump(system.parts.database)).items():
        assert "Lê Thị Sáu" not in rows, table
        assert "Phạm Người Nộp" not in rows, table


async def test_a_debt_is_found_by_code_name_tax_number_and_dossier(things: Things) -> None:
    await loaded(things, land_file(land("TK-1", name="Đỗ Hữu Tìm", tax="012345678901")), code="tim")
    for params in (
        {"code": "TK-1"},
        {"name": "do huu tim"},
        {"tax_number": "012345678901"},
        {"dossier_number": "H01-TK-1"},
    ):
        items = (await read(things, "/debts", 200, **params))["items"]
        assert [one["code"] for one in items] == ["TK-1"], params
    assert (await read(things, "/debts", code="TK-1", name="Ai Khác"))["items"] == []
    refused = await read(things, "/debts", 422, tax_number="123")
    assert refused["errors"][0]["field"] == "tax_number"


async def test_a_file_with_faults_is_refused_whole_and_comes_back_marked(things: Things) -> None:
    content = land_file(land("SAI-1"), land("SAI-2", amount="hai triệu"), land("SAI-3", tax="1"))
    answer = await send(things, content, code="sai")
    assert (answer.status_code, answer.json()["code"]) == (422, "sheet_refused")
    assert [one["field"] for one in answer.json()["errors"]] == [
        *("row 3, column Số tiền", "row 4, column Mã số thuế"),
    ]
    assert (await read(things, "/debts", code="SAI-1"))["items"] == []
    marked = await send(things, content, "/debt-lists/error-sheet", code="sai")
    assert marked.status_code == 200
    rows = CalamineWorkbook.from_filelike(io.BytesIO(marked.content)).get_sheet_by_index(0)
    assert "cột Số tiền" in str(rows.to_python()[2][-1])


async def test_a_newer_version_is_looked_at_then_taken_by_two_people(things: Things) -> None:
    first = land_file(*(land(f"PB-{place}") for place in range(1, 6)))
    await loaded(things, first, code="pb")
    again = (await send(things, first, code="pb")).json()
    assert (again["version"], again["state"]) == (1, "done")
    paid = await pay(things, "PB-1")
    await pay(things, "PB-2")
    await pay(things, "PB-5")
    newer = land_file(
        land("PB-1", amount="2.000.000"),
        land("PB-2", amount="1.000.000"),
        land("PB-3", amount="1.600.000"),
        land("PB-6"),
    )
    shown = (await send(things, newer, "/debt-lists/preview", code="pb")).json()
    assert shown["changes"] == {"supplement": 1, "left": 2, "anew": 1, "new": 1, "withdrawn": 1}
    assert (shown["takes_two_people"], shown["to_give_back"]) == (True, 530_000 + AMOUNT)
    version = (await send(things, newer, code="pb")).json()
    assert (version["version"], version["state"]) == (2, "proposed")
    waiting = await send(things, land_file(land("PB-9")), code="pb")
    assert waiting.json()["code"] == "list_under_way"
    path = f"/debt-lists/{version['id']}/proposal"
    asked = await ask(things, "finance", path, {"reason": "bản mới"})
    await ask(things, "finance", f"/approvals/{asked['id']}/approve", status=403)
    await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    await things.system.work()
    done = await read(things, f"/debt-lists/{version['id']}")
    assert done["state"] == "done"
    assert done["outcome"] == shown["changes"]
    items = (await read(things, "/debts", code="PB-1"))["items"]
    extra, own = items
    assert (own["status"], extra["amount"]) == ("paid", 470_000)
    assert (extra["supplement_of"], own["bill"]) == (own["id"], paid["bill"])
    bill = await read(things, f"/bills/{extra['bill']}")
    assert (bill["supplement_of"], bill["lines"][0]["description"][:12]) == (
        *(own["bill"], "Thu bổ sung:"),
    )
    assert (await read(things, f"/bills/{own['bill']}"))["supplements"] == [extra["bill"]]
    assert (await debt_of(things, "PB-3"))["amount"] == 1_600_000
    assert (await read(things, "/debts", code="PB-4"))["items"] == []
    (gone,) = (await read(things, "/debts", code="PB-4", ended="true"))["items"]
    assert gone["status"] == "cancelled"
    left = (await read(things, "/debts", list_id=version["id"], finding="true"))["items"]
    assert {one["code"]: (one["finding"], one["difference"]) for one in left} == {
        "PB-2": ("overpaid", 530_000),
        "PB-5": ("not_owed", AMOUNT),
    }
    assert await things.system.broken() == []


async def test_figures_that_changed_meanwhile_are_refused(things: Things) -> None:
    await loaded(things, land_file(land("CU-1"), land("CU-2")), code="cu")
    version = (await send(things, land_file(land("CU-1", amount="9.000")), code="cu")).json()
    path = f"/debt-lists/{version['id']}/proposal"
    asked = await ask(things, "finance", path, {"reason": "giảm"})
    await pay(things, "CU-1")
    stale = await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=409)
    assert stale["code"] == "stale"
    await ask(things, "chief", f"/approvals/{asked['id']}/reject", {"reason": "đã nộp"}, 200)
    assert (await read(things, f"/debt-lists/{version['id']}"))["state"] == "rejected"
    assert (await debt_of(things, "CU-2"))["status"] == "open"


async def test_a_debt_and_a_list_are_withdrawn_by_two_people(things: Things) -> None:
    rows = [f"HD-{place},Lê Ba,150.000,Tiền nước tháng 11" for place in (1, 2, 3)]
    done = await loaded(things, utility_file(*rows), code="nuoc", kind="utility")
    debt = await debt_of(things, "HD-1")
    alone = await ask(things, "clerk", f"/bills/{debt['bill']}/cancel", status=409)
    assert alone["code"] == "debt_bill"
    body = {"reason": "nhầm"}
    asked = await ask(things, "finance", f"/debts/{debt['id']}/withdrawal", body)
    told = await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    assert told["outcome"]["bills_withdrawn"] == 1
    assert (await read(things, "/debts", code="HD-1"))["items"] == []
    paid = await pay(things, "HD-2")
    bill = await read(things, f"/bills/{paid['bill']}")
    assert [one["kind"] for one in bill["documents"]] == ["confirmation"]
    asked = await ask(things, "finance", f"/debt-lists/{done['id']}/withdrawal", body)
    await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    await things.system.work()
    (left,) = (await read(things, "/debts", finding="true", code="HD-2"))["items"]
    assert (left["finding"], left["difference"], left["status"]) == ("not_owed", 150_000, "paid")
    assert (await read(things, "/debts", code="HD-3"))["items"] == []
    none = await ask(things, "finance", f"/debts/{debt['id']}/withdrawal", body, 409)
    assert none["code"] == "debt_ended"
    assert await things.system.broken() == []


async def test_what_was_given_back_is_not_asked_to_be_given_back_again(things: Things) -> None:
    await loaded(things, land_file(land("HT-1")), code="ht")
    debt = await pay(things, "HT-1")
    (payment,) = (await read(things, f"/bills/{debt['bill']}"))["payments"]
    less = (await send(things, land_file(land("HT-1", amount="1.000.000")), code="ht")).json()
    body = {"reason": "giảm"}
    asked = await ask(things, "finance", f"/debt-lists/{less['id']}/proposal", body)
    await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    await things.system.work()
    assert (await debt_of(things, "HT-1"))["difference"] == 530_000
    back = {"amount": 530_000, "reason": "nộp thừa"}
    refund = await ask(things, "finance", f"/payments/{payment['id']}/refunds", back)
    await ask(things, "chief", f"/approvals/{refund['approval']}/approve", status=200)
    shown = []
    for amount in ("1.000.000", "900.000", "1.200.000"):
        content = land_file(land("HT-1", amount=amount), land("HT-2"))
        shown.append((await send(things, content, "/debt-lists/preview", code="ht")).json())
    assert [one["to_give_back"] for one in shown] == [0, 100_000, 0]
    assert [one["changes"] for one in shown] == [
        {"same": 1, "new": 1},
        {"left": 1, "new": 1},
        {"supplement": 1, "new": 1},
    ]


async def test_a_supplement_is_of_the_dossier_that_was_paid(things: Things) -> None:
    system = things.system
    first = await system.create_bill(dossier_number="H01-BS")
    body = {
        "agency": system.body.agency_code,
        "lines": [{"fee": "2.000815", "quantity": 1}],
        "supplement_of": first["reference"],
    }
    early = await system.post("/api/v1/bills", body)
    assert early.json()["errors"][0]["code"] == "not_paid"
    await credit(system, first["amount"], first["reference"])
    await system.work()
    other = await system.post("/api/v1/bills", body | {"dossier_number": "H01-KHAC"})
    assert other.json()["errors"][0]["code"] == "differs"
    unknown = await system.post("/api/v1/bills", body | {"supplement_of": "bill_0"})
    assert unknown.json()["errors"][0]["code"] == "unknown"
    made = await system.post("/api/v1/bills", body)
    assert made.status_code == 201, made.text
    extra = made.json()
    assert (extra["dossier_number"], extra["supplement_of"]) == ("H01-BS", first["id"])
    assert (await system.read(first))["supplements"] == [extra["id"]]
    pulled = await read(things, "/dossiers/H01-BS/bills")
    assert [one["id"] for one in pulled["items"]] == [extra["id"]]
    page = (await system.browser.get(extra["pay_url"])).text
    assert "Thu bổ sung cho khoản đã nộp" in page


async def test_whoever_has_the_paper_finds_the_debt_and_nobody_guesses_for_ever(
    things: Things,
) -> None:
    browser = things.system.browser
    await loaded(
        things, land_file(land("GIAY-1", name="Vũ Kín Đáo", tax="012345678901")), code="gi"
    )

    async def look(code: str, number: str) -> Any:
        sent = {"code": code, "tax_number": number}
        return await browser.post("/khoan-phai-nop", data=sent, headers={"Accept": "text/html"})

    found = await look("GIAY-1", "012345678901")
    assert found.status_code == 200
    assert "Vũ Kín Đáo" not in found.text
    assert (await debt_of(things, "GIAY-1"))["reference"] in found.text
    wrong = [await look("GIAY-1", "012345678902"), await look("GIAY-9", "012345678901")]
    assert [one.status_code for one in wrong] == [404, 404]
    assert (await look("GIAY-1", "123")).status_code == 422
    async with things.system.parts.database.transaction() as session:
        for _ in range(guesses.MOST_WRONG):
            await guesses.note_wrong(session, "debt:GIAY-1")
    assert (await look("GIAY-1", "012345678901")).status_code == 429
    # A firm's number is public: whoever goes through codes with it has no more tries.
    tries = [(await look(f"DOAN-{place}", "0100109106")).status_code for place in range(21)]
    assert tries == [404] * guesses.MOST_WRONG + [429]
    async with things.system.parts.database.transaction() as session:
        kept = (await session.execute(text("SELECT subject FROM wrong_guess"))).scalars().all()
    assert not [one for one in kept if "0100109106" in one or "012345678901" in one]
