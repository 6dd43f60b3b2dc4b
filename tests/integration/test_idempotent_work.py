"""Work that is done once for a key, by whatever route: its answer, its repeat, its failure."""

import asyncio
from datetime import UTC, datetime

import pytest
from fastapi import Response
from pydantic import BaseModel

from core import clock
from core.crypto import Cipher, keyed_hash
from core.db import Database
from core.idempotency import LEASE, Claim, Idempotency, InFlight, KeyReused
from core.json import canonical
from core.sessions import WriteSession

START = datetime(2026, 11, 29, 8, tzinfo=UTC)
SECRET = b"s" * 32
BODY = {"code": "thu-nghiem"}


class Made(BaseModel):
    """What the work makes: how often it was done."""

    done: int


class Work:
    """Counts how often it is done, for one key; fails while told to."""

    def __init__(self, database: Database) -> None:
        self.done = 0
        self.failing = False
        self.asked = Idempotency(database, Cipher(b"k" * 32), SECRET, "POST /things", "key-1")

    async def make(self) -> Made:
        if self.failing:
            raise RuntimeError("not now")
        self.done += 1
        return Made(done=self.done)

    async def inside(self, body: object = None, status: int = 201) -> Response:
        async def work(_session: WriteSession) -> Made:
            return await self.make()

        return await self.asked(self.asked.claim("key:1", body or BODY), work, status=status)

    async def outside(self) -> Response:
        return await self.asked.outside(self.asked.claim("key:1", BODY), self.make)


def told(answer: Response) -> tuple[int, bytes, bool]:
    """Status, body, and whether it is said to be a repeat."""
    return answer.status_code, bytes(answer.body), "idempotent-replayed" in answer.headers


async def test_a_repeat_gets_the_first_answer_and_does_nothing(database: Database) -> None:
    work = Work(database)
    assert told(await work.inside(status=202)) == (202, b'{"done":1}', False)
    assert told(await work.inside(status=202)) == (202, b'{"done":1}', True)
    with pytest.raises(KeyReused):
        await work.inside(body={"code": "khac"})
    assert work.done == 1


async def test_two_at_once_do_it_once(database: Database) -> None:
    work = Work(database)
    answers = [told(one) for one in await asyncio.gather(work.inside(), work.inside())]
    assert sorted(answers) == [(201, b'{"done":1}', False), (201, b'{"done":1}', True)]


async def test_work_with_transactions_of_its_own_is_in_flight_until_its_lease_is_over(
    database: Database,
) -> None:
    work, begun, stopped = Work(database), asyncio.Event(), asyncio.Event()

    async def never() -> Made:
        begun.set()
        await stopped.wait()
        return await work.make()

    with clock.frozen(START) as now:
        slow = asyncio.create_task(work.asked.outside(work.asked.claim("key:1", BODY), never))
        await asyncio.wait_for(begun.wait(), 10)
        with pytest.raises(InFlight):
            await work.outside()
        now.advance(LEASE)
        assert told(await work.outside()) == (201, b'{"done":1}', False)
        # An answer is repeated, however young its key is.
        assert told(await work.outside()) == (201, b'{"done":1}', True)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
    assert work.done == 1


async def test_an_answer_is_repeated_while_its_key_is_young(database: Database) -> None:
    work = Work(database)
    with clock.frozen(START):
        assert told(await work.outside()) == (201, b'{"done":1}', False)
        assert told(await work.outside()) == (201, b'{"done":1}', True)


async def test_after_work_that_failed_the_key_is_free(database: Database) -> None:
    work = Work(database)
    for attempt in (work.inside, work.outside):
        work.failing = True
        with pytest.raises(RuntimeError, match="not now"):
            await attempt()
        work.failing = False
    assert told(await work.outside()) == (201, b'{"done":1}', False)


def test_what_is_kept_of_a_request_is_known_by_the_next_release_too() -> None:
    claim = Claim.of("key:1", "POST /things", "key-1", BODY, SECRET)
    assert claim.request_hash == keyed_hash(SECRET, canonical(BODY))
