"""The set-up says of each account at a gateway what it is for: to be chosen, or to be heard."""

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from core.ids import new_id
from payments.agencies.models import GatewayAccountRow
from tests.support.callbacks import credit
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.staff_browser import signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAYS = f"{SETTINGS}/gateways"
OFFERED = "Đang cho người nộp dùng"


@pytest.mark.parametrize(
    ("gateway", "words"), [("sepay", "Nguồn báo tiền về tài khoản"), ("paygov", None)]
)
async def test_what_only_tells_of_money_is_not_called_offered(
    shared_system: System, gateway: str, words: str | None
) -> None:
    async with shared_system.parts.database.reading() as session:
        wanted = select(GatewayAccountRow.id).where(col(GatewayAccountRow.gateway) == gateway)
        account = await session.one(wanted)
    async with signed_in_as(shared_system, "admin") as admin:
        listed = (await admin.get(GATEWAYS)).text
        (at,) = [
            place
            for place, link in enumerate(tree_of(listed).xpath("//tbody//td//a/@href"))
            if link.endswith(account)
        ]
        state = cells_of(listed)[at][-1]
        page = (await admin.get(f"{GATEWAYS}/{account}")).text
    forms = tree_of(page).xpath("//form/@action")
    asks_of_payers = [one for one in forms if one.endswith(("/offer", "/rank"))]
    if words is None:
        assert state == OFFERED
        assert OFFERED in words_of(page)
        assert len(asks_of_payers) == 2
    else:
        assert state == "Đang nhận tin báo tiền về"
        assert words in words_of(page)
        assert OFFERED not in words_of(page)
        # Nobody is sent there, and nothing about it can be offered or ranked.
        assert asks_of_payers == []


async def test_a_feed_that_is_off_is_heard_and_is_not_called_on(shared_system: System) -> None:
    """Switched off over the API; what it signs is taken all the same."""
    put = update(GatewayAccountRow).where(col(GatewayAccountRow.gateway) == "sepay")
    async with shared_system.parts.database.transaction() as session:
        await session.execute(put.values(enabled=False))
        wanted = select(GatewayAccountRow.id).where(col(GatewayAccountRow.gateway) == "sepay")
        account = await session.one(wanted)
    try:
        async with signed_in_as(shared_system, "admin") as admin:
            page = words_of((await admin.get(f"{GATEWAYS}/{account}")).text)
        bill = await shared_system.create_bill()
        await credit(shared_system, bill["amount"], bill["reference"], bank_ref=new_id("ft"))
        assert (await shared_system.read(bill))["status"] == "paid"
    finally:
        async with shared_system.parts.database.transaction() as session:
            await session.execute(put.values(enabled=True))
    assert "Tắt: vẫn nhận tin báo có đã ký, không mời trả" in page
    assert "Đang nhận tin báo tiền về" not in page


async def test_every_kind_can_be_added(shared_system: System) -> None:
    async with signed_in_as(shared_system, "admin") as admin:
        links = tree_of((await admin.get(f"{GATEWAYS}/new")).text).xpath("//main//ul//a/@href")
        for name in ("paygov", "sepay", "thuho"):
            assert f"{GATEWAYS}/new?gateway={name}" in links
        feed = (await admin.get(f"{GATEWAYS}/new?gateway=sepay")).text
        assert "Cho người nộp dùng ngay" not in words_of(feed)
        assert tree_of(feed).xpath("//input[@name='enabled']/@value") == ["yes"]
