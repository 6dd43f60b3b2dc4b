"""A market's bills over the API: billed, paid and confirmed, waived by two people."""

from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.every_route import Things, keys_of
from tests.support.market_routes import market, waiver
from tests.support.markets import standing
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

RENT = 600_000


@pytest.fixture(scope="module")
def keys() -> dict[str, Things]:
    return {}


async def things_of(system: System, kept: dict[str, Things]) -> Things:
    if "all" not in kept:
        kept["all"] = Things(system, await keys_of(system, system.body.agency_id))
    return kept["all"]


async def ask(things: Things, who: str, path: str, body: object = None, status: int = 201) -> Any:
    headers = things.client(who) | {"Idempotency-Key": new_id("k")}
    answer = await things.system.browser.post(f"/api/v1{path}", headers=headers, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def bills_of(system: System, run: str) -> list[dict[str, Any]]:
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT DISTINCT b.id, b.reference, b.status, b.amount FROM bill b JOIN charge c"
            " ON c.bill_id = b.id WHERE c.run_id = :run AND c.voided_at IS NULL ORDER BY b.id"
        )
        return [dict(row._mapping) for row in await session.execute(wanted, {"run": run})]


async def test_a_months_bill_is_paid_and_confirmed_and_is_no_receipt(
    shared_system: System, keys: dict[str, Things]
) -> None:
    things = await things_of(shared_system, keys)
    market_id = await market(things)
    period = {"kind": "month", "period": "2026-11"}
    shown = await ask(things, "finance", f"/markets/{market_id}/billing-runs/preview", period, 200)
    assert (shown["bills"], shown["amount"], shown["problems"]) == (2, 2 * RENT, [])
    run = await ask(things, "finance", f"/markets/{market_id}/billing-runs", period)
    assert (run["state"], run["charged"][0]["count"]) == ("done", 2)
    first, _ = await bills_of(shared_system, run["id"])
    await credit(shared_system, RENT, str(first["reference"]))
    await shared_system.work()
    bill = await shared_system.read(first)
    assert (bill["status"], bill["receipts"]) == ("paid", [])
    (document,) = bill["documents"]
    assert (document["kind"], document["amount"]) == ("confirmation", RENT)
    page = (await shared_system.browser.get(document["page_url"])).text
    assert "Không phải biên lai thu phí, lệ phí và không phải hóa đơn" in page
    assert "Giá thuê điểm kinh doanh A-001, tháng 11/2026" in page
    assert await shared_system.broken() == []


async def test_a_waiver_of_two_people_makes_unpaid_bills_anew_and_leaves_paid_ones(
    shared_system: System, keys: dict[str, Things]
) -> None:
    things = await things_of(shared_system, keys)
    market_id = await market(things)
    period = {"kind": "month", "period": "2026-11"}
    run = await ask(things, "finance", f"/markets/{market_id}/billing-runs", period)
    first, _ = await bills_of(shared_system, run["id"])
    await credit(shared_system, RENT, str(first["reference"]))
    await shared_system.work()
    asked = await ask(
        things, "finance", f"/markets/{market_id}/waivers", (await waiver(things))["json"], 202
    )
    assert len(await bills_of(shared_system, run["id"])) == 2
    refused = await ask(things, "finance", f"/approvals/{asked['id']}/approve", status=403)
    assert refused["code"] == "not_allowed"
    done = await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    told = done["outcome"]
    assert (told["billed_anew"], told["paid_already"]) == (1, 1)
    # What was let off stands on the bill, as a portal reads it.
    standing_bills = await bills_of(shared_system, run["id"])
    (anew,) = [row for row in standing_bills if row["status"] == "open"]
    (line,) = (await shared_system.read(anew))["lines"]
    assert (line["relief"]["amount"], line["relief"]["certainty"]) == (3 * 20_000, None)
    after = {row["status"]: row["amount"] for row in standing_bills}
    assert after == {"paid": RENT, "open": RENT - 3 * 20_000}
    read = await shared_system.browser.get(
        f"/api/v1/billing-runs/{run['id']}", headers=things.client("auditor")
    )
    sums = {one["status"]: (one["amount"], one["waived"]) for one in read.json()["charged"]}
    assert sums == {"paid": (RENT, 0), "open": (RENT - 60_000, 60_000)}
    assert await shared_system.broken() == []


async def test_an_amount_is_waived_by_two_people_and_never_more_than_is_owed(
    shared_system: System, keys: dict[str, Things]
) -> None:
    things = await things_of(shared_system, keys)
    market_id = await market(things)
    asked_for = (await waiver(things))["json"]
    del asked_for["percent"]
    path = f"/markets/{market_id}/waivers"
    both = asked_for | {"percent": 10, "amount": 1_000}
    for wrong in (asked_for, both, asked_for | {"amount": 0}):
        await ask(things, "finance", path, wrong, 422)
    # 50,000 đồng a day for three days of a place that costs 20,000 a day, and 1,000 for three.
    for amount, days in (
        (1_000, ("2026-11-01", "2026-11-03")),
        (150_000, ("2026-11-11", "2026-11-13")),
    ):
        more = {"amount": amount, "first_on": days[0], "last_on": days[1]}
        asked = await ask(things, "finance", path, asked_for | more, 202)
        assert asked["wanted"]["amount_each"] == amount
        await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    told = await shared_system.browser.get(f"/api/v1{path}", headers=things.client("auditor"))
    assert [(one["percent"], one["amount"]) for one in told.json()["items"]] == [
        *((0, 150_000), (0, 1_000))
    ]
    period = {"kind": "month", "period": "2026-11"}
    run = await ask(things, "finance", f"/markets/{market_id}/billing-runs", period)
    bills = await bills_of(shared_system, run["id"])
    assert {row["amount"] for row in bills} == {RENT - 1_000 - 60_000}
    assert await shared_system.broken() == []


async def test_a_tariff_begins_where_nothing_is_billed_and_ends_the_one_before(
    shared_system: System, keys: dict[str, Things]
) -> None:
    things = await things_of(shared_system, keys)
    market_id = await market(things)
    body = {"kind": "covered", "per": "day", "rate": 3_000, "basis": "QĐ 1", "reason": "tăng"}
    path = f"/markets/{market_id}/stall-tariffs"
    period = {"kind": "month", "period": "2026-11"}
    await ask(things, "finance", f"/markets/{market_id}/billing-runs", period)
    early = await ask(things, "finance", path, body | {"valid_from": "2026-11-30"}, 409)
    assert early["code"] == "period_billed"
    asked = await ask(things, "finance", path, body | {"valid_from": "2026-12-16"}, 202)
    await ask(things, "chief", f"/approvals/{asked['id']}/approve", status=200)
    december = {"kind": "month", "period": "2026-12"}
    shown = await ask(
        things, "finance", f"/markets/{market_id}/billing-runs/preview", december, 200
    )
    assert shown["amount"] == 2 * (15 * 20_000 + 16 * 30_000)
    assert (shown["against"], shown["amount_before"], shown["differing"]) == (
        *("2026-11", 2 * RENT, 2),
    )
    assert [row[4] for row in await standing(shared_system.parts.database, "2026-12")] == []


async def test_bad_input_names_its_field(shared_system: System, keys: dict[str, Things]) -> None:
    things = await things_of(shared_system, keys)
    market_id = await market(things)
    runs = f"/markets/{market_id}/billing-runs"
    for body, field in (
        ({"kind": "month", "period": "2026-13"}, "period"),
        ({"kind": "week", "period": "2026-W54"}, "period"),
        ({"kind": "year", "period": "2026-11"}, "kind"),
    ):
        refused = await ask(things, "finance", runs, body, 422)
        assert [one["field"] for one in refused["errors"]] == [field]
    unknown = {"stall": "Z-9", "vendor": "ZZ", "first_on": "2026-11-01"}
    refused = await ask(things, "finance", f"/markets/{market_id}/contracts", unknown, 422)
    assert [one["field"] for one in refused["errors"]] == ["stall", "vendor"]
    held = {"stall": "A-001", "first_on": "2026-11-01"}
    vendors = await shared_system.browser.get("/api/v1/vendors", headers=things.client("clerk"))
    held |= {"vendor": vendors.json()["items"][0]["code"]}
    refused = await ask(things, "finance", f"/markets/{market_id}/contracts", held, 409)
    assert refused["code"] == "stall_held"
