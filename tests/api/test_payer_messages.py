"""A payer is told of the receipt, once; a vendor refuses reminders; what staff see of both."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import false, text

from app import receipt_messages
from app.receipt_messages import tell_payers
from core import clock
from core.ids import new_id
from core.sessions import WriteSession
from payments.billing.reminding import queries
from payments.messages.commands import NewMessage, write_messages
from receipts.events import ReceiptIssued
from tests.support.callbacks import credit
from tests.support.every_route import Things, keys_of
from tests.support.markup import words_of
from tests.support.messaging import Telephones, open_channel
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = "0912 345 678"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phones(shared_system: System) -> AsyncIterator[Telephones]:
    """The sandbox's telephones, to which the system's body sends by SMS."""
    parts, url = shared_system.parts, shared_system.sandbox_url
    async with parts.database.transaction() as session:
        await open_channel(session, parts.cipher, shared_system.body.agency_id, "sms", url)
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield Telephones(url, client)


async def paid(system: System, **payer: str) -> dict[str, Any]:
    """A bill that was paid, with its receipt, once the worker has done what was due."""
    bill = await system.create_bill(payer=payer or None)
    await system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await system.until(bill, "paid")
    await system.work()
    return await system.read(bill)


async def told_of(phones: Telephones, bill: dict[str, Any]) -> list[dict[str, Any]]:
    """What arrived that leads to the bill's receipt."""
    code = bill["receipts"][0]["check_url"].rpartition("/")[2]
    return [one for one in await phones.arrived() if code in one["text"]]


async def test_who_left_a_phone_is_told_of_the_receipt_once(
    shared_system: System, phones: Telephones
) -> None:
    bill = await paid(shared_system, name="Trần Thị Bưởi", phone=PHONE)
    (told,) = await told_of(phones, bill)
    receipt = bill["receipts"][0]
    assert told["phone"] == "84912345678"
    assert "da nhan 5.000 VND" in told["text"]
    assert receipt["check_url"] in told["text"]
    # Told again, as after a delivery that was not marked, it writes nothing.
    parts = shared_system.parts
    event = ReceiptIssued(receipt["id"], bill["id"], shared_system.body.agency_id, 5_000)
    async with parts.database.transaction() as session:
        await tell_payers(session, parts.cipher, [event])
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 1


async def test_a_key_without_the_receipt_is_caught(
    shared_system: System, phones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: told again, it is sent again."""

    async def anew(session: WriteSession, new: Sequence[NewMessage]) -> int:
        return await write_messages(session, [replace(one, once=new_id("once")) for one in new])

    bill = await paid(shared_system, phone=PHONE)
    monkeypatch.setattr(receipt_messages, "write_messages", anew)
    parts, receipt = shared_system.parts, bill["receipts"][0]
    event = ReceiptIssued(receipt["id"], bill["id"], shared_system.body.agency_id, 5_000)
    async with parts.database.transaction() as session:
        await tell_payers(session, parts.cipher, [event])
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 2


async def test_who_left_nothing_is_told_nothing(shared_system: System, phones: Telephones) -> None:
    before = await phones.calls()
    await paid(shared_system)
    await paid(shared_system, name="Trần Thị Bưởi", phone="024 3333 4444")
    await paid(shared_system, email="buoi@example.vn")  # the body has no e-mail
    assert await phones.calls() == before


async def test_money_of_days_ago_is_no_news(shared_system: System, phones: Telephones) -> None:
    bill = await shared_system.create_bill(payer={"phone": PHONE})
    await shared_system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await shared_system.until(bill, "paid")
    async with shared_system.parts.database.transaction() as session:
        earlier = text("UPDATE bill SET paid_at = paid_at - interval '4 days' WHERE id = :id")
        await session.execute(earlier, {"id": bill["id"]})
    await shared_system.work()
    assert await told_of(phones, await shared_system.read(bill)) == []


async def test_money_that_a_night_finds_is_told_of_in_the_morning(
    shared_system: System, phones: Telephones
) -> None:
    """As when a statement is read at night; who has just paid is told at once, at night too."""
    at_two = (clock.now().astimezone(clock.VIETNAM) + timedelta(days=1)).replace(hour=2)
    for hours, at_night in ((4, 0), (0, 1)):
        bill = await shared_system.create_bill(payer={"phone": PHONE})
        await shared_system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
        await shared_system.until(bill, "paid")
        async with shared_system.parts.database.transaction() as session:
            earlier = text("UPDATE bill SET paid_at = :then WHERE id = :id")
            then = at_two - timedelta(hours=hours)
            await session.execute(earlier, {"id": bill["id"], "then": then})
        with clock.frozen(at_two) as now:
            await shared_system.work()
            shown = await shared_system.read(bill)
            assert len(await told_of(phones, shown)) == at_night
            now.advance(timedelta(hours=6))
            await shared_system.work()
            assert len(await told_of(phones, shown)) == 1


async def test_staff_see_what_became_of_messages_and_send_again(
    shared_system: System, phones: Telephones
) -> None:
    things = Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))
    finance, browser = things.client("finance"), shared_system.browser
    await phones.plan("sms", "refused_number")
    bill = await paid(shared_system, phone=PHONE)
    answer = await browser.get("/api/v1/messages?state=set_aside", headers=finance)
    one = answer.json()["items"][0]
    assert (one["object_id"], one["kind"]) == (bill["receipts"][0]["id"], "receipt")
    assert (one["channel"], one["attempts"], one["parts"]) == ("sms", 1, 1)
    assert one["last_error"] == "99: the number is blocked"
    assert "912345678" not in answer.text.replace(" ", "")
    metrics = await shared_system.metrics()
    assert 'lephi_messages{kind="set_aside"}' in metrics.text
    again = await browser.post(f"/api/v1/messages/{one['id']}/replays", headers=finance)
    assert again.json()["state"] == "waiting"
    await shared_system.work()
    assert len(await told_of(phones, bill)) == 1
    twice = await browser.post(f"/api/v1/messages/{one['id']}/replays", headers=finance)
    assert (twice.status_code, twice.json()["code"]) == (409, "message_under_way")
    channels = await browser.get("/api/v1/message-channels", headers=finance)
    (channel,) = channels.json()["items"]
    assert (channel["kind"], channel["sender"]) == ("sms", "PHIPHUONG")
    assert "canary" not in channels.text


def reminding_at() -> datetime:
    """Noon of a day of this month that every month has."""
    noon = clock.now().astimezone(clock.VIETNAM).replace(hour=12, minute=0, second=0)
    return noon.replace(day=min(noon.day, 28))


async def remind(system: System, at: StallAtHand) -> None:
    """Let that be the market's day, and the worker work."""
    noon = reminding_at()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE market SET reminder_days = ARRAY[:day]::int[], reminded_on = NULL"
                " WHERE id = :id"
            ),
            {"day": noon.day, "id": at.market_id},
        )
    with clock.frozen(noon):
        await system.work()


async def reminded(phones: Telephones, at: StallAtHand) -> list[str]:
    """The texts that lead to a stall's page."""
    return [one["text"] for one in await phones.arrived() if f"/{at.reference}" in one["text"]]


@pytest.mark.parametrize("careless", [False, True])
async def test_nobody_is_asked_for_money_that_is_on_its_way(
    shared_system: System, phones: Telephones, monkeypatch: pytest.MonkeyPatch, careless: bool
) -> None:
    """Where nobody looks for it, the negative control, everybody is asked."""
    if careless:
        monkeypatch.setattr(queries, "UNDER_WAY", false())
        monkeypatch.setattr(queries, "_NONE_IN_SUSPENSE", ())
    system = shared_system
    owing, trying, short = [await stall(system, f"R-0{number}{careless:d}") for number in range(3)]
    # Due on a day of this month, whichever it is.
    due_in = min(clock.business_date(clock.now()).day, 28) - clock.business_date(clock.now()).day
    for at in (owing, trying, short):
        await at.owe(310_000, due_in)
    # An attempt lives for minutes: nothing may be done at another hour than that of reminding.
    with clock.frozen(reminding_at()):
        await system.start(trying.bills[0])
        await credit(system, 100_000, f"tien sap {short.reference}", bank_ref=new_id("ft"))
        await system.work()
    await remind(system, owing)
    assert len(await reminded(phones, owing)) == 1
    found = [len(await reminded(phones, at)) for at in (trying, short)]
    assert found == ([1, 1] if careless else [0, 0])


async def test_one_press_ends_reminders_and_another_begins_them_again(
    shared_system: System, phones: Telephones
) -> None:
    system, at = shared_system, await stall(shared_system, "R-10")
    await at.owe(310_000)
    address = system.parts.payments.urls.stop_reminders(at.reference, at.vendor_id)
    path = address.removeprefix(system.base_url)

    async def refused_at() -> object:
        async with system.parts.database.transaction() as session:
            wanted = text("SELECT reminders_refused_at FROM vendor WHERE id = :id")
            return (await session.execute(wanted, {"id": at.vendor_id})).scalar_one()

    page = await system.browser.get(path)
    said = words_of(page.text)
    assert "Sạp R-10, Chợ Đồng Xuân" in said
    assert "Không nhận tin nhắc nữa" in said
    assert "310.000" not in said
    # What looks at addresses by itself changes nothing.
    assert await refused_at() is None
    sent = {"Accept": "text/html"}
    answer = await system.browser.post(path, data={"wanted": "no"}, headers=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    since = await refused_at()
    assert since is not None
    await system.browser.post(path, data={"wanted": "no"}, headers=sent)
    assert await refused_at() == since
    assert "Bạn sẽ không nhận tin nhắc nữa" in words_of((await system.browser.get(path)).text)
    english = await system.browser.get(f"{path}&lang=en")
    assert "You will get no more reminders" in words_of(english.text)
    system.browser.cookies.clear()
    await system.browser.post(path, data={"wanted": "yes"}, headers=sent)
    assert await refused_at() is None


@pytest.mark.parametrize("token", ["", "aaaaaaaaaaaaaaaaaaaa", "of another"])
async def test_nobody_else_ends_them(shared_system: System, token: str) -> None:
    at = await stall(shared_system, f"R-2{len(token)}")
    other = await stall(shared_system, f"R-3{len(token)}")
    urls = shared_system.parts.payments.urls
    given = urls.reminder_token(other.vendor_id) if token == "of another" else token
    for way in ("GET", "POST"):
        answer = await shared_system.browser.request(
            way, f"/n/{at.reference}?t={given}", data={"wanted": "no"} if way == "POST" else None
        )
        assert answer.status_code == 404
    # The stall's own token is another, and opens no page of reminders.
    assert urls.token(f"stall:{at.id}") != urls.reminder_token(at.vendor_id)


async def test_a_schedule_is_changed_and_told(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "R-40")
    things = Things(system, await keys_of(system, system.body.agency_id))
    finance = things.client("finance")
    path = f"/api/v1/markets/{at.market_id}"
    body = {"reminder_days": [10, 3, 10], "opening_day": 25, "opens_itself": True}
    changed = await system.browser.patch(path, json=body, headers=finance)
    assert changed.status_code == 200, changed.text
    told = changed.json()
    assert (told["reminder_days"], told["opening_day"], told["opens_itself"]) == ([3, 10], 25, True)
    refused = await system.browser.patch(path, json={"reminder_days": [29]}, headers=finance)
    assert refused.status_code == 422
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT opens_itself_from_on FROM market WHERE id = :id")
        since = (await session.execute(wanted, {"id": at.market_id})).scalar_one()
    assert since == clock.business_date(clock.now()) + timedelta(days=1)
    off = await system.browser.patch(path, json={"opens_itself": False}, headers=finance)
    assert off.json()["opens_itself"] is False
