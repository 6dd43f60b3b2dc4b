"""What every test has: its own settings, no network, and a database for the asking."""

import asyncio
import atexit
import functools
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from app.processes import end_in_silence
from tests.support.compiled import share_compiled_statements
from tests.support.database import (
    EMPTY,
    PostgresServer,
    close_connections,
    end_the_server,
    the_server,
)
from tests.support.examples import register_profiles
from tests.support.network import block_the_network
from tests.support.passwords import hash_cheaply

if TYPE_CHECKING:
    from tests.support.system import System
    from tests.support.system_builder import SystemTemplate

_RUN = "LEPHI_TEST_RUN"
_LEADER = "LEPHI_TEST_LEADER"
#: Another's run whose server this one is to use: its folder and the process that leads it.
_SHARED = "LEPHI_TEST_SHARED_RUN"
_OWN = pytest.StashKey[bool]()
#: How many objects gather before they are searched for cycles: as many as while serving.
_GARBAGE = 50_000
#: What a loaded machine does to a browser's input is no finding: such a press is tried once more,
#: and the summary says RERUN. A failing assertion is never tried again. A mark and no option of the
#: whole run, for of each test that may be tried again a worker asks its leader: 40 ms a test.
_TRIED_AGAIN = pytest.mark.flaky(
    reruns=1, only_rerun=["TimeoutError: (Page|Locator|Frame|Browser)"]
)

register_profiles()


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder, and keep the settings of whoever starts it out of the tests."""
    for name in [name for name in os.environ if name.startswith("LEPHI_")]:
        if not name.startswith("LEPHI_TEST_"):
            del os.environ[name]
    os.environ["LEPHI_MODE"] = "test"
    if not os.access(Path.home(), os.W_OK):  # browsers and font tools insist on writing there
        os.environ["HOME"] = tempfile.gettempdir()
    if not hasattr(config, "workerinput"):  # the process that leads the run, not one of its workers
        folder, _, leader = os.environ.pop(_SHARED, "").partition(":")
        config.stash[_OWN] = not folder
        os.environ[_RUN] = folder or tempfile.mkdtemp(prefix="lephi-test-")
        os.environ[_LEADER] = leader or str(os.getpid())
    block_the_network()
    hash_cheaply()
    share_compiled_statements()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search nothing for garbage that is there for the whole run: the product, the tests.

    Millions of objects are made while tests are collected, and all stay. Searching them again and
    again takes as long as making them, and every test would pay for it afterwards.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        gc.enable()
        atexit.register(end_in_silence)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a browser's input tried once more where it came to nothing, and nothing else."""
    for item in items:
        if isinstance(item, pytest.Function) and has_browser(item.module):
            item.add_marker(_TRIED_AGAIN)


@functools.cache
def has_browser(module: ModuleType) -> bool:
    """Whether a module of tests has taken something from `tests.support.browser`."""
    browser = sys.modules.get("tests.support.browser")
    return browser is not None and any(
        value is browser or getattr(value, "__module__", None) == browser.__name__
        for value in vars(module).values()
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers `-n auto` means: one for each core that this process may use."""
    return len(os.sched_getaffinity(0))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running and nothing on disk."""
    close_connections()
    if config.stash.get(_OWN, False) and _RUN in os.environ:
        run = Path(os.environ.pop(_RUN))
        end_the_server(run)
        shutil.rmtree(run, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test print what is no valid text: workers can only send valid text to their leader."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8"))
        for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The PostgreSQL server that the whole run shares."""
    return the_server(Path(os.environ[_RUN]), int(os.environ[_LEADER]))


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, migrated database; dropped afterwards."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def filled_database_url(
    postgres_server: PostgresServer, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URL of a database that the module's `fill` filled, once for the whole run."""
    module = request.module
    name = "filled_" + module.__name__.rpartition(".")[2]

    def fill(url: str) -> str:
        asyncio.run(module.fill(url))
        return ""

    postgres_server.template(name, fill)
    with postgres_server.database(name) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database without any schema; dropped afterwards."""
    with postgres_server.database(EMPTY) as url:
        yield url


@pytest.fixture(scope="session")
def system_template(postgres_server: PostgresServer) -> "SystemTemplate":
    """What every system is a copy of, made once for the whole run."""
    from tests.support.system_builder import system_template

    return system_template(postgres_server)


@pytest.fixture
async def system(system_template: "SystemTemplate", tmp_path: Path) -> AsyncIterator["System"]:
    """The whole system over a fresh database: service and sandbox behind real ports."""
    # Here and not above: a run that needs no system does not load the whole application.
    from tests.support.system import system_at

    async with system_at(system_template, tmp_path / "data") as built:
        yield built


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_system(
    system_template: "SystemTemplate", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator["System"]:
    """One system for all tests of a module that do not disturb each other; quicker than `system`.

    Such a module says `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
    """
    from tests.support.system import system_at

    async with system_at(system_template, tmp_path_factory.mktemp("system")) as built:
        yield built


@pytest.fixture(autouse=True)
def _gateways_answer_again(request: pytest.FixtureRequest) -> None:
    """No test of a shared system finds a gateway resting because an earlier one silenced it."""
    if "shared_system" in request.fixturenames:
        from tests.support.breakers import answer_again

        answer_again(request.getfixturevalue("shared_system"))
