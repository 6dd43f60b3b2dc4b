"""A few things that the demonstration's collector has done at the market, as a phone tells them."""

from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.access.models import StaffUser
from payments.agencies.tree import reach
from payments.billing.loading import MarketValue
from payments.collecting.blocks import have_numbers
from payments.collecting.collectors import Collector
from payments.collecting.commands import take_action
from payments.collecting.models import CollectedAction
from payments.collecting.queries import list_walk
from payments.collecting.schemas import WALK_ACTION
from payments.collecting.tickets import list_rates

DEVICE: Final = "demo-phone"


async def seed_walk(
    session: WriteSession, market: MarketValue, email: str, *, cipher: Cipher
) -> None:
    """Cash at a stall, nobody at the next, two tickets: once, by the collector of that address."""
    person = await session.first(select(StaffUser).where(col(StaffUser.email) == email))
    if person is None:
        return
    done = select(CollectedAction.id).where(col(CollectedAction.collector_id) == person.id)
    if await session.first(done) is not None:
        return
    within = await reach(session, person.agency_id)
    who = Collector(person.id, f"staff:{person.id}", person.agency_id, within)
    owing = [stall for stall in await list_walk(session, market.id) if stall.owed]
    rates = await list_rates(session, market.id, clock.business_date(clock.now()))
    if len(owing) < 2 or not rates:
        return
    numbers = (await have_numbers(session, who, DEVICE))[0].block.numbers
    first, second = owing[-1], owing[-2]
    sold = {"code": rates[0].code, "quantity": 2, "amount": rates[0].price * 2}
    acts: list[dict[str, Any]] = [
        {"kind": "cash", "stall": first.id, "amount": first.owed, "owed": first.owed}
        | {"number": numbers[0]},
        {"kind": "visit", "stall": second.id, "finding": "absent"},
        {"kind": "ticket", "market": market.id, "number": numbers[1]} | sold,
    ]
    begun = clock.now() - timedelta(hours=1)
    for minutes, act in enumerate(acts):
        named = uuid5(NAMESPACE_URL, f"demo:{person.id}:{minutes}")
        at = (begun + timedelta(minutes=minutes)).isoformat()
        told = {"id": str(named), "device": DEVICE, "done_at": at} | act
        await take_action(session, who, WALK_ACTION.validate_python(told), cipher=cipher)
