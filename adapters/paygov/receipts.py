"""The call for a unit's receipt, which is answered with a link to a PDF. Pure.

* [C] (Hậu Giang) Thirteen values, of which those of the payer are without diacritics and the
  procedure's name is not; `paids` and `otherInfo` are base64 of JSON; `decisionDate` is
  `dd-MM-yyyy`. [I] It is the day of payment.
* [C] `checksum` is a plain SHA-256 over the values one after the other, the secret first; another
  unit's recipe is the setting `receipt_checksum`, one with HMAC too. Without separators two sets of
  values may have one checksum: it protects the call alone, and nothing is read by it.
* [C] The answer has `transactionReceipt`, an address that expires [C at a bank's side: 300 s].
"""

import base64
from collections.abc import Mapping
from typing import Final

from adapters.paygov.dialect import Credentials, plain_text
from adapters.recipes import read_recipe
from core import json
from core.clock import VIETNAM
from payments.gateway_receipts import ReceiptOrder

RECIPE: Final = (
    "sha256(secretKey,partnerCode,accessKey,payerId,payerName,payerAddress,payerDistrict,"
    "payerProvince,docCode,procedureName,paids,otherInfo,decisionDate)"
)


def receipt_body(
    credentials: Credentials, settings: Mapping[str, str], order: ReceiptOrder
) -> bytes:
    """The call, the same bytes for the same order."""
    unit = {
        "beneficiaryUnitCode": settings.get("beneficiary_unit_code") or order.agency_code,
        "beneficiaryUnitName": order.agency_name,
    }
    payer = order.payer
    fields = {
        "partnerCode": credentials.partner_code,
        "accessKey": credentials.access_key,
        "payerId": plain_text(payer.identity_number),
        "payerName": plain_text(payer.name),
        "payerAddress": plain_text(payer.address),
        "payerDistrict": plain_text(payer.district),
        "payerProvince": plain_text(payer.province),
        "docCode": order.dossier_number,
        "procedureName": order.procedure,
        "paids": _packed([order.code]),
        "otherInfo": _packed(unit),
        "decisionDate": order.paid_at.astimezone(VIETNAM).strftime("%d-%m-%Y"),
    }
    recipe = read_recipe(settings.get("receipt_checksum") or RECIPE)
    seal = recipe.seal(fields | credentials.keys, credentials.secret_key)
    return json.canonical({**fields, "checksum": seal})


def _packed(value: object) -> str:
    return base64.b64encode(json.canonical(value)).decode()
