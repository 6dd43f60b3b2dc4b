"""Invoices over real HTTP: one for a bill whatever goes wrong, never believed on half an answer."""

import asyncio
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.invoices.providers import InvoiceDirectory
from core import clock, log
from core.db import Database
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.sessions import WriteSession
from payments.books.queries import ReceiptSource, list_receipt_sources
from receipts.invoice_calls import InvoiceAccess, InvoiceAnswer, InvoiceOrder
from receipts.invoices import ordering
from receipts.invoices.accounts import remove_invoice_account, renew_invoice_account
from receipts.invoices.adjusting import MoneyBackChanged, NothingToAdjust, record_adjustment
from receipts.invoices.commands import InvoiceUnderWay, replay_invoice
from receipts.invoices.context import InvoiceContext
from receipts.invoices.delivering import TRIED_FOR, ask_for_next
from receipts.invoices.law import InvoiceKind
from receipts.invoices.ordering import note_money_back, order_invoices
from receipts.invoices.queries import InvoiceValue, get_invoice, list_invoices
from tests.support.invoicing import (
    ACTOR,
    CIPHER,
    InvoiceMaker,
    ask_for_all,
    change_invoices,
    invoices_standing,
    invoicing,
    make_invoices_due,
    open_invoice_account,
    set_bill_status,
    want_one,
)
from tests.support.rows import dump


class Forgetful(InvoiceDirectory):
    """The negative control: another key at each call, and no question before it."""

    async def issue(self, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
        return await super().issue(access, replace(order, key=new_id("invoice")))

    async def find(self, access: InvoiceAccess, key: str) -> InvoiceAnswer:
        return await super().find(access, new_id("invoice"))


async def only(database: Database) -> InvoiceValue:
    async with database.reading() as session:
        (found,) = (await list_invoices(session, None)).items
    return found


async def test_a_paid_price_has_one_invoice_with_its_number_and_code(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await want_one(context, maker.url, count=3)
    # Told again, by however many at once, it is wanted once.
    for _ in range(2):
        async with database.transaction() as session:
            await order_invoices(session, context, bills)
    await asyncio.gather(*(ask_for_all(context) for _ in range(3)))
    made = await maker.made()
    assert [one["number"] for one in made] == [1, 2, 3]
    assert sorted(await invoices_standing(database)) == [("issued", n, 1, None) for n in (1, 2, 3)]
    async with database.reading() as session:
        found = (await list_invoices(session, None)).items
    year = clock.business_date(clock.now()).year % 100
    assert {(one.form, one.symbol, one.amount) for one in found} == {("2", f"C{year}MAA", 5000)}
    assert {one.authority_code for one in found} == {one["authority_code"] for one in made}
    order = made[0]["order"]
    assert (order["amount"], order["net"], order["vat"], order["vat_percent"]) == (
        *(5000, 5000, 0),
        None,
    )
    assert order["seller"]["tax_code"]


async def test_tax_is_taken_out_of_what_was_paid(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url, kind=InvoiceKind("1", "K", "T", "BC"), vat_percent=8)
    await ask_for_all(context)
    (made,) = await maker.made()
    order = made["order"]
    assert (order["net"], order["vat"], order["vat_percent"]) == (4630, 370, 8)
    assert made["authority_code"] is None
    assert made["symbol"].startswith("K")


async def test_without_a_provider_none_is_wanted_and_one_above_is_found(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await want_one(context, maker.url)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM invoice"))
        agency = await session.scalar(text("SELECT id FROM agency LIMIT 1"))
        await remove_invoice_account(session, str(agency), actor=ACTOR)
        await order_invoices(session, context, bills)
    assert await invoices_standing(database) == []
    async with database.transaction() as session:
        above = new_id("agency")
        columns = "name, name_en, tax_code, address, phone, return_origins, created_at, offers"
        await session.execute(
            text(
                f"INSERT INTO agency (id, code, {columns}) SELECT :id, :id, {columns} FROM agency"
            ),
            {"id": above},
        )
        moved = text("UPDATE agency SET parent_id = :above WHERE id = :id")
        await session.execute(moved, {"above": above, "id": agency})
        await open_invoice_account(session, CIPHER, above, maker.url)
        await order_invoices(session, context, bills)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 1, None)]


async def test_what_is_no_price_has_none(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await want_one(context, maker.url)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM invoice"))
        await session.execute(text("UPDATE bill_line SET nature = 'fee'"))
        await order_invoices(session, context, bills)
    assert await invoices_standing(database) == []


@pytest.mark.parametrize("fault", ["unclear", "slow"])
async def test_an_unclear_answer_is_asked_about_and_never_a_second_invoice(
    database: Database, maker: InvoiceMaker, context: InvoiceContext, fault: str
) -> None:
    await want_one(context, maker.url)
    await maker.plan(fault)
    await ask_for_all(invoicing(database, CIPHER, 0.5) if fault == "slow" else context)
    ((state, number, tries, error),) = await invoices_standing(database)
    assert (state, number, tries) == ("unknown", None, 1)
    assert error
    # It is not asked again at once.
    assert await ask_for_next(context) == 0
    await make_invoices_due(database)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 2, None)]
    assert [one.split()[0] for one in await maker.calls()] == ["issue", "find"]
    assert len(await maker.made()) == 1


async def test_what_the_provider_never_heard_of_is_asked_for_under_the_same_key(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url)
    await maker.plan("mute", 2)
    await ask_for_all(context)
    await make_invoices_due(database)
    # Nobody can say: nothing is asked for.
    await ask_for_all(context)
    assert [one[0] for one in await invoices_standing(database)] == ["unknown"]
    await make_invoices_due(database)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 3, None)]
    assert [one.split()[0] for one in await maker.calls()] == ["issue", "find", "find", "issue"]
    assert len({one.split()[1] for one in await maker.calls()}) == 1


async def test_another_key_at_each_try_is_caught(database: Database, maker: InvoiceMaker) -> None:
    """The negative control: two invoices of one sale."""
    whole = invoicing(database, CIPHER)
    context = replace(whole, providers=Forgetful())
    await want_one(context, maker.url)
    await maker.plan("unclear")
    await ask_for_all(context)
    await make_invoices_due(database)
    await ask_for_all(context)
    assert len(await maker.made()) == 2


async def test_an_answer_about_another_sum_is_not_believed(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url)
    await maker.plan("other")
    await ask_for_all(context)
    assert await invoices_standing(database) == [
        ("unknown", None, 1, "the answer is of another invoice")
    ]
    await make_invoices_due(database)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 2, None)]


async def test_a_number_that_another_invoice_has_is_not_believed(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    class Careless(InvoiceDirectory):
        async def issue(self, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
            return replace(await super().issue(access, order), number=1)

    careless = replace(context, providers=Careless())
    await want_one(careless, maker.url, count=2)
    await ask_for_all(careless)
    first, second = await invoices_standing(database)
    assert first[:2] == ("issued", 1)
    assert (second[0], second[3]) == ("unknown", "the number is another invoice's")
    # The database has the last word.
    async with database.transaction() as session:
        with pytest.raises(DBAPIError, match="uq_invoice_number"):
            await session.execute(
                text(
                    "UPDATE invoice SET state = 'issued', number = 1, issued_at = now()"
                    " WHERE state = 'unknown'"
                )
            )


async def test_a_refusal_waits_for_people_and_is_asked_for_again(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url)
    await maker.plan("refused")
    await ask_for_all(context)
    assert await invoices_standing(database) == [("set_aside", None, 1, "series_not_registered")]
    async with database.transaction() as session:
        await replay_invoice(session, await only(database), actor=ACTOR)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 1, None)]
    async with database.transaction() as session:
        with pytest.raises(InvoiceUnderWay):
            await replay_invoice(session, await only(database), actor=ACTOR)


async def test_a_provider_that_does_nothing_is_tried_for_a_day(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url)
    await maker.plan("busy", 2)
    with clock.frozen(clock.now()) as now:
        await ask_for_all(context)
        ((state, _, tries, error),) = await invoices_standing(database)
        assert (state, tries) == ("waiting", 1)
        assert "HTTP 429" in error
        now.advance(TRIED_FOR)
        await ask_for_all(context)
        assert await invoices_standing(database) == [("set_aside", None, 2, error)]


async def test_a_provider_that_is_away_keeps_no_other_body_waiting(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, "http://127.0.0.1:9", count=3, code="phuong-a")
    await want_one(context, maker.url, code="phuong-b")
    assert [await ask_for_next(context) for _ in range(2)] == [1, 1]
    assert len(await maker.made()) == 1


async def test_one_that_cannot_be_put_together_makes_way(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url, count=2)
    async with database.transaction() as session:
        first = text("UPDATE invoice SET content = '' WHERE id = (SELECT min(id) FROM invoice)")
        await session.execute(first)
    await ask_for_all(context)
    (poisoned, other) = await invoices_standing(database)
    assert (poisoned[0], poisoned[2], other[0]) == ("waiting", 1, "issued")


async def test_an_account_taken_away_is_still_asked_what_it_made(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url, count=2)
    await maker.plan("unclear")
    assert await ask_for_next(context) == 1
    async with database.transaction() as session:
        agency = str(await session.scalar(text("SELECT id FROM agency")))
        await remove_invoice_account(session, agency, actor=ACTOR)
    await make_invoices_due(database)
    await ask_for_all(context)
    assert await invoices_standing(database) == [
        ("issued", 1, 2, None),
        ("set_aside", None, 0, "no provider"),
    ]


async def test_an_invoice_bears_the_symbol_of_the_year_it_is_asked_for_in(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    with clock.frozen(datetime(2026, 12, 31, 16, 59, tzinfo=UTC)) as now:
        await want_one(context, maker.url, count=2)
        await maker.plan("unclear")
        assert await ask_for_next(context) == 1
        now.advance(timedelta(hours=1))
        await make_invoices_due(database)
        now.advance(timedelta(days=400))
        await ask_for_all(context)
    async with database.reading() as session:
        second, first = (await list_invoices(session, None)).items
    # What may have been made is asked about as it was asked for.
    assert (first.symbol, first.issued_on.year, first.state) == ("C26MAA", 2026, "issued")
    assert (second.symbol, second.issued_on.year) == ("C28MAA", 2028)


async def test_money_that_went_back_before_is_not_invoiced_and_is_when_paid_again(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await want_one(context, maker.url)
    await set_bill_status(database, "open")
    async with database.transaction() as session:
        await note_money_back(session, bills)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("dropped", None, 0, None)]
    assert await maker.calls() == []
    await set_bill_status(database, "paid")
    async with database.transaction() as session:
        await order_invoices(session, context, bills)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 1, None)]


async def test_money_that_went_back_after_it_wants_an_adjustment_and_one_that_came_again_none(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await want_one(context, maker.url)
    await ask_for_all(context)
    async with database.transaction() as session:
        with pytest.raises(NothingToAdjust):
            await record_adjustment(session, await only(database), "2C26MAA-9", 0, actor=ACTOR)
    await set_bill_status(database, "open")
    async with database.transaction() as session:
        await note_money_back(session, bills)
    async with database.reading() as session:
        (wanting,) = (await list_invoices(session, None, wanting=True)).items
    assert (wanting.money_back, wanting.wants_adjustment) == (5000, True)
    # It is paid again: the sale is the same, and so is its invoice.
    await set_bill_status(database, "paid")
    async with database.transaction() as session:
        await order_invoices(session, context, bills)
        assert (await list_invoices(session, None, wanting=True)).items == ()
    await ask_for_all(context)
    assert len(await maker.made()) == 1
    await set_bill_status(database, "open")
    async with database.transaction() as session:
        await note_money_back(session, bills)
        now = await get_invoice(session, wanting.id, None)
        await record_adjustment(session, now, "2C26MAA-9", now.money_back, actor=ACTOR)
    found = await only(database)
    assert (found.adjusted, found.adjusted_by, found.wants_adjustment) == (5000, "2C26MAA-9", False)


async def test_one_dropped_for_a_refund_that_was_none_is_wanted_again(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    """The bill was paid all the time: nobody tells of it again."""
    bills = await want_one(context, maker.url)
    await change_invoices(database, "money_back = amount")
    await ask_for_all(context)
    assert await invoices_standing(database) == [("dropped", None, 0, None)]
    async with database.transaction() as session:
        await note_money_back(session, bills)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 1, None)]


async def test_what_was_adjusted_is_the_sum_that_was_read(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, maker.url)
    await ask_for_all(context)
    await change_invoices(database, "money_back = 1000")
    read = (await only(database)).money_back
    # More goes back while somebody adjusts the invoice at the provider.
    await change_invoices(database, "money_back = 3000")
    async with database.transaction() as session:
        with pytest.raises(MoneyBackChanged):
            await record_adjustment(session, await only(database), "2C26MAA-9", read, actor=ACTOR)
    found = await only(database)
    assert (found.adjusted, found.wants_adjustment) == (0, True)


@pytest.mark.parametrize("fault", ["busy", "dropped"])
async def test_one_that_no_provider_has_heard_of_says_how_it_is_paid_now(
    database: Database,
    maker: InvoiceMaker,
    context: InvoiceContext,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    """The bank takes a transfer back, and the vendor pays in cash."""
    bills = await want_one(context, maker.url)
    if fault == "busy":
        await maker.plan("busy")
        await ask_for_all(context)
    else:
        await set_bill_status(database, "open")
        async with database.transaction() as session:
            await note_money_back(session, bills)
        await ask_for_all(context)
        await set_bill_status(database, "paid")
    told = list_receipt_sources

    async def in_cash(*args: Any) -> list[ReceiptSource]:
        return [replace(one, gateways=("cash",)) for one in await told(*args)]

    monkeypatch.setattr(ordering, "list_receipt_sources", in_cash)
    async with database.transaction() as session:
        await order_invoices(session, context, bills)
    await make_invoices_due(database)
    await ask_for_all(context)
    (made,) = await maker.made()
    assert made["order"]["payment_method"] == "Tiền mặt (người thu nhận)"


async def test_a_new_address_and_new_credentials_reach_what_may_have_been_made(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await want_one(context, f"{maker.url}/nowhere")
    await ask_for_all(context)
    asked = await only(database)
    assert asked.state == "unknown"
    # Another account asks nobody about it: the old one may have made it.
    async with database.transaction() as session:
        await open_invoice_account(session, CIPHER, asked.agency_id, maker.url)
    await make_invoices_due(database)
    await ask_for_all(context)
    assert (await only(database)).state == "unknown"
    async with database.transaction() as session:
        with pytest.raises(Invalid, match="token"):
            await renew(session, asked.account_id, f"{maker.url}/e-invoices", {})
        with pytest.raises(NotFound):
            await renew(session, "invaccount_none", f"{maker.url}/e-invoices", {"token": "new"})
        await renew(session, asked.account_id, f"{maker.url}/e-invoices", {"token": "canary"})
    await make_invoices_due(database)
    await ask_for_all(context)
    assert await invoices_standing(database) == [("issued", 1, 3, None)]
    assert [one.split()[0] for one in await maker.calls()] == ["find", "issue"]
    assert "canary" not in "\n".join((await dump(database)).values())


async def renew(
    session: WriteSession, account_id: str, url: str, credentials: dict[str, str]
) -> None:
    await renew_invoice_account(
        *(session, CIPHER, InvoiceDirectory(), account_id, url, credentials), actor=ACTOR
    )


async def test_nothing_personal_and_no_secret_is_kept_or_logged(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    lines = io.StringIO()
    await want_one(context, maker.url)
    await maker.plan("refused")
    log.configure("debug", lines)
    try:
        await ask_for_all(context)
    finally:
        log.configure("error")
    kept = "\n".join((await dump(database)).values())
    assert "canary" not in kept
    assert "canary" not in lines.getvalue()
    assert "invoice not issued" in lines.getvalue()


async def test_an_account_that_will_not_do_is_refused_field_by_field(
    database: Database, context: InvoiceContext
) -> None:
    async with database.transaction() as session:
        with pytest.raises(Invalid) as refused:
            await open_invoice_account(
                session, CIPHER, "agency_x", "ftp:/", InvoiceKind("7", "X", "M", "a1"), 8
            )
    assert {one.field for one in refused.value.errors} == {
        *("url", "form", "coding", "series", "vat_percent")
    }
