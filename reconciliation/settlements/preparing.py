"""A settlement file made ready for the database: processor work, done in a process of its own."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from hashlib import sha256
from typing import Final

from core.clock import business_date
from core.copying import copy_line
from core.ids import new_id
from core.json import canonical
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.formats.settlement_rows import SettlementRow
from reconciliation.statements.intake import file_digest

#: What each prepared line holds, in this order.
COLUMNS: Final = (
    *("id", "line_number", "batch_ref", "settled_on", "kind", "order_ref", "gateway_ref"),
    *("amount", "fee", "paid_at", "business_on", "fingerprint"),
)


@dataclass(frozen=True, slots=True)
class PreparedSettlement:
    """A file that was read, its lines as COPY takes them.

    `amount`, `fee` and `net` are what its rows come to in đồng, what goes back taken off; `lines`
    and their `fingerprints` are in the order of `rows`.
    """

    rows: tuple[SettlementRow, ...]
    fingerprints: tuple[str, ...]
    digest: str
    mapping: str
    row_count: int
    amount: int
    fee: int
    net: int
    lines: bytes


def prepare_settlement(
    content: bytes, layout: SettlementLayout, today: date, encoding: str | None = None
) -> PreparedSettlement:
    """Read a settlement file and make its lines ready. Blocks; processor work.

    Raises `StatementRefused` naming every bad row and column, and `UnknownEncoding`.
    """
    rows = read_settlement(content, layout, today, encoding=encoding)
    return prepared_of(rows, layout.code, file_digest(content))


def prepared_of(rows: Sequence[SettlementRow], mapping: str, digest: str) -> PreparedSettlement:
    """A file's rows made ready to be stored."""
    fingerprints = tuple(_fingerprints(rows))
    return PreparedSettlement(
        rows=tuple(rows),
        fingerprints=fingerprints,
        digest=digest,
        mapping=mapping,
        row_count=len(rows),
        amount=sum(row.sign * row.amount for row in rows),
        fee=sum(row.sign * row.fee for row in rows),
        net=sum(row.paid_over for row in rows),
        lines="".join(_copied(rows, fingerprints)).encode(),
    )


def _paid_at(row: SettlementRow) -> str | None:
    return None if row.paid_at is None else row.paid_at.astimezone(UTC).isoformat()


def _fingerprints(rows: Sequence[SettlementRow]) -> Iterator[str]:
    met: Counter[bytes] = Counter()
    for row in rows:
        said = canonical(
            [
                *(row.batch_ref, row.settled_on.isoformat(), row.kind, row.order_ref),
                *(row.gateway_ref, row.amount, row.fee, _paid_at(row)),
            ]
        )
        # Two genuine equal rows of one file stay two, and an overlapping file gives both again.
        met[said] += 1
        yield sha256(said + b"#%d" % met[said]).hexdigest()


def _copied(rows: Sequence[SettlementRow], fingerprints: Sequence[str]) -> Iterator[str]:
    for row, fingerprint in zip(rows, fingerprints, strict=True):
        business_on = row.settled_on if row.paid_at is None else business_date(row.paid_at)
        yield copy_line(
            (
                *(new_id("sline"), row.line_no, row.batch_ref, row.settled_on.isoformat()),
                *(row.kind, row.order_ref, row.gateway_ref, row.amount, row.fee),
                *(_paid_at(row), business_on.isoformat(), fingerprint),
            )
        )
