"""The API's description: valid, complete, and what the service really answers."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from fastapi.openapi.models import OpenAPI
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.ids import new_id
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: The routes of the public contract that are built, with their methods.
ROUTES = {
    "/api/v1/payments/{payment_id}/refunds": {"post"},
    "/api/v1/disputes": {"get"},
    "/api/v1/refunds": {"get"},
    "/api/v1/reconciliations/{run_id}/claims": {"get"},
    "/api/v1/reconciliations/{run_id}/suggestions": {"get"},
    "/api/v1/refunds/{refund_id}": {"get"},
    "/api/v1/refunds/{refund_id}/failure": {"post"},
    "/api/v1/refunds/{refund_id}/sent": {"post"},
    "/api/v1/accounts": {"get", "post"},
    "/api/v1/agencies": {"get", "post"},
    "/api/v1/agencies/{code}/change": {"post"},
    "/api/v1/gateway-accounts": {"get", "post"},
    "/api/v1/gateway-accounts/{gateway_account_id}/change": {"post"},
    "/api/v1/bills": {"get", "post"},
    "/api/v1/bills/{bill_id}": {"get"},
    "/api/v1/bills/{bill_id}/cancel": {"post"},
    "/api/v1/bills/{bill_id}/payments": {"post"},
    "/api/v1/payments/{payment_id}": {"get"},
    "/api/v1/payments/{payment_id}/gateway-receipt": {"get"},
    "/api/v1/payments/{payment_id}/leave": {"post"},
    "/api/v1/catalogue/changes": {"get"},
    "/api/v1/catalogue/export": {"get"},
    "/api/v1/catalogue/proposals": {"get", "post"},
    "/api/v1/catalogue/proposals/{proposal_id}": {"get"},
    "/api/v1/catalogue/proposals/{proposal_id}/apply": {"post"},
    "/api/v1/catalogue/proposals/{proposal_id}/reject": {"post"},
    "/api/v1/procedures": {"get"},
    "/api/v1/procedures/{code}": {"get"},
    "/api/v1/messages": {"get"},
    "/api/v1/message-channels": {"get"},
    "/api/v1/invoices": {"get"},
    "/api/v1/invoice-accounts": {"get"},
    "/api/v1/invoices/{invoice_id}": {"get"},
    "/api/v1/invoices/{invoice_id}/replays": {"post"},
    "/api/v1/invoices/{invoice_id}/adjustments": {"post"},
    "/api/v1/invoices/{invoice_id}/adjusting-invoices": {"post"},
    "/api/v1/messages/{message_id}/replays": {"post"},
    "/api/v1/webhook-endpoints": {"get", "post"},
    "/api/v1/webhook-endpoints/{endpoint_id}": {"get", "patch", "delete"},
    "/api/v1/webhook-endpoints/{endpoint_id}/secret": {"post"},
    "/api/v1/webhook-endpoints/{endpoint_id}/messages": {"get"},
    "/api/v1/webhook-endpoints/{endpoint_id}/replays": {"post"},
    "/api/v1/webhook-endpoints/{endpoint_id}/acknowledgements": {"post"},
    "/api/v1/api-keys": {"get", "post"},
    "/api/v1/api-keys/{key_id}/revoke": {"post"},
    "/api/v1/users": {"get", "post"},
    "/api/v1/users/{user_id}/disable": {"post"},
    "/api/v1/receipts/{receipt_id}": {"get"},
    "/api/v1/receipts/{receipt_id}.pdf": {"get"},
    "/api/v1/receipts/{receipt_id}.xml": {"get"},
    "/api/v1/days/{account}/{on}": {"get"},
    "/api/v1/days/{account}/{on}/batches": {"get"},
    "/api/v1/days/{account}/{on}/settlements": {"get"},
    "/api/v1/settlements": {"get", "post"},
    "/api/v1/settlements/batches": {"get"},
    "/api/v1/settlements/payouts": {"post"},
    "/api/v1/settlements/payouts/{payout_id}/undo": {"post"},
    "/api/v1/settlements/{settlement_id}/lines": {"get"},
    "/api/v1/settlements/{settlement_id}/versions": {"post"},
    "/api/v1/statements": {"post"},
    "/api/v1/statements/{statement_id}": {"get"},
    "/api/v1/statements/forced": {"post"},
    "/api/v1/statements/preview": {"post"},
    "/api/v1/settlement-layouts": {"get", "post"},
    "/api/v1/statement-layouts": {"get", "post"},
    "/api/v1/reports/{name}": {"get"},
    "/api/v1/statements/{statement_id}/release": {"post"},
    "/api/v1/statements/{statement_id}/withdraw": {"post"},
    "/api/v1/statements/{statement_id}/supersede": {"post"},
    "/api/v1/day-rules": {"get", "post"},
    "/api/v1/nightly-schedules": {"get", "post"},
    "/api/v1/reconciliations/{run_id}/matches/{payment_id}/undo": {"post"},
    "/api/v1/suspense": {"get"},
    "/api/v1/suspense/{item_id}/suggestions": {"get"},
    "/api/v1/suspense/{item_id}/resolutions": {"post"},
    "/api/v1/approvals": {"get"},
    "/api/v1/approvals/{approval_id}": {"get"},
    "/api/v1/approvals/{approval_id}/approve": {"post"},
    "/api/v1/approvals/{approval_id}/reject": {"post"},
    "/api/v1/reconciliations": {"post"},
    "/api/v1/reconciliations/{run_id}": {"get"},
    "/api/v1/reconciliations/{run_id}/discrepancies": {"get"},
    "/api/v1/reconciliations/{run_id}/discrepancies.csv": {"get"},
    "/api/v1/reconciliations/{run_id}/matches": {"get"},
    "/api/v1/reconciliations/{run_id}/resolutions": {"post"},
    "/api/v1/reconciliations/{run_id}/close": {"post"},
    "/api/v1/reconciliations/{run_id}/discrepancies.xlsx": {"get", "post"},
    "/api/v1/reconciliations/{run_id}/minutes.pdf": {"get"},
    "/api/v1/reconciliations/{run_id}/minutes.xlsx": {"get"},
    "/api/v1/discrepancies/{discrepancy_id}": {"get"},
    "/api/v1/discrepancies/{discrepancy_id}/trace": {"get"},
    "/api/v1/discrepancies/{discrepancy_id}/owner": {"post"},
    "/api/v1/discrepancies/{discrepancy_id}/comments": {"post"},
    "/api/v1/discrepancies/{discrepancy_id}/attachments": {"post"},
    "/api/v1/discrepancies/{discrepancy_id}/resolutions": {"post"},
    "/api/v1/attachments/{attachment_id}": {"get"},
    "/api/v1/markets": {"get", "post"},
    "/api/v1/markets/{market}/stalls": {"get", "post"},
    "/api/v1/stalls/{stall_id}/sticker": {"post"},
    "/api/v1/vendors": {"get", "post"},
    "/api/v1/vendors/{vendor_id}": {"post", "patch"},
    "/api/v1/markets/{market}": {"patch"},
    "/api/v1/markets/{market}/stickers.pdf": {"get"},
    "/api/v1/markets/{market}/contracts": {"get", "post"},
    "/api/v1/cash-books": {"get"},
    "/api/v1/contracts/{contract_id}/end": {"post"},
    "/api/v1/stalls/{stall_id}/readings": {"get", "post"},
    "/api/v1/markets/{market}/tariffs": {"get"},
    "/api/v1/markets/{market}/stall-tariffs": {"post"},
    "/api/v1/markets/{market}/charge-tariffs": {"post"},
    "/api/v1/markets/{market}/waivers": {"get", "post"},
    "/api/v1/markets/{market}/billing-runs/preview": {"post"},
    "/api/v1/markets/{market}/billing-runs": {"get", "post"},
    "/api/v1/billing-runs/{run_id}": {"get"},
    "/api/v1/markets/{market}/import": {"post"},
    "/api/v1/stall-imports/{import_id}": {"get"},
    "/api/v1/debt-lists": {"get", "post"},
    "/api/v1/debt-lists/preview": {"post"},
    "/api/v1/debt-lists/error-sheet": {"post"},
    "/api/v1/debt-lists/{list_id}": {"get"},
    "/api/v1/debt-lists/{list_id}/proposal": {"post"},
    "/api/v1/debt-lists/{list_id}/withdrawal": {"post"},
    "/api/v1/debts": {"get"},
    "/api/v1/debts/{debt_id}": {"get"},
    "/api/v1/debts/{debt_id}/withdrawal": {"post"},
    "/api/v1/debts/{debt_id}/payer": {"post"},
    "/api/v1/dossiers/{dossier_number}/bills": {"get"},
}
CREATIONS = {"/api/v1/bills", "/api/v1/bills/{bill_id}/payments", "/api/v1/statements",
             "/api/v1/settlements", "/api/v1/settlement-layouts", "/api/v1/statement-layouts",
             "/api/v1/nightly-schedules", "/api/v1/webhook-endpoints",
             "/api/v1/webhook-endpoints/{endpoint_id}/secret",
             "/api/v1/reconciliations", "/api/v1/catalogue/proposals", "/api/v1/api-keys",
             "/api/v1/users", "/api/v1/accounts", "/api/v1/agencies",
             "/api/v1/gateway-accounts", "/api/v1/discrepancies/{discrepancy_id}/comments",
             "/api/v1/discrepancies/{discrepancy_id}/attachments",
             "/api/v1/markets", "/api/v1/markets/{market}/stalls",
             "/api/v1/stalls/{stall_id}/sticker", "/api/v1/vendors",
             "/api/v1/vendors/{vendor_id}", "/api/v1/markets/{market}/contracts",
             "/api/v1/contracts/{contract_id}/end", "/api/v1/stalls/{stall_id}/readings",
             "/api/v1/markets/{market}/billing-runs",
             "/api/v1/debts/{debt_id}/payer"}  # fmt: skip
#: What somebody else has to agree to: 202, and it happens when they do.
#: What may be done after its answer, which says what to ask about.
LATER = {"/api/v1/statements"}
PROPOSES = {
    "/api/v1/markets/{market}/stall-tariffs",
    "/api/v1/markets/{market}/charge-tariffs",
    "/api/v1/markets/{market}/waivers",
    "/api/v1/markets/{market}/import",  # its stalls are added after the answer
    "/api/v1/debt-lists",  # its bills are opened after the answer
    "/api/v1/debt-lists/{list_id}/proposal",
    "/api/v1/debt-lists/{list_id}/withdrawal",
    "/api/v1/debts/{debt_id}/withdrawal",
    "/api/v1/settlements/payouts",
    "/api/v1/settlements/payouts/{payout_id}/undo",
    "/api/v1/settlements/{settlement_id}/versions",
    "/api/v1/statements/{statement_id}/supersede",
    "/api/v1/day-rules",
    "/api/v1/reconciliations/{run_id}/matches/{payment_id}/undo",
    "/api/v1/statements/forced",
    "/api/v1/suspense/{item_id}/resolutions",
    "/api/v1/payments/{payment_id}/refunds",
    "/api/v1/refunds/{refund_id}/failure",
    "/api/v1/statements/{statement_id}/release",
    "/api/v1/statements/{statement_id}/withdraw",
    "/api/v1/discrepancies/{discrepancy_id}/resolutions",
    "/api/v1/reconciliations/{run_id}/resolutions",
    "/api/v1/reconciliations/{run_id}/discrepancies.xlsx",
}
#: What is done at once where it is tried out, and waits for somebody else in production.
MAY_WAIT = {
    "/api/v1/api-keys",
    "/api/v1/users",
    "/api/v1/accounts",
    "/api/v1/agencies",
    "/api/v1/agencies/{code}/change",
    "/api/v1/gateway-accounts",
    "/api/v1/gateway-accounts/{gateway_account_id}/change",
    "/api/v1/reconciliations/{run_id}/close",
}
#: Those that create nothing and take a body all the same.
WITH_BODY = {
    "/api/v1/invoices/{invoice_id}/adjustments",
    "/api/v1/invoices/{invoice_id}/adjusting-invoices",
    "/api/v1/markets/{market}",
    "/api/v1/vendors/{vendor_id}",
    "/api/v1/webhook-endpoints/{endpoint_id}",
    "/api/v1/webhook-endpoints/{endpoint_id}/replays",
    "/api/v1/webhook-endpoints/{endpoint_id}/acknowledgements",
    "/api/v1/discrepancies/{discrepancy_id}/owner",
    "/api/v1/agencies/{code}/change",
    "/api/v1/approvals/{approval_id}/reject",
    "/api/v1/catalogue/proposals/{proposal_id}/reject",
    "/api/v1/refunds/{refund_id}/sent",
    "/api/v1/gateway-accounts/{gateway_account_id}/change",
    "/api/v1/statements/preview",
    "/api/v1/debt-lists/preview",
    "/api/v1/debt-lists/error-sheet",
    "/api/v1/markets/{market}/billing-runs/preview",
}


async def described(system: System) -> dict[str, Any]:
    answer = await system.browser.get("/api/v1/openapi.json")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_the_description_is_valid_and_needs_nothing_from_elsewhere(
    shared_system: System,
) -> None:
    document = await described(shared_system)
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    references = set(re.findall(r"'\$ref': '([^']+)'", str(document)))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= known
    page = await shared_system.browser.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert addresses
    assert not [one for one in addresses if one.startswith(("http:", "https:", "//"))]


async def test_every_route_of_the_contract_is_described_and_no_other(shared_system: System) -> None:
    document = await described(shared_system)
    found: dict[str, set[str]] = {}
    for path, method, _ in operations(document):
        found.setdefault(path, set()).add(method)
    assert found == ROUTES


async def test_every_operation_tells_of_keys_refusals_and_what_it_takes(
    shared_system: System,
) -> None:
    document = await described(shared_system)
    assert document["security"] == [{"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, method, operation in operations(document):
        assert operation["description"], path
        problems = operation["responses"]["4XX"]["content"]
        assert set(problems) == {"application/problem+json"}
        assert "422" not in operation["responses"]
        headers = {p["name"]: p["required"] for p in operation.get("parameters", ())}
        creates = method == "post" and path in CREATIONS
        proposes = method == "post" and path in PROPOSES
        assert headers.get("Idempotency-Key", False) is (creates or proposes), path
        bodied = path in WITH_BODY and method in ("post", "patch")
        assert ("requestBody" in operation) is (creates or proposes or bodied), path
        assert ("201" in operation["responses"]) is creates, path
        waits = method == "post" and path in MAY_WAIT | LATER
        assert ("202" in operation["responses"]) is (proposes or waits), path
    bodies = document["components"]["schemas"]
    for name in (
        "BillIn",
        "LineIn",
        "PayerIn",
        "PaymentIn",
        "ReconciliationIn",
        "RejectIn",
        "ApiKeyIn",
        "UserIn",
    ):
        assert bodies[name]["additionalProperties"] is False


class Matching:
    """Checks answers against the description; `checked` tells what was."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.checked: set[tuple[str, str]] = set()

    def check(self, path: str, method: str, answer: httpx2.Response) -> dict[str, Any]:
        responses = self.document["paths"][path][method]["responses"]
        status = str(answer.status_code)
        response = responses.get(status) or responses[f"{status[0]}XX"]
        media_type = answer.headers["content-type"].partition(";")[0]
        schema = response["content"][media_type]["schema"]
        whole = schema | {"components": self.document["components"]}
        found: dict[str, Any] = {}
        if media_type.endswith("json"):
            found = answer.json()
            jsonschema_rs.validate(whole, found)
        self.checked.add((path, status))
        return found


async def test_answers_are_as_described(shared_system: System) -> None:
    system = shared_system
    match = Matching(await described(system))
    bill = await system.create_bill(metadata={"k": 1}, dossier_number="D-1")
    payment = await system.start(bill)
    await system.decide(payment, "success")
    await system.until(bill, "paid")
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    sent = {"agency": system.body.agency_code, "lines": [{"fee": "2.000815", "quantity": 1}]}
    made = match.check("/api/v1/bills", "post", await system.post("/api/v1/bills", sent))
    match.check("/api/v1/bills", "post", await system.post("/api/v1/bills", {}))
    attempts = "/api/v1/bills/{bill_id}/payments"
    started = await system.post(attempts.format(bill_id=made["id"]), {"gateway": "paygov"})
    match.check(attempts, "post", started)
    again = await system.post(attempts.format(bill_id=bill["id"]), {"gateway": "paygov"})
    match.check(attempts, "post", again)
    cancel = "/api/v1/bills/{bill_id}/cancel"
    other = await system.create_bill()
    for one in (other, bill):
        answer = await system.client.post(cancel.format(bill_id=one["id"]))
        match.check(cancel, "post", answer)
    for path, real in {
        "/api/v1/bills": "/api/v1/bills",
        "/api/v1/bills/{bill_id}": f"/api/v1/bills/{bill['id']}",
        "/api/v1/payments/{payment_id}": f"/api/v1/payments/{payment['id']}",
        "/api/v1/receipts/{receipt_id}": f"/api/v1/receipts/{receipt['id']}",
        "/api/v1/receipts/{receipt_id}.xml": f"/api/v1/receipts/{receipt['id']}.xml",
        "/api/v1/procedures": "/api/v1/procedures",
        "/api/v1/procedures/{code}": "/api/v1/procedures/2.000815?quantity=3",
        "/api/v1/catalogue/proposals": "/api/v1/catalogue/proposals?state=proposed",
        "/api/v1/catalogue/changes": "/api/v1/catalogue/changes?from=2026-11-22&to=2027-03-01",
    }.items():
        client = system.office if path.startswith("/api/v1/catalogue/proposals") else system.client
        match.check(path, "get", await client.get(real))
        match.check(path, "get", await system.browser.get(real))
    assert len(match.checked) == 24
    spoilt = httpx2.Response(200, json=receipt | {"number": "1"})
    with pytest.raises(jsonschema_rs.ValidationError):
        match.check("/api/v1/receipts/{receipt_id}", "get", spoilt)


#: What is checked of each answer to a made-up question.
_CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def test_made_up_questions_are_answered_as_described(shared_system: System) -> None:
    system = shared_system

    def ask() -> int:
        schema = schemathesis.openapi.from_url(f"{system.base_url}/api/v1/openapi.json")
        asked = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path.startswith(
                ("/api/v1/settlements", "/api/v1/statement", "/api/v1/reconciliations")
            ):
                continue

            @hypothesis.settings(
                max_examples=3,
                database=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=operation.as_strategy())
            def one(case: Any) -> None:
                nonlocal asked
                headers = {"Authorization": f"Bearer {system.api_key}"}
                if "Idempotency-Key" in (case.headers or {}):
                    headers["Idempotency-Key"] = new_id("k")
                case.call_and_validate(checks=_CHECKED, headers=headers)
                asked += 1

            one()
        return asked

    assert await asyncio.to_thread(ask) > 15
    assert await system.broken() == []
