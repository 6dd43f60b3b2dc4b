"""What the routes of administration share: their door, and an answer for what waits."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from core.sessions import WriteSession
from payments.administration.deeds import Administration, Deed
from payments.administration.door import ask, do
from payments.agencies.access.principals import Principal
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import ApprovalKinds, ApprovalValue
from payments.books.schemas import ApprovalOut


class Door:
    """The door for one request: what is asked of it is done at once, or waits (202)."""

    def __init__(self, administration: Administration, kinds: ApprovalKinds) -> None:
        self.administration = administration
        self.kinds = kinds

    @property
    def status(self) -> int:
        """How something new is answered: 201 where it is there, 202 where it waits."""
        return 202 if self.administration.two_people else 201

    async def new(
        self,
        session: WriteSession,
        deed: Deed,
        by: Principal,
        reason: str | None,
        shown: Callable[[WriteSession, str], Awaitable[BaseModel]],
    ) -> BaseModel:
        """Do a deed and show what it made, or ask for it and show the approval."""
        if self.administration.two_people:
            return ApprovalOut.of(await self.ask(session, deed, by, reason))
        made = await do(session, self.administration, deed, actor=by.actor)
        return await shown(session, made)

    async def carry(
        self, session: WriteSession, deed: Deed, by: Principal, reason: str | None
    ) -> ApprovalValue | None:
        """Do a deed, or ask for it and give the approval that waits."""
        if self.administration.two_people:
            return await self.ask(session, deed, by, reason)
        await do(session, self.administration, deed, actor=by.actor)
        return None

    async def ask(
        self, session: WriteSession, deed: Deed, by: Principal, reason: str | None
    ) -> ApprovalValue:
        """Ask for a deed."""
        return await ask(session, self.administration, self.kinds, deed, by, reason)


async def door(request: Request, kinds: ApprovalKindsDep) -> Door:
    """The door of the application."""
    administration: Administration = request.app.state.administration
    return Door(administration, kinds)


DoorDep = Annotated[Door, Depends(door)]

#: What a route says of an answer that waits for a second person.
WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": ApprovalOut, "description": "Waits for a second person (production)"}
}


def waiting(approval: ApprovalOut) -> JSONResponse:
    """The answer for something that is asked for."""
    return JSONResponse(approval.model_dump(mode="json"), status_code=202)
