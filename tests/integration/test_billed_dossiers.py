"""What an attempt pays for, as gateways of the state want it told; and attempts that are counted.

The answers are held against what is in the rows, counted here in plain Python over a small world in
which everything stands beside everything else.
"""

import json
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert as insert_rows

from core import clock
from core.errors import NotFound
from core.ids import new_id
from core.json import canonical
from payments.attempts.billing import differing_from_billed, dossier_of
from payments.attempts.queries import EarlierAttempts, count_attempts, get_payment, list_shares
from payments.billed import (
    BilledDecision,
    BilledDossier,
    BilledFee,
    BilledService,
    ToldBilled,
)
from payments.bills.models import Payment, SuspenseItem
from payments.bills.queries import PaymentValue
from payments.bills.reasons import Reason
from payments.ports import GatewayResult, Outcome
from tests.support.bare_rows import insert
from tests.support.scripted import ScriptedWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTICE = {
    "number": "12/QĐ",
    "issued_on": "2026-10-15",
    "treasury": "KBNN Ba Đình",
    "chapter": "757",
    "sub_item": "1401",
}
PAYER = {"name": "Người Nộp", "address": "1 Hàng Bài", "tax_number": "0100109106"}
BEHALF = {"behalf_name": "Người Nợ", "behalf_address": "2 Hàng Trống"}


async def billed(
    world: ScriptedWorld, lines: list[tuple[int, dict[str, Any]]], **changes: Any
) -> str:
    """A bill with these lines: the amount of each, and what else is in its row."""
    bill = await world.bill(amount=sum(amount for amount, _ in lines) or 1, **changes)
    async with world.parts.database.transaction() as session:
        for place, (amount, more) in enumerate(lines, start=2):
            row = {
                "bill_id": bill,
                "position": place,
                "fee": f"p{place}",
                "description": f"Khoản {place}",
                "quantity": 1,
                "unit": "",
                "copies": 1,
                "amount": amount,
            } | more
            if "notice" in row:
                row["notice"] = json.dumps(row["notice"])
            await insert(session, "bill_line", row)
    # The line that every bill of `bare_rows` has would be beside ours.
    await world.forget("bill_line", "bill_id = :bill AND position = 1", bill=bill)
    return bill


async def with_payer(world: ScriptedWorld, bill: str, payer: dict[str, str]) -> None:
    kept = {
        "subject_id": bill,
        "data": world.parts.cipher.encrypt(canonical(payer), f"payer:{bill}"),
        "created_at": clock.now(),
    }
    async with world.parts.database.transaction() as session:
        await insert(session, "payer_data", kept)


async def as_debt(world: ScriptedWorld, bill: str, kind: str) -> None:
    """Let the bill be that of a debt of this kind."""
    now, list_id, code = clock.now(), new_id("dl"), new_id("c")[-12:]
    body = world.body.agency_id
    listed = {
        "id": list_id,
        "agency_id": body,
        "kind": kind,
        "code": code,
        "version": 1,
        "file_name": "x.csv",
        "sha256": "x",
        "row_count": 1,
        "amount": 1,
        "state": "done",
        "created_by": "test",
        "created_at": now,
        "finished_at": now,
        "outcome": "{}",
    }
    debt = {
        "id": new_id("debt"),
        "agency_id": body,
        "list_id": list_id,
        "last_list_id": list_id,
        "kind": kind,
        "list_code": code,
        "code": code,
        "bill_id": bill,
        "facts_hash": "x",
        "created_at": now,
    }
    async with world.parts.database.transaction() as session:
        await insert(session, "debt_list", listed)
        await insert(session, "debt", debt)


async def dossier(world: ScriptedWorld, bill: str, amount: int) -> BilledDossier:
    account = (await world.account()).collection
    async with world.parts.database.reading() as session:
        return await dossier_of(session, account, bill, amount, cipher=world.parts.cipher)


async def test_the_fees_of_a_bill_are_told_one_by_one_and_to_whose_account(
    scripted: ScriptedWorld,
) -> None:
    unit = await scripted.agency(name="UBND xã Một", code=f"xa-{new_id('x')[-8:]}")
    bill = await billed(
        scripted,
        [(3000, {}), (0, {}), (2000, {"fee": None})],
        agency_id=unit,
        dossier_number="H1-7",
    )
    other = await billed(scripted, [(700, {})])
    own = (await scripted.account()).collection
    (agency,) = await scripted.rows("SELECT code, name FROM agency WHERE id = :id", id=unit)
    told = BilledDossier(
        number="H1-7",
        agency_code=agency["code"],
        agency_name="UBND xã Một",
        bank_bin=own.bank_bin,
        account_number=own.account_number,
        account_name=own.account_name,
        fees=(BilledFee("p2", "Khoản 2", 3000), BilledFee("", "Khoản 4", 2000)),
        service=BilledService.FEES,
        decision=None,
    )
    assert await dossier(scripted, bill, 5000) == told
    left = await dossier(scripted, bill, 4000)
    assert left == replace(told, fees=(BilledFee("", "Số còn phải nộp", 4000),))
    found = await dossier(scripted, other, 700)
    assert (found.number, found.agency_name) == ("", "UBND phường Bến Mẫu")
    assert found.fees == (BilledFee("p2", "Khoản 2", 700),)


@pytest.mark.parametrize(
    ("kind", "service"),
    [("fine", BilledService.FINE), ("land_tax", BilledService.TAX), (None, BilledService.TAX)],
)
@pytest.mark.parametrize("behalf", [False, True])
async def test_what_one_decision_set_is_told_with_it_and_with_who_has_to_pay(
    scripted: ScriptedWorld, kind: str | None, service: BilledService, behalf: bool
) -> None:
    other = NOTICE | {"chapter": "760", "sub_item": "1402"}
    bill = await billed(scripted, [(3000, {"notice": NOTICE}), (2000, {"notice": other})])
    await with_payer(scripted, bill, PAYER | (BEHALF if behalf else {}))
    if kind is not None:
        await as_debt(scripted, bill, kind)
    told = await dossier(scripted, bill, 5000)
    assert told.service is service
    assert told.decision == BilledDecision(
        number="12/QĐ",
        decided_on=date(2026, 10, 15),
        treasury="KBNN Ba Đình",
        tax_number="0100109106",
        payer_name="Người Nợ" if behalf else "Người Nộp",
        payer_address="2 Hàng Trống" if behalf else "1 Hàng Bài",
    )
    assert told.fees == (
        BilledFee("p2", "Khoản 2", 3000, "757", "1401"),
        BilledFee("p3", "Khoản 3", 2000, "760", "1402"),
    )
    # What is left of lines that are booked in two places is booked in neither.
    (rest,) = (await dossier(scripted, bill, 4000)).fees
    assert rest == BilledFee("", "Số còn phải nộp", 4000)


async def test_who_has_to_pay_is_left_out_where_nobody_has_said(scripted: ScriptedWorld) -> None:
    bill = await billed(scripted, [(3000, {"notice": NOTICE}), (2000, {"notice": NOTICE})])
    found = await dossier(scripted, bill, 4000)
    assert found.decision == BilledDecision("12/QĐ", date(2026, 10, 15), "KBNN Ba Đình")
    assert found.fees == (BilledFee("", "Số còn phải nộp", 4000, "757", "1401"),)


@pytest.mark.parametrize(
    "lines",
    [
        [(3000, {"notice": NOTICE}), (2000, {})],
        [(3000, {"notice": NOTICE}), (2000, {"notice": NOTICE | {"number": "13/QĐ"}})],
        [(3000, {"notice": NOTICE}), (2000, {"notice": NOTICE | {"issued_on": "2026-10-16"}})],
        [(3000, {"notice": NOTICE}), (2000, {"notice": NOTICE | {"treasury": "KBNN Khác"}})],
        [(3000, {}), (2000, {})],
    ],
)
async def test_what_no_single_decision_set_is_told_as_fees(
    scripted: ScriptedWorld, lines: list[tuple[int, dict[str, Any]]]
) -> None:
    bill = await billed(scripted, lines)
    await with_payer(scripted, bill, PAYER)
    await as_debt(scripted, bill, "fine")
    told = await dossier(scripted, bill, 5000)
    assert (told.service, told.decision) == (BilledService.FEES, None)


@pytest.mark.parametrize(
    ("number", "told", "differs"),
    [
        (None, None, []),
        ("H1-7", None, []),
        ("H1-8", None, ["dossier_number"]),
        (None, ToldBilled(service=BilledService.FEES), []),
        (None, ToldBilled(service=BilledService.FINE), ["service"]),
        ("H1-7", ToldBilled(agency_code="khac"), ["agency_code"]),
        ("H1-8", ToldBilled(service=BilledService.FEES), ["dossier_number"]),
        ("H1-8", ToldBilled(bank_bin="1"), ["dossier_number", "bank_bin"]),
    ],
)
async def test_what_is_told_back_otherwise_is_named(
    scripted: ScriptedWorld, number: str | None, told: ToldBilled | None, differs: list[str]
) -> None:
    bill = await billed(scripted, [(5000, {})], dossier_number="H1-7")
    result = GatewayResult("x", Outcome.SUCCEEDED, dossier_number=number, billed=told)
    account = (await scripted.account()).collection
    async with scripted.parts.database.reading() as session:
        found = await differing_from_billed(
            session, result, account, bill, 5000, cipher=scripted.parts.cipher
        )
    assert found == differs


async def test_what_nobody_told_back_is_not_looked_up(scripted: ScriptedWorld) -> None:
    """Of every result it is asked, and most tell nothing back."""
    account = (await scripted.account()).collection
    async with scripted.parts.database.reading() as session:
        told = GatewayResult("x", Outcome.SUCCEEDED)
        cipher = scripted.parts.cipher
        assert await differing_from_billed(session, told, account, "none", 1, cipher=cipher) == []


LOOKED_AT = {
    "conflicting_notice",
    "possible_duplicate",
    "statement_only",
    "dated_ahead",
    "dated_before",
    "gateway_settlement",
    "unsigned_notice",
    "amount_mismatch",
    "held_by_gateway",
}


async def test_attempts_are_counted_as_the_rows_have_them(scripted: ScriptedWorld) -> None:
    drawn, now = random.Random(7), clock.now()
    day = clock.business_date(now)
    bills = [await scripted.bill() for _ in range(4)]
    found_references = await scripted.rows("SELECT id, reference FROM bill ORDER BY id")
    references = {row["id"]: row["reference"] for row in found_references}
    counted = {bill: EarlierAttempts(0, None, 0, 0) for bill in bills}
    account = (await scripted.account()).id
    states = ("created", "submitted", "unknown", "held", "succeeded", "failed", "expired")
    payments: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for n in range(60):
        bill, status = drawn.choice(bills[:3]), drawn.choice(states)
        kind = drawn.choice(["attempt", "attempt", "credit"])
        status = status if kind == "attempt" else "succeeded"
        has_money = status in ("held", "succeeded")
        payment = {
            "id": f"pay_{n:03d}",
            "kind": kind,
            "agency_id": scripted.body.agency_id,
            "bill_id": bill,
            "gateway": "paygov",
            "gateway_account_id": account,
            "collection_account_id": scripted.body.collection_account_id,
            "status": status,
            "amount": 5000,
            "credited": 5000 if has_money else None,
            "settlement_key": f"key-{n}" if has_money else None,
            "accounting_on": day if has_money else None,
            "paid_at": now if has_money else None,
            "order_ref": f"order-{n}" if kind == "attempt" else None,
            "reference": None,
            "created_at": now,
            "asked": 0,
        }
        payments.append(payment)
        if kind == "attempt":
            was = counted[bill]
            is_open = status in ("created", "submitted", "unknown")
            counted[bill] = EarlierAttempts(
                was.attempts + 1,
                f"pay_{n:03d}" if is_open else was.open,
                was.held + (status == "held"),
                was.waiting,
            )
    # Money that no attempt came before: each reason, once as it counts and once in each way
    # in which it does not.
    ways: list[dict[str, Any]] = [
        {},
        {"gateway": "bank"},
        {"closed_at": now},
        {"place": "refundable"},
        {"kind": "attempt"},
    ]
    for reason in Reason:
        for n, way in enumerate(ways):
            bill = drawn.choice(bills[:3])
            kind = way.get("kind", "credit")
            payment = {
                "id": f"paz_{reason}_{n}",
                "kind": kind,
                "agency_id": scripted.body.agency_id,
                "bill_id": None if kind == "credit" else bills[3],
                "gateway": way.get("gateway", "thuho"),
                "gateway_account_id": None,
                "collection_account_id": scripted.body.collection_account_id,
                "status": "succeeded",
                "amount": 5000,
                "credited": 5000,
                "settlement_key": f"key-{reason}-{n}",
                "accounting_on": day,
                "paid_at": now,
                "order_ref": None if kind == "credit" else f"order-{reason}-{n}",
                "reference": references[bill],
                "created_at": now,
                "asked": 0,
            }
            amount = drawn.randrange(1, 999)
            item = {
                "id": f"susp_{reason}_{n}",
                "payment_id": payment["id"],
                "bill_id": drawn.choice([None, *bills]),
                "place": way.get("place", "suspense"),
                "amount": amount,
                "reason": reason.value,
                "created_at": now,
                "closed_at": way.get("closed_at"),
            }
            payments.append(payment)
            items.append(item)
            if kind == "attempt":
                was = counted[bills[3]]
                counted[bills[3]] = replace(was, attempts=was.attempts + 1)
            if not way and reason.value in LOOKED_AT:
                counted[bill] = replace(counted[bill], held=counted[bill].held + 1)
            waits = item["place"] == "suspense" and item["closed_at"] is None
            for_bill = item["bill_id"]
            if waits and reason is Reason.SHORT and for_bill is not None:
                was = counted[for_bill]
                counted[for_bill] = replace(was, waiting=was.waiting + amount)
    async with scripted.parts.database.transaction() as session:
        await session.execute(insert_rows(Payment), payments)
        await session.execute(insert_rows(SuspenseItem), items)
    async with scripted.parts.database.reading() as session:
        found = {bill: await count_attempts(session, bill) for bill in bills}
    assert found == counted
    assert all(one.held for one in list(found.values())[:3]), "the world is too small"


async def test_a_payment_is_read_whole_by_whoever_may_see_it(scripted: ScriptedWorld) -> None:
    now = clock.now()
    other = await scripted.attempt(await scripted.bill())
    payment = await scripted.attempt(
        await scripted.bill(),
        gateway_says="pending",
        asked_at=now,
        gateway_code="00",
        private=True,
        created_at=now - timedelta(hours=1),
    )
    async with scripted.parts.database.reading() as session:
        found = await get_payment(session, payment, {scripted.body.agency_id})
        row = await scripted.payment(payment)
        names = [name for name in PaymentValue.__slots__ if name not in ("share", "elsewhere")]
        assert {name: getattr(found, name) for name in names} == {name: row[name] for name in names}
        assert (found.share, found.elsewhere) == (None, 0)
        for wanted, reach in (
            (payment, {"agency_other"}),
            (payment, set[str]()),
            ("pay_none", {scripted.body.agency_id}),
        ):
            with pytest.raises(NotFound):
                await get_payment(session, wanted, reach)
    assert other != payment


async def test_what_several_bills_have_of_one_payment_is_told_by_bill(
    scripted: ScriptedWorld,
) -> None:
    bills = [await scripted.bill() for _ in range(6)]
    payment, other = await scripted.credit(), await scripted.credit()
    owned = await scripted.credit(bill_id=bills[0])
    async with scripted.parts.database.transaction() as session:
        before = ""
        for bill, amount, of in (
            (bills[0], 1000, payment),
            (bills[1], 2000, payment),
            (bills[1], 300, other),
            (bills[2], 400, other),
            (bills[5], 700, payment),
            (bills[5], -700, payment),
        ):
            row = {
                "id": new_id("alloc"),
                "payment_id": of,
                "bill_id": bill,
                "amount": amount,
                "created_at": clock.now(),
            }
            if amount < 0:
                row["reverses"] = before
            before = str(row["id"])
            await insert(session, "allocation", row)
    await scripted.waiting(payment, bill_id=bills[3], amount=500)
    await scripted.waiting(payment, bill_id=bills[4], amount=600, reason="held_by_gateway")
    await scripted.waiting(payment, amount=100)
    await scripted.waiting(other, bill_id=bills[2], amount=900)
    shares = {bills[0]: 1000, bills[1]: 2000, bills[3]: 500, bills[4]: 0, bills[5]: 0}
    reach = {scripted.body.agency_id}
    async with scripted.parts.database.reading() as session:
        assert await list_shares(session, await get_payment(session, payment, reach)) == shares
        assert await list_shares(session, await get_payment(session, owned, reach)) == {}
