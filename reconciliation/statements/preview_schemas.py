"""The shapes of a look into a statement's file. Pure."""

from pydantic import BaseModel

from core.schemas import Instant
from reconciliation.formats.preview import StatementPreview
from reconciliation.schemas import BalanceWarning, RefusalError


class RawRow(BaseModel):
    """A row of the file as it stands; long cells are cut."""

    row: int
    cells: list[str]


class PreviewLine(BaseModel):
    """A line as it would be taken in."""

    row: int
    booked_at: Instant
    amount: int
    direction: str
    reference: str | None
    narrative: str
    bank_ref: str
    balance: int | None


class PreviewOut(BaseModel):
    """What a file would say. Nothing of it is stored.

    `layout` is the mapping that its lines were read by, in JSON: the one named by `mapping`, the
    one sent, or (`proposed`) one by the words of its heading, which a person has to look at. With
    `faults` nothing would be taken, and there are no lines and no sums. `credited` and `debited`
    are in đồng.
    """

    format: str
    encoding: str
    delimiter: str
    header_row: int | None
    raw_rows: list[RawRow]
    mapping: str
    layout: dict[str, object] | None
    proposed: bool
    faults: list[RefusalError]
    rows: int
    credited: int
    debited: int
    opening: int | None
    closing: int | None
    skipped: dict[str, int]
    accounts: list[str]
    warnings: list[BalanceWarning]
    notes: list[str]
    lines: list[PreviewLine]

    @classmethod
    def of(cls, shown: StatementPreview) -> "PreviewOut":
        """The answer for a look into a file."""
        file = shown.file
        rows = [] if file is None else file.rows
        return cls(
            format=shown.format,
            encoding=shown.encoding,
            delimiter=shown.delimiter,
            header_row=shown.header_row,
            raw_rows=[RawRow(row=row, cells=cells) for row, cells in shown.raw_rows],
            mapping=shown.mapping,
            layout=shown.layout,
            proposed=shown.is_proposed,
            faults=[
                RefusalError(field=one.field, code=one.code, detail=one.detail)
                for one in shown.faults
            ],
            rows=len(rows),
            credited=sum(row.amount for row in rows if row.direction == "credit"),
            debited=sum(row.amount for row in rows if row.direction == "debit"),
            opening=None if file is None else file.balances.opening,
            closing=None if file is None else file.balances.closing,
            skipped={} if file is None else file.skipped,
            accounts=[] if file is None else list(file.accounts),
            warnings=[
                BalanceWarning(row=gap.row, expected=gap.expected, told=gap.told, detail=gap.detail)
                for gap in (() if file is None else file.gaps)
            ],
            notes=[] if file is None else list(file.notes),
            lines=[
                PreviewLine(
                    row=row.line_no,
                    booked_at=row.booked_at,
                    amount=row.amount,
                    direction=row.direction,
                    reference=row.reference,
                    narrative=row.narrative,
                    bank_ref=row.bank_ref,
                    balance=row.balance,
                )
                for row in shown.lines
            ],
        )
