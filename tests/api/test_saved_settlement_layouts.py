"""A layout of a gateway's files is saved with one that it reads, and settlements name it."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from core import clock
from core.clock import business_date
from core.ids import new_id
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.settlements import GATEWAY, new_batch
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

LAYOUTS = "/api/v1/settlement-layouts"
LAYOUT: dict[str, Any] = {
    "title": "PayGov: đối soát ngày",
    "columns": {
        "batch_ref": "Lô",
        "settled_on": "Ngày",
        "gateway_ref": "Mã GD",
        "kind": "Loại",
        "amount": "Số tiền",
        "fee": "Phí",
        "net": "Thực nhận",
    },
    "days": ["%d/%m/%Y"],
    "scale": 1,
    "delimiters": [";"],
    "style": {"thousands": "."},
    "payment_words": ["Thu"],
    "refund_words": ["Hoàn"],
    "totals": "Tổng",
    "totals_required": True,
}


def a_name() -> str:
    return f"mau-{new_id('x')[-12:]}"


def settlement(heading: str = "Mã GD") -> bytes:
    """A file of a payment and of a refund, with its sums."""
    day, batch = f"{business_date(clock.now()):%d/%m/%Y}", new_batch()
    rows = [
        f"Lô;Ngày;{heading};Loại;Số tiền;Phí;Thực nhận",
        f"{batch};{day};{new_id('g')};Thu;50.000;550;49.450",
        f"{batch};{day};{new_id('g')};Hoàn;5.000;0;5.000",
        "Tổng;;;;45.000;550;44.450",
    ]
    return "\n".join(rows).encode()


async def save(
    office: FinanceOffice,
    name: str,
    content: bytes,
    layout: object,
    *,
    who: dict[str, str] | None = None,
    **form: str,
) -> httpx2.Response:
    written = layout if isinstance(layout, str) else json.dumps(layout)
    return await office.system.browser.post(
        LAYOUTS,
        files={"file": ("doi-soat.csv", content, "text/csv")},
        data={"gateway": GATEWAY, "name": name, "layout": written} | form,
        headers=(who or office.clerk) | {"Idempotency-Key": new_id("k")},
    )


async def take(system: System, content: bytes, mapping: str) -> httpx2.Response:
    return await system.office.post(
        "/api/v1/settlements",
        files={"file": ("doi-soat.csv", content, "text/csv")},
        data={"gateway": GATEWAY, "mapping": mapping},
        headers={"Idempotency-Key": new_id("k")},
    )


async def test_a_layout_is_saved_with_its_sample_and_named_by_later_settlements(
    shared_system: System,
) -> None:
    system, office, name = shared_system, await finance_office(shared_system), a_name()
    problem(await take(system, settlement(), name), 422, "unknown_mapping")
    made = await save(office, name, settlement(), LAYOUT)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["version"], told["rows"]) == (name, 1, 2)
    assert (told["amount"], told["fee"], told["net"]) == (45_000, 550, 44_450)
    assert (told["layout"]["confirmed"], told["layout"]["code"]) == (True, name)
    taken = await take(system, settlement(), name)
    assert taken.status_code == 201, taken.text
    assert (taken.json()["mapping"], taken.json()["net"]) == (name, 44_450)
    newer = await system.browser.post(
        f"/api/v1/settlements/{taken.json()['id']}/versions",
        files={"file": ("moi.csv", settlement(), "text/csv")},
        data={"mapping": name, "reason": "phát hành lại"},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )
    assert newer.status_code == 202, newer.text
    figures = newer.json()["approval"]["figures"]
    assert (figures["file_name"], figures["new_file_name"]) == ("doi-soat.csv", "moi.csv")
    listed = (await system.office.get(LAYOUTS, params={"gateway": GATEWAY})).json()["items"]
    assert told["id"] in [one["id"] for one in listed]
    # It is no layout of statements.
    account = {"account": system.body.collection_code}
    others = await system.office.get("/api/v1/statement-layouts", params=account)
    assert told["id"] not in [one["id"] for one in others.json()["items"]]


#: What is changed in the layout, and what its refusal names.
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"columns": LAYOUT["columns"] | {"net": "Không có"}}, "Không có"),
    ({"days": ["%Y-%m-%d"]}, "row 2"),
    ({"days": ["%c"]}, "layout.days"),
    ({"scale": 10}, "layout.scale"),
    ({"title": "Mẫu (chưa xác nhận)"}, "layout.title"),
    ({"refund_words": []}, "layout.payment_words"),
    ({"times": ["iso"]}, "layout.times"),
    ({"header_within": 51}, "layout.header_within"),
    ({"delimiters": ["ab"]}, "layout.delimiters"),
    ({"columns": LAYOUT["columns"] | {"fee": "Số tiền"}}, "layout.columns"),
    ({"totals": "x" * 101}, "layout.title"),
    ({"kinds": 1}, "layout.kinds"),
)


async def test_a_layout_that_does_not_read_its_sample_is_refused_and_says_why(
    shared_system: System,
) -> None:
    office, name = await finance_office(shared_system), a_name()
    for change, place in WRONG:
        told = problem(await save(office, name, settlement(), LAYOUT | change), 422)
        assert place in str(told["errors"]), change
    problem(await take(shared_system, settlement(), name), 422, "unknown_mapping")


async def test_names_of_ours_and_texts_that_are_no_layout_are_refused(
    shared_system: System,
) -> None:
    office = await finance_office(shared_system)
    for name in ("lephi-settlement", "vnpay", "Tên Mẫu", ""):
        assert "name" in str(problem(await save(office, name, settlement(), LAYOUT), 422)["errors"])
    for written in ("{", "[]", '{"a":1,"a":2}'):
        problem(await save(office, a_name(), settlement(), written), 422, "bad_layout")


async def test_a_later_version_holds_from_its_day_and_is_its_bodys_alone(
    shared_system: System,
) -> None:
    system, office, name = shared_system, await finance_office(shared_system), a_name()
    assert (await save(office, name, settlement(), LAYOUT)).status_code == 201
    renamed = LAYOUT | {"columns": LAYOUT["columns"] | {"gateway_ref": "Mã mới"}}
    tomorrow = business_date(clock.now()) + timedelta(days=1)
    made = await save(office, name, settlement("Mã mới"), renamed, valid_from=str(tomorrow))
    assert (made.json()["version"], made.json()["valid_from"]) == (2, str(tomorrow))
    assert (await take(system, settlement(), name)).status_code == 201
    problem(await take(system, settlement("Mã mới"), name), 422)
    past = await save(office, name, settlement(), LAYOUT, valid_from="2026-01-01")
    told = problem(past, 422)
    assert "in_the_past" in str(told["errors"])
    clerk = await key_of_person(system, "clerk")
    problem(await save(office, name, settlement(), LAYOUT, who=clerk), 403)
    async with neighbour_of(system) as other:
        theirs = await key_of_person(system, "finance", agency_id=other.agency_id)
        problem(await save(office, name, settlement(), LAYOUT, who=theirs), 404)
