"""People and API keys over HTTP, for an agency's administrators.

An administrator acts within their agency and its units. In production a new person waits (202)
until a second person approves, and a new key is made but opens nothing before somebody else has
confirmed it; ending either is done at once. Two things stay the operator's, at the command line.
Administrators are made there: a stolen key of one must not outlive itself in another that it has
made. And so are other people's keys: whoever had made a key of the chief's could be the second
person to their own deeds.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.errors import FieldError, Invalid, NotAllowed, NotFound
from core.idempotency import IdempotencyDep
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import DoorDep
from payments.administration.door import do
from payments.administration.people import confirmed_key, new_user, new_user_of_two
from payments.administration.schemas import ProposedUserOut
from payments.agencies.access import api_keys, staff
from payments.agencies.access.principals import Principal, PrincipalDep, needs
from payments.agencies.access.rights import Action, Role
from payments.agencies.access.schemas import (
    ApiKeyIn,
    ApiKeyList,
    ApiKeyOut,
    NewApiKeyOut,
    NewUserOut,
    UserIn,
    UserList,
    UserOut,
)
from payments.agencies.queries import find_agency, get_agency_code
from payments.books.schemas import ApprovalOut

router = APIRouter(
    prefix="/api/v1",
    tags=["people and keys"],
    dependencies=[needs(Action.ADMINISTER)],
)


ThingId = Annotated[str, Path(max_length=100)]
AgencyCode = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._/-]+$")]
Cursor = Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")]
Limit = Annotated[int, Query(ge=1, le=100)]


class OperatorOnly(NotAllowed):
    """An administrator may not do this: ask the operator, who has the command line."""

    code = "operator_only"


async def _agency(session: ReadSession, principal: Principal, code: str | None) -> str:
    """The agency that is meant. Raises `NotFound` for one that is not the caller's."""
    if code is None:
        return principal.agency_id
    agency = await find_agency(session, code)
    if agency is None or agency.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return agency.id


async def _within(session: ReadSession, principal: Principal, code: str | None) -> frozenset[str]:
    if code is None:
        return principal.agency_ids
    return frozenset({await _agency(session, principal, code)})


@router.post(
    "/api-keys",
    status_code=201,
    response_model=NewApiKeyOut,
    responses={202: {"model": NewApiKeyOut, "description": "Opens nothing yet (production)"}},
    openapi_extra=documented(ApiKeyIn),
)
async def create_key(
    body: Annotated[ParsedBody[ApiKeyIn], Depends(parsed(ApiKeyIn))],
    idempotent: IdempotencyDep,
    principal: PrincipalDep,
    door: DoorDep,
) -> Response:
    """Make a key of a system, or one of one's own; `key` is shown this once.

    Left out, `scopes` are what a portal needs. In production it opens nothing before somebody else
    approves `approval`.
    """
    wanted = body.model

    async def work(session: WriteSession) -> NewApiKeyOut:
        agency_id = await _agency(session, principal, wanted.agency)
        staff_id = None if wanted.user is None else await _own(session, principal, wanted)
        made, secret = await api_keys.create_api_key(
            session,
            agency_id=agency_id,
            label=wanted.label,
            scopes=wanted.scopes_or_default(),
            staff_id=staff_id,
            actor=principal.actor,
            confirmed=not door.administration.two_people,
        )
        approval = None
        if door.administration.two_people:
            waits = await door.ask(session, confirmed_key(made), principal, wanted.reason)
            approval = waits.id
        return NewApiKeyOut(**ApiKeyOut.of(made).model_dump(), key=secret, approval=approval)

    claim = idempotent.claim(principal.owner, body.value)
    return await idempotent(claim, work, status=door.status)


async def _own(session: ReadSession, principal: Principal, wanted: ApiKeyIn) -> str:
    """The caller's own id. Raises `OperatorOnly` where `user` is somebody else of theirs."""
    person = await staff.get_staff_user(session, wanted.user or "", principal.agency_ids)
    if principal.actor != f"staff:{person.id}":
        raise OperatorOnly("Khóa của người khác chỉ do người vận hành tạo (lephi apikey create).")
    if wanted.scopes is not None:
        fault = FieldError("scopes", "not_with_user", "A person's key acts with their roles.")
        raise Invalid("Khóa của một người không có phạm vi.", errors=[fault])
    if wanted.agency not in (None, person.agency, person.agency_id):
        fault = FieldError("agency", "not_with_user", "A person's key is of the person's agency.")
        raise Invalid("Khóa của một người thuộc cơ quan của người đó.", errors=[fault])
    return person.id


@router.get("/api-keys")
async def read_keys(
    principal: PrincipalDep,
    session: ReadSessionDep,
    agency: AgencyCode = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ApiKeyList:
    """The keys of the agency and its units, the newest first, revoked ones too."""
    within = await _within(session, principal, agency)
    page = await api_keys.list_api_keys(session, within, cursor=cursor, limit=limit)
    return ApiKeyList(items=[ApiKeyOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post("/api-keys/{key_id}/revoke")
async def revoke_key(key_id: ThingId, principal: PrincipalDep, session: SessionDep) -> ApiKeyOut:
    """End a key; within five seconds it is dead everywhere. Twice is the same as once."""
    done = await api_keys.revoke_api_key(
        session, key_id, principal.agency_ids, actor=principal.actor
    )
    return ApiKeyOut.of(done)


@router.post(
    "/users",
    status_code=201,
    response_model=NewUserOut,
    responses={202: {"model": ProposedUserOut, "description": "Waits for a second person"}},
    openapi_extra=documented(UserIn),
)
async def create_user(
    body: Annotated[ParsedBody[UserIn], Depends(parsed(UserIn))],
    idempotent: IdempotencyDep,
    principal: PrincipalDep,
    door: DoorDep,
) -> Response:
    """Make a person, with any roles but that of an administrator.

    Without `password` one is made, and given back in this answer only. In production it is made in
    two halves: this answer has the first, and whoever approves gets the second.
    """
    wanted = body.model
    if Role.ADMIN in wanted.roles:
        raise OperatorOnly("Quản trị viên chỉ do người vận hành tạo (lephi user create).")

    async def work(session: WriteSession) -> BaseModel:
        agency_id = await _agency(session, principal, wanted.agency)
        agency = await get_agency_code(session, agency_id)
        told = wanted.model_dump(mode="json", include={"email", "name", "roles"})
        told["agency"] = agency
        if door.administration.two_people:
            if wanted.password is not None:
                fault = FieldError("password", "made_by_two", "It is made in two halves here.")
                raise Invalid("Mật khẩu do hệ thống tạo, chia cho hai người.", errors=[fault])
            deed, first = await new_user_of_two(told)
            waits = ApprovalOut.of(await door.ask(session, deed, principal, wanted.reason))
            return ProposedUserOut(approval=waits, password_first_half=first)
        made_up = staff.new_password() if wanted.password is None else None
        deed = await new_user(told, made_up or wanted.password or "")
        made = await do(session, door.administration, deed, actor=principal.actor)
        person = UserOut.of(await staff.get_staff_user(session, made))
        return NewUserOut(**person.model_dump(), password=made_up)

    claim = idempotent.claim(principal.owner, body.value)
    return await idempotent(claim, work, status=door.status)


@router.get("/users")
async def read_users(
    principal: PrincipalDep,
    session: ReadSessionDep,
    agency: AgencyCode = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> UserList:
    """The people of the agency and its units, the newest first, disabled ones too."""
    within = await _within(session, principal, agency)
    page = await staff.list_staff(session, within, cursor=cursor, limit=limit)
    return UserList(items=[UserOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post("/users/{user_id}/disable")
async def disable_user(user_id: ThingId, principal: PrincipalDep, session: SessionDep) -> UserOut:
    """Let somebody in no more; within five seconds their keys are dead everywhere."""
    done = await staff.disable_staff_user(
        session, user_id, principal.agency_ids, actor=principal.actor
    )
    return UserOut.of(done)
