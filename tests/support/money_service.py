"""The service as the money's world sees it: the real application over ASGI, seeded once.

The gateway's adapter is the real one with its real client, retries and deadlines; only the socket
under it is replaced by a transport that ends in the sandbox, so that a time-out costs no time.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from adapters.registry import Directory
from adapters.sandbox.engine.store import BankAccount, Merchant
from app.main import attach
from app.parts import Parts
from app.seed.agency import DEMO_ACCOUNT, DemoBody
from core import failpoints
from core.settings import Settings
from payments.bills.static_references import static_reference
from payments.context import Context
from payments.ports import GatewayAccount, NoticeReader, PaymentGateway
from tests.support.gateway_setups import (
    PAYGOV,
    SEPAY,
)
from tests.support.in_process_sandbox import InProcessSandbox
from tests.support.shared_application import application
from tests.support.system_builder import build_system

SERVICE: Final = "http://127.0.0.1:9"
MERCHANT: Final = Merchant(
    PAYGOV.name,
    PAYGOV.credentials["partner_code"],
    PAYGOV.credentials,
    f"{SERVICE}{PAYGOV.callback_path}",
)
BANK: Final = BankAccount(
    SEPAY.name, DEMO_ACCOUNT, f"{SERVICE}{SEPAY.callback_path}", SEPAY.credentials["secret"]
)

_SEEDED: Final = {
    "agency",
    "alembic_version",
    "api_key",
    "catalogue_stamp",
    "collection_account",
    "fee",
    "gateway_account",
    "legal_reference",
    "procedure",
    "relief",
    "staff_user",
    "sub_item",
}


class _InProcessDirectory(Directory):
    """The registry's directory, whose PayGov calls end in the sandbox."""

    def __init__(self, sandbox: InProcessSandbox) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._paygov: PaymentGateway | None = None

    def reader(self, account: GatewayAccount) -> NoticeReader:
        return self.gateway(account) if account.gateway == "paygov" else super().reader(account)

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        if self._paygov is None or self._paygov.account != account:
            self._paygov = PayGov(account, http=self._sandbox.http("paygov"))
        return self._paygov


class MoneyService:
    """A running service over one database. `open` seeds it; `wipe` takes all but the seed away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = contextlib.AsyncExitStack()
        self._api_key = ""
        self._wipe = ""
        self._app: FastAPI
        self._client: httpx2.AsyncClient
        self.parts: Parts
        self.body: DemoBody

    async def open(self) -> None:
        """Start, and seed the body, its catalogue and its accounts."""
        await self._start()
        async with self.parts.database.transaction() as session:
            seeded = await build_system(session, self.parts.cipher, gateways_at="http://127.0.0.1")
        self.body, self._api_key = seeded.body, seeded.api_key
        rows = await self.read(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        )
        self._wipe = _wiping(sorted({row["name"] for row in rows} - _SEEDED))

    async def close(self) -> None:
        """Close everything."""
        await self._opened.aclose()

    async def wipe(self) -> None:
        """Forget every bill and all money."""
        async with self.parts.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(self._wipe))

    async def restart(self, sandbox: InProcessSandbox) -> None:
        """End and start again: nothing is left of the service but its database."""
        await self._opened.aclose()
        self._opened = contextlib.AsyncExitStack()
        await self._start()
        self.connect(sandbox)

    def connect(self, sandbox: InProcessSandbox) -> None:
        """From now on this sandbox is the gateway."""
        self.use(replace(self.parts.payments, gateways=_InProcessDirectory(sandbox)))

    async def poster(self, fee: str) -> str:
        """The static reference of a fee."""
        async with self.parts.database.transaction() as session:
            return await static_reference(session, self.body.agency_id, fee)

    async def post(self, path: str, body: Mapping[str, Any], key: str) -> httpx2.Response:
        """POST JSON with the API key and an idempotency key."""
        headers = self._authorization() | {"Idempotency-Key": key}
        return await self._client.post(path, json=dict(body), headers=headers)

    async def cancel(self, bill_id: str) -> httpx2.Response:
        """Withdraw a bill."""
        return await self._client.post(
            f"/api/v1/bills/{bill_id}/cancel", headers=self._authorization()
        )

    async def get(self, path: str) -> httpx2.Response:
        """GET with the API key."""
        return await self._client.get(path, headers=self._authorization())

    async def browse(self, path: str) -> httpx2.Response:
        """GET as a citizen's browser does."""
        return await self._client.get(path, headers={"Accept": "text/html"})

    async def press(self, path: str, form: Mapping[str, str]) -> httpx2.Response:
        """POST a page's form."""
        return await self._client.post(path, data=dict(form), headers={"Accept": "text/html"})

    def use(self, payments: Context) -> None:
        """From now on the routes have these parts."""
        self.parts = replace(self.parts, payments=payments)
        attach(self._app, self.parts)

    async def call_back(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx2.Response:
        """POST what a gateway or a bank sends, without any key of ours."""
        return await self._client.post(path, content=body, headers=dict(headers))

    async def read(self, statement: str, **parameters: Any) -> list[Mapping[str, Any]]:
        """Rows of the service's own database."""
        async with self.parts.database.transaction() as session:
            rows = await session.execute(text(statement), parameters)
            return [dict(row) for row in rows.mappings()]

    async def _start(self) -> None:
        self._app = application(self._settings)
        await self._opened.enter_async_context(self._app.router.lifespan_context(self._app))
        self.parts = self._app.state.parts
        transport = httpx2.ASGITransport(app=self._app, raise_app_exceptions=False)
        self._client = httpx2.AsyncClient(transport=transport, base_url=SERVICE)
        await self._opened.enter_async_context(self._client)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"}


def _wiping(tables: list[str]) -> str:
    """A statement that empties these tables and has their counters begin again.

    No TRUNCATE: it makes new files for each table and index, most of which are empty as they are.
    """
    emptied = "\n".join(f"DELETE FROM {table};" for table in tables)
    named = ", ".join(f"'{table}'" for table in tables)
    return f"""DO $$ BEGIN
{emptied}
PERFORM setval(s.seqrelid, s.seqstart, false) FROM pg_sequence s
  JOIN pg_depend d ON d.objid = s.seqrelid AND d.refobjid = ANY (ARRAY[{named}]::regclass[]);
END $$"""


@contextlib.contextmanager
def crashing(at: str | None) -> Iterator[None]:
    """Inside the block, break off where the failpoint `at` is reached for the first time."""
    if at is not None:
        failpoints.configure(f"{at}=raise:1")
    try:
        yield
    finally:
        failpoints.clear()
