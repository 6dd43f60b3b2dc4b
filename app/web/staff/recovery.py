"""New recovery codes, for whoever still has the app and has used or lost the old ones."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.doors import LoneSignedInDep, SignedIn, SignedInDep
from app.web.staff.second_factor import take_turn
from app.web.templating import render
from core.db import DatabaseDep
from payments.agencies.access.second_factors import begin_factor, renew_own_codes, take_code
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

CODES: Final = "/staff/recovery-codes"


@router.get(CODES)
async def renewal_page(request: Request, who: SignedInDep) -> Response:
    """The form: the app's code once more, so that an unwatched screen is not enough."""
    return _page(request, who)


@router.post(CODES)
async def renew_codes(
    request: Request, who: LoneSignedInDep, database: DatabaseDep, context: ContextDep
) -> Response:
    """Make new codes; the old ones open nothing from then on."""
    typed = str((await request.form()).get("code", ""))
    staff_id = who.session.staff_id
    if not await take_turn(database, staff_id):
        return _page(request, who, 429, "turns")
    async with database.transaction() as session:
        factor = await begin_factor(session, context.cipher, staff_id)
        if not await take_code(session, factor, typed):
            return _page(request, who, 401, "wrong")
        codes = await renew_own_codes(session, staff_id)
    return render(
        request,
        "recovery_codes.html",
        codes=codes,
        place="/staff/sessions",
        form=None,
        form_token=who.form_token,
    )


def _page(request: Request, who: SignedIn, status: int = 200, fault: str = "") -> Response:
    return render(request, "keep_codes.html", status, who=who, fault=fault)
