"""S-Invoice (Viettel), its web service of invoices, as public clients speak it.

`POST /auth/login` gives a token of some minutes, which goes as the cookie `access_token`; one is
asked for with each call. `POST …/InvoiceWS/createInvoice/{tax code}` makes an invoice under a
`transactionUuid`, ours, and refuses a second under it (`TRANSACTION_UUID_INVALID`): then it is
asked about. `POST …/InvoiceWS/searchInvoiceByTransactionUuid`, a form, tells which there is of it,
or `NOT_FOUND_DATA`. Sums are not told there: that it is ours the key alone says. A fault is
`errorCode` of a 200, or `message` of a 400, a word in capitals.

An adjusting invoice has `adjustmentType` 5 (1: an ordinary one) and `adjustmentInvoiceType` 1
(sums), names the first by number and day, says in `invoiceNote` which one it adjusts, and of each
item whether it increases; sums are never below 0. `originalInvoiceType` and `originalTemplateCode`
are for a first one that the provider does not have, and are not sent: ours is made there.

Facts: the web service's document as public repositories hold it (its changes up to 2.3x with the
whole of its sections on what is sent, read in 11/2026), and public clients. Two of its words are
held against each other: it says that a `transactionUuid` used before is answered with the invoice
of then, and clients have seen it refused; both are understood. It promised that for three days
until its version 2.28, and since for ever. Not told there, and so as we take it: numbers are the
symbol and the digits without zeros before them (`C26MAA57`, as its examples; its field has
`AA20E00000001`); `originalInvoiceIssueDate` is found by its day, for the moment of issue is not
kept; `additionalReferenceDesc`, which it wants to name the agreement of both sides, says what went
back; a buyer with a name and without an address is taken. Nobody has called the real service with
this.
"""

import re
from datetime import date, datetime, time
from typing import Any, Final
from urllib.parse import quote, urlencode

from adapters.http import GatewayHttp, HttpAnswer
from core import clock, json
from core.clock import VIETNAM
from payments.ports import OutcomeUnknown
from receipts.invoice_calls import (
    AdjustedInvoice,
    InvoiceAccess,
    InvoiceAnswer,
    InvoiceFate,
    InvoiceOrder,
    InvoiceParty,
)

#: What it is called with: the account, and the template (as 2/0123) that it has registered.
FIELDS: Final = ("username", "password", "tax_code", "template_code")

_LOGIN: Final = "/auth/login"
_API: Final = "/services/einvoiceapplication/api/InvoiceAPI/InvoiceWS"
_ABSENT: Final = "NOT_FOUND_DATA"
_MADE_BEFORE: Final = "TRANSACTION_UUID_INVALID"
_NO_TAX: Final = -2
_NUMBER: Final = re.compile(r"([CK][0-9]{2}[A-Z]{3})0*([1-9][0-9]{0,7})")
_WORD: Final = re.compile(r"[A-Z][A-Z0-9_]{1,60}")
_LONGEST_TEXT: Final = 200


async def issue(http: GatewayHttp, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
    """Ask for an invoice. Raises what the client raises, and `OutcomeUnknown`."""
    headers = await _signed_in(http, access)
    if isinstance(headers, InvoiceAnswer):
        return headers
    path = f"{_API}/createInvoice/{quote(access.credentials['tax_code'], safe='')}"
    body = json.dumps(_told(order, access.credentials["template_code"]))
    answer = await http.post_json(path, body, headers, repeatable=False)
    if (fault := _fault(answer)) is None:
        return _made(http, answer, _field(answer, "result"))
    if fault == _MADE_BEFORE:
        raise OutcomeUnknown(f"{http.host}: there is one of that key")
    return _refused(http, answer, fault)


async def find(http: GatewayHttp, access: InvoiceAccess, key: str) -> InvoiceAnswer:
    """Ask for the invoice of a key. Raises what the client raises, and `OutcomeUnknown`."""
    headers = await _signed_in(http, access)
    if isinstance(headers, InvoiceAnswer):
        return headers
    form = {"supplierTaxCode": access.credentials["tax_code"], "transactionUuid": _uuid(key)}
    answer = await http.post_form(
        f"{_API}/searchInvoiceByTransactionUuid",
        urlencode(form).encode(),
        {**headers, "Content-Type": "application/x-www-form-urlencoded"},
    )
    if (fault := _fault(answer)) is not None:
        if fault == _ABSENT:
            return InvoiceAnswer(InvoiceFate.ABSENT)
        raise OutcomeUnknown(f"{http.host}: no word of that key ({fault})")
    found = _field(answer, "result")
    return _made(http, answer, found[0] if isinstance(found, list) and found else None)


async def _signed_in(http: GatewayHttp, access: InvoiceAccess) -> dict[str, str] | InvoiceAnswer:
    """The headers of a call; an answer where there is no token, for then nothing was done."""
    told = {name: access.credentials[name] for name in ("username", "password")}
    try:
        answer = await http.post_json(_LOGIN, json.dumps(told), {}, repeatable=True)
    except OutcomeUnknown as error:
        return InvoiceAnswer(InvoiceFate.LATER, fault=error.detail)
    token = _field(answer, "access_token")
    if not answer.ok or not isinstance(token, str) or not token.isascii():
        return InvoiceAnswer(InvoiceFate.LATER, fault=f"not signed in (HTTP {answer.status})")
    return {"Cookie": f"access_token={token}"}


def _told(order: InvoiceOrder, template_code: str) -> dict[str, Any]:
    vat = _NO_TAX if order.vat_percent is None else order.vat_percent
    general: dict[str, Any] = {
        "transactionUuid": _uuid(order.key),
        "invoiceType": order.form,
        "templateCode": template_code,
        "invoiceSeries": order.symbol,
        "invoiceIssuedDate": _issued_at(order.issued_on),
        "currencyCode": "VND",
        "adjustmentType": "1",
        "paymentStatus": True,
        "cusGetInvoiceRight": True,
    }
    increases = order.adjusts is None or not order.adjusts.decreases
    if (adjusted := order.adjusts) is not None:
        general |= {
            "adjustmentType": "5",
            "adjustmentInvoiceType": "1",
            "originalInvoiceId": f"{adjusted.symbol}{adjusted.number}",
            "originalInvoiceIssueDate": _milliseconds(adjusted.issued_on),
            "invoiceNote": _note(adjusted),
            "additionalReferenceDesc": order.lines[0].description[:_LONGEST_TEXT],
            "additionalReferenceDate": _milliseconds(order.issued_on),
        }
    items = [
        {
            "lineNumber": number,
            "selection": 1,
            "itemName": line.description,
            "quantity": 1,
            "unitPrice": line.net,
            "itemTotalAmountWithoutTax": line.net,
            "taxPercentage": vat,
            "taxAmount": line.vat,
            "itemTotalAmountWithTax": line.amount,
        }
        | ({} if adjusted is None else {"isIncreaseItem": increases})
        for number, line in enumerate(order.lines, start=1)
    ]
    taxes = {"taxPercentage": vat, "taxableAmount": order.net, "taxAmount": order.vat}
    if adjusted is not None:
        taxes |= {"taxableAmountPos": increases, "taxAmountPos": increases}
    return {
        "generalInvoiceInfo": general,
        "sellerInfo": {
            "sellerLegalName": order.seller.name,
            "sellerTaxCode": order.seller.tax_code,
            "sellerAddressLine": order.seller.address,
        },
        "buyerInfo": _buyer(order.buyer),
        "payments": [{"paymentMethodName": order.payment_method}],
        "itemInfo": items,
        "taxBreakdowns": [taxes],
    }


def _buyer(buyer: InvoiceParty) -> dict[str, Any]:
    """Who buys: with a tax code the name is a legal one, and who gave none takes no invoice."""
    if not buyer.name:
        return {"buyerNotGetInvoice": 1}
    told = {"buyerName": buyer.name, "buyerAddressLine": buyer.address}
    if buyer.tax_code:
        told |= {"buyerLegalName": buyer.name, "buyerTaxCode": buyer.tax_code}
    return {name: value for name, value in told.items() if value}


def _note(adjusted: AdjustedInvoice) -> str:
    """The words that an adjusting invoice must bear; over the web service nobody else adds them."""
    direction = "giảm" if adjusted.decreases else "tăng"
    return (
        f"Điều chỉnh {direction} cho hóa đơn Mẫu số {adjusted.form}, ký hiệu {adjusted.symbol}, số"
        f" {adjusted.number}, ngày {adjusted.issued_on:%d tháng %m năm %Y}"
    )


def _uuid(key: str) -> str:
    """What of a key of ours is a UUID: they take 10 to 36 characters."""
    return key.rpartition("_")[2]


def _issued_at(day: date) -> int:
    """The moment of issue: now on that day itself, for invoices go in order of time."""
    now = clock.now()
    if clock.business_date(now) == day:
        return int(now.timestamp()) * 1000
    return _milliseconds(day)


def _milliseconds(day: date) -> int:
    return int(datetime.combine(day, time.min, VIETNAM).timestamp()) * 1000


def _field(answer: HttpAnswer, name: str) -> object:
    return answer.document.get(name) if isinstance(answer.document, dict) else None


def _fault(answer: HttpAnswer) -> str | None:
    """The word by which it refuses; None where it does not."""
    code = _field(answer, "errorCode")
    if answer.ok:
        return str(code)[:60] if code not in (None, "", 0) else None
    word = code or _field(answer, "message")
    return word if isinstance(word, str) and _WORD.fullmatch(word) else f"HTTP {answer.status}"


def _refused(http: GatewayHttp, answer: HttpAnswer, fault: str) -> InvoiceAnswer:
    if answer.status in (401, 403):
        return InvoiceAnswer(InvoiceFate.LATER, fault=fault)
    if _WORD.fullmatch(fault) is None:
        raise OutcomeUnknown(f"{http.host}: the answer tells of no invoice ({fault})")
    return InvoiceAnswer(InvoiceFate.REFUSED, fault=fault)


def _made(http: GatewayHttp, answer: HttpAnswer, told: object) -> InvoiceAnswer:
    number = told.get("invoiceNo") if isinstance(told, dict) else None
    found = _NUMBER.fullmatch(number) if isinstance(number, str) else None
    if found is None or not isinstance(told, dict):
        raise OutcomeUnknown(f"{http.host}: the answer tells of no invoice (HTTP {answer.status})")
    code = told.get("codeOfTax")
    return InvoiceAnswer(
        InvoiceFate.ISSUED,
        number=int(found[2]),
        symbol=found[1],
        amount=None,
        authority_code=code[:_LONGEST_TEXT] if isinstance(code, str) and code else None,
    )
