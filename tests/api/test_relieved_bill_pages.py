"""The pages of bills with reliefs and notices: what the token opens, and what all may see."""

from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio

from tests.support.fee_pages import fees_of_every_kind
from tests.support.markup import tree_of, words_of
from tests.support.page_states import Shown, bills_with_reliefs
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

Read = Callable[[str], Awaitable[str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bills(shared_system: System) -> dict[str, Shown]:
    await fees_of_every_kind(shared_system)
    return await bills_with_reliefs(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read(shared_system: System) -> Read:
    async def page(path: str) -> str:
        answer = await shared_system.browser.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text
        return answer.text

    return page


async def test_the_token_shows_which_relief_a_bill_has_and_why(
    bills: dict[str, Shown], read: Read
) -> None:
    words = words_of(await read(bills["reduced"].private))
    for said in (
        "Mức thu 50.000 đ, được giảm 40.000 đ",
        "1 hồ sơ: 1 × 50.000 đ",
        "Giảm giam-tre-em",
        "Thu 10.000 đ mỗi hồ sơ: −40.000 đ, còn 10.000 đ",
        "Mức giảm chưa xác nhận",
        "Căn cứ miễn, giảm: NQ 1/2020/NQ-HĐND",
    ):
        assert said in words


@pytest.mark.parametrize("state", ["reduced", "exempt by relief"])
async def test_without_the_token_a_bill_shows_how_much_less_but_never_why(
    bills: dict[str, Shown], read: Read, state: str
) -> None:
    for address in (bills[state].public, f"{bills[state].public}?t={'a' * 20}"):
        page = await read(address)
        assert "được giảm theo quy định" in page.lower()
        for secret in ("giam-", "tuổi", "nghèo", "household", "aged", "Relief giam", "mỗi hồ sơ"):
            assert secret not in page
        off = "−40.000 đ" if state == "reduced" else "−50.000 đ"
        assert off in words_of(page)


async def test_an_exempt_bill_says_that_nothing_is_to_be_paid_and_under_which_rule(
    bills: dict[str, Shown], read: Read
) -> None:
    page = await read(bills["exempt by relief"].private)
    words = words_of(page)
    for said in (
        "Không phải nộp",
        "Miễn theo NQ 1/2020/NQ-HĐND thử nghiệm, Điều 2: Giảm giam-ho-ngheo",
        "Đừng chuyển tiền cho mã này",
        "không có biên lai",
    ):
        assert said in words
    assert tree_of(page).xpath("//main//form | //main//img") == []
    hidden_words = words_of(await read(bills["exempt by relief"].public))
    assert "Khoản này được miễn theo quy định" in hidden_words


async def test_a_line_from_a_notice_shows_the_notice_and_never_the_tax_number(
    bills: dict[str, Shown], read: Read
) -> None:
    for address in (bills["by notice"].private, bills["by notice"].public):
        page = await read(address)
        words = words_of(page)
        assert "Thông báo số LTB-2026/0042 ngày 02/11/2026" in words
        assert "Kho bạc: KBNN Bến Mẫu · Chương 757 · Tiểu mục 2801" in words
        assert "12.345.000 đ" in words
        assert "0100109106" not in page
