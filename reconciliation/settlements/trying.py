"""What a layout makes of a gateway's file, before it is saved. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.errors import Invalid
from core.json import dumps, loads
from reconciliation.formats.layouts import BadLayout, read_settlement_layout
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.statements.layout_names import check_layout_name


@dataclass(frozen=True, slots=True)
class TriedSettlementLayout:
    """A layout with what it makes of its sample: rows, and their sums in đồng."""

    layout: SettlementLayout
    rows: int
    amount: int
    fee: int
    net: int


def try_settlement_layout(
    content: bytes,
    written: str,
    name: str,
    ours: Sequence[SettlementLayout],
    today: date,
    encoding: str | None = None,
) -> TriedSettlementLayout:
    """A layout, in JSON, that has read its sample. Blocks; processor work.

    Its own name and day, and that it is confirmed, need not be written in it. Raises `Invalid` for
    a name that is none or one of `ours`, `BadLayout`, and `StatementRefused` with every reason for
    which the sample is not read.
    """
    check_layout_name(name, taken=any(one.code == name for one in ours))
    layout = read_settlement_layout(_completed(written, name, today))
    rows = read_settlement(content, layout, today, encoding=encoding)
    return TriedSettlementLayout(
        layout,
        len(rows),
        amount=sum(row.sign * row.amount for row in rows),
        fee=sum(row.sign * row.fee for row in rows),
        net=sum(row.paid_over for row in rows),
    )


def _completed(written: str, name: str, today: date) -> str:
    try:
        said = loads(written.encode())
    except Invalid as error:
        raise BadLayout("Mẫu này không phải JSON.", errors=error.errors) from None
    if not isinstance(said, dict):
        return written
    own = {"code": name, "confirmed": True, "valid_from": today.isoformat(), "valid_to": None}
    return dumps(said | own).decode()
