"""When each gateway and feed was last heard of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import col

from core import clock
from core.ids import first_id
from core.sessions import ReadSession
from core.statements import values_of
from payments.incoming.models import Callback

#: How far back it is looked.
HEARD_WITHIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GatewayHearing:
    """What an account at a gateway or feed has told within a day: how often, and when last."""

    gateway_account_id: str
    count: int
    last_at: datetime
    #: how many of it people have to look at
    set_aside: int


async def list_hearings(
    session: ReadSession, gateway_account_ids: Collection[str]
) -> dict[str, GatewayHearing]:
    """What these accounts have told within a day; one that was silent is left out.

    Read by the ids of notices, which sort by their time.
    """
    since = first_id("cb", clock.now() - HEARD_WITHIN)
    told = values_of(
        GatewayHearing,
        Callback,
        count=func.count(),
        last_at=func.max(Callback.received_at),
        set_aside=func.count().filter(col(Callback.state) == "set_aside"),
    ).where(col(Callback.id) >= since, col(Callback.gateway_account_id).in_(gateway_account_ids))
    found = await session.all(told.group_by(col(Callback.gateway_account_id)))
    return {one.gateway_account_id: one for one in found}
