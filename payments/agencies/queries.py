"""Agencies and accounts as frozen values, and a short memory of them for the hot path."""

# Given on: other packages know payments through this module alone.
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import time as time_of_day
from typing import Any

from sqlalchemy import text
from sqlmodel import select

from core.crypto import Cipher
from core.db import Database
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.models import Agency, CollectionAccount
from payments.ports import GatewayAccount

#: How long a changed agency or account may go unnoticed by a running process.
CACHE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class CollectionAccountValue:
    """A bank or treasury account; `cut_off` is Vietnam time of a working day."""

    id: str
    agency_id: str
    code: str
    bank_bin: str
    account_number: str
    account_name: str
    cut_off: time_of_day


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


_AGENCY = """
WITH RECURSIVE up AS (
  SELECT a.id AS start, a.id, a.parent_id, 0 AS depth FROM agency a WHERE {where}
  UNION ALL SELECT up.start, a.id, a.parent_id, up.depth + 1
  FROM agency a JOIN up ON a.id = up.parent_id
), account AS (
  SELECT DISTINCT ON (up.start) up.start, c.*
  FROM up JOIN collection_account c ON c.agency_id = up.id
  ORDER BY up.start, up.depth, c.created_at, c.id
)
SELECT a.id, a.code, a.name, a.name_en, a.parent_id, a.tax_code, a.address, a.phone,
       a.return_origins, c.id AS c_id, c.agency_id AS c_agency_id, c.code AS c_code,
       c.bank_bin AS c_bank_bin, c.account_number AS c_account_number,
       c.account_name AS c_account_name, c.cut_off AS c_cut_off
FROM agency a LEFT JOIN account c ON c.start = a.id WHERE {where}
"""

_GATEWAY = """
SELECT g.id, g.agency_id, g.gateway, g.account, g.base_url, g.credentials, c.id AS c_id,
       c.agency_id AS c_agency_id, c.code AS c_code, c.bank_bin AS c_bank_bin,
       c.account_number AS c_account_number, c.account_name AS c_account_name,
       c.cut_off AS c_cut_off
FROM gateway_account g JOIN collection_account c ON c.id = g.collection_account_id
WHERE {where}
"""


def _collection(row: Any) -> CollectionAccountValue:
    return CollectionAccountValue(
        row.c_id,
        row.c_agency_id,
        row.c_code,
        row.c_bank_bin,
        row.c_account_number,
        row.c_account_name,
        row.c_cut_off,
    )


async def find_agency(session: WriteSession, code_or_id: str) -> AgencyValue | None:
    """The agency of that code or id, None if there is none."""
    where = "(a.code = :key OR a.id = :key)"
    row = (await session.execute(text(_AGENCY.format(where=where)), {"key": code_or_id})).first()
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
        account=_collection(row) if row.c_id else None,
    )


async def find_collection_account(
    session: WriteSession, code: str
) -> CollectionAccountValue | None:
    """The collection account of that code, id or account number, None if there is none."""
    row = (
        await session.execute(
            text(
                "SELECT c.id AS c_id, c.agency_id AS c_agency_id, c.code AS c_code,"
                " c.bank_bin AS c_bank_bin, c.account_number AS c_account_number,"
                " c.account_name AS c_account_name, c.cut_off AS c_cut_off"
                " FROM collection_account c"
                " WHERE c.code = :key OR c.id = :key OR c.account_number = :key"
                " ORDER BY c.created_at LIMIT 1"
            ),
            {"key": code},
        )
    ).first()
    return None if row is None else _collection(row)


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


async def reaches(session: WriteSession, account_agency_id: str, agency_id: str) -> bool:
    """Whether an account's agency is `agency_id` or stands above it."""
    found = await session.scalar(
        text(
            "WITH RECURSIVE up AS (SELECT id, parent_id FROM agency WHERE id = :id"
            " UNION SELECT a.id, a.parent_id FROM agency a JOIN up ON a.id = up.parent_id)"
            " SELECT 1 FROM up WHERE id = :above"
        ),
        {"id": agency_id, "above": account_agency_id},
    )
    return found is not None


class Agencies:
    """Agencies and gateway accounts by name, remembered for `CACHE_SECONDS`.

    Who has a session open passes it: a second connection beside the first could make a full pool
    wait for itself.
    """

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher
        self._memory: dict[tuple[str, ...], tuple[float, Any]] = {}

    def forget(self) -> None:
        """Read everything again when next asked."""
        self._memory.clear()

    def _recall(self, key: tuple[str, ...]) -> Any:
        known = self._memory.get(key)
        if known is not None and time.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        return None

    def _remember(self, key: tuple[str, ...], value: Any) -> None:
        if len(self._memory) > 10_000:
            self._memory.clear()
        self._memory[key] = (time.monotonic(), value)

    @asynccontextmanager
    async def _reading(self, session: WriteSession | None) -> AsyncIterator[WriteSession]:
        if session is not None:
            yield session
            return
        async with self._database.transaction() as opened:
            yield opened

    async def get_agency(self, code_or_id: str, session: WriteSession | None = None) -> AgencyValue:
        """The agency of that code or id. Raises `NotFound`."""
        known: AgencyValue | None = self._recall(("agency", code_or_id))
        if known is None:
            async with self._reading(session) as reader:
                known = await find_agency(reader, code_or_id)
            if known is None:
                raise NotFound("Không có cơ quan này.")
            self._remember(("agency", code_or_id), known)
        return known

    async def get_gateway(self, gateway: str, account: str) -> GatewayAccountValue:
        """The account at a gateway, by its callback path. Raises `NotFound`."""
        found = await self._gateways(
            ("gateway", gateway, account), "g.gateway = :gateway AND g.account = :account"
        )
        if not found:
            raise NotFound("Không có tài khoản cổng thanh toán này.")
        return found[0]

    async def get_gateway_by_id(self, gateway_account_id: str) -> GatewayAccountValue:
        """The account at a gateway by our id. Raises `NotFound`."""
        found = await self._gateways(("gateway_id", gateway_account_id), "g.id = :id")
        if not found:
            raise NotFound("Không có tài khoản cổng thanh toán này.")
        return found[0]

    async def list_gateways(
        self, agency: AgencyValue, session: WriteSession | None = None
    ) -> list[GatewayAccountValue]:
        """The accounts an agency's bills can be paid through: its own, else those above it."""
        step: AgencyValue | None = agency
        while step is not None:
            found = await self._gateways(
                ("gateways", step.id), "g.agency_id = :id AND g.enabled", session
            )
            if found:
                return found
            above = step.parent_id
            step = None if above is None else await self.get_agency(above, session)
        return []

    async def _gateways(
        self, key: tuple[str, ...], where: str, session: WriteSession | None = None
    ) -> list[GatewayAccountValue]:
        known: list[GatewayAccountValue] | None = self._recall(key)
        if known is not None:
            return known
        parameters = (
            {"gateway": key[1], "account": key[2]} if key[0] == "gateway" else {"id": key[1]}
        )
        async with self._reading(session) as reader:
            statement = text(_GATEWAY.format(where=where) + " ORDER BY g.created_at, g.id")
            rows = (await reader.execute(statement, parameters)).all()
        found = [
            GatewayAccountValue(
                id=row.id,
                agency_id=row.agency_id,
                collection=_collection(row),
                access=GatewayAccount(
                    gateway=row.gateway,
                    account=row.account,
                    base_url=row.base_url,
                    credentials=json.loads(
                        self._cipher.decrypt(bytes(row.credentials), f"gateway:{row.id}")
                    ),
                ),
            )
            for row in rows
        ]
        if found:
            self._remember(key, found)
        return found


async def is_agency(session: WriteSession, agency_id: str, code_or_id: str) -> bool:
    """Whether `code_or_id` names the agency of that id."""
    found = await session.scalar(
        text("SELECT 1 FROM agency WHERE id = :id AND (code = :key OR id = :key)"),
        {"id": agency_id, "key": code_or_id},
    )
    return found is not None


async def find_collection(session: WriteSession, code: str) -> CollectionAccountValue | None:
    """The collection account of that code, id or number, None if there is none."""
    return await find_collection_account(session, code)
