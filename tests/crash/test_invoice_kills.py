"""SIGKILL between asking for an invoice and writing its number down: there is one all the same."""

import asyncio
import signal

import pytest

from core.crypto import Cipher
from core.db import Database
from receipts.invoices.adjusting import order_adjustment
from receipts.invoices.delivering import SURE_AFTER
from receipts.invoices.queries import list_invoices
from tests.support.forked_programs import run_program
from tests.support.invoicing import (
    ACTOR,
    ask_for_all,
    change_invoices,
    invoice_maker,
    invoices_standing,
    invoicing,
    let_pass,
    make_invoices_due,
    want_one,
)

CIPHER = Cipher(b"c" * 32)

#: Asks for what is wanted; `another_key` names each call anew, and `sure_at_once` believes a
#: provider that has not heard yet, as broken workers would.
PROGRAM = """
import asyncio, sys
from dataclasses import replace
from datetime import timedelta
from core import failpoints
from core.crypto import Cipher
from core.db import Database
from receipts.invoices import delivering
from tests.integration.invoices.test_invoices import Forgetful
from tests.support.invoicing import ask_for_all, invoicing

url, armed, variant = sys.argv[1:]
failpoints.configure(armed)

async def main():
    database = Database(url, pool_size=2)
    context = invoicing(database, Cipher(b"c" * 32))
    if variant == "another_key":
        context = replace(context, providers=Forgetful())
    if variant == "sure_at_once":
        delivering.SURE_AFTER = timedelta(0)
    await ask_for_all(context)
    await database.dispose()

asyncio.run(main())
"""


async def work(url: str, armed: str, variant: str) -> int:
    """How a process that asks for invoices ended; negative for a signal."""
    return await asyncio.to_thread(run_program, PROGRAM, (url, armed, variant))


@pytest.mark.parametrize(("variant", "made"), [("", 3), ("another_key", 4)])
async def test_a_kill_after_the_call_makes_no_second_invoice(
    database_url: str, variant: str, made: int
) -> None:
    """With another key at each call, the negative control, one sale has two invoices."""
    database = Database(database_url, pool_size=1)
    async with invoice_maker() as maker:
        await want_one(invoicing(database, CIPHER), maker.url, count=3)
        ended = await work(database_url, "invoice.after_call=kill:2", variant)
        assert ended == -signal.SIGKILL
        assert [one[0] for one in await invoices_standing(database)] == [
            *("issued", "asking", "waiting")
        ]
        # The dead worker's time runs out as it would in two minutes.
        await make_invoices_due(database)
        assert await work(database_url, "", variant) == 0
        assert [one[0] for one in await invoices_standing(database)] == ["issued"] * 3
        assert len(await maker.made()) == made
    await database.dispose()


@pytest.mark.parametrize(("variant", "made"), [("", 2), ("another_key", 3)])
async def test_a_kill_after_the_call_adjusts_an_invoice_once(
    database_url: str, variant: str, made: int
) -> None:
    """With another key at each call, the negative control, what went back is taken off twice."""
    database = Database(database_url, pool_size=1)
    async with invoice_maker() as maker:
        context = invoicing(database, CIPHER)
        await want_one(context, maker.url)
        await ask_for_all(context)
        await change_invoices(database, "money_back = 2000")
        async with database.transaction() as session:
            (first,) = (await list_invoices(session, None)).items
            await order_adjustment(session, CIPHER, first, 2_000, actor=ACTOR)
        assert await work(database_url, "invoice.after_call=kill:1", variant) == -signal.SIGKILL
        assert [one[0] for one in await invoices_standing(database)] == ["issued", "asking"]
        await make_invoices_due(database)
        assert await work(database_url, "", variant) == 0
        assert [one[0] for one in await invoices_standing(database)] == ["issued", "issued"]
        assert len(await maker.made()) == made
        async with database.reading() as session:
            adjusted = (await list_invoices(session, None)).items[1]
        assert (adjusted.adjusted, adjusted.wants_adjustment) == (2_000, False)
    await database.dispose()


@pytest.mark.parametrize(("variant", "state"), [("", "unknown"), ("sure_at_once", "dropped")])
async def test_a_kill_makes_no_silence_sure(database_url: str, variant: str, state: str) -> None:
    """What the dead worker sent may still be on its way, whatever was tried before it died.

    Believed at once, the negative control, it is dropped two minutes after it was asked for.
    """
    database = Database(database_url, pool_size=1)
    async with invoice_maker() as maker:
        await want_one(invoicing(database, CIPHER), maker.url)
        await maker.plan("busy", count=3)
        for _ in range(3):
            await make_invoices_due(database)
            await ask_for_all(invoicing(database, CIPHER))
        await maker.plan("mute")
        await make_invoices_due(database)
        assert await work(database_url, "invoice.after_call=kill:1", "") == -signal.SIGKILL
        # The money goes back, and the dead worker's time runs out.
        await change_invoices(database, "money_back = amount")
        await make_invoices_due(database)
        assert await work(database_url, "", variant) == 0
        assert [one[0] for one in await invoices_standing(database)] == [state]
        assert await maker.made() == []
        if not variant:
            await let_pass(database, SURE_AFTER)
            await make_invoices_due(database)
            assert await work(database_url, "", "") == 0
            assert [one[0] for one in await invoices_standing(database)] == ["dropped"]
    await database.dispose()
