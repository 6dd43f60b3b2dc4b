"""Money that goes back, on pages: asked for by one, approved by another, ordered, fetched."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from app.web.staff.refund_views import stage_of_refund
from core import clock
from core.ids import new_id
from core.spreadsheets import is_live
from payments.refunds.queries import get_refund
from tests.support.callbacks import credit
from tests.support.markup import tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
REFUNDS = "/staff/refunds"
PAYEE = {"bank_bin": "970436", "account_number": "0071000123456", "holder": "TRẦN THỊ HOÀ"}
HOSTILE = '=1+1 <b>"'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "finance") as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chief(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "chief") as browser:
        yield browser


async def paid(system: System) -> str:
    """A payment that has settled a bill of 5,000 đồng."""
    bill = await system.create_bill()
    await credit(system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
    found: str = (await system.read(bill))["payments"][0]["id"]
    return found


async def asked_for(clerk: StaffBrowser, payment: str, **typed: str) -> str:
    """Ask for a refund on the page of its payment; where the approval is."""
    at = f"/staff/payments/{payment}/refund"
    page = (await clerk.get(at)).text
    answer = await clerk.send(page, at, {"reason": "nộp nhầm"} | PAYEE | typed)
    assert answer.status_code == 303, words_of(answer.text)
    return str(answer.headers["location"])


async def approved(clerk: StaffBrowser, chief: StaffBrowser, payment: str, **typed: str) -> str:
    """A refund that another person has approved; its page."""
    at = await asked_for(clerk, payment, **typed)
    page = (await chief.get(at)).text
    assert (await chief.send(page, f"{at}/approve")).status_code == 303
    listed = tree_of((await chief.get(f"{REFUNDS}?status=approved")).text)
    return str(listed.xpath("//tbody//a/@href")[0])


async def test_a_refund_is_asked_for_approved_and_ordered_on_pages(
    clerk: StaffBrowser, chief: StaffBrowser, shared_system: System
) -> None:
    system = shared_system
    payment = await paid(system)
    assert (
        f"/staff/payments/{payment}/refund" in (await clerk.get(f"/staff/payments/{payment}")).text
    )
    at = f"/staff/payments/{payment}/refund"
    page = (await clerk.get(at)).text
    for wrong, field in (
        ({"amount": "năm nghìn"}, "amount"),
        ({"amount": "5.001"}, "amount"),
        ({"reason": ""}, "reason"),
        ({"bank_bin": "12"}, "bank_bin"),
        ({"account_number": ""}, "account_number"),
    ):
        answer = await clerk.send(page, at, {"reason": "nhầm"} | PAYEE | wrong)
        assert answer.status_code in (409, 422), wrong
        assert tree_of(answer.text).xpath(f"//p[@id='{field}-fault']"), (wrong, answer.text[-3000:])
        page = answer.text
    refund = await approved(clerk, chief, payment, amount="2.000")
    # Whoever asked could not approve it.
    own = await asked_for(clerk, payment, amount="1000")
    assert (await clerk.post(f"{own}/approve")).status_code == 403
    shown = (await clerk.get(refund)).text
    told = words_of(shown)
    assert "2.000 đ" in told
    assert PAYEE["account_number"] in told
    assert PAYEE["holder"] in told
    code = await clerk.get(f"{refund}/qr.svg")
    assert code.headers["content-type"].startswith("image/svg+xml")
    done = await clerk.send(shown, f"{refund}/sent", {"bank_ref": "FT26001"})
    assert done.headers["location"] == refund
    assert "FT26001" in words_of((await clerk.get(refund)).text)
    # Told again it is corrected; what is ordered already is ordered once.
    shown = (await clerk.get(refund)).text
    await clerk.send(shown, f"{refund}/sent", {"bank_ref": "FT26002"})
    assert "FT26002" in words_of((await clerk.get(refund)).text)
    assert refund.rpartition("/")[2] not in await to_order(clerk)


async def to_order(browser: StaffBrowser) -> list[str]:
    page = tree_of((await browser.get(f"{REFUNDS}/to-order")).text)
    return [str(one) for one in page.xpath("//input[@name='refund']/@value")]


async def test_many_are_ordered_at_once_all_or_none(
    clerk: StaffBrowser, chief: StaffBrowser, shared_system: System
) -> None:
    system, at = shared_system, f"{REFUNDS}/to-order"
    pages = [await approved(clerk, chief, await paid(system), amount="1") for _ in range(3)]
    ids = [page.rpartition("/")[2] for page in pages]
    assert set(ids) <= set(await to_order(clerk))
    nothing = await clerk.post(at)
    assert nothing.status_code == 422
    bad = await clerk.post(at, {"refund": [ids[0], "refund_none"]})
    assert bad.status_code == 404
    assert ids[0] in await to_order(clerk)
    once = new_id("once")
    answers = [await clerk.post(at, {"refund": ids[:2], "once": once}) for _ in range(2)]
    (there,) = {one.headers["location"] for one in answers}
    left = await to_order(clerk)
    assert ids[2] in left
    assert not set(ids[:2]) & set(left)
    assert "Đã ghi 2 lệnh chuyển tiền" in words_of((await clerk.get(there)).text)
    # A page from before tells of those again: what nobody had told of is what was done.
    there_again = (await clerk.post(at, {"refund": ids})).headers["location"]
    assert "Đã ghi 1 lệnh chuyển tiền" in words_of((await clerk.get(there_again)).text)
    nothing_new = (await clerk.post(at, {"refund": ids})).headers["location"]
    assert "Đã ghi" not in words_of((await clerk.get(nothing_new)).text)
    # Whoever is sent the address has ordered nothing, and no address says how many there were.
    for browser, address in ((chief, there), (clerk, f"{REFUNDS}?status=unknown&ordered=99")):
        answer = await browser.get(address)
        assert answer.status_code == 200, answer.text
        assert "Đã ghi" not in words_of(answer.text)


def cells(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))


async def test_refunds_are_fetched_with_payee_and_stage_and_nothing_is_calculated(
    clerk: StaffBrowser, chief: StaffBrowser, shared_system: System
) -> None:
    system = shared_system
    payment = await paid(system)
    page = await approved(clerk, chief, payment, amount="3000", reason=HOSTILE, holder="=HOA")
    refund_id = page.rpartition("/")[2]
    await clerk.post(f"{page}/sent")
    answer = await clerk.get(f"{REFUNDS}?status=unknown&format=csv")
    assert 'attachment; filename="refunds-' in answer.headers["content-disposition"]
    heading, *rows = cells(answer.content)
    async with system.parts.database.reading() as session:
        refund = await get_refund(session, refund_id, [system.body.agency_id])
    (row,) = [row for row in rows if row[0] == refund.reference]
    told = dict(zip(heading, row, strict=True))
    assert told["Số tiền"] == "3000"
    assert told["Chờ sao kê"] == "chưa đến hạn"
    assert told["Số tài khoản nhận"] == PAYEE["account_number"]
    assert told["Nội dung chuyển khoản"] == refund.reference
    assert [one for row in rows for one in row if is_live(one) and not one.startswith("'")] == []
    sheet = await clerk.get(f"{REFUNDS}?status=unknown&format=xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content))
    grid = book.get_sheet_by_index(0).to_python()
    assert [refund.reference, 3000.0] in [line[:2] for line in grid]
    everything = cells((await clerk.get(f"{REFUNDS}?format=csv")).content)
    assert len(everything) > len(rows)
    english = cells((await clerk.get(f"{REFUNDS}?format=csv&lang=en")).content)
    assert "Receiving account" in english[0]
    await clerk.get("/staff?lang=vi")
    # What its debit has not shown is late, then missing, by working days.
    assert refund.sent_at is not None
    calendar = system.parts.reconciling.calendar
    sent_on = clock.business_date(refund.sent_at)
    stages = [stage_of_refund(calendar, refund, sent_on + timedelta(days=n)) for n in range(21)]
    assert list(dict.fromkeys(stages)) == ["expected", "late", "missing"]


async def test_another_body_s_refunds_are_as_if_absent(
    clerk: StaffBrowser, chief: StaffBrowser, shared_system: System
) -> None:
    system = shared_system
    payment = await paid(system)
    page = await approved(clerk, chief, payment, amount="1")
    refund_id = page.rpartition("/")[2]
    async with (
        neighbour_of(system) as other,
        signed_in_as(system, "finance", "chief", agency_id=other.agency_id) as stranger,
    ):
        for path in (page, f"{page}/qr.svg", f"/staff/payments/{payment}/refund"):
            assert (await stranger.get(path)).status_code == 404, path
        forms: list[tuple[str, dict[str, Any]]] = [
            (f"{page}/sent", {}),
            (f"{REFUNDS}/to-order", {"refund": [refund_id]}),
            (f"/staff/payments/{payment}/refund", {"amount": "1", "reason": "x"}),
        ]
        for path, form in forms:
            assert (await stranger.post(path, form)).status_code == 404, path
        for path in (REFUNDS, f"{REFUNDS}/to-order", f"{REFUNDS}?format=csv"):
            assert refund_id not in (await stranger.get(path)).text
    assert refund_id in await to_order(clerk)
