"""The pages of procedures: every fee in words, an amount before a bill, no bill by accident."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.bank_qr.emv import decode
from core import clock
from payments.attempts.inquiry import expire_bills
from tests.support.callbacks import credit
from tests.support.fee_pages import fees_of_every_kind
from tests.support.markup import foreign_words, inline_code, tree_of, words_of
from tests.support.qr_images import opened, texts_in
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

Read = Callable[[str], Awaitable[str]]

ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(shared_system: System) -> dict[str, str]:
    return await fees_of_every_kind(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read(shared_system: System) -> Read:
    async def page(path: str) -> str:
        answer = await shared_system.browser.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text
        return answer.text

    return page


async def send(system: System, path: str, status: int = 200, **typed: Any) -> str:
    """Press "Tính" with what is typed; the page."""
    answer = await system.browser.post(path, data=typed, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


def hidden(page: str) -> dict[str, Any]:
    """The form behind "Đến trang nộp tiền", as a browser would send it."""
    form: dict[str, Any] = {}
    for field in tree_of(page).xpath("//section[@id='sum']//input"):
        form.setdefault(str(field.get("name")), []).append(str(field.get("value")))
    return form


def answer_of(page: str) -> str:
    """What the card with the worked-out amount says; empty without one."""
    texts = tree_of(page).xpath("//section[@id='sum']//text()")
    return " ".join(" ".join(map(str, texts)).split())


async def count_bills(system: System) -> int:
    async with system.parts.database.transaction() as session:
        found: int = (await session.execute(text("SELECT count(*) FROM bill"))).scalar_one()
    return found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("percentage", "0,15 % giá trị; tối thiểu 100.000 đ; tối đa 5.000.000 đ"),
        ("percentage", "Mức thu chưa xác nhận"),
        ("percentage", "Mã thủ tục chưa xác nhận"),
        ("percentage", "NQ 1/2020/NQ-HĐND thử nghiệm, Điều 2"),
        ("percentage", "Trả kết quả tại nhà: 31.000 đ mỗi lần gửi"),
        ("several always", "3 khoản thu cùng nhau"),
        ("several always", "700 đ mỗi ảnh; tối đa 7.000 đ mỗi bản"),
        ("several always", "Mức thu theo nguồn thứ cấp"),
        ("choices", "Chọn trường hợp của bạn"),
        ("choices", "Luôn thu cùng"),
        ("assessed", "Mang thông báo đến quầy"),
        ("foreign currency", "25 USD mỗi hồ sơ"),
        ("foreign currency", "Hệ thống này chỉ thu đồng Việt Nam"),
        ("relief", "Miễn: người thuộc hộ nghèo"),
        ("relief", "Thu 10.000 đ mỗi hồ sơ: dưới 14 tuổi"),
        ("relief", "Mức giảm chưa xác nhận"),
        ("relief", "Áp dụng từ 01/01/2020 đến hết 31/12/2099"),
        ("relief online", "Giảm 25 %"),
        ("postage alone", "Không phải khoản thu ngân sách"),
    ],
)
async def test_a_procedures_page_tells_its_fees_in_words(
    pages: dict[str, str], read: Read, name: str, said: str
) -> None:
    assert said in words_of(await read(pages[name]))


async def test_an_english_page_says_that_a_figure_is_not_certain_too(
    shared_system: System, pages: dict[str, str]
) -> None:
    answer = await shared_system.browser.get(pages["percentage"], headers=ENGLISH)
    assert "Amount: not confirmed" in words_of(answer.text)


async def test_what_is_wrong_in_a_form_is_told_in_the_pages_language(
    shared_system: System, pages: dict[str, str]
) -> None:
    typed = {"quantity": ["0", "1"], "more": "1"}
    answer = await shared_system.browser.post(pages["several always"], data=typed, headers=ENGLISH)
    assert answer.status_code == 422
    assert "From 1 to 10,000." in words_of(answer.text)
    assert foreign_words(answer.text, "en") == []


async def test_a_figure_that_was_checked_against_the_law_carries_no_mark(
    pages: dict[str, str], read: Read
) -> None:
    page = await read(pages["postage alone"])
    assert tree_of(page).xpath("//*[@class='mark']") == []


@pytest.mark.usefixtures("pages")
async def test_the_list_marks_what_is_not_certain_and_names_reliefs(read: Read) -> None:
    for query, said in (
        ("9.000001", ("Mức thu chưa xác nhận", "Mã thủ tục chưa xác nhận")),
        ("9.000002", ("3 khoản cùng thu", "Mức thu theo nguồn thứ cấp")),
        ("9.000003", ("2 mức thu, tùy trường hợp",)),
        ("9.000006", ("50.000 đ mỗi hồ sơ", "Có miễn, giảm")),
    ):
        words = words_of(await read(f"/p/ubnd-ben-mau?q={query}"))
        assert [one for one in said if one not in words] == []
    assert "Mức thu chưa" not in words_of(await read("/p/ubnd-ben-mau?q=9.000003"))
    links = tree_of(await read("/p/ubnd-ben-mau")).xpath("//main//details//a")
    (field,) = [str(link.get("href")) for link in links if link.text == "Thử nghiệm"]
    assert "Thủ tục thu ngoại tệ" in words_of(await read(f"/p/ubnd-ben-mau{field}"))


@pytest.mark.parametrize("name", ["choices", "assessed", "foreign currency"])
async def test_what_cannot_be_worked_out_here_has_no_form_and_opens_nothing(
    shared_system: System, pages: dict[str, str], read: Read, name: str
) -> None:
    assert tree_of(await read(pages[name])).xpath("//main//form") == []
    before = await count_bills(shared_system)
    page = await send(shared_system, pages[name], quantity="1", seen="50000")
    assert hidden(page) == {}
    assert await count_bills(shared_system) == before


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("1.500.000.000", "2.250.000 đ"),
        ("1500000000", "2.250.000 đ"),
        ("1 500 000 000 đ", "2.250.000 đ"),
        ("1", "100.000 đ"),
        ("99.000.000.000", "5.000.000 đ"),
    ],
)
async def test_a_share_of_a_value_is_worked_out_and_its_value_is_told_in_words(
    shared_system: System, pages: dict[str, str], value: str, amount: str
) -> None:
    page = await send(shared_system, pages["percentage"], value=value)
    assert answer_of(page).startswith(f"Số tiền phải nộp {amount}")
    assert "đồng. Hãy xem lại nếu không đúng" in answer_of(page)
    assert hidden(page)["value"] == [value]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "Hãy nhập giá trị tính phí."),
        ("1,5", "Hãy ghi bằng chữ số"),
        ("2 tỷ", "Hãy ghi bằng chữ số"),
        ("-5", "Hãy ghi bằng chữ số"),
        ("0", "Từ 1 đến"),
        ("99999999999999", "Từ 1 đến"),
    ],
)
async def test_a_value_that_cannot_be_read_is_told_of_beside_its_field_and_kept(
    shared_system: System, pages: dict[str, str], value: str, fault: str
) -> None:
    page = await send(shared_system, pages["percentage"], 422, value=value, extra="gui-tra-tan-nha")
    tree = tree_of(page)
    (field,) = tree.xpath("//input[@name='value']")
    assert field.get("value") == value
    assert field.get("aria-invalid") == "true"
    beside = str(tree.xpath("string(//*[@id='value-fault'])"))
    assert fault in beside
    assert f"Giá trị: {beside}" in str(tree.xpath("string(//*[@role='alert'])"))
    assert answer_of(page) == ""
    (ticked,) = tree.xpath("//input[@name='extra'][@checked]")
    assert ticked.get("value") == "gui-tra-tan-nha"


async def test_a_quantity_is_worked_out_first_and_only_then_opens_a_bill(
    shared_system: System, read: Read
) -> None:
    path = "/p/ubnd-ben-mau/2.000815"
    before = await count_bills(shared_system)
    page = await send(shared_system, path, quantity="3", copies="2")
    assert "3 trang: 2 × 2.000 đ + 1 × 1.000 đ; nhân 2 bản" in answer_of(page)
    assert "TT 226/2016/TT-BTC, Điều 4" in answer_of(page)
    assert await count_bills(shared_system) == before
    answer = await shared_system.browser.post(path, data=hidden(page))
    assert answer.status_code == 303
    assert await count_bills(shared_system) == before + 1
    opened_page = words_of(await read(answer.headers["location"]))
    assert "10.000 đ" in opened_page
    assert "Hạn nộp" in opened_page


async def test_a_bill_that_nobody_came_back_to_expires_and_late_money_still_pays_it(
    shared_system: System,
) -> None:
    system, path = shared_system, "/p/ubnd-ben-mau/2.000815"
    page = await send(system, path, quantity="3", copies="1")
    answer = await system.browser.post(path, data=hidden(page))
    reference = answer.headers["location"].removeprefix("/b/").partition("?")[0]

    async def status() -> str:
        listed = (await system.client.get("/api/v1/bills", params={"limit": 100})).json()["items"]
        return str(next(one["status"] for one in listed if one["reference"] == reference))

    for hours, expected in ((23, "open"), (25, "expired")):
        with clock.frozen(clock.now() + timedelta(hours=hours)):
            while await expire_bills(system.parts.payments):
                pass
        assert await status() == expected
    await credit(system, 5000, reference)
    assert await status() == "paid"


async def test_a_wrong_quantity_says_what_is_wrong_and_keeps_what_was_typed(
    shared_system: System,
) -> None:
    for quantity in ("0", "-1", "1e3", "10001", "x", "٣"):
        page = await send(
            shared_system, "/p/ubnd-ben-mau/2.000815", 422, quantity=quantity, copies="2"
        )
        assert "Số trang: Từ 1 đến 10.000." in words_of(page)
        assert f'value="{quantity}"' in page
        assert 'value="2"' in page


async def test_hostile_words_in_the_form_are_shown_as_words_or_refused(
    shared_system: System, pages: dict[str, str]
) -> None:
    hostile = "\"'><script>x</script>"
    page = await send(shared_system, pages["percentage"], 422, value=hostile)
    assert inline_code(page) == []
    (field,) = tree_of(page).xpath("//input[@name='value']")
    assert field.get("value") == hostile
    for name in ("quantity", "copies", "value", "extra", "more", "channel", "seen", "once"):
        typed = {"value": "1000"} | {name: "9" * 1000}
        page = await send(shared_system, pages["percentage"], 422, **typed)
        assert "9" * 40 not in page


async def test_the_cap_of_a_fee_holds_and_is_explained(shared_system: System) -> None:
    page = await send(shared_system, "/p/ubnd-ben-mau/2.000815", quantity="300")
    assert "tối đa 200.000 đ" in answer_of(page)
    assert hidden(page)["seen"] == ["200000"]


async def test_fees_that_go_together_come_as_lines_of_one_bill(
    shared_system: System, pages: dict[str, str]
) -> None:
    typed: dict[str, Any] = {
        "quantity": ["20", "3"],
        "copies": "2",
        "extra": "ban-in-them",
        "more": "4",
    }
    page = await send(shared_system, pages["several always"], **typed)
    # 20 photos are capped at 7,000 đ for each of 2 copies; pages and the fixed fee know no copies.
    assert hidden(page)["seen"] == [str(14_000 + 30_000 + 6000 + 12_000)]
    answer = await shared_system.browser.post(pages["several always"], data=hidden(page))
    reference = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    found = (await shared_system.client.get(f"/api/v1/bills/{reference}")).json()
    assert [(line["fee"], line["amount"]) for line in found["lines"]] == [
        ("nhieu-anh", 14_000),
        ("nhieu-co-dinh", 30_000),
        ("nhieu-trang", 6000),
        ("ban-in-them", 12_000),
    ]
    assert found["amount"] == 62_000


async def test_each_wrong_count_is_told_of_beside_its_own_field(
    shared_system: System, pages: dict[str, str]
) -> None:
    typed: dict[str, Any] = {
        "quantity": ["1", "x"],
        "copies": "0",
        "extra": "ban-in-them",
        "more": "",
    }
    tree = tree_of(await send(shared_system, pages["several always"], 422, **typed))
    faulty = [str(field.get("id")) for field in tree.xpath("//input[@aria-invalid]")]
    assert faulty == ["quantity-2", "copies", "more-1"]
    listed = [str(link.get("href")) for link in tree.xpath("//*[@role='alert']//a")]
    assert sorted(listed) == ["#copies", "#more-1", "#quantity-2"]


async def test_a_choice_takes_along_what_is_always_taken(pages: dict[str, str], read: Read) -> None:
    said = answer_of(await read(pages["one of several"]))
    assert said.startswith("Số tiền phải nộp 25.000 đ")
    assert "Phí chon-doi" in said
    assert "Phí chon-luon-thu" in said
    assert "Phí chon-moi" not in said


async def test_a_fee_that_has_ended_says_when(shared_system: System, pages: dict[str, str]) -> None:
    answer = await shared_system.browser.get(
        "/p/ubnd-ben-mau/chon-cu", headers={"Accept": "text/html"}
    )
    assert answer.status_code == 404
    assert "có hiệu lực từ 01/01/2020 đến hết 06/05/2021" in words_of(answer.text)


async def test_a_relief_for_everybody_is_given_and_the_others_are_shown_for_who_can_prove_them(
    shared_system: System, pages: dict[str, str], read: Read
) -> None:
    page = await read(pages["relief"])
    said = answer_of(page)
    assert said.startswith("Số tiền phải nộp 25.000 đ")
    assert "Giảm giam-moi-nguoi" in said
    assert "đừng nộp ở đây" in said
    assert "Người thuộc hộ nghèo 0 đ" in said
    assert "Dưới 14 tuổi 10.000 đ" in said
    # Ten per cent off is less than the half that everybody has.
    assert "người có công" not in said.lower()
    claimed = hidden(page) | {"relief": "poor_household", "claims": "giam-ho-ngheo"}
    answer = await shared_system.browser.post(pages["relief"], data=claimed)
    assert "25.000 đ" in words_of(await read(answer.headers["location"]))


async def test_a_relief_for_applying_online_asks_how_the_application_is_handed_in(
    shared_system: System, pages: dict[str, str], read: Read
) -> None:
    path = pages["relief online"]
    assert answer_of(await read(path)) == ""
    assert "Cách nộp hồ sơ: Hãy chọn cách bạn nộp hồ sơ." in words_of(
        await send(shared_system, path, 422)
    )
    assert "Hãy chọn" in words_of(await send(shared_system, path, 422, channel="poster"))
    assert hidden(await send(shared_system, path, channel="counter"))["seen"] == ["40000"]
    page = await send(shared_system, path, channel="online")
    assert hidden(page)["seen"] == ["30000"]
    answer = await shared_system.browser.post(path, data=hidden(page))
    assert "30.000 đ" in words_of(await read(answer.headers["location"]))


async def test_where_everybody_is_exempt_no_bill_is_opened(
    shared_system: System, pages: dict[str, str], read: Read
) -> None:
    page = await read(pages["exempt for everybody"])
    assert answer_of(page).startswith("Không phải nộp")
    assert "Miễn: −60.000 đ, còn 0 đ" in answer_of(page)
    before = await count_bills(shared_system)
    await send(shared_system, pages["exempt for everybody"], seen="0")
    assert await count_bills(shared_system) == before


async def test_a_bill_is_opened_only_for_the_amount_that_was_seen(
    shared_system: System, pages: dict[str, str]
) -> None:
    before = await count_bills(shared_system)
    page = await send(shared_system, pages["one of several"], 409, seen="24000")
    assert "Số tiền vừa thay đổi" in words_of(page)
    assert hidden(page)["seen"] == ["25000"]
    assert await count_bills(shared_system) == before


async def test_pressing_twice_opens_one_bill(shared_system: System, pages: dict[str, str]) -> None:
    form = hidden(await send(shared_system, pages["one of several"]))
    before = await count_bills(shared_system)
    answers = await asyncio.gather(
        *(shared_system.browser.post(pages["one of several"], data=form) for _ in range(3))
    )
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await count_bills(shared_system) == before + 1
    again = hidden(await send(shared_system, pages["one of several"]))
    await shared_system.browser.post(pages["one of several"], data=again)
    assert await count_bills(shared_system) == before + 2


async def test_a_poster_asks_for_what_everybody_pays_and_shows_the_full_fee(
    shared_system: System, pages: dict[str, str], read: Read
) -> None:
    tree = tree_of(await read(pages["relief"]))
    said = " ".join(str(tree.xpath("string(//div[contains(@class, 'poster')])")).split())
    for words in (
        "25.000 đ Hai mươi lăm nghìn đồng",
        "Mức thu 50.000 đ, giảm 50 %: −25.000 đ, còn 25.000 đ",
        "Mức giảm theo nguồn thứ cấp",
        "Số tiền này đúng đến hết 31/12/2099",
        "hỏi cán bộ trước khi nộp",
    ):
        assert words in said
    source = str(tree.xpath("//img[@class='qr']/@src")[0]).replace(".svg", ".png")
    (payload,) = texts_in(opened((await shared_system.browser.get(source)).content))
    assert decode(payload).amount == 25_000


@pytest.mark.parametrize("name", ["choices", "one of several", "exempt for everybody", "assessed"])
async def test_there_is_no_poster_for_what_no_single_amount_pays(
    shared_system: System, pages: dict[str, str], read: Read, name: str
) -> None:
    assert tree_of(await read(pages[name])).xpath("//img[@class='qr']") == []
    assert (await shared_system.browser.get(f"{pages[name]}/qr.png")).status_code == 404
