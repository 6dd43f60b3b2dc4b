"""A database of one's own, empty or with the seed's catalogue."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.invariants import broken
from app.seed.catalogue import seed_catalogue
from core.db import Database
from core.sessions import WriteSession
from tests.support.bare_books import BareBooks
from tests.support.database import PostgresServer
from tests.support.money_world import MoneyWorld, world_at
from tests.support.scripted import ScriptedWorld, scripted_at
from tests.support.system_builder import SystemTemplate

_CATALOGUE = "lephi_catalogue"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=3)
    yield database
    await database.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare_books(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    """A database without anybody in it, for all tests of a module: each adds bodies of its own."""
    with postgres_server.database() as url:
        database = Database(url, pool_size=3)
        yield database
        await database.dispose()


@pytest.fixture(scope="session")
def _catalogue(postgres_server: PostgresServer) -> str:
    """The seed's catalogue and no agency, read into a database once for the whole run."""

    async def fill(url: str) -> str:
        database = Database(url, pool_size=1)
        async with database.transaction() as session:
            await seed_catalogue(session)
        await database.dispose()
        return ""

    postgres_server.template(_CATALOGUE, lambda url: asyncio.run(fill(url)))
    return _CATALOGUE


@pytest.fixture
async def seeded(postgres_server: PostgresServer, _catalogue: str) -> AsyncIterator[Database]:
    with postgres_server.database(_catalogue) as url:
        database = Database(url, pool_size=3)
        yield database
        await database.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_world(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MoneyWorld]:
    """One service for the whole module."""
    with postgres_server.database() as url:
        async with world_at(url, tmp_path_factory.mktemp("world")) as world:
            yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(opened_world: MoneyWorld) -> AsyncIterator[MoneyWorld]:
    """An empty world; afterwards its books must be in order, whatever the test did."""
    await opened_world.begin(seed=1)
    yield opened_world
    assert opened_world.problems == []
    async with opened_world.service.parts.database.transaction() as session:
        assert await broken(session) == []


@pytest.fixture(scope="session")
def books() -> BareBooks:
    """Books drawn by lot; see `asking`."""
    return BareBooks(seed=20)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def written_books(
    postgres_server: PostgresServer, books: BareBooks
) -> AsyncIterator[Database]:
    """A database with the rows of `books`, one for the whole module."""
    with postgres_server.database() as url:
        database = Database(url, pool_size=3)
        async with database.transaction() as session:
            await books.write(session)
        yield database
        await database.dispose()


@pytest_asyncio.fixture(loop_scope="module")
async def asking(written_books: Database) -> AsyncIterator[WriteSession]:
    """A session in which `books` are asked; whatever a test writes is taken back."""
    async with written_books.transaction() as session:
        yield session
        await session.rollback()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ScriptedWorld]:
    """Rows and a scripted gateway for the whole module, and no service."""
    async with scripted_at(system_template, tmp_path_factory.mktemp("scripted")) as world:
        yield world
