"""Which row of a file is a line that stands already, though the bank has put it in other words.

A fingerprint (`intake`) holds the words where no payer's reference is named, and the bank's
reference as it is written. A later export may rewrite the one, and add a label to the other. Such a
row is the line that stands only where nothing else can be meant:

* the row is the only one of its day, amount, side and bank's reference in its file, and that
  reference tells something: two of one file are two, and nobody knows which of them is the line;
* it was booked at the very time of the line, and a time of day is told; and
* it names the payers' references that the line names, or it names none and the running balance
  after it is the line's. Two credits of one reference, amount and second that leave the same
  balance there are none of; two whose balances differ are two, whoever paid them.

What tells less stays a line of its own, and people are shown both. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from core.bank_refs import line_bank_ref, plain_bank_ref
from core.clock import VIETNAM, business_date
from reconciliation.formats.rows import StatementRow
from reconciliation.statements.intake import fingerprint_of_named, references_in


@dataclass(frozen=True, slots=True)
class RewordedRow:
    """A row whose fingerprint nothing has, and a line of its time, amount and side.

    Both are of account `account_id`; `named` are the row's payers' references with blanks between,
    `fingerprint` is the line's. Amounts in đồng.
    """

    row_id: str
    line_id: str
    account_id: str
    booked_at: datetime
    amount: int
    direction: str
    named: str
    row_ref: str
    line_ref: str
    row_balance: int | None
    line_balance: int | None
    fingerprint: str


def references_of_lone_rows(rows: Sequence[StatementRow]) -> list[str | None]:
    """For each row that may be a line in other words what it names: references with blanks between.

    None for a row that is not the only one of its day, amount, side and bank's reference, for one
    whose reference tells nothing, and for one that tells no time of day.
    """
    met = Counter(key for row in rows for key in _keys(row))
    return [
        " ".join(sorted(references_in(row)))
        if _tells_time(row.booked_at)
        and (keys := _keys(row))
        and all(met[key] == 1 for key in keys)
        else None
        for row in rows
    ]


def line_of_each(pairs: Iterable[RewordedRow]) -> dict[str, str]:
    """The fingerprint of the line that a row is, by the row's id; only where it is one and sure."""
    found = [one for one in pairs if _is_same(one)]
    of_row = Counter(one.row_id for one in found)
    of_line = Counter(one.line_id for one in found)
    return {
        one.row_id: one.fingerprint
        for one in found
        if of_row[one.row_id] == of_line[one.line_id] == 1
    }


def _is_same(pair: RewordedRow) -> bool:
    plain = plain_bank_ref(pair.row_ref)
    if not plain or plain_bank_ref(pair.line_ref) != plain:
        return False
    balances = pair.row_balance, pair.line_balance
    if None not in balances and pair.row_balance != pair.line_balance:
        return False
    if pair.named:
        said = (pair.account_id, pair.amount, pair.direction, business_date(pair.booked_at))
        named = fingerprint_of_named(*said, pair.named.split(), line_bank_ref(pair.line_ref))
        return named == pair.fingerprint
    return None not in balances


def _tells_time(moment: datetime) -> bool:
    """Whether it is more than a day: a statement that tells days only gives their midnights."""
    return moment.astimezone(VIETNAM).time() != time()


def _keys(row: StatementRow) -> tuple[int, ...]:
    """What a row is counted by: its reference as fingerprints read it, and as money's names are.

    Hashes, for there may be a million rows: two that are equal by chance make neither row a line.
    """
    plain = plain_bank_ref(row.bank_ref)
    if not plain:
        return ()
    said = (business_date(row.booked_at), row.amount, row.direction)
    return hash((*said, "plain", plain)), hash((*said, "line", line_bank_ref(row.bank_ref)))
