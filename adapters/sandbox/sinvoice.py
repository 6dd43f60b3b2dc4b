"""S-Invoice as the sandbox plays it: the same office as `invoices`, spoken to in another way.

Written from its document (2.3x) as public repositories quote it, and independent of our adapter: a
buyer with a tax code has a legal name, an adjusting invoice says in `invoiceNote` what it adjusts,
and the first one's template is named for invoices alone that the office does not have. Below
`/s-invoice`.
"""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from adapters.sandbox.invoices import InvoiceOffice
from core import json
from core.errors import Invalid

_API: Final = "/s-invoice/services/einvoiceapplication/api/InvoiceAPI/InvoiceWS"
_TOKEN: Final = "sandbox-token"  # noqa: S105  no secret: the sandbox lets everybody in


def router(office: InvoiceOffice) -> APIRouter:
    """The web service, over the office that makes the invoices."""
    api = APIRouter()

    @api.post("/s-invoice/auth/login")
    async def login(request: Request) -> Response:
        told = json.loads(await request.body())
        if not isinstance(told, dict) or not told.get("username") or not told.get("password"):
            return JSONResponse({"code": 401, "message": "UNAUTHORIZED"}, 401)
        return JSONResponse({"access_token": _TOKEN, "token_type": "bearer", "expires_in": 1199})

    @api.post(f"{_API}/createInvoice/{{tax_code}}")
    async def create(tax_code: str, request: Request) -> Response:
        if request.cookies.get("access_token") != _TOKEN:
            return JSONResponse({"code": 401, "message": "UNAUTHORIZED"}, 401)
        order = _order(await request.body(), tax_code)
        if order is None:
            return _refusal("BAD_REQUEST")
        office.calls.append(f"issue {order['key']}")
        fault = office.faults.popleft() if office.faults else None
        if fault == "mute":
            return Response("<html>", 502)
        if fault == "refused":
            return _refusal("INVOICE_SERIAL_NOT_FOUND")
        if order["key"] in office.made:
            return _refusal("TRANSACTION_UUID_INVALID")
        if (adjusted := order["adjusts"]) is not None:
            numbers = {f"{one['symbol']}{one['number']}" for one in office.made.values()}
            if adjusted["number"] not in numbers:
                return _refusal("ORIGINAL_INVOICE_NOT_FOUND")
        made = office.make(order, "")
        if fault == "unclear":
            return Response("<html>", 502)
        return JSONResponse({"errorCode": None, "description": None, "result": _told(made)})

    @api.post(f"{_API}/searchInvoiceByTransactionUuid")
    async def search(request: Request) -> Response:
        if request.cookies.get("access_token") != _TOKEN:
            return JSONResponse({"code": 401, "message": "UNAUTHORIZED"}, 401)
        key = dict(parse_qsl((await request.body()).decode())).get("transactionUuid", "")
        office.calls.append(f"find {key}")
        made = office.made.get(key)
        if made is None:
            return _refusal("NOT_FOUND_DATA")
        return JSONResponse({"errorCode": "", "description": "", "result": [_told(made)]})

    return api


def _refusal(word: str) -> Response:
    return JSONResponse({"code": 400, "message": word, "data": "…"}, 400)


def _told(made: dict[str, Any]) -> dict[str, Any]:
    number = f"{made['symbol']}{made['number']}"
    return {"invoiceNo": number, "reservationCode": "ABC", "codeOfTax": made["authority_code"]}


def _order(body: bytes, tax_code: str) -> dict[str, Any] | None:
    """What was asked for, as the office writes orders down; None where it does not add up."""
    try:
        told: Any = json.loads(body)
        general, items = told["generalInvoiceInfo"], told["itemInfo"]
        amount = sum(one["itemTotalAmountWithTax"] for one in items)
        net = sum(one["itemTotalAmountWithoutTax"] for one in items)
        vat = sum(one["taxAmount"] for one in items)
        adjusts, buyer = None, told["buyerInfo"]
        if buyer.get("buyerTaxCode") and not buyer.get("buyerLegalName"):
            return None
        if general.get("originalTemplateCode") and "originalInvoiceType" not in general:
            return None
        if general["adjustmentType"] == "5":
            number = re.fullmatch("(.{6})([0-9]+)", general["originalInvoiceId"])
            if number is None or f"{number[1]}, số {number[2]}," not in general["invoiceNote"]:
                return None
            increases = {one["isIncreaseItem"] for one in items}
            adjusts = {"number": general["originalInvoiceId"], "increases": increases == {True}}
        key, form, symbol = (
            general[name] for name in ("transactionUuid", "invoiceType", "invoiceSeries")
        )
    except (Invalid, KeyError, TypeError, AttributeError):
        return None
    if net + vat != amount or not 10 <= len(key) <= 36:
        return None
    seller = {"tax_code": tax_code}
    sums = {"amount": amount, "net": net, "vat": vat}
    return {"key": key, "form": form, "symbol": symbol, "seller": seller, "adjusts": adjusts} | sums
