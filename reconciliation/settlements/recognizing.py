"""By which layout a settlement file is read where nobody has named one.

Tried are those that such a file may have: what its body has saved, the gateway's own, and those of
no gateway. Another gateway's layout is never taken by itself: a file with its columns is most often
one that was chosen for the wrong account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.errors import FieldError
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.preparing import PreparedSettlement, prepare_settlement


@dataclass(frozen=True, slots=True)
class RecognizedSettlement:
    """A file that was read; else `faults`, by the layout whose columns it has most nearly.

    `looks_like` is another gateway's layout, by its code, that has the columns of the file.
    """

    read: PreparedSettlement | None = None
    faults: tuple[FieldError, ...] = ()
    looks_like: str = ""


def recognize_settlement(
    content: bytes,
    likely: Sequence[SettlementLayout],
    others: Sequence[SettlementLayout],
    today: date,
    encoding: str | None = None,
) -> RecognizedSettlement:
    """Read a file by the first of the `likely` layouts that reads it. Blocks; processor work.

    Raises `UnknownEncoding`.
    """
    closest: tuple[FieldError, ...] | None = None
    for layout in likely:
        read, faults = _tried(content, layout, today, encoding)
        if read is not None:
            return RecognizedSettlement(read)
        if closest is None or _lacking(faults) < _lacking(closest):
            closest = faults
    closest = closest or ()
    if _lacking(closest) or not closest:
        for layout in others:
            read, faults = _tried(content, layout, today, encoding)
            if read is not None or not _lacking(faults):
                return RecognizedSettlement(None, closest, layout.code)
    return RecognizedSettlement(None, closest)


def _tried(
    content: bytes, layout: SettlementLayout, today: date, encoding: str | None
) -> tuple[PreparedSettlement | None, tuple[FieldError, ...]]:
    try:
        return prepare_settlement(content, layout, today, encoding), ()
    except StatementRefused as refused:
        return None, tuple(refused.errors)


def _lacking(faults: Sequence[FieldError]) -> int:
    """How many columns of a layout the file lacks: none where its heading was found.

    Some encodings are told by that heading alone.
    """
    return sum(1 for fault in faults if fault.code in ("missing_column", "encoding"))
