"""A vendor's page: shut to passers-by, opened by the code or the phone's end, and what it tells."""

import re
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from app.web.market.stalls import MOST_OWED
from core import allowances, clock
from core.days import day_text
from core.errors import RateLimited
from payments.billing.commands import print_sticker
from payments.billing.credit.queries import list_holdings
from payments.billing.dues.opening import StallKeys, count_try
from payments.billing.dues.queries import find_stall
from tests.support.callbacks import credit
from tests.support.markup import words_of
from tests.support.staff_browser import signed_in_as
from tests.support.stalls import CODE, PHONE, StallAtHand, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


def address(at: StallAtHand) -> str:
    return f"/v/{at.system.body.agency_code}/{at.reference}"


async def typed(at: StallAtHand, code: str) -> httpx2.Response:
    sent = {"Accept": "text/html"}
    return await at.system.browser.post(address(at), data={"code": code}, headers=sent)


#: The token of each stall that was opened: tries are counted, and a page is looked at often.
_TOKENS: dict[str, str] = {}


async def opened(at: StallAtHand, **asked: Any) -> str:
    """The page as the holder sees it, with the form's fields as they were sent."""
    if at.id not in _TOKENS:
        answer = await typed(at, CODE)
        assert answer.status_code == 303, answer.text
        _TOKENS[at.id] = answer.headers["location"].partition("?t=")[2]
    page = await at.system.browser.get(address(at), params={"t": _TOKENS[at.id]} | asked)
    assert page.status_code == 200, page.text
    return page.text


async def test_a_passer_by_sees_only_what_to_do(shared_system: System) -> None:
    at = await stall(shared_system, "C-01")
    bill = await at.owe(310_000)
    for asked in ("", "?t=", "?t=aaaaaaaaaaaaaaaaaaaa", "?pay=all"):
        page = await shared_system.browser.get(address(at) + asked)
        said = words_of(page.text)
        assert page.status_code == 200
        assert "Sạp C-01, Chợ Đồng Xuân" in said
        for secret in ("310.000", bill["reference"], at.reference + '"', "Tháng"):
            assert secret not in said
    unknown = await shared_system.browser.get(f"/v/{at.system.body.agency_code}/LPAAAAAAAAAAAA")
    other = await shared_system.browser.get(f"/v/another/{at.reference}")
    assert (unknown.status_code, other.status_code) == (404, 404)


@pytest.mark.parametrize("code", [CODE, CODE.lower(), f" {CODE} ", PHONE[-4:]])
async def test_the_code_and_the_end_of_the_phone_number_open(
    shared_system: System, code: str
) -> None:
    at = await stall(shared_system, f"C-02 {code.strip()}{len(code)}{code.islower()}")
    await at.owe(310_000)
    answer = await typed(at, code)
    assert answer.status_code == 303
    page = await shared_system.browser.get(answer.headers["location"])
    assert "310.000" in words_of(page.text)
    # Nobody else may keep it.
    assert page.headers["cache-control"] == "no-store"


async def test_the_code_in_an_address_opens_too(shared_system: System) -> None:
    at = await stall(shared_system, "C-03")
    right = await shared_system.browser.get(address(at), params={"code": CODE})
    wrong = await shared_system.browser.get(address(at), params={"code": "111111"})
    assert (right.status_code, wrong.status_code) == (303, 403)


async def test_a_token_ends_with_its_contract_and_with_its_code(shared_system: System) -> None:
    at = await stall(shared_system, "C-04")
    way = (await typed(at, CODE)).headers["location"]
    before = words_of((await shared_system.browser.get(way)).text)
    assert "Không còn nợ kỳ nào" in before
    await at.hand_over(date(2026, 1, 2))
    after = words_of((await shared_system.browser.get(way)).text)
    assert "Không còn nợ kỳ nào" not in after
    assert "Từ 02/01/2026 sạp này đã có người khác thuê" in after
    assert "Bạn không còn nợ gì ở sạp này" in after
    await at.set_code("ANOTHER1")
    assert words_of((await shared_system.browser.get(way)).text) == after
    way = (await typed(at, "ANOTHER1")).headers["location"]
    assert "Không còn nợ kỳ nào" in words_of((await shared_system.browser.get(way)).text)
    await at.set_code("ANOTHER2")
    assert "Mã trên hợp đồng" in words_of((await shared_system.browser.get(way)).text)


async def test_the_code_of_who_has_left_opens_nothing_of_the_holder(shared_system: System) -> None:
    """It was the stall's, and opened whoever's page the stall had."""
    at = await stall(shared_system, "C-41")
    await at.owe(123_000)
    await at.hand_over(clock.business_date(clock.now()))
    answer = await typed(at, CODE)
    said = words_of((await shared_system.browser.get(answer.headers["location"])).text)
    assert "Bạn còn phải trả 123.000 đ" in said
    assert "Bạn thuê sạp từ" not in said
    # Until a code of their own is given, the holder opens by the end of the phone number.
    way = (await typed(at, PHONE[-4:])).headers["location"]
    assert "Bạn thuê sạp từ" in words_of((await shared_system.browser.get(way)).text)


async def test_a_code_goes_on_with_another_contract_of_the_same_vendor(
    shared_system: System,
) -> None:
    at = await stall(shared_system, "C-42")
    await at.renew(clock.business_date(clock.now()))
    way = (await typed(at, CODE)).headers["location"]
    assert "Không còn nợ kỳ nào" in words_of((await shared_system.browser.get(way)).text)


async def test_a_code_is_given_to_the_vendor_of_the_newest_contract(shared_system: System) -> None:
    at = await stall(shared_system, "C-43")
    await at.hand_over(clock.business_date(clock.now()))
    parts, within = shared_system.parts, [shared_system.body.agency_id]
    key, actor = parts.payments.request_key, "system:test"
    async with parts.database.transaction() as session:
        await print_sticker(session, at.id, within, "HOLDER27", "mới", key=key, actor=actor)
    way = (await typed(at, "HOLDER27")).headers["location"]
    assert "Bạn thuê sạp từ" in words_of((await shared_system.browser.get(way)).text)
    left = (await typed(at, CODE)).headers["location"]
    assert "Bạn thuê sạp từ" not in words_of((await shared_system.browser.get(left)).text)


async def test_who_has_left_sees_what_they_still_owe_and_no_code_of_the_stall(
    shared_system: System,
) -> None:
    """Money on the stall's reference is the new holder's: the former one is not shown it."""
    at = await stall(shared_system, "C-21")
    await at.owe(123_000)
    way = (await typed(at, CODE)).headers["location"]
    page = (await shared_system.browser.get(way)).text
    assert "qr.svg" in page
    assert "Bạn thuê sạp từ" not in words_of(page)
    today = clock.business_date(clock.now())
    await at.hand_over(today)
    page = (await shared_system.browser.get(way)).text
    said = words_of(page)
    assert "Đừng chuyển tiền theo mã của sạp nữa" in said
    assert "Bạn còn phải trả 123.000 đ" in said
    assert "qr.svg" not in page
    assert at.reference not in said
    (link,) = re.findall(r'class="button wide" href="([^"]+)"', page)
    bill = words_of((await shared_system.browser.get(link.replace("&amp;", "&"))).text)
    assert "123.000 đ" in bill
    async with signed_in_as(shared_system, "finance") as office:
        board = words_of((await office.get(f"/staff/stalls/{at.id}")).text)
    assert "Còn nợ 123.000 đ; trả theo mã của từng khoản" in board
    # The new holder is told from when on, and whose the debts of before are.
    way = (await typed(at, PHONE[-4:])).headers["location"]
    own = words_of((await shared_system.browser.get(way)).text)
    assert f"Bạn thuê sạp từ {day_text(today)}. Nợ của người thuê trước không tính ở đây." in own
    assert "123.000" not in own


async def test_a_contract_of_later_on_changes_nothing_of_since_when_another_holds_the_stall(
    shared_system: System,
) -> None:
    at = await stall(shared_system, "C-24")
    way = (await typed(at, CODE)).headers["location"]
    today = clock.business_date(clock.now())
    await at.hand_over(today)
    await at.renew(today + timedelta(days=31))
    page = words_of((await shared_system.browser.get(way)).text)
    assert f"Từ {day_text(today)} sạp này đã có người khác thuê" in page


async def test_who_has_left_is_not_led_to_pay_what_is_being_paid(shared_system: System) -> None:
    at = await stall(shared_system, "C-25")
    bill = await at.owe(80_000)
    way = (await typed(at, CODE)).headers["location"]
    await at.hand_over(clock.business_date(clock.now()))
    assert "Trả kỳ này" in words_of((await shared_system.browser.get(way)).text)
    await shared_system.start(bill)
    page = words_of((await shared_system.browser.get(way)).text)
    assert "đừng trả kỳ này lần nữa" in page
    assert "Trả kỳ này" not in page
    assert "Xem khoản này" in page


async def test_who_has_left_is_told_of_so_many_periods_and_of_the_rest_in_sum(
    shared_system: System,
) -> None:
    at = await stall(shared_system, "C-26")
    for number in range(MOST_OWED + 2):
        await at.owe(1_000, due_in=number)
    way = (await typed(at, CODE)).headers["location"]
    await at.hand_over(clock.business_date(clock.now()))
    page = (await shared_system.browser.get(way)).text
    assert len(re.findall(r'class="button wide" href=', page)) == MOST_OWED
    assert "Và 2 kỳ sau đó, cộng 2.000 đ." in words_of(page)


async def test_what_a_former_holder_owes_stands_once_and_only_where_somebody_came_after(
    shared_system: System,
) -> None:
    at, today = await stall(shared_system, "C-27"), clock.business_date(clock.now())
    await at.owe(123_000)
    async with signed_in_as(shared_system, "finance") as office:
        await at.end(today - timedelta(days=10))
        # Nobody holds it: the stall's own code still pays what its last holder owes.
        board = words_of((await office.get(f"/staff/stalls/{at.id}")).text)
        assert "Còn nợ 123.000 đ; trả theo mã của từng khoản" not in board
        await at.renew(today - timedelta(days=9))
        await at.hand_over(today)
        board = words_of((await office.get(f"/staff/stalls/{at.id}")).text)
        assert board.count("Còn nợ 123.000 đ; trả theo mã của từng khoản") == 1


async def test_another_contract_of_the_same_vendor_is_opened_by_the_address_of_before(
    shared_system: System,
) -> None:
    at = await stall(shared_system, "C-22")
    way = (await typed(at, CODE)).headers["location"]
    await at.renew(clock.business_date(clock.now()))
    again = await shared_system.browser.get(way)
    assert again.status_code == 303
    own = words_of((await shared_system.browser.get(again.headers["location"])).text)
    assert "Không còn nợ kỳ nào" in own
    assert "Bạn thuê sạp từ" not in own


async def test_what_a_part_payment_leaves_is_said_before_it_is_sent(shared_system: System) -> None:
    at = await stall(shared_system, "C-23")
    await at.owe(310_000, due_in=-20)
    await at.owe(300_000, due_in=10)
    part = words_of(await opened(at, amount="400000"))
    assert "90.000 đ trong 300.000 đ" in part
    assert "Sau đó còn nợ: 210.000 đ" in part
    whole = words_of(await opened(at, amount="610000"))
    assert "Sau đó còn nợ" not in whole


async def guess(at: StallAtHand, codes: list[str]) -> str | None:
    """Try codes one after the other; the one that opens, None where none did."""
    for code in codes:
        if (await typed(at, code)).status_code == 303:
            return code
    return None


async def test_a_neighbour_cannot_guess_the_phone_number(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await stall(shared_system, "C-05")
    around = [f"{number:04}" for number in range(int(PHONE[-4:]) - 8, int(PHONE[-4:]) + 1)]
    assert await guess(at, around) is None
    refused = await typed(at, PHONE[-4:])
    assert refused.status_code == 429
    assert "quá nhiều lần" in words_of(refused.text)
    # Another stall's tries are its own.
    assert (await typed(await stall(shared_system, "C-06"), CODE)).status_code == 303

    async def unlimited(*_: object) -> bool:
        return True

    # The control: without the count the same walk gets in.
    monkeypatch.setattr(allowances, "take", unlimited)
    assert await guess(await stall(shared_system, "C-07"), around) == PHONE[-4:]


async def test_tries_from_many_networks_are_counted_together(shared_system: System) -> None:
    at = await stall(shared_system, "C-08")
    parts = shared_system.parts
    keys = StallKeys(parts.cipher, parts.payments.urls, parts.payments.request_key)

    async def tries(code: str) -> int:
        for number in range(100):
            async with parts.database.transaction() as session:
                found = await find_stall(session, at.reference)
                assert found is not None
                (holding,) = await list_holdings(session, [at.reference])
                try:
                    await count_try(session, keys, found, holding, code, f"10.0.0.{number}")
                except RateLimited:
                    return number
        return 100

    assert (await tries("0000"), await tries("000000")) == (10, 30)


async def test_who_holds_several_stalls_is_guessed_at_no_more_often(
    shared_system: System,
) -> None:
    first, second = [await stall(shared_system, code) for code in ("C-31", "C-32")]
    parts = shared_system.parts
    keys = StallKeys(parts.cipher, parts.payments.urls, parts.payments.request_key)
    async with parts.database.transaction() as session:
        whose = {"vendor": first.vendor_id, "contract": second.contract_id}
        change = "UPDATE stall_contract SET vendor_id = :vendor WHERE id = :contract"
        await session.execute(text(change), whose)
    refused = 0
    for number in range(20):
        reference = (first, second)[number % 2].reference
        async with parts.database.transaction() as session:
            found = await find_stall(session, reference)
            assert found is not None
            (holding,) = await list_holdings(session, [reference])
            try:
                await count_try(session, keys, found, holding, "0000", f"10.0.1.{number}")
            except RateLimited:
                refused += 1
    assert refused == 10


async def test_what_is_owed_and_what_a_sum_will_pay_is_said_before(shared_system: System) -> None:
    at = await stall(shared_system, "C-09")
    await at.owe(310_000, due_in=-20)
    await at.owe(300_000, due_in=10)
    await at.owe(290_000, due_in=40)
    said = words_of(await opened(at))
    assert "900.000 đ" in said
    assert "Trả hết mọi kỳ." in said
    for wanted, parts in (
        ({"pay": "1"}, ["Trả 310.000 đ", "Trả hết"]),
        ({"pay": "2"}, ["Trả 610.000 đ"]),
        ({"amount": "400.000"}, ["Trả 400.000 đ", "90.000 đ trong 300.000 đ"]),
        ({"amount": "1000000"}, ["Trả 1.000.000 đ", "Để dành cho kỳ sau: 100.000 đ"]),
        # An amount that is typed wins.
        ({"pay": "1", "amount": "1"}, ["Trả 1 đ", "1 đ trong 310.000 đ"]),
    ):
        said = words_of(await opened(at, **wanted))
        for part in parts:
            assert part in said, (wanted, part, said)
    # What was said is what happens.
    await credit(shared_system, 400_000, at.reference)
    await shared_system.work()
    assert await at.statuses() == ["paid", "open", "open"]
    said = words_of(await opened(at))
    assert "đã trả 90.000 đ trong 300.000 đ" in said
    assert "500.000 đ" in said


@pytest.mark.parametrize("amount", ["0", "-5", "1,5", "mười", "99999999999999", "١٢"])
async def test_an_odd_amount_is_refused_in_words(shared_system: System, amount: str) -> None:
    at = await stall(shared_system, f"C-10 {amount}")
    way = (await typed(at, CODE)).headers["location"]
    page = await shared_system.browser.get(f"{way}&amount={amount}")
    assert page.status_code == 422
    assert "Hãy ghi số tiền bằng chữ số" in words_of(page.text)
    assert "qr.svg" not in page.text


async def test_credit_history_and_proofs_are_shown(shared_system: System) -> None:
    at = await stall(shared_system, "C-11")
    bill = await at.owe(310_000)
    await credit(shared_system, 350_000, f"tien sap {at.reference}")
    await shared_system.work()
    page = await opened(at)
    said = words_of(page)
    assert "Không còn nợ kỳ nào" in said
    assert "Đang trả trước 40.000 đ" in said
    assert "310.000 đ" in said
    assert "350.000 đ" in said
    (proof,) = re.findall(r'href="([^"]*/d/[^"]+)"', page)
    shown = await shared_system.browser.get(proof)
    assert shown.status_code == 200
    assert (await shared_system.read(bill))["status"] == "paid"


async def test_another_holders_money_and_debts_are_not_shown(shared_system: System) -> None:
    at = await stall(shared_system, "C-12")
    await at.owe(123_000)
    await credit(shared_system, 23_000, at.reference)
    await shared_system.work()
    today = clock.business_date(clock.now())
    await at.hand_over(today)
    await at.set_code(CODE)
    said = words_of(await opened(at))
    assert "Không còn nợ kỳ nào" in said
    for others in ("123.000", "100.000"):
        assert others not in said


async def test_the_page_speaks_english(shared_system: System) -> None:
    at = await stall(shared_system, "C-13")
    await at.owe(310_000)
    said = words_of(await opened(at, lang="en"))
    assert "Still to pay" in said
    assert "Pays every period in full." in said
    shared_system.browser.cookies.clear()


async def test_the_page_is_light(shared_system: System) -> None:
    """Below 50 kB with its styles, scripts and code, with two months of days unpaid."""
    at = await stall(shared_system, "C-14")
    for day in range(62):
        await at.owe(15_000, due_in=day - 62)
    page = await opened(at)
    assert "Và 31 kỳ sau đó" in words_of(page)
    weight = len(page.encode())
    for place in re.findall(r'(?:src|href)="([^"]+)"', page):
        if place.startswith("/static/") or "qr.svg" in place:
            answer = await shared_system.browser.get(place.replace("&amp;", "&"))
            assert answer.status_code == 200
            weight += len(answer.content)
    assert weight < 50_000


async def test_the_code_of_the_sticker_is_the_stalls_own(shared_system: System) -> None:
    at = await stall(shared_system, "C-15")
    for amount in ("", "?amount=5000"):
        for extension in ("svg", "png"):
            answer = await shared_system.browser.get(f"{address(at)}/qr.{extension}{amount}")
            assert answer.status_code == 200
    assert (await shared_system.browser.get(f"{address(at)}/qr.svg?amount=0")).status_code == 422
