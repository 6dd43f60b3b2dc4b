"""The audit log: who did what to which object, append-only, chained by hash.

An entry is written in the transaction of the deed. Chaining is the worker's job, so that payments
do not queue for one lock: it takes the entries that no link names, in the order of our own counter
(the server's numbers of transactions begin anew where a dump is restored), and links each to the
one before. An entry that is committed late is linked late. The last link of each batch bears a
seal, made with a key that is not in the database: who has the database in hand can count a chain
anew, but cannot seal it. Details hold ids, states and amounts, never personal data: an entry is
kept for ever.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    LargeBinary,
    String,
    any_,
    cast,
    exists,
    func,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel, col, select

from core import clock
from core.db import json_field, moment
from core.errors import LephiError
from core.guards import after_create, append_only
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of

#: The hash before the first entry.
GENESIS = bytes(32)

#: Advisory lock of the one process that may chain at a time.
_CHAIN_LOCK = 0x6C65706869_01

#: How many links at most stand between two seals, and are made by one call.
BATCH = 1000
#: Entries that were given their number before this many links, and were committed after, are found
#: by the whole look only.
_LOOK_BACK = 5000
#: An entry that is in no link after so long was left out.
LATEST = timedelta(minutes=15)


class AuditEntry(SQLModel, table=True):
    """One deed. `actor` is a principal's id ("key:…", "staff:…") or "system:<part>"."""

    __tablename__ = "audit_entry"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    #: the writing transaction (xid8), by which versions before migration 0023 ordered the chain
    transaction: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            server_default=text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
    )
    at: datetime = moment()
    actor: str
    action: str
    object_id: str = Field(index=True)
    details: dict[str, Any] = json_field()


class AuditLink(SQLModel, table=True):
    """A link of the chain: sha256(previous hash ‖ canonical entry)."""

    __tablename__ = "audit_link"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    entry_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("audit_entry.id"), unique=True, nullable=False)
    )
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: of the last link of a batch, and with it of all before; None in those between, and in what
    #: versions before migration 0023 chained
    seal: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals links with a key that is kept outside the database."""

    key: bytes = field(repr=False)

    def seal(self, seq: int, link: bytes) -> bytes:
        """What only the key's holder can say of the link of this number and hash."""
        return hmac.digest(self.key, b"audit link %d:" % seq + link, "sha256")

    def mark(self, seq: int, link: bytes) -> bytes:
        """What only the key's holder can say of having checked everything up to a link."""
        return hmac.digest(self.key, b"checked up to %d:" % seq + link, "sha256")

    def fits(self, seq: int, link: bytes, seal: bytes) -> bool:
        """Whether the seal is ours, and this link's."""
        return hmac.compare_digest(self.seal(seq, link), seal)


@dataclass(frozen=True, slots=True)
class EntryValue:
    """What an entry says: all its columns but `transaction`."""

    id: int
    at: datetime
    actor: str
    action: str
    object_id: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinkValue:
    """A link by itself: its number, its hash, and its seal if it has one."""

    seq: int
    hash: bytes
    seal: bytes | None


@dataclass(frozen=True, slots=True)
class _LinkedEntry:
    """A link with its entry, whose columns are None where the entry is gone."""

    seq: int
    hash: bytes
    seal: bytes | None
    id: int | None
    at: datetime
    actor: str
    action: str
    object_id: str
    details: dict[str, Any]


class ChainBroken(LephiError):
    """The audit chain was counted by somebody else: run `lephi invariants`, restore a backup."""

    code = "chain_broken"


#: Whether this transaction may chain; the lock is held until it ends.
_LOCK = select(func.pg_try_advisory_xact_lock(_CHAIN_LOCK))
#: The chain by itself, from its end.
_LINKS = values_of(LinkValue, AuditLink).order_by(col(AuditLink.seq).desc())


async def record(
    session: WriteSession,
    *,
    actor: str,
    action: str,
    object_id: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry in the caller's transaction."""
    entry = {
        "at": clock.now(),
        "actor": actor,
        "action": action,
        "object_id": object_id,
        "details": dict(details or {}),
    }
    await session.write(insert(AuditEntry), entry)


async def is_recorded(
    session: ReadSession,
    action: str,
    object_id: str,
    details: Mapping[str, Any],
    *,
    exactly: bool = False,
) -> bool:
    """Whether there is an entry of this deed with at least these details, or with no others."""
    known = col(AuditEntry.details)
    wanted = select(AuditEntry.action).where(
        AuditEntry.object_id == object_id,
        AuditEntry.action == action,
        known == dict(details) if exactly else known.contains(dict(details)),
    )
    return await session.first(wanted) is not None


async def recorded_of(
    session: ReadSession, action: str, object_ids: Collection[str]
) -> frozenset[str]:
    """Those of these objects to which this was done."""
    wanted = select(AuditEntry.object_id).where(
        col(AuditEntry.object_id) == any_(cast(list(object_ids), ARRAY(String))),
        AuditEntry.action == action,
    )
    return frozenset(await session.all(wanted)) if object_ids else frozenset()


async def list_entries(
    session: ReadSession,
    object_ids: Collection[str],
    *,
    before: int | None = None,
    limit: int = 500,
) -> list[EntryValue]:
    """What was done to these objects, the newest last; of more than `limit` the last ones.

    `before` leaves out the entry of that number and those after it.
    """
    wanted = values_of(EntryValue, AuditEntry).where(
        col(AuditEntry.object_id) == any_(cast(list(object_ids), ARRAY(String)))
    )
    if before is not None:
        wanted = wanted.where(col(AuditEntry.id) < before)
    # Not by the bare number: the database would walk the whole log backwards to find a few.
    newest = wanted.order_by((col(AuditEntry.id) + 0).desc()).limit(limit)
    return (await session.all(newest))[::-1]


async def each_entry(
    session: ReadSession, actions: Collection[str], object_ids: Collection[str] | None = None
) -> AsyncIterator[EntryValue]:
    """The entries of some actions one by one, object by object, each object's in their order.

    Of all objects, or of those that are named.
    """
    wanted = (
        values_of(EntryValue, AuditEntry)
        .where(col(AuditEntry.action).in_(sorted(actions)))
        .order_by(col(AuditEntry.object_id), col(AuditEntry.id))
    )
    if object_ids is not None:
        wanted = wanted.where(
            col(AuditEntry.object_id) == any_(cast(list(object_ids), ARRAY(String)))
        )
    async for entry in session.each(wanted):
        yield entry


def link_hash(previous: bytes, entry: EntryValue) -> bytes:
    """The hash that binds an entry to its forerunner."""
    body = canonical(
        {
            "id": entry.id,
            "at": entry.at.isoformat(),
            "actor": entry.actor,
            "action": entry.action,
            "object_id": entry.object_id,
            "details": entry.details,
        }
    )
    return hashlib.sha256(previous + body).digest()


async def chain(
    session: WriteSession, limit: int = BATCH, *, sealer: Sealer | None = None, whole: bool = False
) -> int:
    """Link up to `limit` entries; how many. Zero too when another process is chaining.

    `whole` looks at every entry there is, not only at the newest ones. Raises `ChainBroken` where
    the seal at the end is not ours: what was counted by somebody else is not gone on with.
    """
    if not await session.first(_LOCK):
        return 0
    last = await session.first(_LINKS.limit(1)) or LinkValue(0, GENESIS, None)
    if sealer and last.seal is not None and not sealer.fits(last.seq, last.hash, last.seal):
        raise ChainBroken(f"The seal of audit link {last.seq} is not ours.")
    after = 0 if whole else await _oldest_of_late(session, last.seq)
    previous, links = last.hash, []
    found = await session.all(_unlinked(after).limit(min(limit, BATCH)))
    for seq, entry in enumerate(found, start=last.seq + 1):
        previous = link_hash(previous, entry)
        links.append({"seq": seq, "entry_id": entry.id, "hash": previous, "seal": None})
    if links:
        if sealer is not None:
            links[-1]["seal"] = sealer.seal(last.seq + len(links), previous)
        await session.write_each(insert(AuditLink), links)
    return len(links)


def _unlinked(after: int) -> ValueSelect[EntryValue]:
    """The entries behind a number that no link names yet, in the order of their numbers."""
    # Said of both, so that neither table is read from its beginning.
    linked = exists().where(
        col(AuditLink.entry_id) == col(AuditEntry.id), col(AuditLink.entry_id) > after
    )
    wanted = values_of(EntryValue, AuditEntry).where(col(AuditEntry.id) > after, ~linked)
    return wanted.order_by(col(AuditEntry.id))


async def _oldest_of_late(session: ReadSession, last: int) -> int:
    """The number behind which an entry may still be waiting for its link."""
    if last < _LOOK_BACK:
        return 0
    # By their numbers first: asked for the least of them at once, the database would walk the
    # index of entries from its beginning.
    newest = select(AuditLink.entry_id).order_by(col(AuditLink.seq).desc()).limit(_LOOK_BACK)
    return await session.first(select(func.min(newest.subquery().c.entry_id))) or 0


async def objects_since(session: ReadSession, seq: int) -> list[str]:
    """The objects of the entries that are chained behind a link."""
    of_entries = (
        select(AuditEntry.object_id)
        .join(AuditLink, col(AuditLink.entry_id) == AuditEntry.id)
        .where(col(AuditLink.seq) > seq)
        .distinct()
    )
    return await session.all(of_entries)


async def find_head(session: ReadSession) -> LinkValue | None:
    """The link at the end of the chain; None where nothing was chained yet."""
    return await session.first(_LINKS.limit(1))


async def find_link(session: ReadSession, seq: int) -> LinkValue | None:
    """The link of that number, None if there is none."""
    return await session.first(_LINKS.where(AuditLink.seq == seq))


async def broken_links(
    session: ReadSession, sealer: Sealer | None = None, after: LinkValue | None = None
) -> AsyncIterator[str]:
    """Walk the chain; a line for each link that does not hold (none when it is whole).

    `after` is a link that was found to hold: only those behind it are looked at. With a `sealer`
    the seals must be ours, and seal everything behind the first of them.
    """
    links = (
        values_of(_LinkedEntry, AuditLink, AuditEntry)
        .join(AuditEntry, col(AuditEntry.id) == AuditLink.entry_id, isouter=True)
        .where(col(AuditLink.seq) > (after.seq if after else 0))
        .order_by(col(AuditLink.seq))
    )
    start = after or LinkValue(0, GENESIS, None)
    expected, previous, sealed = start.seq + 1, start.hash, start.seq if start.seal else None
    async for link in session.each(links):
        if link.seq != expected:
            yield f"audit link {expected} is missing (next is {link.seq})"
            expected = link.seq
        if link.id is None:
            yield f"audit link {link.seq} names an entry that is gone"
        elif link_hash(previous, _entry_of(link, link.id)) != link.hash:
            yield f"audit link {link.seq} does not fit entry {link.id}"
        if sealer is not None and link.seal is not None:
            if not sealer.fits(link.seq, link.hash, link.seal):
                yield f"audit link {link.seq} bears a seal that is not ours"
            elif sealed is not None and link.seq - sealed > BATCH:
                yield f"audit links {sealed + 1} to {link.seq - 1} lack their seals"
            sealed = link.seq
        previous, expected = link.hash, expected + 1
    left, late = await _left_out(session)
    if late and sealer is not None:
        yield f"{late} audit entries are in no link, long after they were written"
    if sealer is not None and expected > start.seq + 1 and sealed != expected - 1 and not left:
        yield f"audit link {expected - 1} is the last and bears no seal"


async def _left_out(session: ReadSession) -> tuple[int, int]:
    """How many entries no link names, and how many of them are old."""
    unlinked = (
        select(func.count())
        .select_from(AuditEntry)
        .join(AuditLink, col(AuditLink.entry_id) == AuditEntry.id, isouter=True)
        .where(col(AuditLink.seq).is_(None))
    )
    left = await session.one(unlinked)
    old = unlinked.where(col(AuditEntry.at) < clock.now() - LATEST)
    return left, await session.one(old) if left else 0


def _entry_of(link: _LinkedEntry, entry_id: int) -> EntryValue:
    return EntryValue(entry_id, link.at, link.actor, link.action, link.object_id, link.details)


CREATE_GUARDS = (append_only("audit_entry"), append_only("audit_link"))

after_create(AuditEntry, append_only("audit_entry"))
after_create(AuditLink, append_only("audit_link"))
