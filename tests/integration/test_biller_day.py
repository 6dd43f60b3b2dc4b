"""A day at a bank's counter, and its file: what was told is on the way, what was not is shown."""

from html import unescape
from typing import Literal

import pytest

from adapters.sandbox.dialects import thuho
from adapters.sandbox.engine.settlement import SettledMoney
from adapters.sandbox.engine.store import Charge
from core import clock
from core.ids import new_id
from tests.api.test_days_of_accounts import counts
from tests.integration.test_biller import KEYS, bank, charged, open_counter, pay, take_back
from tests.support.statements import reconcile
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")


def told_of(code: str, charge: Charge, back: bool = False) -> SettledMoney:
    """A row of the file: a payment, or that it was given back."""
    kind: Literal["payment", "refund"] = "refund" if back else "payment"
    number, amount, at = charge.transaction_no, charge.amount, charge.charged_at
    return SettledMoney(kind, code, "", number, amount, at, info=code)


async def test_the_file_shows_what_was_told_what_was_taken_back_and_what_was_never_told(
    system: System,
) -> None:
    await open_counter(system)
    bills = [await system.create_bill() for _ in range(4)]
    taken = [(bill["reference"], charged(bill["amount"])) for bill in bills]
    for code, charge in taken[:3]:
        assert await pay(system, code, charge) == "00"
    assert await take_back(system, taken[2][1], new_id("rv")) == "00"
    before = await reconcile(system)
    assert counts(before, "with_gateway") == [3]
    rows = [*(told_of(*one) for one in taken), told_of(*taken[2], back=True)]
    content = thuho.SHEET.written(bank(system), clock.business_date(clock.now()), rows)
    answer = await system.office.post(
        "/api/v1/settlements",
        data={"gateway": "thuho/counter", "mapping": "thuho"},
        files={"file": ("ngay.csv", content, "text/csv")},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["rows"] == 5
    after = await reconcile(system)
    # Three were told of, one of them taken back; the fourth is a line that nobody told us of.
    assert counts(after, "on_the_way", "with_gateway", "unknown_in_ledger") == [3, 0, 0]
    assert await system.broken() == []


async def test_the_sandboxs_page_offers_the_file_of_a_counters_day(system: System) -> None:
    """Two customers for one code: the second visit has a name of its own, not a code."""
    await open_counter(system)
    bill = await system.create_bill()
    url, code = system.sandbox_url, bill["reference"]
    asked = {"partner": KEYS["partner"], "code": code, "amount": bill["amount"]}
    for visit in ({}, {"visit": "again"}):
        answer = await system.browser.post(f"{url}/thuho/counter", json=asked | visit)
        pressed = await system.browser.post(answer.json()["page"], data={"outcome": "success"})
        assert pressed.status_code == 303
    await system.told()
    assert (await system.read(bill))["status"] == "paid"
    page = (await system.browser.get(f"{url}/account", params={"of": KEYS["partner"]})).text
    (address,) = (
        unescape(part.split('"')[0])
        for part in page.split('href="')[1:]
        if part.startswith("/account/settlement")
    )
    content = (await system.browser.get(f"{url}{address}")).content
    heading, *rows = content.decode().splitlines()
    assert heading == "batch,settledOn,call,code,bankNumber,amount,fee,net,paidAt"
    amount = str(bill["amount"])
    told = [row.split(",") for row in rows]
    assert [(row[2], row[3], row[5:8]) for row in told] == [
        ("PAY", code, [amount, "0", amount])
    ] * 2
    assert len({row[4] for row in told}) == 2
    answer = await system.office.post(
        "/api/v1/settlements",
        data={"gateway": "thuho/counter", "mapping": "thuho"},
        files={"file": ("ngay.csv", content, "text/csv")},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text
    assert counts(await reconcile(system), "on_the_way", "unknown_in_ledger") == [2, 0]
    assert await system.broken() == []
