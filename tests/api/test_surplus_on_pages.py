"""A bill that was paid too much says where the rest of its money is, and leads there."""

import pytest

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.markup import tree_of, words_of
from tests.support.staff_browser import signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEADS = "//a[starts-with(@href, '/staff/suspense?at=')]"


async def paid(system: System, more: int) -> str:
    """A bill for which so much more came than it asks; its page."""
    bill = await system.create_bill()
    amount = bill["amount"] + more
    await credit(system, amount, bill["reference"], bank_ref=new_id("ft"))
    return f"/staff/bills/{bill['id']}"


async def test_the_page_says_what_is_to_be_given_back_and_leads_to_it(
    shared_system: System,
) -> None:
    here = await paid(shared_system, 4_321)
    async with signed_in_as(shared_system, "finance") as finance:
        page = (await finance.get(here)).text
        assert "Phải hoàn trả4.321 đ" in words_of(page)
        (link,) = tree_of(page).xpath(f"{LEADS}/@href")
        waiting = (await finance.get(link)).text
        (chosen,) = tree_of(waiting).xpath("//section[@id='chosen']")
        assert "4.321 đ" in " ".join(chosen.itertext())
        (payment,) = tree_of(page).xpath("//a[starts-with(@href, '/staff/payments/')]/@href")
        assert tree_of((await finance.get(payment)).text).xpath(f"{LEADS}/@href") == [link]
    # Who may not see what waits is told all the same, and led nowhere.
    async with signed_in_as(shared_system, "clerk") as clerk:
        page = (await clerk.get(here)).text
        assert "Phải hoàn trả4.321 đ" in words_of(page)
        assert tree_of(page).xpath(LEADS) == []


async def test_money_that_is_too_little_waits_and_the_page_leads_to_it(
    shared_system: System,
) -> None:
    here = await paid(shared_system, -1_000)
    async with signed_in_as(shared_system, "finance") as finance:
        page = (await finance.get(here)).text
        assert "Chờ xử lý4.000 đ" in words_of(page)
        assert len(tree_of(page).xpath(LEADS)) == 1


async def test_a_bill_that_was_paid_to_the_dong_says_nothing_of_it(shared_system: System) -> None:
    here = await paid(shared_system, 0)
    async with signed_in_as(shared_system, "finance") as finance:
        page = (await finance.get(here)).text
        assert "Đã nộp đủ" in words_of(page)
        assert "Phải hoàn trả" not in words_of(page)
        assert tree_of(page).xpath(LEADS) == []
