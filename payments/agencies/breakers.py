"""A breaker for each account at a gateway: payers are not sent where nobody has answered them.

It opens after `SILENCES` attempts in a row that got no answer (unreachable, or timed out), for all
processes at once: it is a row, written with the outcome of an attempt. While it is open, one payer
is let through after a pause; an answer closes it, whatever it says, and silence doubles the pause.
What a page needs of it each process remembers for `MEMORY_SECONDS`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import col

from core import clock
from core.db import Database
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.statements import WriteSql, values_of
from payments.agencies.models import GatewayBreaker

log = get(__name__)

#: So many attempts in a row without an answer open it.
SILENCES: Final = 5
#: How long nobody is sent there at first, and at most.
PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
#: Whoever is let through may take so long to hear something.
PROBE: Final = timedelta(minutes=1)
MEMORY_SECONDS: Final = 2.0

#: Counts one more silence, and opens it or keeps it open; an attempt that began before the last
#: payer was let through, or before it opened, says nothing new of one that is open.
_SILENT = WriteSql(
    int,
    """
INSERT INTO gateway_breaker AS b (gateway_account_id, silences, code, changed_at)
VALUES (:account, 1, :code, :now)
ON CONFLICT (gateway_account_id) DO UPDATE SET
  silences = b.silences + 1, code = excluded.code, changed_at = excluded.changed_at,
  opened_at = CASE WHEN b.silences + 1 >= :limit
    THEN coalesce(b.opened_at, excluded.changed_at) END,
  probe_at = CASE WHEN b.silences + 1 >= :limit THEN excluded.changed_at + least(
    CAST(:longest AS interval), CAST(:pause AS interval)
      * power(2, least(b.silences + 1 - :limit, 10))) END
WHERE b.opened_at IS NULL OR b.probed_at <= :began_at
""",
)


@dataclass(frozen=True, slots=True)
class RestingGateway:
    """An account at a gateway that payers are not sent to; times are UTC.

    `silences` attempts in a row got no answer, the last one for `code`.
    """

    gateway_account_id: str
    silences: int
    code: str
    opened_at: datetime
    probe_at: datetime


_RESTING = values_of(
    RestingGateway,
    GatewayBreaker,
    opened_at=col(GatewayBreaker.opened_at),
    probe_at=col(GatewayBreaker.probe_at),
)


class Breakers:
    """Which accounts at gateways rest, remembered for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read_at = -MEMORY_SECONDS
        self._resting: Mapping[str, RestingGateway] = {}

    def forget(self) -> None:
        """Read anew when next asked."""
        self._read_at = -MEMORY_SECONDS

    async def list_resting(
        self, session: ReadSession | None = None
    ) -> Mapping[str, RestingGateway]:
        """The accounts that payers are not sent to now, by their ids.

        One whose pause is over is not among them: the next payer sees whether it answers.
        """
        if time.monotonic() - self._read_at >= MEMORY_SECONDS:
            if session is None:
                async with self._database.reading() as reading:
                    found = await _list_open(reading)
            else:
                found = await _list_open(session)
            self._resting = {one.gateway_account_id: one for one in found}
            self._read_at = time.monotonic()
        now = clock.now()
        return {name: one for name, one in self._resting.items() if one.probe_at > now}


async def _list_open(session: ReadSession) -> list[RestingGateway]:
    return await session.all(_RESTING.where(col(GatewayBreaker.opened_at).is_not(None)))


async def find_breaker(session: ReadSession, gateway_account_id: str) -> RestingGateway | None:
    """Why payers are not sent to an account, as it is now; None where they are."""
    is_open = col(GatewayBreaker.opened_at).is_not(None)
    return await session.first(
        _RESTING.where(GatewayBreaker.gateway_account_id == gateway_account_id, is_open)
    )


async def let_through(session: WriteSession, gateway_account_id: str) -> bool:
    """Whether an attempt may be started at an account.

    Of one that is open, one only when its pause is over: no other before that is heard of.
    """
    found = await find_breaker(session, gateway_account_id)
    if found is None:
        return True
    now = clock.now()
    is_over = (
        col(GatewayBreaker.gateway_account_id) == gateway_account_id,
        col(GatewayBreaker.probe_at) <= now,
    )
    probing = update(GatewayBreaker).where(*is_over)
    return await session.write(probing.values(probed_at=now, probe_at=now + PROBE)) == 1


async def note_answer(
    session: WriteSession, gateway_account_id: str, silence: str | None, *, began_at: datetime
) -> None:
    """Note that an attempt that `began_at` was answered, or why it was not (`silence`, a code)."""
    now = clock.now()
    if silence is None:
        known = update(GatewayBreaker).where(
            col(GatewayBreaker.gateway_account_id) == gateway_account_id,
            col(GatewayBreaker.silences) > 0,
        )
        closed = known.values(
            silences=0, changed_at=now, opened_at=None, probe_at=None, probed_at=None
        )
        if await session.write(closed):
            log.info("gateway answers", account=gateway_account_id)
        return
    told = {
        "account": gateway_account_id,
        "code": silence,
        "now": now,
        "began_at": began_at,
        "limit": SILENCES,
        "pause": PAUSE,
        "longest": LONGEST_PAUSE,
    }
    await session.write(_SILENT, told)
    log.warning("gateway gave an attempt no answer", account=gateway_account_id, code=silence)
