"""One transfer, told of by several feeds: one credit, and a hint pays nothing by itself."""

from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.sandbox.dialects import casso, payos
from adapters.sandbox.engine.store import Charge, Order
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock, json
from payments.agencies.commands import NewAccount, create_account
from tests.support.callbacks import notice_of, notify
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HINTS = "/callbacks/sepay/hints"
CASSO = "/callbacks/casso/feed"
PAYOS = "/callbacks/payos/links"
KEY = "password-of-a-feed"
LINKS = {"client_id": "links", "api_key": "api-key-1", "checksum_key": "checksum-1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """The shared system, its account told of by a feed that signs, another, and one with hints."""
    keys = {"account_number": DEMO_ACCOUNT, "secret": KEY}
    async with shared_system.parts.database.transaction() as session:
        for name, account, more in (
            ("sepay", "hints", {"mode": "apikey"}),
            ("casso", "feed", {}),
            ("payos", "links", None),
        ):
            await configure_gateway(
                session,
                shared_system.parts.cipher,
                agency_id=shared_system.body.agency_id,
                collection_account_id=shared_system.body.collection_account_id,
                gateway=name,
                account=account,
                base_url=f"{shared_system.sandbox_url}/{name}",
                credentials=LINKS if more is None else keys | more,
            )
    shared_system.parts.payments.agencies.forget()
    shared_system.sandbox.open("payos", LINKS, "http://127.0.0.1:1/")
    return shared_system


async def hint(system: System, body: bytes) -> None:
    headers = {"Authorization": f"Apikey {KEY}", "Content-Type": "application/json"}
    answer = await system.browser.post(HINTS, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def tell_casso(system: System, body: bytes) -> None:
    """The same transfer in Casso's words."""
    said = json.loads(body)
    assert isinstance(said, dict)
    data = {
        "id": said["id"],
        "reference": said["referenceCode"],
        "description": said["content"],
        "amount": said["transferAmount"],
        "runningBalance": 0,
        "transactionDateTime": said["transactionDate"],
        "accountNumber": DEMO_ACCOUNT,
    }
    told = json.dumps({"error": 0, "data": data})
    headers = casso.DIALECT.headers(KEY, told, clock.now())
    answer = await system.browser.post(CASSO, content=told, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_a_hint_pays_nothing_until_a_feed_that_signs_tells_of_the_same_money(
    system: System,
) -> None:
    bill = await system.create_bill()
    body = notice_of(system, bill["amount"], bill["reference"])
    for _ in range(2):
        await hint(system, body)
        await system.work()
        found = await system.read(bill)
        assert (found["status"], found["receipts"]) == ("open", [])
        assert [(p["in_suspense"], p["reason"]) for p in found["payments"]] == [
            (bill["amount"], "unsigned_notice")
        ]
    await notify(system, body)
    await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["payments"]), len(found["receipts"])) == ("paid", 1, 1)
    assert await system.broken() == []


async def test_a_hint_does_not_say_what_signed_money_is_for(system: System) -> None:
    """Its sender knows the transfer's number and amount, and wants it for a bill of their own."""
    bill = await system.create_bill()
    true = notice_of(system, bill["amount"], "chuyen tien")
    said = json.loads(true)
    assert isinstance(said, dict)
    await hint(system, json.dumps({**said, "content": bill["reference"]}))
    await notify(system, true)
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
    assert len(await credited_as(system, reference_of(true))) == 1
    assert await system.broken() == []


async def test_a_hint_after_the_signed_notice_is_the_same_money(system: System) -> None:
    bill = await system.create_bill()
    body = notice_of(system, bill["amount"], bill["reference"])
    await notify(system, body)
    await hint(system, body)
    await tell_casso(system, body)
    found = await system.read(bill)
    assert (found["status"], len(found["payments"])) == ("paid", 1)
    assert await system.broken() == []


async def test_two_hints_of_different_money_stay_two_and_confirm_nothing(system: System) -> None:
    """The negative control: the same words with another bank reference are another transfer."""
    bill = await system.create_bill()
    await hint(system, notice_of(system, bill["amount"], bill["reference"]))
    await hint(system, notice_of(system, bill["amount"], bill["reference"]))
    found = await system.read(bill)
    assert (found["status"], len(found["payments"])) == ("open", 2)


async def test_each_feed_may_be_the_first_to_tell(system: System) -> None:
    for order in ("casso first", "casso last"):
        bill = await system.create_bill()
        body = notice_of(system, bill["amount"], bill["reference"])
        if order == "casso first":
            await tell_casso(system, body)
        await notify(system, body)
        await tell_casso(system, body)
        found = await system.read(bill)
        assert (found["status"], len(found["payments"])) == ("paid", 1), order
    assert await system.broken() == []


async def linked(system: System) -> tuple[dict[str, Any], Order]:
    """A bill with a payment link, as the sandbox has it."""
    bill = await system.create_bill()
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "payos"})
    assert answer.status_code == 201, answer.text
    page = answer.json()["checkout"]["url"].removeprefix(system.sandbox_url)
    (order,) = (one for one in system.sandbox.store.orders.values() if one.page == page)
    return bill, order


def reference_of(body: bytes) -> str:
    """The bank's reference in a notice."""
    said = json.loads(body)
    assert isinstance(said, dict)
    return str(said["referenceCode"])


def transferred(order: Order, body: bytes) -> Charge:
    """The transfer that a notice tells of, as what was charged for a link."""
    now = clock.now()
    charge = Charge(reference_of(body), order.amount, now, now)
    order.charges.append(charge)
    return charge


async def tell_payos(system: System, order: Order, charge: Charge) -> None:
    merchant = system.sandbox.store.merchants[LINKS["client_id"]]
    told = payos.result_body(merchant, order, charge)
    headers = {"Content-Type": "application/json"}
    answer = await system.browser.post(PAYOS, content=told, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("first", ["the gateway", "the feed", "the hint"])
async def test_a_transfer_for_a_link_is_one_credit_whoever_tells_of_it_first(
    system: System, first: str
) -> None:
    bill, order = await linked(system)
    # The memo is the gateway's: nothing of the bill's is in it.
    body = notice_of(system, order.amount, order.order_info)
    charge = transferred(order, body)
    if first == "the feed":
        await notify(system, body)
    if first == "the hint":
        await hint(system, body)
    await tell_payos(system, order, charge)
    await tell_payos(system, order, charge)
    await notify(system, body)
    await tell_casso(system, body)
    await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["receipts"])) == ("paid", 1)
    assert sum(p["allocated"] for p in found["payments"]) == bill["amount"]
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text("SELECT gateway, credited FROM payment WHERE gateway_ref = :ref AND credited > 0"),
            {"ref": charge.transaction_no},
        )
        assert [tuple(row) for row in rows] == [("bank", bill["amount"])]
    assert await system.broken() == []


async def test_another_transfer_of_the_same_amount_is_other_money(system: System) -> None:
    """The negative control: what a feed tells of under another reference is not the link's."""
    bill, order = await linked(system)
    other = notice_of(system, order.amount, order.order_info)
    await notify(system, other)
    assert (await system.read(bill))["status"] == "open"
    await tell_payos(system, order, transferred(order, notice_of(system, order.amount, "x")))
    assert (await system.read(bill))["status"] == "paid"
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT count(*) FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
                " WHERE p.gateway_ref = :ref AND s.closed_at IS NULL"
            ),
            {"ref": reference_of(other)},
        )
        assert rows.scalar_one() == 1
    assert await system.broken() == []


async def test_a_second_transfer_for_a_paid_link_waits_beside_it(system: System) -> None:
    bill, order = await linked(system)
    for _ in range(2):
        body = notice_of(system, order.amount, order.order_info)
        await tell_payos(system, order, transferred(order, body))
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_the_example_that_registering_an_address_sends_is_answered_and_is_no_money(
    system: System,
) -> None:
    merchant = system.sandbox.store.merchants[LINKS["client_id"]]
    data = {"orderCode": 123, "reference": "TF230204212323", "amount": 3000}
    told = payos.signed_result(merchant, data)
    before = await contents(system.parts.database)
    answer = await system.browser.post(PAYOS, content=told)
    assert answer.status_code == 200
    assert await contents(system.parts.database) == before


async def test_a_link_made_before_its_account_was_changed_is_still_one_credit(
    system: System,
) -> None:
    """The transfer of a link comes to the account that the link was made for."""
    bill, order = await linked(system)
    second, later = await linked(system)
    await pay_links_to(system, "tk-khac")
    try:
        bodies = [notice_of(system, one.amount, one.order_info) for one in (order, later)]
        await tell_payos(system, order, transferred(order, bodies[0]))
        await notify(system, bodies[0])
        await notify(system, bodies[1])
        await tell_payos(system, later, transferred(later, bodies[1]))
        for one, body in ((bill, bodies[0]), (second, bodies[1])):
            assert (await system.read(one))["status"] == "paid"
            assert await credited_as(system, reference_of(body)) == [
                (system.body.collection_account_id, one["amount"])
            ]
    finally:
        await pay_links_to(system, None)
    assert await system.broken() == []


async def credited_as(system: System, bank_ref: str) -> list[tuple[str, int]]:
    """On which account, and how much, the books have of a transfer."""
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT collection_account_id, credited FROM payment"
                " WHERE gateway_ref = :ref AND credited > 0"
            ),
            {"ref": bank_ref},
        )
        return [(row[0], row[1]) for row in rows]


async def pay_links_to(system: System, code: str | None) -> None:
    """Have links pay to another account of the body's from now on; None for the first again."""
    async with system.parts.database.transaction() as session:
        account = system.body.collection_account_id
        if code is not None:
            new = NewAccount(
                *(system.body.agency_id, code, "treasury", "970436", "1133668899", "KBNN Khac")
            )
            account = await create_account(session, new, actor="test", confirmed=True)
        await session.execute(
            text(
                "UPDATE gateway_account SET collection_account_id = :account"
                " WHERE gateway = 'payos' AND account = 'links'"
            ),
            {"account": account},
        )
    system.parts.payments.agencies.forget()
