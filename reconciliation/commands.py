"""Taking statements in, and running the reconciliation of a day.

Matching is processor work, so it runs in a process of its own with no transaction open. A
statement's line settles nothing by itself: matching comes first, and only a credit that it could
not place and whose reference is unpaid is recorded as money; then the day is matched once more.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from core import audit, clock
from core.calendar import FIRST_YEAR, LAST_YEAR
from core.crypto import Cipher
from core.db import Database
from core.errors import Invalid
from core.ids import new_id
from core.json import dumps
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue
from payments.books.queries import DayPayment, list_day_payments
from payments.incoming.commands import take_statement_credit
from payments.ports import Credit
from reconciliation.day import DayLine, DayResult, match_day
from reconciliation.formats.rows import StatementRow
from reconciliation.intake import file_digest, fingerprint_rows

#: Money may be booked some days after it was paid (Tết), and a feed may date it a day earlier.
BEFORE, AFTER = timedelta(days=7), timedelta(days=14)

#: The days that the calendar of holidays covers, with room for the days around.
FIRST_DAY, LAST_DAY = date(FIRST_YEAR + 1, 1, 1), date(LAST_YEAR - 1, 12, 31)

#: Runs a function somewhere that does not block the event loop.
Elsewhere = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Reconciling:
    """What reconciling needs."""

    database: Database
    cipher: Cipher = field(repr=False)
    elsewhere: Elsewhere
    #: keys the hashes of request bodies
    request_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a statement in did: rows of the file, and how many were new to us."""

    statement_id: str
    row_count: int
    new_count: int
    #: whether this very file had been taken in before
    known: bool


async def take_statement(
    session: WriteSession,
    account: CollectionAccountValue,
    rows: Sequence[StatementRow],
    *,
    content: bytes,
    file_name: str,
    mapping: str,
    actor: str,
) -> Taken:
    """Store the rows of a statement file, in the caller's transaction.

    The same file again, under whatever name, is ignored. Rows that an earlier file held are passed
    over by their fingerprints; two genuine equal rows of one file are kept.
    """
    digest = file_digest(content)
    statement_id = new_id("stmt")
    now = clock.now()
    inserted = (
        await session.execute(
            text(
                "INSERT INTO statement (id, collection_account_id, sha256, file_name, mapping,"
                " row_count, new_count, created_by, created_at) VALUES (:id, :account, :sha256,"
                " :file_name, :mapping, :row_count, 0, :actor, :now)"
                " ON CONFLICT (collection_account_id, sha256) DO NOTHING RETURNING id"
            ),
            {
                "id": statement_id,
                "account": account.id,
                "sha256": digest,
                "file_name": file_name,
                "mapping": mapping,
                "row_count": len(rows),
                "actor": actor,
                "now": now,
            },
        )
    ).first()
    if inserted is None:
        known = (
            await session.execute(
                text(
                    "SELECT id, row_count FROM statement"
                    " WHERE collection_account_id = :account AND sha256 = :sha256"
                ),
                {"account": account.id, "sha256": digest},
            )
        ).one()
        return Taken(known.id, known.row_count, 0, known=True)
    lines = [
        {
            "id": new_id("line"),
            "line_number": row.line_no,
            "booked_at": row.booked_at.isoformat(),
            "amount": row.amount,
            "direction": row.direction,
            "reference": row.reference,
            "narrative": row.narrative,
            "bank_ref": row.bank_ref,
            "fingerprint": fingerprint,
        }
        for row, fingerprint in zip(rows, fingerprint_rows(account.id, rows), strict=True)
    ]
    new = await session.execute(
        text(
            "INSERT INTO statement_line (id, statement_id, collection_account_id, line_number,"
            " booked_at, amount, direction, reference, narrative, bank_ref, fingerprint)"
            " SELECT n.id, :statement, :account, n.line_number, n.booked_at, n.amount,"
            " n.direction, n.reference, n.narrative, n.bank_ref, n.fingerprint"
            " FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS n(id text, line_number int,"
            " booked_at timestamptz, amount bigint, direction text, reference text,"
            " narrative text, bank_ref text, fingerprint text)"
            " ON CONFLICT (collection_account_id, fingerprint) DO NOTHING RETURNING id"
        ),
        {"statement": statement_id, "account": account.id, "lines": dumps(lines).decode()},
    )
    new_count = len(new.all())
    await session.execute(
        text("UPDATE statement SET new_count = :count WHERE id = :id"),
        {"count": new_count, "id": statement_id},
    )
    await audit.record(
        session,
        actor=actor,
        action="statement.taken",
        object_id=statement_id,
        details={"rows": len(rows), "new": new_count, "sha256": digest},
    )
    return Taken(statement_id, len(rows), new_count, known=False)


async def reconcile(
    reconciling: Reconciling, account: CollectionAccountValue, on: date, *, actor: str
) -> str:
    """Reconcile one business day of one account with the statements taken in; the run's id.

    Running again gives a new run with the same result, unless statements or payments have come.
    Raises `Invalid` for a day outside the calendar.
    """
    if not FIRST_DAY <= on <= LAST_DAY:
        raise Invalid(f"Ngày đối soát phải từ {FIRST_DAY:%d/%m/%Y} đến {LAST_DAY:%d/%m/%Y}.")
    payments, lines = await _day(reconciling, account, on)
    result = await _match(reconciling, account, on, payments, lines)
    if await _record_unmatched(reconciling, account, result, lines, actor=actor):
        payments, lines = await _day(reconciling, account, on)
        result = await _match(reconciling, account, on, payments, lines)

    async def store(session: WriteSession) -> str:
        return await _store(session, account, on, result, actor=actor)

    return await reconciling.database.run(store)


async def _match(
    reconciling: Reconciling,
    account: CollectionAccountValue,
    on: date,
    payments: list[DayPayment],
    lines: list[DayLine],
) -> DayResult:
    result: DayResult = await reconciling.elsewhere(match_day, on, payments, lines, account.cut_off)
    return result


async def _day(
    reconciling: Reconciling, account: CollectionAccountValue, on: date
) -> tuple[list[DayPayment], list[DayLine]]:
    async with reconciling.database.transaction() as session:
        payments = await list_day_payments(session, account.id, on - AFTER, on + BEFORE)
        rows = await session.execute(
            text(
                "SELECT id, booked_at, amount, direction, coalesce(reference, ''), narrative,"
                " bank_ref FROM statement_line WHERE collection_account_id = :account"
                " AND (booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN :first AND :last"
                " ORDER BY booked_at, id"
            ),
            {"account": account.id, "first": on - BEFORE, "last": on + AFTER},
        )
        return payments, [DayLine(*row) for row in rows]


async def _record_unmatched(
    reconciling: Reconciling,
    account: CollectionAccountValue,
    result: DayResult,
    lines: Sequence[DayLine],
    *,
    actor: str,
) -> int:
    """Record credits that only the statement tells of; how many were recorded."""
    by_id = {line.line_id: line for line in lines}
    recorded = 0
    for odd in result.discrepancies:
        if odd.kind != "unknown_in_ledger":
            continue
        line = by_id[odd.object_id]
        credit = Credit(
            feed_ref=line.line_id,
            bank_ref=line.bank_ref,
            account_number=account.account_number,
            amount=line.amount,
            narrative=f"{line.reference} {line.narrative}".strip(),
            credited_at=line.booked_at,
        )

        async def take(session: WriteSession, credit: Credit = credit) -> bool:
            return await take_statement_credit(
                session, account, credit, actor=actor, cipher=reconciling.cipher
            )

        recorded += await reconciling.database.run(take)
    return recorded


async def _store(
    session: WriteSession,
    account: CollectionAccountValue,
    on: date,
    result: DayResult,
    *,
    actor: str,
) -> str:
    run_id = new_id("rec")
    summary = result.summary()
    await session.execute(
        text(
            "INSERT INTO reconciliation (id, agency_id, collection_account_id, business_on,"
            " summary, created_by, created_at) VALUES (:id, :agency, :account, :on,"
            " CAST(:summary AS jsonb), :actor, :now)"
        ),
        {
            "id": run_id,
            "agency": account.agency_id,
            "account": account.id,
            "on": on,
            "summary": dumps(summary).decode(),
            "actor": actor,
            "now": clock.now(),
        },
    )
    if result.matches:
        await session.execute(
            text(
                "INSERT INTO match (reconciliation_id, payment_id, line_id, reference, amount,"
                " rule) VALUES (:run, :payment, :line, :reference, :amount, :rule)"
            ),
            [
                {
                    "run": run_id,
                    "payment": one.payment_id,
                    "line": one.line_id,
                    "reference": one.reference,
                    "amount": one.amount,
                    "rule": one.rule,
                }
                for one in result.matches
            ],
        )
    if result.discrepancies:
        await session.execute(
            text(
                "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference,"
                " amount, other_amount, reason) VALUES (:id, :run, :side, :object, :kind,"
                " :reference, :amount, :other, :reason)"
            ),
            [
                {
                    "id": new_id("disc"),
                    "run": run_id,
                    "side": odd.side,
                    "object": odd.object_id,
                    "kind": odd.kind,
                    "reference": odd.reference or "",
                    "amount": odd.amount,
                    "other": odd.other_amount,
                    "reason": odd.reason,
                }
                for odd in result.discrepancies
            ],
        )
    counts = {name: tally["count"] for name, tally in summary.items()}
    await audit.record(
        session, actor=actor, action="reconciliation.run", object_id=run_id, details=counts
    )
    return run_id
