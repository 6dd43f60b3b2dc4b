"""Where gateways and feeds call."""

from fastapi import APIRouter, Request, Response

from core import clock
from core.bodies import read_raw
from core.deadlines import allow
from core.errors import TooLarge
from payments.context import Context, ContextDep
from payments.gateway_info import ANSWER_WITHIN
from payments.incoming import notices, pulls, tokens
from payments.incoming.rejections import count_rejected
from payments.ports import CallbackFault, RawCallback

router = APIRouter(tags=["callbacks"])


_MOST_CALLBACK = 64 * 1024
#: When a gateway that was told to call again may do so, in seconds.
_AGAIN = "5"


@router.post("/callbacks/{gateway}/{account}", include_in_schema=False)
@router.get("/callbacks/{gateway}/{account}", include_in_schema=False)
async def take_callback(
    gateway: str, account: str, request: Request, context: ContextDep
) -> Response:
    """A gateway's report or a bank's notice; answered in the gateway's own way."""
    raw = await _raw(gateway, request, context)
    answer = await notices.receive(context, gateway, account, raw)
    headers = {"Retry-After": _AGAIN} if answer.status == 503 else None
    return Response(answer.body, answer.status, headers, answer.media_type)


@router.post("/callbacks/{gateway}/{account}/pull", include_in_schema=False)
async def take_pull(gateway: str, account: str, request: Request, context: ContextDep) -> Response:
    """What a reference or a dossier owes, asked by who takes money for us."""
    raw = await _raw(gateway, request, context)
    answer = await pulls.answer(context, gateway, account, raw)
    return Response(answer.body, answer.status, None, answer.media_type)


@router.post("/callbacks/{gateway}/{account}/token", include_in_schema=False)
async def take_token(gateway: str, account: str, request: Request, context: ContextDep) -> Response:
    """A token for a provider that bears one with its notices. 404 where it asks for none."""
    raw = await _raw(gateway, request, context)
    answer = await tokens.issue(context, gateway, account, raw)
    return Response(answer.body, answer.status, {"Cache-Control": "no-store"}, answer.media_type)


async def _raw(gateway: str, request: Request, context: Context) -> RawCallback:
    """A call as it came, within the time that its gateway waits. Raises `TooLarge`."""
    info = context.gateways.find_info(gateway)
    within = ANSWER_WITHIN if info is None else info.answer_within
    allow(within.total_seconds())
    try:
        body = await read_raw(request, most=_MOST_CALLBACK)
    except TooLarge:
        count_rejected(None if info is None else gateway, CallbackFault.TOO_LARGE)
        raise
    return RawCallback(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_at=clock.now(),
    )
