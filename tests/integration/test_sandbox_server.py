"""The sandbox over real HTTP: the pages people click, the callbacks, the JSON API, the process."""

import asyncio
import html
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from adapters.bank_feeds.sepay import SePayFeed
from adapters.bank_qr import emv
from adapters.paygov.gateway import PayGov
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import PayerOutcome, SandboxState, Timing
from adapters.sandbox.engine.store import BankAccount
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    AttemptKey,
    CallbackRejected,
    CallbackResult,
    Credit,
    GatewayAccount,
    Outcome,
    RawCallback,
    StartRequest,
)
from tests.support.receiver import Receiver, receiving

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ACCOUNT_NUMBER = "1020304050"
ENDINGS = [outcome for outcome in PayerOutcome if outcome is not PayerOutcome.HELD]


@dataclass
class Town:
    """A sandbox, our receiver of its callbacks, and adapters that speak to both."""

    state: SandboxState
    url: str
    receiver: Receiver
    gateway: PayGov
    feed: SePayFeed
    browser: httpx2.AsyncClient
    #: what our side says to the next callbacks; accepted when there is nothing more
    results: list[CallbackResult]

    async def pay_page(self, order_ref: str = "A-1", amount: int = 5_000) -> str:
        request = StartRequest(
            order_ref,
            "77",
            amount,
            "Lệ phí <b>chứng thực</b>",
            f"{self.url}/back?b=1",
            "",
            created_at=AT,
        )
        started = await self.gateway.start(request)
        assert isinstance(started, AcceptedAttempt)
        assert started.url is not None
        return started.url

    async def click(self, url: str, outcome: str) -> httpx2.Response:
        return await self.browser.post(url, data={"outcome": outcome})

    async def charges(self) -> list[dict[str, object]]:
        answer = await self.browser.get(f"{self.url}/sandbox/charges")
        items: list[dict[str, object]] = answer.json()["items"]
        return items


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    timing = Timing(
        schedule=(0.05, 0.05, 0.05), late=0.1, between_duplicates=0.02, failure_to_success=0.1
    )
    state = SandboxState(seed=3, timing=timing)
    results: list[CallbackResult] = []

    def answer(callback: RawCallback) -> Acknowledgement:
        result = results.pop(0) if results else CallbackResult.ACCEPTED
        reader = feed if "sepay" in callback.path else gateway
        try:
            reader.read_notice(callback)
        except CallbackRejected:
            result = CallbackResult.REJECTED
        return reader.acknowledge(result, callback)

    async with receiving(answer) as receiver, running(state) as url:
        callback_url = f"{receiver.url}/callbacks/paygov/thu"
        credentials = {
            "partner_code": "PAYGOV-THU",
            "access_key": "access",
            "secret_key": "secret",
            "token": "token",
            "service_code": "service",
        }
        state.open("paygov", credentials, callback_url)
        bank = {"secret": "bank-secret", "account_number": ACCOUNT_NUMBER}
        state.open("sepay", bank, f"{receiver.url}/callbacks/sepay/thu")
        gateway = PayGov(GatewayAccount("paygov", "thu", f"{url}/paygov", credentials))
        feed = SePayFeed(GatewayAccount("sepay", "thu", "", bank))
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as browser:
            yield Town(state, url, receiver, gateway, feed, browser, results)
        await gateway.aclose()


async def test_the_payment_page_is_a_form_with_one_button_for_each_outcome(town: Town) -> None:
    page = await town.browser.get(await town.pay_page())
    assert page.status_code == 200
    buttons = re.findall(r'<button name="outcome" value="(\w+)"', page.text)
    assert buttons == [outcome.value for outcome in ENDINGS]
    assert page.text.count("<form") == 1
    assert '<form method="post">' in page.text
    assert "<script" not in page.text
    assert "không có tiền thật" in page.text
    assert "5.000 đ" in page.text
    assert "Le phi &lt;b&gt;chung thuc&lt;/b&gt;" in page.text


async def test_a_click_on_success_pays_tells_us_and_sends_the_payer_back(town: Town) -> None:
    answer = await town.click(await town.pay_page(), "success")
    assert answer.status_code == 303
    back = urlsplit(answer.headers["Location"])
    assert (back.path, parse_qs(back.query)["b"]) == ("/back", ["1"])
    (callback,) = await town.receiver.wait_for(1)
    report = town.gateway.read_notice(callback)
    assert (report.order_ref, report.outcome, report.amount) == ("A-1", Outcome.SUCCEEDED, 5_000)
    assert report.request_code == "77"
    assert [(c["order_id"], c["charged"]) for c in await town.charges()] == [("A-1", 5_000)]


@pytest.mark.parametrize("outcome", ENDINGS)
async def test_every_outcome_leaves_a_store_that_a_query_agrees_with(
    town: Town, outcome: PayerOutcome
) -> None:
    answer = await town.click(await town.pay_page(), outcome)
    expected_status = 504 if outcome is PayerOutcome.TIMEOUT_AFTER_CHARGE else 303
    assert answer.status_code == expected_status
    callbacks = {
        PayerOutcome.TIMEOUT_AFTER_CHARGE: 0,
        PayerOutcome.LOST_CALLBACK: 0,
        PayerOutcome.DUPLICATE_CALLBACK: 3,
        PayerOutcome.SUCCESS_AFTER_FAILURE: 2,
    }.get(outcome, 1)
    heard = await town.receiver.wait_for(callbacks)
    report = await town.gateway.query(AttemptKey("A-1", AT))
    (charge,) = await town.charges()
    if outcome is PayerOutcome.DECLINE:
        assert (report.outcome, charge["charged"]) == (Outcome.FAILED, 0)
        return
    assert (report.outcome, report.amount) == (Outcome.SUCCEEDED, charge["charged"])
    assert (charge["charged"] == 5_000) == (outcome is not PayerOutcome.WRONG_AMOUNT)
    if heard:
        last = town.gateway.read_notice(heard[-1])
        assert (last.gateway_ref, last.amount) == (report.gateway_ref, report.amount)


async def test_a_second_click_changes_nothing(town: Town) -> None:
    url = await town.pay_page()
    first, second = await asyncio.gather(town.click(url, "success"), town.click(url, "success"))
    assert sorted((first.status_code, second.status_code)) == [303, 409]
    assert [c["charged"] for c in await town.charges()] == [5_000]
    assert "đã có kết quả" in (await town.browser.get(url)).text


@pytest.mark.parametrize("outcome", ["", "riches", "SUCCESS"])
async def test_a_click_on_nothing_is_explained(town: Town, outcome: str) -> None:
    answer = await town.click(await town.pay_page(), outcome)
    assert answer.status_code == 422
    assert [c["charged"] for c in await town.charges()] == [0]


async def test_a_page_that_is_not_there_is_a_404(town: Town) -> None:
    assert (await town.browser.get(f"{town.url}/paygov/pay/0123")).status_code == 404
    assert (await town.click(f"{town.url}/paygov/pay/0123", "success")).status_code == 404


async def test_a_callback_is_repeated_until_we_accept_it(town: Town) -> None:
    town.results += [CallbackResult.TRY_AGAIN, CallbackResult.UNKNOWN_ORDER]
    await town.click(await town.pay_page(), "success")
    heard = await town.receiver.wait_for(3)
    assert len({callback.body for callback in heard}) == 1
    listed = (await town.browser.get(f"{town.url}/sandbox/callbacks?account=PAYGOV-THU")).json()
    (delivery,) = listed["items"]
    statuses = [attempt["status"] for attempt in delivery["attempts"]]
    assert statuses[:2] == [503, 200]


async def test_the_bank_page_reads_a_vietqr_and_fills_the_form_in(town: Town) -> None:
    page = await town.browser.get(f"{town.url}/bank", params={"payload": payload()})
    assert f"<strong>{ACCOUNT_NUMBER}</strong>" in page.text
    assert 'name="amount" inputmode="numeric" autocomplete="off" value="5000"' in page.text
    assert 'value="LPABCDEFGHJKLM"' in page.text
    assert payload() in html.unescape(page.text)
    same = {"payload": payload(), "action": "read"}
    assert (await town.browser.post(f"{town.url}/bank", data=same)).text == page.text
    assert town.state.store.movements == []


@pytest.mark.parametrize(
    ("amount", "narrative", "expected"),
    [
        ("", "", (5_000, "LPABCDEFGHJKLM")),
        ("7000", "khac", (7_000, "khac")),
        ("7.000 đ", "LP ABCDEFGHJKLM", (7_000, "LP ABCDEFGHJKLM")),
    ],
)
async def test_the_bank_page_posts_the_credit_and_shows_our_answer(
    town: Town, amount: str, narrative: str, expected: tuple[int, str]
) -> None:
    form = {"payload": payload(), "amount": amount, "narrative": narrative}
    page = await town.browser.post(f"{town.url}/bank", data=form)
    assert page.status_code == 200
    assert "nơi thu trả lời HTTP 200" in page.text
    assert '{"success":true}' in html.unescape(page.text)
    credit = town.feed.read_notice(town.receiver.heard[0])
    assert isinstance(credit, Credit)
    assert (credit.amount, credit.narrative) == expected


async def test_the_bank_page_tells_when_nobody_answers(town: Town) -> None:
    town.state.bank.open(BankAccount("sepay", ACCOUNT_NUMBER, "http://127.0.0.1:1/", "bank-secret"))
    page = await town.browser.post(f"{town.url}/bank", data={"payload": payload()})
    assert "chưa gửi được (ConnectError)" in page.text


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"payload": "000201"}, 422, "không phải là mã VietQR"),
        ({"payload": ""}, 422, "không phải là mã VietQR"),
        ({"payload": "QR", "action": "read"}, 422, "không phải là mã VietQR"),
        ({"payload": "@broken"}, 422, "sai mã kiểm tra CRC"),
        ({"payload": "@other"}, 404, "không có tài khoản 999"),
        ({"payload": "@good", "amount": "0"}, 422, "số nguyên đồng"),
        ({"payload": "@good", "amount": "-5"}, 422, "số nguyên đồng"),
        ({"payload": "@good", "amount": "năm nghìn"}, 422, "số nguyên đồng"),
        ({"payload": "@open"}, 422, "số nguyên đồng"),
    ],
)
async def test_the_bank_page_explains_what_it_cannot_do(
    town: Town, form: dict[str, str], status: int, words: str
) -> None:
    payloads = {
        "@good": payload(),
        "@broken": payload().replace("5000", "9000"),
        "@other": payload(account="999"),
        "@open": payload(amount=None),
    }
    filled = {**form, "payload": payloads.get(form["payload"], form["payload"])}
    page = await town.browser.post(f"{town.url}/bank", data=filled)
    assert page.status_code == status
    assert words in page.text
    assert town.state.store.movements == []


async def test_the_json_api_opens_accounts_plans_lies_and_shows_the_store(town: Town) -> None:
    async def post(path: str, status: int = 201, **body: object) -> dict[str, object]:
        answer = await town.browser.post(f"{town.url}/sandbox/{path}", json=body)
        assert answer.status_code == status, answer.text
        said: dict[str, object] = answer.json()
        return said

    assert (await town.browser.get(f"{town.url}/sandbox/health")).json() == {"status": "ok"}
    names = ("partner_code", "access_key", "secret_key", "token", "service_code")
    keys = dict.fromkeys(names, "x") | {"partner_code": "PAYGOV-2"}
    there = f"{town.receiver.url}/callbacks/paygov/2"
    await post("accounts", dialect="paygov", credentials=keys, callback_url=there)
    bank = {"account_number": "77", "secret": "s"}
    opened = await post("accounts", dialect="sepay", credentials=bank, callback_url=there)
    assert opened == {"account_number": "77"}
    await post("accounts", 422, dialect="nobody", credentials=keys, callback_url=there)
    await post("accounts", 422, dialect="paygov", credentials=bank, callback_url=there)
    assert {"PAYGOV-2", "PAYGOV-THU"} == set(town.state.store.merchants)
    await town.pay_page("A-1")
    paid = await post("outcomes", merchant="PAYGOV-THU", order_id="A-1", outcome="held")
    assert paid["charged"] == 5_000
    await post("faults", account="PAYGOV-THU", operation="query", fault="not_found")
    assert (await town.gateway.query(AttemptKey("A-1", AT))).outcome is Outcome.NOT_FOUND
    assert (await town.gateway.query(AttemptKey("A-1", AT))).outcome is Outcome.HELD
    await post("faults", account="PAYGOV-THU", operation="query", rate=1, faults=["not_found"])
    assert (await town.gateway.query(AttemptKey("A-1", AT))).outcome is Outcome.NOT_FOUND
    await town.browser.delete(f"{town.url}/sandbox/faults")
    assert (await town.gateway.query(AttemptKey("A-1", AT))).outcome is Outcome.HELD
    await post("faults", 422, account="PAYGOV-THU", operation="query", fault="late_callback")
    await post("faults", 422, account="PAYGOV-THU", operation="query", surprise=1)
    order = {"merchant": "PAYGOV-THU", "order_id": "A-1"}
    await post("outcomes", 409, **order, outcome="success")
    await post("outcomes", 404, merchant="PAYGOV-THU", order_id="A-2", outcome="success")
    credit = await post("credits", account_number=ACCOUNT_NUMBER, amount=5_000, narrative="LP")
    assert credit["state"] == "acknowledged"
    await post("credits", 404, account_number="1", amount=5_000, narrative="LP")
    calls = (await town.browser.get(f"{town.url}/sandbox/create-calls")).json()["items"]
    assert calls == [{"merchant": "PAYGOV-THU", "order_id": "A-1", "calls": 1}]
    credits = (await town.browser.get(f"{town.url}/sandbox/credits")).json()["items"]
    assert [row["amount"] for row in credits] == [5_000]
    before = len(town.receiver.heard)
    again = await post("callbacks/1/repeat")
    assert again["state"] == "acknowledged"
    assert town.receiver.heard[before].body == town.receiver.heard[0].body


async def test_a_forged_callback_is_really_sent_and_not_acknowledged(town: Town) -> None:
    forged = await town.browser.post(
        f"{town.url}/sandbox/forged-callbacks",
        json={"merchant": "PAYGOV-THU", "order_id": "A-1", "amount": 5_000},
    )
    assert forged.json()["state"] != "acknowledged"
    # We said what we say of a forged callback; it is not that nobody answered.
    (heard,) = town.receiver.heard
    with pytest.raises(CallbackRejected):
        town.gateway.read_notice(heard)
    assert await town.charges() == []


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.UNAVAILABLE])
async def test_a_gateway_that_is_busy_for_a_moment_is_asked_again(town: Town, fault: Fault) -> None:
    town.state.faults.script("PAYGOV-THU", Operation.CREATE, fault, retry_after="0")
    await town.pay_page()
    assert town.state.store.create_calls == {("PAYGOV-THU", "A-1"): 2}
    assert [c["amount"] for c in await town.charges()] == [5_000]


async def test_the_front_page_leads_everywhere(town: Town) -> None:
    url = await town.pay_page()
    page = await town.browser.get(town.url)
    assert 'href="/bank"' in page.text
    assert urlsplit(url).path in page.text


def test_the_sandbox_runs_as_a_process_of_its_own_and_ends_on_sigterm(tmp_path: Path) -> None:
    journal = tmp_path / "books.jsonl"
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    program = (
        "from pathlib import Path\n"
        "from adapters.sandbox.engine.server import serve\n"
        "keys = {'account_number': '77', 'secret': 's'}\n"
        "accounts = [('sepay', keys, 'http://127.0.0.1:1/')]\n"
        f"serve(port={port}, journal=Path({str(journal)!r}), accounts=accounts)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        url = f"http://127.0.0.1:{port}/sandbox"
        with httpx2.Client(trust_env=False, transport=httpx2.HTTPTransport(retries=8)) as client:
            assert client.get(f"{url}/health").json() == {"status": "ok"}
            body = {"account_number": "77", "amount": 5_000, "narrative": "LP"}
            assert client.post(f"{url}/credits", json=body).status_code == 201
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert [json.loads(line)["amount"] for line in journal.read_text().splitlines()] == [5_000]


def payload(account: str = ACCOUNT_NUMBER, amount: int | None = 5_000) -> str:
    """What our own encoder writes; the fake bank's reader must understand it."""
    return emv.encode(
        emv.VietQr(
            bin="970400",
            account=account,
            amount=amount,
            purpose="LPABCDEFGHJKLM",
            bill_number="LPABCDEFGHJKLM",
            initiation=emv.Initiation.DYNAMIC,
            service=emv.Service.ACCOUNT,
        )
    )
