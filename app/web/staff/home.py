"""Where somebody is signed in, to end what they do not know."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.web.staff.doors import SignedInDep
from app.web.templating import render
from core.db import SessionDep
from core.errors import NotFound
from payments.agencies.access.staff_sessions import end_others, end_session, list_sessions

router = APIRouter(include_in_schema=False)

SESSIONS = "/staff/sessions"


@router.get(SESSIONS)
async def own_sessions(
    request: Request, who: SignedInDep, session: SessionDep, password: str = ""
) -> Response:
    """Where somebody is signed in, to end what they do not know."""
    found = await list_sessions(session, who.session.staff_id)
    changed = password == "changed"  # noqa: S105  what has been done
    return render(request, "staff_sessions.html", who=who, sessions=found, changed=changed)


@router.post(f"{SESSIONS}/end-others")
async def end_all_others(who: SignedInDep, session: SessionDep) -> Response:
    """End every session but this one."""
    await end_others(session, who.session)
    return RedirectResponse(SESSIONS, 303)


@router.post(f"{SESSIONS}/{{session_id}}/end")
async def end_one(session_id: str, who: SignedInDep, session: SessionDep) -> Response:
    """End one of somebody's own sessions; nobody else's is there."""
    if not await end_session(session, who.session, session_id):
        raise NotFound("Không có phiên làm việc này.")
    return RedirectResponse(SESSIONS, 303)
