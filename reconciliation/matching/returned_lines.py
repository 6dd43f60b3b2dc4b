"""Which credits of a day a debit of its ledger returns; the step of `matching.sql` without SQL.

A debit returns a credit if it has its amount and names it, by the bank's reference or by the
payer's in its words (`reversals`). Lines are read a second time only where a debit
has the amount of a credit that names a payment, which an evening's sweep has not. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from core.references import find_references
from reconciliation.matching.reversals import reversals_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNTS = """
    SELECT DISTINCT amount FROM ledger
    WHERE NOT is_credit AND amount IN (SELECT amount FROM naming)
"""
_DEBITS = """
    SELECT line_id, epoch_us(booked_at), amount, coalesce(bank_ref, ''),
      concat_ws(' ', reference, narrative)
    FROM lines WHERE direction = 'debit' AND amount IN (SELECT unnest(?::BIGINT[]))
"""
_CREDITS = """
    SELECT lines.line_id, epoch_us(lines.booked_at), lines.amount, coalesce(lines.bank_ref, ''),
      payments.reference, naming.payment
    FROM lines
    JOIN naming ON naming.line_id = lines.line_id
    JOIN payments ON payments.rowid = naming.payment
    WHERE lines.direction = 'credit' AND lines.amount IN (SELECT unnest(?::BIGINT[]))
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as `reversals_of` asks for it; a credit's only reference is its payment's."""

    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    narrative: str
    bank_ref: str
    references: list[str]


def find_returned(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the table `returned`, from `lines`, `naming` and `payments`."""
    amounts = [amount for (amount,) in connection.execute(_AMOUNTS).fetchall()]
    if not amounts:
        return
    debits = [
        _Line(line_id, _moment(at), amount, "debit", words, bank_ref, find_references(words))
        for line_id, at, amount, bank_ref, words in connection.execute(
            _DEBITS, [amounts]
        ).fetchall()
    ]
    payments: dict[str, int] = {}
    credits_ = []
    for line_id, at, amount, bank_ref, reference, payment in connection.execute(
        _CREDITS, [amounts]
    ).fetchall():
        payments[line_id] = payment
        credits_.append(_Line(line_id, _moment(at), amount, "credit", "", bank_ref, [reference]))
    _keep(connection, payments, credits_, debits)


def _moment(microseconds: int) -> datetime:
    # DuckDB gives a time with its zone only with the help of a package that is not ours.
    return _EPOCH + timedelta(microseconds=microseconds)


def _keep(
    connection: duckdb.DuckDBPyConnection,
    payments: dict[str, int],
    credits_: Sequence[_Line],
    debits: Sequence[_Line],
) -> None:
    pairs = reversals_of([*credits_, *debits], worded=False)
    if pairs:
        connection.execute(
            "INSERT INTO returned SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]),"
            " unnest(?::BIGINT[]), unnest(?::VARCHAR[])",
            [
                [payments[line_id] for line_id in pairs],
                list(pairs),
                [debit.amount for debit in pairs.values()],
                [debit.line_id for debit in pairs.values()],
            ],
        )
