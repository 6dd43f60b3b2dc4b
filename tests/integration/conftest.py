"""A database of one's own, empty or with the seed's catalogue."""

from collections.abc import AsyncIterator

import pytest

from app.seed.catalogue import seed_catalogue
from core.db import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=3)
    yield database
    await database.dispose()


@pytest.fixture
async def seeded(database: Database) -> Database:
    async with database.transaction() as session:
        await seed_catalogue(session)
    return database
