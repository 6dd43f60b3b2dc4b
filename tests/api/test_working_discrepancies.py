"""Discrepancies are worked: owned, discussed, resolved by two people, and known from run to run."""

from dataclasses import replace
from typing import Any

import pytest

from core.ids import new_id
from tests.integration.test_money_rooms import with_account
from tests.support.callbacks import credit
from tests.support.closing import discrepancies, resolve, today
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.settlements import in_transit
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


def ref() -> str:
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


async def unknown_line(
    office: FinanceOffice, words: str = "khong ro", amount: int = 7000
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A credit that is nobody's: the run that found it, and its discrepancy."""
    name = ref()
    await take_statement(office.system, f"{amount}|credit|{words}|{name}")
    run = await reconcile(office.system)
    found = [
        odd
        for odd in await discrepancies(office, run)
        if odd["class"] == "unknown_in_ledger" and odd["status"] == "open"
    ]
    return run, found[-1]


async def detail(office: FinanceOffice, odd: dict[str, Any]) -> dict[str, Any]:
    answer = await office.system.browser.get(
        f"/api/v1/discrepancies/{odd['id']}", headers=office.clerk
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@alone
async def test_a_newer_run_knows_owner_comments_and_resolution(system: System) -> None:
    office = await finance_office(system)
    _, odd = await unknown_line(office)
    assert (odd["working_days"], odd["overdue"], odd["owner"]) == (0, False, None)
    assert odd["due_on"] > today()
    mails = [one["email"] for one in (await people(system))]
    owned = await office.post(f"/discrepancies/{odd['id']}/owner", {"owner": mails[0]})
    assert owned.status_code == 200, owned.text
    said = await office.post(f"/discrepancies/{odd['id']}/comments", {"text": "đã gọi kho bạc"})
    assert said.status_code == 201, said.text
    again = await reconcile(system)
    (same,) = await discrepancies(office, again)
    assert same["id"] == odd["id"]
    assert same["owner"] == owned.json()["owner"] is not None
    await resolve(office, odd, "accept")
    (third,) = await discrepancies(office, await reconcile(system))
    assert (third["id"], third["status"]) == (odd["id"], "resolved")
    assert third["resolution"]["kind"] == "accept"
    assert [one["text"] for one in (await detail(office, odd))["comments"]] == ["đã gọi kho bạc"]


async def people(system: System) -> list[dict[str, Any]]:
    admin = await key_of_person(system, "admin")
    answer = await system.browser.get(
        "/api/v1/users", params={"agency": system.body.agency_code}, headers=admin
    )
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@alone
async def test_what_a_newer_run_does_not_find_is_gone_and_comes_back(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    name = ref()
    await credit(system, 5000, bill["reference"], bank_ref=name)
    (odd,) = await discrepancies(office, await reconcile(system))
    assert odd["class"] == "no_statement"
    await take_statement(system, f"5000|credit|{bill['reference']}|{name}")
    run = await reconcile(system)
    assert await discrepancies(office, run) == []
    assert (await detail(office, odd))["discrepancy"]["status"] == "gone"
    refused = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "accept", "reason": "thử"}
    )
    problem(refused, 409, "not_open")


@alone
async def test_a_resolution_is_of_its_figures_and_no_others(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref=ref())
    lines = [f"{amount}|credit|nop {bill['reference']}|{ref()}" for amount in (4000, 3000, 2000)]
    await take_statement(system, *lines[:2])
    (odd,) = await discrepancies(office, await reconcile(system))
    assert (odd["class"], odd["other_amount"]) == ("duplicate", 7000)
    await resolve(office, odd, "accept")
    (same,) = await discrepancies(office, await reconcile(system))
    assert same["status"] == "resolved"
    await take_statement(system, lines[2])
    (more,) = await discrepancies(office, await reconcile(system))
    assert (more["id"], more["other_amount"]) == (odd["id"], 9000)
    assert (more["status"], more["resolution"]) == ("open", None)


async def test_a_line_is_assigned_to_a_bill_through_suspense(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    _, odd = await unknown_line(office, "nop phi", 5000)
    asked = await office.post(
        f"/discrepancies/{odd['id']}/resolutions",
        {"kind": "assign", "bill": bill["reference"], "reason": "người nộp gọi"},
    )
    assert asked.status_code == 202, asked.text
    assert asked.json()["figures"]["bill"]["reference"] == bill["reference"]
    assert (await system.read(bill))["status"] == "open"
    again = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "accept", "reason": "thử"}
    )
    problem(again, 409, "already_proposed")
    done = await office.approve(asked.json())
    assert done["outcome"]["allocated"] == 5000
    assert (await system.read(bill))["status"] == "paid"
    assert (await detail(office, odd))["discrepancy"]["resolution"]["kind"] == "assign"
    await system.work()
    assert await system.broken() == []


async def test_the_first_person_cannot_be_the_second(shared_system: System) -> None:
    office = await finance_office(shared_system)
    _, odd = await unknown_line(office)
    both = await key_of_person(shared_system, "finance", "chief")
    path = f"/discrepancies/{odd['id']}/resolutions"
    asked = await office.post(path, {"kind": "accept", "reason": "thử"}, by=both)
    answer = await office.post(f"/approvals/{asked.json()['id']}/approve", by=both)
    problem(answer, 409, "same_person")


async def test_a_missed_attempt_is_settled_on_the_evidence_of_its_line(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    payment = await system.start(bill)
    before = await in_transit(system)
    _, odd = await unknown_line(office, bill["reference"], 5000)
    asked = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "settle", "reason": "thiếu báo có"}
    )
    assert asked.status_code == 202, asked.text
    assert asked.json()["figures"]["payment"] == payment["id"]
    done = await office.approve(asked.json())
    assert (done["outcome"]["payment"], done["outcome"]["cleared"]) == (payment["id"], 5000)
    assert (await system.read(bill))["status"] == "paid"
    # The line is where the money was: nothing of it is on its way any more.
    assert await in_transit(system) == before
    run = await reconcile(system)
    assert odd["object"] not in [one["object"] for one in await discrepancies(office, run)]
    await system.work()
    assert await system.broken() == []


async def test_settling_is_refused_where_no_attempt_waits(shared_system: System) -> None:
    office = await finance_office(shared_system)
    _, odd = await unknown_line(office)
    path = f"/discrepancies/{odd['id']}/resolutions"
    problem(await office.post(path, {"kind": "settle", "reason": "x"}), 409, "no_missed_attempt")
    unknown = {"kind": "assign", "bill": "LPABCDEFGHJK23", "reason": "x"}
    problem(await office.post(path, unknown), 422, "invalid", "bill")


async def test_the_gateway_is_asked_at_once(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    payment = await system.start(bill)
    await system.decide(payment, "lost_callback")
    _, odd = await unknown_line(office, bill["reference"], 5000)
    answer = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "ask", "reason": "hỏi cổng"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "asked", "outcome": "succeeded", "trace_url": None}
    assert (await system.read(bill))["status"] == "paid"


async def test_the_tracing_letter_has_all_the_figures(shared_system: System) -> None:
    office = await finance_office(shared_system)
    _, odd = await unknown_line(office, "CHUYEN TIEN LE PHI")
    answer = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "trace", "reason": "tra soát"}
    )
    assert answer.status_code == 200, answer.text
    url = answer.json()["trace_url"]
    letter = (await shared_system.browser.get(url, headers=office.clerk)).text
    for words in ("THƯ TRA SOÁT", odd["id"], "7.000", "CHUYEN TIEN LE PHI", "81/2025/TT-BTC"):
        assert words in letter
    assert (await detail(office, odd))["discrepancy"]["status"] == "open"


async def test_small_files_are_kept_as_they_came_and_others_are_refused(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    _, odd = await unknown_line(office)
    path = f"/api/v1/discrepancies/{odd['id']}/attachments"

    async def send(name: str, content: bytes) -> Any:
        headers = office.clerk | {"Idempotency-Key": new_id("k")}
        return await system.browser.post(path, files={"file": (name, content)}, headers=headers)

    kept = await send("chứng từ.pdf", b"%PDF-1.7 chung tu")
    assert kept.status_code == 201, kept.text
    read = await system.browser.get(
        f"/api/v1/attachments/{kept.json()['id']}", headers=office.clerk
    )
    assert read.content == b"%PDF-1.7 chung tu"
    assert read.headers["content-disposition"].startswith("attachment;")
    problem(await send("trang.html", b"<script>"), 422, "invalid", "file")
    problem(await send("to.pdf", b"%PDF-" + b"x" * (2 << 20)), 422, "invalid", "file")
    async with system.parts.database.transaction() as session:
        stored = await session.connection()
        rows = (
            await stored.exec_driver_sql("SELECT content FROM discrepancy_attachment")
        ).scalars()
        assert not [row for row in rows if b"chung tu" in bytes(row)]


async def test_many_are_resolved_at_once_with_count_and_sum(shared_system: System) -> None:
    office = await finance_office(shared_system)
    run, odd = await unknown_line(office)
    here = [
        one
        for one in await discrepancies(office, run)
        if one["class"] == "unknown_in_ledger" and one["status"] == "open"
    ]
    wanted = {"kind": "accept", "all_of": "unknown_in_ledger", "reason": "theo dõi tiếp"}
    asked = await office.post(f"/reconciliations/{run['id']}/resolutions", wanted)
    assert asked.status_code == 202, asked.text
    figures = asked.json()["figures"]
    assert figures["count"] == len(here)
    assert figures["sum"] == sum(one["amount"] for one in here)
    stale = await office.post(f"/reconciliations/{run['id']}/resolutions", wanted)
    await office.approve(asked.json())
    assert (await detail(office, odd))["discrepancy"]["status"] == "resolved"
    late = await office.post(f"/approvals/{stale.json()['id']}/approve", by=office.chief)
    problem(late, 409, "stale")
    foreign = wanted | {"all_of": None, "discrepancies": ["case_0"]}
    answer = await office.post(f"/reconciliations/{run['id']}/resolutions", foreign)
    problem(answer, 422, "invalid", "case_0")


async def test_an_unknown_lines_money_goes_back_by_the_word_of_two(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    _, odd = await unknown_line(office, "chuyen nham", 6000)
    asked = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "refund", "reason": "người nộp gọi"}
    )
    assert asked.status_code == 202, asked.text
    done = await office.approve(asked.json())
    path = f"/api/v1/refunds/{done['outcome']['refund']}"
    refund = (await system.browser.get(path, headers=office.clerk)).json()
    assert (refund["status"], refund["amount"], refund["from_revenue"]) == ("approved", 6000, 0)
    assert refund["requested_by"] == asked.json()["proposed_by"]
    await take_statement(system, f"6000|debit|hoan tra {refund['reference']}|{ref()}")
    await reconcile(system)
    assert (await system.browser.get(path, headers=office.clerk)).json()["status"] == "succeeded"
    assert (await detail(office, odd))["discrepancy"]["resolution"]["kind"] == "refund"
    assert await system.broken() == []


@alone
async def test_a_units_money_settles_no_attempt_of_the_body_above_it(system: System) -> None:
    """An attempt is paid on its own account: a line of another one is not its money."""
    office, bill = await finance_office(system), await system.create_bill()
    await system.start(bill)
    async with neighbour_of(system, unit=True) as unit:
        below = await with_account(system, unit)
        body = replace(system.body, agency_code=unit.code, collection_code=below.account.code)
        there = replace(office, system=replace(system, body=body))
        _, odd = await unknown_line(there, bill["reference"], 5000)
        path = f"/discrepancies/{odd['id']}/resolutions"
        refused = await office.post(path, {"kind": "settle", "reason": "thử"})
        problem(refused, 409, "no_missed_attempt")
    assert (await system.read(bill))["status"] == "open"
