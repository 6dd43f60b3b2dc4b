"""The audit log: who did what to which object, append-only, chained by hash.

An entry is written in the transaction of the deed. Chaining is the worker's job, so that payments
do not queue for one lock: it takes the entries whose transactions have all ended, in the order
(transaction, id), and links each to the one before. Details hold ids, states and amounts, never
personal data: an entry is kept for ever.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, LargeBinary, text
from sqlmodel import Field, SQLModel

from core import clock
from core.db import json_field, moment
from core.guards import after_create, append_only
from core.json import canonical
from core.sessions import WriteSession

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


async def record(
    session: WriteSession,
    *,
    actor: str,
    action: str,
    object_id: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry in the caller's transaction."""
    await session.execute(
        text(
            "INSERT INTO audit_entry (at, actor, action, object_id, details)"
            " VALUES (:at, :actor, :action, :object_id, CAST(:details AS jsonb))"
        ),
        {
            "at": clock.now(),
            "actor": actor,
            "action": action,
            "object_id": object_id,
            "details": canonical(dict(details or {})).decode(),
        },
    )


def link_hash(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash that binds an entry (all its columns but `transaction`) to its forerunner."""
    body = canonical(
        {
            "id": entry["id"],
            "at": entry["at"].isoformat(),
            "actor": entry["actor"],
            "action": entry["action"],
            "object_id": entry["object_id"],
            "details": entry["details"],
        }
    )
    return hashlib.sha256(previous + body).digest()


async def chain(session: WriteSession, limit: int = 1000) -> int:
    """Link up to `limit` entries; how many. Zero too when another process is chaining."""
    locked = await session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK}
    )
    if not locked:
        return 0
    last = (
        await session.execute(
            text(
                "SELECT l.seq, l.hash, e.id, e.transaction FROM audit_link l"
                " JOIN audit_entry e ON e.id = l.entry_id ORDER BY l.seq DESC LIMIT 1"
            )
        )
    ).first()
    seq, previous, last_id, last_transaction = last or (0, GENESIS, 0, 0)
    rows = await session.execute(
        text(
            "SELECT id, at, actor, action, object_id, details FROM audit_entry"
            " WHERE (transaction, id) > (:transaction, :id)"
            " AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " ORDER BY transaction, id LIMIT :limit"
        ),
        {"transaction": last_transaction, "id": last_id, "limit": limit},
    )
    links = []
    for row in rows.mappings():
        seq += 1
        previous = link_hash(previous, dict(row))
        links.append({"seq": seq, "entry_id": row["id"], "hash": previous})
    if links:
        await session.execute(
            text("INSERT INTO audit_link (seq, entry_id, hash) VALUES (:seq, :entry_id, :hash)"),
            links,
        )
    return len(links)


async def broken_links(session: WriteSession) -> list[str]:
    """Walk the whole chain; a line for each link that does not hold (none when it is whole)."""
    rows = await session.stream(
        text(
            "SELECT l.seq, l.hash, e.id, e.at, e.actor, e.action, e.object_id, e.details"
            " FROM audit_link l LEFT JOIN audit_entry e ON e.id = l.entry_id ORDER BY l.seq"
        )
    )
    problems: list[str] = []
    expected, previous = 1, GENESIS
    async for row in rows.mappings():
        if row["seq"] != expected:
            problems.append(f"audit link {expected} is missing (next is {row['seq']})")
            expected = row["seq"]
        if row["id"] is None:
            problems.append(f"audit link {row['seq']} names an entry that is gone")
        elif link_hash(previous, dict(row)) != bytes(row["hash"]):
            problems.append(f"audit link {row['seq']} does not fit entry {row['id']}")
        previous, expected = bytes(row["hash"]), expected + 1
    return problems


CREATE_GUARDS = (append_only("audit_entry"), append_only("audit_link"))

after_create(AuditEntry, append_only("audit_entry"))
after_create(AuditLink, append_only("audit_link"))
