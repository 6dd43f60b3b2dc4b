"""Keys of a body's systems: what each may do, a new one, one that is revoked."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.keeping_forms import Administered, Administrator
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.keeping_words import IN_USE, KEY_KINDS, REVOKED, WAITING, scopes_told
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.bodies import validated
from core.db import SessionDep
from core.json import dumps, loads
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import DoorDep
from payments.administration.people import confirmed_key
from payments.administration.within import own_agency_id
from payments.agencies.access import api_keys
from payments.agencies.access.api_keys import ApiKeyValue
from payments.agencies.access.rights import PORTAL_SCOPES, SCOPES, Scope
from payments.agencies.access.schemas import ApiKeyIn
from payments.agencies.listing import list_agencies

router = APIRouter(include_in_schema=False)

KEYS: Final = "/staff/settings/keys"
_FIELDS: Final = ("label", "scopes", "agency", "reason")
_COLUMNS: Final = (
    TableColumn("label", noted("Tên khóa")),
    TableColumn("kind", noted("Loại"), "words"),
    TableColumn("scopes", noted("Phạm vi")),
    TableColumn("user", noted("Của ai")),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("created_at", noted("Tạo lúc"), "moment"),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(KEYS)
async def list_keys(
    request: Request, who: Administrator, session: SessionDep, asked: AskedListDep
) -> Response:
    """The keys of the own body and its units, revoked ones too; never a key itself."""
    page = await api_keys.list_api_keys(session, who.principal.agency_ids, limit=MOST_ROWS)
    rows = [
        TableRow(
            one.id,
            (
                one.label,
                KEY_KINDS[one.kind],
                scopes_told(one.scopes),
                one.user,
                one.agency,
                one.created_at,
                state_of(one),
            ),
            f"{KEYS}/{one.id}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked,
        address=KEYS,
        title=noted("Khóa API"),
        columns=_COLUMNS,
        rows=rows,
        new=(f"{KEYS}/new", noted("Tạo khóa")),
    )


def state_of(key: ApiKeyValue) -> str:
    """What a key's state is called."""
    if key.revoked_at is not None:
        return REVOKED
    return WAITING if key.confirmed_at is None else IN_USE


@router.get(f"{KEYS}/new")
async def new_key_page(
    request: Request, who: Administrator, session: SessionDep, door: DoorDep
) -> Response:
    """The form for a new key of a system."""
    return await _form(request, session, who, door.administration.two_people)


@router.post(KEYS)
async def make_key(deed: Administered, door: DoorDep) -> Response:
    """Make a key of a system; it is on this answer and nowhere else.

    Pressed twice, one key is made and shown. Where two people decide it opens nothing before
    somebody else has confirmed it.
    """
    typed: dict[str, Any] = {**deed.typed_in(("label", "agency", "reason"))}
    typed["scopes"] = deed.chosen("scopes")
    two_people = door.administration.two_people

    async def work(session: WriteSession) -> str:
        wanted = validated(ApiKeyIn, {name: value for name, value in typed.items() if value})
        made, secret = await api_keys.create_api_key(
            session,
            agency_id=await own_agency_id(session, deed.by, typed["agency"]),
            label=wanted.label,
            scopes=wanted.scopes or (),
            actor=deed.by.actor,
            confirmed=not two_people,
        )
        waits = None
        if two_people:
            waits = await door.ask(session, confirmed_key(made), deed.by, wanted.reason)
        approval = None if waits is None else waits.id
        told = {"id": made.id, "label": made.label, "secret": secret, "approval": approval}
        return dumps(told).decode()

    try:
        told = loads((await deed.told_once(work)).encode())
    except REFUSALS as refused:
        faults = faults_of(refused, _FIELDS)
        async with deed.database.reading() as session:
            return await _form(deed.request, session, deed.who, two_people, typed, faults)
    return render(deed.request, "keep_key_made.html", who=deed.who, made=told)


@router.get(f"{KEYS}/{{key_id}}")
async def key_page(
    request: Request, key_id: ThingId, who: Administrator, session: SessionDep
) -> Response:
    """A key without its secret: what it may do, and its history."""
    key = await api_keys.get_api_key(session, key_id, who.principal.agency_ids)
    return render(
        request,
        "keep_key.html",
        who=who,
        key=key,
        kind=KEY_KINDS[key.kind],
        state=state_of(key),
        scopes=scopes_told(key.scopes),
        once=new_once(),
        history=await read_history(session, [key.id]),
    )


@router.post(f"{KEYS}/{{key_id}}/revoke")
async def revoke_key(key_id: ThingId, deed: Administered) -> Response:
    """End a key; within five seconds it is dead everywhere."""

    async def work(session: WriteSession) -> str:
        reach = deed.by.agency_ids
        done = await api_keys.revoke_api_key(session, key_id, reach, actor=deed.by.actor)
        return f"{KEYS}/{done.id}"

    return await deed.once(work)


async def _form(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    two_people: bool,
    typed: dict[str, Any] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    return render(
        request,
        "keep_key_new.html",
        422 if faults.found else 200,
        who=who,
        bodies=bodies.items,
        scopes=[(scope, SCOPES[scope]) for scope in Scope],
        typed=typed or {"label": "", "agency": "", "reason": "", "scopes": list(PORTAL_SCOPES)},
        faults=faults,
        two_people=two_people,
        once=new_once(),
    )
