"""The pages in a real browser: a small phone, no JavaScript, the keyboard alone, ink on paper."""

import asyncio
import subprocess
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route

from adapters.bank_qr.emv import decode
from app.web.policy import STRICT
from tests.support.accessibility import faults_everywhere, faults_of, too_wide
from tests.support.browser import DESKTOP, tab
from tests.support.fee_pages import fees_of_every_kind
from tests.support.machine import needs
from tests.support.page_routes import unlisted
from tests.support.page_states import (
    Shown,
    bills_in_every_state,
    bills_with_reliefs,
    documents_of_every_kind,
    numbered_receipt,
)
from tests.support.qr_images import opened, texts_in
from tests.support.system import System

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(browser: Browser, shared_system: System) -> dict[str, str]:
    """The address of every page in every state. Asking for a browser first skips early."""
    # Before the bills: what issues these would issue the receipt that is on its way, too.
    documents = await documents_of_every_kind(shared_system)
    numbered = await numbered_receipt(shared_system)
    bills: dict[str, Shown] = await bills_in_every_state(shared_system)
    fees = await fees_of_every_kind(shared_system)
    relieved = await bills_with_reliefs(shared_system)
    receipt = (await shared_system.read(bills["paid"].bill))["receipts"][0]
    body = f"{shared_system.base_url}/p/{shared_system.body.agency_code}"
    home = shared_system.base_url
    wide = {"description": "Lệ phí " * 20, "amount": 10**13, "sub_item": "2716"}
    large = await shared_system.create_bill(lines=[wide])
    made = {f"bill, {state}": home + shown.private for state, shown in (bills | relieved).items()}
    made |= {
        f"bill, {state}, seen by all": home + shown.public for state, shown in relieved.items()
    }
    return (
        made
        | {f"fee, {name}": home + path for name, path in fees.items()}
        | {f"document, {kind}": home + path for kind, path in documents.items()}
        | {
            "bill, the largest amount": large["pay_url"],
            "bill, with a message": f"{home}{bills['open'].private}#told=rate_limited",
            "receipt": receipt["check_url"],
            "receipt, shut": numbered,
            "receipt, shut still": f"{numbered}?amount=1",
            "receipt, unknown": f"{home}/r/ABCDEFGHJKLM",
            "poster": f"{body}/2.000884",
            "fee by quantity": f"{body}/2.000815",
            "several fees": f"{body}/1.004222",
            "no charge": f"{body}/1.000894",
            "fees": body,
            "fees, none found": f"{body}?q=zzz",
            "start": f"{home}/",
            "start, code not found": f"{home}/b?reference=LP0",
            "start, no check code": f"{home}/r?code=-",
            "receipt of a transfer": f"{home}/bien-lai?memo=LPABCDEFGHJK23",
            "debt of a notice": f"{home}/khoan-phai-nop",
            "error": f"{home}/no/such/page",
        }
    )


def drawn(pdf: bytes, program: str) -> bytes:
    """The first sheet of a PDF as a PNG, drawn by poppler."""
    drawer = str(Path(program).with_name("pdftoppm"))
    command = [drawer, "-r", "100", "-png", "-singlefile", "-"]
    return subprocess.run(command, input=pdf, check=True, capture_output=True).stdout


async def test_every_page_is_looked_at(shared_system: System, pages: dict[str, str]) -> None:
    paths = [address.removeprefix(shared_system.base_url) for address in pages.values()]
    assert unlisted(shared_system.app, paths) == []


@pytest.mark.parametrize("part", range(4))
async def test_every_page_fits_its_screen_and_keeps_the_rules_of_access_and_of_its_policy(
    browser: Browser, pages: dict[str, str], part: int
) -> None:
    found = {}
    async with tab(browser) as shown:
        for name, address in list(pages.items())[part::4]:
            await shown.open(address)
            found[name] = await faults_everywhere(shown.page)
            found[f"{name}, complaints"] = shown.complaints
    assert {place: faults for place, faults in found.items() if faults} == {}


async def test_a_page_wider_than_the_screen_is_noticed(
    browser: Browser, pages: dict[str, str]
) -> None:
    async with tab(browser) as shown:
        await shown.open(pages["start"])
        await shown.page.evaluate("document.querySelector('h1').style.width = '400px'")
        assert await too_wide(shown.page)


#: What is broken on the first page, and the rule that tells of it. Each in a part that no other of
#: its round touches: they are broken together, and each has to be told.
DAMAGES = {
    "in its parts": {
        "document.documentElement.lang = ''": "360: language",
        "document.querySelector('label').remove()": "360: label",
        "document.querySelector('img').removeAttribute('alt')": "360: alt",
        "document.querySelector('h2').outerHTML = '<h4>a</h4>'": "360: heading skipped",
        "document.querySelector('button').textContent = ''": "360: name",
        "document.querySelector('.hint').style.color = '#999'": "360: contrast",
        "document.querySelector('.hint').style.fontSize = '9px'": "360: letters of 9px",
        "document.querySelector('#reference-hint').id = 'x'": (
            "360: aria-describedby leads nowhere"
        ),
        # What our own rules do not know, and axe-core does.
        "document.querySelector('main').setAttribute('role', 'mein')": "360: axe aria-roles",
        "document.querySelector('h1').setAttribute('aria-checkd', '1')": "360: axe aria-valid-attr",
        "document.querySelector('main').insertAdjacentHTML('beforebegin', '<p>of no part</p>')": (
            "360: axe region"
        ),
    },
    "in its order": {
        "document.querySelector('h1').outerHTML = '<h2>a</h2>'": "360: one h1",
        "document.querySelector('form').outerHTML = '<ul><p>a</p></ul>'": "360: axe list",
    },
    "as a whole": {"document.querySelector('main').remove()": "360: landmark main"},
    "on one screen alone": {
        "document.querySelector('h1').style.width = '310px'": "320: needs",
        """matchMedia('(min-width: 1000px)').addEventListener('change', ({ matches }) => {
          if (matches) document.querySelector('main').setAttribute('role', 'mein'); })""": (
            "1280: axe aria-roles"
        ),
    },
    "in the dark alone": {
        """document.styleSheets[0].insertRule(
          '@media (prefers-color-scheme: dark) { main .hint { color: #222 !important } }')""": (
            "dark: contrast"
        ),
    },
    # How faint words are is seen by axe-core alone.
    "in the dark, by axe alone": {
        """document.styleSheets[0].insertRule(
          '@media (prefers-color-scheme: dark) { h2 { opacity: .2 } }')""": (
            "dark: axe color-contrast"
        ),
    },
}


@pytest.mark.parametrize("place", DAMAGES)
async def test_the_check_of_access_notices_what_is_broken(
    browser: Browser, pages: dict[str, str], place: str
) -> None:
    async with tab(browser) as shown:
        await shown.open(pages["start"])
        for damage in DAMAGES[place]:
            await shown.page.evaluate(f"() => {{ {damage}; }}")
        found = await faults_everywhere(shown.page)
    rules = DAMAGES[place].values()
    assert [rule for rule in rules if not any(one.startswith(rule) for one in found)] == [], found


async def test_the_check_of_access_looks_at_a_page_as_it_stands(
    browser: Browser, pages: dict[str, str]
) -> None:
    async with tab(browser, color_scheme="dark") as shown:
        await shown.open(pages["start"])
        assert await faults_of(shown.page) == []
        await shown.page.evaluate("() => { document.querySelector('h2').style.color = '#222'; }")
        told = await faults_of(shown.page)
        assert {one.split()[0] for one in told} == {"contrast", "axe"}


async def test_a_script_in_a_page_would_not_run_and_would_be_noticed(
    browser: Browser, pages: dict[str, str]
) -> None:
    async with tab(browser) as shown:
        await shown.open(pages["start"])
        await shown.page.evaluate(
            "const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            "document.body.append(s)"
        )
        assert await shown.page.evaluate("window.ran") is None
        assert "Content Security Policy" in shown.complaints[0]


async def test_without_javascript_a_citizen_pays_and_gets_the_receipt(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser, java_script_enabled=False) as shown:
        await shown.open(bill["pay_url"])
        assert await shown.page.get_by_role("button", name="Sao chép").count() == 0
        await shown.page.get_by_role("button", name="qua PayGov").click()
        await shown.page.wait_for_url(f"{shared_system.sandbox_url}/**")
        await shown.page.get_by_role("button", name="Thanh toán thành công").click()
        await shown.page.wait_for_url(f"{shared_system.base_url}/b/**")
        await shared_system.until(bill, "paid")
        await shared_system.work()
        await shown.open(bill["pay_url"])
        await shown.page.get_by_role("heading", name="Đã nộp đủ").wait_for()
        await shown.page.get_by_role("link", name="Trang kiểm tra biên lai").click()
        await shown.page.get_by_role("heading", name="Biên lai thật, đang có hiệu lực").wait_for()


async def test_without_javascript_the_page_is_renewed_by_its_link(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser, java_script_enabled=False) as shown:
        await shown.open(f"{bill['pay_url']}#told=gateway_unavailable")
        await shared_system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
        await shared_system.until(bill, "paid")
        await shown.page.get_by_role("link", name="Cập nhật").click()
        await shown.page.get_by_role("heading", name="Đã nộp đủ").wait_for()
        assert shown.page.url == bill["pay_url"]


async def test_an_open_page_turns_green_by_itself_and_tells_it(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser) as shown:
        page = shown.page
        await page.clock.install()
        await shown.open(f"{bill['pay_url']}#told=gateway_unavailable")
        await page.evaluate("window.same = true; document.querySelector('.button').focus()")
        await page.clock.run_for(10_000)
        assert await page.locator(".bill.open").count() == 1
        await shared_system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
        await shared_system.until(bill, "paid")
        await page.clock.run_for(4_000)
        await page.locator(".bill.paid").wait_for()
        assert await page.locator("#live").text_content() == "Đã nộp đủ"
        assert (await page.title()).startswith("Đã nộp đủ")
        assert await page.evaluate("document.activeElement.id") == "main"
        assert page.url == bill["pay_url"]
        await shared_system.work()
        await page.clock.run_for(4_000)
        await page.get_by_role("link", name="Xem PDF").wait_for()
        assert await page.evaluate("window.same"), "the page was loaded anew"
        assert shown.complaints == []


async def test_a_lost_connection_is_told_and_mended(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser) as shown:
        page = shown.page
        await page.clock.install()
        await shown.open(bill["pay_url"])
        await page.route("**/state", lambda route: route.abort())
        for _ in range(3):
            async with page.expect_event("requestfailed"):
                await page.clock.run_for(3_100)
        await page.locator("#live", has_text="Mất kết nối").wait_for(state="attached")
        await page.unroute("**/state")
        await page.clock.run_for(16_000)
        await page.locator("#live", has_text="Đã có mạng trở lại").wait_for(state="attached")


async def test_the_keyboard_alone_reaches_the_gateway(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser) as shown:
        await shown.open(bill["pay_url"])
        visited = []
        for _ in range(10):
            await shown.page.keyboard.press("Tab")
            visited.append(
                await shown.page.evaluate(
                    "(({ activeElement: e }) => [e.textContent.trim(),"
                    " getComputedStyle(e).outlineStyle])(document)"
                )
            )
            if "qua PayGov" in visited[-1][0]:
                break
        assert "qua PayGov" in visited[-1][0], visited
        assert visited[0][0].startswith("Đến nội dung chính")
        assert {outline for _, outline in visited} == {"solid"}
        await shown.page.keyboard.press("Enter")
        await shown.page.wait_for_url(f"{shared_system.sandbox_url}/**")
        assert shown.complaints == []


async def test_a_policy_that_does_not_name_the_gateway_would_keep_the_citizen_here(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()

    async def strict(route: Route) -> None:
        answer = await route.fetch()
        headers = answer.headers | {"content-security-policy": STRICT}
        await route.fulfill(response=answer, headers=headers)

    async with tab(browser) as shown:
        await shown.page.route(bill["pay_url"], strict)
        await shown.open(bill["pay_url"])
        async with shown.page.expect_event("console"):
            await shown.page.get_by_role("button", name="qua PayGov").click()
        assert "form-action" in shown.complaints[0]
        assert shown.page.url == bill["pay_url"]


async def test_a_citizen_at_a_procedures_page_sees_the_amount_and_comes_to_a_bill(
    browser: Browser, shared_system: System, pages: dict[str, str]
) -> None:
    async with tab(browser, viewport=DESKTOP, java_script_enabled=False) as shown:
        await shown.open(pages["start"])
        await shown.page.get_by_role("link", name="UBND phường Bến Mẫu").click()
        await shown.page.get_by_label("Tìm thủ tục").fill("chung thuc ban sao tu ban chinh")
        await shown.page.get_by_role("button", name="Tìm").click()
        await shown.page.get_by_role("link", name="Chứng thực bản sao từ bản chính").first.click()
        await shown.page.get_by_label("Số trang").fill("0")
        await shown.page.get_by_role("button", name="Tính").click()
        await shown.page.get_by_role("alert").get_by_text("Số trang: Từ 1").click()
        assert await shown.page.evaluate("document.activeElement.id") == "quantity"
        assert await shown.page.get_by_role("button", name="Đến trang nộp tiền").count() == 0
        await shown.page.get_by_label("Số trang").fill("3")
        await shown.page.get_by_label("Số bản").fill("2")
        await shown.page.get_by_role("button", name="Tính").click()
        sum_ = shown.page.get_by_role("region", name="Số tiền phải nộp")
        await sum_.get_by_text("10.000 đ", exact=True).first.wait_for()
        assert await shown.page.get_by_label("Số trang").input_value() == "3"
        await shown.page.get_by_role("button", name="Đến trang nộp tiền").click()
        await shown.page.get_by_role("heading", name="Khoản phải nộp").wait_for()
        assert await shown.page.locator(".amount").text_content() == "10.000 đ"
        assert shown.complaints == []


async def test_with_the_keyboard_alone_the_amount_comes_first_and_then_the_bill(
    browser: Browser, pages: dict[str, str]
) -> None:
    async with tab(browser) as shown:
        await shown.open(pages["fee by quantity"])
        await shown.page.get_by_label("Số trang").focus()
        await shown.page.keyboard.type("2")
        # Enter in a field works the amount out; it never opens a bill.
        await shown.page.keyboard.press("Enter")
        await shown.page.locator("#sum").wait_for()
        assert "/p/" in shown.page.url
        await shown.page.keyboard.press("Tab")
        focused = await shown.page.evaluate("document.activeElement.textContent")
        assert "Đến trang nộp tiền" in focused
        await shown.page.keyboard.press("Enter")
        await shown.page.wait_for_url("**/b/**")


#: What is filled in or ticked on the page of a fee, and pictures of what comes of it.
ANSWERS = {
    "fee, percentage": ({"value": "1.500.000.000"}, ("extra-1",)),
    "fee, several always": ({"quantity": "20", "quantity-2": "3", "more-1": "2"}, ("extra-1",)),
    "fee, relief": ({}, ()),
    "fee, relief online": ({}, ("channel",)),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_fits_its_screen_and_keeps_the_rules_of_access(
    browser: Browser, pages: dict[str, str], name: str
) -> None:
    typed, ticked = ANSWERS[name]
    async with tab(browser) as shown:
        for wrong in (False, True) if typed else (False,):
            await shown.open(pages[name])
            for field, value in typed.items():
                await shown.page.locator(f"#{field}").fill("1,5" if wrong else value)
            for field in ticked:
                await shown.page.locator(f"#{field}").check()
            async with shown.page.expect_navigation():
                await shown.page.get_by_role("button", name="Tính").click()
            assert await shown.page.locator("#sum").count() == (0 if wrong else 1)
            assert await faults_everywhere(shown.page) == []
        assert shown.complaints == []


async def test_what_a_banking_app_asks_for_can_be_copied(
    browser: Browser, shared_system: System
) -> None:
    bill = await shared_system.create_bill()
    async with tab(browser, permissions=["clipboard-read", "clipboard-write"]) as shown:
        await shown.open(bill["pay_url"])
        copied = []
        for what in ("số tài khoản", "số tiền", "nội dung chuyển khoản"):
            await shown.page.get_by_role("button", name=f"Sao chép {what}").click()
            await shown.page.locator("#live", has_text="Đã sao chép").wait_for(state="attached")
            copied.append(await shown.page.evaluate("navigator.clipboard.readText()"))
        assert copied == ["DEMO00000001", "5000", bill["reference"]]


@pytest.mark.parametrize("paper", ["A4", "A5"])
async def test_a_poster_fills_one_sheet_and_its_code_is_read_from_the_print(
    browser: Browser, shared_system: System, pages: dict[str, str], paper: str
) -> None:
    program = needs("poppler-utils")
    home = f"{shared_system.base_url}/p/{shared_system.body.agency_code}"
    async with tab(browser, viewport=DESKTOP) as shown:
        # A long name of a fixed fee, a short one, and one with everything that a poster can say.
        for code, amount in (("2.000913", 30_000), ("2.000884", 10_000), ("9.000006", 25_000)):
            await shown.open(f"{home}/{code}")
            printed = await shown.page.pdf(format=paper)
            with pikepdf.open(BytesIO(printed)) as document:
                assert len(document.pages) == 1
            (payload,) = texts_in(opened(await asyncio.to_thread(drawn, printed, program)))
            assert decode(payload).amount == amount


#: The boxes of a page in which nothing but a heading can be seen.
_EMPTY_BOXES = """() => [...document.querySelectorAll(".card")].filter(box =>
  box.checkVisibility() && [...box.querySelectorAll("*")].every(one =>
    !one.checkVisibility() || one.matches("h1, h2, h3") || !one.textContent.trim())
).map(box => box.textContent.trim().slice(0, 60))"""


async def test_a_fee_that_is_worked_out_is_printed_without_the_box_of_its_form(
    browser: Browser, shared_system: System
) -> None:
    home = f"{shared_system.base_url}/p/{shared_system.body.agency_code}"
    async with tab(browser, viewport=DESKTOP) as shown:
        await shown.open(f"{home}/2.000815")
        # On the screen the form is there; how the amount is worked out is told beside it.
        assert await shown.page.locator(".card form:visible").count() == 1
        await shown.page.emulate_media(media="print")
        assert await shown.page.evaluate(_EMPTY_BOXES) == []
        assert await shown.page.locator(".card .price:visible").count() > 0
        # What may be added is told on paper too, without what can only be pressed on a screen.
        assert await shown.page.locator(".extras .tick:visible").count() > 0
        assert await shown.page.locator("form :is(input, button):visible").count() == 0
        assert await shown.page.locator(".tongue:visible").count() == 0
