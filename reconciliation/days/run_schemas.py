"""What the API takes and gives of reconciliations. Amounts are whole đồng, times ISO 8601 UTC."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from core.schemas import Code, Instant, RequestModel
from reconciliation.days.rerun import DayComparison, DayDifference
from reconciliation.days.run_queries import MatchValue
from reconciliation.matching.open_questions import LineSuggestions
from reconciliation.queries import RunValue
from reconciliation.schemas import Tally, plain_day
from reconciliation.statements.intake import FIRST_DAY, LAST_DAY


class ReconciliationIn(RequestModel):
    """A day of one account to reconcile."""

    agency: Code
    account: Code
    date: Annotated[
        date, BeforeValidator(plain_day), Field(strict=False, ge=FIRST_DAY, le=LAST_DAY)
    ]


class DayDifferenceOut(BaseModel):
    """What a closed day has and a new run would not (`gone`), or the other way round (`new`).

    `place` is `matched` or the class of a discrepancy.
    """

    change: Literal["gone", "new"]
    side: Literal["payment", "line", "account"]
    object: str
    place: str
    amount: int

    @classmethod
    def of(cls, one: DayDifference) -> "DayDifferenceOut":
        """The answer for a difference."""
        return cls(
            change=one.change,  # type: ignore[arg-type]  # made from these two only
            side=one.side,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            object=one.object_id,
            place=one.place,
            amount=one.amount,
        )


class ReconciliationOut(BaseModel):
    """A run and its tally by class; `superseded_by` is a newer run of the same day, if any.

    `closed_at` is when its day was closed. A closed day that is run again stays as it is: the
    answer is its run, with what would be otherwise now (`difference_count`, and up to 500
    `differences`).
    """

    id: str
    agency: str
    account: str
    date: date
    summary: dict[str, Tally]
    created_at: Instant
    superseded_by: str | None
    closed_at: Instant | None
    difference_count: int | None = None
    differences: list[DayDifferenceOut] | None = None

    @classmethod
    def of(cls, run: RunValue, compared: DayComparison | None = None) -> "ReconciliationOut":
        """The answer for a run."""
        return cls(
            id=run.id,
            agency=run.agency,
            account=run.account,
            date=run.business_on,
            summary=run.summary,
            created_at=run.created_at,
            superseded_by=run.superseded_by,
            closed_at=run.closed_at,
            difference_count=None if compared is None else compared.count,
            differences=None
            if compared is None
            else [DayDifferenceOut.of(one) for one in compared.differences],
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


class SuggestionOut(BaseModel):
    """That these lines are together the money of these bills (references).

    `confidence` is how often in a hundred such a suggestion is right; a person decides.
    """

    lines: list[str]
    bills: list[str]
    rule: str
    confidence: int
    reason: str


class LineSuggestionsOut(BaseModel):
    """An unknown line of a run, and what it may be, the surest first."""

    line: str
    amount: int
    suggestions: list[SuggestionOut]

    @classmethod
    def of(cls, found: LineSuggestions) -> "LineSuggestionsOut":
        """The answer for a line."""
        return cls(
            line=found.line_id,
            amount=found.amount,
            suggestions=[
                SuggestionOut(
                    lines=list(one.line_ids),
                    bills=list(one.object_ids),
                    rule=one.rule,
                    confidence=one.confidence,
                    reason=one.reason,
                )
                for one in found.suggestions
            ],
        )


class SuggestionList(BaseModel):
    """The unknown lines of a run by time, each with its suggestions; the first 2,000."""

    items: list[LineSuggestionsOut]
