"""A part of a bill that nothing proves, or that is proved of another amount, is seen."""

import pytest
from sqlalchemy import text

from tests.support.callbacks import credit
from tests.support.system import System


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM payment_document WHERE bill_id = :b", "confirmation missing"),
        ("UPDATE payment_document SET amount = amount + 1 WHERE bill_id = :b", "against"),
        ("UPDATE bill_line SET nature = 'charge' WHERE bill_id = :b", "against"),
    ],
)
async def test_a_document_that_lacks_or_says_otherwise_is_seen(
    system: System, change: str, told: str
) -> None:
    posted = [
        {"fee": "2.000815", "quantity": 3},
        {"fee": "tra-ket-qua-qua-buu-chinh", "quantity": 1},
    ]
    bill = await system.create_bill(lines=posted)
    await credit(system, bill["amount"], bill["reference"])
    await system.work()
    assert await system.broken() == []
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(change), {"b": bill["id"]})
    assert [line for line in await system.broken() if told in line]
