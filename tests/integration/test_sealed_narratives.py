"""A statement's words lie encrypted, and a day is matched by them all the same."""

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core.crypto import DecryptionFailed
from core.ids import new_id
from reconciliation.models import StatementLine
from reconciliation.statements.earlier_narratives import seal_earlier
from reconciliation.statements.narratives import open_narrative
from tests.support.rows import dump
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What a bank writes of whoever paid.
CANARY = "NGUYEN THI CANH CHIM 0901777666"


async def lines_of(system: System, statement_id: str) -> list[StatementLine]:
    async with system.parts.database.reading() as session:
        wanted = select(StatementLine).where(StatementLine.statement_id == statement_id)
        return list(await session.all(wanted.order_by(col(StatementLine.line_number))))


async def test_no_row_says_who_paid_and_the_day_is_matched(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    taken = await take_statement(
        system,
        f"5000|credit|{bill['reference']} {CANARY}|{new_id('f')}",
        f"4100|debit|HOAN TRA {CANARY}|{new_id('f')}",
    )
    run = await reconcile(system)
    for table, rows in (await dump(system.parts.database)).items():
        for told in ("CANH CHIM", "0901777666"):
            assert told not in rows, table
            assert told.encode().hex() not in rows, table
    # The reference stands in the words alone.
    matches = await system.office.get(f"/api/v1/reconciliations/{run['id']}/matches")
    assert bill["reference"] in matches.text
    credit, debit = await lines_of(system, taken["id"])
    assert (credit.narrative, debit.narrative) == (None, None)
    opened = open_narrative(system.parts.cipher, credit.id, credit.sealed_narrative)
    assert opened == f"{bill['reference']} {CANARY}"


async def test_words_of_another_line_or_changed_ones_do_not_open(shared_system: System) -> None:
    system = shared_system
    taken = await take_statement(
        system, f"6000|credit|{CANARY}|{new_id('f')}", f"7000|credit|khac|{new_id('f')}"
    )
    one, other = await lines_of(system, taken["id"])
    with pytest.raises(DecryptionFailed):
        open_narrative(system.parts.cipher, one.id, other.sealed_narrative)
    assert one.sealed_narrative is not None
    spoilt = one.sealed_narrative[:-1] + bytes([one.sealed_narrative[-1] ^ 1])
    with pytest.raises(DecryptionFailed):
        open_narrative(system.parts.cipher, one.id, spoilt)


async def test_lines_of_before_are_read_in_clear_and_sealed_by_a_worker(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    said = f"{bill['reference']} {CANARY}"
    taken = await take_statement(system, f"5000|credit|{said}|{new_id('f')}")
    async with system.parts.database.transaction() as session:
        await session.write(
            update(StatementLine)
            .where(col(StatementLine.statement_id) == taken["id"])
            .values(narrative=said, sealed_narrative=None)
        )
    run = await reconcile(system)
    matches = await system.office.get(f"/api/v1/reconciliations/{run['id']}/matches")
    assert bill["reference"] in matches.text
    await system.work()
    async with system.parts.database.transaction() as session:
        assert await seal_earlier(session, system.parts.cipher) == 0
    (line,) = await lines_of(system, taken["id"])
    assert line.narrative is None
    assert open_narrative(system.parts.cipher, line.id, line.sealed_narrative) == said


async def test_the_database_takes_no_line_with_its_words_twice_or_not_at_all(
    shared_system: System,
) -> None:
    taken = await take_statement(shared_system, f"8000|credit|{CANARY}|{new_id('f')}")
    for told in ("narrative = 'x'", "sealed_narrative = NULL"):
        changed = text(f"UPDATE statement_line SET {told} WHERE statement_id = '{taken['id']}'")
        with pytest.raises(IntegrityError, match="ck_statement_line_one_narrative"):
            async with shared_system.parts.database.transaction() as session:
                await session.execute(changed)
