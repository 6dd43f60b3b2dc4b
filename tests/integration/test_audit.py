"""The audit log on a real database: rows stay as written, and the chain shows where they did not.

Whoever owns the database can switch triggers off. The chain is for that: what was changed behind
the triggers' back no longer fits its link.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import audit, clock
from core.db import Database
from core.sessions import WriteSession
from tests.support.rows import count

ACTOR = "system:test"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database and nothing else."""
    opened = Database(database_url, pool_size=4)
    yield opened
    await opened.dispose()


async def note(session: WriteSession, object_id: str) -> None:
    details = {"before": "open", "amount": 5000, "why": "đủ tiền"}
    await audit.record(
        session, actor=ACTOR, action="bill.paid", object_id=object_id, details=details
    )


async def write(database: Database, *object_ids: str) -> None:
    """One transaction for each entry."""
    for object_id in object_ids:
        async with database.transaction() as session:
            await note(session, object_id)


SEALER = audit.Sealer(b"k" * 32)


async def chain(database: Database, limit: int = 1000, *, whole: bool = False) -> int:
    async with database.transaction() as session:
        return await audit.chain(session, limit, sealer=SEALER, whole=whole)


async def broken(database: Database) -> list[str]:
    async with database.transaction() as session:
        return [line async for line in audit.broken_links(session, SEALER)]


async def linked(database: Database) -> list[str]:
    """The objects of the chained entries, in the order of the chain."""
    async with database.transaction() as session:
        rows = await session.scalars(
            text(
                "SELECT e.object_id FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id"
                " ORDER BY l.seq"
            )
        )
        return list(rows)


async def tamper(database: Database, *statements: str) -> None:
    """Change rows the way someone with the whole database in hand can: without any trigger."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entry SET actor = 'staff:someone'",
        "UPDATE audit_entry SET details = '{}'",
        "DELETE FROM audit_entry WHERE object_id = 'bill_3'",
        "UPDATE audit_link SET hash = '\\x00'",
        "DELETE FROM audit_link",
        "INSERT INTO audit_link SELECT seq + 5, entry_id, hash FROM audit_link",
    ],
)
async def test_a_row_is_neither_changed_nor_deleted_nor_linked_twice(
    database: Database, change: str
) -> None:
    await write(database, "bill_1", "bill_2")
    await chain(database)
    await write(database, "bill_3")
    async with database.transaction() as session:
        nested = await session.begin_nested()
        with pytest.raises(DBAPIError, match=r"only ever added|uq_audit_link"):
            await session.execute(text(change))
        await nested.rollback()
    assert await count(database, "audit_entry", "actor = :actor", actor=ACTOR) == 3
    assert await broken(database) == []
    assert await linked(database) == ["bill_1", "bill_2"]


async def test_entries_are_chained_once_and_in_order(database: Database) -> None:
    await write(database, *(f"bill_{number}" for number in range(7)))
    assert [await chain(database, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert await linked(database) == [f"bill_{number}" for number in range(7)]
    assert await broken(database) == []


async def test_the_chain_depends_on_all_that_an_entry_says_and_on_all_before_it() -> None:
    entry = audit.EntryValue(
        id=1,
        at=datetime(2026, 11, 2, tzinfo=UTC),
        actor=ACTOR,
        action="bill.paid",
        object_id="bill_1",
        details={"amount": 5000},
    )
    changes: tuple[dict[str, Any], ...] = (
        {"id": 2},
        {"at": datetime(2026, 11, 2, 0, 0, 0, 1, tzinfo=UTC)},
        {"actor": "staff:1"},
        {"action": "bill.expired"},
        {"object_id": "bill_2"},
        {"details": {"amount": 5001}},
    )
    hashes = {audit.link_hash(audit.GENESIS, replace(entry, **c)) for c in ({}, *changes)}
    hashes.add(audit.link_hash(bytes(31) + b"\x01", entry))
    assert len(hashes) == len(changes) + 2


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit_entry SET details = '{\"amount\": 1}' WHERE id = 3", [(3, "does not fit")]),
        ("UPDATE audit_entry SET actor = 'staff:other' WHERE id = 3", [(3, "does not fit")]),
        ("UPDATE audit_entry SET at = at + interval '1 hour' WHERE id = 3", [(3, "does not fit")]),
        ("DELETE FROM audit_entry WHERE id = 3", [(3, "gone")]),
        ("DELETE FROM audit_link WHERE seq = 3", [(3, "missing"), (4, "does not fit")]),
        ("UPDATE audit_link SET hash = '\\xff' WHERE seq = 3", [(3, "not fit"), (4, "not fit")]),
        # Two entries change places.
        (
            "UPDATE audit_entry SET object_id = CASE id WHEN 2 THEN 'bill_3' ELSE 'bill_2' END"
            " WHERE id IN (2, 3)",
            [(2, "not fit"), (3, "not fit")],
        ),
    ],
)
async def test_what_was_changed_behind_the_triggers_is_found(
    database: Database, change: str, found: list[tuple[int, str]]
) -> None:
    await write(database, *(f"bill_{number}" for number in range(1, 6)))
    await chain(database)
    assert await broken(database) == []
    await tamper(database, change)
    problems = await broken(database)
    assert len(problems) == len(found)
    for problem, (link, words) in zip(problems, found, strict=True):
        assert problem.startswith(f"audit link {link} ")
        assert words in problem


async def test_an_entry_cut_out_with_its_link_is_found(database: Database) -> None:
    await write(database, *(f"bill_{number}" for number in range(1, 6)))
    await chain(database)
    await tamper(
        database,
        "DELETE FROM audit_link WHERE seq = 3",
        "DELETE FROM audit_entry WHERE id = 3",
        # Closing the gap in the numbers does not help: the next link holds the cut one's hash.
        "UPDATE audit_link SET seq = seq - 1 WHERE seq > 3",
    )
    first, second = await broken(database)
    assert first.startswith("audit link 3 does not fit entry 4")
    assert second == "audit link 4 bears a seal that is not ours"


async def test_an_entry_that_is_committed_late_is_linked_late(database: Database) -> None:
    """Ids are given before the commit: what cannot be seen yet is linked when it can."""
    await write(database, "bill_before")
    async with database.transaction() as slow:
        await note(slow, "bill_slow")
        await write(database, "bill_quick")
        assert await chain(database) == 2
        assert await linked(database) == ["bill_before", "bill_quick"]
    assert await chain(database) == 1
    assert await linked(database) == ["bill_before", "bill_quick", "bill_slow"]
    assert await broken(database) == []


async def test_an_entry_that_is_very_late_is_found_by_the_whole_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_LOOK_BACK", 2)
    async with database.transaction() as slow:
        await note(slow, "bill_slow")
        await write(database, *(f"bill_{number}" for number in range(4)))
        assert await chain(database) == 4
    assert await chain(database) == 0
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert await broken(database) == [
            "1 audit entries are in no link, long after they were written"
        ]
    assert await chain(database, whole=True) == 1
    assert await broken(database) == []


@pytest.mark.parametrize("chained_before", [0, 3])
async def test_a_dump_restored_into_a_server_that_has_counted_less_is_chained(
    database: Database, chained_before: int
) -> None:
    """The server's numbers of transactions begin anew there, ours go on."""
    await write(database, *(f"bill_{number}" for number in range(3)))
    await chain(database, chained_before or 1)
    await tamper(database, "UPDATE audit_entry SET transaction = transaction + 1000000000")
    await write(database, "bill_after")
    assert await chain(database) == 4 - (chained_before or 1)
    assert await linked(database) == ["bill_0", "bill_1", "bill_2", "bill_after"]
    assert await broken(database) == []


async def test_a_chain_that_was_counted_anew_lacks_our_seal(database: Database) -> None:
    await write(database, *(f"bill_{number}" for number in range(1, 6)))
    await chain(database)
    for key in (None, audit.Sealer(b"o" * 32)):
        await tamper(
            database,
            "UPDATE audit_entry SET details = '{}' WHERE id = 3",
            "DELETE FROM audit_link",
        )
        async with database.transaction() as session:
            assert await audit.chain(session, sealer=key) == 5
        (told,) = await broken(database)
        assert "audit link 5" in told
        assert "seal" in told


async def test_nobody_goes_on_with_a_chain_whose_seal_is_another_s(database: Database) -> None:
    await write(database, "bill_1")
    async with database.transaction() as session:
        assert await audit.chain(session, sealer=audit.Sealer(b"o" * 32)) == 1
    await write(database, "bill_2")
    with pytest.raises(audit.ChainBroken):
        await chain(database)
    assert await linked(database) == ["bill_1"]


async def test_links_between_seals_are_not_too_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(database, *(f"bill_{number}" for number in range(6)))
    assert [await chain(database, 2) for _ in range(3)] == [2, 2, 2]
    monkeypatch.setattr(audit, "BATCH", 2)
    assert await broken(database) == []
    await tamper(database, "UPDATE audit_link SET seal = NULL WHERE seq = 4")
    assert await broken(database) == ["audit links 3 to 5 lack their seals"]


async def test_an_entry_that_was_rolled_back_leaves_no_hole(database: Database) -> None:
    async with database.transaction() as session:
        nested = await session.begin_nested()
        await note(session, "bill_undone")
        await nested.rollback()
        await note(session, "bill_done")
    assert await chain(database) == 1
    await write(database, "bill_next")
    assert await chain(database) == 1
    assert await broken(database) == []


async def test_two_chainers_at_once_do_not_fork_the_chain(database: Database) -> None:
    await write(database, "bill_1", "bill_2")
    async with database.transaction() as one:
        assert await audit.chain(one, sealer=SEALER) == 2
        assert await chain(database) == 0
    assert await chain(database) == 0
    assert await broken(database) == []


async def test_an_entry_keeps_the_time_of_the_deed(database: Database) -> None:
    at = datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with clock.frozen(at):
        await write(database, "bill_1")
    assert await count(database, "audit_entry", "at = :at", at=at) == 1
