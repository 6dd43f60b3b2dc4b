"""A provider of e-invoices of one's own, and what asks it over an empty database."""

from collections.abc import AsyncIterator

import pytest

from core.db import Database
from receipts.invoices.context import InvoiceContext
from tests.support.invoicing import CIPHER, InvoiceMaker, invoice_maker, invoicing


@pytest.fixture
async def maker() -> AsyncIterator[InvoiceMaker]:
    async with invoice_maker() as found:
        yield found


@pytest.fixture
def context(database: Database) -> InvoiceContext:
    return invoicing(database, CIPHER)
