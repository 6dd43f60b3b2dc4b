"""What the flows of this package need beside a session, put together once by the application."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from core.background import Background
from core.bulkheads import Bulkheads
from core.crypto import Cipher
from core.db import Database
from core.sessions import ReadSession
from payments.agencies.breakers import Breakers
from payments.agencies.memory import Agencies
from payments.catalogue.prices import PriceBook
from payments.ports import GatewayDirectory, TransferQr
from payments.summaries import (
    DocumentSummary,
    InvoiceSummary,
    PlacedMoney,
    ReceiptSummary,
)
from payments.urls import Urls


class ReceiptIndex(Protocol):
    """Finds the receipts of bills; the application supplies it."""

    async def of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, Sequence[ReceiptSummary]]:
        """The receipts of each bill that has any, in order of issue."""
        ...

    async def documents_of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, Sequence[DocumentSummary]]:
        """The slips and confirmations of each bill that has any."""
        ...

    async def invoices_of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, InvoiceSummary]:
        """The invoice of each bill that has one, or waits for it."""
        ...


class MoneyIndex(Protocol):
    """Finds where the money of payments is; the application supplies it."""

    async def of_payments(
        self, session: ReadSession, payment_ids: Collection[str]
    ) -> Mapping[str, PlacedMoney]:
        """The places of each payment whose money has come."""
        ...

    async def of_shares(
        self, session: ReadSession, bill_id: str, payment_ids: Collection[str]
    ) -> Mapping[str, PlacedMoney]:
        """The places of what is one bill's of payments that several bills have some of."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The parts, each of them shared by all requests of a process."""

    database: Database
    cipher: Cipher = field(repr=False)
    agencies: Agencies
    price_book: PriceBook
    gateways: GatewayDirectory
    urls: Urls
    qr: TransferQr
    receipts: ReceiptIndex
    money: MoneyIndex
    #: keys the hashes of request bodies, which may hold personal data
    request_key: bytes = field(repr=False)
    background: Background
    breakers: Breakers
    #: how many attempts are being started at each account at a gateway, of this process
    starting: Bulkheads
    #: runs a function in a helper process: what takes long would keep everybody else waiting
    elsewhere: Callable[..., Awaitable[Any]]


async def context_of(request: Request) -> Context:
    """The application's parts, for a request."""
    found: Context = request.app.state.payments
    return found


ContextDep = Annotated[Context, Depends(context_of)]
