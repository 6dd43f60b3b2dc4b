"""A test that waits for somebody to wait says so where nobody does, and does not go on for ever."""

import pytest

from core.db import Database
from tests.support.locks import until_someone_waits


async def test_nobody_who_waits_is_told_in_the_end(database: Database) -> None:
    with pytest.raises(AssertionError, match="nobody waits for a lock"):
        await until_someone_waits(database, looks=3)
