"""Disputes on a page of staff: by when each is to be answered, and what became of it."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.sandbox.engine.disputes import DisputeStep
from app.web.staff.disputes import STATES, TIMES, reason_words, time_left
from core import clock
from payments.disputes.queries import DisputeValue
from tests.integration.test_disputes import paid_by_card, system
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.staff_browser import signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["system"]

PAGE = "/staff/disputes"
NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


async def test_what_is_to_be_answered_stands_by_its_date_and_what_is_closed_apart(
    system: System,
) -> None:
    async with signed_in_as(system, "finance") as clerk:
        assert cells_of((await clerk.get(PAGE)).text) == []
        open_one, lost = await paid_by_card(system), await paid_by_card(system)
        await open_one.told(DisputeStep.OPENED)
        with clock.frozen(clock.now() + timedelta(days=6)):
            late = await paid_by_card(system)
            await late.told(DisputeStep.OPENED)
        await lost.told(DisputeStep.OPENED)
        await lost.told(DisputeStep.LOST)

        page = await clerk.get(PAGE)
        rows = cells_of(page.text)
        hrefs = tree_of(page.text).xpath("//table//tbody//a/@href")
        assert hrefs == [
            f"/staff/payments/{open_one.payment['id']}", f"/staff/payments/{late.payment['id']}",
        ]  # fmt: skip
        assert [row[1] for row in rows] == [TIMES["ahead"]] * 2
        assert [row[2] for row in rows] == ["32.000 đ"] * 2
        assert {row[4] for row in rows} == {STATES["open"]}
        assert "quá hạn" not in words_of(page.text)
        with clock.frozen(clock.now() + timedelta(days=6)):
            async with signed_in_as(system, "finance") as later:
                soon = [row[1] for row in cells_of((await later.get(PAGE)).text)]
                assert soon == [TIMES["soon"], TIMES["ahead"]]
        everything = cells_of((await clerk.get(f"{PAGE}?which=all")).text)
        assert [row[1] for row in everything].count(TIMES["decided"]) == 1
        assert STATES["lost"] in [row[4] for row in everything]
        # What waits for somebody is on the first page, with its sum.
        home = words_of((await clerk.get("/staff")).text)
        assert "Khiếu nại phải trả lời" in home
        file = await clerk.get(f"{PAGE}?which=all&format=csv")
        assert len(file.text.strip().splitlines()) == 4
        assert (await clerk.get(f"{PAGE}?format=xlsx")).content.startswith(b"PK")


async def test_the_disputed_payment_says_so_and_leads_to_where_its_money_is(
    system: System,
) -> None:
    async with signed_in_as(system, "finance") as office, signed_in_as(system, "clerk") as clerk:
        it = await paid_by_card(system)
        here = f"/staff/payments/{it.payment['id']}"
        assert "Đang bị khiếu nại" not in words_of((await office.get(here)).text)
        await it.told(DisputeStep.OPENED)
        page = (await office.get(here)).text
        assert "Đang bị khiếu nại qua ngân hàng" in words_of(page)
        assert tree_of(page).xpath(f"//main//a[@href='{PAGE}']")
        (refund,) = tree_of(page).xpath("//main//a[starts-with(@href, '/staff/refunds/')]/@href")
        assert "Do khiếu nại" in words_of((await office.get(refund)).text)
        # A clerk sees that it is disputed, and no page that is not theirs.
        told = (await clerk.get(here)).text
        assert "Đang bị khiếu nại qua ngân hàng" in words_of(told)
        assert not tree_of(told).xpath(
            f"//a[@href='{PAGE}' or starts-with(@href, '/staff/refunds')]"
        )
        await it.told(DisputeStep.WON)
        assert "Đang bị khiếu nại" not in words_of((await office.get(here)).text)


async def test_an_inquiry_holds_no_money_and_the_payment_says_so(system: System) -> None:
    async with signed_in_as(system, "finance") as office:
        it = await paid_by_card(system)
        await it.told(DisputeStep.INQUIRY)
        told = words_of((await office.get(f"/staff/payments/{it.payment['id']}")).text)
        assert "Ngân hàng hỏi, chưa giữ tiền" in told
        assert "đòi lại" not in told
        await it.told(DisputeStep.OPENED)
        told = words_of((await office.get(f"/staff/payments/{it.payment['id']}")).text)
        assert "đòi lại" in told


async def test_the_payer_s_reason_is_told_in_the_page_s_language(system: System) -> None:
    async with signed_in_as(system, "finance") as clerk:
        it = await paid_by_card(system)
        await it.told(DisputeStep.OPENED)
        reasons = {row[5] for row in cells_of((await clerk.get(PAGE)).text)}
        assert reasons == {"Chủ thẻ nói không thực hiện giao dịch này"}
        english = cells_of((await clerk.get(f"{PAGE}?lang=en")).text)
        assert {row[5] for row in english} == {"The cardholder says that it was not them"}


async def test_a_reason_that_nobody_has_a_word_for_stands_as_the_gateway_said_it() -> None:
    assert reason_words("<b>lạ</b>") == "<b>lạ</b>"


async def test_another_body_sees_none_of_them(system: System) -> None:
    it = await paid_by_card(system)
    await it.told(DisputeStep.OPENED)
    async with (
        neighbour_of(system) as other,
        signed_in_as(system, "chief", agency_id=other.agency_id) as stranger,
    ):
        assert cells_of((await stranger.get(f"{PAGE}?which=all")).text) == []
        assert "Khiếu nại phải trả lời" not in words_of((await stranger.get("/staff")).text)


@pytest.mark.parametrize(
    ("respond_by", "decided_at", "expected"),
    [
        (None, None, "untold"),
        (NOW - timedelta(seconds=1), None, "over"),
        (NOW, None, "soon"),
        (NOW + timedelta(days=2) - timedelta(seconds=1), None, "soon"),
        (NOW + timedelta(days=2), None, "ahead"),
        (NOW - timedelta(days=9), NOW, "decided"),
    ],
)
async def test_the_time_that_is_left(
    respond_by: datetime | None, decided_at: datetime | None, expected: str
) -> None:
    one = DisputeValue(
        *("dp_1", "a", "stripe", "x", "du_1", "pay_1", 1000, "fraudulent", "open"),
        *(respond_by, None, NOW, decided_at),
    )
    assert time_left(one, NOW) == expected
