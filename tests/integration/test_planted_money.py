"""`lephi invariants` finds each kind of wrong identity of money, planted where nobody would look.

The kinds are those of the identity of money: told of without a trace, twice for one, in doubt and
spent, taken back and called paid, stored twice in other words, and unknown to a run though known.
`test_identity_of_money` plants the first by broken variants of the rules.
"""

from typing import Any

import pytest
from sqlalchemy import text

from core.crypto import Cipher
from core.ids import new_id
from payments.books import credits
from payments.books.identity import Identity, ToldNotice
from reconciliation.days.taken_back import matches_taken_back
from reconciliation.statements.narratives import open_narrative
from tests.integration.test_identity_of_money import feed_number, number
from tests.support.callbacks import credit
from tests.support.plans import asked, without_index
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


async def change(system: System, statement: str, **given: Any) -> None:
    """Change the books behind the back of every rule."""
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        done = await session.execute(text(statement), given)
        assert done.rowcount > 0, statement  # type: ignore[attr-defined]


async def said(system: System) -> set[str]:
    """The rules that do not hold."""
    return {line.partition(":")[0] for line in await system.broken()}


def believe_nothing(patch: pytest.MonkeyPatch) -> None:
    """Whatever is told of is new money that goes where it was sent."""

    async def broken(*_: object) -> Identity:
        return Identity()

    patch.setattr(credits, "identify", broken)
    # A name of its own for each, or the database would refuse the second.
    patch.setattr(ToldNotice, "key", property(lambda _: new_id("key")))


@pytest.mark.parametrize("later", ["FT{}", "FT{}\\BNK", "ft{}", "00FT{}"])
async def test_a_notice_that_came_again_and_became_two_credits_is_found(
    system: System, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    bill, feed_id, own = await system.create_bill(), feed_number(), number()[2:]
    await credit(system, 5000, bill["reference"], bank_ref="", feed_id=feed_id)
    assert await system.broken() == []
    believe_nothing(monkeypatch)
    ref = later.format(own)
    await credit(system, 5000, bill["reference"], bank_ref=ref, feed_id=feed_id)
    assert (
        "a bank's credit is the money of a notice, of its amount and on its account"
        in await said(system)
    )


async def test_money_of_another_amount_under_one_name_that_was_spent_is_found(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, bills = number(), [await system.create_bill() for _ in range(2)]
    await credit(system, 4000, bills[0]["reference"], bank_ref=ref)
    await credit(system, 3000, bills[0]["reference"], bank_ref=ref)
    await credit(system, 5000, bills[1]["reference"], bank_ref=ref)
    assert await system.broken() == []
    believe_nothing(monkeypatch)
    await credit(system, 1000, bills[0]["reference"], bank_ref=ref)
    (rule,) = await said(system)
    assert rule.startswith("of amounts told of under one name")


async def test_money_beside_a_credit_that_names_nobody_that_was_spent_is_found(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, bill = number(), await system.create_bill()
    await credit(system, 4000, "chuyen tien", bank_ref=ref)
    assert await system.broken() == []
    believe_nothing(monkeypatch)
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    (rule,) = await said(system)
    assert rule.startswith("of amounts told of under one name")


async def test_money_that_was_taken_back_and_is_called_paid_is_found(system: System) -> None:
    bill, ref = await system.create_bill(), number()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(system, f"5000|credit|{bill['reference']}|{ref}")
    run = await reconcile(system)
    assert run["summary"]["matched"]["count"] == 1
    back = await take_statement(system, f"5000|debit|THOAI TRA {bill['reference']}|{ref}")
    # The run has not seen it yet: whoever runs the day again is told.
    assert await system.broken() == []
    await change(
        system,
        "UPDATE statement SET created_at = created_at - interval '1 hour' WHERE id = :id",
        id=back["id"],
    )
    assert await said(system) == {"no run that stands calls paid what its statements take back"}
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 1
    assert await system.broken() == []


#: What grows with every run and statement.
_OF_RUNS = frozenset({"match", "reconciliation", "statement_line"})


async def test_only_what_may_concern_an_open_day_is_opened(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of debits of long before, and those that no run has come near, nobody reads the words."""
    opened: list[str] = []

    def note(cipher: Cipher, line_id: str, sealed: bytes | None, clear: str | None) -> str:
        opened.append(open_narrative(cipher, line_id, sealed, clear))
        return opened[-1]

    monkeypatch.setattr("reconciliation.days.taken_back.open_narrative", note)
    database, cipher = system.parts.database, system.parts.cipher

    async def look() -> list[str]:
        opened.clear()
        async with asked(database) as statements, database.reading() as session:
            assert [one async for one in matches_taken_back(session, cipher)] == []
        assert await without_index(database, statements, _OF_RUNS) == []
        return sorted(opened)

    await take_statement(system, *(f"{n}000|debit|TRA LAI {n}|{number()}" for n in range(1, 4)))
    assert await look() == []
    await reconcile(system)
    assert await look() == ["TRA LAI 1", "TRA LAI 2", "TRA LAI 3"]
    for amount, days in ((1000, 8), (2000, 9), (3000, -30)):
        await change(
            system,
            "UPDATE statement_line SET booked_at = booked_at - make_interval(days => :days)"
            " WHERE amount = :amount",
            amount=amount,
            days=days,
        )
    assert await look() == ["TRA LAI 1"]


async def test_only_debits_that_say_so_are_looked_for_among_what_runs_have_matched(
    system: System,
) -> None:
    """A day has thousands of credits of one amount, and a sweep each evening."""
    bill, ref = await system.create_bill(), number()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(
        system,
        f"5000|credit|{bill['reference']}|{ref}",
        *(f"5000|debit|QUET SO DU {one}|{number()}" for one in range(3)),
    )
    assert (await reconcile(system))["summary"]["matched"]["count"] == 1
    database, cipher = system.parts.database, system.parts.cipher

    async def look() -> list[tuple[str, Any]]:
        async with asked(database) as statements, database.reading() as session:
            assert [one async for one in matches_taken_back(session, cipher)] == []
        assert await without_index(database, statements, _OF_RUNS) == []
        return [one for one in statements if " match " in one[0]]

    assert await look() == []
    await take_statement(
        system, f"5000|debit|HOAN TRA khach khac|{number()}", f"9000|debit|HOAN TRA|{number()}"
    )
    assert (await reconcile(system))["summary"]["matched"]["count"] == 1
    (runs, *_) = await look()
    assert len(runs[1]["debits"]) == 2


async def test_a_debit_that_returns_nothing_is_no_finding(system: System) -> None:
    bill, ref = await system.create_bill(), number()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(
        system,
        f"5000|debit|HOAN TRA khach khac|{number()}",
        f"5000|debit|KET CHUYEN|{ref}",
        f"5000|credit|{bill['reference']}|{ref}",
    )
    assert (await reconcile(system))["summary"]["matched"]["count"] == 1
    assert await system.broken() == []


@pytest.mark.parametrize("written", ["{}", "{}\\BNK"])
async def test_a_line_stored_again_in_other_words_is_found(system: System, written: str) -> None:
    bill, ref = await system.create_bill(), number()
    await take_statement(system, f"5000|credit|{bill['reference']} nop phi|{ref}")
    again = await take_statement(
        system, f"5000|credit|CT DI:9704 {bill['reference']} NOP PHI-CHUYEN TIEN|{number()}"
    )
    assert again["new"] == 1
    assert await system.broken() == []
    await change(
        system,
        "UPDATE statement_line SET bank_ref = :ref WHERE statement_id = :id",
        ref=written.format(ref),
        id=again["id"],
    )
    assert await said(system) == {"a line that several statements tell of is stored once"}


async def test_equal_lines_of_one_file_and_a_longer_one_after_it_are_no_finding(
    system: System,
) -> None:
    bill, ref = await system.create_bill(), number()
    line = f"5000|credit|{bill['reference']} nop phi|{ref}"
    assert (await take_statement(system, line, line))["new"] == 2
    assert (await take_statement(system, line, line, line))["new"] == 1
    assert await system.broken() == []


async def test_a_stale_run_that_calls_known_money_unknown_is_found(system: System) -> None:
    bill = await system.create_bill()
    await take_statement(system, f"5000|credit|{bill['reference']}|{number()}")
    run = await reconcile(system)
    assert run["summary"]["unknown_in_ledger"]["count"] == 0
    assert await system.broken() == []
    await change(
        system,
        "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference, amount,"
        " reason) SELECT :id, m.reconciliation_id, 'line', m.line_id, 'unknown_in_ledger', '',"
        " m.amount, 'stale' FROM match m WHERE m.reconciliation_id = :run",
        id=new_id("disc"),
        run=run["id"],
    )
    assert "no run that stands calls unknown what was in the books as money when it was made" in (
        await said(system)
    )
