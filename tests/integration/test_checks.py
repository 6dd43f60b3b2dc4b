"""The invariants of the money can fail: a system whose books are wrong is told so, row by row."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.system import System


async def tell_of_money(system: System, way: str, ref: str) -> None:
    """5,000 đ under a reference, told of by a bank's feed or by the gateway."""
    bill = await system.create_bill()
    if way == "bank":
        await credit(system, 5000, bill["reference"], bank_ref=ref)
        return
    order = order_of(system, await system.start(bill))
    answer = await call(system, result_of(system, order, transaction_no=ref))
    assert answer.status_code == 200


# A bank's reference may hold what separates the parts of an event's key.
@pytest.mark.parametrize(
    ("way", "ref", "change"),
    [
        ("gateway", "N17", {"gateway_ref": "another"}),
        *(
            (way, ref, change)
            for way, ref in (("bank", "N:17"), ("gateway", "N17"))
            for change in (
                {"credited": 4999},
                {"credited": None, "status": "failed", "accounting_on": None},
            )
        ),
    ],
)
async def test_an_applied_callback_whose_money_is_not_in_the_books_is_named(
    system: System, way: str, ref: str, change: dict[str, Any]
) -> None:
    await tell_of_money(system, way, ref)
    assert await system.broken() == []
    async with system.parts.database.transaction() as session:
        callback = await session.scalar(text("SELECT id FROM callback"))
        changes = ", ".join(f"{name} = :{name}" for name in change)
        await session.execute(text(f"UPDATE payment SET {changes}"), change)
    told = [line for line in await system.broken() if "has left its trace" in line]
    assert told == [f"an applied callback has left its trace: {callback} (accepted, 5000 of {ref})"]
