"""What a page of staff needs: who is signed in, and may do it by the same table as the API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Depends, Request, params

from app.web.staff.deeds import StaffDeed, deed_of
from app.web.staff.doors import LoneSignedInDep, SignedIn, SignedInDep
from core.db import DatabaseDep
from payments.agencies.access.rights import Action
from payments.context import ContextDep


@asynccontextmanager
async def _let_through(request: Request, who: SignedIn, action: Action) -> AsyncIterator[None]:
    """Go on if they may; what came with the form is closed at the end, a file above all."""
    try:
        who.principal.require(action)
        yield
    finally:
        await request.close()


@dataclass(frozen=True, slots=True)
class PageRight:
    """A dependency that lets only those through who are signed in and may do `action`."""

    action: Action

    async def __call__(self, request: Request, who: SignedInDep) -> AsyncIterator[SignedIn]:
        """Who is signed in. Raises `SignInNeeded` and `NotAllowed`."""
        async with _let_through(request, who, self.action):
            yield who


@dataclass(frozen=True, slots=True)
class LonePageRight:
    """As `PageRight`, with no transaction open afterwards."""

    action: Action

    async def __call__(self, request: Request, who: LoneSignedInDep) -> AsyncIterator[SignedIn]:
        """Who is signed in. Raises `SignInNeeded` and `NotAllowed`."""
        async with _let_through(request, who, self.action):
            yield who


def page_needs(action: Action, *, alone: bool = False) -> params.Depends:
    """What a page's route declares, as `who: Annotated[SignedIn, page_needs(action)]`.

    `alone` is for one that calls a gateway or draws: it holds no connection meanwhile.
    """
    declared: params.Depends = Depends(LonePageRight(action) if alone else PageRight(action))
    return declared


@dataclass(frozen=True, slots=True)
class DeedRight:
    """A dependency that gives what was sent by somebody who may do `action`."""

    action: Action

    async def __call__(
        self, request: Request, database: DatabaseDep, context: ContextDep
    ) -> AsyncIterator[StaffDeed]:
        """What was sent, and by whom. Raises `SignInNeeded` and `NotAllowed`."""
        async with deed_of(request, database, context, self.action) as deed:
            yield deed


def deed_needs(action: Action) -> params.Depends:
    """What a form's route declares, as `deed: Annotated[StaffDeed, deed_needs(action)]`.

    So does a page that reads in transactions of its own.
    """
    declared: params.Depends = Depends(DeedRight(action), scope="function")
    return declared
