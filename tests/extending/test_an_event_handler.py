"""The page's handler writes in the transaction of the mark; each step left out is complained of."""

import importlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app import wiring, worker
from app.parts import Parts
from app.worker import deliver
from core import audit, clock, outbox
from core.handlers import Handler
from core.outbox import LEASE
from core.settings import Settings
from payments.events import BillPaid
from tests.architecture.source import ROOT, Source
from tests.architecture.test_handlers_and_routers import unlisted
from tests.architecture.test_house_rules import stray_commits
from tests.architecture.test_session_openers import openings
from tests.support.extend_page import FILES, added, edited, module_from
from tests.support.rows import count

WORK, LIST = "reconciliation/handlers.py", "app/handlers.py"


@pytest.fixture
async def parts(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Parts]:
    """The service's parts with the page's line in the list of handlers."""
    with added(tmp_path / "page", WORK):
        handlers = module_from(edited(LIST), "handlers_of_the_page", monkeypatch).HANDLERS
        for module in (wiring, worker):
            monkeypatch.setattr(module, "HANDLERS", handlers)
        settings = Settings(
            mode="test", database_url=database_url, data_dir=tmp_path, log_level="error"
        )
        async with wiring.parts_of(settings) as opened:
            yield opened


def listed() -> Sequence[Handler[Parts, Any]]:
    """The handlers that the worker knows."""
    handlers: Sequence[Handler[Parts, Any]] = vars(worker)["HANDLERS"]
    return handlers


async def tell(parts: Parts) -> None:
    async with parts.database.transaction() as session:
        await outbox.emit(session, BillPaid("bill_1", "agency_1", 5_000))


async def waiting(parts: Parts) -> int:
    mine = "handler = 'reconciliation.expect' AND state = 'waiting'"
    return await count(parts.database, "outbox_delivery", mine)


async def expected(parts: Parts) -> list[tuple[str, dict[str, Any]]]:
    async with parts.database.reading() as session:
        return [
            (e.object_id, e.details)
            async for e in audit.each_entry(session, ["statement.expected"])
        ]


async def test_it_hears_of_a_paid_bill_beside_the_others_and_writes_once(parts: Parts) -> None:
    mine = listed()[-1]
    assert mine.name == "reconciliation.expect"
    await tell(parts)
    beside = [handler for handler in listed() if handler.event is mine.event]
    assert len(beside) > 1
    assert await count(parts.database, "outbox_delivery") == len(beside)
    assert (await waiting(parts), await expected(parts)) == (1, [])
    assert await deliver(parts, mine) == 1
    assert (await waiting(parts), await expected(parts)) == (0, [("bill_1", {"amount": 5_000})])
    assert await deliver(parts, mine) == 0
    assert len(await expected(parts)) == 1


async def test_what_it_wrote_goes_with_a_mark_that_fails(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("killed before the mark")

    mine = listed()[-1]
    await tell(parts)
    with clock.frozen(clock.now()) as now:
        with monkeypatch.context() as broken:
            broken.setattr(outbox, "complete", fails)
            assert await deliver(parts, mine) == 1
        assert (await waiting(parts), await expected(parts)) == (1, [])
        now.advance(LEASE)
        assert await deliver(parts, mine) == 1
    assert (await waiting(parts), len(await expected(parts))) == (0, 1)


def test_a_handler_that_is_not_listed_is_complained_of() -> None:
    work = Source(WORK, FILES[WORK])
    ours = Source(LIST, (ROOT / LIST).read_text("utf-8"))
    assert unlisted([work], ours) == [f"{WORK}: expect_on_statement"]
    assert unlisted([work], Source(LIST, edited(LIST))) == []


def test_a_handler_that_commits_or_opens_a_session_is_complained_of() -> None:
    text = FILES[WORK]
    assert stray_commits(Source(WORK, text)) == openings(Source(WORK, text)) == []
    assert stray_commits(Source(WORK, f"{text}        await session.commit()\n"))
    assert openings(Source(WORK, f"{text}        database.transaction()\n"))


def test_its_module_can_be_imported_as_the_page_says(tmp_path: Path) -> None:
    with added(tmp_path, WORK):
        assert importlib.import_module("reconciliation.handlers").expect_on_statement
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("reconciliation.handlers")
