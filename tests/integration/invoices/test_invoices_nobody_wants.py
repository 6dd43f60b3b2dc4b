"""An invoice of which nobody knows and whose money has all gone back: asked about, never for."""

import pytest

from core.clocks import ClocksDisagree
from core.db import Database
from receipts.invoices import delivering
from receipts.invoices.context import InvoiceContext
from receipts.invoices.delivering import SURE_AFTER, _DueInvoice, ask_for_next
from receipts.invoices.ordering import note_money_back
from tests.support.invoicing import (
    InvoiceMaker,
    ask_for_all,
    change_invoices,
    invoices_standing,
    let_pass,
    make_invoices_due,
    want_one,
)


async def unknown(context: InvoiceContext, maker: InvoiceMaker, fault: str) -> list[str]:
    """The bill of an invoice that a call has left unknown, and whose money has gone back since."""
    bills = await want_one(context, maker.url)
    await maker.plan(fault)
    assert await ask_for_next(context) == 1
    await change_invoices(context.database, "money_back = amount")
    return bills


async def ask_again(context: InvoiceContext, times: int) -> None:
    for _ in range(times):
        await make_invoices_due(context.database)
        await ask_for_all(context)


async def test_one_that_was_never_made_is_dropped_once_that_is_sure(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await unknown(context, maker, "mute")
    # The call may still be on its way, however often the provider says that it has none.
    await ask_again(context, 5)
    assert await invoices_standing(database) == [("unknown", None, 6, None)]
    await let_pass(database, SURE_AFTER)
    await ask_again(context, 1)
    assert await invoices_standing(database) == [("dropped", None, 7, None)]
    assert await maker.made() == []
    assert [one.split()[0] for one in await maker.calls()] == ["issue", *6 * ["find"]]


async def test_tries_of_before_make_no_silence_sure(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    """The provider was busy three times, and the fourth call left nobody any wiser."""
    await want_one(context, maker.url)
    await maker.plan("busy", count=3)
    await ask_again(context, 3)
    assert [one[0] for one in await invoices_standing(database)] == ["waiting"]
    await maker.plan("mute")
    await ask_again(context, 1)
    await change_invoices(database, "money_back = amount")
    await ask_again(context, 1)
    assert [one[0] for one in await invoices_standing(database)] == ["unknown"]


async def test_clocks_that_disagree_make_no_silence_sure(
    database: Database,
    maker: InvoiceMaker,
    context: InvoiceContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await unknown(context, maker, "mute")
    await let_pass(database, SURE_AFTER)

    async def disagreeing(session: object) -> None:
        raise ClocksDisagree("an hour apart")

    monkeypatch.setattr(delivering, "require_agreement", disagreeing)
    with pytest.raises(ClocksDisagree):
        await ask_again(context, 1)
    assert [one[0] for one in await invoices_standing(database)] == ["asking"]


async def test_without_the_rule_it_would_be_made_for_money_that_is_gone(
    maker: InvoiceMaker, context: InvoiceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: who does not look makes an invoice only to be adjusted."""
    monkeypatch.setattr(_DueInvoice, "is_wanted_no_more", False)
    await unknown(context, maker, "mute")
    await ask_again(context, 1)
    assert len(await maker.made()) == 1


async def test_one_that_was_made_is_known_and_wants_to_be_adjusted(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    await unknown(context, maker, "unclear")
    await ask_again(context, 1)
    assert await invoices_standing(database) == [("issued", 1, 2, None)]


async def test_one_whose_money_comes_again_is_made_after_all(
    database: Database, maker: InvoiceMaker, context: InvoiceContext
) -> None:
    bills = await unknown(context, maker, "mute")
    await let_pass(database, SURE_AFTER)
    await ask_again(context, 1)
    assert [one[0] for one in await invoices_standing(database)] == ["dropped"]
    async with database.transaction() as session:
        await note_money_back(session, bills)
    await ask_again(context, 1)
    ((state, number, _, _),) = await invoices_standing(database)
    assert (state, number, len(await maker.made())) == ("issued", 1, 1)
