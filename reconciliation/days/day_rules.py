"""What two people have said of an account's days: read, asked for, and put into force.

A rule says from which day on it holds, which no closed day is; so what a closed day was judged by
stays as it was.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import insert
from sqlmodel import col, select

from core import audit, clock
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import (
    CollectionAccountValue,
    find_collection_account,
    list_gateway_names,
)
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.closed_days import find_last_closed, share_open_days
from reconciliation.days.rule_models import DayRule
from reconciliation.matching.ageing import DayRuleValue
from reconciliation.runs import check_open

#: The kind of approval by which a rule is put into force; it is about an account.
DAY_RULE = "day_rule"


class RuleStands(Conflict):
    """A rule of this account and gateway begins on that day already: choose another day."""

    code = "rule_stands"


async def list_day_rules(session: ReadSession, account_id: str) -> list[DayRuleValue]:
    """Every rule of an account and of gateways for it, in order of their first days."""
    wanted = values_of(DayRuleValue, DayRule).where(
        col(DayRule.collection_account_id) == account_id
    )
    return await session.all(wanted.order_by(col(DayRule.gateway), col(DayRule.valid_from)))


def day_rule_kinds() -> ApprovalKinds:
    """The kind of approval about how an account's days are judged."""
    return {DAY_RULE: ApprovalKind(_look, _put_into_force)}


async def _look(session: WriteSession, account_id: str, wanted: Mapping[str, Any]) -> Subject:
    account = await _account(session, account_id)
    await share_open_days(session, account.id)
    begins, gateway = date.fromisoformat(wanted["valid_from"]), str(wanted["gateway"])
    check_open(await find_last_closed(session, account.id), begins)
    if gateway:
        known = {one.gateway for one in await list_gateway_names(session, account.id)}
        if gateway not in known:
            detail = "Không cổng nào tên này nộp tiền về tài khoản này."
            raise Invalid(detail, errors=[FieldError("gateway", "unknown", detail)])
    stands = select(DayRule.id).where(
        col(DayRule.collection_account_id) == account.id,
        col(DayRule.gateway) == gateway,
        col(DayRule.valid_from) == begins,
    )
    if await session.first(stands) is not None:
        raise RuleStands("Đã có quy tắc bắt đầu đúng ngày này.")
    return Subject(account.agency_id, {"account": account.code, **wanted})


async def _put_into_force(
    session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    wanted = approval.wanted
    row = {
        "id": new_id("drule"),
        "collection_account_id": approval.object_id,
        "gateway": wanted["gateway"],
        "valid_from": date.fromisoformat(wanted["valid_from"]),
        "sweep_words": list(wanted["sweep_words"]),
        "sweep_accounts": list(wanted["sweep_accounts"]),
        # What was asked for before there was this says nothing of it.
        "swept_daily": wanted.get("swept_daily", False),
        "due_after": wanted["due_after"],
        "missing_after": wanted["missing_after"],
        "approval_id": approval.id,
        "created_at": clock.now(),
    }
    await session.write(insert(DayRule), row)
    await audit.record(
        session, actor=actor, action="day_rule.begun", object_id=str(row["id"]), details=wanted
    )
    return {"rule": row["id"]}


async def _account(session: ReadSession, account_id: str) -> CollectionAccountValue:
    found = await find_collection_account(session, account_id)
    if found is None:
        raise NotFound("Không có tài khoản thu này.")
    return found
