"""The page that a reminder's last address leads to: no more of them, with one press.

Whoever has the address was reminded as that vendor: its token opens this and nothing else. Looking
at the page changes nothing, for messengers and mail servers look at addresses by themselves.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.web.rate import limited
from app.web.templating import render
from core.db import ReadSessionDep, SessionDep
from core.errors import NotFound
from core.references import is_reference
from core.sessions import ReadSession
from payments.agencies.queries import AgencyValue
from payments.billing.credit.queries import list_holdings
from payments.billing.dues.queries import VendorStall, find_stall
from payments.billing.reminding.commands import set_reminders
from payments.billing.reminding.queries import RemindedVendor, list_vendors
from payments.context import Context, ContextDep
from payments.messages.channels import kinds_of

router = APIRouter(include_in_schema=False)

#: Who presses the button, as the audit log names them.
ACTOR = "vendor"

Token = Annotated[str, Query(max_length=40)]


async def _place(
    session: ReadSession, context: Context, reference: str, token: str
) -> tuple[AgencyValue, VendorStall, RemindedVendor]:
    """Whose address that is. Raises `NotFound` for one that is nobody's."""
    code = reference.upper()
    stall = await find_stall(session, code) if is_reference(code) else None
    holdings = [] if stall is None else await list_holdings(session, [stall.reference])
    known = {one.vendor_id for one in holdings}
    whose = [one for one in known if context.urls.opens(f"reminders:{one}", token)]
    if stall is None or not whose:
        raise NotFound("Đường dẫn này không còn dùng được.")
    (vendor,) = await list_vendors(session, whose)
    return await context.agencies.get_agency(stall.agency_id, session), stall, vendor


@router.get("/n/{reference}", dependencies=[Depends(limited)])
async def reminders_page(
    reference: str,
    request: Request,
    session: ReadSessionDep,
    context: ContextDep,
    t: Token = "",
) -> Response:
    """Whether this vendor is reminded, and a button to have it otherwise."""
    agency, stall, vendor = await _place(session, context, reference, t)
    return render(
        request,
        "reminders.html",
        agency=agency,
        stall=stall,
        here=f"/n/{stall.reference}?t={t}",
        refused=vendor.reminders_refused_at is not None,
        sends=bool(await kinds_of(session, agency.id)),
    )


@router.post("/n/{reference}", dependencies=[Depends(limited)])
async def change_reminders(
    reference: str,
    session: SessionDep,
    context: ContextDep,
    wanted: Annotated[Literal["yes", "no"], Form()],
    t: Token = "",
) -> Response:
    """Refuse reminders, or have them again."""
    _, stall, vendor = await _place(session, context, reference, t)
    await set_reminders(session, vendor.id, wanted=wanted == "yes", actor=ACTOR)
    return RedirectResponse(f"/n/{stall.reference}?t={t}", 303)
