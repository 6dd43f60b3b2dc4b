"""Stickers over HTTP: a market's, as one PDF to be printed."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.parts import Parts
from app.stickers.pdf import draw_stickers
from app.stickers.reading import read_stickers
from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.api import MarketName, own_market

router = APIRouter(prefix="/api/v1", tags=["markets"])

#: Codes of stalls; more are asked for by asking for all.
StallCodes = Annotated[list[Annotated[str, Query(max_length=100)]], Query(max_length=200)]


@router.get(
    "/markets/{market}/stickers.pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
async def read_market_stickers(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    market: MarketName,
    request: Request,
    session: ReadSessionDep,
    stall: StallCodes = [],  # noqa: B006  FastAPI copies it
    sheets: bool = False,
) -> Response:
    """The stickers of a market's stalls, or of those named by `stall`: an A6 each.

    With `sheets` four stand on each page of A4. A sticker leads to the stall's page and to its
    payment, and does not tell the code that opens the page.
    """
    parts: Parts = request.app.state.parts
    found = await own_market(session, principal, market)
    stickers = await read_stickers(session, parts, found, stall)
    pdf = await parts.children.run(partial(draw_stickers, sheets=sheets), stickers)
    name = f"{found.code}.pdf".encode("ascii", "replace").decode().replace("/", "-")
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(pdf, media_type="application/pdf", headers=headers)
