"""E-invoices on the pages of staff: what waits for a person, and saying what was adjusted."""

from itertools import count

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.web.staff import keeping_invoices
from core import clock
from receipts.invoices.queries import InvoiceValue, get_invoice
from tests.support.every_route import Things, keys_of
from tests.support.invoice_routes import invoice_aside, plain_invoice
from tests.support.markup import words_of
from tests.support.staff_browser import form_of, signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: None that a provider of another test gives.
_NUMBERS = count(50_000_001)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(shared_system: System) -> Things:
    return Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))


async def to_adjust(things: Things) -> str:
    """An invoice of whose money 1,000 đ went back; its id."""
    issued = {"number": next(_NUMBERS), "issued_at": clock.now()}
    return await plain_invoice(things, state="issued", money_back=1_000, **issued)


async def found(things: Things, invoice_id: str) -> InvoiceValue:
    async with things.system.parts.database.reading() as session:
        return await get_invoice(session, invoice_id, None)


async def test_a_page_notes_an_adjustment_of_the_sum_that_it_said(things: Things) -> None:
    invoice_id = await to_adjust(things)
    here = f"{SETTINGS}/invoices/{invoice_id}"
    async with signed_in_as(things.system, "finance") as clerk:
        form = form_of((await clerk.get(here)).text, f"{here}/adjustment")
        async with things.system.parts.database.transaction() as session:
            more = text("UPDATE invoice SET money_back = 2000 WHERE id = :id")
            await session.execute(more, {"id": invoice_id})
        typed = form | {"document": "2C26MAA-57"}
        answer = await clerk.post(f"{here}/adjustment", typed)
        assert answer.status_code == 409, answer.text
        assert "vừa đổi" in words_of(answer.text)
        one = await found(things, invoice_id)
        assert (one.adjusted, one.wants_adjustment) == (0, True)
        # The page says the new sum, and keeps what was typed.
        again = form_of(answer.text, f"{here}/adjustment")
        assert (again["money_back"], again["document"]) == ("2000", "2C26MAA-57")
        nonsense = await clerk.post(f"{here}/adjustment", again | {"money_back": "9" * 5_000})
        assert nonsense.status_code == 422
        assert (await clerk.post(f"{here}/adjustment", again)).status_code == 303
    one = await found(things, invoice_id)
    assert (one.adjusted, one.wants_adjustment) == (2_000, False)


async def test_what_waits_for_people_is_listed_however_many_invoices_came_since(
    things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanting, aside = await to_adjust(things), await invoice_aside(things)
    newest = [await plain_invoice(things, state="dropped") for _ in range(3)]
    monkeypatch.setattr(keeping_invoices, "MOST_ROWS", 2)
    async with signed_in_as(things.system, "auditor") as clerk:
        listed = (await clerk.get(f"{SETTINGS}/invoices")).text
    for one in (wanting, aside, newest[-1]):
        assert one in listed
    assert newest[0] not in listed
