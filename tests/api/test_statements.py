"""Statements over the API: what is refused whole, what warns, and what two people take in."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core import clock
from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System
from tests.support.tcvn3 import as_bytes
from tests.unit.test_statement_care import WHOLE, treasury

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def send(
    office: FinanceOffice, content: bytes, path: str = "/statements", **form: str
) -> httpx2.Response:
    """A treasury's statement, sent by the finance clerk."""
    body = office.system.body
    return await office.system.browser.post(
        f"/api/v1{path}",
        files={"file": ("so-phu.csv", content, "text/csv")},
        data={"account": body.collection_code, "mapping": "kbnn-so-phu"} | form,
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )


def lost(name: str) -> bytes:
    return treasury(f"{name}A;nop;;20;20", f"{name}B;nop;;35;55")


async def count(system: System, table: str) -> int:
    async with system.parts.database.transaction() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_a_forced_file_is_read_again_in_the_encoding_that_was_told(
    shared_system: System,
) -> None:
    office = await finance_office(shared_system)
    now = clock.now().isoformat(timespec="seconds")
    told = (
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{now},20,credit,,nộp lệ phí chứng thực,{new_id('r')}\n"
    )
    content = as_bytes(told)
    said = {"mapping": "lephi-basic", "reason": "đúng là 20 đồng"}
    # Its heading is ASCII: nobody but its sender knows.
    refused = problem(await send(office, content, "/statements/forced", **said), 422)
    assert "encoding" in str(refused["errors"])
    asked = await send(office, content, "/statements/forced", encoding="tcvn3", **said)
    assert asked.status_code == 202, asked.text
    assert (await office.approve(asked.json()))["outcome"]["rows"] == 1


async def test_lost_thousands_are_refused_and_two_people_may_say_otherwise(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    content, before = lost(new_id("r")), await count(shared_system, "statement_line")
    answer = await send(office, content)
    faults = problem(answer, 422, "statement_refused")["errors"]
    assert [fault["field"] for fault in faults] == [
        "row 2, column Phát sinh có",
        "row 3, column Phát sinh có",
    ]
    asked = await send(office, content, "/statements/forced", reason="đúng là 20 đồng")
    assert asked.status_code == 202, asked.text
    figures = asked.json()["figures"]
    assert (figures["rows"], figures["credits"], figures["debits"]) == (2, 55, 0)
    assert await count(system, "statement_line") == before
    assert content not in await kept_files(system)
    done = await office.approve(asked.json())
    assert done["outcome"]["new"] == 2
    assert await count(system, "statement_line") == before + 2
    assert await kept_files(system) == []
    assert (await send(office, content)).status_code == 422
    again = await send(office, content, "/statements/forced", reason="lần nữa")
    path = f"/approvals/{again.json()['id']}"
    problem(await office.post(f"{path}/approve", by=office.chief), 409, "already_taken")
    await office.post(f"{path}/reject", {"reason": "đã có"}, by=office.chief)
    assert await kept_files(system) == []


async def kept_files(system: System) -> list[bytes]:
    async with system.parts.database.transaction() as session:
        rows = await session.execute(text("SELECT content FROM proposed_statement"))
        return [bytes(row.content) for row in rows]


async def test_nobody_forces_a_statement_alone(shared_system: System) -> None:
    office = await finance_office(shared_system)
    content = lost(new_id("r"))
    asked = await send(office, content, "/statements/forced", reason="đúng")
    own = await office.post(f"/approvals/{asked.json()['id']}/approve")
    assert own.status_code == 403
    refused = await office.post(
        f"/approvals/{asked.json()['id']}/reject", {"reason": "xuất lại"}, by=office.chief
    )
    assert refused.json()["status"] == "rejected"
    assert await kept_files(shared_system) == [], "nobody needs the file any more"
    system_key = await shared_system.office.post(
        "/api/v1/statements/forced",
        files={"file": ("so-phu.csv", content, "text/csv")},
        data={
            "account": shared_system.body.collection_code,
            "mapping": "kbnn-so-phu",
            "reason": "máy",
        },
        headers={"Idempotency-Key": new_id("k")},
    )
    assert system_key.status_code == 403


async def test_force_believes_amounts_and_no_other_fault(shared_system: System) -> None:
    office = await finance_office(shared_system)
    broken = lost(new_id("r")).replace(b"16/11/2026", b"16/13/2026", 1)
    answer = await send(office, broken, "/statements/forced", reason="đúng")
    assert problem(answer, 422)["errors"][0]["field"] == "row 2, column Ngày hạch toán"


async def test_another_accounts_statement_is_refused(shared_system: System) -> None:
    office = await finance_office(shared_system)
    row = f"{new_id('s')};TIEN CUA DON VI KHAC;;28.000;28.000"
    other = treasury(row, above=("Tài khoản: 9999.9.9999999 - DON VI KHAC;;;;;",))
    (fault,) = problem(await send(office, other), 422, "statement_refused")["errors"]
    assert (fault["field"], fault["code"]) == ("file", "other_account")
    assert "999999999999" in fault["detail"]
    own = await own_number(shared_system)
    ours = treasury(row, above=(f"Tài khoản: {own} - UBND;;;;;",))
    assert (await send(office, ours)).status_code == 201


async def own_number(system: System) -> str:
    async with system.parts.database.transaction() as session:
        found = await session.scalar(
            text("SELECT account_number FROM collection_account WHERE code = :code"),
            {"code": system.body.collection_code},
        )
        return str(found)


async def test_a_hole_in_the_balances_warns_by_row_and_is_kept(shared_system: System) -> None:
    office, name = await finance_office(shared_system), new_id("g")
    rows = [f"{name}{row}" for row in (WHOLE[0], WHOLE[2])]
    content = treasury(*rows, begin="Số dư đầu kỳ;;;;;100.000", end="Số dư cuối kỳ;;;;;125.000")
    answer = await send(office, content)
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    assert (taken["opening"], taken["closing"], taken["rows"]) == (100_000, 125_000, 2)
    (warning,) = taken["warnings"]
    assert (warning["row"], warning["expected"], warning["told"]) == (4, 105_000, 125_000)
    async with shared_system.parts.database.transaction() as session:
        kept = (
            await session.execute(
                text(
                    "SELECT s.opening_balance, s.closing_balance, s.gap_count, l.balance"
                    " FROM statement s JOIN statement_line l ON l.statement_id = s.id"
                    " WHERE s.id = :id ORDER BY l.line_number"
                ),
                {"id": taken["id"]},
            )
        ).all()
    assert [tuple(row) for row in kept] == [
        (100_000, 125_000, 1, 110_000),
        (100_000, 125_000, 1, 125_000),
    ]


async def test_a_statement_with_a_hole_is_released_item_by_item(shared_system: System) -> None:
    system, office, name = shared_system, await finance_office(shared_system), new_id("h")
    bill = await system.create_bill()
    today = clock.now().astimezone(clock.VIETNAM).strftime("%d/%m/%Y").encode()
    rows = [f"{name}A;{bill['reference']};;5.000;105.000", f"{name}B;nop;;7.000;200.000"]
    taken = await send(office, treasury(*rows).replace(b"16/11/2026", today))
    assert len(taken.json()["warnings"]) == 1
    await reconcile(system)
    path = f"/statements/{taken.json()['id']}/release"
    problem(await office.post(path, {"reason": "xin"}), 409, "balances_disagree")
    (item,) = [
        one
        for one in await office.suspense(reason="statement_only")
        if one["bill"] == bill["reference"]
    ]
    await office.approve(await office.propose(item["id"], "other_money"))
    assert (await system.read(bill))["status"] == "paid"


async def basic(system: System, office: FinanceOffice, *lines: str) -> dict[str, Any]:
    """Take in a statement of a layout that has neither totals nor balances."""
    now = clock.now().astimezone(clock.VIETNAM).isoformat(timespec="seconds")
    rows = ["line_id,booked_at,amount,direction,reference,narrative,bank_ref"]
    rows += [f"L{number},{now},{line}" for number, line in enumerate(lines)]
    content = "\n".join(rows).encode() + b"\n"
    answer = await send(office, content, mapping="lephi-basic")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_has_no_totals_and_no_balances_is_released_item_by_item_only(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    taken = await basic(system, office, f"5000,credit,,{bill['reference']},{new_id('n')}")
    await reconcile(system)
    path = f"/statements/{taken['id']}/release"
    problem(await office.post(path, {"reason": "xin"}), 409, "nothing_vouches")
    (item,) = [
        one
        for one in await office.suspense(reason="statement_only")
        if one["bill"] == bill["reference"]
    ]
    await office.approve(await office.propose(item["id"], "other_money"))
    assert (await system.read(bill))["status"] == "paid"


async def test_a_statement_that_vouches_for_itself_without_cause_would_be_seen(
    shared_system: System,
) -> None:
    """The control: were every file taken for vouched, the one-click release would be offered."""
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    taken = await basic(system, office, f"5000,credit,,{bill['reference']},{new_id('c')}")
    await reconcile(system)
    async with system.parts.database.transaction() as session:
        vouch = text("UPDATE statement SET vouched = true WHERE id = :id")
        await session.execute(vouch, {"id": taken["id"]})
    asked = await office.post(f"/statements/{taken['id']}/release", {"reason": "xin"})
    assert asked.status_code == 202


async def test_a_run_tells_which_matches_rest_on_a_statement_alone(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    alone, told = await system.create_bill(), await system.create_bill()
    ref = new_id("f")
    await credit(system, 5000, told["reference"], bank_ref=ref)
    lines = (
        f"5000|credit|{alone['reference']}|{new_id('s')}",
        f"5000|credit|{told['reference']}|{ref}",
    )
    await take_statement(system, *lines)
    run = await reconcile(system)
    assert run["summary"]["matched"]["count"] > run["summary"]["statement_alone"]["count"] > 0

    async def matches(**query: str) -> set[str]:
        answer = await system.browser.get(
            f"/api/v1/reconciliations/{run['id']}/matches",
            params=query | {"limit": "1000"},
            headers=office.clerk,
        )
        assert answer.status_code == 200, answer.text
        return {one["reference"] for one in answer.json()["items"]}

    both = {alone["reference"], told["reference"]}
    assert both <= await matches()
    assert await matches(statement_alone="true") & both == {alone["reference"]}
    assert await matches(statement_alone="false") & both == {told["reference"]}
    # The feed tells of it late: its match rests on two from then on.
    await credit(system, 5000, alone["reference"], bank_ref=lines[0].rpartition("|")[2])
    run = await reconcile(system)
    assert await matches(statement_alone="true") & both == set()
