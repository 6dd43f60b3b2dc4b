"""How the running thing does for a body: what was set aside, the last check, who changed what."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import titles_of
from app.web.staff.histories import told
from app.web.staff.history import ThingId
from app.web.staff.keeping import SETTINGS
from app.web.staff.keeping_forms import Administrator
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.message_words import CHANNELS
from app.web.staff.page_rights import page_needs
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import audit, heartbeats, outbox
from core.audit import list_entries
from core.checkpoints import find_last_check
from core.db import SessionDep
from core.errors import NotFound
from payments.administration.set_up_ids import list_set_up_ids
from payments.agencies.access.rights import Action
from payments.incoming import set_aside
from payments.messages.channels import list_unrenewed

router = APIRouter(include_in_schema=False)

OPERATIONS: Final = "/staff/settings/operations"
AUDIT: Final = "/staff/settings/audit"
#: How much of what was set aside the page shows, the oldest first.
MOST_SHOWN: Final = 100
#: How many deeds of the set-up the log shows, the newest of them.
_MOST_DEEDS: Final = 2_000
_COLUMNS: Final = (
    TableColumn("at", noted("Lúc"), "moment"),
    TableColumn("what", noted("Việc"), "words"),
    TableColumn("by", noted("Ai"), "words"),
    TableColumn("object", noted("Đối tượng"), "code"),
)


@router.get(OPERATIONS)
async def operations_page(request: Request, who: Administrator, session: SessionDep) -> Response:
    """What of the own body's was set aside, and how the service does."""
    reach = who.principal.agency_ids
    return render(
        request,
        "keep_operations.html",
        who=who,
        notices=await set_aside.list_set_aside(session, reach, MOST_SHOWN + 1),
        deliveries=await outbox.list_set_aside(session, reach, MOST_SHOWN + 1),
        most=MOST_SHOWN,
        gateway_title=titles_of(request),
        checked=await find_last_check(session),
        silent=await heartbeats.is_silent(session),
        unrenewed=await list_unrenewed(session, frozenset(reach)),
        kinds=CHANNELS,
    )


@router.post(f"{OPERATIONS}/notices/{{notice_id}}/replay")
async def replay_notice(notice_id: ThingId, who: Administrator, session: SessionDep) -> Response:
    """Let the worker try a notice of the own body's again that was set aside."""
    own = await set_aside.list_set_aside(session, who.principal.agency_ids, limit=MOST_ROWS)
    if notice_id not in {one.id for one in own}:
        raise NotFound("Không có tin báo này.")
    await set_aside.replay(session, notice_id, actor=who.principal.actor)
    return RedirectResponse(OPERATIONS, 303)


@router.post(f"{OPERATIONS}/events/{{event_id}}/replay")
async def replay_event(
    event_id: Annotated[int, Path(ge=1, le=2**62)], who: Administrator, session: SessionDep
) -> Response:
    """Let the worker try work of the own body's again that was set aside."""
    own = await outbox.list_set_aside(session, who.principal.agency_ids)
    if event_id not in {one.event_id for one in own}:
        raise NotFound("Không có việc này.")
    await outbox.replay(session, event_id)
    await audit.record(
        session,
        actor=who.principal.actor,
        action="outbox.replayed",
        object_id=f"event_{event_id}",
        details={},
    )
    return RedirectResponse(OPERATIONS, 303)


#: Where what the log tells of is kept, by the beginning of its id.
_KEPT_AT: Final = {"staff": "users", "key": "keys", "gw": "gateways"}


def _page_of(object_id: str) -> str:
    """The page of what an entry is about; none where it has none of its own."""
    part = _KEPT_AT.get(object_id.partition("_")[0])
    return f"{SETTINGS}/{part}/{object_id}" if part else ""


@router.get(AUDIT)
async def audit_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_APPROVALS)],
    session: SessionDep,
    asked: AskedListDep,
) -> Response:
    """Who changed what of the own body's set-up: people, keys, accounts, gateways, catalogue."""
    objects = await list_set_up_ids(session, who.principal.agency_ids)
    entries = await list_entries(session, objects, limit=_MOST_DEEDS)
    sees_set_up = who.principal.may(Action.ADMINISTER)
    rows = [
        TableRow(
            str(line.entry_id),
            (
                line.at,
                line.words or line.what,
                line.by.name if line.by is not None else line.part,
                line.object_id,
            ),
            _page_of(line.object_id) if sees_set_up else "",
        )
        for line in await told(session, entries)
    ]
    return answer_list(
        request,
        who,
        asked.sorted_by("-at"),
        address=AUDIT,
        title=noted("Nhật ký thiết lập"),
        columns=_COLUMNS,
        rows=rows,
    )
