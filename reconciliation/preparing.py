"""A statement's file made ready for the database: processor work, done in a process of its own.

What comes back is text as the database takes it, in batches, and few figures: a hundred thousand
rows as objects would stop the event loop for as long as it takes to unpack them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from core.copying import copy_line
from core.ids import new_id
from payments.agencies.queries import CollectionAccountValue
from reconciliation.formats.accounts import is_of_account
from reconciliation.formats.balances import BalanceGap, Balances
from reconciliation.formats.csv_statement import StatementFile, read_day_file
from reconciliation.formats.rows import StatementRefused, StatementRow, fault_of_file
from reconciliation.intake import check_days, file_digest, with_fingerprints

#: What each line of a prepared statement holds, in this order.
COLUMNS: Final = (
    *("id", "line_number", "booked_at", "amount", "direction"),
    *("reference", "narrative", "bank_ref", "fingerprint", "balance"),
)
#: How many lines are sent to the database at a time.
BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Some lines of a statement as COPY takes them, their cells as in `COLUMNS`."""

    count: int
    text: bytes


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """A file that was read: `batches` holds its lines with ids and fingerprints.

    `credited` and `debited` are the sums of its lines, in đồng; `skipped` and `gaps` as in
    `reconciliation.formats.csv_statement.StatementFile`.
    """

    digest: str
    mapping: str
    row_count: int
    credited: int
    debited: int
    batches: tuple[LineBatch, ...]
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
    tell: Callable[[int], None] | None = None,
) -> PreparedStatement:
    """Read a statement of `account` and make its lines ready. Blocks; processor work.

    Raises `StatementRefused` naming every bad row and column, every row of a day before the account
    existed, or another account that the file names, and `UnknownMapping`. `forced` believes amounts
    that seem to have lost their thousands. `tell` hears now and then how many rows were read.
    """
    read = read_day_file(content, mapping, today, forced=forced, tell=tell)
    if not is_of_account(read.accounts, account.account_number):
        named = ", ".join(dict.fromkeys(read.accounts))
        detail = f"Tệp ghi tài khoản {named}, không phải tài khoản {account.account_number}."
        raise StatementRefused([fault_of_file("other_account", detail)])
    check_days(read.rows, account.code, account.opened_on)
    row_count = len(read.rows)
    credited, debited = _sum_of(read.rows, "credit"), _sum_of(read.rows, "debit")
    return PreparedStatement(
        digest=file_digest(content),
        mapping=mapping,
        row_count=row_count,
        credited=credited,
        debited=debited,
        batches=tuple(_batches(account.id, read.rows)),
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


def _batches(account_id: str, rows: list[StatementRow]) -> Iterator[LineBatch]:
    """The lines of the rows, which are used up: both at once would be twice the memory."""
    lines = map(_line, with_fingerprints(account_id, _used_up(rows)))
    while some := list(islice(lines, BATCH)):
        yield LineBatch(len(some), "".join(some).encode())


def _used_up(rows: list[StatementRow]) -> Iterator[StatementRow]:
    rows.reverse()
    while rows:
        yield rows.pop()


def _line(marked: tuple[StatementRow, str]) -> str:
    row, fingerprint = marked
    return copy_line(
        (
            *(new_id("line"), row.line_no, row.booked_at.isoformat()),
            *(row.amount, row.direction, row.reference, row.narrative, row.bank_ref),
            *(fingerprint, row.balance),
        )
    )
