"""Where providers of messages call to tell what was delivered."""

from fastapi import APIRouter, Request, Response

from core.bodies import read_raw
from core.db import SessionDep
from core.idempotency import CipherDep
from core.log import get
from payments.message_calls import MessageSenders, RawReport, ReportRejected
from payments.messages.reports import take_report
from payments.urls import Urls

log = get(__name__)

router = APIRouter(tags=["callbacks"])

_MOST_REPORT = 16 * 1024


@router.post("/callbacks/messages/{channel_id}/{token}", include_in_schema=False)
@router.get("/callbacks/messages/{channel_id}/{token}", include_in_schema=False)
async def take_message_report(
    channel_id: str, token: str, request: Request, session: SessionDep, cipher: CipherDep
) -> Response:
    """A provider's report; its address has a token of the channel's, and some are signed too."""
    body = await read_raw(request, most=_MOST_REPORT)
    urls: Urls = request.app.state.urls
    if not urls.opens(f"message-reports:{channel_id}", token):
        return Response(status_code=404)
    headers = {name.lower(): value for name, value in request.headers.items()}
    report = RawReport(request.method, request.url.query, headers, body)
    senders: MessageSenders = request.app.state.senders
    try:
        found = await take_report(session, cipher, senders, channel_id, report)
    except ReportRejected as rejected:
        log.warning("report of a message rejected", channel=channel_id, reason=str(rejected))
        return Response(status_code=401)
    return Response(status_code=404 if found is None else 200)
