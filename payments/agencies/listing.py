"""Bodies, accounts and gateways in pages, for whoever sets them up: frozen values, no secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from sqlalchemy import ColumnElement, String, any_, cast, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, AgencyOffer, CollectionAccount, GatewayAccountRow


@dataclass(frozen=True, slots=True)
class AgencyEntry:
    """A body as it was set up; `codes` are the procedures it has chosen itself."""

    id: str
    code: str
    name: str
    name_en: str
    tax_code: str
    address: str
    phone: str
    parent: str | None
    offers: str
    codes: list[str]
    return_origins: list[str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A collection account, with the code of the body it belongs to."""

    id: str
    code: str
    agency: str
    kind: Literal["bank", "treasury"]
    bank_bin: str
    account_number: str
    account_name: str
    cut_off: time
    created_at: datetime
    opened_on: date | None
    confirmed_at: datetime | None
    virtual_prefix: str | None
    virtual_digits: bool


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """An account at a gateway, with the codes of its body and of the account money goes to."""

    id: str
    agency_id: str
    agency: str
    gateway: str
    account: str
    base_url: str
    collection_account: str
    enabled: bool
    previous_until: datetime | None
    created_at: datetime
    rank: int


_PARENT = aliased(Agency)
#: A body's own choice of procedures.
_CHOSEN = (
    select(col(AgencyOffer.procedure_code))
    .where(col(AgencyOffer.agency_id) == col(Agency.id))
    .order_by(col(AgencyOffer.procedure_code))
)


async def list_agencies(
    session: ReadSession,
    agency_ids: Collection[str] | None,
    *,
    only: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[AgencyEntry]:
    """Bodies by code; of all for None, else those of the ids. `only` is one body's id."""
    wanted = (
        values_of(
            AgencyEntry,
            Agency,
            parent=col(_PARENT.code),
            codes=func.array(_CHOSEN.scalar_subquery()),
        )
        .outerjoin(_PARENT, col(_PARENT.id) == col(Agency.parent_id))
        .order_by(col(Agency.code))
        .limit(limit + 1)
    )
    if agency_ids is not None:
        wanted = wanted.where(col(Agency.id) == any_(cast(sorted(agency_ids), ARRAY(String))))
    if only is not None:
        wanted = wanted.where(Agency.id == only)
    if after is not None:
        wanted = wanted.where(Agency.code > after)
    return page_of(await session.all(wanted), limit, lambda one: one.code)


async def list_accounts(
    session: ReadSession,
    agency_ids: Collection[str] | None,
    *,
    only: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[AccountEntry]:
    """Collection accounts by code, as `list_agencies` does."""
    wanted = (
        values_of(AccountEntry, CollectionAccount, agency=col(Agency.code).label(None))
        .join(Agency, col(Agency.id) == col(CollectionAccount.agency_id))
        .where(*_which(CollectionAccount, agency_ids, only, CollectionAccount.code, after))
        .order_by(col(CollectionAccount.code))
        .limit(limit + 1)
    )
    return page_of(await session.all(wanted), limit, lambda one: one.code)


async def list_gateways(
    session: ReadSession,
    agency_ids: Collection[str] | None,
    *,
    only: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[GatewayEntry]:
    """Accounts at gateways by id, which is the order they came in, as `list_agencies` does."""
    wanted = (
        values_of(
            GatewayEntry,
            GatewayAccountRow,
            agency=col(Agency.code).label(None),
            collection_account=col(CollectionAccount.code).label(None),
        )
        .join(Agency, col(Agency.id) == col(GatewayAccountRow.agency_id))
        .join(
            CollectionAccount,
            col(CollectionAccount.id) == col(GatewayAccountRow.collection_account_id),
        )
        .where(*_which(GatewayAccountRow, agency_ids, only, GatewayAccountRow.id, after))
        .order_by(col(GatewayAccountRow.id))
        .limit(limit + 1)
    )
    return page_of(await session.all(wanted), limit, lambda one: one.id)


def _which(
    model: type[CollectionAccount] | type[GatewayAccountRow],
    agency_ids: Collection[str] | None,
    only: str | None,
    key: str,
    after: str | None,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if agency_ids is not None:
        conditions.append(col(model.agency_id).in_(sorted(agency_ids)))
    if only is not None:
        conditions.append(col(model.id) == only)
    if after is not None:
        conditions.append(col(key) > after)
    return conditions
