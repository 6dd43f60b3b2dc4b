"""Cash handed over: counted by another person, paid in under its own reference, never dropped."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.ids import new_id
from payments.collecting import deposits
from tests.support.callbacks import credit
from tests.support.closing import close
from tests.support.markup import words_of
from tests.support.neighbour import neighbour_of
from tests.support.staff import finance_office
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.stalls import stall
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System
from tests.support.walks import Walker, ledger_of, rows, walker

pytestmark = pytest.mark.asyncio(loop_scope="module")

alone = pytest.mark.asyncio(loop_scope="function")


async def take(who: Walker, stall_id: str, amount: int) -> None:
    (answer,) = await who.send(who.act("cash", stall=stall_id, amount=amount, owed=0))
    assert answer["outcome"] == "taken"


async def declare(who: Walker, amount: int) -> dict[str, str]:
    """The hand-over that was declared: its id and reference."""
    answer = await who.browser.post("/collect/book", {"declared": str(amount)})
    assert answer.status_code == 303, answer.text
    found = await rows(
        who.system, "SELECT id, reference FROM cash_handover ORDER BY id DESC LIMIT 1"
    )
    return {"id": found[0][0], "reference": found[0][1]}


async def count(by: StaffBrowser, handover: str, counted: int, why: str = "") -> int:
    sent = {"handover": handover, "counted": str(counted), "difference": why}
    return (await by.post("/staff/cash", sent)).status_code


@alone
async def test_cash_goes_to_the_account_by_way_of_two_people(system: System) -> None:
    at = await stall(system, "H-01")
    await at.owe(300_000)
    async with walker(system) as who, signed_in_as(system, "finance") as office:
        await take(who, at.id, 500_000)
        # No more than the books say, and one at a time.
        assert (await who.browser.post("/collect/book", {"declared": "500001"})).status_code == 422
        handover = await declare(who, 500_000)
        again = await who.browser.post("/collect/book", {"declared": "1"})
        assert again.status_code == 409
        # What differs needs its reason, and nothing is overwritten.
        assert await count(office, handover["id"], 490_000) == 422
        assert await count(office, handover["id"], 490_000, "thiếu một tờ 10.000") == 303
        assert await count(office, handover["id"], 500_000) == 409
        page = (await office.get("/staff/cash")).text
        assert "thiếu một tờ 10.000" in page
        assert handover["reference"] in page
        searched = (await office.get(f"/staff/find?q=NOP TIEN {handover['reference']}")).text
        assert f'href="/staff/cash#{handover["id"]}"' in searched
        # The board sees what a collector's calls come to.
        rates = words_of((await office.get("/staff/markets/rates")).text)
        assert "Theo người thu" in rates
        assert "500.000 đ" in rates
        assert "100,0" in rates
        # The bank has less than that first, then more than is left.
        await credit(system, 400_000, f"NOP TIEN {handover['reference']}")
        await system.work()
        assert await ledger_of(system) == {
            "receivable": 400_000,
            "collector_cash": 100_000,
            "revenue": -300_000,
            "suspense": -200_000,
        }
        await credit(system, 100_000, f"NOP TIEN {handover['reference']}")
        await system.work()
        own = (await who.browser.get("/collect/book")).text
    assert await ledger_of(system) == {
        "receivable": 500_000,
        # Of 500.000 taken, 490.000 were counted and paid in.
        "collector_cash": 10_000,
        "revenue": -300_000,
        # The stall's credit, and what was paid in over what was counted.
        "suspense": -200_000 - 10_000,
    }
    found = await rows(
        system,
        "SELECT reason, CAST(sum(amount) AS bigint) FROM suspense_item WHERE closed_at IS NULL"
        " AND place = 'suspense' GROUP BY 1 ORDER BY 1",
    )
    assert [tuple(row) for row in found] == [
        ("collector_deposit", 10_000),
        ("stall_credit", 200_000),
    ]
    assert "10.000 đ" in own
    assert await system.broken() == []


async def test_nobody_counts_their_own(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "H-02")
    async with walker(system, "finance") as who:
        await take(who, at.id, 50_000)
        handover = await declare(who, 50_000)
        assert await count(who.browser, handover["id"], 50_000) == 403
    # Nor does the database take it, whoever writes it: the negative control of the page's refusal.
    with pytest.raises(IntegrityError, match="two_people"):
        await rows(
            system,
            "UPDATE cash_handover SET counted = declared, counted_by = collector_id,"
            " counted_at = now() WHERE id = :id RETURNING id",
            id=handover["id"],
        )


async def test_another_bodys_people_see_and_count_none_of_it(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "H-07")
    async with (
        walker(system) as who,
        neighbour_of(system) as other,
        signed_in_as(system, "finance", agency_id=other.agency_id) as office,
        signed_in_as(system, "collector", agency_id=other.agency_id) as stranger,
    ):
        await take(who, at.id, 50_000)
        handover = await declare(who, 50_000)
        assert handover["reference"] not in (await office.get("/staff/cash")).text
        assert await count(office, handover["id"], 50_000) == 404
        away = Walker(system, stranger)
        await away.send()
        (answer,) = await away.send(away.act("cash", stall=at.id, amount=5_000, owed=0))
        assert answer["outcome"] == "refused"
        assert [one["id"] for one in (await away.walk("dong-xuan"))["stalls"]] == []


async def test_what_was_counted_never_changes(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "H-03")
    async with walker(system) as who, signed_in_as(system, "chief") as office:
        await take(who, at.id, 50_000)
        handover = await declare(who, 50_000)
        assert await count(office, handover["id"], 50_000) == 303
    for change in ("counted = 1, difference = 'x'", "declared = 1", "collector_id = counted_by"):
        with pytest.raises(IntegrityError, match="does not change"):
            await rows(
                system,
                f"UPDATE cash_handover SET {change} WHERE id = :id RETURNING id",
                id=handover["id"],
            )


async def test_a_deposit_before_the_count_waits_for_it(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "H-04")
    async with walker(system) as who, signed_in_as(system, "chief") as office:
        await take(who, at.id, 70_000)
        handover = await declare(who, 70_000)
        await credit(system, 70_000, f"NOP TIEN {handover['reference']}")
        await system.work()
        assert await cleared(system, handover["id"]) == 0
        assert await count(office, handover["id"], 70_000) == 303
        await system.work()
        assert await cleared(system, handover["id"]) == 70_000
        # And once: the same event, told again, changes nothing.
        async with system.parts.database.transaction() as session:
            payment = await session.scalar(
                text("SELECT id FROM payment WHERE reference = :of"), {"of": handover["reference"]}
            )
            assert await deposits.take_deposit(session, payment) == 0
    assert await system.broken() == []


async def cleared(system: System, handover: str) -> int:
    found = await rows(
        system,
        "SELECT coalesce(sum(amount), 0) FROM cash_deposit WHERE handover_id = :id",
        id=handover,
    )
    return int(found[0][0])


@alone
async def test_a_deposit_clears_no_cash_that_was_taken_for_another_account(system: System) -> None:
    """One of two collectors goes round for a unit that has an account of its own."""
    at = await stall(system, "H-08")
    async with (
        neighbour_of(system, unit=True) as unit,
        walker(system) as other,
        walker(system) as who,
        signed_in_as(system, "chief") as office,
    ):
        await take(other, at.id, 50_000)
        await rows(
            system,
            "INSERT INTO collection_account SELECT (json_populate_record(a, CAST(:new AS json))).*"
            " FROM collection_account a LIMIT 1 RETURNING id",
            new=json.dumps(
                {"id": new_id("account"), "agency_id": unit.agency_id, "code": "tk-don-vi"}
                | {"account_number": "9990001"}
            ),
        )
        moved = "UPDATE market SET agency_id = :unit RETURNING id"
        await rows(system, moved, unit=unit.agency_id)
        await take(who, at.id, 50_000)
        handover = await declare(who, 50_000)
        assert await count(office, handover["id"], 50_000) == 303
        await credit(system, 50_000, f"NOP TIEN {handover['reference']}")
        await system.work()
    # It came to the body's account, for which this collector has taken nothing: people decide.
    assert await cleared(system, handover["id"]) == 0
    # The account was made by this test, and by nobody whom the log knows.
    assert [one for one in await system.broken() if "by nobody" not in one] == []


@alone
async def test_money_that_vanishes_or_doubles_is_seen(system: System) -> None:
    """The negative controls of `cash_of_collectors`: each broken row is found."""
    at = await stall(system, "H-05")
    async with walker(system) as who, signed_in_as(system, "chief") as office:
        await take(who, at.id, 70_000)
        handover = await declare(who, 70_000)
        await count(office, handover["id"], 70_000)
        await credit(system, 70_000, f"NOP TIEN {handover['reference']}")
        await system.work()
    assert await system.broken() == []
    switched = "SET LOCAL session_replication_role = replica"
    for harm in (
        "DELETE FROM collected_action",
        "UPDATE collected_action SET amount = amount + 1",
        "UPDATE cash_deposit SET amount = amount - 1",
        "DELETE FROM cash_deposit",
    ):
        async with system.parts.database.transaction() as session:
            await session.execute(text(switched))
            kept = await session.begin_nested()
            await session.execute(text(harm))
            found = await session.execute(text(_rule()))
            assert found.all(), harm
            await kept.rollback()


def _rule() -> str:
    from core.statements import load_sql

    return load_sql("app", "checks")["cash_of_collectors"]


@alone
async def test_a_day_leaves_cash_out_and_has_its_deposit_that_a_statement_alone_tells_of(
    system: System,
) -> None:
    at = await stall(system, "H-06")
    async with walker(system) as who, signed_in_as(system, "chief") as office:
        await take(who, at.id, 70_000)
        handover = await declare(who, 70_000)
        assert await count(office, handover["id"], 70_000) == 303
    line = f"70000|credit|NOP TIEN {handover['reference']}|FT26000000777"
    statement = await take_statement(system, line)
    summary = (await reconcile(system))["summary"]
    awaited = ("with_gateway", "missing_in_settlement", "expected", "missing_in_ledger")
    assert summary["matched"]["count"] == 1
    assert not {name: summary[name] for name in awaited if summary.get(name, {}).get("count")}
    # It clears nothing before two people have said that it came.
    await system.work()
    assert await cleared(system, handover["id"]) == 0
    await release(system, statement)
    await system.work()
    assert await cleared(system, handover["id"]) == 70_000
    assert (await ledger_of(system)).get("collector_cash", 0) == 0
    # The day is closed, and cash of it that comes from a phone afterwards counts for the next one.
    await close(await finance_office(system), await reconcile(system))
    async with walker(system) as who:
        await take(who, at.id, 5_000)
    found = await rows(
        system,
        "SELECT p.accounting_on - CAST(p.paid_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)"
        " FROM payment p WHERE gateway = 'cash' ORDER BY p.created_at",
    )
    assert [row[0] for row in found] == [0, 1]
    await system.work()
    assert await system.broken() == []
