"""What the API of debts takes and gives. Amounts are whole đồng."""

from datetime import date
from typing import Annotated, Literal

from fastapi import File, Form, UploadFile
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from core.schemas import Code, Instant, Line, PrintedLine, RequestModel
from core.tax_numbers import checked_tax_number
from payments.debts.commands import DebtPayer
from payments.debts.comparing import DebtComparison, DebtDifference
from payments.debts.findings import DebtChange, DebtFinding
from payments.debts.kinds import DebtKind
from payments.debts.queries import DebtListValue, DebtValue
from payments.debts.sheets import DebtSheet

#: What an office calls a list; its versions bear the same.
LIST_CODE = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
ListCode = Annotated[str, StringConstraints(pattern=LIST_CODE)]

FormAgency = Annotated[str, Form(pattern=r"^[A-Za-z0-9._/-]{1,64}$", description="Its code.")]
FormKind = Annotated[DebtKind, Form(description="What the list is of.")]
FormList = Annotated[str, Form(alias="list", pattern=LIST_CODE, description="What it is called.")]
DebtFile = Annotated[UploadFile, File(description="CSV or XLSX, a row for each debt.")]


class DebtListNameIn(RequestModel):
    """Which list a file is of."""

    agency: Code
    kind: DebtKind = Field(strict=False)
    list: ListCode


class DebtReasonIn(RequestModel):
    """Why a second person is asked."""

    reason: Line


class DebtPayerIn(RequestModel):
    """Who pays for the one who owes; kept sealed."""

    name: PrintedLine
    address: PrintedLine | None = None
    tax_number: Annotated[str, AfterValidator(checked_tax_number)] | None = None

    @property
    def payer(self) -> DebtPayer:
        """The payer as the command takes them."""
        return DebtPayer(self.name, self.address or "", self.tax_number or "")


class DebtListOut(BaseModel):
    """A version of a list. `outcome` counts what became of its debts, by what was done."""

    id: str
    agency: str
    kind: DebtKind
    list: str
    version: int
    file_name: str
    sha256: str
    rows: int
    amount: int
    state: Literal["proposed", "rejected", "loading", "done"]
    created_by: str
    created_at: Instant
    finished_at: Instant | None
    outcome: dict[DebtChange, int]

    @classmethod
    def of(cls, found: DebtListValue) -> "DebtListOut":
        """The answer for a list."""
        return cls(
            id=found.id,
            agency=found.agency,
            kind=DebtKind(found.kind),
            list=found.code,
            version=found.version,
            file_name=found.file_name,
            sha256=found.sha256,
            rows=found.row_count,
            amount=found.amount,
            state=found.state,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            created_by=found.created_by,
            created_at=found.created_at,
            finished_at=found.finished_at,
            outcome={DebtChange(name): count for name, count in found.outcome.items()},
        )


class DebtListPage(BaseModel):
    """A page of lists, the newest version first."""

    items: list[DebtListOut]
    next_cursor: str | None


class DebtDifferenceOut(BaseModel):
    """A debt that a version would change or cannot; `after` 0 is owed no more."""

    code: str
    change: DebtChange
    finding: DebtFinding | None
    before: int
    after: int

    @classmethod
    def of(cls, one: DebtDifference) -> "DebtDifferenceOut":
        """The answer for a difference."""
        return cls(
            code=one.code,
            change=one.change,
            finding=one.finding,
            before=one.before,
            after=one.after,
        )


class DebtPreviewOut(BaseModel):
    """What a file would do now; nothing was taken. At most 200 differences are listed.

    `calculated` amounts came of formulas, `mended_phones` phone numbers got back the 0 that a
    spreadsheet took off; `to_give_back` is what was paid and is owed no more.
    """

    rows: int
    calculated: int
    mended_phones: int
    changes: dict[DebtChange, int]
    findings: dict[DebtFinding, int]
    amount_before: int
    amount_after: int
    to_give_back: int
    takes_two_people: bool
    differences: list[DebtDifferenceOut]

    @classmethod
    def of(cls, compared: DebtComparison, sheet: DebtSheet) -> "DebtPreviewOut":
        """The answer for a comparison with a file."""
        return cls(
            rows=len(sheet.debts),
            calculated=sheet.calculated,
            mended_phones=sheet.mended_phones,
            changes=dict(compared.changes),
            findings=dict(compared.findings),
            amount_before=compared.before,
            amount_after=compared.after,
            to_give_back=compared.difference,
            takes_two_people=compared.takes_two,
            differences=[DebtDifferenceOut.of(one) for one in compared.shown],
        )


class DebtOut(BaseModel):
    """A debt and its bill. Names and tax numbers are not shown: the bill's readers see them.

    `finding` is what a newer version or a withdrawal wanted and left to people; `difference` what
    of it is to be given back.
    """

    id: str
    agency: str
    kind: DebtKind
    list: str
    code: str
    bill: str
    reference: str
    amount: int
    status: Literal["open", "paid", "exempt", "expired", "cancelled"]
    dossier_number: str | None
    decision_number: str | None
    decided_on: date | None
    due_on: date | None
    supplement_of: str | None
    finding: DebtFinding | None
    difference: int | None
    created_at: Instant
    ended_at: Instant | None

    @classmethod
    def of(cls, found: DebtValue) -> "DebtOut":
        """The answer for a debt."""
        return cls(
            id=found.id,
            agency=found.agency,
            kind=DebtKind(found.kind),
            list=found.list_code,
            code=found.code,
            bill=found.bill_id,
            reference=found.bill,
            amount=found.amount,
            status=found.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            dossier_number=found.dossier_number,
            decision_number=found.decision_number,
            decided_on=found.decided_on,
            due_on=found.due_on,
            supplement_of=found.supplement_of,
            finding=None if found.finding is None else DebtFinding(found.finding),
            difference=found.difference,
            created_at=found.created_at,
            ended_at=found.ended_at,
        )


class DebtPage(BaseModel):
    """A page of debts, the newest first."""

    items: list[DebtOut]
    next_cursor: str | None
