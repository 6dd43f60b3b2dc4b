"""Work that is done once for a key, by whatever route: its answer, its repeat, its failure."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import Response
from pydantic import BaseModel
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher, keyed_hash
from core.db import Database
from core.idempotency import (
    LEASE,
    Claim,
    Idempotency,
    IdempotencyKey,
    InFlight,
    KeyReused,
    begin,
    expire,
    find,
    finish,
    forget,
    is_under_way,
)
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


def test_a_request_is_under_way_for_its_lease_however_the_clocks_differ() -> None:
    moment, apart, lease = timedelta(microseconds=1), timedelta(seconds=30), timedelta(seconds=90)
    with clock.frozen(START):
        assert is_under_way(START - lease + moment)
        assert not is_under_way(START - lease)
        assert is_under_way(START + apart)
        assert not is_under_way(START + apart + moment)


CIPHER = Cipher(b"k" * 32)


def claim_of(
    owner: str = "key:1", route: str = "POST /things", key: str = "key-1", code: str = "thu-nghiem"
) -> Claim:
    return Claim.of(owner, route, key, {"code": code}, SECRET)


async def answers(database: Database) -> dict[str, bytes | None]:
    """Object → its answer, of every key."""
    async with database.reading() as session:
        keys = await session.all(select(IdempotencyKey).order_by(col(IdempotencyKey.object_id)))
    return {key.object_id: key.body for key in keys}


async def test_a_request_ends_its_own_key_alone_and_only_once(database: Database) -> None:
    own = claim_of()
    others = {
        "key": claim_of(key="key-2"),
        "owner": claim_of(owner="key:2"),
        "route": claim_of(route="POST /others"),
    }
    async with database.transaction() as session:
        assert await begin(session, own, "own")
        assert not await begin(session, own, "again")
        for name, claim in others.items():
            assert await begin(session, claim, name)
        # Another body under its key is not this request.
        await forget(session, claim_of(code="khac"))
        assert not await finish(session, claim_of(code="khac"), 201, b"other", CIPHER)
        assert await finish(session, own, 201, b"first", CIPHER)
        assert not await finish(session, own, 201, b"second", CIPHER)
        await forget(session, own)
        found = await find(session, own, CIPHER)
    assert found is not None
    assert (found.state, found.status, found.body) == ("done", 201, b"first")
    kept = await answers(database)
    assert kept.pop("own") is not None
    assert kept == dict.fromkeys(others)
    async with database.transaction() as session:
        await forget(session, others["key"])
    assert (await answers(database)).keys() == {"own", "owner", "route"}


async def test_only_answers_that_are_old_are_dropped_and_each_once(database: Database) -> None:
    with clock.frozen(START) as now:
        for key, pause in (("old", timedelta(hours=72)), ("young", timedelta(0))):
            async with database.transaction() as session:
                assert await begin(session, claim_of(key=key), key)
                assert await finish(session, claim_of(key=key), 201, b"made", CIPHER)
            now.advance(pause)
        for dropped, has_old in ((0, True), (1, False), (0, False)):
            async with database.transaction() as session:
                assert await expire(session) == dropped
            kept = await answers(database)
            assert kept["young"] is not None
            assert (kept["old"] is not None) is has_old
            now.advance(timedelta(microseconds=1))
