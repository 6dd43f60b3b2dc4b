"""The books checked from a page: everything that must always hold, as `lephi invariants` does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request, Response

from app.anchors import anchor_files
from app.invariants import Verdict, judge
from app.parts import Parts
from app.web.staff.deeds import StaffDeed
from app.web.staff.keeping_forms import Administered
from app.web.staff.keeping_operations import OPERATIONS
from app.web.templating import render
from core import allowances
from core.allowances import Pace
from core.checkpoints import set_checkpoint
from core.deadlines import LONG_SECONDS, allowing
from core.errors import Unavailable
from core.sessions import ReadSession
from payments.agencies.listing import list_agencies
from payments.agencies.tree import reach

router = APIRouter(include_in_schema=False)

#: Looking is work for the database: so often all administrators together may ask for it.
_LOOKS: Final = Pace(4, timedelta(minutes=4))
#: How long one question to the database may take, in milliseconds.
_STATEMENT_MS: Final = 60_000
#: How many lines are shown one by one.
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class CheckedBooks:
    """What a look told. `lines` are named to who sees every body, and are otherwise counted.

    `told` is `holds`, `broken`, `unclear` (it took too long) or `turns` (asked for too often).
    """

    told: str
    whole: bool
    count: int = 0
    lines: tuple[str, ...] = ()


@router.post(f"{OPERATIONS}/check")
@allowing(LONG_SECONDS)
async def check_books(request: Request, deed: Administered) -> Response:
    """Look at what is new since the last look that held, or at everything, and tell of it."""
    parts: Parts = request.app.state.parts
    checked = await _check(deed, parts, whole=deed.typed("whole") == "yes")
    return render(request, "keep_checked.html", who=deed.who, checked=checked, shown=_SHOWN)


async def _check(deed: StaffDeed, parts: Parts, *, whole: bool) -> CheckedBooks:
    async with deed.database.transaction() as counting:
        if not await allowances.take(counting, "check_books", _LOOKS):
            return CheckedBooks("turns", whole)
    try:
        async with deed.database.transaction() as session:
            verdict = await judge(
                session,
                parts.evidence,
                whole=whole,
                anchor_files=anchor_files(parts.settings.anchor_dir),
                statement_ms=_STATEMENT_MS,
            )
    except Unavailable:
        return CheckedBooks("unclear", whole)
    if verdict.lines:
        async with deed.database.reading() as reading:
            return await _told(reading, deed.by.agency_id, verdict)
    if verdict.head is not None:
        async with deed.database.transaction() as session:
            sealer = parts.evidence.sealer
            await set_checkpoint(session, sealer, verdict.head, whole=verdict.whole)
    return CheckedBooks("holds", verdict.whole)


async def _told(session: ReadSession, agency_id: str, verdict: Verdict) -> CheckedBooks:
    """What is broken, row by row where no other body's row can be among them."""
    own = await reach(session, agency_id)
    everybody = await list_agencies(session, None, limit=len(own))
    all_own = everybody.next_cursor is None and all(one.id in own for one in everybody.items)
    lines = tuple(verdict.lines) if all_own else ()
    return CheckedBooks("broken", verdict.whole, len(verdict.lines), lines)
