"""The minutes of a closed day (biên bản đối chiếu): what they say, frozen when the day is closed.

The content is canonical JSON. Its hash covers the hash of the minutes of the day before, so that
none of them can be changed, left out or put in between without all that follow saying so.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import insert
from sqlmodel import col

from core import clock
from core.errors import NotFound
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import ReadSql, load_sql, values_of
from payments.agencies.access.staff import get_staff_user
from payments.agencies.queries import find_agency, get_collection_account
from payments.books.day_totals import (
    PlaceTotal,
    list_fee_totals,
    list_place_totals,
    list_waiting_totals,
)
from reconciliation.cases.day_cases import list_resolved_items, list_resolved_sums
from reconciliation.closing.object_words import name_objects
from reconciliation.closing_models import DayMinutes
from reconciliation.days.carrying import CarriedItem, list_waiting_items, list_waiting_sums
from reconciliation.days.control_totals import DayControl

#: How the content is laid out; one that is laid out anew gets another number. Since 2 fees have the
#: share that the body keeps, since 3 it tells what was carried into the day and what goes on, since
#: 4 what each object is called.
VERSION = 4
#: What the first minutes of an account name as the hash before.
FIRST = "0" * 64
#: How many items the minutes list one by one; their sums are of all.
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class MinutesFacts:
    """What a closing knows of its day; people as the audit log names them."""

    run_id: str
    agency_id: str
    collection_account_id: str
    on: date
    classes: dict[str, Any]
    control: DayControl
    proposed_by: str
    proposed_at: datetime
    closed_by: str
    closed_at: datetime
    #: whether nothing of it is real
    demo: bool


@dataclass(frozen=True, slots=True)
class MinutesValue:
    """The minutes of a day as they are kept."""

    run_id: str
    collection_account_id: str
    business_on: date
    hash: str
    content: dict[str, Any]

    @property
    def closing_balance(self) -> int | None:
        """What the account had at the end of the day, in đồng; None where no statement told."""
        balance: int | None = self.content["balances"]["closing"]
        return balance


@dataclass(frozen=True, slots=True)
class _StoredMinutes:
    reconciliation_id: str
    collection_account_id: str
    business_on: date
    hash: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _OtherDayLine:
    id: str
    amount: int
    booked_at: datetime
    payment_id: str
    late: bool


_SQL = load_sql("reconciliation.closing", "minutes")
#: Credit lines of payments of other days, and late ones.
_OTHER_DAYS = ReadSql(_OtherDayLine, _SQL["other_days"])
_MINUTES = values_of(_StoredMinutes, DayMinutes)


async def find_minutes(session: ReadSession, account_id: str, on: date) -> MinutesValue | None:
    """The minutes of an account's day; None where the day is open."""
    of_day = (DayMinutes.collection_account_id == account_id, DayMinutes.business_on == on)
    found = await session.first(_MINUTES.where(*of_day))
    return None if found is None else _opened(found)


async def get_minutes(session: ReadSession, run_id: str) -> MinutesValue:
    """The minutes of the day that a run closed. Raises `NotFound` where it is open."""
    found = await session.first(_MINUTES.where(DayMinutes.reconciliation_id == run_id))
    if found is None:
        raise NotFound("Ngày này chưa khóa sổ, chưa có biên bản.")
    return _opened(found)


async def keep_minutes(session: WriteSession, facts: MinutesFacts) -> str:
    """Write the minutes of a day that is being closed; their hash."""
    previous = await session.first(
        _MINUTES.where(DayMinutes.collection_account_id == facts.collection_account_id)
        .order_by(col(DayMinutes.business_on).desc())
        .limit(1)
    )
    content = canonical(await _content(session, facts, previous))
    row = {
        "reconciliation_id": facts.run_id,
        "collection_account_id": facts.collection_account_id,
        "business_on": facts.on,
        "content": content,
        "hash": sha256(content).hexdigest(),
        "created_at": clock.now(),
    }
    await session.write(insert(DayMinutes), row)
    return str(row["hash"])


def _opened(stored: _StoredMinutes) -> MinutesValue:
    return MinutesValue(
        stored.reconciliation_id,
        stored.collection_account_id,
        stored.business_on,
        stored.hash,
        json.loads(bytes(stored.content)),
    )


async def _content(
    session: ReadSession, facts: MinutesFacts, previous: _StoredMinutes | None
) -> dict[str, Any]:
    account = await get_collection_account(session, facts.collection_account_id)
    body = await find_agency(session, facts.agency_id)
    if body is None:
        raise NotFound("Không có cơ quan này.")
    control = facts.control
    of_day = {"run": facts.run_id, "account": account.id, "on": facts.on}
    others = await session.all(_OTHER_DAYS, of_day)
    waiting = await list_waiting_items(session, facts.run_id)
    resolved = await list_resolved_items(session, account.id, facts.on)
    told = await name_objects(
        session,
        {one.object_id for one in waiting}
        | {one.object_id for one in resolved}
        | {object_id for one in others for object_id in (one.id, one.payment_id) if object_id},
    )
    return {
        "version": VERSION,
        "demo": facts.demo,
        "run": facts.run_id,
        "date": facts.on.isoformat(),
        "previous": {
            "date": None if previous is None else previous.business_on.isoformat(),
            "hash": FIRST if previous is None else previous.hash,
        },
        "body": {
            "code": body.code,
            "name": body.name,
            "tax_code": body.tax_code,
            "address": body.address,
        },
        "account": {
            "code": account.code,
            "number": account.account_number,
            "holder": account.account_name,
        },
        "proposed": await _signer(session, facts.proposed_by, facts.proposed_at),
        "closed": await _signer(session, facts.closed_by, facts.closed_at),
        "classes": facts.classes,
        "payments": {"count": control.payment_count, "sum": control.paid},
        "carried_in": {"count": control.carried_count, "sum": control.carried},
        "carried_out": {
            "sums": [asdict(one) for one in await list_waiting_sums(session, facts.run_id)],
            "items": [_waiting(one) | {"told": told[one.object_id]} for one in waiting],
        },
        "lines": asdict(control.lines),
        "balances": asdict(control.balances),
        "agrees": control.agrees,
        "fees": [asdict(one) for one in await list_fee_totals(session, account.id, facts.on)],
        "places": _places(await list_place_totals(session, account.id, facts.on)),
        "waiting": _places(await list_waiting_totals(session, account.id)),
        "resolved": [
            asdict(one) for one in await list_resolved_sums(session, account.id, facts.on)
        ],
        "items": [asdict(one) | {"told": told[one.object_id]} for one in resolved],
        "other_days": [
            {
                **asdict(one),
                "booked_at": one.booked_at.isoformat(timespec="seconds"),
                "told": told[one.id],
                "payment_told": told.get(one.payment_id, ""),
            }
            for one in others
        ],
    }


def _waiting(one: CarriedItem) -> dict[str, Any]:
    due = None if one.expected_on is None else one.expected_on.isoformat()
    return asdict(one) | {"expected_on": due}


def _places(totals: list[PlaceTotal]) -> list[dict[str, Any]]:
    return [asdict(one) for one in totals]


async def _signer(session: ReadSession, actor: str, at: datetime) -> dict[str, Any]:
    person = await get_staff_user(session, actor.removeprefix("staff:"))
    return {"id": person.id, "name": person.name, "at": at.isoformat(timespec="seconds")}
