"""The HTTP surface of claims against a bank that booked late."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ObjectId
from reconciliation.days.late_money import LateDay, read_late_day
from reconciliation.dependencies import ReconcilingDep
from reconciliation.matching.late_claims import LateClaim, claim_for, rule_on

router = APIRouter(prefix="/api/v1/reconciliations", tags=["reconciliation"])


class ClaimOut(BaseModel):
    """What the bank owes for one payment, in đồng."""

    payment: str
    line: str
    reference: str
    amount: int
    due_on: date
    booked_on: date
    days_late: int
    claim: int

    @classmethod
    def of(cls, one: LateClaim) -> "ClaimOut":
        """The answer for a claim."""
        return cls(
            payment=one.money.payment_id,
            line=one.money.line_id,
            reference=one.money.reference,
            amount=one.money.amount,
            due_on=one.money.due_on,
            booked_on=one.money.booked_on,
            days_late=one.days_late,
            claim=one.claim,
        )


class ClaimList(BaseModel):
    """The claims of a run, with what they were computed by; `total` in đồng."""

    basis: str
    factor_percent: int
    days_of_year: int
    rate_basis_points: int
    items: list[ClaimOut]
    total: int

    @classmethod
    def of(cls, day: LateDay, rate_basis_points: int) -> "ClaimList":
        """The claims for a day's late money, by the rule of that day. Raises `NoClaimRule`."""
        rule = rule_on(day.on)
        claims = [claim_for(one, rule, rate_basis_points) for one in day.money]
        return cls(
            basis=rule.basis,
            factor_percent=rule.factor_percent,
            days_of_year=rule.days_of_year,
            rate_basis_points=rate_basis_points,
            items=[ClaimOut.of(one) for one in claims],
            total=sum(one.claim for one in claims),
        )


@router.get("/{run_id}/claims")
async def read_claims(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: ObjectId,
    rate_basis_points: Annotated[int, Query(ge=1, le=5_000)],
    session: ReadSessionDep,
    parts: ReconcilingDep,
) -> ClaimList:
    """What the bank owes for what it booked late.

    `rate_basis_points` is its non-term rate for đồng, in hundredths of a percent a year.
    """
    day = await read_late_day(session, parts.calendar, run_id, principal.agency_ids)
    return ClaimList.of(day, rate_basis_points)
