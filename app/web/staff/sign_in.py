"""Signing in with e-mail and password, and out again.

How often that may go wrong is counted for the account, for the address, and for both together, at
all processes at once. Whether an account exists is never told.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from app.web.rate import network_of
from app.web.staff.doors import (
    LoneSentFormDep,
    LoneVisitDep,
    SignedInDep,
    SignInNeeded,
    Visit,
    VisitDep,
    cookie_name,
    form_token_of,
    give_cookie,
)
from app.web.staff.places import SECOND_FACTOR, SIGN_IN, safe_place
from app.web.staff.second_factor import ask_for_it
from app.web.templating import render
from core import allowances
from core.allowances import Pace
from core.crypto import keyed_hash, new_token
from core.db import DatabaseDep, SessionDep
from core.sessions import WriteSession
from payments.agencies.access.sign_on import SignOnEntry, list_sign_ons
from payments.agencies.access.staff import find_sign_in, is_password
from payments.agencies.access.staff_sessions import end_session, find_session, open_session
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

#: Tries of one account from one network, of one account from anywhere, of one network.
_PACES: Final = (
    ("both", Pace(6, timedelta(minutes=15))),
    ("account", Pace(30, timedelta(minutes=15))),
    ("network", Pace(60, timedelta(minutes=15))),
)


def install(app: FastAPI) -> None:
    """Lead whoever is not signed in to the page where they do."""

    @app.exception_handler(SignInNeeded)
    async def lead(request: Request, needed: SignInNeeded) -> Response:
        if needed.kept:
            return _page(request, kept=needed.kept, status=401)
        place = safe_place(needed.place)
        at = SIGN_IN if place == "/staff" else f"{SIGN_IN}?next={quoted(place)}"
        return RedirectResponse(at, 303)


@router.get(SIGN_IN)
async def sign_in_page(
    request: Request,
    visit: VisitDep,
    session: SessionDep,
    context: ContextDep,
    next: str = "",
    failed: str = "",
    left: str = "",
) -> Response:
    """The form, and the bodies' own sign-ons; who is signed in goes on.

    Whoever comes from signing out (`left`) leaves no list of a walk on the phone.
    """
    if visit.live is not None:
        return RedirectResponse(safe_place(next) if visit.live.proved_at else SECOND_FACTOR, 303)
    return _page(
        request,
        visit=visit,
        context=context,
        place=safe_place(next),
        fault="sign_on" if failed == "sign-on" else "",
        sign_ons=await list_sign_ons(session),
        left=bool(left),
    )


@router.post(SIGN_IN)
async def take_password(
    request: Request,
    form: LoneSentFormDep,
    visit: LoneVisitDep,
    database: DatabaseDep,
    context: ContextDep,
) -> Response:
    """Begin a session that the second factor opens.

    The try is counted in a transaction of its own: whatever fails later, it was made. While the
    password is checked, which is slow on purpose, no connection is held.
    """
    email, password, place, kept = (
        str(form.get(name, "")) for name in ("email", "password", "next", "kept")
    )
    place = safe_place(place)
    again = partial(
        _page, request, visit=visit, context=context, place=place, kept=kept, email=email
    )
    network = network_of(request.client.host if request.client else "")
    async with database.transaction() as counting:
        may_try = await _may_try(counting, context, email, network)
    if not may_try:
        return again(status=429, fault="turns")
    async with database.reading() as reading:
        person = await find_sign_in(reading, email)
    if not await is_password(person, password[:1000]) or person is None:
        return again(status=401, fault="wrong")
    browser = request.headers.get("user-agent", "")
    async with database.transaction() as session:
        token = await open_session(session, person.id, network, browser)
        found = await find_session(session, token)
        if found is None:
            raise LookupError(person.id)
        if kept:
            answer = await ask_for_it(
                request,
                session,
                context,
                Visit(token, found, form_token_of(context, token)),
                place=place,
                kept=kept,
            )
        else:
            answer = RedirectResponse(f"{SECOND_FACTOR}?next={quoted(place)}", 303)
    give_cookie(answer, context, token)
    return answer


@router.post("/staff/sign-out")
async def sign_out(who: SignedInDep, session: SessionDep, context: ContextDep) -> Response:
    """End this session."""
    await end_session(session, who.session, who.session.id)
    answer = RedirectResponse(f"{SIGN_IN}?left=yes", 303)
    answer.delete_cookie(
        cookie_name(context), path="/", secure=cookie_name(context).startswith("__Host-")
    )
    return answer


async def _may_try(session: WriteSession, context: Context, email: str, network: str) -> bool:
    account = email.strip().lower()
    subjects = {"both": f"{account} {network}", "account": account, "network": network}
    for name, pace in _PACES:
        whose = keyed_hash(context.request_key, subjects[name].encode())
        if not await allowances.take(session, f"sign_in:{name}:{whose}", pace):
            return False
    return True


def _page(
    request: Request,
    *,
    visit: Visit | None = None,
    context: Context | None = None,
    status: int = 200,
    place: str = "/staff",
    kept: str = "",
    email: str = "",
    fault: str = "",
    sign_ons: Sequence[SignOnEntry] = (),
    left: bool = False,
) -> Response:
    context = context or request.app.state.payments
    known = visit is not None and visit.session is None and bool(visit.token)
    token = visit.token if visit is not None and known else new_token()
    answer = render(
        request,
        "sign_in.html",
        status,
        form_token=form_token_of(context, token),
        place=place,
        kept=kept,
        email=email,
        fault=fault,
        sign_ons=sign_ons,
        left=left,
        onward=quoted(place),
    )
    give_cookie(answer, context, token)
    return answer


def quoted(place: str) -> str:
    """A place as a value in an address."""
    return place.replace("%", "%25").replace("&", "%26").replace("?", "%3F").replace("+", "%2B")
