"""What a payer does on a bill's page: go to a gateway, or leave one for another way."""

import json
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen.bills import PATIENCE, bill_of
from app.web.citizen.messages import TOLD_SECONDS, known_code, told_name
from core import allowances
from core.allowances import Pace
from core.errors import LephiError
from core.idempotency import Claim
from core.ids import new_id
from core.log import get
from payments.attempts.checkout import checkout
from payments.attempts.leaving import leave
from payments.bills.presenting import payment_json
from payments.bills.queries import BillValue
from payments.context import Context, ContextDep

log = get(__name__)

router = APIRouter(include_in_schema=False)

#: How many seconds whoever chooses another way waits for the gateway's word on the first.
LEAVING_PATIENCE = 5.0

#: How many attempts whoever has not a bill's token opens, whichever process they come to. An open
#: one takes the QR from the page until it is left: strangers may do that a few times and no more.
STARTS = Pace(5, timedelta(minutes=30))
#: How often they leave one. Turns of its own, or whoever opens attempts would use up the way back.
LEAVES = Pace(20, timedelta(minutes=15))


@router.post("/b/{reference}/another-way")
async def choose_another_way(
    reference: str,
    context: ContextDep,
    attempt: Annotated[str, Form(max_length=64)],
    t: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Leave the open attempt of that order, because its payer says that nothing was charged."""
    bill = await _bill_to_press(context, reference)
    found = bill.open_attempt
    if found is None or found.order_ref != attempt:
        return _back(context, bill, t)
    if not await _may_press(context, bill, t, "leave", LEAVES):
        return _back(context, bill, t, "rate_limited")
    try:
        await leave(
            context, found.id, {bill.agency_id}, actor="citizen:page", patience=LEAVING_PATIENCE
        )
    except LephiError as error:
        return _back(context, bill, t, known_code(error.code))
    return _back(context, bill, t)


@router.post("/b/{reference}/pay")
async def pay(
    reference: str,
    request: Request,
    context: ContextDep,
    gateway: Annotated[str, Form(max_length=30)],
    t: Annotated[str, Form(max_length=64)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Start an attempt from the bill's page and send the citizen to the gateway."""
    bill = await _bill_to_press(context, reference)
    # While one is open none is opened: nothing to count.
    if bill.open_attempt is None and not await _may_press(context, bill, t, "start", STARTS):
        return _back(context, bill, t, "rate_limited")
    key = once or new_id("click")
    claim = Claim.of(
        f"page:{bill.id}", "POST /b/pay", key, {"gateway": gateway}, context.request_key
    )
    payer_ip = request.client.host if request.client else "127.0.0.1"
    ended: list[bytes | LephiError] = []

    async def work() -> None:
        try:
            _, answer = await checkout(
                context,
                bill.id,
                {bill.agency_id},
                gateway,
                claim,
                payment_json,
                actor="citizen:page",
                payer_ip=payer_ip,
                proven=_opens(context, bill, t),
            )
            ended.append(answer)
        except LephiError as error:
            ended.append(error)
        except Exception as error:  # noqa: BLE001  the attempt is asked about, whatever it was
            log.error("an attempt's start broke off", bill=bill.id, reason=repr(error))
            ended.append(LephiError("không rõ"))

    # A gateway may take half a minute, and a payer who sees nothing presses again: the page tells
    # how it goes on.
    await context.background.do(f"pay {claim.context}", work, PATIENCE)
    if not ended:
        return _back(context, bill, t)
    answer = ended[0]
    if isinstance(answer, LephiError):
        return _back(context, bill, t, known_code(answer.code))
    started = json.loads(answer)
    if started["status"] == "failed":
        return _back(context, bill, t, "payment_declined")
    address = (started["checkout"] or {}).get("url")
    if address is None:
        return _back(context, bill, t, "payment_outcome_pending")
    # An old page may be pressed again, and its answer is the first one: nobody is sent to pay what
    # has ended or was left since.
    async with context.database.transaction() as session:
        attempt = (await bill_of(session, reference)).open_attempt
    if attempt is None or attempt.id != started["id"]:
        return _back(context, bill, t)
    return RedirectResponse(address, 303)


async def _bill_to_press(context: Context, reference: str) -> BillValue:
    async with context.database.transaction() as session:
        return await bill_of(session, reference)


async def _may_press(context: Context, bill: BillValue, token: str, what: str, pace: Pace) -> bool:
    """Whether a button of the bill may be pressed: whoever has its token always may.

    Others are counted by bill: a carrier's address is shared by half a town, and a bill only by
    those who know its reference.
    """
    if _opens(context, bill, token):
        return True
    async with context.database.transaction() as session:
        return await allowances.take(session, f"{what}:{bill.id}", pace)


def _opens(context: Context, bill: BillValue, token: str) -> bool:
    return bool(token) and context.urls.opens(bill.id, token)


def _back(context: Context, bill: BillValue, token: str, message: str = "") -> Response:
    """To the bill's page again, which tells this browser the message, if there is one."""
    path = f"/b/{bill.reference}"
    leading = RedirectResponse(f"{path}?{urlencode({'t': token})}" if token else path, 303)
    leading.set_cookie(
        told_name(context.urls.base_url),
        message,
        max_age=TOLD_SECONDS if message else 0,
        path=path,
        secure=context.urls.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return leading
