"""E-invoices in tests: a body's account at the sandbox's provider, and what the provider made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from sqlalchemy import text

from adapters.invoices.providers import InvoiceDirectory
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState
from app.seed.agency import DemoBody
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from receipts.invoice_calls import InvoiceAccess
from receipts.invoices.accounts import set_invoice_account
from receipts.invoices.context import InvoiceContext
from receipts.invoices.delivering import ask_for_next
from receipts.invoices.law import InvoiceKind
from receipts.invoices.ordering import order_invoices
from tests.support.bare_rows import add_paid_bill
from tests.support.proposing import add_body
from tests.support.system import client_of

ACTOR = "system:test"
CIPHER = Cipher(b"c" * 32)
KIND = InvoiceKind("2", "C", "M", "AA")


@dataclass(slots=True)
class InvoiceMaker:
    """The sandbox's provider of e-invoices, asked over HTTP."""

    url: str
    client: httpx2.AsyncClient

    async def made(self) -> list[dict[str, Any]]:
        """The invoices that it has made, in order, each with its `order`."""
        found: list[dict[str, Any]] = (await self._told())["items"]
        return found

    async def calls(self) -> list[str]:
        """Every call, whatever was answered: `issue` or `find`, and the key."""
        found: list[str] = (await self._told())["calls"]
        return found

    async def plan(self, fault: str, count: int = 1) -> None:
        """Let the next calls go wrong."""
        told = {"fault": fault, "count": count}
        answer = await self.client.post(f"{self.url}/sandbox/invoice-faults", json=told)
        assert answer.status_code == 201, answer.text

    async def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"{self.url}/sandbox/invoices")).json()
        return found


@asynccontextmanager
async def invoice_maker() -> AsyncIterator[InvoiceMaker]:
    """A sandbox of one's own."""
    async with running(SandboxState(seed=1)) as url, client_of(url) as client:
        yield InvoiceMaker(url, client)


async def open_invoice_account(
    session: WriteSession,
    cipher: Cipher,
    agency_id: str,
    url: str,
    kind: InvoiceKind = KIND,
    vat_percent: int | None = None,
) -> str:
    """A body's account at the sandbox; `canary` is never to be seen anywhere."""
    access = InvoiceAccess("plain", f"{url}/e-invoices", {"token": "canary"})
    return await set_invoice_account(
        *(session, cipher, InvoiceDirectory(), agency_id, kind, vat_percent, access), actor=ACTOR
    )


def invoicing(database: Database, cipher: Cipher, total_deadline: float = 10.0) -> InvoiceContext:
    """What asks for invoices, and waits so many seconds for an answer."""
    providers = InvoiceDirectory(total_deadline=total_deadline)
    return InvoiceContext(database, cipher, providers, lambda name: name)


async def want_one(
    context: InvoiceContext, url: str, *, count: int = 1, code: str = "phuong-a", **account: Any
) -> list[str]:
    """Paid bills of a price, of a new body with an account, and their invoices; the bills' ids."""
    async with context.database.transaction() as session:
        body = await add_body(session, code)
        await open_invoice_account(session, context.cipher, body.agency_id, url, **account)
        whose = DemoBody(body.agency_id, code, "", "")
        bills = [await add_paid_bill(session, whose) for _ in range(count)]
        await session.execute(
            text("UPDATE bill_line SET nature = 'price', sub_item = NULL WHERE bill_id = ANY(:b)"),
            {"b": bills},
        )
        await order_invoices(session, context, bills)
    return bills


async def ask_for_all(context: InvoiceContext) -> int:
    """Ask until nothing is due; how many were looked at."""
    done = 0
    while await ask_for_next(context):
        done += 1
        assert done < 1000
    return done


async def invoices_standing(database: Database) -> list[tuple[Any, ...]]:
    """State, number, tries and fault of each invoice, in order."""
    async with database.transaction() as session:
        found = await session.execute(
            text("SELECT state, number, attempts, last_error FROM invoice ORDER BY id")
        )
        return [tuple(row) for row in found]


async def make_invoices_due(database: Database) -> None:
    """What waits for another look is looked at now, as when its time has come."""
    async with database.transaction() as session:
        await session.execute(text("UPDATE invoice SET due_at = now() WHERE due_at IS NOT NULL"))


async def change_invoices(database: Database, values: str) -> None:
    """Let the invoices be otherwise, as SQL says it."""
    async with database.transaction() as session:
        await session.execute(text(f"UPDATE invoice SET {values}"))


async def let_pass(database: Database, time: timedelta) -> None:
    """So much time has passed since the invoices were asked for."""
    seconds = int(time.total_seconds())
    await change_invoices(database, f"asked_for_at = asked_for_at - interval '{seconds} seconds'")


async def set_bill_status(database: Database, status: str) -> None:
    """The bills are as when the bank took their money back, or as paid."""
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE bill SET status = :status, paid_at = CASE WHEN :paid THEN now() END"),
            {"status": status, "paid": status == "paid"},
        )
