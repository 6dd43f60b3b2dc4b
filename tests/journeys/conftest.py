"""A browser for all tests of a module, whose loop is the module's.

Such a module says `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.system import System
    from tests.support.system_builder import SystemTemplate


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    """Started once: that takes longer than many of the tests."""
    from tests.support import browser as chromium

    async with chromium.started() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def own_system(system_template: "SystemTemplate", tmp_path: Path) -> AsyncIterator["System"]:
    """As `system`, for a test whose loop is its module's."""
    from tests.support.system import system_at

    async with system_at(system_template, tmp_path / "data") as built:
        yield built
