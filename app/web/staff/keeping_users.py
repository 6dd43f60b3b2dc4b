"""People of a body: who they are, a new one, one who leaves."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.keeping_forms import Administered, Administrator, led_to
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.keeping_words import IN_USE, STOPPED, roles_told
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.bodies import validated
from core.db import SessionDep
from core.errors import NotAllowed
from core.idempotency import CipherDep
from core.json import dumps, loads
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import DoorDep
from payments.administration.people import new_user, new_user_of_two, reset_factor_of
from payments.administration.within import own_agency_id
from payments.agencies.access import staff
from payments.agencies.access.rights import ROLES, Role
from payments.agencies.access.schemas import UserIn
from payments.agencies.access.second_factors import find_factor
from payments.agencies.listing import list_agencies

router = APIRouter(include_in_schema=False)

USERS: Final = "/staff/settings/users"
#: An administrator is made by the operator alone, at the command line.
GIVEN: Final = tuple(role for role in Role if role is not Role.ADMIN)
_FIELDS: Final = ("email", "name", "roles", "agency", "reason")
_COLUMNS: Final = (
    TableColumn("email", noted("Thư điện tử")),
    TableColumn("name", noted("Họ tên")),
    TableColumn("roles", noted("Vai trò")),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("created_at", noted("Thêm lúc"), "moment"),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(USERS)
async def list_users(
    request: Request, who: Administrator, session: SessionDep, asked: AskedListDep
) -> Response:
    """The people of the own body and its units, those who were let go too."""
    page = await staff.list_staff(session, who.principal.agency_ids, limit=MOST_ROWS)
    rows = [
        TableRow(
            one.id,
            (
                one.email,
                one.name,
                roles_told(one.roles),
                one.agency,
                one.created_at,
                IN_USE if one.disabled_at is None else STOPPED,
            ),
            f"{USERS}/{one.id}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked,
        address=USERS,
        title=noted("Người dùng"),
        columns=_COLUMNS,
        rows=rows,
        new=(f"{USERS}/new", noted("Thêm người")),
    )


@router.get(f"{USERS}/new")
async def new_user_page(
    request: Request, who: Administrator, session: SessionDep, door: DoorDep
) -> Response:
    """The form for a new person."""
    return await _form(request, session, who, door.administration.two_people)


@router.post(USERS)
async def make_user(deed: Administered, door: DoorDep) -> Response:
    """Make a person, or ask for it; what opens their account is on this answer and nowhere else.

    Pressed twice, one person is made, and the same is shown. No connection is held while the
    password is hashed.
    """
    typed = deed.typed_in(("email", "name", "agency"))
    reason = deed.typed("reason")
    given: dict[str, object] = {name: value for name, value in typed.items() if value}
    given["roles"] = deed.chosen("roles")
    two_people = door.administration.two_people
    shown = {**typed, "roles": given["roles"], "reason": reason}
    try:
        wanted = validated(UserIn, given | ({"reason": reason} if reason else {}))
        if Role.ADMIN in wanted.roles:
            raise NotAllowed("Quản trị viên chỉ do người vận hành tạo (lephi user create).")
        told = wanted.model_dump(mode="json", include={"email", "name", "roles"})
        if two_people:
            making, secret = await new_user_of_two(told | {"agency": typed["agency"]})
        else:
            secret = staff.new_password()
            making = await new_user(told | {"agency": typed["agency"]}, secret)

        async def work(session: WriteSession) -> str:
            await own_agency_id(session, deed.by, typed["agency"])
            waits = await door.carry(session, making, deed.by, reason or None)
            approval = None if waits is None else waits.id
            made = {"email": wanted.email, "secret": secret, "approval": approval}
            return dumps(made).decode()

        made = loads((await deed.told_once(work)).encode())
    except REFUSALS as refused:
        faults = faults_of(refused, _FIELDS)
        async with deed.database.reading() as session:
            return await _form(deed.request, session, deed.who, two_people, shown, faults)
    return render(deed.request, "keep_user_made.html", who=deed.who, made=made)


@router.get(f"{USERS}/{{user_id}}")
async def user_page(
    request: Request,
    user_id: ThingId,
    who: Administrator,
    session: SessionDep,
    cipher: CipherDep,
    door: DoorDep,
) -> Response:
    """A person: what they may do, what was done about them."""
    person = await staff.get_staff_user(session, user_id, who.principal.agency_ids)
    factor = await find_factor(session, cipher, person.id)
    return render(
        request,
        "keep_user.html",
        who=who,
        person=person,
        roles=roles_told(person.roles),
        enrolled_at=None if factor is None else factor.confirmed_at,
        two_people=door.administration.two_people,
        mine=person.id == who.session.staff_id,
        once=new_once(),
        history=await read_history(session, [person.id]),
    )


@router.post(f"{USERS}/{{user_id}}/disable")
async def disable_user(user_id: ThingId, deed: Administered) -> Response:
    """Let somebody in no more; their sessions and keys are dead at once."""

    async def work(session: WriteSession) -> str:
        reach = deed.by.agency_ids
        done = await staff.disable_staff_user(session, user_id, reach, actor=deed.by.actor)
        return f"{USERS}/{done.id}"

    return await deed.once(work)


@router.post(f"{USERS}/{{user_id}}/reset-factor")
async def reset_second_factor(user_id: ThingId, deed: Administered, door: DoorDep) -> Response:
    """Let somebody who has lost app and codes set them up anew, or ask for it."""

    async def work(session: WriteSession) -> str:
        person = await staff.get_staff_user(session, user_id, deed.by.agency_ids)
        waits = await door.carry(session, reset_factor_of(person), deed.by, None)
        return led_to(f"{USERS}/{person.id}", waits)

    return await deed.once(work)


async def _form(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    two_people: bool,
    typed: dict[str, object] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    return render(
        request,
        "keep_user_new.html",
        422 if faults.found else 200,
        who=who,
        bodies=bodies.items,
        roles=[(role, ROLES[role]) for role in GIVEN],
        typed=typed or dict.fromkeys(_FIELDS, ""),
        faults=faults,
        two_people=two_people,
        once=new_once(),
    )
