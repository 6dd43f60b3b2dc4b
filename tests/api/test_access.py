"""Who may see and do what: keys, roles, other agencies; and where no personal data may be."""

import asyncio
import io
import json
import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core import clock, log
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key, revoke_api_key
from payments.agencies.access.models import StaffUser
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem, without_trace
from tests.support.rows import contents, dump
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = [{"fee": "2.000815", "quantity": 3}]

#: Nobody's, and nowhere else in the project.
CANARIES = {
    "name": "Hoàng Chim Vàng Anh",
    "phone": "0987 001 234",
    "email": "chim.vang@canary.example",
    "identity_number": "079199088123",
}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic bHBr",
        "lpk_0123",
        "Bearer lpk_unknown",
        "Bearer lpk_\u00e9",
        f"Bearer {'x' * 5000}",
        "Bearer a b",
        "bearer,lpk",
    ],
)
async def test_without_a_good_key_everything_is_refused_the_same_way(
    shared_system: System, header: str | None
) -> None:
    system = shared_system
    before = await contents(system.parts.database)
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    bill = "/api/v1/bills/bill_00000000000000000000000000000000"
    for method, path in (
        ("GET", "/api/v1/bills"),
        ("GET", bill),
        ("POST", f"{bill}/cancel"),
        ("POST", "/api/v1/bills"),
        ("POST", f"{bill}/payments"),
        ("GET", "/api/v1/payments/pay_1"),
        ("GET", "/api/v1/receipts/rcpt_1"),
        ("GET", "/api/v1/receipts/rcpt_1.pdf"),
        ("GET", "/api/v1/procedures"),
    ):
        # The key comes first: who has none is not told what else is wrong.
        answer = await system.browser.request(method, path, headers=headers, content=b"{")
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await contents(system.parts.database) == before


async def test_a_revoked_key_is_no_key(shared_system: System) -> None:
    system = shared_system
    async with system.parts.database.transaction() as session:
        key, secret = await create_api_key(session, agency_id=system.body.agency_id, label="gone")
        await revoke_api_key(session, key.id)
    headers = {"Authorization": f"Bearer {secret}"}
    problem(await system.browser.get("/api/v1/bills", headers=headers), 401)


async def _person(system: System, *roles: str) -> httpx2.Headers:
    async with system.parts.database.transaction() as session:
        person = StaffUser(
            id=new_id("staff"),
            agency_id=system.body.agency_id,
            email=f"{new_id('x')}@example.vn",
            name="Người thử",
            password_hash="-",
            roles=list(roles),
            created_at=clock.now(),
        )
        session.add(person)
        await session.flush()
        _, secret = await create_api_key(
            session, agency_id=system.body.agency_id, label="person", staff_id=person.id
        )
    return httpx2.Headers({"Authorization": f"Bearer {secret}", "Idempotency-Key": new_id("k")})


@pytest.mark.parametrize(
    ("role", "may_open"),
    [("clerk", True), ("admin", True), ("finance", False), ("chief", False), ("auditor", False)],
)
async def test_a_person_does_what_the_role_allows(
    shared_system: System, role: str, may_open: bool
) -> None:
    system = shared_system
    headers = await _person(system, role)
    bill = await system.create_bill()
    before = await contents(system.parts.database)
    sent = {"agency": system.body.agency_code, "lines": LINES}
    answers = [
        await system.browser.post("/api/v1/bills", json=sent, headers=headers),
        await system.browser.post(
            f"/api/v1/bills/{bill['id']}/payments", json={"gateway": "paygov"}, headers=headers
        ),
    ]
    if not may_open:
        cancel = await system.browser.post(f"/api/v1/bills/{bill['id']}/cancel", headers=headers)
        for answer in [*answers, cancel]:
            problem(answer, 403, "not_allowed")
        assert await contents(system.parts.database) == before
    else:
        assert [answer.status_code for answer in answers] == [201, 201]
    read = await system.browser.get(f"/api/v1/bills/{bill['id']}", headers=headers)
    assert read.status_code == 200


async def _paid_bill(system: System) -> dict[str, Any]:
    bill = await system.create_bill(dossier_number="of-this-agency-only")
    await system.decide(await system.start(bill), "success")
    await system.until(bill, "paid")
    await system.work()
    return await system.read(bill)


async def test_what_is_anothers_answers_as_what_is_not_there(shared_system: System) -> None:
    system = shared_system
    paid, opened = await _paid_bill(system), await system.create_bill()
    (payment,), (receipt,) = paid["payments"], paid["receipts"]
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", "/api/v1/bills/{}", paid["id"], None),
        ("GET", "/api/v1/bills/{}", paid["reference"], None),
        ("POST", "/api/v1/bills/{}/cancel", opened["id"], None),
        ("POST", "/api/v1/bills/{}/payments", opened["id"], {"gateway": "paygov"}),
        ("GET", "/api/v1/payments/{}", payment["id"], None),
        ("GET", "/api/v1/receipts/{}", receipt["id"], None),
        ("GET", "/api/v1/receipts/{}.pdf", receipt["id"], None),
        ("GET", "/api/v1/receipts/{}.xml", receipt["id"], None),
    ]
    async with neighbour_of(system) as neighbour:
        before = await contents(system.parts.database)
        for method, path, real, sent in calls:
            absent = new_id(real.partition("_")[0]) if "_" in real else "LPAAAAAAAAAAAA"
            headers = {"Idempotency-Key": new_id("k")}
            answers = [
                await neighbour.client.request(method, path.format(one), json=sent, headers=headers)
                for one in (real, absent)
            ]
            for answer in answers:
                problem(answer, 404)
            assert without_trace(answers[0]) == without_trace(answers[1]), path
            same = {name for name in answers[0].headers if name not in ("date", "trace-id")}
            assert {n: answers[0].headers[n] for n in same} == {
                n: answers[1].headers[n] for n in same
            }
        for query in ({}, {"dossier_number": "of-this-agency-only"}, {"status": "paid"}):
            listed = await neighbour.client.get("/api/v1/bills", params=query)
            assert listed.json() == {"items": [], "next_cursor": None}
        bodies = [
            {"agency": code, "lines": LINES} for code in (system.body.agency_code, "khong-co-ai")
        ]
        answers = [
            await neighbour.client.post("/api/v1/bills", json=one, headers={"Idempotency-Key": "k"})
            for one in bodies
        ]
        for answer in answers:
            problem(answer, 404)
        assert without_trace(answers[0]) == without_trace(answers[1])
        assert await contents(system.parts.database) == before
    # And the owner does see them all: what was refused above was there.
    for method, path, real, _ in calls:
        if method == "GET" and not path.endswith(".pdf"):
            assert (await system.client.get(path.format(real))).status_code == 200


async def test_a_body_sees_and_opens_the_bills_of_its_units_but_no_unit_those_above(
    shared_system: System,
) -> None:
    system = shared_system
    above = await system.create_bill()
    async with neighbour_of(system, unit=True) as unit:
        # A key made before the unit is believed for a few seconds more as it was.
        system.parts.keyring.forget()
        bill = await system.create_bill(agency=unit.code)
        read = await unit.client.get(f"/api/v1/bills/{bill['id']}")
        assert read.json() == bill
        problem(await unit.client.get(f"/api/v1/bills/{above['id']}"), 404)
        # The unit has no account of its own: its bills are paid to the body above it.
        payment = await system.start(bill)
        await system.decide(payment, "success")
        assert (await system.until(bill, "paid"))["agency"] == unit.code
        await system.work()
        # Its receipts count by themselves.
        assert (await system.read(bill))["receipts"][0]["number"] == 1


async def test_no_name_phone_or_number_of_a_person_leaves_the_encrypted_columns(
    shared_system: System,
) -> None:
    system, lines = shared_system, io.StringIO()
    log.configure("debug", lines)
    try:
        bill = await _walk(system)
    finally:
        log.configure("error")
    kept = await dump(system.parts.database)
    assert len(kept["payer_data"]) > 100
    for table in ("audit_entry", "outbox_event", "idempotency_key", "callback", "receipt"):
        assert kept[table], f"nothing in {table}: the test looked at nothing"
    found = {
        (table, name)
        for table, text_of in [*kept.items(), ("log", lines.getvalue())]
        for name in _traces(text_of)
    }
    assert found == set()
    assert "error" in lines.getvalue()

    # The same search finds each of them where they are put on purpose.
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE bill SET extra = CAST(:extra AS jsonb) WHERE id = :id"),
            {"extra": json.dumps(CANARIES), "id": bill["id"]},
        )
    kept = await dump(system.parts.database)
    assert set(_traces(kept["bill"])) == set(CANARIES)


async def _walk(system: System) -> dict[str, Any]:
    """Everything that can happen to a bill whose payer is known, failures included."""
    key = new_id("k")
    sent = {"agency": system.body.agency_code, "lines": LINES, "payer": CANARIES}
    bill: dict[str, Any] = (await system.post("/api/v1/bills", sent, key)).json()
    await system.post("/api/v1/bills", sent, key)
    await system.post("/api/v1/bills", sent | {"lines": []}, key)
    await system.post("/api/v1/bills", sent | {"payer": CANARIES | {"phone": "x"}}, new_id("k"))
    narrative = " ".join(CANARIES.values())
    await system.transfer(bill["qr"]["payload"], 1000, f"{narrative} chuyen tien")
    await system.transfer(bill["qr"]["payload"], 2000, f"{bill['reference']} {narrative}")
    await system.decide(await system.start(bill), "success")
    await system.until(bill, "paid")
    # A failure that nobody expected, with a person's name in its words and in its statement.
    async with system.parts.database.transaction() as session:
        await session.execute(text("ALTER TABLE payer_data RENAME TO payer_data_"))
    try:
        problem(await system.post("/api/v1/bills", sent, new_id("k")), 500, "unexpected")
    finally:
        async with system.parts.database.transaction() as session:
            await session.execute(text("ALTER TABLE payer_data_ RENAME TO payer_data"))
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    pdf, page = await asyncio.gather(
        system.client.get(f"/api/v1/receipts/{receipt['id']}.pdf"),
        system.browser.get(receipt["check_url"]),
    )
    assert pdf.content.startswith(b"%PDF")
    assert page.status_code == 200
    assert _traces(page.text) == []
    return bill


def _traces(where: str) -> list[str]:
    """Which of the canaries are in a text, also without marks, spaces or as bytes in hex."""
    plain = re.sub(r"\s+", "", where).lower()
    found = []
    for name, value in CANARIES.items():
        bare = re.sub(r"\s+", "", value).lower()
        forms = {bare, bare.encode().hex(), value.encode().hex(), json.dumps(value)[1:-1]}
        if any(form.lower() in plain for form in forms):
            found.append(name)
    return found


async def test_who_is_refused_is_counted_by_the_reason_alone(shared_system: System) -> None:
    system = shared_system

    async def counted() -> dict[str, float]:
        page = (await system.browser.get("/metrics")).text
        found = re.findall(r'lephi_access_refused_total\{code="([^"]*)"\} ([0-9.]+)', page)
        return {code: float(value) for code, value in found}

    before = await counted()
    await system.browser.get("/api/v1/bills")
    await system.browser.get("/api/v1/bills", headers={"Authorization": "Bearer nobody-knows"})
    await system.client.get("/api/v1/suspense")
    after = await counted()
    more = {code: value - before.get(code, 0) for code, value in after.items()}
    assert {code: value for code, value in more.items() if value} == {
        "unauthenticated": 2,
        "scope_missing": 1,
    }
