"""Agencies and their accounts as frozen values, never rows."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from core.crypto import Cipher
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow
from payments.agencies.tree import branches, lineage, reach
from payments.agencies.values import CollectionAccountValue as CollectionAccountValue
from payments.ports import GatewayAccount


@dataclass(frozen=True, slots=True)
class AgencyValue:
    """An agency with the account its bills are paid to (its own, or the nearest above it)."""

    id: str
    code: str
    name: str
    name_en: str
    parent_id: str | None
    tax_code: str
    address: str
    phone: str
    return_origins: tuple[str, ...]
    account: CollectionAccountValue | None


@dataclass(frozen=True, slots=True)
class GatewayAccountValue:
    """An agency's account at a gateway or feed, ready for its adapter."""

    id: str
    agency_id: str
    collection: CollectionAccountValue
    access: GatewayAccount
    #: as it was before its secrets were replaced, and until when notices under those are taken
    previous: GatewayAccount | None = None
    previous_until: datetime | None = None

    def earlier_at(self, now: datetime) -> GatewayAccount | None:
        """The account with the secrets before, where these are still taken."""
        within = self.previous_until is not None and now < self.previous_until
        return self.previous if within else None

    @property
    def gateway(self) -> str:
        """The gateway's name."""
        return self.access.gateway


async def find_agency(session: ReadSession, code_or_id: str) -> AgencyValue | None:
    """The agency of that code or id, None if there is none."""
    wanted = select(Agency).where(or_(Agency.code == code_or_id, Agency.id == code_or_id))
    row = await session.first(wanted)
    if row is None:
        return None
    return AgencyValue(
        id=row.id,
        code=row.code,
        name=row.name,
        name_en=row.name_en,
        parent_id=row.parent_id,
        tax_code=row.tax_code,
        address=row.address,
        phone=row.phone,
        return_origins=tuple(row.return_origins),
        account=await _nearest_account(session, row.id),
    )


async def _nearest_account(session: ReadSession, agency_id: str) -> CollectionAccountValue | None:
    """The first account of an agency, else of the nearest body above it that has one."""
    above = await lineage(session, agency_id)
    accounts = values_of(CollectionAccountValue, CollectionAccount).where(
        col(CollectionAccount.agency_id).in_(above)
    )
    found = await session.all(
        accounts.order_by(col(CollectionAccount.created_at), col(CollectionAccount.id))
    )
    return min(found, key=lambda account: above.index(account.agency_id), default=None)


async def find_collection_account(session: ReadSession, code: str) -> CollectionAccountValue | None:
    """The collection account of that code, id or account number, None if there is none."""
    account = CollectionAccount
    named = or_(account.code == code, account.id == code, account.account_number == code)
    return await session.first(
        values_of(CollectionAccountValue, account).where(named).order_by(col(account.created_at))
    )


async def find_first_day(
    session: ReadSession, account_id: str, known: CollectionAccountValue
) -> date | None:
    """The first day that a collection account existed on; None where nobody has said.

    `known` may be that account: then nothing is asked.
    """
    if known.id == account_id:
        return known.opened_on
    return (await get_collection_account(session, account_id)).opened_on


async def list_agencies_below(session: ReadSession, agency_id: str) -> frozenset[str]:
    """The ids of an agency, of its units, and of theirs."""
    return await reach(session, agency_id)


async def list_agencies_above(session: ReadSession, agency_id: str) -> tuple[str, ...]:
    """The ids of an agency and of the bodies above it, the nearest first."""
    return await lineage(session, agency_id)


@dataclass(frozen=True, slots=True)
class _AgencyCode:
    id: str
    code: str


async def map_agency_codes(
    session: ReadSession, agency_ids: Collection[str] | None = None
) -> dict[str, str]:
    """The codes of these agencies (None: of all), by their ids."""
    wanted = values_of(_AgencyCode, Agency)
    if agency_ids is not None:
        wanted = wanted.where(col(Agency.id).in_(agency_ids))
    return {one.id: one.code for one in await session.all(wanted)}


async def find_lineages(session: ReadSession) -> dict[str, tuple[str, ...]]:
    """Of every agency, by its id, the ids of it and of the bodies above it, the nearest first."""
    return {one.id: (one.id, *one.above) for one in (await branches(session)).values()}


async def list_collection_accounts(
    session: ReadSession, agency_ids: Collection[str] | None
) -> list[CollectionAccountValue]:
    """The collection accounts of these agencies, None for all, by their codes."""
    account = CollectionAccount
    wanted = values_of(CollectionAccountValue, account).order_by(col(account.code))
    if agency_ids is not None:
        wanted = wanted.where(col(account.agency_id).in_(agency_ids))
    return await session.all(wanted)


async def get_collection_account(session: ReadSession, account_id: str) -> CollectionAccountValue:
    """The collection account of that id. Raises `NoResultFound`."""
    wanted = values_of(CollectionAccountValue, CollectionAccount)
    return await session.one(wanted.where(CollectionAccount.id == account_id))


@dataclass(frozen=True, slots=True)
class _GatewayRow:
    """An account at a gateway as it is stored, its credentials still sealed."""

    id: str
    agency_id: str
    gateway: str
    account: str
    base_url: str
    credentials: bytes = field(repr=False)
    collection_account_id: str
    previous_credentials: bytes | None = field(repr=False)
    previous_until: datetime | None

    def access(self, cipher: Cipher, sealed: bytes) -> GatewayAccount:
        """The account with these credentials. Raises `DecryptionFailed`."""
        opened = json.loads(cipher.decrypt(bytes(sealed), f"gateway:{self.id}"))
        return GatewayAccount(self.gateway, self.account, self.base_url, opened)


async def list_gateway_accounts(
    session: ReadSession, cipher: Cipher, *which: ColumnElement[bool] | bool
) -> list[GatewayAccountValue]:
    """The accounts at gateways and feeds that fit, in their body's order, ready for adapters."""
    row = GatewayAccountRow
    in_order = (col(row.rank), col(row.created_at), col(row.id))
    found = await session.all(values_of(_GatewayRow, row).where(*which).order_by(*in_order))
    if not found:
        return []
    accounts = await session.all(
        values_of(CollectionAccountValue, CollectionAccount).where(
            col(CollectionAccount.id).in_({one.collection_account_id for one in found})
        )
    )
    by_id = {account.id: account for account in accounts}
    return [
        GatewayAccountValue(
            id=one.id,
            agency_id=one.agency_id,
            collection=by_id[one.collection_account_id],
            access=one.access(cipher, one.credentials),
            previous=None
            if one.previous_credentials is None
            else one.access(cipher, one.previous_credentials),
            previous_until=one.previous_until,
        )
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class GatewayName:
    """An account at a gateway by its name, and the account that its money goes to."""

    id: str
    agency_id: str
    gateway: str
    account: str
    collection_account_id: str


async def get_gateway_name(
    session: ReadSession, path: str, agency_ids: Collection[str] | None
) -> GatewayName:
    """The account at a gateway that callbacks name `path`, "gateway/account".

    Raises `NotFound`, also where it is of none of these agencies (None: of any).
    """
    gateway, _, account = path.partition("/")
    wanted = values_of(GatewayName, GatewayAccountRow).where(
        GatewayAccountRow.gateway == gateway, GatewayAccountRow.account == account
    )
    found = await session.first(wanted)
    if found is None or (agency_ids is not None and found.agency_id not in agency_ids):
        raise NotFound(f"Không có tài khoản cổng {path}; hãy ghi tên cổng/tài khoản.")
    return found


async def find_gateway(session: ReadSession, gateway_account_id: str) -> GatewayName | None:
    """The account at a gateway of that id."""
    wanted = values_of(GatewayName, GatewayAccountRow)
    return await session.first(wanted.where(GatewayAccountRow.id == gateway_account_id))


async def list_gateway_names(session: ReadSession, collection_account_id: str) -> list[GatewayName]:
    """The accounts at gateways and feeds whose money goes to a collection account, by id."""
    wanted = values_of(GatewayName, GatewayAccountRow).where(
        GatewayAccountRow.collection_account_id == collection_account_id
    )
    return await session.all(wanted.order_by(col(GatewayAccountRow.id)))


async def get_agency_id(session: ReadSession, code: str) -> str:
    """The id of the agency of that code. Raises `NotFound`."""
    found = await session.first(select(Agency.id).where(Agency.code == code))
    if found is None:
        raise NotFound(f"Không có cơ quan {code}.")
    return found


async def get_agency_code(session: ReadSession, agency_id: str) -> str:
    """The code of the agency of that id. Raises `NoResultFound`."""
    return await session.one(select(Agency.code).where(Agency.id == agency_id))


async def get_account_id(session: ReadSession, code: str) -> str:
    """The id of the collection account of that code. Raises `NotFound`."""
    found = await session.first(select(CollectionAccount.id).where(CollectionAccount.code == code))
    if found is None:
        raise NotFound(f"Không có tài khoản thu {code}.")
    return found


async def is_agency(session: ReadSession, agency_id: str, code_or_id: str) -> bool:
    """Whether `code_or_id` names the agency of that id."""
    named = or_(Agency.code == code_or_id, Agency.id == code_or_id)
    found = await session.first(select(Agency.id).where(Agency.id == agency_id, named))
    return found is not None


@dataclass(frozen=True, slots=True)
class AccountCodes:
    """What people call a collection account and the agency whose it is."""

    agency: str
    account: str


async def get_account_codes(session: ReadSession, account_id: str) -> AccountCodes:
    """The codes of a collection account and of its agency. Raises `NoResultFound`."""
    return await session.one(
        values_of(AccountCodes, agency=col(Agency.code), account=col(CollectionAccount.code))
        .join_from(CollectionAccount, Agency, col(Agency.id) == CollectionAccount.agency_id)
        .where(CollectionAccount.id == account_id)
    )
