"""A statement's file made ready for the database: processor work, done in a process of its own.

What comes back is text as the database takes it, in batches, and few figures: a hundred thousand
rows as objects would stop the event loop for as long as it takes to unpack them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final

from core.clock import business_date
from core.copying import copy_line
from core.crypto import Cipher
from core.ids import new_id
from payments.agencies.values import CollectionAccountValue
from reconciliation.formats.accounts import is_of_account
from reconciliation.formats.balances import BalanceGap, Balances
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused, StatementRow, fault_of_file
from reconciliation.formats.statement_file import StatementFile
from reconciliation.statements.intake import check_days, file_digest, with_fingerprints
from reconciliation.statements.narratives import seal_narrative
from reconciliation.statements.rewording import references_of_lone_rows

#: What each line of a prepared statement holds, in this order.
COLUMNS: Final = (
    *("id", "line_number", "booked_at", "amount", "direction"),
    *("reference", "bank_ref", "fingerprint", "balance", "sealed_narrative"),
    # Not kept: what a row names that may be a line in other words (`rewording`).
    "names_alone",
)
#: How many lines are sent to the database at a time.
BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Some lines of a statement as COPY takes them, their cells as in `COLUMNS`."""

    count: int
    text: bytes


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """What tells a prepared line from those of another version; `amount` in đồng."""

    fingerprint: str
    booked_on: date
    amount: int
    direction: str
    bank_ref: str


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """A file that was read: `batches` holds its lines with ids and fingerprints.

    `credited` and `debited` are the sums of its lines, in đồng; `skipped`, `gaps` and `notes` as in
    `reconciliation.formats.statement_file.StatementFile`.
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
    notes: tuple[str, ...] = ()
    credit_count: int = 0
    #: whether a trailer says what its lines come to; reading has refused one that differs
    totals_stated: bool = False
    #: the days of its first and last line
    first_on: date | None = None
    last_on: date | None = None

    @property
    def debit_count(self) -> int:
        """How many of its lines are debits."""
        return self.row_count - self.credit_count

    @property
    def rows(self) -> list[PreparedRow]:
        """Its lines, read from the batches."""
        at = {name: COLUMNS.index(name) for name in COLUMNS}
        found = []
        for batch in self.batches:
            for line in batch.text.decode().split("\n")[:-1]:
                # A tab or a line break within a cell is written otherwise.
                cells = line.split("\t")
                booked_at = datetime.fromisoformat(cells[at["booked_at"]])
                found.append(
                    PreparedRow(
                        cells[at["fingerprint"]],
                        business_date(booked_at),
                        int(cells[at["amount"]]),
                        cells[at["direction"]],
                        cells[at["bank_ref"]],
                    )
                )
        return found


def prepare(
    content: bytes,
    mapping: str,
    account: CollectionAccountValue,
    today: date,
    *,
    cipher: Cipher,
    forced: bool = False,
    encoding: str | None = None,
    layout: Mapping | None = None,
    tell: Callable[[int], None] | None = None,
) -> PreparedStatement:
    """Read a statement of `account` and make its lines ready. Blocks; processor work.

    Raises `StatementRefused` naming every bad row and column, every row of a day before the account
    existed, or another account that the file names, and `UnknownMapping`. `forced` believes amounts
    that seem to have lost their thousands. `encoding` is what the sender says it is written in, by
    a name of `reconciliation.formats.decoding.ENCODINGS`. `layout` is one that the body has saved
    under the name `mapping`. `tell` hears now and then how many rows
    were read. `cipher` seals the bank's words.
    """
    task = ReadingTask(
        mapping=mapping,
        on=today,
        account_number=account.account_number,
        encoding=encoding,
        layout=layout,
        forced=forced,
        tell=tell,
    )
    read = read_statement(content, task)
    if not is_of_account(read.accounts, account.account_number):
        named = ", ".join(dict.fromkeys(read.accounts))
        detail = f"Tệp ghi tài khoản {named}, không phải tài khoản {account.account_number}."
        raise StatementRefused([fault_of_file("other_account", detail)])
    check_days(read.rows, account.code, account.opened_on)
    row_count = len(read.rows)
    credited, debited = _sum_of(read.rows, "credit"), _sum_of(read.rows, "debit")
    credit_count = sum(row.direction == "credit" for row in read.rows)
    moments = [row.booked_at for row in read.rows]
    return PreparedStatement(
        digest=file_digest(content),
        mapping=mapping,
        row_count=row_count,
        credited=credited,
        debited=debited,
        batches=tuple(_batches(cipher, account.id, read.rows)),
        skipped=read.skipped,
        balances=read.balances,
        gaps=read.gaps,
        vouched=is_vouched(read),
        notes=read.notes,
        credit_count=credit_count,
        totals_stated=read.has_totals,
        first_on=business_date(min(moments)) if moments else None,
        last_on=business_date(max(moments)) if moments else None,
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


def _batches(cipher: Cipher, account_id: str, rows: list[StatementRow]) -> Iterator[LineBatch]:
    """The lines of the rows, which are used up: both at once would be twice the memory."""
    named = references_of_lone_rows(rows)
    lines = (
        _line(cipher, row, fingerprint, names)
        for (row, fingerprint), names in zip(
            with_fingerprints(account_id, _used_up(rows)), named, strict=True
        )
    )
    while some := list(islice(lines, BATCH)):
        yield LineBatch(len(some), "".join(some).encode())


def _used_up(rows: list[StatementRow]) -> Iterator[StatementRow]:
    rows.reverse()
    while rows:
        yield rows.pop()


def _line(cipher: Cipher, row: StatementRow, fingerprint: str, names: str | None) -> str:
    line_id = new_id("line")
    return copy_line(
        (
            *(line_id, row.line_no, row.booked_at.isoformat()),
            *(row.amount, row.direction, row.reference, row.bank_ref),
            *(fingerprint, row.balance),
            "\\x" + seal_narrative(cipher, line_id, row.narrative).hex(),
            names,
        )
    )
