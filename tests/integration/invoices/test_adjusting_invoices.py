"""Invoices that adjust another, through the provider: one for each difference, once."""

from typing import Any

import pytest

from core.errors import Conflict
from receipts.invoices.accounts import remove_invoice_account
from receipts.invoices.adjusting import order_adjustment, record_adjustment
from receipts.invoices.commands import replay_invoice
from receipts.invoices.context import InvoiceContext
from receipts.invoices.law import InvoiceKind
from receipts.invoices.ordering import note_money_back, order_invoices
from receipts.invoices.queries import InvoiceValue, get_invoice, invoices_of_bills, list_invoices
from tests.support.invoicing import (
    ACTOR,
    CIPHER,
    InvoiceMaker,
    ask_for_all,
    change_invoices,
    make_invoices_due,
    open_invoice_account,
    want_one,
)


async def issued(context: InvoiceContext, maker: InvoiceMaker, **account: Any) -> str:
    """An invoice over 5,000 đồng that was made; its id."""
    await want_one(context, maker.url, **account)
    await ask_for_all(context)
    async with context.database.reading() as session:
        (found,) = (await list_invoices(session, None)).items
    assert found.state == "issued"
    return found.id


async def read(context: InvoiceContext, invoice_id: str) -> InvoiceValue:
    async with context.database.reading() as session:
        return await get_invoice(session, invoice_id, None)


async def back(context: InvoiceContext, amount: int) -> None:
    await change_invoices(context.database, f"money_back = {amount} WHERE adjusts IS NULL")


async def adjust(context: InvoiceContext, invoice_id: str, money_back: int) -> str:
    async with context.database.transaction() as session:
        found = await get_invoice(session, invoice_id, None)
        return await order_adjustment(session, CIPHER, found, money_back, actor=ACTOR)


async def refusal(context: InvoiceContext, invoice_id: str, money_back: int) -> str:
    with pytest.raises(Conflict) as refused:
        await adjust(context, invoice_id, money_back)
    return refused.value.code


async def test_what_went_back_is_taken_off_by_an_invoice_of_its_own(
    maker: InvoiceMaker, context: InvoiceContext
) -> None:
    first = await issued(context, maker, kind=InvoiceKind("1", "K", "T", "BC"), vat_percent=8)
    await back(context, 2_000)
    second = await adjust(context, first, 2_000)
    await ask_for_all(context)
    made = (await maker.made())[1]
    order = made["order"]
    assert (order["key"], order["amount"], order["net"], order["vat"]) == (second, 2000, 1852, 148)
    assert order["adjusts"] == {
        "key": first,
        "form": "1",
        "symbol": (await read(context, first)).symbol,
        "number": 1,
        "issued_on": (await read(context, first)).issued_on.isoformat(),
        "decreases": True,
    }
    told = await read(context, first)
    assert (told.adjusted, told.wants_adjustment) == (2_000, False)
    assert told.adjusted_by == f"1{told.symbol}-2"
    other = await read(context, second)
    assert (other.state, other.number, other.adjusts, other.change) == ("issued", 2, first, -2_000)
    # Its bill has one invoice still.
    async with context.database.reading() as session:
        found = await invoices_of_bills(session, [told.bill_id])
    assert found[told.bill_id].id == first


async def test_money_that_comes_again_is_added_by_another(
    maker: InvoiceMaker, context: InvoiceContext
) -> None:
    first = await issued(context, maker)
    await back(context, 5_000)
    await adjust(context, first, 5_000)
    await ask_for_all(context)
    await back(context, 1_000)
    await adjust(context, first, 1_000)
    await ask_for_all(context)
    assert (await read(context, first)).adjusted == 1_000
    orders = [one["order"] for one in await maker.made()]
    assert [(one["amount"], (one["adjusts"] or {}).get("decreases")) for one in orders] == [
        *((5_000, None), (5_000, True), (4_000, False)),
    ]


async def test_only_what_was_read_is_adjusted_and_one_at_a_time(
    maker: InvoiceMaker, context: InvoiceContext
) -> None:
    first = await issued(context, maker)
    assert await refusal(context, first, 0) == "nothing_to_adjust"
    await back(context, 2_000)
    assert await refusal(context, first, 1_000) == "money_back_changed"
    await adjust(context, first, 2_000)
    assert await refusal(context, first, 2_000) == "adjustment_under_way"
    async with context.database.transaction() as session:
        found = await get_invoice(session, first, None)
        with pytest.raises(Conflict, match="đang chờ lập"):
            await record_adjustment(session, found, "2C26MAA-9", 2_000, actor=ACTOR)
    # More goes back before it was asked for: it would be of the wrong sum.
    await back(context, 3_000)
    await ask_for_all(context)
    assert len(await maker.made()) == 1
    async with context.database.reading() as session:
        states = [(one.state, one.last_error) for one in (await list_invoices(session, None)).items]
    assert states == [("dropped", "money_back_changed"), ("issued", None)]
    await adjust(context, first, 3_000)
    await ask_for_all(context)
    assert (await read(context, first)).adjusted == 3_000


@pytest.mark.parametrize("fault", ["unclear", "mute"])
async def test_an_unclear_answer_is_asked_about_under_its_own_key(
    maker: InvoiceMaker, context: InvoiceContext, fault: str
) -> None:
    first = await issued(context, maker)
    await back(context, 2_000)
    second = await adjust(context, first, 2_000)
    await maker.plan(fault)
    await ask_for_all(context)
    assert (await read(context, second)).state == "unknown"
    assert (await read(context, first)).adjusted == 0
    # Whatever goes back meanwhile: what may have been made is known first.
    await back(context, 5_000)
    await make_invoices_due(context.database)
    await ask_for_all(context)
    assert (await read(context, second)).state == "issued"
    told = await read(context, first)
    assert (told.adjusted, told.money_back, told.wants_adjustment) == (2_000, 5_000, True)
    assert len(await maker.made()) == 2


async def test_a_refusal_waits_for_people_who_replay_it_or_do_it_by_hand(
    maker: InvoiceMaker, context: InvoiceContext
) -> None:
    first = await issued(context, maker)
    await back(context, 2_000)
    second = await adjust(context, first, 2_000)
    await maker.plan("refused", 2)
    await ask_for_all(context)
    assert (await read(context, second)).state == "set_aside"
    async with context.database.transaction() as session:
        await replay_invoice(session, await get_invoice(session, second, None), actor=ACTOR)
    await ask_for_all(context)
    async with context.database.transaction() as session:
        found = await get_invoice(session, first, None)
        await record_adjustment(session, found, "2C26MAA-77", 2_000, actor=ACTOR)
    assert (await read(context, second)).state == "dropped"
    told = await read(context, first)
    assert (told.adjusted, told.adjusted_by) == (2_000, "2C26MAA-77")


async def test_it_is_asked_for_where_the_first_was_made_and_telling_again_changes_nothing(
    maker: InvoiceMaker, context: InvoiceContext
) -> None:
    first = await issued(context, maker)
    told = await read(context, first)
    async with context.database.transaction() as session:
        await remove_invoice_account(session, told.agency_id, actor=ACTOR)
        await open_invoice_account(session, CIPHER, told.agency_id, "http://127.0.0.1:9")
    await back(context, 2_000)
    await adjust(context, first, 2_000)
    await ask_for_all(context)
    assert len(await maker.made()) == 2
    async with context.database.transaction() as session:
        await order_invoices(session, context, [told.bill_id])
        await note_money_back(session, [told.bill_id])
    async with context.database.reading() as session:
        assert len((await list_invoices(session, None)).items) == 2
