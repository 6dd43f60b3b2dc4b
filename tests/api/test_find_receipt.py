"""Whoever has paid a poster finds the receipt by the transfer; whoever guesses finds nothing."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2
import pytest
from sqlalchemy import text, update
from sqlmodel import select

from app.web import rate
from core import clock, guesses
from core.clock import VIETNAM
from core.guesses import WrongGuess
from core.references import new_reference
from payments.bills.models import Bill
from tests.support.callbacks import credit
from tests.support.heartbeats import STOPPED, leave_signs
from tests.support.markup import tree_of, words_of
from tests.support.qr_images import opened, texts_in
from tests.support.staff import finance_office
from tests.support.system import System

#: Procedures with one fixed fee each, and what it is.
POSTER, OTHER = ("2.000884", 10_000), ("2.000913", 30_000)


@dataclass(frozen=True, slots=True)
class PosterTransfer:
    """A transfer to a poster, as the payer's banking app shows it."""

    memo: str
    amount: int
    bank_ref: str
    at: datetime

    def by_time(self, off: timedelta = timedelta(0), form: str = "%H:%M") -> dict[str, str]:
        there = (self.at + off).astimezone(VIETNAM)
        typed = {"memo": self.memo, "amount": str(self.amount)}
        return typed | {"day": f"{there:%Y-%m-%d}", "time": f"{there:{form}}"}

    def by_bank_ref(self) -> dict[str, str]:
        return {"memo": self.memo, "bank_ref": self.bank_ref}


async def payload_of(system: System, code: str) -> str:
    image = await system.browser.get(f"/p/{system.body.agency_code}/{code}/qr.png")
    (payload,) = texts_in(opened(image.content))
    return payload


async def bills(system: System) -> int:
    async with system.parts.database.reading() as session:
        return len(await session.all(select(Bill.id).where(Bill.status == "paid")))


async def pay(system: System, poster: tuple[str, int] = POSTER) -> PosterTransfer:
    """Pay a poster with a banking app, and wait until the money is in the books."""
    code, amount = poster
    payload, before = await payload_of(system, code), await bills(system)
    reference = payload[payload.index("LP") :][:14]
    assert (await system.transfer(payload, amount, f"nop le phi {reference}")).status_code == 200
    await system.told()
    assert await bills(system) == before + 1
    movement = system.sandbox.store.movements[-1]
    memo = f"MBVCB.1.{reference.lower()} CT tu 0011"
    return PosterTransfer(memo, amount, movement.reference_code, movement.booked_at)


async def ask(system: System, typed: dict[str, str], sender: str = "") -> httpx2.Response:
    headers = {"X-Forwarded-For": sender, "Forwarded": f"for={sender}"} if sender else {}
    return await system.browser.post("/bien-lai", data=typed, headers=headers)


async def test_amount_and_time_lead_to_the_receipt(system: System) -> None:
    paid = await pay(system)
    await system.work()
    places = set()
    for form in ("%H:%M", "%H:%M:%S", "%Hh%M"):
        found = await ask(system, paid.by_time(form=form))
        assert found.status_code == 303, (form, found.text)
        places.add(found.headers["location"])
    (place,) = places
    page = await system.browser.get(place)
    assert "Biên lai thật, đang có hiệu lực" in words_of(page.text)
    assert "10.000 đ" in words_of(page.text)
    assert "0011" not in page.text, "the narrative is nobody's business"


async def test_the_two_banks_clocks_may_differ_by_so_much(system: System) -> None:
    paid = await pay(system)
    await system.work()
    for off, found in ((-100, 404), (-80, 303), (20, 303), (40, 404)):
        typed = paid.by_time(off=timedelta(seconds=off), form="%H:%M:%S")
        assert (await ask(system, typed)).status_code == found, off


async def test_the_banks_reference_leads_to_the_receipt_however_it_is_typed(
    system: System,
) -> None:
    paid = await pay(system)
    await system.work()
    for typed in (paid.bank_ref, f" {paid.bank_ref.lower()[:6]} {paid.bank_ref.lower()[6:]} "):
        found = await ask(system, paid.by_bank_ref() | {"bank_ref": typed})
        assert found.status_code == 303, found.text


async def test_a_reference_with_the_banks_label_leads_to_it_before_and_after_an_upgrade(
    system: System,
) -> None:
    paid = await pay(system)
    await system.work()
    typed = f"{paid.bank_ref}/VCB"
    assert (await ask(system, paid.by_bank_ref() | {"bank_ref": typed})).status_code == 303
    async with system.parts.database.transaction() as session:
        kept = {"ref": f"{paid.bank_ref}VCB"}
        await session.execute(text("UPDATE credit_notice SET plain_ref = :ref"), kept)
    assert (await ask(system, paid.by_bank_ref() | {"bank_ref": typed})).status_code == 303
    # What tells nothing by the older reading finds nothing by it.
    async with system.parts.database.transaction() as session:
        await session.execute(text("UPDATE credit_notice SET plain_ref = ''"))
    assert (await ask(system, paid.by_bank_ref() | {"bank_ref": typed})).status_code == 404


async def test_several_payers_of_one_time_are_told_apart_by_the_bank_only(system: System) -> None:
    one, other = await pay(system), await pay(system)
    await system.work()
    assert (await ask(system, one.by_time())).status_code == 404
    places = [(await ask(system, paid.by_bank_ref())).headers["location"] for paid in (one, other)]
    assert len(set(places)) == 2


async def test_money_without_its_receipt_yet_is_told_as_money_that_has_come(system: System) -> None:
    paid = await pay(system)
    answer = await ask(system, paid.by_time())
    assert answer.status_code == 200
    assert "bạn không phải nộp lại" in words_of(answer.text)
    assert "sau ít phút" in words_of(answer.text)
    await leave_signs(system.parts.database, one=STOPPED)
    assert "sau ít phút" not in words_of((await ask(system, paid.by_time())).text)


async def test_a_price_leads_to_what_proves_it(system: System) -> None:
    """Postage has a confirmation and no receipt, and so nothing to wait for."""
    paid = await pay(system, ("tra-ket-qua-qua-buu-chinh", 30_500))
    await system.work()
    found = await ask(system, paid.by_time())
    assert found.status_code == 303, words_of(found.text)
    page = words_of((await system.browser.get(found.headers["location"])).text)
    assert "Xác nhận đã nhận tiền" in page
    assert "30.500 đ" in page


async def test_wrong_none_and_somebody_elses_have_one_answer(system: System) -> None:
    paid = await pay(system)
    elsewhere = await pay(system, OTHER)
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await system.until(bill, "paid")
    await system.work()
    hour = timedelta(hours=1)
    tries = [
        paid.by_time(off=hour),
        paid.by_time(off=-hour),
        paid.by_time() | {"amount": "10.001"},
        paid.by_time() | {"memo": new_reference()},
        paid.by_time() | {"memo": elsewhere.memo},
        paid.by_time() | {"memo": bill["reference"], "amount": str(bill["amount"])},
        paid.by_bank_ref() | {"bank_ref": elsewhere.bank_ref},
        paid.by_bank_ref() | {"memo": new_reference()},
    ]
    told = set()
    for typed in tries:
        answer = await ask(system, typed)
        assert answer.status_code == 404
        # The form holds what was typed, which differs; everything else must not.
        told.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(told) == 1


async def _wrong(system: System, paid: PosterTransfer, times: int, sender: str) -> list[int]:
    """So many wrong guesses, each under another made-up address; their statuses."""
    typed = paid.by_time(off=timedelta(hours=2))
    return [(await ask(system, typed, f"{sender}.{n}")).status_code for n in range(times)]


async def test_guesses_about_a_poster_end_whatever_address_they_claim(system: System) -> None:
    paid, other = await pay(system), await pay(system, OTHER)
    await system.work()
    most = guesses.MOST_WRONG
    assert await _wrong(system, paid, most + 5, "203.0.113") == [404] * most + [429] * 5
    # Then the right one is no way to learn that it is right; another poster's payers go on.
    assert (await ask(system, paid.by_time(), "198.51.100.7")).status_code == 429
    assert (await ask(system, paid.by_bank_ref())).status_code == 303
    assert (await ask(system, other.by_time())).status_code == 303
    async with system.parts.database.transaction() as session:
        await session.write(update(WrongGuess).values(at=clock.now() - guesses.WINDOW))
    assert (await ask(system, paid.by_time())).status_code == 303


async def test_guesses_at_one_instant_are_all_counted(system: System) -> None:
    paid = await pay(system)
    typed = paid.by_time(off=timedelta(hours=2))
    answers = await asyncio.gather(
        *(ask(system, typed, f"203.0.113.{n}") for n in range(guesses.MOST_WRONG * 2))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [404] * guesses.MOST_WRONG + [429] * guesses.MOST_WRONG


async def test_right_guesses_are_not_counted(system: System) -> None:
    paid = await pay(system)
    await system.work()
    found = [(await ask(system, paid.by_time())).status_code for _ in range(25)]
    assert found == [303] * 25


async def test_a_brake_by_address_alone_lets_a_made_up_header_through(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the count by poster, guessing goes on for ever."""
    monkeypatch.setattr(guesses, "MOST_WRONG", 10**9)
    paid = await pay(system)
    most = rate.LOOK_UPS.turns
    assert await _wrong(system, paid, most + 5, "203.0.113") == [404] * (most + 5)


#: What cannot be read, and the fields that it is told of.
UNREADABLE: Sequence[tuple[dict[str, str], set[str]]] = (
    ({}, {"memo", "amount", "day", "time"}),
    ({"memo": "LPABCDEFGHJKAA", "bank_ref": "FT26332000001"}, {"memo"}),
    ({"bank_ref": "NONREF"}, {"memo", "bank_ref"}),
    ({"amount": "1,5", "day": "30/02/2026", "time": "25:00"}, {"memo", "amount", "day", "time"}),
    ({"amount": "0", "day": "2026-11-28", "time": "9:5"}, {"memo", "amount"}),
    ({"amount": "5.000 đ", "day": "28-11-2026", "time": "9g05p07s"}, {"memo"}),
    ({"amount": "5000", "day": "2026-11-28", "time": "9:05 PM"}, {"memo", "time"}),
    ({"amount": "x" * 30, "day": "9999-12-31", "time": "\x00"}, {"memo", "amount", "day", "time"}),
)


async def test_what_cannot_be_read_is_named_by_field(system: System) -> None:
    for typed, wrong in UNREADABLE:
        answer = await ask(system, typed)
        assert answer.status_code == 422, typed
        tree = tree_of(answer.text)
        assert {str(one) for one in tree.xpath("//input[@aria-invalid]/@id")} == wrong, typed
        assert {str(one) for one in tree.xpath("//ul[@class='wrongs']//a/@href")} == {
            f"#{field}" for field in wrong
        }, typed
    async with system.parts.database.reading() as session:
        assert await session.all(select(WrongGuess.subject)) == [], "a slip is no guess"


async def test_the_way_there_is_shown_and_needs_no_script(system: System) -> None:
    home = tree_of((await system.browser.get("/")).text)
    (form,) = home.xpath("//form[@action='/bien-lai'][@method='post']")
    assert {"memo", "amount", "day", "time", "bank_ref"} == set(form.xpath(".//input/@name"))
    code, _ = POSTER
    page = tree_of((await system.browser.get(f"/p/{system.body.agency_code}/{code}")).text)
    (poster,) = page.xpath("//div[contains(@class, 'poster')]")
    address = system.base_url.partition("://")[2]
    assert f"{address}/bien-lai" in " ".join(poster.itertext())
    (link,) = page.xpath("//a[starts-with(@href, '/bien-lai')]/@href")
    prefilled = tree_of((await system.browser.get(str(link))).text)
    (memo,) = prefilled.xpath("//input[@id='memo']/@value")
    assert str(memo) in link


async def test_a_posters_reference_typed_as_a_bills_leads_to_the_form(system: System) -> None:
    payload = await payload_of(system, POSTER[0])
    reference = payload[payload.index("LP") :][:14]
    found = await system.browser.get("/b", params={"reference": f"nop {reference.lower()}"})
    assert (found.status_code, found.headers["location"]) == (303, f"/bien-lai?memo={reference}")
    bill = await system.create_bill()
    found = await system.browser.get("/b", params={"reference": bill["reference"]})
    assert found.headers["location"] == f"/b/{bill['reference']}"


async def test_old_guesses_are_forgotten(system: System) -> None:
    paid = await pay(system)
    await _wrong(system, paid, 2, "203.0.113")
    database = system.parts.database
    async with database.transaction() as session:
        assert await guesses.expire(session) == 0
        await session.write(update(WrongGuess).values(at=clock.now() - guesses.WINDOW))
        assert await guesses.expire(session) == 2


async def test_money_that_people_gave_to_another_bill_leads_nobody_to_that_bill(
    system: System,
) -> None:
    poster = await pay(system)
    reference = poster.memo.split(".")[2][:14].upper()
    bill = await system.create_bill(payer={"name": "Người Khác", "phone": "0900000001"})
    ref = "FT26777123456"
    await credit(system, 5000, reference, bank_ref=ref)
    office = await finance_office(system)
    (item,) = [one for one in await office.suspense() if one["reason"] == "static_amount"]
    await office.approve(await office.propose(item["id"], "assign", bill["reference"]))
    await system.work()
    assert (await system.read(bill))["status"] == "paid"
    typed = {"memo": reference, "bank_ref": ref}
    assert (await ask(system, typed)).status_code == 404


async def test_an_amount_that_no_bank_moves_is_no_amount(system: System) -> None:
    paid = await pay(system)
    answer = await ask(system, paid.by_time() | {"amount": "9" * 20})
    assert answer.status_code == 422


async def test_guesses_of_times_keep_nobody_out_who_has_the_banks_reference(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "MOST_WRONG", 2)
    paid = await pay(system)
    await system.work()
    for minutes in (5, 6):
        assert (await ask(system, paid.by_time(timedelta(minutes=minutes)))).status_code == 404
    assert (await ask(system, paid.by_time())).status_code == 429
    assert (await ask(system, paid.by_bank_ref())).status_code == 303
