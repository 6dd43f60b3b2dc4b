"""Messages over HTTP: what was sent to payers, what was set aside, through which channels.

Who it went to and what it said is told nowhere: both are put together when a message is sent.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from core.db import ReadSessionDep, SessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.messages import commands
from payments.messages.channels import list_channels
from payments.messages.queries import PayerMessageState, get_message, list_messages
from payments.messages.schemas import (
    MessageChannelList,
    MessageChannelOut,
    PayerMessageList,
    PayerMessageOut,
)

router = APIRouter(prefix="/api/v1", tags=["messages"])

MessageId = Annotated[str, Path(max_length=100)]


@router.get("/messages")
async def read_messages(
    principal: Annotated[Principal, needs(Action.READ_MESSAGES)],
    session: ReadSessionDep,
    state: PayerMessageState | None = None,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> PayerMessageList:
    """The messages of the own body and its units, the newest first; of one `state` only."""
    page = await list_messages(
        session, principal.agency_ids, state=state, cursor=cursor, limit=limit
    )
    items = [PayerMessageOut.of(one) for one in page.items]
    return PayerMessageList(items=items, next_cursor=page.next_cursor)


@router.get("/message-channels")
async def read_message_channels(
    principal: Annotated[Principal, needs(Action.READ_MESSAGES)], session: ReadSessionDep
) -> MessageChannelList:
    """The channels of the own body and its units. Where there is none, nothing is sent."""
    found = await list_channels(session, frozenset(principal.agency_ids))
    return MessageChannelList(items=[MessageChannelOut.of(one) for one in found])


@router.post("/messages/{message_id}/replays")
async def replay_message(
    message_id: MessageId,
    principal: Annotated[Principal, needs(Action.SEND_MESSAGES)],
    session: SessionDep,
) -> PayerMessageOut:
    """Have a message that was set aside, or of which nobody knows, sent again under its own id.

    What it would say is looked at first: a bill that was paid meanwhile is not asked for. 409
    `message_under_way` where it waits or was sent.
    """
    found = await get_message(session, message_id, principal.agency_ids)
    await commands.replay(session, found, actor=principal.actor)
    return PayerMessageOut.of(await get_message(session, message_id, None))
