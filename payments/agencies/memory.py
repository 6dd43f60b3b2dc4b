"""A short memory of agencies and their gateway accounts, for the hot path."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import col

from core.crypto import Cipher
from core.db import Database
from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.models import GatewayAccountRow
from payments.agencies.queries import (
    AgencyValue,
    GatewayAccountValue,
    find_agency,
    list_gateway_accounts,
)

V = TypeVar("V")

#: How long a changed agency or account may go unnoticed by a running process.
CACHE_SECONDS = 5.0


class _Memory(Generic[V]):
    """What was read, for `CACHE_SECONDS` each."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], tuple[float, V]] = {}

    def forget(self) -> None:
        self._found.clear()

    def recall(self, key: tuple[str, ...]) -> V | None:
        known = self._found.get(key)
        if known is not None and time.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        return None

    def remember(self, key: tuple[str, ...], value: V) -> None:
        if len(self._found) > 10_000:
            self._found.clear()
        self._found[key] = (time.monotonic(), value)


class Agencies:
    """Agencies and gateway accounts by name, remembered for `CACHE_SECONDS`.

    Who has a session open passes it: a second connection beside the first could make a full pool
    wait for itself.
    """

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher
        self._agencies = _Memory[AgencyValue]()
        self._accounts = _Memory[list[GatewayAccountValue]]()

    def forget(self) -> None:
        """Read everything again when next asked."""
        self._agencies.forget()
        self._accounts.forget()

    @asynccontextmanager
    async def _reading(self, session: ReadSession | None) -> AsyncIterator[ReadSession]:
        if session is not None:
            yield session
            return
        async with self._database.reading() as opened:
            yield opened

    async def get_agency(self, code_or_id: str, session: ReadSession | None = None) -> AgencyValue:
        """The agency of that code or id. Raises `NotFound`."""
        known = self._agencies.recall((code_or_id,))
        if known is None:
            async with self._reading(session) as reader:
                known = await find_agency(reader, code_or_id)
            if known is None:
                raise NotFound("Không có cơ quan này.")
            self._agencies.remember((code_or_id,), known)
        return known

    async def get_gateway(self, gateway: str, account: str) -> GatewayAccountValue:
        """The account at a gateway, by its callback path. Raises `NotFound`."""
        row = GatewayAccountRow
        found = await self._gateways(
            ("gateway", gateway, account), row.gateway == gateway, row.account == account
        )
        if not found:
            raise NotFound("Không có tài khoản cổng thanh toán này.")
        return found[0]

    async def get_gateway_by_id(
        self, gateway_account_id: str, session: ReadSession | None = None
    ) -> GatewayAccountValue:
        """The account at a gateway by our id. Raises `NotFound`."""
        found = await self._gateways(
            ("gateway_id", gateway_account_id),
            GatewayAccountRow.id == gateway_account_id,
            session=session,
        )
        if not found:
            raise NotFound("Không có tài khoản cổng thanh toán này.")
        return found[0]

    async def list_gateways(
        self,
        agency: AgencyValue,
        pays: Callable[[str], bool],
        session: ReadSession | None = None,
    ) -> list[GatewayAccountValue]:
        """The accounts an agency's bills can be paid through: its own, else those above it.

        `pays` says of a name whether one can pay there: a feed of its own must not keep a unit from
        the gateways of the body above.
        """
        step: AgencyValue | None = agency
        while step is not None:
            row = GatewayAccountRow
            found = await self._gateways(
                ("gateways", step.id),
                row.agency_id == step.id,
                col(row.enabled).is_(True),
                session=session,
            )
            if paying := [account for account in found if pays(account.gateway)]:
                return paying
            above = step.parent_id
            step = None if above is None else await self.get_agency(above, session)
        return []

    async def _gateways(
        self,
        key: tuple[str, ...],
        *which: ColumnElement[bool] | bool,
        session: ReadSession | None = None,
    ) -> list[GatewayAccountValue]:
        known = self._accounts.recall(key)
        if known is not None:
            return known
        async with self._reading(session) as reader:
            found = await list_gateway_accounts(reader, self._cipher, *which)
        # That an agency has none of its own is soon known again; of a path that nobody has, anybody
        # could make us remember any number.
        if found or key[0] == "gateways":
            self._accounts.remember(key, found)
        return found
