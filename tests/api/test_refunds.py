"""Money that goes back: two people, one debit, never more than came, and what each step posts."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments.refunds import commands, placing
from tests.api.test_approvals import bank_ref, last_item
from tests.support.callbacks import credit
from tests.support.markup import words_of
from tests.support.neighbour import neighbour_of
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


async def paid(system: System, more: int = 0) -> dict[str, Any]:
    """A bill's payment by transfer, of `more` đồng than was due, as the API shows it."""
    bill = await system.create_bill()
    await credit(system, bill["amount"] + more, bill["reference"], bank_ref=bank_ref())
    await system.work()
    return await payment_of(system, bill)


async def payment_of(system: System, bill: dict[str, Any]) -> dict[str, Any]:
    answer = await system.client.get(f"/api/v1/bills/{bill['id']}")
    payment: dict[str, Any] = answer.json()["payments"][-1]
    return payment


async def ask(
    office: FinanceOffice, payment: dict[str, Any], amount: int, **more: Any
) -> httpx2.Response:
    body = {"amount": amount, "reason": "nộp hai lần"} | more
    return await office.post(f"/payments/{payment['id']}/refunds", body)


async def asked(
    office: FinanceOffice, payment: dict[str, Any], amount: int, **more: Any
) -> dict[str, Any]:
    answer = await ask(office, payment, amount, **more)
    assert answer.status_code == 202, answer.text
    refund: dict[str, Any] = answer.json()
    return refund


async def approved(office: FinanceOffice, refund: dict[str, Any]) -> dict[str, Any]:
    await office.approve({"id": refund["approval"]})
    return await read(office, refund)


async def read(office: FinanceOffice, refund: dict[str, Any]) -> dict[str, Any]:
    answer = await office.system.browser.get(
        f"/api/v1/refunds/{refund['id']}", headers=office.clerk
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@alone
async def test_an_excess_goes_back_and_its_debit_closes_it(system: System) -> None:
    office = await finance_office(system)
    async with looking(system) as seen:
        payment = await paid(system, more=3000)
        refund = await asked(office, payment, 3000)
        assert (refund["status"], refund["transfer"]) == ("requested", None)
        refund = await approved(office, refund)
        assert (refund["status"], refund["from_revenue"]) == ("approved", 0)
        assert refund["transfer"]["memo"] == refund["reference"]
    assert seen[0].waiting == [("paying_back", "refund_wanted", 3000)]
    assert seen[0].ledger == {"receivable": 8000, "revenue": -5000, "paying_back": -3000}
    sent = await office.post(f"/refunds/{refund['id']}/sent", {"bank_ref": "FT26333111"})
    assert (sent.status_code, sent.json()["status"]) == (200, "unknown")
    async with looking(system) as seen:
        await take_statement(system, f"3000|debit|HOAN TRA {refund['reference']}|{bank_ref()}")
        await reconcile(system)
        refund = await read(office, refund)
    assert refund["status"] == "succeeded"
    assert refund["line"].startswith("line_")
    assert seen[0].waiting == [("paid_back", "refund_wanted", 3000)]
    assert seen[0].ledger == {"paying_back": 3000, "paid_back": -3000}
    bill = {"id": payment["bill"]}
    shown = await payment_of(system, bill)
    assert (shown["allocated"], shown["paying_back"], shown["paid_back"]) == (5000, 0, 3000)
    await system.work()
    answer = await system.client.get(f"/api/v1/bills/{payment['bill']}")
    assert answer.json()["receipts"][0]["status"] == "issued"


@alone
async def test_what_paid_a_bill_goes_back_in_parts_and_its_receipt_says_so(
    system: System,
) -> None:
    office = await finance_office(system)
    payment = await paid(system)
    bill: dict[str, Any] = {}
    for part, status in ((2000, "notified"), (3000, "refunded")):
        refund = await approved(office, await asked(office, payment, part))
        assert refund["from_revenue"] == part
        await take_statement(system, f"{part}|debit|hoan tra {refund['reference']}|{bank_ref()}")
        await reconcile(system)
        await system.work()
        answer = await system.client.get(f"/api/v1/bills/{payment['bill']}")
        bill = answer.json()
        assert (bill["status"], bill["receipts"][0]["status"]) == ("paid", status)
        assert await system.broken() == []
        check = words_of((await system.browser.get(bill["receipts"][0]["check_url"])).text)
        assert ("Một phần tiền của biên lai này đã được hoàn trả" in check) is (part == 2000)
        assert "số tiền không đổi" not in check
        page = words_of((await system.browser.get(bill["pay_url"])).text)
        assert f"{bill['payments'][0]['paid_back']:,} đ đã được hoàn trả".replace(",", ".") in page
        assert "sẽ được hoàn trả" not in page
    assert bill["payments"][0]["allocated"] == 0
    assert bill["payments"][0]["paid_back"] == 5000
    problem(await ask(office, payment, 1), 409, "not_refundable", "amount")


async def test_money_in_suspense_goes_back_and_the_rest_waits_on(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    async with looking(system) as seen:
        await credit(system, 5000, "chuyen tien", bank_ref=bank_ref())
        async with system.parts.database.transaction() as session:
            payment = await session.scalar(text("SELECT max(id) FROM payment"))
        refund = await approved(office, await asked(office, {"id": payment}, 4000))
    assert refund["bill"] is None
    assert seen[0].waiting == [
        ("suspense", "no_reference", 1000),
        ("paying_back", "refund_wanted", 4000),
    ]


async def test_fifty_at_once_never_ask_for_more_than_came(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    payment = await paid(system)
    answers = await asyncio.gather(*(ask(office, payment, 1000) for _ in range(50)))
    took = [answer for answer in answers if answer.status_code == 202]
    assert len(took) == 5
    assert {answer.status_code for answer in answers} <= {202, 409, 503}
    done = await asyncio.gather(
        *(
            office.post(f"/approvals/{answer.json()['approval']}/approve", by=office.chief)
            for answer in took
        )
    )
    assert {answer.status_code for answer in done} == {200}
    shown = await payment_of(system, {"id": payment["bill"]})
    assert (shown["allocated"], shown["paying_back"]) == (0, 5000)
    assert await system.broken() == []


async def test_the_database_has_the_last_word(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that forgot to look how much is left."""
    system = shared_system
    office = await finance_office(system)
    payment = await paid(system)
    monkeypatch.setattr(commands, "_check_amount", lambda money, amount: None)
    refund = await asked(office, payment, 5000)
    with pytest.raises(DBAPIError, match="refunds of payment"):
        async with system.parts.database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO refund (id, payment_id, agency_id, collection_account_id, amount,"
                    " reason, status, reference, requested_by, requested_at, bill_id,"
                    " from_revenue, way, asked) SELECT 'refund_planted', payment_id, agency_id,"
                    " collection_account_id, 1, reason, status, :ref, requested_by, requested_at,"
                    " bill_id, 0, way, asked FROM refund WHERE payment_id = :payment"
                ),
                {"payment": payment["id"], "ref": await _new_reference(system)},
            )
    with pytest.raises(DBAPIError, match="does not change"):
        async with system.parts.database.transaction() as session:
            await session.execute(
                text("UPDATE refund SET amount = 4999 WHERE id = :id"), {"id": refund["id"]}
            )


async def _new_reference(system: System) -> str:
    return str((await system.create_bill())["reference"])


async def test_one_person_alone_gives_nothing_back(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    payment = await paid(system)
    answer = await office.post(
        f"/payments/{payment['id']}/refunds",
        {"amount": 5000, "reason": "nộp nhầm"},
        by=office.chief,
    )
    approval = answer.json()["approval"]
    problem(
        await office.post(f"/approvals/{approval}/approve", by=office.chief), 409, "same_person"
    )
    rejected = await office.post(
        f"/approvals/{approval}/reject", {"reason": "không đúng"}, by=office.chief
    )
    assert rejected.status_code == 200
    refund = await read(office, answer.json())
    assert refund["status"] == "rejected"
    async with system.parts.database.transaction() as session:
        told = await session.execute(
            text(
                "SELECT action, actor FROM audit_entry WHERE object_id IN (:refund, :approval)"
                " AND action LIKE '%.rejected'"
            ),
            {"refund": refund["id"], "approval": approval},
        )
        actors: dict[str, str] = {row.action: row.actor for row in told}
    # Whoever rejected it did both, and not whoever had asked.
    assert actors["refund.rejected"] == actors["approval.rejected"]
    # What was rejected is free again.
    await asked(office, payment, 5000)


async def test_a_refund_that_was_never_paid_puts_its_money_back(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    async with looking(system) as seen:
        payment = await paid(system, more=1000)
        refund = await approved(office, await asked(office, payment, 3000))
        assert refund["from_revenue"] == 2000
        await office.post(f"/refunds/{refund['id']}/sent", {})
        failure = await office.post(
            f"/refunds/{refund['id']}/failure", {"reason": "ngân hàng từ chối lệnh"}
        )
        assert failure.status_code == 202, failure.text
        await office.approve(failure.json())
        assert (await read(office, refund))["status"] == "failed"
    assert seen[0].waiting == [("refundable", "refund_wanted", 1000)]
    assert seen[0].ledger == {"receivable": 6000, "revenue": -5000, "refundable": -1000}
    problem(await office.post(f"/refunds/{refund['id']}/sent", {}), 409, "refund_decided")


async def test_nothing_goes_back_while_nobody_knows_what_came(shared_system: System) -> None:
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    ref = bank_ref()
    for _ in range(2):
        await credit(system, bill["amount"], bill["reference"], bank_ref=ref)
    first = (await payment_of(system, bill))["id"]
    item = await last_item(system)
    problem(await ask(office, {"id": first}, 5000), 409, "money_in_doubt")
    await office.approve(await office.propose(item, "same_money"))
    async with system.parts.database.transaction() as session:
        settled = await session.scalar(
            text("SELECT payment_id FROM allocation WHERE bill_id = :bill"), {"bill": bill["id"]}
        )
    await asked(office, {"id": settled}, 5000)


@alone
async def test_a_debit_of_another_amount_or_reference_closes_nothing(system: System) -> None:
    office = await finance_office(system)
    refunds = []
    for _ in range(2):
        payment = await paid(system)
        refunds.append(await approved(office, await asked(office, payment, 5000)))
    # Both are told to have been sent under one reference of the bank: it proves neither.
    for refund in refunds:
        await office.post(f"/refunds/{refund['id']}/sent", {"bank_ref": "FT2633399911"})
    await take_statement(
        system,
        f"4999|debit|hoan tra {refunds[0]['reference']}|{bank_ref()}",
        "5000|debit|hoan tra|FT2633399911",
        f"5000|debit|quet so du|{bank_ref()}",
    )
    await reconcile(system)
    assert [(await read(office, one))["status"] for one in refunds] == ["unknown"] * 2
    await take_statement(system, f"5000|debit|tra {refunds[1]['reference']}|{bank_ref()}")
    await reconcile(system)
    # Of the two that bear the bank's reference one is left, and the debit is its own.
    assert [(await read(office, one))["status"] for one in refunds] == ["succeeded"] * 2
    assert await system.broken() == []


@alone
async def test_money_that_left_under_a_refunds_name_is_told_once(system: System) -> None:
    office = await finance_office(system)
    refund = await approved(office, await asked(office, await paid(system), 5000))
    await take_statement(
        system,
        f"5000|debit|tra {refund['reference']}|{bank_ref()}",
        f"5000|debit|tra {refund['reference']}|{bank_ref()}",
        f"4000|debit|tra {refund['reference']}|{bank_ref()}",
    )
    for _ in range(2):
        await reconcile(system)
    assert (await read(office, refund))["status"] == "succeeded"
    async with system.parts.database.transaction() as session:
        told = await session.execute(
            text(
                "SELECT CAST(details ->> 'amount' AS int) FROM audit_entry"
                " WHERE action = 'refund.unexpected_debit' AND object_id = :id ORDER BY 1"
            ),
            {"id": refund["id"]},
        )
        assert [row[0] for row in told] == [4000, 5000]
    assert await system.broken() == []


@alone
async def test_a_withdrawn_statement_proves_no_refund(system: System) -> None:
    office = await finance_office(system)
    payment = await paid(system, more=2000)
    refund = await approved(office, await asked(office, payment, 2000))
    taken = await take_statement(system, f"2000|debit|tra {refund['reference']}|{bank_ref()}")
    await reconcile(system)
    assert (await read(office, refund))["status"] == "succeeded"
    asked_for = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "nhầm tệp"})
    done = await office.approve(asked_for.json())
    assert done["outcome"]["refunds"] == [refund["id"]]
    assert (await read(office, refund))["status"] == "unknown"
    assert await system.broken() == []


@alone
async def test_a_receipt_stands_again_when_the_proof_of_its_refund_is_withdrawn(
    system: System,
) -> None:
    office = await finance_office(system)
    payment = await paid(system)
    refund = await approved(office, await asked(office, payment, 2000))

    async def status_of_receipt() -> str:
        await system.work()
        answer = await system.client.get(f"/api/v1/bills/{payment['bill']}")
        status: str = answer.json()["receipts"][0]["status"]
        return status

    taken = await take_statement(system, f"2000|debit|tra {refund['reference']}|{bank_ref()}")
    await reconcile(system)
    assert await status_of_receipt() == "notified"
    asked_for = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "nhầm tệp"})
    await office.approve(asked_for.json())
    assert await status_of_receipt() == "issued"


async def test_the_bank_reference_of_a_transfer_can_be_told_later_and_corrected(
    shared_system: System,
) -> None:
    system = shared_system
    office = await finance_office(system)
    refund = await approved(office, await asked(office, await paid(system), 2000))
    for told, stands in ((None, None), ("FT111222333", "FT111222333"), (None, "FT111222333")):
        body = {} if told is None else {"bank_ref": told}
        answer = await office.post(f"/refunds/{refund['id']}/sent", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["bank_ref"] == stands
    corrected = await office.post(f"/refunds/{refund['id']}/sent", {"bank_ref": "FT111222334"})
    assert corrected.json()["bank_ref"] == "FT111222334"
    async with system.parts.database.transaction() as session:
        kept = await session.execute(
            text(
                "SELECT details ->> 'after' FROM audit_entry WHERE object_id = :id"
                " AND action = 'refund.bank_ref_corrected' ORDER BY id"
            ),
            {"id": refund["id"]},
        )
        told_of = list(kept.scalars())
    assert told_of == ["FT111222333", "FT111222334"]


@alone
async def test_money_that_settled_and_went_back_is_not_reversed(system: System) -> None:
    """Withdrawing the statement that alone told of it would count it twice."""
    office, bill = await finance_office(system), await system.create_bill()
    taken = await take_statement(system, f"5000|credit|{bill['reference']}|{bank_ref()}")
    await reconcile(system)
    await release(system, taken)
    payment = await payment_of(system, bill)
    await approved(office, await asked(office, payment, 1000))
    asked_for = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "nhầm tệp"})
    done = await office.approve(asked_for.json())
    assert (done["outcome"]["reversed"], done["outcome"]["settled"]) == (0, 5000)
    assert await system.broken() == []


@alone
async def test_a_transfer_that_comes_back_waits_under_its_own_name(system: System) -> None:
    office = await finance_office(system)
    refund = await approved(office, await asked(office, await paid(system), 5000))
    await credit(system, 5000, f"HOAN TRA LAI {refund['reference']}", bank_ref=bank_ref())
    waiting = await office.suspense(reason="refund_returned")
    assert [item["amount"] for item in waiting] == [5000]


async def test_the_payee_is_told_to_staff_and_kept_encrypted(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    payee = {"bank_bin": "970415", "account_number": "113366668888", "holder": "NGUYEN VAN A"}
    refund = await asked(office, await paid(system), 5000, payee=payee)
    transfer = (await approved(office, refund))["transfer"]
    assert {name: transfer[name] for name in payee} == payee
    assert refund["reference"] in transfer["qr"]
    async with system.parts.database.transaction() as session:
        kept = await session.scalar(
            text("SELECT payee FROM refund WHERE id = :id"), {"id": refund["id"]}
        )
    assert b"NGUYEN" not in kept
    problem(
        await ask(office, {"id": "pay_none"}, 1000, payee=payee | {"bank_bin": "97"}),
        422,
        field="payee.bank_bin",
    )


async def test_another_body_neither_sees_nor_asks(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    payment = await paid(system)
    refund = await asked(office, payment, 5000)
    async with neighbour_of(system) as neighbour:
        person = await key_of_person(system, "finance", agency_id=neighbour.agency_id)
    answer = await system.browser.get(f"/api/v1/refunds/{refund['id']}", headers=person)
    problem(answer, 404)
    answer = await office.post(
        f"/payments/{payment['id']}/refunds", {"amount": 1, "reason": "x"}, by=person
    )
    problem(answer, 404)
    answer = await office.post(f"/refunds/{refund['id']}/sent", {}, by=person)
    problem(answer, 404)


async def test_lost_revenue_is_seen(shared_system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the invariants: money set aside twice."""
    system = shared_system
    office = await finance_office(system)
    payment = await paid(system)
    first = placing.set_aside

    async def twice(*args: Any) -> Any:
        taken = await first(*args)
        session, _, refund, _ = args
        await session.write(
            text("UPDATE refund SET from_revenue = 0 WHERE id = :id"), {"id": refund.id}
        )
        return taken

    monkeypatch.setattr("payments.refunds.deciding.set_aside", twice)
    refund = await asked(office, payment, 5000)
    await office.approve({"id": refund["approval"]})
    broken = await system.broken()
    assert any("money credited is in its places" in line for line in broken)
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE refund SET from_revenue = 5000 WHERE id = :id"), {"id": refund["id"]}
        )
    assert await system.broken() == []


@alone
async def test_what_the_bank_took_back_is_not_paid_back_as_well(system: System) -> None:
    office, ref = await finance_office(system), bank_ref()
    bill = await system.create_bill()
    await credit(system, bill["amount"], bill["reference"], bank_ref=ref)
    payment = await payment_of(system, bill)
    early = await asked(office, payment, 1000)
    await take_statement(
        system,
        f"5000|credit|{bill['reference']}|{ref}",
        f"5000|debit|HOAN TRA {bill['reference']}|{ref}",
    )
    await reconcile(system)
    problem(await ask(office, payment, 1000), 409, "not_refundable")
    # Nor is what was asked for before anybody knew.
    refused = await office.post(f"/approvals/{early['approval']}/approve", by=office.chief)
    problem(refused, 409)
    assert (await read(office, early))["status"] == "requested"
