"""A body takes money only for the procedures it has chosen: bills, lists, pages and posters."""

from typing import Any

import pytest
from sqlalchemy import text

from app.knowledge import KNOWLEDGE
from core import clock
from core.errors import Invalid
from payments.agencies.commands import Offers, change_agency
from payments.agencies.gateways import configure_gateway
from payments.bills.static_references import price_static_reference
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.system import System

COPIES, SIGNATURE = "2.000815", "2.000884"
LINE = {"fee": COPIES, "quantity": 1}


async def choose(system: System, offers: Offers, agency_id: str | None = None) -> None:
    """Set what a body offers; the price book learns of it as it would a moment later."""
    async with system.parts.database.transaction() as session:
        own = agency_id or system.body.agency_id
        await change_agency(session, own, {"offers": offers}, KNOWLEDGE, actor="system:test")
    system.parts.payments.price_book._checked_at = None


async def new_bill(system: System, *lines: dict[str, Any], agency: str | None = None) -> Any:
    body = {"agency": agency or system.body.agency_code, "lines": list(lines)}
    return await system.post("/api/v1/bills", body)


async def test_what_is_not_offered_is_refused_by_name(system: System) -> None:
    await choose(system, [COPIES])
    assert (await new_bill(system, LINE)).status_code == 201
    for code in (SIGNATURE, "chung-thuc-chu-ky"):
        told = problem(
            await new_bill(system, LINE, {"fee": code, "quantity": 1}),
            *(422, "not_offered", "lines.1.fee"),
        )
        assert [error["code"] for error in told["errors"]] == ["not_offered"]
    # Beside another fault it is one of several.
    told = problem(
        await new_bill(system, {"fee": SIGNATURE, "quantity": 1}, {"fee": "x", "quantity": 1}), 422
    )
    assert told["code"] == "invalid"
    assert [error["code"] for error in told["errors"]] == ["not_offered", "unknown"]


async def test_a_body_that_has_chosen_nothing_takes_nothing(system: System) -> None:
    await choose(system, [])
    problem(await new_bill(system, LINE), 422, "not_offered", "lines.0.fee")
    answer = await system.client.get("/api/v1/procedures")
    assert answer.json()["items"] == []
    # An amount of its own names no procedure.
    own = {"description": "Thu khác", "amount": 1000, "sub_item": "2716"}
    assert (await new_bill(system, own)).status_code == 201


async def test_lists_pages_and_posters_show_what_is_offered(system: System) -> None:
    code = system.body.agency_code
    before = (await system.client.get("/api/v1/procedures")).json()["items"]
    assert len(before) > 2
    await choose(system, [COPIES])
    items = (await system.client.get("/api/v1/procedures")).json()["items"]
    assert [item["code"] for item in items] == [COPIES]
    assert (await system.client.get(f"/api/v1/procedures/{COPIES}")).status_code == 200
    problem(await system.client.get(f"/api/v1/procedures/{SIGNATURE}"), 404, "not_offered")
    page = await system.browser.get(f"/p/{code}")
    assert f"/p/{code}/{COPIES}" in page.text
    assert SIGNATURE not in page.text
    assert "Cư trú" not in page.text
    assert (await system.browser.get(f"/p/{code}/{COPIES}")).status_code == 200
    for gone in (SIGNATURE, "chung-thuc-chu-ky"):
        answer = await system.browser.get(f"/p/{code}/{gone}")
        assert answer.status_code == 404
        assert "không thu" in answer.text
        assert (await system.browser.get(f"/p/{code}/{gone}/qr.svg")).status_code == 404
        form = {"seen": "10000", "quantity": "1"}
        assert (await system.browser.post(f"/p/{code}/{gone}", data=form)).status_code == 404


async def test_money_on_an_old_poster_waits_for_people(system: System) -> None:
    async def priced() -> object:
        async with system.parts.database.transaction() as session:
            own = system.body.agency_id
            return await price_static_reference(session, own, "chung-thuc-chu-ky", clock.now())

    assert await priced() is not None
    await choose(system, [COPIES])
    assert await priced() is None


async def test_a_unit_offers_what_its_body_does_until_it_chooses(system: System) -> None:
    async with neighbour_of(system, unit=True) as unit:
        await choose(system, "parent", unit.agency_id)
        signature = {"fee": SIGNATURE, "quantity": 1}
        assert (await new_bill(system, signature, agency=unit.code)).status_code == 201
        await choose(system, [COPIES])
        problem(await new_bill(system, signature, agency=unit.code), 422, "not_offered")
        # A unit's own choice is not bound to its body's.
        await choose(system, [SIGNATURE], unit.agency_id)
        assert (await new_bill(system, signature, agency=unit.code)).status_code == 201
        problem(await new_bill(system, LINE, agency=unit.code), 422, "not_offered")


async def test_a_running_process_hears_of_a_new_choice(system: System) -> None:
    """The negative control: without the new stamp, what is remembered goes on being offered."""
    book, own = system.parts.payments.price_book, system.body.agency_id
    assert (await new_bill(system, LINE)).status_code == 201
    async with system.parts.database.transaction() as session:
        await session.execute(text("ALTER TABLE agency DISABLE TRIGGER stamp_offers"))
        await change_agency(session, own, {"offers": []}, KNOWLEDGE, actor="system:test")
    book._checked_at = None
    assert (await new_bill(system, LINE)).status_code == 201
    async with system.parts.database.transaction() as session:
        await session.execute(text("ALTER TABLE agency ENABLE TRIGGER stamp_offers"))
    await choose(system, [SIGNATURE])
    problem(await new_bill(system, LINE), 422, "not_offered")


@pytest.mark.parametrize("parent", [False, True])
async def test_a_body_of_before_offers_what_it_offered(system: System, parent: bool) -> None:
    """Rows as the migration leaves them: `all` for a body of its own, `parent` for a unit."""
    async with neighbour_of(system, unit=parent) as other:
        if parent:
            await choose(system, "parent", other.agency_id)
        lines = {"lines": [LINE], "agency": other.code}
        headers = {"Idempotency-Key": "once"}
        answer = await other.client.post("/api/v1/bills", json=lines, headers=headers)
        assert answer.status_code == 201, answer.text


async def test_a_gateway_that_is_not_offered_takes_no_payment(system: System) -> None:
    assert (await system.start(await system.create_bill()))["status"] == "submitted"
    async with system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            system.parts.cipher,
            KNOWLEDGE,
            agency_id=system.body.agency_id,
            gateway="paygov",
            account="test",
            enabled=False,
            actor="system:test",
        )
    system.parts.payments.agencies.forget()
    bill = await system.create_bill()
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"})
    problem(answer, 404)
    page = await system.browser.get(bill["pay_url"])
    assert "paygov" not in page.text.lower()


async def test_a_body_may_name_what_it_offers_by_any_code_of_a_procedure(system: System) -> None:
    # The commune's new code of a procedure that is kept under an older one.
    await choose(system, ["1.115970", COPIES])
    items = (await system.client.get("/api/v1/procedures")).json()["items"]
    codes = {item["code"] for item in items}
    assert COPIES in codes
    (other,) = codes - {COPIES}
    assert (await system.client.get("/api/v1/procedures/1.115970")).json()["code"] == other
    with pytest.raises(Invalid) as refused:
        await choose(system, ["1.116405", "0.000000"])
    faults = [(fault.field, fault.code) for fault in refused.value.errors]
    assert faults == [("offers.0", "ambiguous"), ("offers.1", "unknown")]
    assert "stands for" in refused.value.errors[0].detail
