"""Remembered schedules, so that opening a bill does not ask the database for its prices.

What is remembered is not a day's amounts but an agency's whole schedule, with the dates of every
fee: a fee that changes at midnight changes at midnight. When someone changes the catalogue, or what
a body offers, the database renews its stamp in the same transaction; the stamp is read again at
most once every `check_every` seconds, so that is how long a correction may take to reach the next
bill. Answers that depend on nothing else are remembered in the same way, ready to be sent.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated

from fastapi import Depends, Request

from core.db import Database
from core.sessions import ReadSession
from payments.catalogue.queries import find_stamp, load_offer
from payments.catalogue.rules.schedule import Schedule


class PriceBook:
    """The schedules of one database, as last read; one for each running application.

    It must be asked in a READ COMMITTED transaction that has not changed the catalogue itself.
    """

    def __init__(
        self,
        *,
        check_every: float = 2.0,
        most_agencies: int = 1024,
        most_answers: int = 2048,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check_every = check_every
        self._most_agencies = most_agencies
        self._most_answers = most_answers
        self._monotonic = monotonic
        self._stamp: str | None = None
        self._checked_at: float | None = None
        self._schedules: OrderedDict[str | None, Schedule] = OrderedDict()
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()

    async def schedule(self, session: ReadSession, agency_id: str | None) -> Schedule:
        """The schedule of an agency, at most `check_every` seconds behind the database."""
        await self._check(session)
        known = self._schedules.get(agency_id)
        if known is not None:
            self._schedules.move_to_end(agency_id)
            return known
        stamp = self._stamp
        loaded = await load_offer(session, agency_id)
        # While we waited, another request may have seen a newer stamp; what we hold is then older
        # than that stamp says and must not be remembered under it.
        if self._stamp == stamp:
            self._schedules[agency_id] = loaded
            if len(self._schedules) > self._most_agencies:
                self._schedules.popitem(last=False)
        return loaded

    async def read(self, database: Database, agency_id: str | None) -> Schedule:
        """As `schedule`, for who has no session: one is opened only where memory does not do."""
        known = self._schedules.get(agency_id)
        if known is not None and self._is_fresh():
            self._schedules.move_to_end(agency_id)
            return known
        async with database.reading() as session:
            return await self.schedule(session, agency_id)

    async def answer(
        self, database: Database, asked: Hashable, make: Callable[[ReadSession], Awaitable[bytes]]
    ) -> bytes:
        """What `make` gives, once for each `asked` and catalogue.

        It must follow from `asked`, the catalogue and what bodies offer alone. What it raises is
        not remembered. A session is opened only where memory does not do.
        """
        known = self._answers.get(asked)
        if known is not None and self._is_fresh():
            self._answers.move_to_end(asked)
            return known
        async with database.reading() as session:
            await self._check(session)
            known = self._answers.get(asked)
            if known is not None:
                return known
            stamp = self._stamp
            made = await make(session)
        # See `schedule`: what was read before somebody saw a newer stamp is not kept under it.
        if self._stamp == stamp:
            self._answers[asked] = made
            if len(self._answers) > self._most_answers:
                self._answers.popitem(last=False)
        return made

    def forget(self) -> None:
        """Read everything again when next asked."""
        self._answers.clear()
        self._schedules.clear()
        self._stamp = self._checked_at = None

    def _is_fresh(self) -> bool:
        """Whether the stamp was read recently enough."""
        now = self._monotonic()
        return self._checked_at is not None and now - self._checked_at < self._check_every

    async def _check(self, session: ReadSession) -> None:
        """Forget the schedules if the catalogue has a new stamp; ask only now and then."""
        if self._is_fresh():
            return
        now = self._monotonic()
        stamp = await find_stamp(session)
        if stamp != self._stamp:
            self._answers.clear()
            self._schedules.clear()
            self._stamp = stamp
        self._checked_at = now


async def _price_book(request: Request) -> PriceBook:
    found: PriceBook = request.app.state.price_book
    return found


PriceBookDep = Annotated[PriceBook, Depends(_price_book)]
