"""Bodies, accounts and gateways in pages, for whoever sets them up: frozen values, no secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from sqlalchemy import ColumnElement
from sqlmodel import col

from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import ReadSql, values_of
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow


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
    created_at: datetime


#: Bodies by code, each with its parent's code and its own choice of procedures.
LIST_AGENCIES = ReadSql(
    AgencyEntry,
    "SELECT a.id, a.code, a.name, a.name_en, a.tax_code, a.address, a.phone, p.code AS parent,"
    " a.offers, ARRAY(SELECT o.procedure_code FROM agency_offer o WHERE o.agency_id = a.id"
    " ORDER BY o.procedure_code) AS codes, a.return_origins, a.created_at"
    " FROM agency a LEFT JOIN agency p ON p.id = a.parent_id"
    " WHERE (CAST(:ids AS text[]) IS NULL OR a.id = ANY(CAST(:ids AS text[])))"
    " AND (CAST(:only AS text) IS NULL OR a.id = :only)"
    " AND (CAST(:after AS text) IS NULL OR a.code > :after)"
    " ORDER BY a.code LIMIT :limit",
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
    ids = None if agency_ids is None else sorted(agency_ids)
    asked = {"ids": ids, "only": only, "after": after, "limit": limit + 1}
    return page_of(await session.all(LIST_AGENCIES, asked), limit, lambda one: one.code)


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
