"""Look-ups and the opening of bills are limited for all processes at once, and paying is not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from fastapi import Request
from sqlalchemy import delete, func
from sqlmodel import select

from adapters.sandbox.engine.embedded import bound, served
from app.main import create_app
from app.web import rate
from core.allowances import Allowance, Pace
from core.references import new_reference
from payments.bills.models import Bill
from payments.context import Context
from tests.support.system import System, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST = 6
UNKNOWN_RECEIPT = "/r/ABCDEFGHJKMN"
#: A form of one fixed fee that was shown with its amount, as the page sends it.
FORM = {"quantity": "1", "copies": "1"}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few turns that none comes back while a test lasts."""
    monkeypatch.setattr(rate, "LOOK_UPS", Pace(MOST, timedelta(hours=6)))
    monkeypatch.setattr(rate, "OPENINGS", Pace(MOST, timedelta(hours=6)))


@pytest.fixture(autouse=True)
async def all_turns_back(shared_system: System) -> AsyncIterator[None]:
    yield
    async with shared_system.parts.database.transaction() as session:
        await session.write(delete(Allowance))


@asynccontextmanager
async def second_process(system: System) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser at another server of the same service, which has the database alone in common."""
    with bound() as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = system.parts.settings.model_copy(update={"base_url": base_url})
        app = create_app(settings)
        async with served(app, listening), client_of(base_url) as browser:
            yield browser


async def look_up_in_turn(*browsers: httpx2.AsyncClient) -> list[int]:
    """Look up in one process after the other, twice as often as is allowed; the statuses."""
    return [
        (await browsers[n % len(browsers)].get(UNKNOWN_RECEIPT)).status_code
        for n in range(MOST * 2)
    ]


async def open_bill(system: System, n: int) -> httpx2.Response:
    path = f"/p/{system.body.agency_code}/2.000884"
    return await system.browser.post(path, data=FORM | {"seen": "10000", "once": f"press-{n}"})


async def count_bills(system: System) -> int:
    async with system.parts.database.reading() as session:
        return await session.one(select(func.count()).select_from(Bill))


async def test_two_processes_give_one_address_no_more_look_ups_than_one(
    shared_system: System,
) -> None:
    async with second_process(shared_system) as elsewhere:
        told = await look_up_in_turn(shared_system.browser, elsewhere)
    assert told == [404] * MOST + [429] * MOST


async def test_counted_by_each_process_they_would_be_twice_as_many(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what stood here before."""
    taken: dict[int, int] = {}

    async def alone(request: Request, context: Context, what: str, pace: Pace) -> bool:
        taken[id(context)] = taken.get(id(context), 0) + 1
        return taken[id(context)] <= pace.turns

    monkeypatch.setattr(rate, "_take", alone)
    async with second_process(shared_system) as elsewhere:
        told = await look_up_in_turn(shared_system.browser, elsewhere)
    assert told == [404] * MOST * 2


async def test_bills_are_opened_so_often_and_what_is_refused_is_not_kept(
    shared_system: System,
) -> None:
    before = await count_bills(shared_system)
    answers = [await open_bill(shared_system, n) for n in range(MOST + 2)]
    assert [one.status_code for one in answers] == [303] * MOST + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert await count_bills(shared_system) == before + MOST
    # To see what something costs keeps nothing, and is not counted.
    path = f"/p/{shared_system.body.agency_code}/2.000884"
    assert (await shared_system.browser.post(path, data=FORM)).status_code == 200


async def test_who_looks_up_without_end_takes_no_neighbours_bill(shared_system: System) -> None:
    assert 429 in await look_up_in_turn(shared_system.browser)
    assert (await open_bill(shared_system, 1)).status_code == 303


async def test_a_shared_address_without_a_turn_left_still_pays(shared_system: System) -> None:
    """A carrier's address has half a town behind it."""
    bill = await shared_system.create_bill()
    page = f"/b/{bill['reference']}"
    assert 429 in await look_up_in_turn(shared_system.browser)
    assert 429 in [(await open_bill(shared_system, n)).status_code for n in range(MOST + 1)]
    browser = shared_system.browser
    found = [(await browser.get("/b", params={"reference": bill["reference"]})) for _ in range(9)]
    assert {(one.status_code, one.headers["location"]) for one in found} == {(303, page)}
    assert {(await browser.get(page)).status_code for _ in range(9)} == {200}
    assert (await browser.get(f"{page}/qr.svg")).status_code == 200
    pressed = await browser.post(f"{page}/pay", data={"gateway": "paygov"})
    assert pressed.headers["location"].startswith(shared_system.sandbox_url)
    assert (await browser.get(f"/b/{new_reference()}")).status_code == 404


async def test_no_address_is_kept_in_plain(shared_system: System) -> None:
    await shared_system.browser.get(UNKNOWN_RECEIPT)
    async with shared_system.parts.database.reading() as session:
        (kept,) = await session.all(select(Allowance.subject))
    assert kept.startswith("look_up:")
    assert "127.0.0.1" not in kept
