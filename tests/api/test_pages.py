"""The pages for citizens as HTML: who sees what, what they escape, may load, and weigh."""

import re
import shlex
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from adapters.bank_qr.emv import decode
from adapters.keystore.files import CHAIN
from adapters.sandbox.engine.faults import Fault, Operation
from app.web.citizen.messages import TOLD
from app.web.citizen.paying import STARTS
from app.web.languages import KEPT
from tests.support.fee_pages import fees_of_every_kind
from tests.support.gateway_setups import MERCHANT, PAYING
from tests.support.machine import needs
from tests.support.markup import foreign_addresses, foreign_words, inline_code, tree_of, words_of
from tests.support.page_routes import unlisted
from tests.support.page_states import (
    DOSSIER,
    PAYER,
    STATES,
    Shown,
    bills_in_every_state,
    bills_with_reliefs,
    documents_of_every_kind,
    numbered_receipt,
)
from tests.support.qr_images import opened, texts_in
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<script>alert(1)</script>\"'&<b onmouseover=alert(2)>Án"
MOST_BYTES = 50_000

#: Of people, not of things: no language has another for them.
NAMES = (PAYER, HOSTILE)

Read = Callable[[str], Awaitable[str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def documents(shared_system: System) -> dict[str, str]:
    return await documents_of_every_kind(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def numbered(shared_system: System) -> str:
    return await numbered_receipt(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bills(
    shared_system: System, documents: dict[str, str], numbered: str
) -> dict[str, Shown]:
    # After the others: what issues those would issue the receipt that is on its way, too.
    return await bills_in_every_state(shared_system)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read(shared_system: System) -> Read:
    async def page(path: str) -> str:
        address, _, told = path.partition("#told=")
        cookie = {"Cookie": f"{TOLD}={told}"} if told else {}
        answer = await shared_system.browser.get(
            address, headers={"Accept": "text/html"} | cookie, follow_redirects=True
        )
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        return answer.text

    return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(
    shared_system: System, bills: dict[str, Shown], documents: dict[str, str], numbered: str
) -> dict[str, str]:
    """The path of every page in every state."""
    found = {f"bill, {state}": shown.private for state, shown in bills.items()}
    receipt = (await shared_system.read(bills["paid"].bill))["receipts"][0]
    body = f"/p/{shared_system.body.agency_code}"
    found |= {
        f"fee, {name}": path for name, path in (await fees_of_every_kind(shared_system)).items()
    }
    for kind, path in documents.items():
        found[f"document, {kind}"] = path
    for state, shown in (await bills_with_reliefs(shared_system)).items():
        found |= {f"bill, {state}": shown.private, f"bill, {state}, seen by all": shown.public}
    shut = numbered.removeprefix(shared_system.base_url)
    found |= {
        "receipt, shut": shut,
        "receipt, shut still": f"{shut}?amount=1",
        "receipt, opened": f"{shut}?amount=5000",
    }
    return found | {
        "bill, seen with the reference alone": bills["paid"].public,
        "bill, with a message": f"{bills['open'].private}#told=gateway_unavailable",
        "receipt": receipt["check_url"].removeprefix(shared_system.base_url),
        "receipt, unknown": "/r/ABCDEFGHJKLM",
        "poster": f"{body}/2.000884",
        "fee by quantity": f"{body}/2.000815",
        "several fees": f"{body}/1.004222",
        "no charge": f"{body}/1.000894",
        "fees": body,
        "fees, none found": f"{body}?q=zzz",
        "start": "/",
        "start, code not found": "/b?reference=LP0",
        "start, no check code": "/r?code=-",
        "receipt of a transfer": "/bien-lai",
        "debt of a notice": "/khoan-phai-nop",
        "error": "/no/such/page",
    }


async def test_every_page_is_in_the_list(shared_system: System, everything: dict[str, str]) -> None:
    assert unlisted(shared_system.app, everything.values()) == []
    assert "/p/{agency}" in unlisted(shared_system.app, ["/", "/b?reference=LP0"])


async def test_a_page_shows_one_language_and_leads_to_the_other(
    shared_system: System, everything: dict[str, str]
) -> None:
    found = {}
    for name, path in everything.items():
        address, _, told = path.partition("#told=")
        for language, other in (("vi", "en"), ("en", "vi")):
            cookies = f"{KEPT}={language}" + (f"; {TOLD}={told}" if told else "")
            answer = await shared_system.browser.get(
                address, headers={"Accept": "text/html", "Cookie": cookies}, follow_redirects=True
            )
            assert answer.status_code in (200, 404), name
            tree = tree_of(answer.text)
            assert tree.get("lang") == answer.headers["content-language"] == language
            (link,) = tree.xpath(f"//header//a[@hreflang='{other}']/@href")
            assert link.startswith("/")
            assert f"lang={other}" in link
            found[f"{name}, {language}"] = foreign_words(answer.text, language, NAMES)
    assert {place: words for place, words in found.items() if words} == {}


async def test_a_word_of_the_other_language_is_noticed() -> None:
    mixed = "<html><body><p>Nộp tiền</p><p>Paid in full</p><p lang='vi'>Đã nộp</p></body></html>"
    assert foreign_words(mixed, "en") == ["Nộp tiền"]
    assert foreign_words(mixed, "vi") == ["Paid in full"]


@pytest.mark.parametrize("state", STATES)
async def test_the_reference_alone_shows_no_name_no_dossier_and_no_receipt(
    bills: dict[str, Shown], read: Read, state: str
) -> None:
    for address in (bills[state].public, f"{bills[state].public}?t={'a' * 20}"):
        page = await read(address)
        assert PAYER not in page
        assert DOSSIER not in page
        assert "/r/" not in page
        assert bills[state].bill["reference"] in page


async def test_the_token_shows_the_name_the_dossier_and_the_receipt(
    bills: dict[str, Shown], read: Read
) -> None:
    page = await read(bills["paid"].private)
    assert PAYER in page
    assert DOSSIER in page
    files = [str(address) for address in tree_of(page).xpath("//main//a/@href")]
    receipts = [address.partition("?")[0] for address in files if "/r/" in address]
    assert [address[-4:] for address in receipts][:2] == [".pdf", ".xml"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("open", "Khoản phải nộp"),
        ("submitted", "Nếu đã bị trừ tiền, đừng thanh toán lại"),
        ("starting", "Đang mở trang thanh toán của PayGov"),
        ("unknown", "Đang kiểm tra kết quả, đừng thanh toán lại"),
        ("over", "10.000 đ sẽ được hoàn trả"),
        ("cancelled, then paid", "5.000 đ đã đến, cán bộ đang xem xét"),
        ("held", "Tiền đã đến, cán bộ đang kiểm tra"),
        ("declined", "PayGov đã từ chối giao dịch, chưa trừ tiền"),
        ("lapsed", "Lần thanh toán qua PayGov đã khép lại"),
        ("short", "Đã nhận 3.000 đ, còn thiếu 2.000 đ"),
        ("paid", "Đã nộp đủ"),
        ("paid, receipt on its way", "Biên lai đang được lập và ký số"),
        ("exempt", "Thủ tục này không thu tiền"),
        ("expired", "Đừng chuyển tiền cho mã này nữa"),
        ("cancelled", "Bạn không phải nộp khoản này"),
    ],
)
async def test_a_bill_says_in_words_how_it_stands(
    bills: dict[str, Shown], read: Read, state: str, said: str
) -> None:
    assert said in words_of(await read(bills[state].private))


async def test_a_way_to_pay_is_offered_only_where_paying_is_right(
    bills: dict[str, Shown], read: Read
) -> None:
    offered = {}
    for state, shown in bills.items():
        tree = tree_of(await read(shown.private))
        offered[state] = (
            bool(tree.xpath("//img[@class='qr']")),
            [str(name) for name in tree.xpath("//button[@name='gateway']/@value")],
        )
    # What is left of the short one is less than the second gateway takes.
    every, least = [setup.name for setup in PAYING], [PAYING[0].name]
    payable = {"open": every, "short": least, "declined": every, "lapsed": every}
    assert {s: ways for s, (qr, ways) in offered.items() if qr or ways} == payable
    assert all(offered[state][0] for state in payable)


async def test_an_open_bill_shows_whom_to_pay_how_much_and_with_what_memo(
    bills: dict[str, Shown], read: Read
) -> None:
    words = words_of(await read(bills["open"].private))
    reference = bills["open"].bill["reference"]
    for said in ("5.000 đ", "Năm nghìn đồng", "DEMO00000001", "999999", reference):
        assert said in words
    assert "TK THU THU NGHIEM - KHONG CO THAT" in words
    assert "3 trang: 2 × 2.000 đ + 1 × 1.000 đ" in words


async def test_the_code_of_a_bill_paid_in_part_asks_for_the_rest(
    shared_system: System, bills: dict[str, Shown], read: Read
) -> None:
    address = str(tree_of(await read(bills["short"].private)).xpath("//a[@download]/@href")[0])
    image = await shared_system.browser.get(address)
    (payload,) = texts_in(opened(image.content))
    assert decode(payload).amount == 2000


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("payment_declined", "Chưa có khoản tiền nào bị trừ"),
        ("gateway_unavailable", "Chưa có khoản tiền nào bị trừ"),
        ("rate_limited", "Bạn thao tác quá nhanh"),
        ("request_failed", "Hãy bấm “Cập nhật”"),
    ],
)
async def test_a_message_says_what_to_do_next(
    bills: dict[str, Shown], read: Read, code: str, said: str
) -> None:
    assert said in words_of(await read(f"{bills['open'].private}#told={code}"))


async def test_what_a_gateway_adds_to_the_address_is_neither_shown_nor_a_fault(
    bills: dict[str, Shown], read: Read
) -> None:
    plain = words_of(await read(bills["open"].private))
    added = f"&message={'Giao dịch thành công. ' * 10}&errorCode=00&orderId=1"
    assert words_of(await read(bills["open"].private + added)) == plain
    # Nor does a link of ours make the page say what somebody wants it to: that no money was taken.
    for code in ("payment_declined", "gateway_unavailable", "rate_limited"):
        assert (
            words_of(await read(f"{bills['open'].private}&message={code}&{TOLD}={code}")) == plain
        )
    assert await read(f"{bills['open'].public}?t={'x' * 500}")


async def test_an_old_message_is_not_shown_once_the_bill_is_paid(
    bills: dict[str, Shown], read: Read
) -> None:
    page = await read(f"{bills['paid'].private}#told=gateway_unavailable")
    assert words_of(page) == words_of(await read(bills["paid"].private))


async def test_the_script_is_told_when_a_page_has_changed_and_when_to_stop(
    shared_system: System, bills: dict[str, Shown], read: Read
) -> None:
    versions, watched = {}, {}
    for state, shown in bills.items():
        (main,) = tree_of(await read(shown.private)).xpath("//main")
        watched[state] = main.get("data-state")
        answer = await shared_system.browser.get(f"{shown.public}/state")
        versions[state] = answer.json()["version"]
        assert main.get("data-version") == versions[state]
    assert len(set(versions.values())) == len(bills)
    assert {state for state, path in watched.items() if path is None} == {
        "paid",
        "over",
        "exempt",
        "cancelled",
        "cancelled, then paid",
    }


async def test_no_page_holds_a_script_a_style_or_anything_from_elsewhere(
    shared_system: System, everything: dict[str, str], read: Read
) -> None:
    for name, path in everything.items():
        html = await read(path)
        assert inline_code(html) == [], name
        assert foreign_addresses(html, shared_system.base_url) == [], name


async def test_inline_code_and_foreign_addresses_are_noticed() -> None:
    bad = "<style>a{}</style><script>1</script><p style='a' onclick='b'><a href='javascript:1'>"
    assert len(inline_code(bad)) == 5
    assert foreign_addresses("<img src='https://cdn.example/a.png'>", "http://here") != []
    assert foreign_addresses("<script src='//cdn.example/a.js'></script>", "http://here") != []


async def test_every_page_comes_with_the_headers_that_protect_it(
    shared_system: System, everything: dict[str, str]
) -> None:
    for name, path in everything.items():
        answer = await shared_system.browser.get(path, headers={"Accept": "text/html"})
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, name
        assert "script-src 'self';" in policy, name
        assert "unsafe" not in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["cache-control"] == "no-store", name


async def test_forms_lead_home_and_a_payable_bills_form_to_its_gateway_too(
    shared_system: System, bills: dict[str, Shown]
) -> None:
    targets = {}
    for state in ("open", "paid"):
        answer = await shared_system.browser.get(bills[state].private)
        found = re.search(r"form-action ([^;]*)", answer.headers["content-security-policy"])
        assert found is not None
        targets[state] = found[1]
    assert targets == {"open": f"'self' {shared_system.sandbox_url}", "paid": "'self'"}


async def test_every_page_with_all_it_loads_is_light(
    shared_system: System, everything: dict[str, str], read: Read
) -> None:
    weights = {}
    for name, path in everything.items():
        html = await read(path)
        tree = tree_of(html)
        loaded = {*tree.xpath("//img/@src"), *tree.xpath("//script/@src")}
        loaded |= {*tree.xpath("//link/@href")}
        weights[name] = len(html.encode())
        for address in map(str, loaded):
            answer = await shared_system.browser.get(address)
            assert answer.status_code == 200, address
            weights[name] += len(answer.content)
    assert {name: weight for name, weight in weights.items() if weight > MOST_BYTES} == {}
    assert weights["bill, open"] > 5000, "was anything weighed?"


async def test_styles_and_scripts_may_be_kept_because_their_address_changes_with_them(
    shared_system: System, read: Read
) -> None:
    (address,) = map(str, tree_of(await read("/")).xpath("//link[@rel='stylesheet']/@href"))
    assert re.fullmatch(r"/static/style\.css\?v=[0-9a-f]{10}", address)
    kept = await shared_system.browser.get(address)
    assert "immutable" in kept.headers["cache-control"]
    gone = await shared_system.browser.get("/static/none.css")
    assert (gone.status_code, "cache-control" in gone.headers) == (404, False)


async def test_hostile_words_are_shown_as_words(shared_system: System, read: Read) -> None:
    line = {"description": HOSTILE, "amount": 7000, "sub_item": "2716"}
    bill = await shared_system.create_bill(lines=[line], payer={"name": HOSTILE})
    page = await read(bill["pay_url"])
    assert words_of(page).count(HOSTILE) == 2
    assert inline_code(page) == []
    await shared_system.decide(await shared_system.start(bill), "success")
    await shared_system.until(bill, "paid")
    await shared_system.work()
    receipt = (await shared_system.read(bill))["receipts"][0]
    page = await read(receipt["check_url"])
    assert inline_code(page) == []
    assert "alert(1)" in words_of(page)


@pytest.mark.parametrize(
    "path",
    [
        "/r/{}",
        "/r?code={}",
        "/b?reference={}",
        "/b/{}",
        "/p/ubnd-ben-mau?q={}",
        "/p/ubnd-ben-mau/{}",
        "/p/{}",
    ],
)
async def test_a_hostile_address_is_shown_as_words_or_not_at_all(read: Read, path: str) -> None:
    for typed in ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%22%20onfocus%3Dalert(1)%20x%3D%22"):
        page = await read(path.format(typed))
        assert inline_code(page) == []
        assert "<script>alert" not in page


@pytest.mark.parametrize(
    "path", ["/r/{}", "/b/{}", "/p/{}", "/p/ubnd-ben-mau/{}", "/b?reference={}"]
)
@pytest.mark.parametrize("typed", ["%00", "%ff", "%ed%a0%80", "a" * 150, "..%2f..%2fetc"])
async def test_an_odd_address_is_not_found_and_never_a_failure(
    shared_system: System, path: str, typed: str
) -> None:
    answer = await shared_system.browser.get(path.format(typed), headers={"Accept": "text/html"})
    assert answer.status_code in (404, 422), answer.text


async def test_a_receipts_page_masks_its_payer_and_says_how_it_stands(
    everything: dict[str, str], read: Read
) -> None:
    page = await read(everything["receipt"])
    words = words_of(page)
    assert PAYER not in page
    assert "N*** V*** A***" in words
    assert DOSSIER not in page
    for said in (
        "Biên lai thật, đang có hiệu lực",
        "không có giá trị pháp lý",
        "EBL01",
        "5.000 đ",
        "Năm nghìn đồng",
        "xmlsec1 --verify",
    ):
        assert said in words


def run(command: str, folder: Path) -> str:
    """What a command from a page says, good or bad."""
    done = subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


async def test_the_commands_on_a_receipts_page_check_its_signature(
    shared_system: System, everything: dict[str, str], read: Read, tmp_path: Path
) -> None:
    needs("xmlsec1")
    needs("poppler-utils")
    tree = tree_of(await read(everything["receipt"]))
    commands = {str(code.text).split()[0]: str(code.text) for code in tree.xpath("//ol//code")}
    folder = shared_system.parts.settings.signing_dir
    (tmp_path / "chung-thu-goc.pem").write_bytes((folder / CHAIN).read_bytes())
    for kind in ("xml", "pdf"):
        answer = await shared_system.browser.get(f"{everything['receipt']}.{kind}")
        (tmp_path / f"bien-lai.{kind}").write_bytes(answer.content)
    assert run(commands["xmlsec1"], tmp_path).startswith("0\n")
    assert "Signature is Valid" in run(commands["pdfsig"], tmp_path)
    receipt = tmp_path / "bien-lai.xml"
    receipt.write_bytes(receipt.read_bytes().replace("Năm nghìn".encode(), "Sáu nghìn".encode()))
    assert not run(commands["xmlsec1"], tmp_path).startswith("0\n")


async def test_a_receipts_page_is_found_by_its_code_however_typed(
    shared_system: System, everything: dict[str, str]
) -> None:
    code = everything["receipt"].rpartition("/")[2]
    typed = f"{code[:4].lower()}-{code[4:8]} {code[8:]}"
    answer = await shared_system.browser.get("/r", params={"code": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{code}")


async def test_a_bill_is_found_by_its_reference_however_typed(
    shared_system: System, bills: dict[str, Shown]
) -> None:
    reference = bills["open"].bill["reference"]
    typed = f"chuyen tien {reference[:6].lower()} {reference[6:]} cam on"
    answer = await shared_system.browser.get("/b", params={"reference": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/b/{reference}")


async def test_a_code_nobody_knows_is_told_so_with_what_to_do(read: Read) -> None:
    words = words_of(await read("/r/ABCDEFGHJKLM"))
    assert "Không có biên lai nào mang mã này" in words
    assert "đừng nhận biên lai này" in words


async def test_fees_are_found_without_marks(read: Read) -> None:
    words = words_of(await read("/p/ubnd-ben-mau?q=chung+thuc+chu+ky"))
    assert "Chứng thực chữ ký trong giấy tờ, văn bản" in words
    assert "Đăng ký khai sinh" not in words


async def test_the_poster_shows_what_a_payer_must_compare(
    shared_system: System, everything: dict[str, str], read: Read
) -> None:
    page = await read(everything["poster"])
    words = words_of(page)
    for said in ("UBND phường Bến Mẫu", "10.000 đ", "Mười nghìn đồng", "•••• 0001"):
        assert said in words
    assert "TK THU THU NGHIEM - KHONG CO THAT" in words
    reference = str(tree_of(page).xpath("//div[contains(@class, 'poster')]//dd/code")[1].text)
    source = str(tree_of(page).xpath("//img[@class='qr']/@src")[0]).replace(".svg", ".png")
    (payload,) = texts_in(opened((await shared_system.browser.get(source)).content))
    assert decode(payload).amount == 10_000
    assert decode(payload).purpose == reference


async def press(system: System, bill: dict[str, Any]) -> tuple[int, str]:
    """Press the button of a bill's page; the status and where it leads."""
    tree = tree_of((await system.browser.get(bill["pay_url"])).text)
    form = {str(i.get("name")): str(i.get("value")) for i in tree.xpath("//main//input")}
    answer = await system.browser.post(
        f"/b/{bill['reference']}/pay", data=form | {"gateway": "paygov"}
    )
    return answer.status_code, answer.headers["location"]


async def test_the_button_leads_to_the_gateway(shared_system: System) -> None:
    bill = await shared_system.create_bill()
    status, address = await press(shared_system, bill)
    assert (status, address.startswith(shared_system.sandbox_url)) == (303, True)


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault.DECLINE, "payment_declined", "Chưa có khoản tiền nào bị trừ cho lần này"),
        (Fault.TRUNCATED, "payment_outcome_pending", "đừng thanh toán lại"),
    ],
)
async def test_a_button_that_leads_nowhere_says_why_once(
    shared_system: System, fault: Fault, code: str, said: str
) -> None:
    bill = await shared_system.create_bill()
    shared_system.sandbox.faults.script(MERCHANT["partner_code"], Operation.CREATE, fault)
    status, address = await press(shared_system, bill)
    assert status == 303
    assert address.startswith(f"/b/{bill['reference']}?t=")
    assert shared_system.browser.cookies.get(TOLD, path=f"/b/{bill['reference']}") == code
    # With the message and without it, as the script renews the page.
    for cookies in (f"{TOLD}={code}", ""):
        page = await shared_system.browser.get(address, headers={"Cookie": cookies})
        tree = tree_of(page.text)
        (notice,) = tree.xpath("//section[contains(@class, 'notice')]")
        assert said in " ".join(notice.text_content().split())


async def test_a_bill_that_is_paid_meanwhile_is_not_paid_again(
    shared_system: System, bills: dict[str, Shown]
) -> None:
    bill = bills["paid"].bill
    answer = await shared_system.browser.post(
        f"/b/{bill['reference']}/pay", data={"gateway": "paygov"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/b/{bill['reference']}")
    assert f"{TOLD}=bill_not_payable; " in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]


async def test_pressing_twice_is_one_attempt(shared_system: System) -> None:
    bill = await shared_system.create_bill()
    data = {"gateway": "paygov", "once": "the-same-page"}
    path = f"/b/{bill['reference']}/pay"
    addresses = {
        (await shared_system.browser.post(path, data=data)).headers["location"] for _ in range(2)
    }
    assert len(addresses) == 1
    assert len((await shared_system.read(bill))["payments"]) == 1


async def press_in_vain(system: System, bill: dict[str, Any], token: str = "") -> str:
    """Press a bill's button for a gateway that its body does not have; what it is told."""
    answer = await system.browser.post(
        f"/b/{bill['reference']}/pay", data={"gateway": "nobody", "t": token}
    )
    assert answer.status_code == 303
    return str(answer.headers["set-cookie"])


async def test_an_address_that_many_share_may_press_as_often_as_it_has_bills(
    shared_system: System,
) -> None:
    """A hundred and twenty a minute was the most of one address, whoever was behind it."""
    told = []
    for _ in range(121 // STARTS.turns + 1):
        bill = await shared_system.create_bill()
        told += [await press_in_vain(shared_system, bill) for _ in range(STARTS.turns)]
    assert len(told) > 120
    assert [one for one in told if "rate_limited" in one] == []


async def test_who_presses_one_bill_too_often_stops_nobody_who_has_its_link(
    shared_system: System,
) -> None:
    bill, other = [await shared_system.create_bill() for _ in range(2)]
    for _ in range(STARTS.turns):
        assert "rate_limited" not in await press_in_vain(shared_system, bill)
    assert "rate_limited" in await press_in_vain(shared_system, bill)
    assert "rate_limited" not in await press_in_vain(shared_system, other)
    assert "rate_limited" not in await press_in_vain(
        shared_system, bill, bill["pay_url"].partition("t=")[2]
    )
    status, address = await press(shared_system, bill)
    assert (status, address.startswith(shared_system.sandbox_url)) == (303, True)
