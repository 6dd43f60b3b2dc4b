"""Bad input: refused as problem+json that names the field, and nothing at all is written."""

import json
from typing import Any

import pytest

from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

BILL = "/api/v1/bills"
GOOD_LINE = {"fee": "2.000815", "quantity": 3}
OWN_LINE = {"description": "Phí khác", "amount": 1000, "sub_item": "2999"}


async def refused(
    system: System, path: str, raw: bytes, status: int, field: str | None, code: str | None = None
) -> dict[str, Any]:
    """Post raw bytes; the problem they are answered with, after which no table has changed."""
    before = await contents(system.parts.database)
    headers = {"Idempotency-Key": "bad-input", "Content-Type": "application/json"}
    answer = await system.client.post(path, content=raw, headers=headers)
    found = problem(answer, status, code, field)
    assert await contents(system.parts.database) == before
    return found


def bill(system: System, **changes: Any) -> bytes:
    return json.dumps({"agency": system.body.agency_code, "lines": [GOOD_LINE]} | changes).encode()


def with_amount(system: System, amount: str) -> bytes:
    """A bill whose amount is written so, as JSON has it or has not."""
    return bill(system, lines=[OWN_LINE]).replace(b'"amount": 1000', f'"amount": {amount}'.encode())


async def test_the_bodies_that_follow_are_good_but_for_their_one_fault(
    shared_system: System,
) -> None:
    for raw in (bill(shared_system), with_amount(shared_system, "1000")):
        headers = {"Idempotency-Key": f"good-{len(raw)}", "Content-Type": "application/json"}
        answer = await shared_system.client.post(BILL, content=raw, headers=headers)
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "amount",
    [
        "1e3",
        "1E3",
        '"1000"',
        "1000.0",
        "1000.5",
        "-0",
        "0",
        "-1000",
        "9223372036854775808",
        "9223372036854775807",
        "10000000000001",
        "1" + "0" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "null",
        "[1000]",
        '{"value": 1000}',
        '"1.000"',
        '"１０００"',
    ],
)
async def test_an_amount_is_a_plain_number_of_whole_dong(
    shared_system: System, amount: str
) -> None:
    field = "lines.0" if amount == "null" else "lines.0.amount"
    await refused(shared_system, BILL, with_amount(shared_system, amount), 422, field)


@pytest.mark.parametrize("amount", ["01000", "+1000", "1_000", "1,000", "0x3e8", "1000đ", ""])
async def test_an_amount_that_is_no_json_is_refused_with_its_place(
    shared_system: System, amount: str
) -> None:
    raw = with_amount(shared_system, amount)
    found = await refused(shared_system, BILL, raw, 422, None, "invalid_json")
    assert found["errors"][0]["field"].startswith("line 1 column ")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agency": None}, "agency"),
        ({"agency": 1}, "agency"),
        ({"agency": "a b"}, "agency"),
        ({"agency": "a" * 65}, "agency"),
        ({"lines": []}, "lines"),
        ({"lines": {}}, "lines"),
        ({"lines": [GOOD_LINE] * 51}, "lines"),
        ({"lines": [None]}, "lines.0"),
        ({"lines": [{}]}, "lines.0"),
        ({"lines": [GOOD_LINE, {"fee": "2.000815"}]}, "lines.1"),
        ({"lines": [GOOD_LINE | OWN_LINE]}, "lines.0"),
        ({"lines": [GOOD_LINE | {"amount": 5000}]}, "lines.0"),
        ({"lines": [OWN_LINE | {"quantity": 2}]}, "lines.0"),
        ({"lines": [{"description": "Phí", "amount": 1000}]}, "lines.0"),
        ({"lines": [OWN_LINE | {"sub_item": "27"}]}, "lines.0.sub_item"),
        ({"lines": [OWN_LINE | {"sub_item": "２７１６"}]}, "lines.0.sub_item"),
        ({"lines": [OWN_LINE | {"description": " "}]}, "lines.0.description"),
        ({"lines": [OWN_LINE | {"description": "a\nb"}]}, "lines.0.description"),
        ({"lines": [OWN_LINE | {"description": "\u200b\u202e"}]}, "lines.0.description"),
        ({"lines": [OWN_LINE | {"description": "a" * 201}]}, "lines.0.description"),
        ({"lines": [OWN_LINE | {"amount": 10**13}] * 2}, "lines"),
        ({"lines": [{"fee": "khong-co", "quantity": 1}]}, "lines.0.fee"),
        ({"lines": [GOOD_LINE, {"fee": "1.001193", "quantity": 1}]}, "lines.1.fee"),
        ({"lines": [{"fee": 2, "quantity": 1}]}, "lines.0.fee"),
        ({"lines": [{"fee": "", "quantity": 1}]}, "lines.0.fee"),
        ({"lines": [GOOD_LINE | {"quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [GOOD_LINE | {"quantity": -1}]}, "lines.0.quantity"),
        ({"lines": [GOOD_LINE | {"quantity": "3"}]}, "lines.0.quantity"),
        ({"lines": [GOOD_LINE | {"quantity": True}]}, "lines.0.quantity"),
        ({"lines": [GOOD_LINE | {"quantity": 10**9}]}, "lines.0.quantity"),
        ({"lines": [GOOD_LINE | {"copies": 0}]}, "lines.0.copies"),
        ({"lines": [GOOD_LINE | {"copies": 10**9}]}, "lines.0.copies"),
        ({"dossier_number": ""}, "dossier_number"),
        ({"dossier_number": "a b"}, "dossier_number"),
        ({"dossier_number": 7}, "dossier_number"),
        ({"dossier_number": "a" * 65}, "dossier_number"),
        ({"payer": []}, "payer"),
        ({"payer": {"name": ""}}, "payer.name"),
        ({"payer": {"name": "a" * 201}}, "payer.name"),
        ({"payer": {"name": "An\u0007"}}, "payer.name"),
        ({"payer": {"phone": "không"}}, "payer.phone"),
        ({"payer": {"phone": "٠٩١٢٣٤٥٦٧٨"}}, "payer.phone"),
        ({"payer": {"email": "an"}}, "payer.email"),
        ({"payer": {"email": "a b@c"}}, "payer.email"),
        ({"payer": {"identity_number": "1"}}, "payer.identity_number"),
        ({"payer": {"address": "Hà\nNội"}}, "payer.address"),
        ({"payer": {"address": "Phố 中"}}, "payer.address"),
        ({"payer": {"tax_number": "0100109107"}}, "payer.tax_number"),
        ({"payer": {"tax_number": ""}}, "payer.tax_number"),
        ({"on_behalf_of": {}}, "on_behalf_of.name"),
        ({"on_behalf_of": {"name": "王"}}, "on_behalf_of.name"),
        ({"on_behalf_of": {"name": "An", "tax_number": "123"}}, "on_behalf_of.tax_number"),
        ({"on_behalf_of": {"name": "An", "phone": "0912345678"}}, "on_behalf_of.phone"),
        ({"delegate": {"name": "Bưu điện"}}, "delegate.address"),
        ({"delegate": {"address": "Hà Nội"}}, "delegate.name"),
        ({"delegate": {"name": "Bưu điện", "address": "Phố 😀"}}, "delegate.address"),
        ({"relief": "ho-ngheo"}, "relief"),
        ({"channel": "poster"}, "channel"),
        ({"language": "fr"}, "language"),
        ({"return_url": "https://evil.example/"}, "return_url"),
        ({"expires_at": "yesterday"}, "expires_at"),
        ({"metadata": {"k": 1.5}}, "metadata.k"),
    ],
)
async def test_a_wrong_field_is_named(
    shared_system: System, changes: dict[str, Any], field: str
) -> None:
    await refused(shared_system, BILL, bill(shared_system, **changes), 422, field)


@pytest.mark.parametrize(
    "name",
    ["status", "amount", "amount_paid", "receipts", "payments", "id", "reference", "currency",
     "qr", "role", "created_at", "paid_at", "agency_id", "__class__", "Agency", "agency "],
)  # fmt: skip
async def test_what_only_we_decide_cannot_be_sent(shared_system: System, name: str) -> None:
    raw = bill(shared_system, **{name: "paid"})
    found = await refused(shared_system, BILL, raw, 422, name)
    assert found["errors"][0]["code"] == "extra_forbidden"


async def test_nor_inside_a_line_a_payer_or_an_attempt(shared_system: System) -> None:
    system = shared_system
    line = GOOD_LINE | {"price": 1}
    await refused(system, BILL, bill(system, lines=[line]), 422, "lines.0.price")
    await refused(system, BILL, bill(system, payer={"verified": True}), 422, "payer.verified")
    opened = await system.create_bill()
    path = f"{BILL}/{opened['id']}/payments"
    for extra in ({"amount": 1}, {"status": "succeeded"}, {"checkout": {"type": "qr"}}):
        raw = json.dumps({"gateway": "paygov"} | extra).encode()
        await refused(system, path, raw, 422, next(iter(extra)))
    for gateway in ("", "PayGov", "pay gov", 1, None, ["paygov"]):
        await refused(system, path, json.dumps({"gateway": gateway}).encode(), 422, "gateway")
    await refused(system, path, b"{}", 422, "gateway")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"   ", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"1", "body"),
        (b"{", "line 1 column 2"),
        (b"{}x", "line 1 column 3"),
        (b"{'agency': 'a'}", "line 1 column 2"),
        (b'{"agency": "a", "agency": "b"}', "agency"),
        (b'{"lines": [{"fee": "a", "fee": "a"}]}', "lines.0.fee"),
        (b'{"payer": {"name": "a", "n\\u0061me": "b"}}', "payer.name"),
        (b'{"agency": "\\u0000"}', "agency"),
        (b'{"metadata": {"k": "a\\u0000b"}}', "metadata.k"),
        (b'{"agency": "\\ud800"}', "agency"),
        (b'{"agency": "\xff"}', "byte 12"),
        (b'\xef\xbb\xbf{"agency": "a"}', "line 1 column 1"),
        ('{"agency": "a"}'.encode("utf-16"), "byte 0"),
        (b'{"metadata": ' + b"[" * 40 + b"]" * 40 + b"}", "line 1 column"),
        (b'{"metadata": {"k": 1e3}}', "metadata.k"),
        (b'{"metadata": {"k": -0}}', "metadata.k"),
        (b'{"metadata": {"k": 9223372036854775808}}', "metadata.k"),
    ],
)
async def test_a_body_that_two_readers_could_read_differently_is_refused(
    shared_system: System, raw: bytes, field: str
) -> None:
    found = await refused(shared_system, BILL, raw, 422, None)
    assert found["errors"][0]["field"].startswith(field)


async def test_a_body_over_the_limit_is_refused_however_it_is_sent(shared_system: System) -> None:
    system = shared_system
    before = await contents(system.parts.database)
    headers = {"Idempotency-Key": "big", "Content-Type": "application/json"}
    raw = bill(system, metadata={"k": "v"})
    padded = raw + b" " * (256 * 1024)

    async def chunks() -> Any:
        for start in range(0, len(padded), 10_000):
            yield padded[start : start + 10_000]

    for content in (padded, chunks()):
        answer = await system.client.post(BILL, content=content, headers=headers)
        problem(answer, 413, "too_large")
    assert await contents(system.parts.database) == before


async def test_thousands_of_faults_are_answered_briefly(shared_system: System) -> None:
    raw = json.dumps({f"{n}" + "x" * 300: n for n in range(700)}).encode()
    found = await refused(shared_system, BILL, raw, 422, None)
    assert len(found["errors"]) == 50
    assert max(len(error["field"]) for error in found["errors"]) <= 200


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json2", "json"],
)
async def test_a_body_must_be_declared_as_json(
    shared_system: System, media_type: str | None
) -> None:
    system = shared_system
    before = await contents(system.parts.database)
    headers = {"Idempotency-Key": "media"}
    if media_type is not None:
        headers["Content-Type"] = media_type
    answer = await system.client.post(BILL, content=bill(system), headers=headers)
    problem(answer, 400, "wrong_media_type")
    assert await contents(system.parts.database) == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/bills/%00",
        "/api/v1/bills/x%00y",
        "/api/v1/bills/..%2f..%2fetc",
        "/api/v1/bills/%ff%fe",
        f"/api/v1/bills/{'a' * 3000}",
        "/api/v1/payments/%00",
        "/api/v1/receipts/%00",
        "/api/v1/receipts/%00.pdf",
        "/b/%00",
        "/b/LPAAAAAAAAAAAA",
        "/r/%00",
        "/r/%00.xml",
        "/p/%00/%00",
    ],
)
async def test_an_address_of_nothing_is_not_found_and_no_failure(
    shared_system: System, path: str
) -> None:
    answer = await shared_system.client.get(path)
    assert answer.status_code == 404, answer.text
    answer = await shared_system.client.post("/callbacks/%00/%00", content=b"{}")
    assert answer.status_code == 404


async def test_other_methods_and_routes_are_problems_too(shared_system: System) -> None:
    client = shared_system.client
    problem(await client.put(BILL, json={}), 405, "method_not_allowed")
    problem(await client.delete(f"{BILL}/bill_1"), 405)
    problem(await client.request("TRACE", BILL), 405)
    problem(await client.get("/api/v1/nothing"), 404, "not_found")
