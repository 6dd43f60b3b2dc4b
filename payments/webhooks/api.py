"""Webhooks over HTTP: receivers of a body's events, and what each was told.

Messages carry ids and nothing else, so a receiver is registered by one person or by a key made for
it (scope `webhooks`), without a second. What a receiver has not acknowledged it can also fetch here
and mark as taken, page by page.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.errors import NotFound
from core.idempotency import IdempotencyDep
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal, PrincipalDep, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency
from payments.webhooks import commands
from payments.webhooks.delivering import WebhookContext
from payments.webhooks.queries import (
    MessageState,
    count_unacknowledged,
    get_endpoint,
    list_endpoints,
    list_messages,
)
from payments.webhooks.schemas import (
    NewWebhookEndpointOut,
    StandingWebhookEndpointOut,
    WebhookAcknowledgementIn,
    WebhookCountOut,
    WebhookEndpointChangeIn,
    WebhookEndpointIn,
    WebhookEndpointList,
    WebhookEndpointOut,
    WebhookMessageList,
    WebhookMessageOut,
    WebhookReplayIn,
    WebhookSecretIn,
)

router = APIRouter(
    prefix="/api/v1/webhook-endpoints",
    tags=["webhooks"],
    dependencies=[needs(Action.MANAGE_WEBHOOKS)],
)

EndpointId = Annotated[str, Path(max_length=100)]
Cursor = Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")]
Limit = Annotated[int, Query(ge=1, le=100)]
MostMessages = Annotated[int, Query(ge=1, le=1000)]
Number = Annotated[int, Query(ge=0, le=2**53 - 1)]


async def _context(request: Request) -> WebhookContext:
    found: WebhookContext = request.app.state.webhooks
    return found


WebhooksDep = Annotated[WebhookContext, Depends(_context)]


async def _agency(session: ReadSession, principal: Principal, code: str | None) -> str:
    """The body that is meant. Raises `NotFound` for one that is not the caller's."""
    if code is None:
        return principal.agency_id
    agency = await find_agency(session, code)
    if agency is None or agency.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return agency.id


@router.post(
    "",
    status_code=201,
    response_model=NewWebhookEndpointOut,
    openapi_extra=documented(WebhookEndpointIn),
)
async def create_webhook_endpoint(
    body: Annotated[ParsedBody[WebhookEndpointIn], Depends(parsed(WebhookEndpointIn))],
    idempotent: IdempotencyDep,
    principal: PrincipalDep,
    context: WebhooksDep,
) -> Response:
    """Register a receiver of a body's events; `secret` is shown this once.

    `url` is HTTPS and on the open internet, 422 otherwise.
    """
    wanted = body.model
    await context.caller.check(wanted.url)

    async def work(session: WriteSession) -> NewWebhookEndpointOut:
        made, secret = await commands.create_endpoint(
            session,
            context.cipher,
            agency_id=await _agency(session, principal, wanted.agency),
            url=wanted.url,
            types=wanted.types or [],
            actor=principal.actor,
        )
        return NewWebhookEndpointOut(**WebhookEndpointOut.of(made).model_dump(), secret=secret)

    return await idempotent(idempotent.claim(principal.owner, body.value), work, status=201)


@router.get("")
async def read_webhook_endpoints(
    principal: PrincipalDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> WebhookEndpointList:
    """The receivers of the own body and its units."""
    page = await list_endpoints(session, principal.agency_ids, cursor=cursor, limit=limit)
    return WebhookEndpointList(
        items=[WebhookEndpointOut.of(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.get("/{endpoint_id}")
async def read_webhook_endpoint(
    endpoint_id: EndpointId, principal: PrincipalDep, session: ReadSessionDep
) -> StandingWebhookEndpointOut:
    """A receiver, how it stands, and how much it has not acknowledged."""
    found = await get_endpoint(session, endpoint_id, principal.agency_ids)
    counts = await count_unacknowledged(session, endpoint_id)
    shown = WebhookEndpointOut.of(found).model_dump()
    return StandingWebhookEndpointOut(**shown, waiting=counts.waiting, set_aside=counts.set_aside)


@router.patch("/{endpoint_id}", openapi_extra=documented(WebhookEndpointChangeIn))
async def change_webhook_endpoint(
    endpoint_id: EndpointId,
    body: Annotated[ParsedBody[WebhookEndpointChangeIn], Depends(parsed(WebhookEndpointChangeIn))],
    principal: PrincipalDep,
    context: WebhooksDep,
    session: SessionDep,
) -> WebhookEndpointOut:
    """Change a receiver. Switched off, messages are numbered and wait; on, it is called at once."""
    wanted = body.model
    if wanted.url is not None:
        await context.caller.check(wanted.url)
    found = await get_endpoint(session, endpoint_id, principal.agency_ids)
    changed = await commands.change_endpoint(
        session,
        found,
        url=wanted.url,
        types=wanted.types,
        enabled=wanted.enabled,
        actor=principal.actor,
    )
    return WebhookEndpointOut.of(changed)


@router.delete("/{endpoint_id}", status_code=204)
async def remove_webhook_endpoint(
    endpoint_id: EndpointId, principal: PrincipalDep, session: SessionDep
) -> None:
    """Take a receiver away; it is told nothing more."""
    found = await get_endpoint(session, endpoint_id, principal.agency_ids)
    await commands.remove_endpoint(session, found, actor=principal.actor)


@router.post(
    "/{endpoint_id}/secret",
    status_code=201,
    response_model=NewWebhookEndpointOut,
    openapi_extra=documented(WebhookSecretIn),
)
async def rotate_webhook_secret(
    endpoint_id: EndpointId,
    body: Annotated[ParsedBody[WebhookSecretIn], Depends(parsed(WebhookSecretIn))],
    idempotent: IdempotencyDep,
    principal: PrincipalDep,
    context: WebhooksDep,
) -> Response:
    """Make a new secret, shown this once; messages bear a signature of each until the hours end."""
    window = timedelta(hours=body.model.keep_hours)

    async def work(session: WriteSession) -> NewWebhookEndpointOut:
        found = await get_endpoint(session, endpoint_id, principal.agency_ids)
        made, secret = await commands.rotate_secret(
            session, context.cipher, found, window, actor=principal.actor
        )
        return NewWebhookEndpointOut(**WebhookEndpointOut.of(made).model_dump(), secret=secret)

    return await idempotent(idempotent.claim(principal.owner, body.value), work, status=201)


@router.get("/{endpoint_id}/messages")
async def read_webhook_messages(
    endpoint_id: EndpointId,
    principal: PrincipalDep,
    session: ReadSessionDep,
    state: MessageState | None = None,
    unacknowledged: bool = False,
    cursor: Number = 0,
    limit: MostMessages = 100,
) -> WebhookMessageList:
    """What a receiver was told, in order: state, tries, last answer.

    With `unacknowledged` what it has not taken: what waits and what was set aside. `cursor` is the
    number to go on after.
    """
    await get_endpoint(session, endpoint_id, principal.agency_ids)
    states = [state] if state is not None else None
    if unacknowledged:
        states = [one for one in ("waiting", "set_aside") if state in (None, one)]
    page = await list_messages(session, endpoint_id, states=states, after=cursor, limit=limit)
    return WebhookMessageList(
        items=[WebhookMessageOut.of(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.post("/{endpoint_id}/replays", openapi_extra=documented(WebhookReplayIn))
async def replay_webhook_messages(
    endpoint_id: EndpointId,
    body: Annotated[ParsedBody[WebhookReplayIn], Depends(parsed(WebhookReplayIn))],
    principal: PrincipalDep,
    session: SessionDep,
) -> WebhookCountOut:
    """Have messages that were set aside sent again, in their order, each under its own id."""
    wanted = body.model
    found = await get_endpoint(session, endpoint_id, principal.agency_ids)
    count = await commands.replay(
        session,
        found,
        wanted.from_sequence,
        wanted.to_sequence or wanted.from_sequence,
        acknowledged=wanted.acknowledged,
        actor=principal.actor,
    )
    return WebhookCountOut(messages=count)


@router.post("/{endpoint_id}/acknowledgements", openapi_extra=documented(WebhookAcknowledgementIn))
async def acknowledge_webhook_messages(
    endpoint_id: EndpointId,
    body: Annotated[
        ParsedBody[WebhookAcknowledgementIn], Depends(parsed(WebhookAcknowledgementIn))
    ],
    principal: PrincipalDep,
    session: SessionDep,
) -> WebhookCountOut:
    """Mark everything up to a number as taken: how a receiver that fetches says that it has it."""
    found = await get_endpoint(session, endpoint_id, principal.agency_ids)
    through = body.model.through_sequence
    count = await commands.acknowledge(session, found, through, actor=principal.actor)
    return WebhookCountOut(messages=count)
