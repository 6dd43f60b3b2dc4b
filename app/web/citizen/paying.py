"""What a payer does on a bill's page: go to a gateway, or leave one for another way."""

import json
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen.bills import PATIENCE, bill_of
from app.web.citizen.messages import known_code
from app.web.rate import limited
from core.errors import LephiError
from core.idempotency import Claim
from core.ids import new_id
from core.log import get
from payments.attempts.checkout import checkout
from payments.attempts.leaving import leave
from payments.bills.presenting import payment_json
from payments.bills.queries import BillValue
from payments.context import ContextDep

log = get(__name__)

router = APIRouter(include_in_schema=False)

#: How many seconds whoever chooses another way waits for the gateway's word on the first.
LEAVING_PATIENCE = 5.0


@router.post("/b/{reference}/another-way", dependencies=[Depends(limited)])
async def choose_another_way(
    reference: str,
    context: ContextDep,
    attempt: Annotated[str, Form(max_length=64)],
    t: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Leave the open attempt of that order, because its payer says that nothing was charged."""
    async with context.database.transaction() as session:
        bill = await bill_of(session, reference)
    found = bill.open_attempt
    if found is None or found.order_ref != attempt:
        return _back(bill, t)
    try:
        await leave(
            context, found.id, {bill.agency_id}, actor="citizen:page", patience=LEAVING_PATIENCE
        )
    except LephiError as error:
        return _back(bill, t, known_code(error.code))
    return _back(bill, t)


@router.post("/b/{reference}/pay", dependencies=[Depends(limited)])
async def pay(
    reference: str,
    request: Request,
    context: ContextDep,
    gateway: Annotated[str, Form(max_length=30)],
    t: Annotated[str, Form(max_length=64)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Start an attempt from the bill's page and send the citizen to the gateway."""
    async with context.database.transaction() as session:
        bill = await bill_of(session, reference)
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
                proven=bool(t) and context.urls.opens(bill.id, t),
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
        return _back(bill, t)
    answer = ended[0]
    if isinstance(answer, LephiError):
        return _back(bill, t, known_code(answer.code))
    started = json.loads(answer)
    if started["status"] == "failed":
        return _back(bill, t, "payment_declined")
    address = (started["checkout"] or {}).get("url")
    if address is None:
        return _back(bill, t, "payment_outcome_pending")
    # An old page may be pressed again, and its answer is the first one: nobody is sent to pay what
    # has ended or was left since.
    async with context.database.transaction() as session:
        attempt = (await bill_of(session, reference)).open_attempt
    if attempt is None or attempt.id != started["id"]:
        return _back(bill, t)
    return RedirectResponse(address, 303)


def _back(bill: BillValue, token: str, message: str = "") -> Response:
    """To the bill's page again, with a message if there is one."""
    asked = {name: value for name, value in (("t", token), ("message", message)) if value}
    return RedirectResponse(f"/b/{bill.reference}{'?' if asked else ''}{urlencode(asked)}", 303)
