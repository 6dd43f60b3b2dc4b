"""What must always hold of a body's set-up: each row is as the audit log says it was left.

Whoever has the database in hand could add a key, or send a body's money to another account; the
log, which is chained and sealed, would not tell of it. What stood there before the log told of such
things was written into it once (`setup.found`, migration 0023).
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from sqlmodel import SQLModel, select

from core.audit import each_entry
from core.sessions import ReadSession
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.changes import digest
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow

_FOUND = "setup.found"
#: Of rows, by their ids: what stands in their columns, or what the log tells of these.
_Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SetupKind:
    """A table of the set-up: what the log calls its deeds, and the columns that it tells of."""

    model: type[SQLModel]
    actions: Collection[str]
    columns: tuple[str, ...]
    #: what the log tells of a column in another form: its name there, of which column
    digests: Mapping[str, str]
    #: deeds that end a row's use, and the column that says so
    ends: Mapping[str, str]
    #: columns that came later: what they are of a row of which the log tells nothing of them
    later: Mapping[str, Any] = field(default_factory=dict)


KINDS = (
    SetupKind(
        Agency,
        ("agency.created", "agency.changed"),
        ("name", "name_en", "tax_code", "address", "phone", "parent_id", "return_origins"),
        {},
        {},
    ),
    SetupKind(
        CollectionAccount,
        ("account.created", "account.changed"),
        (
            *("agency_id", "code", "bank_bin", "account_number", "account_name", "kind"),
            *("cut_off", "opened_on", "virtual_prefix", "virtual_digits"),
        ),
        {},
        {},
        {"virtual_prefix": None, "virtual_digits": False},
    ),
    SetupKind(
        GatewayAccountRow,
        ("gateway.configured",),
        ("agency_id", "base_url", "collection_account_id", "enabled"),
        {"sealed": "credentials"},
        {},
    ),
    SetupKind(
        ApiKey,
        ("api_key.created", "api_key.revoked"),
        ("agency_id", "staff_id", "scopes", "hash"),
        {},
        {"api_key.revoked": "revoked_at"},
    ),
    SetupKind(
        StaffUser,
        ("staff.created", "staff.password_changed", "staff.disabled"),
        ("agency_id", "roles"),
        {"sign_in": "password_hash"},
        {"staff.disabled": "disabled_at"},
    ),
)


async def check(session: ReadSession) -> AsyncIterator[str]:
    """A line for each row of the set-up that is not as the log left it; none when all are."""
    rows: list[_Rows] = []
    for kind in KINDS:
        found = [row.model_dump() for row in await session.all(select(kind.model))]
        rows.append({values["id"]: values for values in found})
    for kind, there, told in zip(KINDS, rows, await _told(session, rows), strict=True):
        for id_, values in there.items():
            name = f"{kind.model.__tablename__} {id_}"
            if id_ not in told:
                yield f"the set-up is as the log left it: {name} was made by nobody"
            else:
                for column in _differing(kind, values, told.pop(id_)):
                    yield f"the set-up is as the log left it: {name} has another {column}"
        for gone in told:
            yield f"the set-up is as the log left it: {kind.model.__tablename__} {gone} is gone"


async def _told(session: ReadSession, rows: Sequence[_Rows]) -> list[_Rows]:
    """What the log says that each row is, of each kind; one walk of the log tells all."""
    told: list[_Rows] = [{} for _ in KINDS]
    places = {action: place for place, kind in enumerate(KINDS) for action in kind.actions}
    async for entry in each_entry(session, [*places, _FOUND]):
        # What was found belongs to whichever kind has the row.
        having = [place for place, there in enumerate(rows) if entry.object_id in there]
        for place in having if entry.action == _FOUND else [places[entry.action]]:
            kind = KINDS[place]
            facts = told[place].setdefault(entry.object_id, dict(kind.later))
            facts |= entry.details.get("after", entry.details)
            facts |= {name: entry.details[name] for name in kind.digests if name in entry.details}
            if (column := kind.ends.get(entry.action)) is not None:
                facts[column] = True
    return told


def _differing(
    kind: SetupKind, values: Mapping[str, Any], told: Mapping[str, Any]
) -> Iterable[str]:
    """The columns of a row that are not what was told of them."""
    for column in kind.columns:
        if column in told and told[column] != _as_told(values[column]):
            yield column
    for name, column in kind.digests.items():
        if name in told and told[name] != digest(_bytes(values[column])):
            yield column
    for column in kind.ends.values():
        ended = told.get(column, told.get(column.replace("_at", ""), False))
        if ended != (values[column] is not None):
            yield column


def _as_told(value: object) -> object:
    """A column's value as the log writes it."""
    if isinstance(value, time):
        return value.isoformat("minutes")
    return value.isoformat() if isinstance(value, date | datetime) else value


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
