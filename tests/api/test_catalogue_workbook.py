"""The catalogue is fetched from staff's pages as the workbook that a change begins with."""

import io

import pytest
from python_calamine import CalamineWorkbook

from tests.support.markup import tree_of
from tests.support.staff_browser import signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

CATALOGUE = f"{SETTINGS}/catalogue"


async def test_who_may_propose_finds_the_file_to_begin_with(shared_system: System) -> None:
    async with signed_in_as(shared_system, "finance") as finance:
        for page, count in ((CATALOGUE, 2), (f"{CATALOGUE}/proposals/new", 1)):
            links = tree_of((await finance.get(page)).text).xpath(
                "//main//a[contains(@href, '/catalogue/export')]/@href"
            )
            assert len(links) == count, page
        own, national = [
            await finance.get(link)
            for link in (f"{CATALOGUE}/export", f"{CATALOGUE}/export?scope=national")
        ]
        books = [CalamineWorkbook.from_filelike(io.BytesIO(one.content)) for one in (own, national)]
        assert [one.status_code for one in (own, national)] == [200, 200]
        assert set(books[0].sheet_names) < set(books[1].sheet_names)


async def test_a_collector_is_given_none(shared_system: System) -> None:
    async with signed_in_as(shared_system, "collector") as collector:
        assert (await collector.get(f"{CATALOGUE}/export")).status_code == 403
