"""The operations page among many notices: what it reads, and how much of it it shows."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from app.web.staff import keeping_operations
from tests.support.markup import tree_of, words_of
from tests.support.plans import asked
from tests.support.planted_notices import forgotten, noticed
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = f"{SETTINGS}/operations"
MANY = 5_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


def passed_over(node: dict[str, Any]) -> Iterator[int]:
    """How many rows each part of a plan has read for nothing."""
    yield node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
    for inner in node.get("Plans", ()):
        yield from passed_over(inner)


async def test_notices_that_were_applied_are_not_read_to_find_those_set_aside(
    admin: StaffBrowser, shared_system: System
) -> None:
    database, found = shared_system.parts.database, 0
    planted = [await noticed(shared_system, "applied", MANY)]
    planted.append(await noticed(shared_system, "set_aside", 1))
    try:
        async with asked(database) as statements:
            assert (await admin.get(HERE)).status_code == 200
        async with database.transaction() as session:
            connection = await session.connection()
            for statement, parameters in statements:
                if "FROM callback" in statement:
                    found += 1
                    explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                    plan = (await connection.exec_driver_sql(explained, parameters)).scalar_one()
                    assert sum(passed_over(plan[0]["Plan"])) < MANY / 10, statement
    finally:
        for name in planted:
            await forgotten(shared_system, name)
    assert found == 1


async def test_of_much_that_was_set_aside_the_oldest_is_shown_and_the_page_says_so(
    admin: StaffBrowser, shared_system: System
) -> None:
    most = keeping_operations.MOST_SHOWN
    name = await noticed(shared_system, "set_aside", most)
    try:
        whole = (await admin.get(HERE)).text
        assert "chỉ hiện" not in words_of(whole)
        more = await noticed(shared_system, "set_aside", 1)
        cut = (await admin.get(HERE)).text
        assert f"chỉ hiện {most} mục cũ nhất" in words_of(cut)
        shown = tree_of(cut).xpath("//form[contains(@action, '/notices/')]/@action")
        assert len(shown) == most
        # The newest is the one that waits.
        assert not [one for one in shown if more in one]
        await forgotten(shared_system, more)
    finally:
        await forgotten(shared_system, name)
