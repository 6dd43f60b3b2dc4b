"""The audit log: who did what to which object, append-only, chained by hash.

An entry is written in the transaction of the deed. Chaining is the worker's job, so that payments
do not queue for one lock: it takes the entries whose transactions have all ended, in the order
(transaction, id), and links each to the one before. Details hold ids, states and amounts, never
personal data: an entry is kept for ever.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, LargeBinary, insert, text
from sqlmodel import Field, SQLModel, col, select

from core import clock
from core.db import json_field, moment
from core.guards import after_create, append_only
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import ReadSql, WriteSql, load_sql, values_of

#: The hash before the first entry.
GENESIS = bytes(32)

#: Advisory lock of the one process that may chain at a time.
_CHAIN_LOCK = 0x6C65706869_01


class AuditEntry(SQLModel, table=True):
    """One deed. `actor` is a principal's id ("key:…", "staff:…") or "system:<part>"."""

    __tablename__ = "audit_entry"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    #: the writing transaction (xid8), which tells when every earlier entry is visible
    transaction: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            server_default=text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
            index=True,
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
class _LastLink:
    """Where the chain ends, and the place of its last entry in the chain's order."""

    seq: int
    hash: bytes
    id: int
    transaction: int


@dataclass(frozen=True, slots=True)
class _LinkedEntry:
    """A link with its entry, whose columns are None where the entry is gone."""

    seq: int
    hash: bytes
    id: int | None
    at: datetime
    actor: str
    action: str
    object_id: str
    details: dict[str, Any]


_SQL = load_sql("core", "audit")
#: Whether this transaction may chain; the lock is held until it ends.
_LOCK = WriteSql(bool, _SQL["lock"])
#: The next entries to chain, in order.
_UNLINKED = ReadSql(EntryValue, _SQL["unlinked"])


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
    session: ReadSession, action: str, object_id: str, details: Mapping[str, Any]
) -> bool:
    """Whether there is an entry of this deed with at least these details."""
    wanted = select(AuditEntry.action).where(
        AuditEntry.object_id == object_id,
        AuditEntry.action == action,
        col(AuditEntry.details).contains(dict(details)),
    )
    return await session.first(wanted) is not None


async def each_entry(session: ReadSession, actions: Collection[str]) -> AsyncIterator[EntryValue]:
    """The entries of some actions one by one, object by object, each object's in their order."""
    wanted = (
        values_of(EntryValue, AuditEntry)
        .where(col(AuditEntry.action).in_(sorted(actions)))
        .order_by(col(AuditEntry.object_id), col(AuditEntry.id))
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


async def chain(session: WriteSession, limit: int = 1000) -> int:
    """Link up to `limit` entries; how many. Zero too when another process is chaining."""
    if not await session.write_first(_LOCK, {"key": _CHAIN_LOCK}):
        return 0
    last = await session.first(
        values_of(_LastLink, AuditLink, AuditEntry)
        .join(AuditEntry, col(AuditEntry.id) == AuditLink.entry_id)
        .order_by(col(AuditLink.seq).desc())
        .limit(1)
    ) or _LastLink(0, GENESIS, 0, 0)
    after = {"transaction": last.transaction, "id": last.id, "limit": limit}
    previous, links = last.hash, []
    for seq, entry in enumerate(await session.all(_UNLINKED, after), start=last.seq + 1):
        previous = link_hash(previous, entry)
        links.append({"seq": seq, "entry_id": entry.id, "hash": previous})
    if links:
        await session.write_each(insert(AuditLink), links)
    return len(links)


async def broken_links(session: ReadSession) -> list[str]:
    """Walk the whole chain; a line for each link that does not hold (none when it is whole)."""
    links = (
        values_of(_LinkedEntry, AuditLink, AuditEntry)
        .join(AuditEntry, col(AuditEntry.id) == AuditLink.entry_id, isouter=True)
        .order_by(col(AuditLink.seq))
    )
    problems: list[str] = []
    expected, previous = 1, GENESIS
    async for link in session.each(links):
        if link.seq != expected:
            problems.append(f"audit link {expected} is missing (next is {link.seq})")
            expected = link.seq
        if link.id is None:
            problems.append(f"audit link {link.seq} names an entry that is gone")
        elif link_hash(previous, _entry_of(link, link.id)) != link.hash:
            problems.append(f"audit link {link.seq} does not fit entry {link.id}")
        previous, expected = link.hash, expected + 1
    return problems


def _entry_of(link: _LinkedEntry, entry_id: int) -> EntryValue:
    return EntryValue(entry_id, link.at, link.actor, link.action, link.object_id, link.details)


CREATE_GUARDS = (append_only("audit_entry"), append_only("audit_link"))

after_create(AuditEntry, append_only("audit_entry"))
after_create(AuditLink, append_only("audit_link"))
