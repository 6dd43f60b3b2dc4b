"""What somebody with the whole database in hand changes, and what the judge says of it.

One system with paid bills, receipts and a confirmation; each change is made behind the triggers'
back, judged in the same transaction, and taken back. A change that only the outside anchor finds is
found by it, and by nothing else.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.anchors import differences, drop_anchor
from app.invariants import look, look_at_new
from app.tables import LASTING
from core import clock
from core.audit import LinkValue, Sealer, chain, find_link
from core.sessions import WriteSession
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.system import System, system_at

if TYPE_CHECKING:
    from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def books(
    system_template: "SystemTemplate", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Two bills paid through a gateway, one by transfer with a confirmation, and one open."""
    async with system_at(system_template, tmp_path_factory.mktemp("books")) as system:
        for name in ("Nguyễn Thị Một", "Trần Văn Hai"):
            bill = await system.create_bill(payer={"name": name})
            order = order_of(system, await system.start(bill))
            answer = await call(
                system, result_of(system, order, transaction_no=f"N{order.amount}{name[:1]}")
            )
            assert answer.status_code == 200
        posted = [
            {"fee": "2.000815", "quantity": 3},
            {"fee": "tra-ket-qua-qua-buu-chinh", "quantity": 1},
        ]
        bill = await system.create_bill(lines=posted)
        await credit(system, bill["amount"], bill["reference"])
        await system.create_bill()
        await system.work()
        yield system


async def judged(system: System, *statements: str) -> list[str]:
    """What the judge says an hour after these statements, which are taken back."""
    later = clock.now() + timedelta(hours=1)
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await session.execute(text(statement))
        with clock.frozen(later):
            lines = [line async for line in look(session, system.parts.evidence)]
        await session.rollback()
    return lines


@dataclass(frozen=True, slots=True)
class Tampering:
    """Something that is changed by SQL, and words of what is said of it."""

    name: str
    statements: tuple[str, ...]
    found: str


#: A paid bill, its money and its receipt, ten times as much: the rows agree with each other.
_TENFOLD = (
    "UPDATE bill SET amount = amount * 10 WHERE id = (SELECT min(bill_id) FROM receipt)",
    "UPDATE bill_line SET amount = amount * 10, full_amount = full_amount * 10"
    " WHERE bill_id = (SELECT min(bill_id) FROM receipt)",
    "UPDATE payment SET amount = amount * 10, credited = credited * 10"
    " WHERE bill_id = (SELECT min(bill_id) FROM receipt)",
    "UPDATE allocation SET amount = amount * 10 WHERE bill_id = (SELECT min(bill_id) FROM receipt)",
    "UPDATE posting SET amount = amount * 10 WHERE transaction_id IN (SELECT t.id"
    " FROM ledger_transaction t JOIN payment p ON p.id = t.payment_id"
    " WHERE p.bill_id = (SELECT min(bill_id) FROM receipt))",
    "UPDATE receipt SET amount = amount * 10 WHERE bill_id = (SELECT min(bill_id) FROM receipt)",
)
_FIRST = "(SELECT min(id) FROM receipt)"
_LAST = "(SELECT max(id) FROM receipt)"

#: The bill of the newest receipt, gone with its money and the series' count.
_GONE = (
    f"DELETE FROM receipt_file WHERE receipt_id = {_LAST}",
    "DELETE FROM posting WHERE transaction_id IN (SELECT t.id FROM ledger_transaction t"
    " JOIN allocation a USING (payment_id) JOIN receipt r USING (bill_id)"
    f" WHERE r.id = {_LAST})",
    "DELETE FROM ledger_transaction WHERE payment_id IN (SELECT payment_id FROM allocation"
    f" JOIN receipt r USING (bill_id) WHERE r.id = {_LAST})",
    "DELETE FROM payment WHERE id IN (SELECT payment_id FROM allocation"
    f" JOIN receipt r USING (bill_id) WHERE r.id = {_LAST})",
    f"DELETE FROM allocation WHERE bill_id IN (SELECT bill_id FROM receipt WHERE id = {_LAST})",
    f"DELETE FROM bill WHERE id IN (SELECT bill_id FROM receipt WHERE id = {_LAST})",
    "UPDATE receipt_series SET last_number = last_number - 1",
    f"DELETE FROM receipt WHERE id = {_LAST}",
)

TAMPERINGS = (
    Tampering("links emptied", ("TRUNCATE audit_link",), "are in no link"),
    Tampering(
        "a paid bill with all its rows tenfold", _TENFOLD, "its amount is 50000, signed was 5000"
    ),
    Tampering(
        "a bill's amount as it was opened", _TENFOLD, "of the amount that it was opened with"
    ),
    Tampering(
        "two receipts' contents swapped",
        (
            f"UPDATE receipt SET content = (SELECT content FROM receipt WHERE id = {_LAST})"
            f" WHERE id = {_FIRST}",
        ),
        "its content does not open",
    ),
    Tampering("a receipt's code", (f"UPDATE receipt SET code = 'X' WHERE id = {_FIRST}",), "code"),
    Tampering(
        "a receipt's date",
        (
            "UPDATE receipt SET issued_on = issued_on - 1,"
            f" issued_at = issued_at - interval '1 day' WHERE id = {_FIRST}",
        ),
        "its day is",
    ),
    Tampering(
        "a receipt's file, of another receipt",
        (
            "UPDATE receipt_file SET data = o.data, sha256 = o.sha256 FROM receipt_file o"
            f" WHERE receipt_file.receipt_id = {_FIRST} AND o.receipt_id = {_LAST}"
            " AND o.kind = receipt_file.kind",
        ),
        "its xml is not the one that was stored",
    ),
    Tampering(
        "a receipt on another bill",
        (
            "DROP INDEX uq_receipt_standing",
            f"UPDATE receipt SET bill_id = CASE id WHEN {_FIRST} THEN (SELECT bill_id FROM"
            f" receipt WHERE id = {_LAST}) ELSE (SELECT bill_id FROM receipt WHERE id = {_FIRST})"
            f" END WHERE id IN ({_FIRST}, {_LAST})",
        ),
        "its reference is",
    ),
    Tampering(
        "a payer's data, of another bill",
        (
            "UPDATE payer_data SET data = (SELECT data FROM payer_data ORDER BY subject_id DESC"
            " LIMIT 1) WHERE subject_id = (SELECT min(subject_id) FROM payer_data)",
        ),
        "payer data is its own",
    ),
    Tampering(
        "a payer's data, gone",
        ("DELETE FROM payer_data WHERE subject_id IN (SELECT bill_id FROM receipt)",),
        "its payer is another",
    ),
    Tampering(
        "the day of money, in payment and ledger",
        (
            "UPDATE payment SET accounting_on = accounting_on - 1 WHERE credited IS NOT NULL",
            "UPDATE ledger_transaction SET accounting_on = accounting_on - 1",
        ),
        "the amount and the day that it was recorded with",
    ),
    Tampering(
        "the day of money, in the payment alone",
        ("UPDATE payment SET accounting_on = accounting_on - 1 WHERE credited IS NOT NULL",),
        "posted on the day that it counts for",
    ),
    Tampering(
        "the moment that a bill was paid",
        ("UPDATE bill SET paid_at = paid_at - interval '1 day' WHERE status = 'paid'",),
        "paid when the log tells",
    ),
    Tampering(
        "a key added",
        (
            "INSERT INTO api_key (id, agency_id, kind, label, hash, created_at, scopes)"
            " SELECT 'key_x', agency_id, kind, 'x', 'x', now(), '{bills}' FROM api_key LIMIT 1",
        ),
        "api_key key_x was made by nobody",
    ),
    Tampering(
        "a key with more scopes",
        ("UPDATE api_key SET scopes = '{bills,statements}' WHERE label = 'test'",),
        "has another scopes",
    ),
    Tampering("a key's secret", ("UPDATE api_key SET hash = 'x' WHERE label = 'test'",), "hash"),
    Tampering(
        "a gateway's address",
        ("UPDATE gateway_account SET base_url = 'https://elsewhere.example'",),
        "has another base_url",
    ),
    Tampering(
        "a gateway's credentials",
        ("UPDATE gateway_account SET credentials = '\\x00'",),
        "has another credentials",
    ),
    Tampering(
        "a collection account's number",
        ("UPDATE collection_account SET account_number = '999'",),
        "has another account_number",
    ),
    Tampering(
        "where a collection account's payers are sent",
        ("UPDATE collection_account SET virtual_prefix = 'SB99'",),
        "has another virtual_prefix",
    ),
    Tampering(
        "what follows the prefix of a collection account's numbers",
        ("UPDATE collection_account SET virtual_prefix = '963', virtual_digits = true",),
        "has another virtual_digits",
    ),
    Tampering(
        "a paid bill, gone with its money and its receipt",
        _GONE,
        "what the log tells of is there: rcpt_",
    ),
    Tampering(
        "a bill paid without money",
        ("UPDATE bill SET status = 'paid', paid_at = now() WHERE status = 'open'",),
        "allocations reach the amount",
    ),
    Tampering(
        "an entry of the log",
        ("UPDATE audit_entry SET actor = 'staff:other' WHERE id = 3",),
        "does not fit entry 3",
    ),
    Tampering(
        "a guard switched off",
        ("ALTER TABLE posting DISABLE TRIGGER append_only",),
        "posting append_only (is switched off)",
    ),
    Tampering("a guard gone", ("DROP TRIGGER lasting ON bill",), "bill lasting (is missing)"),
    Tampering(
        "a guard that refuses nothing",
        (
            "CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NEW; END'",
        ),
        "forbid_change (refuses nothing)",
    ),
)


async def test_books_that_nobody_touched_are_clean(books: System) -> None:
    assert await judged(books) == []


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
async def test_a_tampering_is_found(books: System, tampering: Tampering) -> None:
    told = await judged(books, *tampering.statements)
    assert [line for line in told if tampering.found in line], told


@pytest.mark.parametrize(
    ("name", "differs"), [("name", False), ("name || '?'", True)], ids=["as it is", "otherwise"]
)
async def test_what_stood_before_the_log_is_as_it_was_found(
    books: System, name: str, differs: bool
) -> None:
    """What migration 0023 wrote: of rows of any table, and of some that are gone since."""
    found = (
        "INSERT INTO audit_entry (at, actor, action, object_id, details)"
        " SELECT now(), 'system:migration', 'setup.found', {id},"
        f" jsonb_build_object('after', jsonb_build_object('name', {name})) FROM agency"
    )
    told = await judged(books, found.format(id="id"), found.format(id="'key_gone'"))
    said = [line for line in told if line.startswith("the set-up is as the log left it")]
    assert [line.endswith("has another name") for line in said] == [True] * len(said)
    assert bool(said) is differs


@pytest.mark.parametrize("key", [None, b"o" * 32], ids=["unsealed", "sealed by another"])
async def test_a_chain_counted_anew_over_changed_entries_is_found(
    books: System, key: bytes | None
) -> None:
    sealer = None if key is None else Sealer(key)

    async def count_anew(session: WriteSession) -> None:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("TRUNCATE audit_link"))
        await session.execute(
            text("UPDATE audit_entry SET actor = 'staff:x' WHERE action = 'bill.paid'")
        )
        assert await chain(session, sealer=sealer, whole=True)

    async with books.parts.database.transaction() as session:
        await count_anew(session)
        told = [line async for line in look(session, books.parts.evidence)]
        await session.rollback()
    assert len(told) == 1
    assert "seal" in told[0]


#: What only the whole look sees: the rows that these change hang on nothing that the log tells of.
_WHOLE_ONLY = frozenset({"a table emptied", "links emptied", "an entry of the log"})


@pytest.mark.parametrize(
    "tampering", [one for one in TAMPERINGS if one.name not in _WHOLE_ONLY], ids=lambda o: o.name
)
async def test_a_tampering_with_what_is_new_is_found_by_the_look_at_what_is_new(
    books: System, tampering: Tampering
) -> None:
    since = await first_link(books)
    assert await judged_new(books, since) == []
    told = await judged_new(books, since, *tampering.statements)
    assert [line for line in told if tampering.found in line], told


async def test_the_look_at_what_is_new_begins_at_a_link_that_is_still_there(books: System) -> None:
    since = await first_link(books)
    for change in ("DELETE FROM audit_link WHERE seq = 1", "UPDATE audit_link SET hash = '\\x00'"):
        (told,) = await judged_new(books, since, change)
        assert told.startswith("the chain is the one that was checked")


async def first_link(system: System) -> LinkValue:
    async with system.parts.database.transaction() as session:
        found = await find_link(session, 1)
    assert found is not None
    return found


async def judged_new(system: System, since: LinkValue, *statements: str) -> list[str]:
    """As `judged`, of what is behind a link alone."""
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await session.execute(text(statement))
        found = [line async for line in look_at_new(session, system.parts.evidence, since)]
        await session.rollback()
    return found


#: The newest bill, its money, its receipt, and every entry and link since before it was opened.
_LAST_PAYMENT_AND_ALL_OF_IT = (
    *_GONE,
    "DELETE FROM bill_line WHERE bill_id NOT IN (SELECT id FROM bill)",
    "DELETE FROM reference WHERE reference NOT IN (SELECT reference FROM bill) AND kind = 'bill'",
    "DELETE FROM suspense_item WHERE payment_id NOT IN (SELECT id FROM payment)",
    "DELETE FROM credit_notice WHERE payment_id NOT IN (SELECT id FROM payment)",
    "DELETE FROM payment_document WHERE bill_id NOT IN (SELECT id FROM bill)",
    "DELETE FROM payer_data WHERE subject_id NOT IN (SELECT id FROM bill UNION SELECT id"
    " FROM payment)",
    "DELETE FROM callback",
    "DELETE FROM outbox_delivery",
    "DELETE FROM outbox_event WHERE payload ->> 'bill_id' NOT IN (SELECT id FROM bill)",
)


async def test_the_newest_money_taken_away_whole_is_found_by_the_anchor_alone(
    books: System, tmp_path: Path
) -> None:
    """What is left agrees with itself, seals and all: only what is kept outside can tell."""
    system = books
    bill = await system.create_bill()
    await system.work()
    await credit(system, 5000, bill["reference"])
    await system.work()
    async with system.parts.database.transaction() as session:
        before = await find_link_before(session, bill["id"])
    places = replace(system.parts.anchoring, folder=tmp_path)
    path = await drop_anchor(system.parts.database, places)
    assert path is not None
    certificates = system.parts.evidence.opener.certificates

    async def said(*statements: str) -> tuple[list[str], list[str]]:
        async with system.parts.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement))
            inside = [line async for line in look(session, system.parts.evidence)]
            outside = [line async for line in differences(session, [path], certificates)]
            await session.rollback()
        return inside, outside

    assert await said() == ([], [])
    inside, outside = await said(
        *_LAST_PAYMENT_AND_ALL_OF_IT,
        f"DELETE FROM audit_link WHERE seq > {before}",
        "DELETE FROM audit_entry WHERE id NOT IN (SELECT entry_id FROM audit_link)",
    )
    assert inside == []
    assert [line.split(":")[0] for line in outside] == ["what was anchored is there"] * 2
    assert any("is gone" in line for line in outside)
    assert any(line.startswith("what was anchored is there: series") for line in outside)


async def find_link_before(session: WriteSession, bill_id: str) -> int:
    """The number of the last link before a bill was opened."""
    found = await session.execute(
        text(
            "SELECT min(l.seq) - 1 FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id"
            " WHERE e.object_id = :bill"
        ),
        {"bill": bill_id},
    )
    return int(found.scalar_one())


async def test_an_anchor_that_others_made_or_changed_is_none(books: System, tmp_path: Path) -> None:
    system = books
    path = await drop_anchor(
        system.parts.database, replace(system.parts.anchoring, folder=tmp_path)
    )
    assert path is not None
    certificates = system.parts.evidence.opener.certificates
    written = path.read_text()
    document = json.loads(written)
    document["said"]["seq"] -= 1
    for content, why in (
        (json.dumps(document), "none of our keys has signed it"),
        (written[:40], "it cannot be read"),
    ):
        path.write_text(content)
        async with system.parts.database.transaction() as session:
            (told,) = [line async for line in differences(session, [path], certificates)]
        assert why in told


@pytest.mark.parametrize("table", sorted({"audit_entry", "audit_link", "bill", "receipt_file"}))
async def test_a_table_is_not_emptied(books: System, table: str) -> None:
    assert table in LASTING
    async with books.parts.database.transaction() as session:
        with pytest.raises(DBAPIError, match="only ever added"):
            await session.execute(text(f"TRUNCATE {table} CASCADE"))
        await session.rollback()
