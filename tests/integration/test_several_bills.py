"""One transfer that names several bills: what settles by itself, what people split, and its shares.

Each bill is 5,000 đ unless told otherwise; of two, the first is the older.
"""

import asyncio
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from core.references import new_reference
from payments.books import destination
from payments.books.identity import STATEMENT
from tests.api.test_approvals import bank_ref
from tests.api.test_refunds import approved as approved_refund
from tests.api.test_refunds import ask, asked
from tests.integration.test_identity_of_money import tell
from tests.integration.test_tampering import first_link, judged_new
from tests.support.callbacks import credit, notice_of, notify
from tests.support.markup import words_of
from tests.support.neighbour import neighbour_of
from tests.support.places import Kept, looking
from tests.support.problems import problem
from tests.support.rows import count
from tests.support.staff import FinanceOffice, finance_office
from tests.support.staff_browser import form_of, new_person, staff_browser
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


async def bills_of(system: System, *pages: int) -> list[dict[str, Any]]:
    """Bills one after the other, of so many certified pages each."""
    return [
        await system.create_bill(lines=[{"fee": "2.000815", "quantity": number}])
        for number in pages
    ]


def names(bills: list[dict[str, Any]]) -> str:
    return " va ".join(bill["reference"] for bill in bills)


async def statuses(system: System, bills: list[dict[str, Any]]) -> list[str]:
    return [(await system.read(bill))["status"] for bill in bills]


async def stray(office: FinanceOffice) -> dict[str, Any]:
    """What waits because its words name several bills, the newest."""
    return (await office.suspense(reason="several_references"))[-1]


async def assign(
    office: FinanceOffice, item: dict[str, Any], bills: list[dict[str, Any]]
) -> dict[str, Any]:
    """A clerk asks that an item be split over bills, and the chief says so; what became of it."""
    references = [bill["reference"] for bill in bills]
    body = {"kind": "assign", "bills": references, "reason": "đã hỏi người nộp"}
    answer = await office.post(f"/suspense/{item['id']}/resolutions", body)
    assert answer.status_code == 202, answer.text
    outcome: dict[str, Any] = (await office.approve(answer.json()))["outcome"]
    return outcome


def misspelt(reference: str) -> str:
    """A reference with one wrong character."""
    return reference[:6] + ("A" if reference[6] != "A" else "B") + reference[7:]


async def test_the_sum_of_one_bill_and_of_one_that_is_misspelt_is_left_to_people(
    shared_system: System,
) -> None:
    """As a statement's line is: given to the first whole, the other's money would be its excess."""
    system, office = shared_system, await finance_office(shared_system)
    one, other = await bills_of(system, 3, 5)
    words = f"{one['reference']} va {misspelt(other['reference'])}"
    total = one["amount"] + other["amount"]
    async with looking(system) as seen:
        await credit(system, total, words)
    assert (seen[0].allocated, seen[0].waiting) == (
        [],
        [("suspense", "several_references", total)],
    )
    outcome = await assign(office, await stray(office), [one, other])
    assert (outcome["allocated"], outcome["refundable"]) == (total, 0)
    assert await statuses(system, [one, other]) == ["paid", "paid"]
    assert await system.broken() == []


async def test_what_is_no_such_sum_goes_where_it_was_sent(shared_system: System) -> None:
    system = shared_system
    for more, stranger in ((0, False), (1, False), (0, True)):
        one, other = await bills_of(system, 3, 5)
        named = misspelt(new_reference() if stranger else other["reference"])
        amount = one["amount"] + more + (other["amount"] if stranger else 0)
        await credit(system, amount, f"{one['reference']} va {named}")
        assert await statuses(system, [one, other]) == ["paid", "open"]


async def test_one_who_looks_for_nothing_misspelt_is_seen_to_keep_the_excess(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(destination, "near_references", lambda text: [])
    system = shared_system
    one, other = await bills_of(system, 3, 5)
    words = f"{one['reference']} va {misspelt(other['reference'])}"
    async with looking(system) as seen:
        await credit(system, one["amount"] + other["amount"], words)
    assert seen[0].waiting == [("refundable", "excess", other["amount"])]


@pytest.mark.parametrize("doubt", ["dated_ahead", "possible_duplicate", "statement_only"])
async def test_a_doubt_that_is_settled_leaves_the_caution_about_what_is_misspelt(
    shared_system: System, doubt: str
) -> None:
    """That it is money of its own says nothing of whose it is."""
    system, office, ref = shared_system, await finance_office(shared_system), bank_ref()
    one, other = await bills_of(system, 3, 5)
    total = one["amount"] + other["amount"]
    said: dict[str, Any] = {
        "narrative": f"{one['reference']} va {misspelt(other['reference'])}",
        "amount": total,
        "bank_ref": ref,
    }
    if doubt == "possible_duplicate":
        await tell(system, "feed_a", new_id("n"), **said | {"narrative": "chuyen tien"})
    if doubt == "statement_only":
        # The statement's words were cut before the second reference; the feed has all of them.
        await tell(system, STATEMENT, new_id("n"), **said | {"narrative": one["reference"]})
    days = 900 if doubt == "dated_ahead" else 0
    await tell(system, "feed_a", new_id("n"), **said, days=days)
    if doubt != "statement_only":
        (item,) = [x for x in await office.suspense(reason=doubt) if x["amount"] == total]
        outcome = (await office.approve(await office.propose(item["id"], "other_money")))["outcome"]
        assert (outcome["allocated"], outcome["suspense"]) == (0, total)
    assert await statuses(system, [one, other]) == ["open", "open"]
    outcome = await assign(office, await stray(office), [one, other])
    assert (outcome["allocated"], outcome["refundable"]) == (total, 0)
    assert await system.broken() == []


async def test_the_exact_sum_settles_each_bill_in_whatever_order_they_are_named(
    shared_system: System,
) -> None:
    system = shared_system
    bills: list[dict[str, Any]] = []
    owed: list[int] = []
    for order in list(permutations(range(3)))[::2]:
        bills = await bills_of(system, 3, 5, 4)
        owed = [bill["amount"] for bill in bills]
        async with looking(system) as seen:
            await credit(system, sum(owed), names([bills[number] for number in order]))
        ledger = {"receivable": sum(owed), "revenue": -sum(owed)}
        assert seen == [Kept([(sum(owed), False)], owed, [], ledger)]
    await system.work()
    found = [await system.read(bill) for bill in bills]
    assert [bill["status"] for bill in found] == ["paid"] * 3
    # One receipt, told of once, for each.
    assert [[one["amount"] for one in bill["receipts"]] for bill in found] == [[x] for x in owed]
    for bill in bills:
        told = "name = 'bill.paid' AND payload ->> 'bill_id' = :bill"
        assert await count(system.parts.database, "outbox_event", told, bill=bill["id"]) == 1
    # Each shows the payment with what is its own of it; the payment shows them all.
    payments = [bill["payments"] for bill in found]
    assert [(one["credited"], one["allocated"]) for (one,) in payments] == [
        (sum(owed), amount) for amount in owed
    ]
    assert [one["shares"] for (one,) in payments] == [
        [{"bill": bill["id"], "amount": bill["amount"]}] for bill in bills
    ]
    answer = await system.client.get(f"/api/v1/payments/{payments[0][0]['id']}")
    whole = answer.json()
    assert (whole["bill"], whole["allocated"]) == (None, sum(owed))
    assert sorted(one["amount"] for one in whole["shares"]) == sorted(owed)
    page = (await system.browser.get(bills[1]["pay_url"])).text
    assert "Đã nộp" in page or "đã nộp" in page
    assert await system.broken() == []


async def test_what_waits_for_one_of_them_counts_for_the_sum(shared_system: System) -> None:
    system = shared_system
    bills = await bills_of(system, 3, 3)
    await credit(system, 2000, bills[1]["reference"])
    async with looking(system) as seen:
        await credit(system, 8000, names(bills))
    assert (seen[0].allocated, seen[0].waiting) == ([5000, 3000, 2000], [])
    assert await statuses(system, bills) == ["paid", "paid"]


async def test_what_is_not_the_exact_sum_waits_for_people_who_are_told_what_it_may_be(
    shared_system: System,
) -> None:
    system = shared_system
    office = await finance_office(system)
    open_, paid, cancelled = await bills_of(system, 3, 3, 3)
    other = await system.create_bill()
    await credit(system, 5000, paid["reference"])
    await system.client.post(f"/api/v1/bills/{cancelled['id']}/cancel")
    poster = (await system.browser.get(f"/p/{system.body.agency_code}/2.000884")).text
    static = poster.partition("LP")[1] + poster.partition("LP")[2][:12]
    both = [(open_["reference"], 5000), (other["reference"], 5000)]
    async with neighbour_of(system, unit=True) as unit:
        sent = {"agency": unit.code, "lines": [{"fee": "2.000815", "quantity": 3}]}
        headers = {"Idempotency-Key": new_id("k")}
        theirs = (await unit.client.post("/api/v1/bills", json=sent, headers=headers)).json()
        stories = [
            (9_999, [open_, other], [(*both[0], 5000), (*both[1], 4999)]),
            (10_001, [other, open_], [(*both[0], 5000), (*both[1], 5001)]),
            (4_000, [open_, other], [(*both[0], 4000), (*both[1], 0)]),
            # Of what is settled or withdrawn nobody can say whether it was meant.
            (5_000, [open_, paid], []),
            (10_000, [open_, paid, other], [(*both[0], 5000), (*both[1], 5000)]),
            (10_000, [open_, cancelled], []),
            # Not bills of one body alone.
            (10_000, [open_, theirs], []),
            (15_000, [open_, {"reference": static}], []),
        ]
        for amount, named, suggested in stories:
            async with looking(system) as seen:
                await credit(system, amount, names(named))
            ledger = {"receivable": amount, "suspense": -amount}
            waiting = [("suspense", "several_references", amount)]
            assert seen == [Kept([(amount, False)], [], waiting, ledger)], names(named)
            item = await stray(office)
            told = [(one["bill"], one["owed"], one["share"]) for one in item["suggested"]]
            assert told == suggested, names(named)
            assert (item["bill"], item["bills"]) == (None, sorted(x["reference"] for x in named))
        # The unit's own key sees nothing of what its parent's account holds.
        assert (await unit.client.get(f"/api/v1/bills/{theirs['id']}")).json()["payments"] == []
    assert await statuses(system, [open_, other]) == ["open", "open"]


async def test_people_split_it_the_oldest_first_and_the_rest_settles_the_newer(
    shared_system: System,
) -> None:
    system = shared_system
    office = await finance_office(system)
    older, newer = await bills_of(system, 3, 4)
    await credit(system, 8000, names([newer, older]))
    async with looking(system) as seen:
        became = await assign(office, await stray(office), [newer, older])
    assert became == {
        "allocated": 5000,
        "suspense": 3000,
        "refundable": 0,
        "bills": [
            {"allocated": 5000, "suspense": 0, "refundable": 0, "bill": older["reference"]},
            {"allocated": 0, "suspense": 3000, "refundable": 0, "bill": newer["reference"]},
        ],
    }
    assert (seen[0].allocated, seen[0].waiting) == ([5000], [("suspense", "short", 3000)])
    found = await system.read(newer)
    (payment,) = found["payments"]
    assert (found["status"], payment["in_suspense"], payment["reason"]) == ("open", 3000, "short")
    assert "54043000" in found["qr"]["payload"]
    page = (await system.browser.get(newer["pay_url"])).text
    assert "3.000" in page
    # It has money: it is not withdrawn, and it is not asked for twice.
    answer = await system.client.post(f"/api/v1/bills/{newer['id']}/cancel")
    problem(answer, 409, "money_under_way")
    async with looking(system) as seen:
        await credit(system, newer["amount"] - 3000, newer["reference"])
    assert sorted(seen[0].allocated) == sorted([3000, newer["amount"] - 3000])
    assert await statuses(system, [older, newer]) == ["paid", "paid"]
    await system.work()
    assert [len((await system.read(one))["receipts"]) for one in (older, newer)] == [1, 1]


async def test_a_clerk_splits_it_on_the_page_that_names_the_bills(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    bills = await bills_of(system, 3, 3)
    await credit(system, 9000, names(bills))
    item = await stray(office)
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        page = (await clerk.get(f"/staff/suspense?at={item['id']}")).text
        # The named bills stand in the field already.
        assert form_of(page, "/staff/suspense")["bill"] == " ".join(item["bills"])
        typed = {"kind": "assign", "reason": "đã hỏi người nộp"}
        answer = await clerk.send(page, "/staff/suspense", typed)
        assert answer.status_code == 303, answer.text
        waiting = await office.system.browser.get("/api/v1/approvals", headers=office.clerk)
        approval = waiting.json()["items"][0]
        assert approval["wanted"] == {"bills": item["bills"]}
        shown = words_of((await clerk.get(f"/staff/approvals/{approval['id']}")).text)
        for bill, share in zip(bills, ("5.000", "4.000"), strict=True):
            assert bill["reference"] in shown
            assert share in shown
    done = await office.approve(approval)
    assert (done["outcome"]["allocated"], done["outcome"]["suspense"]) == (5000, 4000)


async def test_what_people_split_may_be_more_than_is_owed(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    bills = await bills_of(system, 3, 3)
    await credit(system, 12_000, names(bills))
    async with looking(system) as seen:
        became = await assign(office, await stray(office), bills)
    assert (became["allocated"], became["refundable"]) == (10_000, 2000)
    assert (seen[0].allocated, seen[0].waiting) == (
        [5000, 5000],
        [("refundable", "excess", 2000)],
    )
    shown = [(await system.read(bill))["payments"][0] for bill in bills]
    assert [(one["allocated"], one["refundable"]) for one in shown] == [(5000, 0), (5000, 2000)]


async def test_what_people_may_not_split_is_refused_by_name(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    open_, paid = await bills_of(system, 3, 3)
    await credit(system, 5000, paid["reference"])
    await credit(system, 9000, names([open_, paid]))
    item = await stray(office)

    async def propose(**wanted: Any) -> Any:
        body = {"kind": "assign", "reason": "đã hỏi người nộp"} | wanted
        return await office.post(f"/suspense/{item['id']}/resolutions", body)

    one = open_["reference"]
    told = problem(await propose(bills=[one, paid["reference"]]), 409, "bill_not_payable")
    assert paid["reference"] in told["detail"]
    told = problem(await propose(bills=[one, "LPAAAAAAAAAAAA"]), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == ["bills.1"]
    for wrong in ({"bills": [one]}, {"bills": [one, one]}, {"bill": one, "bills": [one, one]}, {}):
        assert (await propose(**wrong)).status_code == 422, wrong
    async with neighbour_of(system, unit=True) as unit:
        sent = {"agency": unit.code, "lines": [{"fee": "2.000815", "quantity": 3}]}
        headers = {"Idempotency-Key": new_id("k")}
        theirs = (await unit.client.post("/api/v1/bills", json=sent, headers=headers)).json()
        told = problem(await propose(bills=[one, theirs["reference"]]), 422, "invalid")
        assert [fault["code"] for fault in told["errors"]] == ["several_bodies"]


async def test_the_same_transfer_told_of_twice_is_one_and_a_second_one_waits(
    shared_system: System,
) -> None:
    system = shared_system
    bills = await bills_of(system, 3, 3)
    body = notice_of(system, 10_000, names(bills))
    async with looking(system) as seen:
        await asyncio.gather(*(notify(system, body) for _ in range(4)))
        await credit(system, 10_000, names(bills[::-1]))
    assert seen[0].allocated == [5000, 5000]
    assert seen[0].waiting == [("suspense", "several_references", 10_000)]


async def test_two_payers_whom_a_batch_gives_one_number_pay_each_their_bills(
    shared_system: System,
) -> None:
    system, ref = shared_system, bank_ref()
    bills = await bills_of(system, 3, 3, 3, 3)
    async with looking(system) as seen:
        await credit(system, 10_000, names(bills[:2]), bank_ref=ref)
        await credit(system, 10_000, names(bills[2:]), bank_ref=ref)
        # Words that a bank has cut may be those of the first: people say so.
        await credit(system, 10_000, bills[0]["reference"], bank_ref=ref)
    assert seen[0].allocated == [5000] * 4
    assert seen[0].waiting == [("suspense", "possible_duplicate", 10_000)]


async def test_transfers_for_the_same_bills_in_any_order_never_wait_for_each_other(
    shared_system: System,
) -> None:
    system = shared_system
    bills = await bills_of(system, 3, 3, 3)
    first, second, third = bills
    told = [
        notice_of(system, 10_000, names([first, second])),
        notice_of(system, 10_000, names([second, first])),
        notice_of(system, 10_000, names([third, second])),
        notice_of(system, 15_000, names([third, second, first])),
        *(notice_of(system, 5000, bill["reference"]) for bill in bills),
    ]
    async with looking(system) as seen:
        answers = await asyncio.gather(*(notify(system, body) for body in told))
        # Whoever was told to come again comes again.
        for body, answer in zip(told, answers, strict=True):
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                assert (await notify(system, body)).status_code == 200
    assert sum(seen[0].allocated) == 15_000
    assert sum(amount for *_, amount in seen[0].waiting) == 45_000
    assert await statuses(system, bills) == ["paid"] * 3


@alone
async def test_a_statement_alone_settles_none_until_it_is_released_and_all_when_withdrawn(
    system: System,
) -> None:
    office = await finance_office(system)
    bills = await bills_of(system, 3, 4)
    owed = sum(bill["amount"] for bill in bills)
    line = f"{owed}|credit|{names(bills[::-1])}|{bank_ref()}"
    statement = await take_statement(system, line, "5000|credit|chuyen tien|FT26000000111")
    async with looking(system) as seen:
        summary = (await reconcile(system))["summary"]
    assert seen[0].waiting == [("suspense", "statement_only", owed)]
    assert summary["matched"]["count"] == 1
    async with looking(system) as seen:
        await release(system, statement)
    assert sorted(seen[0].allocated) == sorted(bill["amount"] for bill in bills)
    assert await statuses(system, bills) == ["paid", "paid"]
    body = {"reason": "nạp nhầm tệp"}
    asked_for = await office.post(f"/statements/{statement['id']}/withdraw", body)
    assert asked_for.status_code == 202, asked_for.text
    references = sorted(bill["reference"] for bill in bills)
    assert asked_for.json()["figures"]["reopened"] == references
    async with looking(system) as seen:
        await office.approve(asked_for.json())
    assert await statuses(system, bills) == ["open", "open"]
    assert [bill["qr"] is not None for bill in [await system.read(one) for one in bills]] == [
        True
    ] * 2


@alone
async def test_what_is_taken_from_one_bill_leaves_the_others_share_alone(system: System) -> None:
    office = await finance_office(system)
    first, second = await bills_of(system, 3, 3)
    statement = await take_statement(
        system, f"2000|credit|{first['reference']}|{bank_ref()}", "5000|credit|x|FT26000000222"
    )
    await reconcile(system)
    await release(system, statement)
    await credit(system, 8000, names([second, first]), bank_ref=bank_ref())
    assert await statuses(system, [first, second]) == ["paid", "paid"]
    body = {"reason": "nạp nhầm tệp"}
    answer = await office.post(f"/statements/{statement['id']}/withdraw", body)
    async with looking(system) as seen:
        await office.approve(answer.json())
    # What the transfer gave the first waits for the rest of it.
    assert sorted(seen[0].waiting) == [
        ("reversed", "statement_withdrawn", 2000),
        ("suspense", "short", 3000),
    ]
    assert await statuses(system, [first, second]) == ["open", "paid"]
    (_, again) = (await system.read(first))["payments"]
    assert (again["in_suspense"], again["allocated"]) == (3000, 0)
    assert [one["amount"] for one in again["shares"]] == [3000]
    await credit(system, 2000, first["reference"], bank_ref=bank_ref())
    assert await statuses(system, [first, second]) == ["paid", "paid"]
    assert await system.broken() == []


@alone
@pytest.mark.parametrize("cut", [False, True])
async def test_a_line_is_the_money_that_a_feed_told_of(system: System, cut: bool) -> None:
    bills = await bills_of(system, 3, 3)
    single = await system.create_bill()
    ref = bank_ref() if cut else "NONREF"
    await credit(system, 10_000, names(bills), bank_ref=ref)
    await credit(system, 5000, single["reference"], bank_ref="NONREF")
    words = bills[1]["reference"] if cut else f"CT DEN {names(bills[::-1])}"
    await take_statement(
        system, f"10000|credit|{words}|{ref}", f"5000|credit|{single['reference']}|NONREF"
    )
    run = await reconcile(system)
    assert {kind: one["count"] for kind, one in run["summary"].items() if one["count"]} == {
        "matched": 2
    }
    assert await statuses(system, bills) == ["paid", "paid"]
    assert await system.broken() == []


@alone
async def test_each_bills_share_goes_back_by_itself(system: System) -> None:
    office = await finance_office(system)
    bills = await bills_of(system, 3, 4)
    owed = [bill["amount"] for bill in bills]
    await credit(system, sum(owed), names(bills), bank_ref=bank_ref())
    await system.work()
    payment = (await system.read(bills[0]))["payments"][0]
    # Whose share it is has to be said, and no more goes back than that share.
    told = problem(await ask(office, payment, 1000), 409, "not_refundable")
    assert [fault["field"] for fault in told["errors"]] == ["bill"]
    stranger = await system.create_bill()
    answer = await ask(office, payment, 1000, bill=stranger["reference"])
    assert [fault["field"] for fault in problem(answer, 422, "invalid")["errors"]] == ["bill"]
    second = bills[1]["reference"]
    problem(await ask(office, payment, owed[1] + 1, bill=second), 409, "not_refundable")
    refund = await approved_refund(office, await asked(office, payment, 2000, bill=second))
    assert (refund["bill"], refund["from_revenue"]) == (second, 2000)
    problem(await ask(office, payment, owed[1] - 1999, bill=second), 409, "not_refundable")
    whole = await approved_refund(
        office, await asked(office, payment, owed[0], bill=bills[0]["reference"])
    )
    assert (whole["bill"], whole["from_revenue"]) == (bills[0]["reference"], owed[0])
    shown = [(await system.read(bill))["payments"][0] for bill in bills]
    assert [(one["allocated"], one["paying_back"]) for one in shown] == [
        (0, owed[0]),
        (owed[1] - 2000, 2000),
    ]
    assert await statuses(system, bills) == ["paid", "paid"]
    assert await system.broken() == []


async def plant(system: System, statement: str, **values: Any) -> None:
    """Change rows behind the guards' backs."""
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), values)


@alone
async def test_shares_that_the_ledger_or_the_bills_contradict_are_named(system: System) -> None:
    bills = await bills_of(system, 3, 3)
    await credit(system, 10_000, names(bills))
    short = await system.create_bill()
    await credit(system, 1000, short["reference"])
    assert await system.broken() == []
    first, second = (bill["id"] for bill in bills)
    swap = "UPDATE posting SET bill_id = :to WHERE bill_id = :from AND ledger = 'revenue'"
    await plant(system, swap, **{"to": first, "from": second})
    told = await system.broken()
    assert [line.split(":")[0] for line in told] == [
        "the ledger gives each bill what its allocations say, less what refunds took"
    ] * 2
    # So does the look at what is new alone.
    since = await first_link(system)
    again = f"UPDATE posting SET bill_id = '{second}' WHERE ledger = 'revenue'"
    assert len(await judged_new(system, since, again)) >= 2
    # The payment's own sums are right: no other rule sees it.
    await plant(
        system,
        swap + " AND id = (SELECT max(id) FROM posting WHERE ledger = 'revenue')",
        **{"to": second, "from": first},
    )
    assert await system.broken() == []
    settle = "UPDATE suspense_item SET bill_id = :paid WHERE bill_id = :short"
    await plant(system, settle, paid=first, short=short["id"])
    told = await system.broken()
    assert [line.split(":")[0] for line in told] == [
        "money that waits for the rest of a bill waits for one that is not paid"
    ]
