"""A gateway that does not answer: the next payers are offered the others, and told why."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from core import clock
from payments.agencies import breakers
from payments.agencies.breakers import LONGEST_PAUSE, PAUSE, SILENCES, find_breaker
from payments.ports import OutcomeUnknown, StartRequest
from tests.support.gateway_setups import PAYGOV, VNPAY
from tests.support.markup import words_of
from tests.support.problems import problem
from tests.support.system import System

pytestmark = pytest.mark.asyncio


class Silence:
    """PayGov's create calls: none is answered while it lasts."""

    def __init__(self) -> None:
        self.lasts = True
        self.called = 0
        self.under_way = 0
        self.most = 0
        self.go: asyncio.Event | None = None


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Silence:
    found, start = Silence(), PayGov.start

    async def silent(self: PayGov, request: StartRequest) -> Any:
        found.called += 1
        if not found.lasts:
            return await start(self, request)
        found.under_way += 1
        found.most = max(found.most, found.under_way)
        try:
            if found.go is not None:
                await found.go.wait()
        finally:
            found.under_way -= 1
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(PayGov, "start", silent)
    return found


async def try_it(system: System, gateway: str = PAYGOV.name) -> httpx2.Response:
    bill = await system.create_bill()
    return await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": gateway})


async def open_it(system: System) -> str:
    """As many attempts as it takes; the id of the account at the gateway."""
    for _ in range(SILENCES):
        assert (await try_it(system)).json()["status"] == "unknown"
    system.parts.payments.breakers.forget()
    resting = await system.parts.payments.breakers.list_resting()
    (account,) = resting
    return account


async def test_nobody_is_sent_where_nobody_was_answered_until_it_answers_again(
    system: System, silence: Silence
) -> None:
    began = clock.now()
    with clock.frozen(began) as now:
        account = await open_it(system)
        problem(await try_it(system), 503, "gateway_resting")
        assert silence.called == SILENCES
        # The other one is not concerned.
        assert (await try_it(system, VNPAY.name)).status_code == 201
        # One payer sees whether it answers, and no other before that one is heard of.
        now.advance(PAUSE + timedelta(seconds=1))
        assert (await try_it(system)).json()["status"] == "unknown"
        problem(await try_it(system), 503, "gateway_resting")
        async with system.parts.database.reading() as session:
            found = await find_breaker(session, account)
        assert found is not None
        assert found.silences == SILENCES + 1
        assert found.probe_at - clock.now() == 2 * PAUSE
        now.advance(2 * PAUSE + timedelta(seconds=1))
        silence.lasts = False
        assert (await try_it(system)).json()["status"] == "submitted"
        assert (await try_it(system)).json()["status"] == "submitted"
        async with system.parts.database.reading() as session:
            assert await find_breaker(session, account) is None


async def test_the_page_offers_the_others_and_says_why_and_the_qr_stays(
    system: System, silence: Silence
) -> None:
    bill = await system.create_bill()
    page = (await system.browser.get(bill["pay_url"])).text
    assert f'value="{PAYGOV.name}"' in page
    # The QR comes first, whatever can be pressed.
    assert page.index('class="qr"') < page.index('name="gateway"')
    await open_it(system)
    page = (await system.browser.get(bill["pay_url"])).text
    assert f'value="{PAYGOV.name}"' not in page
    assert f'value="{VNPAY.name}"' in page
    assert "đang không trả lời" in words_of(page)
    assert 'class="qr"' in page
    metrics = (await system.metrics()).text
    assert 'lephi_gateways_resting{kind="paygov/test"} 1' in metrics


async def test_an_attempt_that_began_before_it_opened_says_nothing_new(
    system: System, silence: Silence
) -> None:
    """Sixty that hang at once are one silence of some seconds, not a pause of ten minutes."""
    silence.go = asyncio.Event()
    asked = [asyncio.create_task(try_it(system)) for _ in range(12)]
    async with asyncio.timeout(30):
        while silence.under_way < 12:  # noqa: ASYNC110 - a task's end is no event of ours
            await asyncio.sleep(0.02)
    silence.go.set()
    await asyncio.gather(*asked)
    system.parts.payments.breakers.forget()
    async with system.parts.database.reading() as session:
        resting = await system.parts.payments.breakers.list_resting(session)
        (found,) = resting.values()
    assert found.silences == SILENCES
    assert found.probe_at - found.opened_at <= LONGEST_PAUSE / 10


async def test_so_many_wait_for_one_gateway_and_the_rest_are_told_at_once(
    system: System, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence.go = asyncio.Event()
    monkeypatch.setattr(system.parts.payments.starting, "_places", 3)
    bills = [await system.create_bill() for _ in range(6)]
    asked = [
        asyncio.create_task(
            system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": PAYGOV.name})
        )
        for bill in bills
    ]
    done: set[Any] = set()
    async with asyncio.timeout(30):
        while len(done) < 3:
            done, _ = await asyncio.wait(asked, timeout=0.05)
    assert silence.most == 3
    for one in done:
        problem(one.result(), 503, "gateway_crowded")
    # Others' work goes on meanwhile, and what found no place may be tried again.
    assert (await try_it(system, VNPAY.name)).status_code == 201
    silence.go.set()
    await asyncio.gather(*asked)
    assert not system.parts.payments.starting._inside
    assert await system.broken() == []


async def test_without_a_breaker_everybody_waits(
    system: System, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: nobody remembers that it did not answer."""

    async def forgets(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(breakers, "note_answer", forgets)
    for _ in range(SILENCES + 3):
        assert (await try_it(system)).json()["status"] == "unknown"
    assert silence.called == SILENCES + 3
    assert breakers.SILENCES == SILENCES


async def test_a_body_puts_its_gateways_in_order(system: System) -> None:
    bill = await system.create_bill()

    async def order() -> list[str]:
        page = (await system.browser.get(bill["pay_url"])).text
        names = (PAYGOV.name, VNPAY.name)
        return sorted(names, key=lambda name: page.index(f'value="{name}"'))

    first, second = await order()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE gateway_account SET rank = 1 WHERE gateway = :name"), {"name": first}
        )
    system.parts.payments.agencies.forget()
    assert await order() == [second, first]
