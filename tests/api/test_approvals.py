"""What two people decide of money in suspense: what each word does, and who may say it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.ids import new_id
from core.sessions import WriteSession
from payments.books import approvals, resolutions
from payments.books.approvals import ApprovalKind, ApprovalValue
from tests.integration.test_identity_of_money import tell
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.locks import until_someone_waits
from tests.support.neighbour import neighbour_of
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


def bank_ref() -> str:
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


async def a_duplicate(system: System, bill: dict[str, Any]) -> str:
    """A bill's money told of under two numbers of one feed; the item in doubt."""
    ref = bank_ref()
    for _ in range(2):
        await credit(system, bill["amount"], bill["reference"], bank_ref=ref)
    return await last_item(system)


async def stray_money(system: System, amount: int = 5000) -> str:
    """Money that names nothing; its item."""
    await credit(system, amount, "chuyen tien", bank_ref=bank_ref())
    return await last_item(system)


async def last_item(system: System) -> str:
    async with system.parts.database.transaction() as session:
        return str(await session.scalar(text("SELECT max(id) FROM suspense_item")))


@alone
async def test_the_same_money_is_reversed_and_looked_for_on_no_statement(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    async with looking(system) as seen:
        item = await a_duplicate(system, bill)
        asked = await office.propose(item, "same_money")
        assert (asked["status"], asked["figures"]["amount"]) == ("proposed", 5000)
        done = await office.approve(asked)
    assert (done["status"], done["outcome"]) == ("approved", {"reversed": 5000})
    assert seen[0].payments == [(5000, True)] * 2
    assert seen[0].waiting == [("reversed", "same_money", 5000)]
    assert seen[0].ledger == {"receivable": 10_000, "revenue": -5000, "reversed": -5000}
    assert await office.suspense() == []
    line = f"5000|credit|{bill['reference']}|{bank_ref()}"
    await take_statement(system, line)
    summary = (await reconcile(system))["summary"]
    assert (summary["matched"]["count"], summary["missing_in_ledger"]["count"]) == (1, 0)


async def test_other_money_goes_where_it_was_sent(shared_system: System) -> None:
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    async with looking(system) as seen:
        item = await a_duplicate(system, bill)
        done = await office.approve(await office.propose(item, "other_money"))
    assert done["outcome"]["refundable"] == 5000
    assert seen[0].waiting == [("refundable", "bill_already_paid", 5000)]


async def test_other_money_on_a_poster_opens_and_settles_a_bill(shared_system: System) -> None:
    system, ref = shared_system, bank_ref()
    office = await finance_office(system)
    poster = (await system.browser.get(f"/p/{system.body.agency_code}/2.000884")).text
    reference = poster.partition("LP")[1] + poster.partition("LP")[2][:12]
    async with looking(system) as seen:
        for _ in range(2):
            await credit(system, 10_000, reference, bank_ref=ref)
        done = await office.approve(await office.propose(await last_item(system), "other_money"))
    assert done["outcome"]["allocated"] == 10_000
    assert done["outcome"]["bill"].startswith("LP")
    assert (seen[0].allocated, seen[0].waiting) == ([10_000, 10_000], [])
    await system.work()
    assert await system.broken() == []


async def test_stray_money_is_assigned_to_a_bill_and_gives_its_receipt(
    shared_system: System,
) -> None:
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    async with looking(system) as seen:
        item = await stray_money(system, 7000)
        asked = await office.propose(item, "assign", bill["reference"])
        assert asked["figures"]["bill"] == {
            "reference": bill["reference"],
            "status": "open",
            "amount": 5000,
            "waiting": 0,
        }
        done = await office.approve(asked)
    assert done["outcome"] == {
        "allocated": 5000,
        "suspense": 0,
        "refundable": 2000,
        "bill": bill["reference"],
    }
    assert seen[0].waiting == [("refundable", "excess", 2000)]
    await system.work()
    paid = await system.read(bill)
    assert paid["status"] == "paid"
    assert len(paid["receipts"]) == 1
    assert await system.broken() == []


async def test_short_money_of_two_payers_is_put_together(shared_system: System) -> None:
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 2000, bill["reference"], bank_ref=bank_ref())
    async with looking(system) as seen:
        item = await stray_money(system, 3000)
        await office.approve(await office.propose(item, "assign", bill["reference"]))
    assert seen[0].waiting == []
    assert (await system.read(bill))["status"] == "paid"


async def test_what_is_to_be_given_back_and_what_is_kept(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    async with looking(system) as seen:
        given_back, kept = await stray_money(system), await stray_money(system, 6000)
        await office.approve(await office.propose(given_back, "refund"))
        await office.approve(await office.propose(kept, "keep"))
    assert seen[0].waiting == [
        ("suspense", "no_reference", 6000),
        ("refundable", "refund_wanted", 5000),
    ]
    # What stays can be asked about again.
    await office.approve(await office.propose(kept, "refund"))


async def test_nobody_decides_alone(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    item = await stray_money(system)
    mine = await office.post(
        f"/suspense/{item}/resolutions", {"kind": "refund", "reason": "xin"}, by=office.chief
    )
    approval = mine.json()["id"]
    own = await office.post(f"/approvals/{approval}/approve", by=office.chief)
    problem(own, 409, "same_person")
    for role in ("finance", "admin", "clerk", "auditor", "collector"):
        key = await key_of_person(system, role)
        answer = await office.post(f"/approvals/{approval}/approve", by=key)
        assert answer.status_code == 403, role
    with pytest.raises(IntegrityError, match="two_people"):
        async with system.parts.database.transaction() as session:
            await session.execute(
                text(
                    "UPDATE approval SET status = 'approved', decided_by = proposed_by,"
                    " decided_at = now() WHERE id = :id"
                ),
                {"id": approval},
            )
    async with neighbour_of(system) as other:
        stranger = await key_of_person(system, "chief", agency_id=other.agency_id)
        for path in (f"/approvals/{approval}/approve", f"/suspense/{item}/resolutions"):
            body = {"kind": "refund", "reason": "xin"} if "suspense" in path else None
            assert (await office.post(path, body, by=stranger)).status_code == 404
        listed = await system.browser.get("/api/v1/approvals", headers=stranger)
        assert listed.json()["items"] == []
    back = await office.post(f"/approvals/{approval}/reject", {"reason": "nhầm"}, by=office.chief)
    assert (back.json()["status"], back.json()["decision"]) == ("rejected", "nhầm")
    again = await office.post(f"/approvals/{approval}/approve", by=office.chief)
    problem(again, 409, "already_decided")


async def test_a_finance_clerk_rejects_nothing_of_others(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    approval = await office.propose(await stray_money(system), "refund")
    other = await key_of_person(system, "finance")
    path, why = f"/approvals/{approval['id']}/reject", {"reason": "không"}
    assert (await office.post(path, why, by=other)).status_code == 403
    assert (await office.post(path, why, by=office.chief)).status_code == 200


async def test_one_thing_is_asked_about_an_item_at_a_time(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    item = await stray_money(system)
    first = await office.propose(item, "refund")
    second = await office.post(f"/suspense/{item}/resolutions", {"kind": "keep", "reason": "giữ"})
    problem(second, 409, "already_proposed")
    listed = await system.browser.get(
        "/api/v1/approvals", params={"status": "proposed"}, headers=office.clerk
    )
    assert first["id"] in [one["id"] for one in listed.json()["items"]]
    await office.approve(first)
    third = await office.post(f"/suspense/{item}/resolutions", {"kind": "keep", "reason": "giữ"})
    problem(third, 409, "not_waiting")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "assign", "reason": "x"}, ""),
        ({"kind": "keep", "bill": "LPABC", "reason": "x"}, ""),
        ({"kind": "spend", "reason": "x"}, "kind"),
        ({"kind": "keep", "reason": "  "}, "reason"),
        ({"kind": "assign", "bill": "LPKHONGCOMA99", "reason": "x"}, "bill"),
    ],
)
async def test_what_cannot_be_asked_says_why(
    shared_system: System, body: dict[str, str], field: str
) -> None:
    office = await finance_office(shared_system)
    item = await stray_money(shared_system)
    answer = await office.post(f"/suspense/{item}/resolutions", body)
    assert field in problem(answer, 422)["errors"][0]["field"]
    assert (await shared_system.browser.get("/api/v1/approvals", headers=office.clerk)).is_success


@pytest.mark.parametrize(
    ("kind", "code"), [("same_money", "not_waiting"), ("other_money", "not_waiting")]
)
async def test_money_that_is_in_no_doubt_is_neither_the_same_nor_other(
    shared_system: System, kind: str, code: str
) -> None:
    office = await finance_office(shared_system)
    item = await stray_money(shared_system)
    answer = await office.post(f"/suspense/{item}/resolutions", {"kind": kind, "reason": "xem"})
    problem(answer, 409, code)


async def test_figures_that_have_changed_are_not_approved(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    item = await stray_money(system)
    asked = await office.propose(item, "assign", bill["reference"])
    await credit(system, 2000, bill["reference"], bank_ref=bank_ref())
    answer = await office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    problem(answer, 409, "stale")
    await credit(system, 3000, bill["reference"], bank_ref=bank_ref())
    answer = await office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    problem(answer, 409, "stale")
    assert item in [one["id"] for one in await office.suspense()]


async def test_without_the_second_look_changed_figures_would_be_approved(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""

    async def believe(*_: Any) -> None:
        return None

    system, office = shared_system, await finance_office(shared_system)
    bill = await system.create_bill()
    asked = await office.propose(await stray_money(system), "assign", bill["reference"])
    await credit(system, 2000, bill["reference"], bank_ref=bank_ref())
    monkeypatch.setattr(approvals, "_look_again", believe)
    answer = await office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    assert answer.status_code == 200


async def two_chiefs(office: FinanceOffice, asked: Mapping[str, Any]) -> list[int]:
    other = await key_of_person(office.system, "chief")
    path = f"/approvals/{asked['id']}/approve"
    answers = await asyncio.gather(
        *(office.post(path, by=by) for by in (office.chief, other, office.chief, other))
    )
    return sorted(answer.status_code for answer in answers)


async def test_of_several_who_approve_at_once_one_does_it(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    asked = await office.propose(await stray_money(system), "refund")
    async with looking(system) as seen:
        assert await two_chiefs(office, asked) == [200, 409, 409, 409]
    assert seen[0].ledger == {"suspense": 5000, "refundable": -5000}


@alone
async def test_a_kind_that_fails_leaves_nothing_half_done(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await finance_office(system)
    asked = await office.propose(await stray_money(system), "refund")
    kinds = dict(system.app.state.approval_kinds)
    real: ApprovalKind = kinds["refund"]

    async def then_fails(session: WriteSession, of: ApprovalValue, by: str) -> Mapping[str, Any]:
        await real.carry_out(session, of, by)
        raise RuntimeError("the power went out")

    kinds["refund"] = ApprovalKind(real.look, then_fails)
    monkeypatch.setattr(system.app.state, "approval_kinds", kinds)
    async with looking(system) as seen:
        answer = await office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
        assert answer.status_code == 500
    assert (seen[0].waiting, seen[0].ledger) == ([], {})
    read = await system.browser.get(f"/api/v1/approvals/{asked['id']}", headers=office.clerk)
    assert read.json()["status"] == "proposed"


@alone
async def test_suspense_is_read_page_by_page_and_by_reason(system: System) -> None:
    office = await finance_office(system)
    items = [await stray_money(system, 1000 + n) for n in range(3)]
    await credit(system, 900, (await system.create_bill())["reference"], bank_ref=bank_ref())
    found, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        answer = await system.browser.get("/api/v1/suspense", params=query, headers=office.clerk)
        found += [one["id"] for one in answer.json()["items"]]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
    assert found[:3] == items
    assert len(found) == 4
    assert [one["amount"] for one in await office.suspense(reason="short")] == [900]
    assert len(await office.suspense(agency=system.body.agency_code)) == 4
    other = await system.browser.get(
        "/api/v1/suspense", params={"agency": "khong-co"}, headers=office.clerk
    )
    assert other.status_code == 404


@alone
async def test_money_told_of_by_another_source_after_all_is_not_dropped(system: System) -> None:
    """Two people took a second notice for the same money; then another feed tells of two."""
    office, bill = await finance_office(system), await system.create_bill()
    ref = bank_ref()
    for _ in range(2):
        await credit(system, 5000, bill["reference"], bank_ref=ref)
    await office.approve(await office.propose(await last_item(system), "same_money"))
    async with looking(system) as seen:
        for number in ("x1", "x2"):
            await tell(system, "another-feed", number, bank_ref=ref, narrative=bill["reference"])
    assert seen[0].waiting == [("suspense", "possible_duplicate", 5000)]


@alone
async def test_a_held_attempt_is_held_no_longer_when_people_have_decided(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    order = order_of(system, await system.start(bill))
    assert (await call(system, result_of(system, order, amount=4000))).status_code == 200
    (payment,) = (await system.read(bill))["payments"]
    assert payment["status"] == "held"
    await office.approve(await office.propose(await last_item(system), "refund"))
    read = await system.read(bill)
    assert (read["payments"][0]["status"], read["payments"][0]["refundable"]) == ("succeeded", 4000)
    again = await system.start(bill)
    assert (again["status"], again["amount"]) == ("submitted", 5000), "the 4,000 count for nothing"
    assert await system.broken() == []


@alone
async def test_nobody_assigns_money_to_a_bill_of_a_body_that_they_may_not_see(
    system: System,
) -> None:
    async with neighbour_of(system, unit=True) as one, neighbour_of(system, unit=True) as other:
        bill = await system.create_bill(agency=other.code)
        own = await system.create_bill(agency=one.code)
        for _ in range(2):
            await credit(system, 5000, own["reference"], bank_ref=bank_ref())
        item = await last_item(system)
        clerk = await key_of_person(system, "finance", agency_id=one.agency_id)
        office = FinanceOffice(system, clerk, clerk)
        body = {"kind": "assign", "bill": bill["reference"], "reason": "x"}
        problem(await office.post(f"/suspense/{item}/resolutions", body), 404)


@pytest.mark.parametrize("careful", [True, False], ids=["bill first", "money first"])
async def test_an_approval_locks_the_bill_before_the_money_wherever_the_bill_is_known_from(
    shared_system: System, monkeypatch: pytest.MonkeyPatch, *, careful: bool
) -> None:
    """Two approvals that take them in two orders wait for each other, and one of them fails.

    Without the look at what the reference names, which is the control, the money is taken first.
    """
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    item = await a_duplicate(system, bill)
    database = system.parts.database
    async with database.transaction() as session:
        # As money is that was told of before its bill was there.
        forget = "UPDATE {} SET bill_id = NULL WHERE {} = :item"
        payment = await session.scalar(
            text("SELECT payment_id FROM suspense_item WHERE id = :item"), {"item": item}
        )
        await session.execute(text(forget.format("suspense_item", "id")), {"item": item})
        await session.execute(text(forget.format("payment", "id")), {"item": payment})
    asked = await office.propose(item, "other_money")
    if not careful:

        async def only_its_own(_: object, bill_id: str | None, *__: object) -> tuple[str, ...]:
            return () if bill_id is None else (bill_id,)

        monkeypatch.setattr(resolutions, "find_bills_of", only_its_own)
    approve = office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    async with database.transaction() as session:
        lock_of_bill = text("SELECT 1 FROM bill WHERE id = :id FOR UPDATE")
        await session.execute(lock_of_bill, {"id": bill["id"]})
        approving = asyncio.create_task(approve)
        await until_someone_waits(database)
        nested = await session.begin_nested()
        try:
            at_once = text("SELECT 1 FROM suspense_item WHERE id = :id FOR UPDATE NOWAIT")
            await session.execute(at_once, {"id": item})
            is_free = True
        except DBAPIError:
            is_free = False
        await nested.rollback()
    assert is_free is careful
    assert (await approving).status_code == 200
