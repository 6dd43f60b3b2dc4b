"""What was just done is said to whoever did it, whatever others do to the same thing meanwhile."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import delete
from sqlmodel import col, select

from core.audit import record
from core.ids import new_id
from payments.agencies.models import GatewayAccountRow
from tests.api.test_staff_webhooks import receiver
from tests.support.markup import words_of
from tests.support.staff_browser import StaffBrowser, form_of, signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAYS = f"{SETTINGS}/gateways"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


async def test_each_of_two_people_within_a_minute_is_told_of_their_own(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "set_aside", "set_aside", "set_aside")
    async with signed_in_as(shared_system, "admin") as other:
        for who, last in ((admin, 1), (other, 3)):
            sent = {"first": "1", "last": str(last), "once": new_id("o")}
            assert (await who.post(f"{page}/replay", sent)).status_code == 303
        async with shared_system.parts.database.transaction() as session:
            of, gone = page.rpartition("/")[2], "webhook_endpoint.gone"
            await record(session, actor="system:worker", action=gone, object_id=of, details={})
        assert "Sẽ gửi lại 1 thông báo" in words_of((await admin.get(page)).text)
        assert "Sẽ gửi lại 2 thông báo" in words_of((await other.get(page)).text)
    # What they do next to it takes the word of it away.
    assert (await admin.send((await admin.get(page)).text, f"{page}/switch")).status_code == 303
    assert "Sẽ gửi lại" not in words_of((await admin.get(page)).text)


async def test_of_an_account_that_was_just_made_no_secret_was_replaced(
    admin: StaffBrowser, shared_system: System
) -> None:
    form = form_of((await admin.get(f"{GATEWAYS}/new?gateway=vnpay")).text, GATEWAYS)
    place = new_id("p")[:12].replace("_", "")
    filled = form | {
        "gateway": "vnpay",
        "agency": shared_system.body.agency_code,
        "account": place,
        "collection_account": "kbnn-ben-mau",
        "base_url": "https://sandbox.vnpayment.vn/paymentv2",
        "enabled": "no",
        "field-tmn_code": "ANOTHER1",
        "field-hash_secret": "a-secret-of-another-one",
    }
    made = await admin.post(GATEWAYS, filled)
    assert made.status_code == 303, words_of(made.text)
    async with shared_system.parts.database.transaction() as session:
        ours = col(GatewayAccountRow.account) == place
        account = await session.one(select(GatewayAccountRow.id).where(ours))
    try:
        shown = words_of((await admin.get(f"{GATEWAYS}/{account}")).text)
        assert "Đặt tài khoản tại cổng thanh toán" in shown
        assert "Đã thay khóa bí mật" not in shown
    finally:
        async with shared_system.parts.database.transaction() as session:
            await session.execute(delete(GatewayAccountRow).where(ours))
        shared_system.parts.payments.agencies.forget()
