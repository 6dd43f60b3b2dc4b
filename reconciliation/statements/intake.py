"""What makes a statement's row the same row when it comes again, in the same file or another.

Banks let a day be exported twice, and periods that overlap. A row has no identity of its own that
can be trusted: a reference of the bank may stand on a credit and on its cancellation, and two
payers may send the same amount with the same words in the same second. So a row is what it says,
and how many rows that say the same came before it in its file: two genuine equal rows of one file
stay two, and an export that overlaps gives the same fingerprints again.

A later export may put a row in other words. Where the bank's reference tells something and the
words name a payer's reference, those two with day, amount and side are what the row says; which
others may be one all the same says `rewording`. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date
from hashlib import blake2b, sha256

from core.bank_refs import line_bank_ref
from core.calendar_files import FIRST_DAY as FIRST_DAY
from core.calendar_files import LAST_DAY as LAST_DAY
from core.clock import business_date
from core.days import day_text
from core.folding import single_spaced
from core.json import canonical
from core.references import find_references
from reconciliation.formats.rows import StatementRefused, StatementRow, fault_at


def check_days(rows: Sequence[StatementRow], account: str, opened_on: date | None) -> None:
    """Raise `StatementRefused` with every row of a day on which the account cannot have been.

    `opened_on` is None where nobody has said since when it exists: then only days that no day of
    the books can be are refused.
    """
    since = max(opened_on or FIRST_DAY, FIRST_DAY)
    before = f"tài khoản {account} có từ {day_text(since)}" if opened_on else "quá xa về trước"
    faults = [
        fault_at(row.line_no, "", "before_account", f"ngày {day_text(day)}: {before}")
        for row in rows
        if (day := business_date(row.booked_at)) < since
    ]
    if faults:
        raise StatementRefused(faults)


def fingerprint_rows(account: str, rows: Sequence[StatementRow]) -> list[str]:
    """A fingerprint (SHA-256, hex) for each row of one statement file of `account`, in order.

    What the row says counts: time, amount, side, reference, words and the bank's reference, or of
    the words only the payers' references (see above). Its place in the file and the running balance
    do not, since they change between exports; nor do spaces, which exports pad and cut. Rows in
    another order give the same set of fingerprints.
    """
    return [fingerprint for _, fingerprint in with_fingerprints(account, rows)]


def with_fingerprints(
    account: str, rows: Iterable[StatementRow]
) -> Iterator[tuple[StatementRow, str]]:
    """Each row with its fingerprint, as it comes; see `fingerprint_rows`."""
    met: Counter[bytes] = Counter()
    for row in rows:
        said = what_it_says(account, row)
        # There may be a million: a digest is a fifth of what it stands for.
        known = blake2b(said, digest_size=16).digest()
        met[known] += 1
        yield row, sha256(said + b"#%d" % met[known]).hexdigest()


def file_digest(content: bytes) -> str:
    """What a file as a whole is known by (SHA-256, hex), under whatever name it comes."""
    return sha256(content).hexdigest()


def what_it_says(account: str, row: StatementRow) -> bytes:
    """What tells a row from others, in one form of writing; equal rows give equal bytes."""
    plain = line_bank_ref(row.bank_ref)
    if plain and (named := references_in(row)):
        day = business_date(row.booked_at)
        return _said_of_named(account, row.amount, row.direction, day, named, plain)
    told = [
        row.booked_at.astimezone(UTC).isoformat(),
        single_spaced(row.reference or ""),
        single_spaced(row.narrative),
        single_spaced(row.bank_ref),
    ]
    # Canonical JSON, because it is unambiguous: no text can imitate the seam between two fields.
    return canonical([account, row.amount, row.direction, *told])


def references_in(row: StatementRow) -> list[str]:
    """The payers' references that a row names."""
    return find_references(f"{row.reference or ''} {row.narrative}")


def fingerprint_of_named(
    account: str, amount: int, direction: str, day: date, named: Collection[str], line_ref: str
) -> str:
    """The fingerprint of a row that names these payers' references, alone of its kind in its file.

    `line_ref` is the bank's reference as `line_bank_ref` reads it.
    """
    said = _said_of_named(account, amount, direction, day, named, line_ref)
    return sha256(said + b"#1").hexdigest()


def _said_of_named(
    account: str, amount: int, direction: str, day: date, named: Collection[str], line_ref: str
) -> bytes:
    return canonical([account, amount, direction, day.isoformat(), sorted(named), line_ref])
