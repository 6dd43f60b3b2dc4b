"""Notices planted in bulk, and what the worker has set aside, for who looks at much of it."""

from sqlalchemy import text

from core.ids import new_id
from tests.support.every_route import Things, keys_of
from tests.support.staff_routes import first_gateway
from tests.support.system import System


async def noticed(system: System, state: str, count: int) -> str:
    """Notices of an account, as many as asked for, in a state; how their keys begin."""
    keys = await keys_of(system, system.body.agency_id)
    account, name = await first_gateway(Things(system, keys)), new_id("planted")
    planted = text(
        "INSERT INTO callback (id, gateway_account_id, event_key, raw, state, attempts,"
        " received_at, due_at) SELECT :name || n, :account, :name || n, '', :state, 20,"
        " now() - n * interval '1 second', now() FROM generate_series(1, :count) n"
    )
    async with system.parts.database.transaction() as session:
        told = {"name": name, "account": account, "state": state, "count": count}
        await session.execute(planted, told)
        await session.execute(text("ANALYZE callback"))
    return name


async def forgotten(system: System, name: str) -> None:
    async with system.parts.database.transaction() as session:
        gone = text("DELETE FROM callback WHERE starts_with(event_key, :name)")
        await session.execute(gone, {"name": name})


async def delivery_set_aside(system: System) -> None:
    """Work of the body's that failed until the worker put it aside."""
    planted = text(
        "WITH told AS (INSERT INTO outbox_event (name, version, payload, created_at) VALUES"
        " ('bill.paid', 1, jsonb_build_object('agency_id', CAST(:agency AS text)), now())"
        " RETURNING id)"
        " INSERT INTO outbox_delivery (event_id, handler, state, attempts, due_at, last_error)"
        " SELECT id, 'receipts.issue', 'set_aside', 8, now(), 'ConnectionError: timed out'"
        " FROM told"
    )
    async with system.parts.database.transaction() as session:
        await session.execute(planted, {"agency": system.body.agency_id})
