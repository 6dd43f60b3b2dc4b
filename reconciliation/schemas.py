"""What the reconciliation API takes and gives. Amounts are whole đồng, times ISO 8601 UTC."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from core.schemas import Code, Instant, RequestModel
from reconciliation.intake import FIRST_DAY, LAST_DAY
from reconciliation.preparing import PreparedStatement
from reconciliation.queries import DiscrepancyValue, KnownStatementValue, MatchValue, RunValue
from reconciliation.statements import StatementIntake
from reconciliation.takings import TakingValue


def _plain_day(value: object) -> object:
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is None:
        raise ValueError("must be a day like 2026-11-23")
    return value


class ReconciliationIn(RequestModel):
    """A day of one account to reconcile."""

    agency: Code
    account: Code
    date: Annotated[
        date, BeforeValidator(_plain_day), Field(strict=False, ge=FIRST_DAY, le=LAST_DAY)
    ]


class Tally(BaseModel):
    """How many, and their sum."""

    count: int
    sum: int


class BalanceWarning(BaseModel):
    """A balance that does not follow from the rows before it; `row` null is the closing one."""

    row: int | None
    expected: int
    told: int
    detail: str


class StatementOut(BaseModel):
    """A statement as it was taken in. `new` counts the rows that no earlier file held.

    `skipped` counts what is no line of a statement: `header` (repeated), `page_sum`, `balance`,
    `zero` (moves nothing), `sep`. `opening` and `closing` are the balances that it tells, and
    `warnings` where its balances do not go from one row to the next: a row may be missing.
    """

    id: str
    account: str
    rows: int
    new: int
    known: bool
    skipped: dict[str, int]
    opening: int | None
    closing: int | None
    warnings: list[BalanceWarning]

    @classmethod
    def of(
        cls, account: str, taken: StatementIntake, prepared: PreparedStatement
    ) -> "StatementOut":
        """The answer for a statement."""
        return cls(
            id=taken.statement_id,
            account=account,
            rows=taken.row_count,
            new=taken.new_count,
            known=taken.known,
            skipped=prepared.skipped,
            opening=prepared.balances.opening,
            closing=prepared.balances.closing,
            warnings=[
                BalanceWarning(row=gap.row, expected=gap.expected, told=gap.told, detail=gap.detail)
                for gap in prepared.gaps
            ],
        )


class RefusalError(BaseModel):
    """One thing that is wrong with a file, and where."""

    field: str
    code: str
    detail: str


class RefusalOut(BaseModel):
    """Why a statement was not taken in; `errors` as in a problem, named by row and column."""

    code: str
    detail: str
    retryable: bool
    errors: list[RefusalError] = []


class TakingOut(BaseModel):
    """How far a statement is. `status` is `taking`, `taken` or `refused`.

    `rows_read` counts the rows of the file that were read so far; `statement` says what was taken
    and `refusal` why nothing was. Of one that was taken in long ago only its counts are known.
    """

    id: str
    account: str
    status: Literal["taking", "taken", "refused"]
    rows_read: int
    statement: StatementOut | None = None
    refusal: RefusalOut | None = None

    @classmethod
    def of(cls, account: str, taking: TakingValue) -> "TakingOut":
        """The answer for a taking."""
        return cls.model_validate(
            {
                "id": taking.id,
                "account": account,
                "status": taking.state,
                "rows_read": taking.rows_read,
                "statement": taking.outcome,
                "refusal": taking.refusal,
            }
        )

    @classmethod
    def of_statement(cls, known: KnownStatementValue) -> "TakingOut":
        """The answer for a statement that was taken in."""
        told = StatementOut(
            id=known.id,
            account=known.account,
            rows=known.row_count,
            new=known.new_count,
            known=False,
            skipped={},
            opening=known.opening_balance,
            closing=known.closing_balance,
            warnings=[],
        )
        return cls(
            id=known.id,
            account=known.account,
            status="taken",
            rows_read=known.row_count,
            statement=told,
        )


class ReconciliationOut(BaseModel):
    """A run and its tally by class; `superseded_by` is a newer run of the same day, if any."""

    id: str
    agency: str
    account: str
    date: date
    summary: dict[str, Tally]
    created_at: Instant
    superseded_by: str | None

    @classmethod
    def of(cls, run: RunValue) -> "ReconciliationOut":
        """The answer for a run."""
        return cls(
            id=run.id,
            agency=run.agency,
            account=run.account,
            date=run.business_on,
            summary=run.summary,
            created_at=run.created_at,
            superseded_by=run.superseded_by,
        )


class MatchOut(BaseModel):
    """A payment and the statement's line that is its money; `rule` is how they were found.

    `statement_alone`: no feed and no gateway has told of it, so that the line is all the evidence
    there is; null in runs of before this was looked at.
    """

    payment: str
    line: str
    reference: str
    amount: int
    rule: str
    statement_alone: bool | None

    @classmethod
    def of(cls, match: MatchValue) -> "MatchOut":
        """The answer for a match."""
        return cls(
            payment=match.payment_id,
            line=match.line_id,
            reference=match.reference,
            amount=match.amount,
            rule=match.rule,
            statement_alone=match.statement_alone,
        )


class MatchList(BaseModel):
    """Matches of a run by payment; `next_cursor` asks for those that follow, null at the end."""

    items: list[MatchOut]
    next_cursor: str | None


class DiscrepancyOut(BaseModel):
    """What did not simply agree, and why."""

    id: str
    side: Literal["payment", "line"]
    object: str
    class_: str = Field(serialization_alias="class")
    reference: str
    amount: int
    other_amount: int | None
    reason: str

    @classmethod
    def of(cls, odd: DiscrepancyValue) -> "DiscrepancyOut":
        """The answer for a discrepancy."""
        return cls(
            id=odd.id,
            side=odd.side,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            object=odd.object_id,
            class_=odd.kind,
            reference=odd.reference,
            amount=odd.amount,
            other_amount=odd.other_amount,
            reason=odd.reason,
        )


class DiscrepancyList(BaseModel):
    """A page of a run's discrepancies."""

    items: list[DiscrepancyOut]
    next_cursor: str | None = None
