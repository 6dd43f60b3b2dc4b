"""What the operator's figures count, and a code in a payer's words, is found by an index."""

from typing import Any

import pytest
from sqlalchemy import text

from app.figures import count_figures
from core.db import Database
from payments.billing.suggesting.suggestions import _by_code
from tests.support.plans import asked
from tests.support.stalls import stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def plans_of(database: Database, statements: list[tuple[str, Any]], table: str) -> list[str]:
    """How the statements that read a table would be carried out, with plain scans forbidden."""
    found = []
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = await session.connection()
        for statement, parameters in statements:
            if f"FROM {table}" in statement.replace("\n", ""):
                explained = f"EXPLAIN {statement}"
                plan = await connection.exec_driver_sql(explained, parameters)
                found.append("\n".join(row[0] for row in plan))
    return found


@pytest.mark.parametrize("table", ["invoice", "payer_message"])
async def test_what_is_open_is_counted_by_an_index(shared_system: System, table: str) -> None:
    database = shared_system.parts.database
    async with asked(database) as statements, database.transaction() as session:
        await count_figures(session)
    (plan,) = await plans_of(database, statements, table)
    assert f"ix_{table}_open" in plan


async def test_a_code_in_the_words_is_found_by_an_index(shared_system: System) -> None:
    database, at = shared_system.parts.database, await stall(shared_system, "K/9-b")
    async with asked(database) as statements, database.reading() as session:
        assert await _by_code(session, ["K9B"], [shared_system.body.agency_id]) == {at.id}
        assert await _by_code(session, ["K9"], [shared_system.body.agency_id]) == set()
    plans = await plans_of(database, statements, "stall JOIN market")
    assert len(plans) == 2
    for plan in plans:
        assert "ix_stall_plain_code" in plan
