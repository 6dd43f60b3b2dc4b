"""Stall money that is paid has an invoice: on the bill, on pages, in the API; what refunds do."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.api.test_approvals import bank_ref
from tests.api.test_refunds import approved, asked, payment_of
from tests.api.test_stall_pages import opened
from tests.support.callbacks import credit
from tests.support.every_route import Things, keys_of
from tests.support.invoice_routes import invoice_to_adjust, plain_invoice
from tests.support.invoicing import InvoiceMaker, open_invoice_account
from tests.support.markup import words_of
from tests.support.staff import finance_office
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.stalls import stall
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def maker(shared_system: System) -> AsyncIterator[InvoiceMaker]:
    """The sandbox's provider, which the system's body has an account at."""
    parts, url = shared_system.parts, shared_system.sandbox_url
    async with parts.database.transaction() as session:
        agency_id = shared_system.body.agency_id
        await open_invoice_account(session, parts.cipher, agency_id, url)
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield InvoiceMaker(url, client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(shared_system: System) -> Things:
    return Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))


async def test_a_paid_stall_has_its_invoice_and_keeps_its_confirmation(
    shared_system: System, maker: InvoiceMaker
) -> None:
    system, at = shared_system, await stall(shared_system, "V-01")
    await at.owe(300_000)
    assert at.bills[0]["invoice"] is None
    await credit(system, 300_000, at.reference)
    await system.work()
    bill = await system.read(at.bills[0])
    invoice = bill["invoice"]
    (made,) = [one for one in await maker.made() if one["key"] == invoice["id"]]
    assert (invoice["number"], invoice["amount"]) == (made["number"], 300_000)
    assert invoice["authority_code"] == made["authority_code"]
    assert [one["kind"] for one in bill["documents"]] == ["confirmation"]
    named = f"Ký hiệu 2{invoice['symbol']}, số {invoice['number']}"
    page = await words_of_bill(system, bill)
    assert named in page
    assert made["authority_code"] in page
    assert f"Hóa đơn 2{invoice['symbol']}, số {invoice['number']}" in words_of(await opened(at))
    assert await system.broken() == []


async def test_a_fee_has_a_receipt_and_no_invoice(
    shared_system: System, maker: InvoiceMaker
) -> None:
    before = len(await maker.made())
    bill = await shared_system.create_bill()
    await credit(shared_system, bill["amount"], bill["reference"])
    await shared_system.work()
    bill = await shared_system.read(bill)
    assert (len(bill["receipts"]), bill["invoice"]) == (1, None)
    assert len(await maker.made()) == before


async def test_one_that_is_asked_for_still_says_so(
    shared_system: System, maker: InvoiceMaker, things: Things
) -> None:
    system, at = shared_system, await stall(shared_system, "V-02")
    await at.owe(120_000)
    await maker.plan("refused")
    await credit(system, 120_000, at.reference)
    await system.work()
    bill = await system.read(at.bills[0])
    assert bill["invoice"]["number"] is None
    assert bill["invoice"]["state"] == "set_aside"
    page = await words_of_bill(system, bill)
    # Nobody makes it before people have looked: the page does not say that it is being made.
    assert "Chưa lập được; cơ quan thu đang xem lại." in page
    assert "Đang được lập." not in page
    path = f"/api/v1/invoices/{bill['invoice']['id']}"
    told = await ask(things, "auditor", path)
    assert (told["state"], told["last_error"]) == ("set_aside", "series_not_registered")
    await post(things, "finance", f"{path}/replays", None)
    await system.work()
    assert (await ask(things, "auditor", path))["state"] == "issued"


async def test_money_that_was_refunded_wants_an_adjustment(
    shared_system: System, maker: InvoiceMaker, things: Things
) -> None:
    system, at = shared_system, await stall(shared_system, "V-03")
    office = await finance_office(system)
    await at.owe(150_000)
    await credit(system, 150_000, at.reference, bank_ref=bank_ref())
    await system.work()
    payment = await payment_of(system, at.bills[0])
    refund = await approved(office, await asked(office, payment, 50_000))
    await take_statement(system, f"50000|debit|hoan tra {refund['reference']}|{bank_ref()}")
    await reconcile(system)
    await system.work()
    found = await ask(things, "finance", "/api/v1/invoices?wants_adjustment=true")
    (one,) = [one for one in found["items"] if one["bill"] == payment["bill"]]
    assert (one["money_back"], one["adjusted"]) == (50_000, 0)
    path = f"/api/v1/invoices/{one['id']}/adjustments"
    told = {"document": "2C26MAA-57", "money_back": 50_000}
    refused = await post(things, "finance", path, told | {"document": "nothing"}, 422)
    assert "document" in refused["errors"][0]["field"]
    stale = await post(things, "finance", path, told | {"money_back": 40_000}, 409)
    assert stale["code"] == "money_back_changed"
    adjusted = await post(things, "finance", path, told)
    assert (adjusted["adjusted"], adjusted["wants_adjustment"]) == (50_000, False)
    again = await post(things, "finance", path, told | {"document": "2C26MAA-58"}, 409)
    assert again["code"] == "nothing_to_adjust"
    assert await system.broken() == []


async def test_what_takes_off_another_counts_below_zero_in_the_list(
    shared_system: System, things: Things
) -> None:
    first = await invoice_to_adjust(things)
    async with signed_in_as(shared_system, "finance") as office:
        path = "/staff/settings/invoices"
        before = await amounts_of(office, path)
        told = {"adjusts": first, "change": -1_000, "amount": 1_000}
        await plain_invoice(things, **told)
        assert sorted(await amounts_of(office, path)) == sorted([*before, -1_000])


async def amounts_of(office: StaffBrowser, path: str) -> list[int]:
    """The sums of a list, as its file has them."""
    answer = await office.get(f"{path}?format=csv")
    assert answer.status_code == 200, answer.text
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    place = rows[0].index("Số tiền")
    return [int(row[place]) for row in rows[1:]]


async def words_of_bill(system: System, bill: dict[str, Any]) -> str:
    """What the payer's page says; a busy machine says to try again, and is asked once more."""
    answer = await system.browser.get(bill["pay_url"])
    if answer.status_code == 503:
        answer = await system.browser.get(bill["pay_url"])
    assert answer.status_code == 200, answer.text
    return words_of(answer.text)


async def ask(things: Things, who: str, path: str) -> dict[str, Any]:
    answer = await things.system.browser.get(path, headers=things.client(who))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post(
    things: Things, who: str, path: str, body: object, status: int = 200
) -> dict[str, Any]:
    answer = await things.system.browser.post(path, headers=things.client(who), json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found
