"""Bills as the public contract has them: every field of an answer, paging, filters, cancelling."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.ids import is_id, new_id
from core.references import is_reference
from tests.support.problems import problem
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: ISO 8601 UTC, as every time in an answer is written.
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")

BILL = {
    "id",
    "agency",
    "reference",
    "status",
    "amount",
    "currency",
    "lines",
    "dossier_number",
    "pay_url",
    "qr",
    "payments",
    "receipts",
    "documents",
    "expires_at",
    "created_at",
    "metadata",
    "supplement_of",
    "supplements",
    "invoice",
}
LINE = {
    "fee",
    "description",
    "description_en",
    "quantity",
    "copies",
    "value",
    "full_amount",
    "amount",
    "sub_item",
    "explanation",
    "explanation_en",
    "basis",
    "certainty",
    "relief",
    "notice",
    "nature",
}

#: On this day an identity card is exchanged for half of its 50,000 đ; from 2027 on for all of it.
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


async def test_a_new_bill_has_every_field_of_the_contract(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill(dossier_number="H26.1/2026-000123")
    assert set(bill) == BILL
    assert is_id(bill["id"], "bill")
    assert is_reference(bill["reference"])
    assert (bill["agency"], bill["status"]) == (system.body.agency_code, "open")
    assert (bill["amount"], bill["currency"]) == (5000, "VND")
    (line,) = bill["lines"]
    assert set(line) == LINE
    assert line["fee"] == "chung-thuc-ban-sao"
    assert line["description"] == "Phí chứng thực bản sao từ bản chính"
    assert (line["quantity"], line["copies"], line["amount"]) == (3, 1, 5000)
    assert line["sub_item"] == "2716"
    assert (bill["payments"], bill["receipts"], bill["metadata"]) == ([], [], {})
    assert bill["dossier_number"] == "H26.1/2026-000123"
    assert bill["expires_at"] is None
    assert INSTANT.fullmatch(bill["created_at"])


async def test_every_address_is_absolute_and_answers_without_a_key(shared_system: System) -> None:
    bill = await shared_system.create_bill()
    expected = {
        bill["pay_url"]: "text/html",
        bill["qr"]["png_url"]: "image/png",
        bill["qr"]["svg_url"]: "image/svg+xml",
    }
    for address, media_type in expected.items():
        assert address.startswith(f"{shared_system.base_url}/b/{bill['reference']}")
        answer = await shared_system.browser.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith(media_type)
    assert bill["qr"]["payload"].startswith("000201")
    assert bill["reference"] in bill["qr"]["payload"]


async def test_a_bill_is_read_as_it_was_answered_by_id_and_by_reference(
    shared_system: System,
) -> None:
    bill = await shared_system.create_bill(
        metadata={"z": "đ 😀", "a": 2**63 - 1, "b": True, "c": None},
        expires_at=(clock.now() + timedelta(days=40)).isoformat(),
        lines=[
            {"fee": "2.000815", "quantity": 12, "copies": 3},
            {"description": "Phí khác", "amount": 10**12, "sub_item": "2999"},
        ],
    )
    assert bill["amount"] == 3 * 14_000 + 10**12
    assert bill["metadata"] == {"z": "đ 😀", "a": 2**63 - 1, "b": True, "c": None}
    assert INSTANT.fullmatch(bill["expires_at"])
    assert await shared_system.read(bill) == bill
    answer = await shared_system.client.get(f"/api/v1/bills/{bill['reference']}")
    assert answer.json() == bill


async def test_copies_repeat_the_line_and_the_cap_is_that_of_one_copy(
    shared_system: System,
) -> None:
    bill = await shared_system.create_bill(
        lines=[{"fee": "2.000815", "quantity": 500, "copies": 4}]
    )
    assert bill["amount"] == 4 * 200_000


async def test_a_bill_of_nothing_is_exempt_and_cannot_be_paid(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill(lines=[{"fee": "khai-sinh-dung-han", "quantity": 1}])
    assert set(bill) == BILL
    assert (bill["status"], bill["amount"], bill["qr"]) == ("exempt", 0, None)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"})
    problem(answer, 409, "bill_not_payable")
    answer = await system.client.post(f"/api/v1/bills/{bill['id']}/cancel")
    problem(answer, 409, "illegal_move")
    await system.work()
    bill = await system.read(bill)
    assert (bill["payments"], bill["receipts"]) == ([], [])
    image = f"{system.base_url}/b/{bill['reference']}/qr.png"
    assert (await system.browser.get(image)).status_code == 404


async def test_the_price_is_that_of_the_day_in_vietnam(shared_system: System) -> None:
    with clock.frozen(datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)) as now:
        bill = await shared_system.create_bill(lines=[{"fee": "2.001195", "quantity": 1}])
        assert bill["amount"] == 25_000
        now.advance(timedelta(seconds=1))
        bill = await shared_system.create_bill(lines=[{"fee": "2.001195", "quantity": 1}])
        assert bill["amount"] == 50_000


async def _pages(system: System, **query: str | int) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await system.client.get("/api/v1/bills", params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next_cursor"}
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("at_one_instant", [False, True])
async def test_pages_follow_each_other_without_a_gap_or_a_repeat(
    shared_system: System, at_one_instant: bool
) -> None:
    system, dossier = shared_system, new_id("dossier")
    with clock.frozen(NOON) as now:
        made = []
        for _ in range(5):
            made.append(await system.create_bill(dossier_number=dossier))
            now.advance(timedelta(0 if at_one_instant else 1))
        pages = await _pages(system, dossier_number=dossier, limit=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [bill for page in pages for bill in page] == made[::-1]


async def test_a_bill_opened_meanwhile_does_not_move_the_next_page(shared_system: System) -> None:
    system, dossier = shared_system, new_id("dossier")
    made = [await system.create_bill(dossier_number=dossier) for _ in range(3)]
    query: dict[str, str | int] = {"dossier_number": dossier, "limit": 2}
    first = (await system.client.get("/api/v1/bills", params=query)).json()
    await system.create_bill(dossier_number=dossier)
    query["cursor"] = first["next_cursor"]
    second = (await system.client.get("/api/v1/bills", params=query)).json()
    assert second == {"items": [made[0]], "next_cursor": None}


async def test_bills_are_found_by_dossier_and_status(shared_system: System) -> None:
    system, dossier = shared_system, new_id("dossier")
    kept = await system.create_bill(dossier_number=dossier)
    gone = await system.create_bill(dossier_number=dossier)
    await system.create_bill(dossier_number=f"{dossier}-1")
    await system.client.post(f"/api/v1/bills/{gone['id']}/cancel")

    async def ids(**query: str) -> list[str]:
        (page,) = await _pages(system, **query)
        return [bill["id"] for bill in page]

    assert await ids(dossier_number=dossier) == [gone["id"], kept["id"]]
    assert await ids(dossier_number=dossier, status="open") == [kept["id"]]
    assert await ids(dossier_number=dossier, status="cancelled") == [gone["id"]]
    assert await ids(dossier_number=dossier, status="paid") == []
    assert await ids(dossier_number=f"{dossier}-2") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1e1", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "address"),
        # base64 of a list of a number and a text; of a time and a text with NUL; of a naive time
        ("cursor=WzEsICJhIl0=", "cursor"),
        ("cursor=WyIyMDI2LTExLTAxVDAwOjAwOjAwKzAwOjAwIiwgIlx1MDAwMCJd", "cursor"),
        ("cursor=WyIyMDI2LTExLTAxIiwgImJpbGwiXQ==", "cursor"),
        ("dossier_number=%00", "address"),
        (f"dossier_number={'a' * 65}", "dossier_number"),
    ],
)
async def test_a_malformed_question_names_its_parameter(
    shared_system: System, query: str, field: str
) -> None:
    problem(await shared_system.client.get(f"/api/v1/bills?{query}"), 422, field=field)


async def test_cancelling_twice_is_the_same_as_once(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    path = f"/api/v1/bills/{bill['id']}/cancel"
    first, second = await system.client.post(path), await system.client.post(path)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.json() == bill | {"status": "cancelled", "qr": None}
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"})
    problem(answer, 409, "bill_not_payable")


async def test_a_bill_with_money_under_way_is_not_cancelled(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    path = f"/api/v1/bills/{bill['id']}/cancel"
    problem(await system.client.post(path), 409, "money_under_way")
    await system.decide(payment, "decline")
    for _ in range(200):
        if (await system.read(bill))["payments"][0]["status"] == "failed":
            break
    assert (await system.client.post(path)).json()["status"] == "cancelled"


async def test_a_bill_that_money_has_reached_is_not_cancelled(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 1000, bill["reference"])
    path = f"/api/v1/bills/{bill['id']}/cancel"
    problem(await system.client.post(path), 409, "money_under_way")
    await system.transfer(bill["qr"]["payload"], 4000, bill["reference"])
    await system.until(bill, "paid")
    problem(await system.client.post(path), 409, "illegal_move")


@pytest.mark.parametrize(
    "expires_at",
    [
        "2026-11-20T05:00:00Z",
        "2026-11-20T04:59:59+00:00",
        "2027-11-20T05:00:00.001Z",
        "2026-11-21T05:00:00",
        "2026-11-21",
        "tomorrow",
        "1795237200",
        1_795_237_200,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        True,
        {},
    ],
)
async def test_a_bill_expires_at_an_instant_within_a_year(
    shared_system: System, expires_at: object
) -> None:
    system = shared_system
    lines = [{"fee": "2.000815", "quantity": 3}]
    with clock.frozen(NOON):
        body = {"agency": system.body.agency_code, "lines": lines, "expires_at": expires_at}
        problem(await system.post("/api/v1/bills", body), 422, field="expires_at")


async def test_an_expiry_is_told_in_utc(shared_system: System) -> None:
    with clock.frozen(NOON):
        bill = await shared_system.create_bill(expires_at="2026-11-21T12:00:00+07:00")
    assert bill["expires_at"] == "2026-11-21T05:00:00.000Z"


@pytest.mark.parametrize(
    "return_url",
    [
        "https://dichvucong.example.vn.evil.example/",
        "https://dichvucong.example.vn@evil.example/",
        "https://evil.example/https://dichvucong.example.vn",
        "http://dichvucong.example.vn/",
        "https://dichvucong.example.vn:8443/",
        "https://dichvucong.example.vn\\@evil.example/",
        "https://dichvucong.example.vn/\r\nSet-Cookie: a=b",
        "https://dichvucong.example.vn/a b",
        "//dichvucong.example.vn/",
        "javascript:alert(1)//dichvucong.example.vn",
        "dichvucong.example.vn",
        f"https://dichvucong.example.vn/{'a' * 500}",
    ],
)
async def test_a_citizen_is_sent_back_to_listed_places_only(
    shared_system: System, return_url: str
) -> None:
    system = shared_system
    lines = [{"fee": "2.000815", "quantity": 3}]
    body = {"agency": system.body.agency_code, "lines": lines, "return_url": return_url}
    problem(await system.post("/api/v1/bills", body), 422, field="return_url")


async def test_a_listed_return_address_is_taken(shared_system: System) -> None:
    address = "https://dichvucong.example.vn/ho-so/1?x=%C4%91#ket-qua"
    assert (await shared_system.create_bill(return_url=address))["status"] == "open"


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{n}": "v" for n in range(21)},
        {"": "v"},
        {"a b": "v"},
        {"k" * 41: "v"},
        {"k": "v" * 501},
        {"k": "a\nb"},
        {"k": {"nested": "no"}},
        {"k": ["no"]},
        [],
        "text",
    ],
)
async def test_metadata_has_bounds(shared_system: System, metadata: object) -> None:
    system = shared_system
    lines = [{"fee": "2.000815", "quantity": 3}]
    body: Mapping[str, object] = {
        "agency": system.body.agency_code,
        "lines": lines,
        "metadata": metadata,
    }
    problem(await system.post("/api/v1/bills", body), 422, field="metadata")


async def test_a_bill_never_tells_who_pays(shared_system: System) -> None:
    payer = {"name": "Nguyễn Thị Hoa Chuông", "phone": "0912 345 678", "email": "hoa@example.vn"}
    bill = await shared_system.create_bill(payer=payer | {"identity_number": "001090123456"})
    shown = str(await shared_system.read(bill))
    assert not [value for value in [*payer.values(), "001090123456"] if value in shown]
