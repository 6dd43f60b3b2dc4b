"""A day at a bank's counter, and its file: what was told is on the way, what was not is shown."""

import pytest

from adapters.sandbox.dialects import thuho
from core import clock
from core.ids import new_id
from tests.api.test_days_of_accounts import counts
from tests.integration.test_biller import charged, open_counter, pay, take_back
from tests.support.statements import reconcile
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")


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
    content = thuho.day_file(
        taken, frozenset({taken[2][1].transaction_no}), f"{clock.business_date(clock.now()):%Y%m%d}"
    )
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
