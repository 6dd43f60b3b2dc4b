"""The HTTP surface of how an account's days are judged: its sweep, and when money is late."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.idempotency import IdempotencyDep
from core.schemas import Code, Line, RequestModel
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut
from reconciliation.days.day_rules import DAY_RULE, list_day_rules
from reconciliation.matching.ageing import DayRuleValue
from reconciliation.matching.sweeps import plain_words
from reconciliation.schemas import plain_day
from reconciliation.statements.intake import FIRST_DAY, LAST_DAY
from reconciliation.statements.uploads import own_account

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

#: Shorter words would stand in many a narrative by chance.
_LEAST_LETTERS: Final = 6


def _telling(words: str) -> str:
    """Words that can be looked for: of signs alone nothing is left, which stands in all words."""
    if len(plain_words(words)) < _LEAST_LETTERS:
        raise ValueError(f"at least {_LEAST_LETTERS} letters and digits")
    return words


SweepWords = Annotated[Line, Field(min_length=_LEAST_LETTERS), AfterValidator(_telling)]
SweepAccount = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{6,34}$")]


class DayRuleIn(RequestModel):
    """What is to hold of an account's days from a day on; of a gateway's money, if it names one.

    A debit that bears one of `sweep_words` or `sweep_accounts` sweeps the account. It is swept at
    the end of each working day (TT 81/2025/TT-BTC, art. 5.3a) unless `swept_daily` is false, and a
    day without a sweep is told. Money is due `due_after` working days after the treasury's day of
    its payment, and missing after `missing_after` more.
    """

    account: Code
    gateway: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{0,40}$")] = ""
    valid_from: Annotated[
        date, BeforeValidator(plain_day), Field(strict=False, ge=FIRST_DAY, le=LAST_DAY)
    ]
    sweep_words: Annotated[list[SweepWords], Field(max_length=20, default_factory=list)]
    sweep_accounts: Annotated[list[SweepAccount], Field(max_length=20, default_factory=list)]
    swept_daily: bool | None = None
    due_after: Annotated[int, Field(ge=0, le=30)] = 0
    missing_after: Annotated[int, Field(ge=1, le=60)] = 3
    reason: Line

    @model_validator(mode="after")
    def _sweeps_of_accounts(self) -> "DayRuleIn":
        if self.gateway and (self.sweep_words or self.sweep_accounts):
            raise ValueError("an account is swept, a gateway's money is not")
        if self.swept_daily and not (self.sweep_words or self.sweep_accounts):
            raise ValueError("swept_daily needs the words or accounts of its sweep")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """What an approval keeps of it."""
        told = self.model_dump(mode="json", exclude={"account", "reason"})
        tells_sweeps = bool(self.sweep_words or self.sweep_accounts)
        return told | {"swept_daily": tells_sweeps and self.swept_daily is not False}


class DayRuleOut(BaseModel):
    """A rule; the newest one that has begun holds. `gateway` is empty for the account itself."""

    gateway: str
    valid_from: date
    sweep_words: list[str]
    sweep_accounts: list[str]
    swept_daily: bool
    due_after: int
    missing_after: int

    @classmethod
    def of(cls, rule: DayRuleValue) -> "DayRuleOut":
        """The answer for a rule."""
        return cls(
            gateway=rule.gateway,
            valid_from=rule.valid_from,
            sweep_words=list(rule.sweep_words),
            sweep_accounts=list(rule.sweep_accounts),
            swept_daily=rule.swept_daily,
            due_after=rule.due_after,
            missing_after=rule.missing_after,
        )


class DayRuleList(BaseModel):
    """Every rule of an account, in order of their first days."""

    items: list[DayRuleOut]


@router.get("/day-rules")
async def read_day_rules(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    account: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")],
    session: ReadSessionDep,
) -> DayRuleList:
    """How an account's days are judged. Without any rule money is missing after three days."""
    found = await own_account(session, principal, account)
    rules = await list_day_rules(session, found.id)
    return DayRuleList(items=[DayRuleOut.of(rule) for rule in rules])


@router.post(
    "/day-rules",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(DayRuleIn),
)
async def propose_day_rule(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    body: Annotated[ParsedBody[DayRuleIn], Depends(parsed(DayRuleIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a rule hold from a day on that is still open; another person approves it."""

    async def work(session: WriteSession) -> ApprovalOut:
        account = await own_account(session, principal, body.model.account)
        told, reason = body.model.wanted, body.model.reason
        made = await propose(session, kinds, DAY_RULE, account.id, told, reason, principal)
        return ApprovalOut.of(made)

    return await idempotent(idempotent.claim(principal.owner, body.value), work, status=202)
