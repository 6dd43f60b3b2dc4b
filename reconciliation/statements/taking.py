"""Taking statements in: whole or not at all, each row once, whatever files it comes in."""

import asyncio
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Insert, bindparam, column, literal, select, table, update
from sqlalchemy.dialects.postgresql import insert as insert_new
from sqlmodel import col

from core import audit, clock
from core.file_names import checked_name
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import ReadSql, WriteSql, values_of
from payments.agencies.queries import CollectionAccountValue
from reconciliation.models import RepeatedLine, Statement, StatementLine
from reconciliation.statements.late_lines import note_late_lines
from reconciliation.statements.preparing import COLUMNS, PreparedStatement
from reconciliation.statements.rewording import RewordedRow, line_of_each


@dataclass(frozen=True, slots=True)
class StatementIntake:
    """What taking a statement in did: rows of the file, and how many were new to us."""

    statement_id: str
    row_count: int
    new_count: int
    #: whether this very file had been taken in before
    known: bool


@dataclass(frozen=True, slots=True)
class _KnownStatement:
    """A statement that had been taken in before."""

    id: str
    row_count: int


#: Nothing where this very file is known.
_NEW_STATEMENT = insert_new(Statement).on_conflict_do_nothing(
    index_elements=["collection_account_id", "sha256"],
    index_where=col(Statement.withdrawn_at).is_(None),
)
#: Where a batch of lines stands before it is known which are new; gone with the transaction.
_STAGE = WriteSql(
    int,
    """
    CREATE TEMPORARY TABLE staged_line (id text, line_number int, booked_at timestamptz,
      amount bigint, direction text, reference text, bank_ref text, fingerprint text,
      balance bigint, sealed_narrative bytea, names_alone text) ON COMMIT DROP
    """,
)
#: Makes room for the next batch.
_EMPTY_STAGE = WriteSql(int, "TRUNCATE staged_line")
_STAGED = table("staged_line", *map(column, COLUMNS))
_KEPT = [name for name in COLUMNS if name != "names_alone"]
#: Whether earlier files hold lines of these days.
_OVERLAPPING = ReadSql(
    str,
    """
    SELECT l.id FROM statement_line l WHERE l.collection_account_id = :account
      AND l.booked_at >= :begin AND l.booked_at < :end AND l.withdrawn_at IS NULL
      AND l.statement_id <> :statement LIMIT 1
    """,
)
#: Rows of a batch that no line's fingerprint is, each beside a line of its time, amount and side
#: whose reference begins as its own does, and that has its balance where it names no payer: a bank
#: may post thousands of one amount in a second. Lines of the statement whose place it takes are
#: none of them: two people were shown what of these goes, and its words are the bank's last.
_ALIKE = ReadSql(
    RewordedRow,
    """
    SELECT n.id AS row_id, l.id AS line_id, l.collection_account_id AS account_id, n.booked_at,
      n.amount, n.direction, n.names_alone AS named, n.bank_ref AS row_ref,
      l.bank_ref AS line_ref, n.balance AS row_balance, l.balance AS line_balance, l.fingerprint
    FROM staged_line n JOIN statement_line l ON l.collection_account_id = :account
      AND l.booked_at = n.booked_at AND l.amount = n.amount AND l.direction = n.direction
      AND l.withdrawn_at IS NULL AND l.statement_id NOT IN (:statement, :superseded)
    CROSS JOIN LATERAL (SELECT
      ltrim(upper(regexp_replace(n.bank_ref, '[^0-9A-Za-z]', '', 'g')), '0') AS told,
      ltrim(upper(regexp_replace(l.bank_ref, '[^0-9A-Za-z]', '', 'g')), '0') AS known) ref
    WHERE n.names_alone IS NOT NULL AND (n.names_alone <> '' OR l.balance = n.balance)
      AND (starts_with(ref.told, ref.known) OR starts_with(ref.known, ref.told))
      AND NOT EXISTS (SELECT 1 FROM statement_line k WHERE k.collection_account_id = :account
        AND k.fingerprint = n.fingerprint AND k.withdrawn_at IS NULL)
    ORDER BY n.id, l.id
    """,
)
#: A row that is a line in other words is known by that line's fingerprint.
_SAY_SAME = (
    update(_STAGED)
    .where(_STAGED.c.id == bindparam("row"))
    .values(fingerprint=bindparam("line_fingerprint"))
)


def intake_lock(account_id: str) -> str:
    """The name under which an account's statements are taken in or withdrawn, one at a time."""
    return f"statements:{account_id}"


async def take_statement(
    session: WriteSession,
    account: CollectionAccountValue,
    prepared: PreparedStatement,
    *,
    file_name: str,
    actor: str,
    statement_id: str | None = None,
    rest: float = 0.0,
    version: int = 1,
    supersedes: str | None = None,
) -> StatementIntake:
    """Store the rows of a statement file, in the caller's transaction.

    The same file again, under whatever name, changes nothing but the log. Rows that an earlier file
    held are passed over by their fingerprints; two genuine equal rows of one file are kept.
    `statement_id` is the id it is to have, where one was given out. After each batch of rows we
    rest for so many times as long as it took, for the sake of who uses the database beside us.
    """
    await lock_names(session, intake_lock(account.id))
    statement_id = statement_id or new_id("stmt")
    statement = {
        "id": statement_id,
        "collection_account_id": account.id,
        "sha256": prepared.digest,
        "file_name": checked_name(file_name),
        "mapping": prepared.mapping,
        "row_count": prepared.row_count,
        "new_count": 0,
        "created_by": actor,
        "created_at": clock.now(),
        "opening_balance": prepared.balances.opening,
        "closing_balance": prepared.balances.closing,
        "gap_count": len(prepared.gaps),
        "vouched": prepared.vouched,
        "credit_count": prepared.credit_count,
        "credited": prepared.credited,
        "debit_count": prepared.debit_count,
        "debited": prepared.debited,
        "totals_stated": prepared.totals_stated,
        "first_on": prepared.first_on,
        "last_on": prepared.last_on,
        "version": version,
        "supersedes": supersedes,
    }
    if not await session.write(_NEW_STATEMENT, statement):
        known = await session.one(
            values_of(_KnownStatement, Statement).where(
                Statement.collection_account_id == account.id,
                Statement.sha256 == prepared.digest,
                col(Statement.withdrawn_at).is_(None),
            )
        )
        again = "statement.taken_again"
        await audit.record(session, actor=actor, action=again, object_id=known.id)
        return StatementIntake(known.id, known.row_count, 0, known=True)
    new_count = await _store_lines(session, account.id, statement_id, supersedes, prepared, rest)
    await note_late_lines(session, account.id, statement_id)
    await session.write(
        update(Statement).where(col(Statement.id) == statement_id).values(new_count=new_count)
    )
    await audit.record(
        session,
        actor=actor,
        action="statement.taken",
        object_id=statement_id,
        details={"rows": prepared.row_count, "new": new_count, "sha256": prepared.digest},
    )
    return StatementIntake(statement_id, prepared.row_count, new_count, known=False)


async def _store_lines(
    session: WriteSession,
    account_id: str,
    statement_id: str,
    supersedes: str | None,
    prepared: PreparedStatement,
    rest: float,
) -> int:
    """Store the lines, batch by batch; how many no earlier file held."""
    await session.write(_STAGE)
    overlaps = await _overlaps(session, account_id, statement_id, prepared)
    new_count = 0
    for batch in prepared.batches:
        begun = monotonic()
        await session.copy_in("staged_line", COLUMNS, (batch.text,))
        if overlaps:
            await _note_reworded(session, account_id, statement_id, supersedes)
        new = await session.write(_new_lines(account_id, statement_id))
        if new < batch.count:
            await session.write(_repeated_lines(account_id, statement_id))
        await session.write(_EMPTY_STAGE)
        new_count += new
        if rest:
            await asyncio.sleep(rest * (monotonic() - begun))
    return new_count


async def _overlaps(
    session: ReadSession, account_id: str, statement_id: str, prepared: PreparedStatement
) -> bool:
    if prepared.first_on is None or prepared.last_on is None:
        return False
    begin, end = clock.day_bounds(prepared.first_on, prepared.last_on)
    asked = {"account": account_id, "statement": statement_id, "begin": begin, "end": end}
    return await session.first(_OVERLAPPING, asked) is not None


async def _note_reworded(
    session: WriteSession, account_id: str, statement_id: str, supersedes: str | None
) -> None:
    """Have the rows of a batch that are lines in other words known as these lines."""
    asked = {
        "account": account_id,
        "statement": statement_id,
        "superseded": supersedes or statement_id,
    }
    same = line_of_each(await session.all(_ALIKE, asked))
    if same:
        rows = [{"row": row, "line_fingerprint": line} for row, line in same.items()]
        await session.write_each(_SAY_SAME, rows)


def _new_lines(account_id: str, statement_id: str) -> Insert:
    """Stores those of a batch's lines that no earlier file held."""
    of_file = {"collection_account_id": account_id, "statement_id": statement_id}
    kept = (_STAGED.c[name] for name in _KEPT)
    staged = select(*kept, *(literal(value) for value in of_file.values()))
    return (
        insert_new(StatementLine)
        .from_select([*_KEPT, *of_file], staged)
        .on_conflict_do_nothing(
            index_elements=["collection_account_id", "fingerprint"],
            index_where=col(StatementLine.withdrawn_at).is_(None),
        )
    )


def _repeated_lines(account_id: str, statement_id: str) -> Insert:
    """Notes which lines of earlier files a batch holds too."""
    earlier = (
        select(literal(statement_id), col(StatementLine.id))
        .join(_STAGED, _STAGED.c.fingerprint == col(StatementLine.fingerprint))
        .where(
            col(StatementLine.collection_account_id) == account_id,
            col(StatementLine.withdrawn_at).is_(None),
            col(StatementLine.statement_id) != statement_id,
        )
    )
    return insert_new(RepeatedLine).from_select(["statement_id", "line_id"], earlier)
