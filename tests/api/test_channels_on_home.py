"""The first page of staff says how the accounts at gateways do by which its payers pay.

Whose they are: a unit's payers are sent to the accounts of the body above it.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from core.ids import new_id
from tests.support.breakers import answer_again
from tests.support.markup import tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.planted_notices import forgotten
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME = "/staff"
SILENT = "Không trả lời 7 lần liền"
OPEN = (
    "INSERT INTO gateway_breaker"
    " (gateway_account_id, silences, code, changed_at, opened_at, probe_at)"
    " SELECT id, 7, 'timeout', now(), now(), now() + interval '5 minutes'"
    " FROM gateway_account WHERE gateway = :gateway"
)
ASIDE = (
    "INSERT INTO callback"
    " (id, gateway_account_id, event_key, raw, state, attempts, received_at, due_at)"
    " SELECT :name, id, :name, '', 'set_aside', 20, now(), now()"
    " FROM gateway_account WHERE gateway = 'paygov'"
)


@pytest_asyncio.fixture(loop_scope="module")
async def silent(shared_system: System) -> AsyncIterator[System]:
    """PayGov has not answered for a while."""
    await change(shared_system, OPEN, gateway="paygov")
    shared_system.parts.payments.breakers.forget()
    yield shared_system
    answer_again(shared_system)


async def change(system: System, statement: str, **values: object) -> None:
    async with system.parts.database.transaction() as session:
        await session.execute(text(statement), values)
    system.parts.payments.agencies.forget()


async def rows_on_home(browser: StaffBrowser) -> dict[str, str]:
    """What the first page says of each account, by its gateway's title."""
    tree = tree_of((await browser.get(HOME)).text)
    rows = tree.xpath('//section[@aria-labelledby="health"]//tbody/tr')
    told = [" ".join(row.text_content().split()) for row in rows]
    return {row.partition(" · ")[0]: row for row in told}


async def test_who_has_the_account_sees_that_it_does_not_answer(silent: System) -> None:
    async with signed_in_as(silent, "finance") as office:
        told = await rows_on_home(office)
    assert SILENT in told["PayGov"]
    assert "trang đầu của họ cũng ghi" not in told["PayGov"]
    assert SILENT not in told["VNPAY"]


async def test_a_unit_sees_it_of_the_account_that_it_borrows_and_can_do_nothing_about_it(
    silent: System,
) -> None:
    async with (
        neighbour_of(silent, unit=True) as unit,
        signed_in_as(silent, "finance", agency_id=unit.agency_id) as office,
    ):
        told = await rows_on_home(office)
        page = (await office.get(HOME)).text
        english = words_of((await office.get(f"{HOME}?lang=en")).text)
        await office.get(f"{HOME}?lang=vi")
    # Of what is not lent, as the feed of the other's bank account, nothing is shown.
    assert sorted(told) == ["PayGov", "VNPAY"]
    whose = await silent.parts.payments.agencies.get_agency(silent.body.agency_id)
    assert SILENT in told["PayGov"]
    assert f"của {whose.name}, trang đầu của họ cũng ghi" in told["PayGov"]
    assert f"của {whose.name}" in told["VNPAY"]
    assert SILENT not in told["VNPAY"]
    assert "their first page says so too" in english
    assert "/staff/settings/gateways/" not in page


async def test_a_stranger_of_its_own_sees_nothing_of_it(silent: System) -> None:
    """The control: a body that stands beside it borrows nothing."""
    async with (
        neighbour_of(silent) as other,
        signed_in_as(silent, "finance", agency_id=other.agency_id) as office,
    ):
        assert await rows_on_home(office) == {}


async def test_what_is_off_is_heard_all_the_same_and_says_so(shared_system: System) -> None:
    put = "UPDATE gateway_account SET enabled = :on WHERE gateway IN ('sepay', 'vnpay')"
    await change(shared_system, put, on=False)
    try:
        async with signed_in_as(shared_system, "finance") as office:
            told = await rows_on_home(office)
            english = words_of((await office.get(f"{HOME}?lang=en")).text)
    finally:
        await change(shared_system, put, on=True)
    off = "Tắt: vẫn nhận tin báo có đã ký, không mời trả"
    (feed,) = [row for title, row in told.items() if "SePay" in title]
    assert off in feed
    assert off in told["VNPAY"]
    assert off not in told["PayGov"]
    assert "Off: signed notices are still taken" in english


async def test_what_people_have_to_look_at_is_told_of_what_is_off_or_rests(silent: System) -> None:
    """A notice of an account that is off waits for people like any other."""
    put = "UPDATE gateway_account SET enabled = :on WHERE gateway = 'paygov'"
    planted = new_id("planted")
    await change(silent, ASIDE, name=planted)
    try:
        async with signed_in_as(silent, "finance") as office:
            resting = (await rows_on_home(office))["PayGov"]
            await change(silent, put, on=False)
            off = (await rows_on_home(office))["PayGov"]
    finally:
        await change(silent, put, on=True)
        await forgotten(silent, planted)
    for told in (resting, off):
        assert "có tin phải xem lại" in told
    # What is off is offered to nobody, whether or not it would answer.
    assert SILENT in resting
    assert SILENT not in off
    assert "Tắt: vẫn nhận tin báo có đã ký" in off
