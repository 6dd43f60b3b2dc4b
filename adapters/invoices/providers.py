"""The providers of e-invoices there are, by name: see `receipts.invoice_calls`.

One that is to be added gets a module with `FIELDS`, `issue` and `find`, and a line here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.http import GatewayHttp, checked_url
from adapters.invoices import plain, sinvoice
from core.errors import FieldError
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown
from receipts.invoice_calls import (
    InvoiceAccess,
    InvoiceAnswer,
    InvoiceFate,
    InvoiceOrder,
)

#: In seconds, a whole call: an invoice can wait, its worker's others should not for long.
TOTAL_DEADLINE: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a provider speaks: the names of its credentials, and its two calls."""

    fields: Sequence[str]
    issue: Callable[[GatewayHttp, InvoiceAccess, InvoiceOrder], Awaitable[InvoiceAnswer]]
    find: Callable[[GatewayHttp, InvoiceAccess, str], Awaitable[InvoiceAnswer]]


_DIALECTS: Final[Mapping[str, _Dialect]] = {
    "plain": _Dialect(plain.FIELDS, plain.issue, plain.find),
    "sinvoice": _Dialect(sinvoice.FIELDS, sinvoice.issue, sinvoice.find),
}


class InvoiceDirectory:
    """See `receipts.invoice_calls.InvoiceProviders`; a connection is made for each call."""

    def __init__(self, *, total_deadline: float = TOTAL_DEADLINE) -> None:
        self._total = total_deadline

    async def issue(self, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
        """Ask for an invoice, or for the one that there is of its key; never raises for it."""
        dialect = _DIALECTS[access.provider]
        return await self._call(access, lambda http: dialect.issue(http, access, order))

    async def find(self, access: InvoiceAccess, key: str) -> InvoiceAnswer:
        """Ask which invoice there is of a key; changes nothing there, never raises for it."""
        dialect = _DIALECTS[access.provider]
        return await self._call(access, lambda http: dialect.find(http, access, key))

    async def _call(
        self, access: InvoiceAccess, call: Callable[[GatewayHttp], Awaitable[InvoiceAnswer]]
    ) -> InvoiceAnswer:
        try:
            http = GatewayHttp(access.url, total_deadline=self._total, attempts=1)
        except GatewayMisuse as error:
            return InvoiceAnswer(InvoiceFate.LATER, fault=error.detail)
        try:
            return await call(http)
        except (GatewayUnavailable, GatewayMisuse) as error:
            return InvoiceAnswer(InvoiceFate.LATER, fault=error.detail)
        except OutcomeUnknown as error:
            return InvoiceAnswer(InvoiceFate.UNCLEAR, fault=error.detail)
        finally:
            await http.aclose()

    def names(self) -> Sequence[str]:
        """The names of the providers there are."""
        return tuple(_DIALECTS)

    def faults(self, access: InvoiceAccess) -> list[FieldError]:
        """What is wrong with an account as it is set up, field by field; never tells a value."""
        wanted, given = _DIALECTS[access.provider].fields, access.credentials
        missing = [name for name in wanted if not given.get(name)]
        strange = sorted(set(given) - set(wanted))
        found = [FieldError(name, "required", "is missing") for name in missing]
        found += [FieldError(name, "unknown", "is not known there") for name in strange]
        try:
            checked_url(access.url)
        except (ValueError, GatewayMisuse):
            found.append(FieldError("url", "not_a_url", "must begin with https://"))
        return found
