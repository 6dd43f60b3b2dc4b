"""Idempotency keys: a POST repeated with one key has one effect and one answer.

Scope: principal + route + key. The key itself is kept as a hash; the answer is kept encrypted for
72 hours and replayed byte for byte; afterwards the key's hash stays and a reuse is refused. Codes
as in the IETF draft on the Idempotency-Key header: missing 400, other body 422, in flight 409.

Three ways of use. `Idempotency` is around every POST that creates something. A new bill, on the hot
path, takes an advisory lock on the key and writes key, object and answer in one statement
(`payments.bills.create`). In both a crash leaves nothing. A flow that calls a gateway between two
transactions commits the key `in_flight` with its intent and completes it with its outcome
(`payments.attempts.checkout`); after `LEASE` a repeat may take it over and go on from the stored
object, never starting a second one.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import CheckConstraint, Column, ColumnElement, Index, LargeBinary, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from core import clock
from core.clocks import MOST_APART
from core.crypto import Cipher, keyed_hash
from core.db import Database, DatabaseDep, moment
from core.errors import BadRequest, Conflict, FieldError, Invalid
from core.ids import new_id
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import values_of

KEPT = timedelta(hours=72)
LEASE = timedelta(seconds=90)


class IdempotencyKey(SQLModel, table=True):
    """A key that was used, what its body was (keyed hash), and its answer while it is kept."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        CheckConstraint("state IN ('in_flight', 'done', 'expired')", name="state"),
        Index("ix_idempotency_key_created_at", "created_at"),
    )

    owner: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    key_hash: str = Field(primary_key=True)
    request_hash: str
    state: str
    object_id: str
    status: int | None = None
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = moment()


class KeyMissing(BadRequest):
    """The route creates something and needs an Idempotency-Key header."""

    code = "idempotency_key_missing"


class KeyInvalid(BadRequest):
    """The Idempotency-Key header is not 1 to 255 printable ASCII characters."""

    code = "idempotency_key_invalid"


class KeyReused(Invalid):
    """The key was used with another body: send a new key for a new request."""

    code = "idempotency_key_reused"


class InFlight(Conflict):
    """The first request with this key is still being worked on: repeat it shortly."""

    code = "idempotency_in_flight"
    retryable = True


class KeyExpired(Conflict):
    """The key was used more than 72 hours ago: look the object up instead."""

    code = "idempotency_expired"


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's key, ready to be claimed. `lock` is its advisory lock number."""

    owner: str
    route: str
    key_hash: str
    request_hash: str
    lock: int

    @classmethod
    def of(cls, owner: str, route: str, key: str, body: object, secret: bytes) -> "Claim":
        """Build the claim; `body` is the parsed request, so spacing does not matter."""
        key_hash = hashlib.sha256(key.encode()).hexdigest()
        request_hash = keyed_hash(secret, canonical(body))
        scope = hashlib.sha256(f"{owner}\n{route}\n{key_hash}".encode()).digest()
        return cls(owner, route, key_hash, request_hash, int.from_bytes(scope[:8], signed=True))

    @property
    def context(self) -> str:
        """What the stored answer's encryption is bound to."""
        return f"idempotency:{self.owner}:{self.route}:{self.key_hash}"


@dataclass(frozen=True, slots=True)
class _StoredKey:
    """A key as it is stored; `body` is encrypted."""

    request_hash: str
    state: str
    object_id: str
    status: int | None
    body: bytes | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """What is known of a key that was used with this body; `first` where it was used just now."""

    state: str
    object_id: str
    created_at: datetime
    status: int | None
    body: bytes | None
    first: bool = False


async def read_key(request: Request) -> str:
    """The header `Idempotency-Key`, checked. Raises `KeyMissing` or `KeyInvalid`."""
    # Taken by hand and not as a declared header, which costs each request more than all that is
    # checked here; app/reference.py tells the API's readers of it.
    idempotency_key = request.headers.get("idempotency-key")
    if idempotency_key is None:
        raise KeyMissing(
            "Thiếu tiêu đề Idempotency-Key.",
            errors=[
                FieldError("Idempotency-Key", "missing", "Send 1 to 255 printable characters.")
            ],
        )
    if not 1 <= len(idempotency_key) <= 255 or not all(" " <= c <= "~" for c in idempotency_key):
        raise KeyInvalid(
            "Tiêu đề Idempotency-Key không hợp lệ.",
            errors=[
                FieldError("Idempotency-Key", "invalid", "Send 1 to 255 printable characters.")
            ],
        )
    return idempotency_key


KeyDep = Annotated[str, Depends(read_key)]


async def find(session: ReadSession, claim: Claim, cipher: Cipher) -> Replay | None:
    """What is known of the key; None when it was never used.

    Raises `KeyReused` for another body and `KeyExpired` past the 72 hours.
    """
    key = await session.first(values_of(_StoredKey, IdempotencyKey).where(*_of(claim)))
    if key is None:
        return None
    if key.state == "expired" or key.created_at < clock.now() - KEPT:
        raise KeyExpired("Khóa Idempotency-Key này đã dùng hơn 72 giờ trước.")
    if not hmac.compare_digest(key.request_hash, claim.request_hash):
        raise KeyReused(
            "Khóa Idempotency-Key đã được dùng cho một yêu cầu khác.",
            errors=[
                FieldError("Idempotency-Key", "reused", "Another body was sent with this key.")
            ],
        )
    body = None if key.body is None else cipher.decrypt(key.body, claim.context)
    return Replay(key.state, key.object_id, key.created_at, key.status, body)


async def begin(session: WriteSession, claim: Claim, object_id: str) -> bool:
    """Write the key `in_flight` for a flow of several transactions; False if it was there."""
    key = {
        "owner": claim.owner,
        "route": claim.route,
        "key_hash": claim.key_hash,
        "request_hash": claim.request_hash,
        "state": "in_flight",
        "object_id": object_id,
        "created_at": clock.now(),
    }
    return await session.write(insert(IdempotencyKey).on_conflict_do_nothing(), key) == 1


def is_under_way(created_at: datetime) -> bool:
    """Whether the request that began then may still be at work; afterwards a repeat takes it over.

    One that began later than now began by a clock that was wrong for a while.
    """
    return -MOST_APART <= clock.now() - created_at < LEASE


async def begin_or_replay(
    session: WriteSession, claim: Claim, object_id: str, cipher: Cipher
) -> Replay | None:
    """None when the key is now in flight for this request; the first answer when it has one.

    A key left in flight by a request that stopped is taken over after `LEASE`. Raises `InFlight`
    and what `find` raises.
    """
    if await begin(session, claim, object_id):
        return None
    replay = await find(session, claim, cipher)
    if replay is None or (replay.body is None and is_under_way(replay.created_at)):
        raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
    return None if replay.body is None else replay


async def finish(
    session: WriteSession, claim: Claim, status: int, body: bytes, cipher: Cipher
) -> bool:
    """Store the answer of a key that is in flight; False if it has its answer already."""
    answered = (
        update(IdempotencyKey)
        .where(*_in_flight(claim))
        .values(state="done", status=status, body=cipher.encrypt(body, claim.context))
    )
    return await session.write(answered) == 1


async def forget(session: WriteSession, claim: Claim) -> None:
    """Drop a key that is in flight, because certainly nothing happened: it may be used again."""
    await session.write(delete(IdempotencyKey).where(*_in_flight(claim)))


async def expire(session: WriteSession) -> int:
    """Drop the answers of keys older than 72 hours, keeping their hashes; how many."""
    old = (
        update(IdempotencyKey)
        .where(
            col(IdempotencyKey.state) != "expired",
            col(IdempotencyKey.created_at) < clock.now() - KEPT,
        )
        .values(state="expired", body=None, status=None)
    )
    return await session.write(old)


def _of(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """The row of a claim's key."""
    return (
        col(IdempotencyKey.owner) == claim.owner,
        col(IdempotencyKey.route) == claim.route,
        col(IdempotencyKey.key_hash) == claim.key_hash,
    )


def _in_flight(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """The row of a claim's key while it has no answer yet, if this request put it there."""
    return (
        *_of(claim),
        col(IdempotencyKey.request_hash) == claim.request_hash,
        col(IdempotencyKey.state) == "in_flight",
    )


async def cipher(request: Request) -> Cipher:
    """The application's cipher for personal data and stored answers."""
    found: Cipher = request.app.state.cipher
    return found


CipherDep = Annotated[Cipher, Depends(cipher)]


async def request_key(request: Request) -> bytes:
    """The key of the application's hashes of requests, the `secret` of `Claim.of`."""
    found: bytes = request.app.state.request_key
    return found


RequestKeyDep = Annotated[bytes, Depends(request_key)]


class Idempotency:
    """One request that creates something: its key, and what keeps its answer.

    `await idempotent(claim, work)` does `work` once for a key and answers 201 with what it gives,
    or 202 where somebody has to agree first (`status`); a repeat gets the first answer, byte for
    byte. Whoever takes this takes no session: `work` is given the one of the transaction that keeps
    the answer.
    """

    def __init__(
        self, database: Database, cipher: Cipher, secret: bytes, route: str, key: str
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._secret = secret
        self._route = route
        self._key = key

    def claim(self, owner: str, body: object) -> Claim:
        """The claim of this request by `owner`; `body` is what must be the same in a repeat."""
        return Claim.of(owner, self._route, self._key, body, self._secret)

    async def __call__(
        self,
        claim: Claim,
        work: Callable[[WriteSession], Awaitable[BaseModel]],
        *,
        status: int = 201,
    ) -> Response:
        """Do `work` and keep its answer in one transaction. Raises what `begin_or_replay` does."""

        async def once(session: WriteSession) -> Response:
            return await self._begin(session, claim) or await self._finish(
                session, claim, await work(session), status
            )

        return await self._database.run(once)

    async def outside(self, claim: Claim, work: Callable[[], Awaitable[BaseModel]]) -> Response:
        """Do work that has transactions of its own and that may be done again.

        The key is in flight meanwhile, and free again where the work fails.
        """
        async with self._database.transaction() as session:
            replay = await self._begin(session, claim)
        if replay is not None:
            return replay
        try:
            made = await work()
        except BaseException:
            async with self._database.transaction() as session:
                await forget(session, claim)
            raise
        async with self._database.transaction() as session:
            return await self._finish(session, claim, made, 201)

    async def _begin(self, session: WriteSession, claim: Claim) -> Response | None:
        replay = await begin_or_replay(session, claim, new_id("made"), self._cipher)
        return None if replay is None else answered(replay)

    async def _finish(
        self, session: WriteSession, claim: Claim, made: BaseModel, status: int
    ) -> Response:
        body = made.model_dump_json().encode()
        await finish(session, claim, status, body, self._cipher)
        return Response(body, status, media_type="application/json")


def answered(replay: Replay) -> Response:
    """What is known of a key as an answer, marked where it is a repeat."""
    headers = {} if replay.first else {"Idempotent-Replayed": "true"}
    status = replay.status or 201
    return Response(replay.body, status, headers=headers, media_type="application/json")


async def idempotency(
    request: Request, key: KeyDep, database: DatabaseDep, cipher: CipherDep, secret: RequestKeyDep
) -> Idempotency:
    """The idempotency of this request. Raises `KeyMissing` or `KeyInvalid`."""
    route = f"{request.method} {request.url.path.removeprefix('/api/v1')}"
    return Idempotency(database, cipher, secret, route, key)


IdempotencyDep = Annotated[Idempotency, Depends(idempotency)]
