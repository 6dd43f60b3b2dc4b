"""A statement's file made ready for the database: processor work, done in a process of its own.

What comes back is text for one statement, and few figures: a hundred thousand rows as objects would
stop the event loop for as long as it takes to unpack them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.ids import new_id
from core.json import dumps
from payments.agencies.queries import CollectionAccountValue
from reconciliation.formats.accounts import is_of_account
from reconciliation.formats.balances import BalanceGap, Balances
from reconciliation.formats.csv_statement import StatementFile, read_day_file
from reconciliation.formats.rows import StatementRefused, StatementRow, fault_of_file
from reconciliation.intake import check_days, file_digest, fingerprint_rows


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """A file that was read: `lines` is JSON, a list of rows with ids and fingerprints.

    `credited` and `debited` are the sums of its lines, in đồng; `skipped` and `gaps` as in
    `reconciliation.formats.csv_statement.StatementFile`.
    """

    digest: str
    mapping: str
    row_count: int
    credited: int
    debited: int
    lines: str
    skipped: dict[str, int]
    balances: Balances
    gaps: tuple[BalanceGap, ...]
    #: whether its totals or balances are there and agree with its lines
    vouched: bool


def prepare(
    content: bytes,
    mapping: str,
    account: CollectionAccountValue,
    today: date,
    *,
    forced: bool = False,
) -> PreparedStatement:
    """Read a statement of `account` and make its lines ready. Blocks; processor work.

    Raises `StatementRefused` naming every bad row and column, every row of a day before the account
    existed, or another account that the file names, and `UnknownMapping`. `forced` believes amounts
    that seem to have lost their thousands.
    """
    read = read_day_file(content, mapping, today, forced=forced)
    if not is_of_account(read.accounts, account.account_number):
        named = ", ".join(dict.fromkeys(read.accounts))
        detail = f"Tệp ghi tài khoản {named}, không phải tài khoản {account.account_number}."
        raise StatementRefused([fault_of_file("other_account", detail)])
    check_days(read.rows, account.code, account.opened_on)
    return PreparedStatement(
        digest=file_digest(content),
        mapping=mapping,
        row_count=len(read.rows),
        credited=_sum_of(read.rows, "credit"),
        debited=_sum_of(read.rows, "debit"),
        lines=_lines(account.id, read.rows),
        skipped=read.skipped,
        balances=read.balances,
        gaps=read.gaps,
        vouched=is_vouched(read),
    )


def is_vouched(read: StatementFile) -> bool:
    """Whether a file itself says what its lines come to, by totals or balances that agree.

    What a file without them leaves out, or has too much, nobody could see.
    """
    told = read.balances
    ends = told.closing is not None or all(row.balance is not None for row in read.rows)
    return not read.gaps and (read.has_totals or (told.opening is not None and ends))


def _sum_of(rows: Sequence[StatementRow], direction: str) -> int:
    return sum(row.amount for row in rows if row.direction == direction)


def _lines(account_id: str, rows: Sequence[StatementRow]) -> str:
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
            "balance": row.balance,
        }
        for row, fingerprint in zip(rows, fingerprint_rows(account_id, rows), strict=True)
    ]
    return dumps(lines).decode()
