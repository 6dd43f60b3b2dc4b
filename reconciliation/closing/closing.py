"""Closing a day: asked for by one person, approved by another, and then it never changes.

A day is closed when nothing of it is open, everything is in one place and the sums agree; days are
closed one after the other. Money that is not due yet keeps no day open: it goes on to the next day
(`reconciliation.days.carrying`). What turns up later counts for the first open day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from core import audit, clock, failpoints
from core.errors import Conflict, FieldError, NotFound
from core.json import canonical
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_account_codes
from payments.books import approvals
from payments.books.approvals import (
    ApprovalKind,
    ApprovalKinds,
    ApprovalValue,
    ProposerApproves,
    Subject,
)
from payments.books.closed_days import close_day, find_last_closed, lock_open_days
from reconciliation.cases.day_cases import count_open_cases, list_open_cases
from reconciliation.closing.minutes import MinutesFacts, find_minutes, keep_minutes
from reconciliation.days.control_totals import DayControl, DayRun, control_of
from reconciliation.models import Reconciliation
from reconciliation.runs import check_open, run_lock
from reconciliation.statements.taking import intake_lock

#: The kind of approval by which a day is closed.
CLOSE_DAY = "close_day"


class OpenDiscrepancies(Conflict):
    """Something of the day is not settled; `errors` names each: resolve it, then close."""

    code = "open_discrepancies"


class TotalsDiffer(Conflict):
    """The day's sums do not agree; `errors` names the rows: settle them or reconcile again."""

    code = "totals_differ"


class RunSuperseded(Conflict):
    """A newer run of the day stands: look at that one, and close it."""

    code = "superseded"


class DayBeforeOpen(Conflict):
    """Days are closed in order: close the day before first."""

    code = "day_before_open"


@dataclass(frozen=True, slots=True)
class _ClosableRun:
    id: str
    agency_id: str
    collection_account_id: str
    business_on: date
    summary: dict[str, Any]
    superseded_by: str | None


def closing_kinds(*, demo: bool) -> ApprovalKinds:
    """The kind of approval that closes a day; `demo` minutes say that nothing of them is real."""
    return {CLOSE_DAY: ApprovalKind(_look, partial(_close, demo))}


@dataclass(frozen=True, slots=True)
class ClosingStep:
    """What a person's word did: the approval, and whether the day is closed by it."""

    approval: ApprovalValue
    closed: bool


async def close(
    session: WriteSession, kinds: ApprovalKinds, run_id: str, reason: str, by: Principal
) -> ClosingStep:
    """Ask that a run's day be closed, or, where somebody else has asked, close it.

    Raises `NotAllowed`, `ProposerApproves`, `FiguresChanged`, and what is in this module.
    """
    waiting = await approvals.find_proposed(session, CLOSE_DAY, run_id, by.agency_ids)
    if waiting is None:
        made = await approvals.propose(session, kinds, CLOSE_DAY, run_id, {}, reason, by)
        return ClosingStep(made, closed=False)
    if waiting.proposed_by == by.actor:
        raise ProposerApproves("Người đề nghị khóa sổ không tự duyệt được; cần người thứ hai.")
    by.require(Action.DECIDE_APPROVAL)
    given = await approvals.approve(session, kinds, waiting.id, by)
    return ClosingStep(given.approval, closed=True)


async def _look(session: WriteSession, run_id: str, _: Mapping[str, Any]) -> Subject:
    run, control = await _locked(session, run_id)
    codes = await get_account_codes(session, run.collection_account_id)
    figures = {
        "account": codes.account,
        "date": run.business_on.isoformat(),
        "classes": run.summary,
        "payments": {"count": control.payment_count, "sum": control.paid},
        "carried_in": {"count": control.carried_count, "sum": control.carried},
        "lines": asdict(control.lines),
        "balances": asdict(control.balances),
        "agrees": control.agrees,
    }
    return Subject(run.agency_id, figures | {"digest": sha256(canonical(figures)).hexdigest()})


async def _locked(session: WriteSession, run_id: str) -> tuple[_ClosableRun, DayControl]:
    """A run that may be closed and its sums; nobody changes anything of its day until we end."""
    found = await _find(session, run_id)
    if found is None:
        raise NotFound("Không có lần đối chiếu này.")
    account_id, on = found.collection_account_id, found.business_on
    # In this order: whoever takes a statement in records no money meanwhile, but waits for it.
    await lock_names(session, run_lock(account_id, on))
    await lock_names(session, intake_lock(account_id))
    await lock_open_days(session, account_id)
    run = await _find(session, run_id) or found
    last = await find_last_closed(session, account_id)
    check_open(last, on)
    if run.superseded_by is not None:
        raise RunSuperseded("Đã có lần đối chiếu mới hơn của ngày này; hãy khóa sổ theo lần đó.")
    if last is not None and on != last + timedelta(days=1):
        before = on - timedelta(days=1)
        raise DayBeforeOpen(f"Phải khóa sổ ngày {before:%d/%m/%Y} trước.")
    await _check_settled(session, run)
    minutes = None if last is None else await find_minutes(session, account_id, last)
    debits = [run.summary[name] for name in ("debits", "swept") if name in run.summary]
    control = await control_of(
        session,
        DayRun(run.id, account_id, on, (_total(debits, "count"), _total(debits, "sum"))),
        None if minutes is None else minutes.closing_balance,
    )
    if control.faults:
        raise TotalsDiffer("Số liệu của ngày chưa khớp, chưa khóa sổ được.", errors=control.faults)
    return run, control


def _total(tallies: Sequence[Mapping[str, int]], name: str) -> int:
    return sum(tally[name] for tally in tallies)


async def _check_settled(session: ReadSession, run: _ClosableRun) -> None:
    left = await count_open_cases(session, run.id)
    if not left:
        return
    errors = [
        FieldError(
            one.id or one.object_id or one.reference,
            one.kind or "unknown",
            f"{one.reference or one.object_id or ''} {one.amount} đồng chưa xử lý.".strip(),
        )
        for one in await list_open_cases(session, run.id)
    ]
    raise OpenDiscrepancies(f"Còn {left} chênh lệch chưa xử lý, chưa khóa sổ được.", errors=errors)


async def _close(
    demo: bool, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    run, control = await _locked(session, approval.object_id)
    now = clock.now()
    failpoints.hit("closing.before_write")
    await close_day(session, run.collection_account_id, run.business_on, run.id, now)
    facts = MinutesFacts(
        run_id=run.id,
        agency_id=run.agency_id,
        collection_account_id=run.collection_account_id,
        on=run.business_on,
        classes=run.summary,
        control=control,
        proposed_by=approval.proposed_by,
        proposed_at=approval.proposed_at,
        closed_by=actor,
        closed_at=now,
        demo=demo,
    )
    kept = await keep_minutes(session, facts)
    failpoints.hit("closing.before_commit")
    await audit.record(
        session,
        actor=actor,
        action="day.closed",
        object_id=run.id,
        details={"date": run.business_on.isoformat(), "hash": kept},
    )
    return {"hash": kept, "agrees": control.agrees}


async def _find(session: ReadSession, run_id: str) -> _ClosableRun | None:
    wanted = values_of(_ClosableRun, Reconciliation)
    return await session.first(wanted.where(Reconciliation.id == run_id))
