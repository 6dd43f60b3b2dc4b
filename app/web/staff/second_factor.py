"""The second factor: given, or set up by whoever signs in for the first time."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.web.staff.doors import (
    KeptForm,
    LoneSentFormDep,
    LoneVisitDep,
    SignInNeeded,
    Visit,
    VisitDep,
    form_token_of,
    give_cookie,
    unseal,
)
from app.web.staff.places import HOME, SECOND_FACTOR, safe_place
from app.web.templating import render
from core import allowances, qr
from core.allowances import Pace
from core.db import Database, DatabaseDep, SessionDep
from core.errors import NotFound
from core.sessions import WriteSession
from payments.agencies.access.second_factors import (
    begin_factor,
    confirm,
    find_factor,
    take_code,
    use_recovery_code,
)
from payments.agencies.access.staff_sessions import SessionValue, prove
from payments.agencies.access.totp import DIGITS, address, readable
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

#: A code has a million values, three of which are right.
_CODES: Final = Pace(6, timedelta(minutes=10))
_ISSUER: Final = "Lệ Phí"


@router.get(SECOND_FACTOR)
async def second_factor_page(
    request: Request, visit: VisitDep, session: SessionDep, context: ContextDep, next: str = ""
) -> Response:
    """The form for the code; where there is no factor yet, how to set one up."""
    found = _half(visit)
    if found.proved_at is not None:
        return RedirectResponse(safe_place(next), 303)
    return await ask_for_it(request, session, context, visit, place=safe_place(next))


@router.get(f"{SECOND_FACTOR}/qr.svg")
async def enrolment_qr(visit: VisitDep, session: SessionDep, context: ContextDep) -> Response:
    """The code that an app reads, only while the factor is being set up."""
    found = _half(visit)
    factor = await find_factor(session, context.cipher, found.staff_id)
    if factor is None or factor.confirmed_at is not None:
        raise NotFound("Không có mã QR này.")
    drawn = qr.svg(address(factor.secret, found.email, _ISSUER))
    return Response(drawn, media_type="image/svg+xml")


@router.post(SECOND_FACTOR)
async def take_second_factor(
    request: Request,
    form: LoneSentFormDep,
    visit: LoneVisitDep,
    database: DatabaseDep,
    context: ContextDep,
) -> Response:
    """Open the session to whoever has the app, or a code that was written down.

    The try is counted in a transaction of its own: whatever fails later, it was made.
    """
    found = _half(visit)
    typed, place, kept = (str(form.get(name, "")) for name in ("code", "next", "kept"))
    place = safe_place(place)
    if found.proved_at is not None:
        return RedirectResponse(place, 303)
    again = {"place": place, "kept": kept}
    may_try = await take_turn(database, found.staff_id)
    async with database.transaction() as session:
        if not may_try:
            return await ask_for_it(
                request, session, context, visit, status=429, fault="turns", **again
            )
        factor = await begin_factor(session, context.cipher, found.staff_id)
        right = await take_code(session, factor, typed)
        if not right and factor.confirmed_at is not None and len(typed) > DIGITS:
            right = await use_recovery_code(session, found.staff_id, typed)
        if not right:
            return await ask_for_it(
                request, session, context, visit, status=401, fault="wrong", **again
            )
        codes = [] if factor.confirmed_at is not None else await confirm(session, found.staff_id)
        token = await prove(session, found)
    form_token = form_token_of(context, token)
    kept_form = unseal(context.cipher, kept, found.staff_id) if kept else None
    if codes:
        answer = render(
            request,
            "recovery_codes.html",
            codes=codes,
            place=place,
            form=kept_form,
            form_token=form_token,
        )
    elif kept_form is not None:
        answer = send_again_page(request, kept_form, form_token)
    else:
        answer = RedirectResponse(place, 303)
    give_cookie(answer, context, token)
    return answer


async def take_turn(database: Database, staff_id: str) -> bool:
    """Count a try of a person's second factor; False where there were too many."""
    async with database.transaction() as counting:
        return await allowances.take(counting, f"second_factor:{staff_id}", _CODES)


def send_again_page(request: Request, form: KeptForm, form_token: str) -> Response:
    """What somebody had sent when their session was over, for them to look at and send again."""
    return render(request, "send_again.html", form=form, form_token=form_token)


async def ask_for_it(
    request: Request,
    session: WriteSession,
    context: Context,
    visit: Visit,
    *,
    status: int = 200,
    place: str = HOME,
    kept: str = "",
    fault: str = "",
) -> Response:
    """The page that asks for the code; for who has no factor yet, with what their app needs."""
    found = _half(visit)
    factor = await begin_factor(session, context.cipher, found.staff_id)
    return render(
        request,
        "second_factor.html",
        status,
        enrolling=factor.confirmed_at is None,
        secret=readable(factor.secret) if factor.confirmed_at is None else "",
        email=found.email,
        form_token=visit.form_token,
        place=place,
        kept=kept,
        fault=fault,
    )


def _half(visit: Visit) -> SessionValue:
    """The session of whoever has given a password. Raises `SignInNeeded`."""
    if visit.live is None:
        raise SignInNeeded("")
    return visit.live
