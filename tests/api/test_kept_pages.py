"""A page that is kept ready is never an old one: what decides how it looks is read each time."""

import re

import pytest
from sqlalchemy import update

from app.web.kept_pages import KeptPages
from core import clock
from payments.agencies.models import CollectionAccount
from payments.bills.models import PayerData
from tests.support.markup import tree_of, words_of
from tests.support.page_states import PAYER
from tests.support.system import System

_ONCE = re.compile(r'name="once" value="([^"]+)"')


async def page_of(system: System, address: str, **headers: str) -> str:
    answer = await system.browser.get(address, headers={"Accept": "text/html"} | headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_page_is_made_once_and_has_a_token_of_its_own_each_time(system: System) -> None:
    bill = await system.create_bill()
    pages = KeptPages()
    system.app.state.kept_pages = pages
    first, second = [await page_of(system, bill["pay_url"]) for _ in range(2)]
    assert len(pages._pages) == 1
    assert _ONCE.sub("", first) == _ONCE.sub("", second)
    tokens = {token for page in (first, second) for token in _ONCE.findall(page)}
    assert len(tokens) == 2


async def test_each_reader_and_each_language_has_its_own(system: System) -> None:
    bill = await system.create_bill(payer={"name": PAYER})
    for _ in range(2):
        assert PAYER in await page_of(system, bill["pay_url"])
        assert PAYER not in await page_of(system, f"/b/{bill['reference']}")
        assert PAYER not in await page_of(system, f"/b/{bill['reference']}?t={'a' * 20}")
        english = await page_of(system, bill["pay_url"], **{"Accept-Language": "en"})
        assert tree_of(english).get("lang") == "en"
        assert "Khoản phải nộp" in words_of(await page_of(system, bill["pay_url"]))


async def changes(system: System) -> list[str]:
    """The changes of a bill that its kept page does not show."""
    missed = []
    bill = await system.create_bill(payer={"name": PAYER})
    await page_of(system, bill["pay_url"])
    await system.start(bill)
    if 'name="gateway"' in await page_of(system, bill["pay_url"]):
        missed.append("begun")

    bill = await system.create_bill()
    await page_of(system, bill["pay_url"])
    await system.client.post(f"/api/v1/bills/{bill['id']}/cancel")
    if "đã hủy" not in words_of(await page_of(system, bill["pay_url"])):
        missed.append("cancelled")

    bill = await system.create_bill(payer={"name": PAYER})
    await page_of(system, bill["pay_url"])
    async with system.parts.database.transaction() as session:
        await session.write(
            update(PayerData).where(PayerData.subject_id == bill["id"]).values(data=b"x" * 40)
        )
    shown = await system.browser.get(bill["pay_url"], headers={"Accept": "text/html"})
    if PAYER in shown.text:
        missed.append("payer")

    bill = await system.create_bill()
    await page_of(system, bill["pay_url"])
    for confirmed in (None, clock.now()):
        async with system.parts.database.transaction() as session:
            await session.write(update(CollectionAccount).values(confirmed_at=confirmed))
        system.parts.payments.agencies.forget()
        words = words_of(await page_of(system, bill["pay_url"]))
        if ("chưa được xác nhận" in words) is not (confirmed is None):
            missed.append("account")
    return missed


async def test_whatever_changes_is_seen_at_once(system: System) -> None:
    assert await changes(system) == []


async def test_pages_that_are_kept_whatever_happens_are_noticed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(self: KeptPages, asked: object, basis: object) -> object:
        known = self._pages.get(asked)
        return None if known is None else known[1]

    monkeypatch.setattr(KeptPages, "find", blind)
    # A bill that somebody has begun to pay is no untouched one: it has no kept page.
    assert await changes(system) == ["cancelled", "payer", "account"]


def test_the_longest_unasked_makes_room() -> None:
    pages = KeptPages(most=2)
    for number in range(3):
        pages.keep(number, "as it is", object())  # type: ignore[arg-type]
    assert [pages.find(number, "as it is") is not None for number in range(3)] == [0, 1, 1]
    assert pages.find(2, "otherwise") is None
