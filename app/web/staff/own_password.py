"""One's own password: changed by whoever knows the old one, which ends every other session."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.web.staff.doors import LoneSignedInDep, SignedIn, SignedInDep
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.templating import render
from app.web.texts import noted
from core import allowances
from core.allowances import Pace
from core.db import DatabaseDep
from core.errors import Invalid
from payments.agencies.access.staff import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    find_sign_in,
    hash_password,
    is_password,
    replace_password,
)

router = APIRouter(include_in_schema=False)

PASSWORD: Final = "/staff/password"  # noqa: S105  an address
#: Whoever sits at a screen that was left open does not find the password out here.
_TRIES: Final = Pace(6, timedelta(minutes=15))
_WRONG: Final = noted("Mật khẩu hiện tại không đúng.")
_OTHER: Final = noted("Hai lần nhập không giống nhau.")
_SAME: Final = noted("Mật khẩu mới phải khác mật khẩu hiện tại.")
_MEANWHILE: Final = noted("Mật khẩu vừa được đổi ở nơi khác; hãy đăng nhập lại.")
_TURNS: Final = noted("Đã thử quá nhiều lần; hãy chờ vài phút rồi thử lại.")


@router.get(PASSWORD)
async def password_page(request: Request, who: SignedInDep) -> Response:
    """The form: the old password, and the new one twice."""
    return _page(request, who)


@router.post(PASSWORD)
async def change_own_password(
    request: Request, who: LoneSignedInDep, database: DatabaseDep
) -> Response:
    """Take another password. The other sessions end, those half signed in too; this one goes on.

    The try is counted in a transaction of its own, and no connection is held while passwords are
    checked and hashed, which is slow on purpose.
    """
    form = await request.form()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    staff_id = who.session.staff_id
    async with database.transaction() as counting:
        may_try = await allowances.take(counting, f"own_password:{staff_id}", _TRIES)
    if not may_try:
        return _page(request, who, 429, FormFaults(others=(_TURNS,)))
    async with database.reading() as reading:
        person = await find_sign_in(reading, who.session.email)
    if not await is_password(person, old[:1000]) or person is None:
        return _page(request, who, 401, FormFaults({"old": _WRONG}))
    if new != again:
        return _page(request, who, 422, FormFaults({"again": _OTHER}))
    if new == old:
        return _page(request, who, 422, FormFaults({"new": _SAME}))
    try:
        kept = await hash_password(new)
    except Invalid as refused:
        told = faults_of(refused, ("password",)).fields
        return _page(request, who, 422, FormFaults({"new": told["password"]}))
    async with database.transaction() as session:
        if not await replace_password(session, person, kept, but=who.session.id):
            return _page(request, who, 409, FormFaults(others=(_MEANWHILE,)))
    return RedirectResponse("/staff/sessions?password=changed", 303)


def _page(
    request: Request, who: SignedIn, status: int = 200, faults: FormFaults = NO_FAULTS
) -> Response:
    return render(
        request,
        "own_password.html",
        status,
        who=who,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
        faults=faults,
    )
