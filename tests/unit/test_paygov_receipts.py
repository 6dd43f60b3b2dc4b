"""The call for a unit's receipt, and the file behind its link.

The digest was computed from the known formula over made-up values, outside this code.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from adapters import http, linked_files
from adapters.http import GatewayHttp
from adapters.paygov import receipts
from adapters.paygov.dialect import Credentials
from payments.gateway_receipts import ReceiptOrder, ReceiptPayer
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown

CREDENTIALS = Credentials("PAYGOV-HAUGIANG", "ACCESS", "SECRET", "token", "service")
AT = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
ORDER = ReceiptOrder(
    order_ref="LP-01",
    code="TC001",
    dossier_number="G12-1",
    procedure="Thu tuc",
    agency_code="U1",
    agency_name="Don vi 1",
    paid_at=AT,
    asked_at=AT,
    payer=ReceiptPayer("Nguyễn Văn A", "012345678901", "Địa chỉ", "Huyện", "Tỉnh"),
)
BASE = "https://pay.example/api"
PDF = b"%PDF-1.4\n"


def test_the_call_is_sealed_as_the_known_formula_does() -> None:
    sent = json.loads(receipts.receipt_body(CREDENTIALS, {}, ORDER))
    assert sent["checksum"] == "09432bcd39565675fc1699a9f49eec40fbbc23d94a02fea7e7cc9e87d716bf5f"
    assert (sent["payerName"], sent["payerAddress"]) == ("Nguyen Van A", "Dia chi")
    assert sent["paids"] == "WyJUQzAwMSJd"
    assert "SECRET" not in json.dumps(sent)


def test_the_procedure_keeps_its_marks_and_the_day_is_vietnam_s() -> None:
    late = replace(ORDER, procedure="Thủ tục", paid_at=datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
    sent = json.loads(receipts.receipt_body(CREDENTIALS, {}, late))
    assert (sent["procedureName"], sent["decisionDate"]) == ("Thủ tục", "23-11-2026")


def test_another_unit_s_recipe_is_a_setting_with_a_key_too() -> None:
    settings = {"receipt_checksum": "hmac-sha256|(docCode,paids)", "beneficiary_unit_code": "U2"}
    sent = json.loads(receipts.receipt_body(CREDENTIALS, settings, ORDER))
    other = replace(CREDENTIALS, secret_key="OTHER")
    assert sent["checksum"] != json.loads(receipts.receipt_body(other, settings, ORDER))["checksum"]
    assert len(sent["checksum"]) == 64


def test_who_paid_is_in_no_repr() -> None:
    assert "Nguyễn" not in repr(ORDER)


def answering(status: int = 200, body: bytes = PDF) -> Callable[[str], GatewayHttp]:
    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body)

    return lambda address: GatewayHttp(
        address, opaque=True, attempts=1, transport=httpx2.MockTransport(handle)
    )


async def test_the_file_is_fetched_from_the_gateway_and_from_hosts_that_are_named() -> None:
    url = "https://pay.example/file?name=1"
    assert await linked_files.fetch_pdf(url, BASE, {}, make=answering()) == PDF
    named = {"receipt_hosts": "files.example,other.example"}
    url = "https://files.example/1.pdf"
    assert await linked_files.fetch_pdf(url, BASE, named, make=answering()) == PDF


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/1.pdf",
        "http://pay.example/1.pdf",
        "https://169.254.169.254/latest/meta-data",
        "https://pay.example@files.example/1.pdf",
        "https://user@pay.example/1.pdf",
        "https://pay.example.files.example/1.pdf",
        "file:///etc/passwd",
        "//pay.example/1.pdf",
        "https:///1.pdf",
    ],
)
async def test_a_link_that_leads_elsewhere_is_not_followed(url: str) -> None:
    with pytest.raises(GatewayMisuse):
        await linked_files.fetch_pdf(url, BASE, {}, make=answering())


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"expired"), (200, b"<html>"), (200, b""), (302, PDF), (500, PDF)]
)
async def test_what_is_no_pdf_is_not_kept(status: int, body: bytes) -> None:
    with pytest.raises((OutcomeUnknown, GatewayUnavailable)):
        await linked_files.fetch_pdf(
            "https://pay.example/1", BASE, {}, make=answering(status, body)
        )


async def test_the_link_is_in_no_log_though_its_host_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has it has the receipt, with who paid."""
    logged: list[object] = []

    class Told:
        def warning(self, *words: object, **fields: object) -> None:
            logged.extend([*words, fields])

    monkeypatch.setattr(http, "_log", Told())
    base = "http://127.0.0.1:1"
    with pytest.raises(GatewayUnavailable):
        await linked_files.fetch_pdf(f"{base}/link-of-a-receipt", base, {})
    assert "link-of-a-receipt" not in str(logged)
