"""Who is at a staff page's door: known by a cookie, and let in when the second factor was given.

A form carries a token that follows from the cookie, so that no other site can send it; where a
browser says where a form comes from, that counts too. A form that comes when its session is over is
kept: sealed, for the same person, to be sent again once they have signed in again.
"""

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from starlette.datastructures import FormData

from app.web.staff.places import StaffPlace, places_for
from core.crypto import Cipher, DecryptionFailed, keyed_hash, new_token
from core.db import DatabaseDep, SessionDep
from core.errors import NotAllowed
from payments.agencies.access.principals import Principal
from payments.agencies.access.staff_sessions import (
    SessionValue,
    find_session,
    note_use,
    principal_of,
)
from payments.context import Context, ContextDep

#: The field of every form that shows that it is ours.
FORM_TOKEN: Final = "form_token"  # noqa: S105  the field's name
#: The longest form that is kept while its sender signs in again, in bytes.
_LONGEST_KEPT: Final = 32_768
_KEPT_FOR = "kept-form"
#: What is no text: no page can show it, and no row can hold it.
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


class SignInNeeded(Exception):
    """Nobody is signed in here (any more); `kept` is what they had sent, sealed."""

    def __init__(self, place: str, kept: str = "") -> None:
        super().__init__(place)
        self.place = place
        self.kept = kept


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form that was sent when its session was over."""

    staff_id: str
    path: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at a staff page: its token, and the session that it names, live or not."""

    token: str
    session: SessionValue | None
    form_token: str

    @property
    def live(self) -> SessionValue | None:
        """The session, where it opens anything."""
        return self.session if self.session is not None and self.session.live else None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has given both factors."""

    session: SessionValue
    principal: Principal
    form_token: str

    @property
    def places(self) -> list[StaffPlace]:
        """Where the list at the top leads them."""
        return places_for(self.principal.may)


def cookie_name(context: Context) -> str:
    """The cookie's name: under HTTPS one that no other name of the domain can set."""
    return "__Host-lephi_staff" if _is_https(context) else "lephi_staff"


def give_cookie(answer: Response, context: Context, token: str) -> None:
    """Let the browser keep a token until it is closed."""
    answer.set_cookie(
        cookie_name(context),
        token,
        path="/",
        secure=_is_https(context),
        httponly=True,
        samesite="lax",
    )


def form_token_of(context: Context, token: str) -> str:
    """What a form of the holder of this token carries."""
    return keyed_hash(context.request_key, b"staff-form:" + token.encode())[:40]


async def visit(request: Request, session: SessionDep, context: ContextDep) -> Visit:
    """Who is there; a browser without a cookie gets a token of its own for its forms."""
    token = request.cookies.get(cookie_name(context), "")
    found = await find_session(session, token) if token else None
    if found is not None and found.live:
        await note_use(session, found)
    token = token or new_token()
    return Visit(token, found, form_token_of(context, token))


VisitDep = Annotated[Visit, Depends(visit)]


async def lone_visit(request: Request, database: DatabaseDep, context: ContextDep) -> Visit:
    """As `visit`, and no connection is held afterwards, whatever long work follows."""
    async with database.transaction() as session:
        return await visit(request, session, context)


LoneVisitDep = Annotated[Visit, Depends(lone_visit)]


async def sent_form(request: Request, visit: LoneVisitDep) -> FormData:
    """The form of a POST, with no connection held. Raises `NotAllowed` for one that is not ours."""
    form = await _form_of(request)
    if _comes_from_elsewhere(request):
        raise NotAllowed("Biểu mẫu này được gửi từ một trang khác.")
    token = form.get(FORM_TOKEN)
    right = isinstance(token, str) and hmac.compare_digest(
        token.encode(), visit.form_token.encode()
    )
    if not right:
        raise NotAllowed("Biểu mẫu này đã cũ; hãy mở lại trang và gửi lại.")
    return form


LoneSentFormDep = Annotated[FormData, Depends(sent_form)]


async def _form_of(request: Request) -> FormData:
    """What was sent. Raises `NotAllowed` where a field holds what is no text.

    Before anything is done by it: what fails later takes back the try that was counted for it.
    """
    form = await request.form()
    for name, value in form.multi_items():
        if _NO_TEXT.search(name) or (isinstance(value, str) and _NO_TEXT.search(value)):
            raise NotAllowed("Biểu mẫu này có ký tự không dùng được; hãy mở lại trang và gửi lại.")
    return form


async def signed_in(
    request: Request, visit: VisitDep, session: SessionDep, context: ContextDep
) -> SignedIn:
    """Who is signed in; of a POST the form must be ours. Raises `SignInNeeded`, `NotAllowed`."""
    found = visit.live
    if found is None or found.proved_at is None:
        raise await _sign_in_needed(request, visit, context)
    if request.method != "GET":
        try:
            await sent_form(request, visit)
        except NotAllowed:
            await request.close()  # a file that came with it
            raise
    return SignedIn(found, await principal_of(session, found), visit.form_token)


SignedInDep = Annotated[SignedIn, Depends(signed_in)]


async def signed_in_alone(request: Request, database: DatabaseDep, context: ContextDep) -> SignedIn:
    """As `signed_in`, with no transaction open afterwards: a gateway is called in none."""
    async with database.transaction() as session:
        return await signed_in(request, await visit(request, session, context), session, context)


LoneSignedInDep = Annotated[SignedIn, Depends(signed_in_alone)]


async def _sign_in_needed(request: Request, visit: Visit, context: Context) -> SignInNeeded:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "GET":
        return SignInNeeded(asked)
    # Only what their own browser sent from our own page: nobody else's words are kept for them.
    ours = request.headers.get("sec-fetch-site") == "same-origin"
    if visit.session is None or not ours or visit.session.proved_at is None:
        return SignInNeeded("")
    form = await _form_of(request)
    fields = tuple(
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name != FORM_TOKEN
    )
    return SignInNeeded("", seal(context.cipher, KeptForm(visit.session.staff_id, asked, fields)))


def seal(cipher: Cipher, form: KeptForm) -> str:
    """A form as text that only we can read and nobody can change; empty where it is too long."""
    plain = json.dumps([form.staff_id, form.path, form.fields]).encode()
    if len(plain) > _LONGEST_KEPT:
        return ""
    return urlsafe_b64encode(cipher.encrypt(plain, _KEPT_FOR)).decode()


def unseal(cipher: Cipher, kept: str, staff_id: str) -> KeptForm | None:
    """The form, for who had sent it; None for anybody else, and for what is none of ours."""
    try:
        plain = cipher.decrypt(urlsafe_b64decode(kept), _KEPT_FOR)
    except (DecryptionFailed, NotBase64, ValueError):
        return None
    whose, path, fields = json.loads(plain)
    if whose != staff_id:
        return None
    return KeptForm(whose, path, tuple((name, value) for name, value in fields))


def _comes_from_elsewhere(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    return site is not None and site not in ("same-origin", "none")


def _is_https(context: Context) -> bool:
    return context.urls.base_url.startswith("https:")
