"""Large statements: answered at once, taken in apart, whole or not at all whatever is killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from sqlalchemy import text, update
from sqlmodel import col

import reconciliation.statements.uploads
from core import clock, failpoints
from core.ids import new_id
from core.statements import values_of
from payments.agencies.access.rights import Scope
from payments.agencies.queries import get_collection_account
from reconciliation.formats.limits import Limits
from reconciliation.models import StatementLine, StatementTaking
from reconciliation.statements import large as large_statements
from reconciliation.statements import takings
from reconciliation.statements.large import LargeStatement, take_showing
from reconciliation.statements.narratives import open_narrative
from reconciliation.statements.taking import take_statement
from reconciliation.statements.takings import NewTaking, TakingInterrupted, TooManyStatements, begin
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
#: Three batches, and more rows than whoever reads them tells of at once.
ROWS = 4_500
#: What the same file says again when it is made again.
NOW = clock.now().isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class SealedLine:
    """A line's words as they are stored."""

    id: str
    sealed_narrative: bytes


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file need not be large to be taken in as one."""
    monkeypatch.setattr(reconciliation.statements.uploads, "LARGE", 10_000)
    yield
    failpoints.clear()


def statement(name: str, rows: int = ROWS, *more: str) -> bytes:
    lines = (f"L{n},{NOW},{1000 + n},credit,,{name} {n},{name}{n}" for n in range(rows))
    return "\n".join([HEADER, *lines, *more]).encode() + b"\n"


async def send(
    system: System, content: bytes, key: str | None = None, client: httpx2.AsyncClient | None = None
) -> httpx2.Response:
    return await (client or system.office).post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", content, "text/csv")},
        data={"account": system.body.collection_code, "mapping": "lephi-basic"},
        headers={"Idempotency-Key": key or new_id("k")},
    )


async def ask(system: System, statement_id: str) -> dict[str, Any]:
    answer = await system.office.get(f"/api/v1/statements/{statement_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(system: System, statement_id: str) -> dict[str, Any]:
    """How a taking ended, once it has."""
    found: dict[str, Any] = {}
    for _ in range(1500):
        found = await ask(system, statement_id)
        if found["status"] != "taking":
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"it is still taken in: {found}")


async def lines_of(system: System, name: str) -> int:
    return await count(system.parts.database, "statement_line", "bank_ref LIKE :of", of=f"{name}%")


async def test_a_large_statement_is_answered_at_once_and_taken_whole(shared_system: System) -> None:
    name, key = new_id("w"), new_id("k")
    content = statement(name)
    answer = await send(shared_system, content, key)
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert (begun["status"], begun["statement"], begun["refusal"]) == ("taking", None, None)
    done = await ended(shared_system, begun["id"])
    assert (done["status"], done["rows_read"]) == ("taken", ROWS)
    assert done["statement"]["id"] == begun["id"]
    assert (done["statement"]["new"], done["statement"]["known"]) == (ROWS, False)
    assert await lines_of(shared_system, name) == ROWS
    again = await send(shared_system, content, key)
    assert (again.status_code, again.content) == (202, answer.content), "one key, one answer"
    other = await ended(shared_system, (await send(shared_system, content)).json()["id"])
    assert (other["statement"]["id"], other["statement"]["known"]) == (begun["id"], True)
    assert await lines_of(shared_system, name) == ROWS


async def test_rows_of_an_earlier_file_are_passed_over_in_every_batch(
    shared_system: System,
) -> None:
    system, name = shared_system, new_id("o")
    earlier = (await send(system, statement(name, 3_000))).json()
    assert (await ended(system, earlier["id"]))["statement"]["new"] == 3_000
    # Two genuine equal rows, after all the others again.
    twice = [f"T{n},{NOW},7777,credit,,hai dong {name},{name}T" for n in range(2)]
    later = await ended(system, (await send(system, statement(name, ROWS, *twice))).json()["id"])
    assert (later["statement"]["rows"], later["statement"]["new"]) == (ROWS + 2, ROWS - 3_000 + 2)
    of_later = {"where": "statement_id = :id", "id": later["id"]}
    assert await count(system.parts.database, "repeated_line", **of_later) == 3_000
    assert await lines_of(system, name) == ROWS + 2


async def test_words_are_kept_as_they_were_written(shared_system: System) -> None:
    name = new_id("q")
    words = ["C:\\N \\. \\t", "a\tb", "nộp “lệ phí”; ''--", "dong 1\n\\.\ndong 2"]
    odd = [f'Q{n},{NOW},5,credit,,"{said}",{name}{n}' for n, said in enumerate(words)]
    begun = (await send(shared_system, statement(name, 400, *odd))).json()
    done = await ended(shared_system, begun["id"])
    assert done["statement"]["new"] == 404
    async with shared_system.parts.database.reading() as session:
        told = values_of(SealedLine, StatementLine).where(
            StatementLine.statement_id == done["id"], StatementLine.amount == 5
        )
        found = await session.all(told.order_by(col(StatementLine.line_number)))
    cipher = shared_system.parts.cipher
    assert [open_narrative(cipher, line.id, line.sealed_narrative) for line in found] == words


async def test_a_large_statement_with_a_bad_row_is_refused_by_row(shared_system: System) -> None:
    name = new_id("b")
    bad = "L0,2026-13-01T00:00:00+07:00,1,credit,,x,y"
    begun = (await send(shared_system, statement(name, ROWS, bad))).json()
    done = await ended(shared_system, begun["id"])
    assert (done["status"], done["statement"]) == ("refused", None)
    assert done["refusal"]["code"] == "statement_refused"
    assert done["refusal"]["errors"][0]["field"] == f"row {ROWS + 2}, column line_id"
    assert await lines_of(shared_system, name) == 0


@pytest.mark.parametrize("place", ["statement.while_read", "statement.before_commit"])
async def test_a_kill_in_the_middle_takes_nothing_and_is_told(
    shared_system: System, place: str
) -> None:
    name = new_id("k")
    failpoints.configure(f"{place}=kill")
    begun = (await send(shared_system, statement(name))).json()
    done = await ended(shared_system, begun["id"])
    assert (done["status"], done["refusal"]["code"]) == ("refused", "interrupted")
    assert done["refusal"]["retryable"] is True
    assert await lines_of(shared_system, name) == 0
    assert await count(shared_system.parts.database, "statement", "id = :id", id=begun["id"]) == 0
    failpoints.clear()
    again = await ended(shared_system, (await send(shared_system, statement(name))).json()["id"])
    assert again["statement"]["new"] == ROWS


async def test_a_kill_after_the_commit_is_no_refusal(shared_system: System) -> None:
    name = new_id("c")
    failpoints.configure("statement.after_commit=kill")
    done = await ended(shared_system, (await send(shared_system, statement(name))).json()["id"])
    assert (done["status"], done["statement"]["new"]) == ("taken", ROWS)
    assert await lines_of(shared_system, name) == ROWS


async def direct(system: System, name: str) -> None:
    """Take a statement in as its process does, in this one."""
    database = system.parts.database
    async with database.transaction() as session:
        account = await get_collection_account(session, system.body.collection_account_id)
        taking_id = new_id("stmt")
        await begin(session, NewTaking(taking_id, account.id, large=True))
    today = clock.business_date(clock.now())
    told = LargeStatement(
        *(taking_id, account, "lephi-basic", "a.csv", "system:test", today),
        *(system.parts.cipher, database.url),
    )
    try:
        await take_showing(database, statement(name, 10), told, lambda rows: None)
    finally:
        await forget(system, taking_id)


async def forget(system: System, taking_id: str) -> None:
    async with system.parts.database.transaction() as session:
        gone = update(StatementTaking).where(col(StatementTaking.id) == taking_id)
        await session.write(gone.values(state="refused"))


async def silenced(system: System) -> None:
    """Whoever takes in has left no sign of life for long."""
    long_ago = clock.now() - takings.SILENCE
    async with system.parts.database.transaction() as session:
        taking = update(StatementTaking).where(col(StatementTaking.state) == "taking")
        await session.write(taking.values(beat_at=long_ago))


async def test_what_was_told_to_be_interrupted_is_not_taken_afterwards(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, stored = new_id("f"), take_statement

    async def stalled(*given: Any, **named: Any) -> Any:
        taken = await stored(*given, **named)
        await silenced(shared_system)
        return taken

    monkeypatch.setattr(large_statements, "take_statement", stalled)
    with pytest.raises(TakingInterrupted):
        await direct(shared_system, name)
    assert await lines_of(shared_system, name) == 0


async def test_without_that_look_it_would_be(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, stored = new_id("f"), take_statement

    async def stalled(*given: Any, **named: Any) -> Any:
        taken = await stored(*given, **named)
        await silenced(shared_system)
        return taken

    async def unlooked(*given: Any) -> None:
        return None

    monkeypatch.setattr(large_statements, "take_statement", stalled)
    monkeypatch.setattr(large_statements, "end_taken", unlooked)
    await direct(shared_system, name)
    assert await lines_of(shared_system, name) == 10


@asynccontextmanager
async def under_way(system: System, how_many: int, *, large: bool) -> AsyncIterator[list[str]]:
    """So many statements that others take in."""
    ids = [new_id("stmt") for _ in range(how_many)]
    async with system.parts.database.transaction() as session:
        for taking_id in ids:
            await begin(session, NewTaking(taking_id, system.body.collection_account_id, large))
    try:
        yield ids
    finally:
        for taking_id in ids:
            await forget(system, taking_id)


async def test_no_more_than_so_many_are_taken_in_at_once(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takings, "PATIENCE", 0.0)
    async with under_way(shared_system, takings.LARGE_AT_ONCE, large=True) as ids:
        busy = await send(shared_system, statement(new_id("n")))
        told = problem(busy, 503, "too_many_statements")
        assert told["retryable"] is True
        assert "gửi lại" in told["detail"]
        assert busy.headers["retry-after"] == str(takings.RETRY_AFTER)
        small = await send(shared_system, statement(new_id("n"), 3))
        assert small.status_code == 201, "small ones have turns of their own"
        assert (await ask(shared_system, ids[0]))["status"] == "taking"
        await silenced(shared_system)
        assert (await ask(shared_system, ids[0]))["refusal"]["code"] == "interrupted"
        free = await send(shared_system, statement(new_id("n")))
        assert free.status_code == 202, "nobody works on those any more"
        await ended(shared_system, free.json()["id"])
    async with under_way(shared_system, takings.OTHERS_AT_ONCE, large=False):
        busy = await send(shared_system, statement(new_id("n"), 3))
        problem(busy, 503, "too_many_statements")


async def test_who_comes_to_a_full_house_waits_a_little(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = asyncio.Event()

    async def pause(_: float) -> None:
        waited.set()
        await asyncio.tasks.sleep(0.01)

    class Quick:
        """asyncio, with a pause that is seen."""

        sleep = staticmethod(pause)

        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

    monkeypatch.setattr(takings, "asyncio", Quick())
    async with under_way(shared_system, takings.OTHERS_AT_ONCE, large=False) as ids:
        sent = asyncio.create_task(send(shared_system, statement(new_id("n"), 3)))
        await asyncio.wait_for(waited.wait(), 10)
        await forget(shared_system, ids[0])
        assert (await sent).status_code == 201


async def test_many_that_begin_together_are_still_no_more(shared_system: System) -> None:
    async def start() -> bool:
        new = NewTaking(new_id("stmt"), shared_system.body.collection_account_id, large=True)
        try:
            await shared_system.parts.database.run(partial(begin, new=new))
        except TooManyStatements:
            return False
        return True

    began = await asyncio.gather(*(start() for _ in range(8)))
    assert sum(began) == takings.LARGE_AT_ONCE
    async with shared_system.parts.database.transaction() as session:
        await session.write(update(StatementTaking).values(state="refused"))


async def test_without_the_lock_there_would_be_more(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = asyncio.Barrier(4)

    async def unlocked(session: Any, *names: str) -> None:
        # What each counts is what was there before any of them wrote.
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await session.execute(text("SELECT 1 FROM statement_taking"))
        await counted.wait()

    monkeypatch.setattr(takings, "lock_names", unlocked)
    with pytest.raises(AssertionError):
        await test_many_that_begin_together_are_still_no_more(shared_system)
    async with shared_system.parts.database.transaction() as session:
        await session.write(update(StatementTaking).values(state="refused"))


async def test_nobody_asks_about_anothers_statement(shared_system: System) -> None:
    begun = (await send(shared_system, statement(new_id("p"), 500))).json()
    async with neighbour_of(shared_system, scopes=(Scope.STATEMENTS,)) as other:
        answer = await other.client.get(f"/api/v1/statements/{begun['id']}")
        problem(answer, 404, "not_found")
    await ended(shared_system, begun["id"])


async def test_a_taking_is_forgotten_in_the_end_and_its_statement_is_not(
    shared_system: System,
) -> None:
    begun = (await send(shared_system, statement(new_id("e"), 500))).json()
    await ended(shared_system, begun["id"])
    async with shared_system.parts.database.transaction() as session:
        old = update(StatementTaking).where(col(StatementTaking.id) == begun["id"])
        await session.write(old.values(created_at=clock.now() - takings.KEPT * 2))
        assert await takings.expire(session) >= 1
    found = await ask(shared_system, begun["id"])
    assert (found["status"], found["rows_read"], found["statement"]["new"]) == ("taken", 500, 500)


async def test_a_file_over_the_limit_is_refused_at_the_door(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation.statements.uploads, "LIMITS", Limits(size=100))
    told = problem(await send(shared_system, statement(new_id("t"), 9)), 413, "too_large")
    assert "100 byte" in told["detail"]
