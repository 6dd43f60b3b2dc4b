"""Signing in by a body's own sign-on: out to its provider, and back with a code.

What binds the answer to this browser is sealed in a cookie of its own for ten minutes. The sign-on
stands for the password: the second factor is asked for afterwards, as for everybody.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from adapters.sign_on import (
    SignOnAttempt,
    SignOnClient,
    SignOnFailed,
    authorisation_address,
    signed_on_email,
)
from app.web.rate import network_of
from app.web.staff.doors import give_cookie
from app.web.staff.places import HOME, SECOND_FACTOR, SIGN_IN, safe_place
from app.web.staff.sign_in import quoted
from core import allowances, clock, log
from core.allowances import Pace
from core.crypto import Cipher, DecryptionFailed, keyed_hash, new_token
from core.db import DatabaseDep
from core.errors import NotFound, RateLimited
from payments.agencies.access.sign_on import SignOnValue, find_sign_on, find_signed_on
from payments.agencies.access.staff_sessions import open_session
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

SIGN_ON: Final = "/staff/sign-on"
BACK: Final = f"{SIGN_ON}/back"
_COOKIE: Final = "lephi_sign_on"
_SEALED_FOR: Final = "sign-on"
_KEPT: Final = timedelta(minutes=10)
#: How often one network may begin or end a sign-on.
_PACE: Final = Pace(60, timedelta(minutes=15))
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class BegunSignOn:
    """A sign-on that a browser has begun: with whom, and where it wanted to go."""

    agency_id: str
    place: str
    attempt: SignOnAttempt
    begun_at: datetime


@router.get(f"{SIGN_ON}/to/{{code}}")
async def go_to_provider(
    request: Request,
    code: Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")],
    database: DatabaseDep,
    context: ContextDep,
    next: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Send the browser to the body's provider. Raises `NotFound` for a body that has none."""
    await _take_turn(request, database, context)
    async with database.reading() as session:
        found = await find_sign_on(session, context.cipher, code)
    if found is None:
        raise NotFound("Cơ quan này không có đăng nhập riêng.")
    attempt = SignOnAttempt(new_token(), new_token(), new_token())
    try:
        address = await authorisation_address(_client(found), attempt, _back(context))
    except SignOnFailed as failed:
        return _failed(failed, found.agency_id)
    begun = BegunSignOn(found.agency_id, safe_place(next), attempt, clock.now())
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        _COOKIE,
        seal(context.cipher, begun),
        max_age=int(_KEPT.total_seconds()),
        path=SIGN_ON,
        secure=context.urls.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(BACK)
async def come_back(
    request: Request,
    database: DatabaseDep,
    context: ContextDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Take the provider's answer; begin a session that the second factor opens.

    The provider is asked with no transaction open.
    """
    await _take_turn(request, database, context)
    begun = unseal(context.cipher, request.cookies.get(_COOKIE, ""))
    if begun is None or not hmac.compare_digest(begun.attempt.state.encode(), state.encode()):
        return _failed(SignOnFailed("the answer is for no attempt of this browser"), "")
    async with database.reading() as session:
        found = await find_sign_on(session, context.cipher, begun.agency_id)
    if found is None or not code:
        return _failed(SignOnFailed("the provider gave no code"), begun.agency_id)
    try:
        email = await signed_on_email(_client(found), begun.attempt, code, _back(context), iss)
    except SignOnFailed as failed:
        return _failed(failed, begun.agency_id)
    network = network_of(request.client.host if request.client else "")
    browser = request.headers.get("user-agent", "")
    async with database.transaction() as session:
        staff_id = await find_signed_on(session, begun.agency_id, email)
        if staff_id is None:
            return _failed(SignOnFailed("nobody here has this address"), begun.agency_id)
        token = await open_session(session, staff_id, network, browser)
    answer = RedirectResponse(f"{SECOND_FACTOR}?next={quoted(begun.place)}", 303)
    give_cookie(answer, context, token)
    answer.delete_cookie(_COOKIE, path=SIGN_ON)
    return answer


def seal(cipher: Cipher, begun: BegunSignOn) -> str:
    """A begun sign-on as text that only we can read and nobody can change."""
    attempt = begun.attempt
    told = [begun.agency_id, begun.place, attempt.state, attempt.nonce, attempt.verifier]
    plain = json.dumps([*told, begun.begun_at.isoformat()]).encode()
    return urlsafe_b64encode(cipher.encrypt(plain, _SEALED_FOR)).decode()


def unseal(cipher: Cipher, kept: str) -> BegunSignOn | None:
    """What was begun less than ten minutes ago; None for anything else."""
    try:
        plain = cipher.decrypt(urlsafe_b64decode(kept.encode()), _SEALED_FOR)
    except (DecryptionFailed, NotBase64, ValueError):
        return None
    agency_id, place, state, nonce, verifier, at = json.loads(plain)
    begun_at = datetime.fromisoformat(at)
    if not timedelta() <= clock.now() - begun_at <= _KEPT:
        return None
    return BegunSignOn(agency_id, place, SignOnAttempt(state, nonce, verifier), begun_at)


async def _take_turn(request: Request, database: DatabaseDep, context: Context) -> None:
    network = network_of(request.client.host if request.client else "")
    whose = keyed_hash(context.request_key, network.encode())
    async with database.transaction() as counting:
        if not await allowances.take(counting, f"sign_on:{whose}", _PACE):
            raise RateLimited("Đã thử đăng nhập quá nhiều lần; hãy chờ vài phút rồi thử lại.")


def _client(found: SignOnValue) -> SignOnClient:
    return SignOnClient(found.issuer, found.client_id, found.secret)


def _back(context: Context) -> str:
    return f"{context.urls.base_url}{BACK}"


def _failed(failed: SignOnFailed, agency_id: str) -> Response:
    """Back to the page of the password, which says that it did not work; why is in the log."""
    _log.warning("sign-on failed", agency=agency_id, reason=failed.detail)
    answer = RedirectResponse(f"{SIGN_IN}?failed=sign-on&next={quoted(HOME)}", 303)
    answer.delete_cookie(_COOKIE, path=SIGN_ON)
    return answer
