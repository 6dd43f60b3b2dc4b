"""Money that camt.054 tells of when it comes, and camt.053 again in the evening.

Where the words name its bill it is one line. Where neither message does, nothing tells the two
from two payers of one batch, so both stand, and the bank's own balance keeps the day open until
people have withdrawn one.
"""

from datetime import date
from typing import Any

from core import clock
from tests.api.test_statements import own_number, send
from tests.api.test_withdrawals import withdrawn
from tests.support.camt import balance, detail, document, entry, statement
from tests.support.closing import ask_to_close, close, discrepancies, resolve, today
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile
from tests.support.system import System

REF = "FT26331004711"


async def notification(office: FinanceOffice, system: System, words: str) -> dict[str, Any]:
    """What the bank tells at once: the time, and the payer's words."""
    at = f"<BookgDt><DtTm>{clock.now():%Y-%m-%dT%H:%M:%SZ}</DtTm></BookgDt>"
    told = entry("7000", "CRDT", detail("7000", words), ref=REF, day=at)
    content = document(statement(told, account=await own(system)), version="camt.054.001.08")
    return await taken(office, content)


async def evening(office: FinanceOffice, system: System, words: str) -> dict[str, Any]:
    """What it tells of the day: the same entry with its day alone, in words of its own."""
    day = f"<BookgDt><Dt>{date.fromisoformat(today()):%Y-%m-%d}</Dt></BookgDt>"
    parts = (
        *(balance("OPBD", "100000"), balance("CLBD", "107000")),
        entry("7000", "CRDT", detail("7000", words), ref=REF, day=day),
    )
    return await taken(office, document(statement(*parts, account=await own(system))))


async def own(system: System) -> str:
    return f"<Othr><Id>{await own_number(system)}</Id></Othr>"


async def taken(office: FinanceOffice, content: str) -> dict[str, Any]:
    answer = await send(office, content.encode(), mapping="camt")
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_money_that_both_messages_name_by_its_bill_is_one_line(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    words = f"NGUYEN VAN A {bill['reference']}"
    assert (await notification(office, system, words))["new"] == 1
    again = await evening(office, system, f"CHUYEN TIEN/{bill['reference']}")
    assert (again["rows"], again["new"]) == (1, 0)


async def test_money_that_neither_names_stands_twice_and_the_balance_keeps_the_day_open(
    system: System,
) -> None:
    office = await finance_office(system)
    first = await notification(office, system, "NGUYEN VAN A CHUYEN TIEN")
    assert (await evening(office, system, "GD TIEN DEN"))["new"] == 1
    run = await reconcile(system)
    odd = await discrepancies(office, run)
    assert [one["class"] for one in odd] == ["unknown_in_ledger"] * 2
    for one in odd:
        await resolve(office, one, "suspense")
    run = await reconcile(system)
    refused = problem(await ask_to_close(office, run), 409, "totals_differ")
    assert "closing_balance" in {one["field"] for one in refused["errors"]}
    # One of the two is withdrawn by two people, and what it alone told of with it.
    await withdrawn(office, first)
    run = await reconcile(system)
    told = await close(office, run)
    assert told["approval"]["outcome"]["agrees"] is True
    assert await system.broken() == []
