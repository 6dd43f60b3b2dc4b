"""What the sandbox shows over real HTTP: what it was asked and told, a button for each misdeed."""

import inspect
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
import pytest

from adapters.http import trusting_tls
from adapters.momo.gateway import MoMo
from adapters.sandbox.engine import misdeeds
from adapters.sandbox.engine.dialect import FeedDialect
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.faults import POSSIBLE, Fault, Operation
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import PayerOutcome, SandboxState, Timing
from adapters.sandbox.engine.traffic import KEPT, Seal, Traffic
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    CallbackRejected,
    CallbackResult,
    GatewayAccount,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)
from tests.support import browser as chromium
from tests.support.accessibility import faults_everywhere
from tests.support.browser import tab
from tests.support.receiver import Receiver, receiving

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NUMBER = "1020304050"
KEYS = {"partner_code": "MOMO-THU", "access_key": "access", "secret_key": "secret-of-momo"}


@dataclass
class Desk:
    """A sandbox with an account at a gateway and one at the bank, our side of it, and a browser."""

    state: SandboxState
    url: str
    receiver: Receiver
    gateway: MoMo
    browser: httpx2.AsyncClient

    async def start(self, ref: str = "A-1") -> str:
        """Ask for 50,000 đ; the payer's page."""
        request = StartRequest(
            *(ref, "77", 50_000, "Le phi", f"{self.url}/back", self.receiver.url),
            created_at=AT,
        )
        started = await self.gateway.start(request)
        assert isinstance(started, AcceptedAttempt)
        assert started.url is not None
        return started.url

    async def read(self, path: str) -> str:
        answer = await self.browser.get(f"{self.url}{path}")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, value: str, account: str = "MOMO-THU") -> httpx2.Response:
        """Press a button of an account's page, which must have it."""
        page = await self.read(f"/account?of={account}")
        assert f'name="misdeed" value="{value}"' in page
        form = {"account": account, "misdeed": value}
        return await self.browser.post(f"{self.url}/account/misdeeds", data=form)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    timing = Timing(schedule=(), late=0.05, between_duplicates=0.01, never=0.05, between_bytes=0)
    state = SandboxState(seed=3, timing=timing)

    def answer(callback: RawCallback) -> Acknowledgement:
        if "sepay" in callback.path:
            return Acknowledgement(200, b'{"success":true}')
        try:
            gateway.read_notice(callback)
        except CallbackRejected:
            return gateway.acknowledge(CallbackResult.REJECTED, callback)
        return gateway.acknowledge(CallbackResult.ACCEPTED, callback)

    async with receiving(answer) as receiver, running(state) as url:
        state.open("momo", KEYS, f"{receiver.url}/callbacks/momo/thu")
        bank = {"secret": "bank-secret", "account_number": NUMBER}
        state.open("sepay", bank, f"{receiver.url}/callbacks/sepay/thu")
        gateway = MoMo(GatewayAccount("momo", "thu", f"{url}/momo", KEYS))
        # One context for all: each would read the authorities anew, which takes as long as a test.
        verify = trusting_tls()
        async with httpx2.AsyncClient(trust_env=False, timeout=60, verify=verify) as browser:
            yield Desk(state, url, receiver, gateway, browser)
        await gateway.aclose()


def rows_of(page: str) -> list[str]:
    """The rows of the list, each as plain words."""
    found = re.findall(r'<li class="card">(.*?)</li>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


async def test_what_was_asked_and_told_is_listed_newest_first_with_its_signature(
    desk: Desk,
) -> None:
    url = await desk.start()
    await desk.browser.post(url, data={"outcome": "success"})
    await desk.receiver.wait_for(1)
    page = await desk.read("/seen")
    rows = rows_of(page)
    assert len(rows) == 3
    told, pressed, asked = rows
    assert "thông báo: A-1" in told
    assert "chữ ký đúng" in told
    assert "204, đã được nhận" in told
    assert "trang của người nộp" in pressed
    assert "POST v2/gateway/api/create" in asked
    assert "chữ ký đúng 200" in asked
    assert "<script" not in page
    # Of another account nothing is shown.
    assert rows_of(await desk.read(f"/seen?account={NUMBER}")) == []


async def test_a_request_is_shown_with_its_answer_and_a_wrong_signature_is_called_one(
    desk: Desk,
) -> None:
    await desk.start()
    page = await desk.read("/seen/1")
    assert "POST /momo/v2/gateway/api/create" in page
    assert "&#34;orderId&#34;:&#34;A-1&#34;" in page
    assert "&#34;resultCode&#34;:0" in page
    assert "secret-of-momo" not in page
    forged = '{"partnerCode":"MOMO-THU","orderId":"<b>A-2","requestId":"1","lang":"vi"'
    await desk.browser.post(
        f"{desk.url}/momo/v2/gateway/api/query", content=forged + ',"signature":"00"}'
    )
    page = await desk.read("/seen/2")
    assert "chữ ký sai" in page
    assert "&lt;b&gt;A-2" in page
    assert "<b>A-2" not in page
    assert (await desk.browser.get(f"{desk.url}/seen/3")).status_code == 404


async def test_a_notice_is_shown_with_what_was_answered_and_sent_again_word_for_word(
    desk: Desk,
) -> None:
    await desk.browser.post(await desk.start(), data={"outcome": "success"})
    await desk.receiver.wait_for(1)
    page = await desk.read("/sent/1")
    assert "&#34;orderId&#34;:&#34;A-1&#34;" in page
    assert "HTTP 204" in page
    again = await desk.browser.post(f"{desk.url}/sent/1/repeat")
    assert (again.status_code, again.headers["Location"]) == (303, "/sent/2")
    first, second = desk.receiver.heard
    assert first.body == second.body
    assert (await desk.browser.get(f"{desk.url}/sent/9")).status_code == 404


@pytest.mark.parametrize("name", sorted(dialects()))
def test_every_misdeed_has_a_button_with_words_of_its_own(name: str) -> None:
    groups = misdeeds.groups_of(dialects()[name])
    # What a dialect never asks a misdeed for can have no button: it would wait for ever.
    module = inspect.getsource(inspect.getmodule(type(dialects()[name])) or misdeeds)
    asked = {one for one in Operation if f"next_fault(merchant, Operation.{one.name})" in module}
    told = Operation.CREDIT if isinstance(dialects()[name], FeedDialect) else Operation.CALLBACK
    assert {one.operation for one in groups} == asked | {told}
    for group in groups:
        values = [button.value for button in group.buttons]
        wanted = {f"{group.operation}:{fault}" for fault in POSSIBLE[group.operation]}
        # Who signs no answers has none to sign wrongly.
        unsigned = name != "vnpay"
        assert wanted - set(values) == {one for one in wanted if unsigned and "_answer" in one}
        words = [button.words for button in group.buttons]
        assert len(set(words)) == len(words)
        assert all(button.meaning.endswith(".") for button in group.buttons)


async def test_a_button_makes_the_next_request_go_wrong_and_only_that(desk: Desk) -> None:
    answer = await desk.press("create:server_error:undone")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?of=MOMO-THU")
    page = await desk.read("/account?of=MOMO-THU")
    assert "Lần tạo giao dịch sắp tới: Lỗi 500" in page
    with pytest.raises(OutcomeUnknown):
        await desk.start()
    assert desk.state.store.orders == {}
    assert "Sắp xảy ra" not in await desk.read("/account?of=MOMO-THU")
    assert "500, theo lệnh: Lỗi 500" in rows_of(await desk.read("/seen"))[0]
    await desk.start("A-2")
    assert [order.order_id for order in desk.state.store.orders.values()] == ["A-2"]


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("callback:late_callback", ["genuine"]),
        ("callback:lost_callback", ["genuine"]),
        ("callback:duplicate_callback", ["genuine", "duplicate", "duplicate"]),
        ("callback:forged_callback", ["forged", "genuine"]),
    ],
)
async def test_a_result_goes_wrong_as_its_button_says(
    desk: Desk, value: str, kinds: list[str]
) -> None:
    await desk.press(value)
    await desk.browser.post(await desk.start(), data={"outcome": str(PayerOutcome.SUCCESS)})
    assert [one.kind for one in desk.state.deliveries.all] == kinds
    lost = "lost" in value
    assert (desk.state.deliveries.all[0].state == "lost") is lost
    if "forged" in value:
        assert any("chữ ký sai" in row for row in rows_of(await desk.read("/seen")))


async def test_what_was_planned_is_taken_back_for_this_account_alone(desk: Desk) -> None:
    await desk.press("create:timeout")
    await desk.press("credit:lost_callback", NUMBER)
    await desk.browser.post(f"{desk.url}/account/truth", data={"account": "MOMO-THU"})
    assert desk.state.faults.scripted("MOMO-THU") == []
    assert desk.state.faults.scripted(NUMBER) == [(Operation.CREDIT, Fault.LOST_CALLBACK)]


@pytest.mark.parametrize("value", ["", "create", "create:", "credit:html", "x:timeout"])
async def test_what_no_button_sends_is_refused(desk: Desk, value: str) -> None:
    form = {"account": "MOMO-THU", "misdeed": value}
    answer = await desk.browser.post(f"{desk.url}/account/misdeeds", data=form)
    assert answer.status_code == 422
    unknown = {"account": "NOBODY", "misdeed": "create:timeout"}
    answer = await desk.browser.post(f"{desk.url}/account/misdeeds", data=unknown)
    assert answer.status_code == 404


@pytest.mark.parametrize("name", sorted(dialects()))
async def test_an_account_is_opened_on_the_page_with_keys_that_it_shows(
    desk: Desk, name: str
) -> None:
    form = {"dialect": name, "callback_url": f"{desk.receiver.url}/mine"}
    answer = await desk.browser.post(f"{desk.url}/account", data=form)
    assert answer.status_code == 303, answer.text
    page = await desk.read(answer.headers["Location"])
    opened = {**desk.state.store.merchants, **desk.state.store.accounts}
    of = next(key for key in opened if f"Tài khoản {key}</h1>" in page)
    assert of not in ("MOMO-THU", NUMBER)
    assert f"{desk.url}/{name}" in page
    assert f"{desk.receiver.url}/mine" in page
    assert page.count("<code>") >= 2
    # Keys that came from elsewhere are not shown.
    assert "secret-of-momo" not in await desk.read("/account?of=MOMO-THU")


async def test_an_account_is_not_opened_twice_nor_told_of_at_no_address(desk: Desk) -> None:
    form = {"dialect": "paygov", "callback_url": "https://a.example/c"}
    assert (await desk.browser.post(f"{desk.url}/account", data=form)).status_code == 303
    assert (await desk.browser.post(f"{desk.url}/account", data=form)).status_code == 409
    for wrong in ({"callback_url": "ftp://a"}, {"dialect": "nobody"}, {"callback_url": ""}):
        refused = await desk.browser.post(f"{desk.url}/account", data=form | wrong)
        assert refused.status_code == 422


async def test_only_so_much_is_kept_and_what_lets_somebody_in_is_covered(desk: Desk) -> None:
    for _ in range(KEPT + 5):
        await desk.browser.get(f"{desk.url}/momo/nowhere", headers={"Authorization": "B" * 40})
    kept = desk.state.traffic.newest()
    assert len(kept) == KEPT
    assert kept[0].number == KEPT + 5
    assert kept[0].headers["authorization"] == "B" * 12 + "… (40)"
    assert (kept[0].status, kept[0].seal) == (404, Seal.NOT_COMPARED)
    assert desk.state.traffic.find(1) is None


def test_one_slip_makes_a_signature_wrong() -> None:
    seen, found = Traffic().current, []
    for good in (True, False, True):
        seen.compared(good=good)
        found.append(seen.seal)
    assert found == [Seal.RIGHT, Seal.WRONG, Seal.WRONG]


async def test_every_page_of_it_fits_its_screen_and_works_without_scripts(desk: Desk) -> None:
    await desk.press("callback:forged_callback")
    await desk.browser.post(await desk.start(), data={"outcome": "success"})
    await desk.press("create:timeout")
    paths = ("/", "/seen", "/seen/1", "/sent/1", "/account?of=MOMO-THU", f"/account?of={NUMBER}")
    async with chromium.started() as window:
        async with tab(window) as opened:
            for path in paths:
                await opened.open(f"{desk.url}{path}")
                assert await faults_everywhere(opened.page, dark=False) == [], path
        async with tab(window, java_script_enabled=False) as plain:
            await plain.open(f"{desk.url}/account?of=MOMO-THU")
            await plain.page.get_by_role("button", name="Bỏ hết, từ nay nói thật").click()
            await plain.page.get_by_role("button", name="Không báo").click()
            assert urlsplit(plain.page.url).path == "/account"
            planned = plain.page.get_by_text("Lần nộp thành công sắp tới: Không báo")
            assert await planned.count() == 1


def test_a_press_that_came_to_nothing_is_tried_once_more(request: pytest.FixtureRequest) -> None:
    mark = request.node.get_closest_marker("flaky")
    assert mark is not None
    assert mark.kwargs["reruns"] == 1
    assert all(pattern.startswith("TimeoutError") for pattern in mark.kwargs["only_rerun"])
