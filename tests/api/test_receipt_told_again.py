"""A receipt sent to its payer again by staff: once an hour, to what they left, none that fell."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from app import receipt_messages
from core import clock
from core.ids import new_id
from tests.api.test_payer_messages import PHONE, paid, phones, told_of
from tests.support.markup import words_of
from tests.support.messaging import Telephones
from tests.support.rows import count
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["phones"]

AGAIN = "Gửi lại cho người nộp"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "finance") as browser:
        yield browser


async def test_a_payer_is_told_again_however_often_the_button_is_pressed_once(
    shared_system: System, phones: Telephones, clerk: StaffBrowser
) -> None:
    bill = await paid(shared_system, name="Trần Thị Bưởi", phone=PHONE)
    assert len(await told_of(phones, bill)) == 1
    receipt = bill["receipts"][0]["id"]
    page = (await clerk.get(f"/staff/receipts/{receipt}")).text
    assert f"{AGAIN} (Tin nhắn SMS)" in words_of(page)
    action = f"/staff/receipts/{receipt}/tell"
    first, second = await clerk.send(page, action), await clerk.send(page, action)
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == f"/staff/receipts/{receipt}"
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 2
    shown = words_of((await clerk.get(first.headers["location"])).text)
    assert "Sẽ gửi lại cho người nộp" in shown
    assert "Cho gửi lại biên lai cho người nộp" in shown
    # What was done is said to whoever did it, for a moment, and to nobody by an address.
    link = f"/staff/receipts/{receipt}?told=yes"
    async with signed_in_as(shared_system, "clerk") as other:
        assert "Sẽ gửi lại cho người nộp" not in words_of((await other.get(link)).text)
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert "Sẽ gửi lại cho người nộp" not in words_of((await clerk.get(link)).text)
    # Another press of another page within the hour is refused, and said why; then it is not.
    refused = await clerk.post(action, {"once": new_id("o")})
    assert refused.status_code == 409
    assert "Đã gửi lại trong giờ này rồi" in words_of(refused.text)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        async with signed_in_as(shared_system, "chief") as later:
            assert (await later.post(action, {"once": new_id("o")})).status_code == 303
        await shared_system.work()
    assert len(await told_of(phones, bill)) == 3
    told = "action = 'receipt.told_again' AND object_id = :id"
    assert await count(shared_system.parts.database, "audit_entry", told, id=receipt) == 2


async def test_who_left_nothing_is_not_offered_and_refused(
    shared_system: System, phones: Telephones, clerk: StaffBrowser
) -> None:
    bill = await paid(shared_system)
    receipt = bill["receipts"][0]["id"]
    assert AGAIN not in words_of((await clerk.get(f"/staff/receipts/{receipt}")).text)
    refused = await clerk.post(f"/staff/receipts/{receipt}/tell", {"once": new_id("o")})
    assert refused.status_code == 409
    assert "không để lại số điện thoại" in words_of(refused.text)


async def test_whoever_may_not_send_messages_is_offered_nothing(
    shared_system: System, phones: Telephones
) -> None:
    bill = await paid(shared_system, phone=PHONE)
    receipt = bill["receipts"][0]["id"]
    async with signed_in_as(shared_system, "clerk") as other:
        assert AGAIN not in words_of((await other.get(f"/staff/receipts/{receipt}")).text)
        refused = await other.post(f"/staff/receipts/{receipt}/tell", {"once": new_id("o")})
        assert refused.status_code == 403


async def test_a_receipt_that_has_fallen_is_not_told_of(
    shared_system: System, phones: Telephones, clerk: StaffBrowser
) -> None:
    bill = await paid(shared_system, phone=PHONE)
    receipt = bill["receipts"][0]["id"]
    async with shared_system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        fallen = text("UPDATE receipt SET status = 'returned' WHERE id = :id")
        await session.execute(fallen, {"id": receipt})
    assert AGAIN not in words_of((await clerk.get(f"/staff/receipts/{receipt}")).text)
    # Pressed on a page that was shown before: written down, and dropped when it is to be sent.
    await clerk.post(f"/staff/receipts/{receipt}/tell", {"once": new_id("o")})
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 1


async def test_a_key_that_is_new_each_time_is_caught(
    shared_system: System,
    phones: Telephones,
    clerk: StaffBrowser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: nothing but the hour's key keeps a payer from being told on and on."""
    bill = await paid(shared_system, phone=PHONE)
    action = f"/staff/receipts/{bill['receipts'][0]['id']}/tell"

    class Restless:
        @staticmethod
        def now() -> object:
            return _Anew()

    class _Anew:
        def __format__(self, _: str) -> str:
            return new_id("now")

    monkeypatch.setattr(receipt_messages, "clock", Restless)
    for _ in range(2):
        assert (await clerk.post(action, {"once": new_id("o")})).status_code == 303
    monkeypatch.undo()
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 3
