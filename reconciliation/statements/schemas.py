"""What the API says of statements. Amounts are whole đồng, times ISO 8601 UTC."""

from typing import Literal

from pydantic import BaseModel, Field

from reconciliation.schemas import BalanceWarning, RefusalError
from reconciliation.statements.preparing import PreparedStatement
from reconciliation.statements.queries import KnownStatementValue
from reconciliation.statements.taking import StatementIntake
from reconciliation.statements.takings import TakingValue


class StatementOut(BaseModel):
    """A statement as it was taken in. `new` counts the rows that no earlier file held.

    `skipped` counts what is no line of a statement: `header` (repeated), `page_sum`,
    `page_number`, `balance`, `zero` (moves nothing), `sep`. `opening` and `closing` are the
    balances that it tells, and `warnings` where its balances do not go from one row to the next: a
    row may be missing. `notes` say what was read although it is hidden, and what else its sender
    should know. The counts and sums are of its lines by side; `totals_stated`: its trailer says so
    too. `version` counts how often its days were issued anew, and `supersedes` is the statement
    whose place it took.
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
    notes: list[str] = Field(default_factory=list)
    credit_count: int | None = None
    credits: int | None = None
    debit_count: int | None = None
    debits: int | None = None
    totals_stated: bool | None = None
    version: int = 1
    supersedes: str | None = None

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
            notes=list(prepared.notes),
            credit_count=prepared.credit_count,
            credits=prepared.credited,
            debit_count=prepared.debit_count,
            debits=prepared.debited,
            totals_stated=prepared.totals_stated,
        )


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
            credit_count=known.credit_count,
            credits=known.credited,
            debit_count=known.debit_count,
            debits=known.debited,
            totals_stated=known.totals_stated,
            version=known.version,
            supersedes=known.supersedes,
        )
        return cls(
            id=known.id,
            account=known.account,
            status="taken",
            rows_read=known.row_count,
            statement=told,
        )
