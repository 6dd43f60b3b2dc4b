"""The demonstration's market: forty stalls, two months of bills, and it is made once."""

from datetime import timedelta

from sqlalchemy import text

from app.invariants import broken
from app.seed.market import seed_market
from core import clock
from core.crypto import Cipher
from core.db import Database
from payments.billing.periods import month_of
from tests.support.markets import KEY, new_body, standing


async def test_the_market_has_forty_stalls_and_two_months_of_bills(database: Database) -> None:
    cipher, began = Cipher(b"c" * 32), clock.now()
    async with database.transaction() as session:
        body = await new_body(session)
    for _ in range(2):
        async with database.transaction() as session:
            await seed_market(session, body, cipher=cipher, key=KEY)
    this_month = month_of(clock.business_date(clock.now()))
    last_month = month_of(this_month.first - timedelta(days=1))
    async with database.transaction() as session:
        counted = await session.execute(
            text("SELECT (SELECT count(*) FROM stall), count(*) FROM bill")
        )
        # A stall that changed hands has two bills of last month.
        assert tuple(counted.one()) == (40, 40 + 41)
        # They look as made when their month was opened, and the log says when they were: now.
        made = await session.execute(
            text(
                "SELECT DISTINCT (b.created_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date,"
                " (c.created_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, r.period,"
                " (r.created_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
                " FROM bill b JOIN charge c ON c.bill_id = b.id"
                " JOIN billing_run r ON r.id = c.run_id ORDER BY 1"
            )
        )
        assert [tuple(row) for row in made] == [
            (month.first, month.first, month.name, month.first)
            for month in (last_month, this_month)
        ]
        logged = text("SELECT count(*) FROM audit_entry WHERE action = 'bill.opened' AND at < :now")
        assert await session.scalar(logged, {"now": began}) == 0
        problems = await session.execute(text("SELECT problems FROM billing_run ORDER BY period"))
        assert [len(one) for one in problems.scalars()] == [0, 0]
    rents = {row[1]: 0 for row in await standing(database, last_month.name) if row[0] == "rent"}
    for row in await standing(database, last_month.name):
        rents[row[1]] += row[4] if row[0] == "rent" else 0
    days = (last_month.last - last_month.first).days + 1
    assert rents["A01"] == 6 * 2_000 * days
    # Whoever held it when, the place cost what a month of it costs.
    assert rents["A08"] == 2_000 * days * 650 // 100
    kinds = {row[0] for row in await standing(database, this_month.name)}
    assert kinds == {"rent", "electricity", "service:rac"}
    async with database.transaction() as session:
        assert await broken(session) == []
