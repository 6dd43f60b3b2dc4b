"""Our own plain dialect: JSON over HTTP, for a provider's gateway that a body runs, and for tests.

`POST /invoices` with the order under its `key` answers 200 with the invoice of that key, made now
or before; `GET /invoices/{key}` answers it or 404. An invoice is told as `key`, `number`, `symbol`,
`amount`, and where there are such `authority_code` and `lookup_url`. 422 says that it will not be
made, and `reason` why. An order whose `adjusts` is not null is of an adjusting invoice: it names
the one that it adjusts by `key`, kind, number and day, and whether it `decreases` what that says.
The bearer token is a secret. This dialect says what any provider must be able to do: a gateway of a
few lines maps it to theirs.
"""

from dataclasses import asdict
from typing import Final
from urllib.parse import quote

from adapters.http import GatewayHttp, HttpAnswer
from core import json
from payments.ports import OutcomeUnknown
from receipts.invoice_calls import InvoiceAccess, InvoiceAnswer, InvoiceFate, InvoiceOrder

#: What it is called with; a secret.
FIELDS: Final = ("token",)

_PATH: Final = "/invoices"
_NOT_MADE: Final = 422
_NO_SUCH: Final = 404
#: By these it says that it did nothing, for no fault of this order.
_UNTOUCHED: Final = frozenset({401, 403})
_LONGEST_TEXT: Final = 200


async def issue(http: GatewayHttp, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
    """Ask for an invoice. Raises what the client raises, and `OutcomeUnknown`."""
    told = asdict(order) | {"issued_on": order.issued_on.isoformat()}
    if order.adjusts is not None:
        told["adjusts"]["issued_on"] = order.adjusts.issued_on.isoformat()
    answer = await http.post_json(_PATH, json.dumps(told), _headers(access), repeatable=True)
    return _read(http, answer, order.key)


async def find(http: GatewayHttp, access: InvoiceAccess, key: str) -> InvoiceAnswer:
    """Ask for the invoice of a key. Raises what the client raises, and `OutcomeUnknown`."""
    answer = await http.get(f"{_PATH}/{quote(key, safe='')}", _headers(access))
    if answer.status == _NO_SUCH and _field(answer, "reason") == "absent":
        return InvoiceAnswer(InvoiceFate.ABSENT)
    return _read(http, answer, key)


def _headers(access: InvoiceAccess) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.credentials['token']}"}


def _read(http: GatewayHttp, answer: HttpAnswer, key: str) -> InvoiceAnswer:
    if answer.status == _NOT_MADE:
        return InvoiceAnswer(InvoiceFate.REFUSED, fault=_reason(answer))
    if answer.status in _UNTOUCHED:
        return InvoiceAnswer(InvoiceFate.LATER, fault=f"HTTP {answer.status}")
    number, amount = _field(answer, "number"), _field(answer, "amount")
    symbol = _field(answer, "symbol")
    if (
        not answer.ok
        or _field(answer, "key") != key
        or type(number) is not int
        or type(amount) is not int
        or not isinstance(symbol, str)
    ):
        raise OutcomeUnknown(f"{http.host}: the answer tells of no invoice (HTTP {answer.status})")
    return InvoiceAnswer(
        InvoiceFate.ISSUED,
        number=number,
        symbol=symbol,
        amount=amount,
        authority_code=_text(answer, "authority_code"),
        lookup_url=_address(answer),
    )


def _field(answer: HttpAnswer, name: str) -> object:
    return answer.document.get(name) if isinstance(answer.document, dict) else None


def _text(answer: HttpAnswer, name: str) -> str | None:
    found = _field(answer, name)
    return found[:_LONGEST_TEXT] if isinstance(found, str) and found else None


def _address(answer: HttpAnswer) -> str | None:
    """Where the buyer fetches it; nothing that a page could not safely lead to."""
    found = _text(answer, "lookup_url")
    return found if found is not None and found.startswith("https://") else None


def _reason(answer: HttpAnswer) -> str:
    """Why it is not made: a word of the dialect's, never a sentence, which may name the buyer."""
    found = _text(answer, "reason") or ""
    return found if found.isascii() and found.replace("_", "").isalnum() else "not taken"
