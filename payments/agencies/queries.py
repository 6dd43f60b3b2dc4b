"""Agencies and their accounts as frozen values, never rows."""

import json
from dataclasses import dataclass, field
from datetime import date
from datetime import time as time_of_day

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from core.crypto import Cipher
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow
from payments.agencies.tree import lineage
from payments.ports import GatewayAccount


@dataclass(frozen=True, slots=True)
class CollectionAccountValue:
    """A bank or treasury account; `cut_off` is Vietnam time of a working day.

    `opened_on` is the first day it existed on, None where nobody has said.
    """

    id: str
    agency_id: str
    code: str
    bank_bin: str
    account_number: str
    account_name: str
    cut_off: time_of_day
    opened_on: date | None
    #: words in the narrative of what gateways pay over to it
    settlement_words: list[str]


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


async def list_gateway_accounts(
    session: ReadSession, cipher: Cipher, *which: ColumnElement[bool] | bool
) -> list[GatewayAccountValue]:
    """The accounts at gateways and feeds that fit, the oldest first, ready for their adapters."""
    row = GatewayAccountRow
    found = await session.all(
        values_of(_GatewayRow, row).where(*which).order_by(col(row.created_at), col(row.id))
    )
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
            access=GatewayAccount(
                gateway=one.gateway,
                account=one.account,
                base_url=one.base_url,
                credentials=json.loads(cipher.decrypt(one.credentials, f"gateway:{one.id}")),
            ),
        )
        for one in found
    ]


async def get_agency_id(session: ReadSession, code: str) -> str:
    """The id of the agency of that code. Raises `NotFound`."""
    found = await session.first(select(Agency.id).where(Agency.code == code))
    if found is None:
        raise NotFound(f"Không có cơ quan {code}.")
    return found


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
