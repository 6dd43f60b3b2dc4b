"""What the flows of this package need beside a session, put together once by the application."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from core.crypto import Cipher
from core.db import Database
from payments.agencies.memory import Agencies
from payments.catalogue.prices import PriceBook
from payments.ports import GatewayDirectory, ReceiptIndex, TransferQr
from payments.urls import Urls


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
    #: keys the hashes of request bodies, which may hold personal data
    request_key: bytes = field(repr=False)


async def context(request: Request) -> Context:
    """The application's parts, for a request."""
    found: Context = request.app.state.payments
    return found


ContextDep = Annotated[Context, Depends(context)]
