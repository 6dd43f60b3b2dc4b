"""When accounts are reconciled by themselves: set by a person, dated, read for all at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import audit, clock
from core.errors import Conflict, FieldError, Invalid
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import (
    CollectionAccountValue,
    find_lineages,
    get_agency_code,
    list_collection_accounts,
)
from reconciliation.days.nightly_models import NightlySchedule
from reconciliation.days.nights import ScheduledTime


class ScheduleStands(Conflict):
    """A schedule of this account or body begins on that day already: choose another day."""

    code = "schedule_stands"


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """What somebody wants: `account` None is for all of a body and its units; `at` None ends it."""

    agency_id: str
    account: CollectionAccountValue | None
    valid_from: date
    at: time | None


@dataclass(frozen=True, slots=True)
class ScheduledAccount:
    """An account with its times, its own or those of the nearest body, by their first days."""

    account: CollectionAccountValue
    times: tuple[ScheduledTime, ...]


@dataclass(frozen=True, slots=True)
class _StoredSchedule:
    id: str
    agency_id: str
    collection_account_id: str | None
    valid_from: date
    at: time | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleValue:
    """A schedule; `account` None is for all of a body and its units, `at` None ends it."""

    id: str
    agency: str
    account: str | None
    valid_from: date
    at: time | None
    created_by: str
    created_at: datetime


async def set_schedule(session: WriteSession, new: NewSchedule, *, actor: str) -> str:
    """Write a schedule down; its id. Raises `ScheduleStands`, and `Invalid` by field.

    It begins today at the earliest, for what was not scheduled was not missed, and its time is
    not before the cut-off of any account that it is for.
    """
    if new.valid_from < clock.business_date(clock.now()):
        raise _refused("valid_from", "in_the_past", "Lịch chạy đêm bắt đầu từ hôm nay trở đi.")
    accounts = [new.account] if new.account else await _of_body(session, new.agency_id)
    latest = max((one.cut_off for one in accounts), default=time.min)
    if new.at is not None and new.at < latest:
        detail = f"Giờ chạy phải từ giờ ngừng giao dịch {latest:%H:%M} trở đi."
        raise _refused("at", "before_cut_off", detail)
    row = {
        "id": new_id("nightly"),
        "agency_id": new.agency_id,
        "collection_account_id": None if new.account is None else new.account.id,
        "valid_from": new.valid_from,
        "at": new.at,
        "created_by": actor,
        "created_at": clock.now(),
    }
    if not await session.write(insert(NightlySchedule).on_conflict_do_nothing(), row):
        raise ScheduleStands("Đã có lịch bắt đầu đúng ngày này; hãy chọn ngày khác.")
    await audit.record(
        session,
        actor=actor,
        action="nightly_schedule.set",
        object_id=str(row["id"]),
        details={
            "agency": new.agency_id,
            "account": row["collection_account_id"],
            "valid_from": new.valid_from.isoformat(),
            "at": None if new.at is None else new.at.isoformat("minutes"),
        },
    )
    return str(row["id"])


def _refused(field: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(field, code, detail)])


async def _of_body(session: ReadSession, agency_id: str) -> list[CollectionAccountValue]:
    above = await find_lineages(session)
    return [
        account
        for account in await list_collection_accounts(session, None)
        if agency_id in above[account.agency_id]
    ]


async def get_schedule(session: ReadSession, schedule_id: str) -> ScheduleValue:
    """A schedule that there is."""
    stored = values_of(_StoredSchedule, NightlySchedule)
    row = await session.one(stored.where(col(NightlySchedule.id) == schedule_id))
    return (await _told(session, [row]))[0]


async def list_schedules(session: ReadSession, agency_ids: Collection[str]) -> list[ScheduleValue]:
    """Every schedule of these bodies and their accounts, in order of their first days."""
    stored = values_of(_StoredSchedule, NightlySchedule)
    rows = await session.all(
        stored.where(col(NightlySchedule.agency_id).in_(sorted(agency_ids))).order_by(
            col(NightlySchedule.valid_from), col(NightlySchedule.id)
        )
    )
    return await _told(session, rows)


async def _told(session: ReadSession, rows: list[_StoredSchedule]) -> list[ScheduleValue]:
    codes = {one.id: one.code for one in await list_collection_accounts(session, None)}
    agencies = {
        agency_id: await get_agency_code(session, agency_id)
        for agency_id in {row.agency_id for row in rows}
    }
    return [
        ScheduleValue(
            row.id,
            agencies[row.agency_id],
            None if row.collection_account_id is None else codes[row.collection_account_id],
            *(row.valid_from, row.at, row.created_by, row.created_at),
        )
        for row in rows
    ]


async def list_scheduled(session: ReadSession) -> list[ScheduledAccount]:
    """Every account that has a schedule, its own or that of the nearest body above it."""
    rows = await session.all(
        values_of(_StoredSchedule, NightlySchedule).order_by(col(NightlySchedule.valid_from))
    )
    if not rows:
        return []
    found, above = [], await find_lineages(session)
    for account in await list_collection_accounts(session, None):
        own = [row for row in rows if row.collection_account_id == account.id]
        for agency_id in above[account.agency_id]:
            own = own or [
                row
                for row in rows
                if row.collection_account_id is None and row.agency_id == agency_id
            ]
        if own:
            times = tuple(ScheduledTime(row.valid_from, row.at) for row in own)
            found.append(ScheduledAccount(account, times))
    return found
