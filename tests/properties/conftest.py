"""The money's world, for the machine and for its controls."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.database import PostgresServer

if TYPE_CHECKING:
    from tests.support.money_machine import MoneyMachine


@pytest.fixture(scope="module")
def money_machine(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[type["MoneyMachine"]]:
    """The machine over a database of its own; each one made of it begins in an empty world.

    One event loop serves all of them: connections belong to a loop.
    """
    # Here and not above: a run that needs no service does not load the whole application.
    from tests.support.money_machine import machine_over
    from tests.support.money_world import world_at

    with postgres_server.database() as url, asyncio.Runner() as runner:
        opened = world_at(url, tmp_path_factory.mktemp("money"))
        world = runner.run(opened.__aenter__())
        try:
            yield machine_over(world, runner)
        finally:
            runner.run(opened.__aexit__(None, None, None))
