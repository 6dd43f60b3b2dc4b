"""Bodies, their accounts and gateways over HTTP, for a person with role `admin`.

In production each of these asks for it, is answered 202, and happens when a second person approves;
taking a gateway away from payers is done at once. An administrator acts within the own body and its
units; a system's key never sets up where money goes. What an operator alone may do (a new body of
its own, a bank that is not listed) is done on the command line.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.errors import FieldError, Invalid
from core.idempotency import IdempotencyDep
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import WAITS, DoorDep, waiting
from payments.administration.bodies import changed_agency, new_account, new_agency
from payments.administration.door import do
from payments.administration.gateways import configured_gateway, only_disables
from payments.administration.within import own_account_id, own_agency_id, own_gateway
from payments.agencies.access.principals import PrincipalDep, needs
from payments.agencies.access.rights import Action
from payments.agencies.listing import list_accounts, list_agencies, list_gateways
from payments.agencies.schemas import (
    AccountIn,
    AccountList,
    AccountOut,
    AgencyChangeIn,
    AgencyIn,
    AgencyList,
    AgencyOut,
    GatewayChangeIn,
    GatewayIn,
    GatewayList,
    GatewayOut,
)
from payments.agencies.tree import reach
from payments.books.schemas import ApprovalOut

router = APIRouter(prefix="/api/v1", tags=["agencies"], dependencies=[needs(Action.ADMINISTER)])

AgencyBody = Annotated[ParsedBody[AgencyIn], Depends(parsed(AgencyIn))]
AgencyChange = Annotated[ParsedBody[AgencyChangeIn], Depends(parsed(AgencyChangeIn))]
AccountBody = Annotated[ParsedBody[AccountIn], Depends(parsed(AccountIn))]
GatewayBody = Annotated[ParsedBody[GatewayIn], Depends(parsed(GatewayIn))]
GatewayChange = Annotated[ParsedBody[GatewayChangeIn], Depends(parsed(GatewayChangeIn))]
Cursor = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Code = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


@router.post(
    "/agencies",
    status_code=201,
    response_model=AgencyOut,
    responses=WAITS,
    openapi_extra=documented(AgencyIn),
)
async def make_agency(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: AgencyBody,
    door: DoorDep,
) -> Response:
    """Make a unit below the own body; `parent` names what it stands under."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> BaseModel:
        if given.parent is None:
            detail = "Hãy nêu cơ quan cấp trên; một cơ quan độc lập do đơn vị vận hành lập."
            raise Invalid(detail, errors=[FieldError("parent", "missing", detail)])
        await own_agency_id(session, admin, given.parent)
        deed = new_agency(given.model_dump(exclude={"reason"}))
        return await door.new(session, deed, admin, given.reason, _agency)

    return await idempotent(claim, make, status=door.status)


@router.get("/agencies")
async def read_agencies(
    admin: PrincipalDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> AgencyList:
    """The own body and its units, by code."""
    own = await reach(session, admin.agency_id)
    page = await list_agencies(session, own, after=cursor, limit=limit)
    return AgencyList(
        items=[AgencyOut.of(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/agencies/{code}/change",
    response_model=AgencyOut,
    responses=WAITS,
    openapi_extra=documented(AgencyChangeIn),
)
async def alter_agency(
    code: Code, admin: PrincipalDep, body: AgencyChange, session: SessionDep, door: DoorDep
) -> AgencyOut | Response:
    """Change facts of the own body or a unit; what is left out stays as it is."""
    agency_id = await own_agency_id(session, admin, code)
    given = body.model
    if given.parent is not None:
        await own_agency_id(session, admin, given.parent)
    deed = changed_agency(agency_id, given.model_dump(exclude_none=True, exclude={"reason"}))
    if door.administration.two_people:
        return waiting(ApprovalOut.of(await door.ask(session, deed, admin, given.reason)))
    await do(session, door.administration, deed, actor=admin.actor)
    return await _agency(session, agency_id)


@router.post(
    "/accounts",
    status_code=201,
    response_model=AccountOut,
    responses=WAITS,
    openapi_extra=documented(AccountIn),
)
async def make_account(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: AccountBody,
    door: DoorDep,
) -> Response:
    """Write down a bank or treasury account that money arrives on."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> BaseModel:
        await own_agency_id(session, admin, given.agency)
        deed = new_account(given.model_dump(exclude={"reason"}))
        return await door.new(session, deed, admin, given.reason, _account)

    return await idempotent(claim, make, status=door.status)


@router.get("/accounts")
async def read_accounts(
    admin: PrincipalDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> AccountList:
    """The collection accounts of the own body and its units, by code."""
    own = await reach(session, admin.agency_id)
    page = await list_accounts(session, own, after=cursor, limit=limit)
    return AccountList(
        items=[AccountOut.of(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/gateway-accounts",
    status_code=201,
    response_model=GatewayOut,
    responses=WAITS,
    openapi_extra=documented(GatewayIn),
)
async def make_gateway_account(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: GatewayBody,
    door: DoorDep,
) -> Response:
    """Add an account at a gateway or a feed. Its credentials are kept encrypted, never shown."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> BaseModel:
        await own_agency_id(session, admin, given.agency)
        await own_account_id(session, admin, given.collection_account)
        wanted = given.model_dump(exclude={"credentials", "reason"}) | {"only_new": True}
        deed = await configured_gateway(session, wanted, given.credentials)
        return await door.new(session, deed, admin, given.reason, _gateway)

    return await idempotent(claim, make, status=door.status)


@router.get("/gateway-accounts")
async def read_gateway_accounts(
    admin: PrincipalDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> GatewayList:
    """The accounts at gateways and feeds of the own body and its units, without credentials."""
    own = await reach(session, admin.agency_id)
    page = await list_gateways(session, own, after=cursor, limit=limit)
    return GatewayList(
        items=[GatewayOut.of(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/gateway-accounts/{gateway_account_id}/change",
    response_model=GatewayOut,
    responses=WAITS,
    openapi_extra=documented(GatewayChangeIn),
)
async def alter_gateway_account(
    gateway_account_id: Code,
    admin: PrincipalDep,
    body: GatewayChange,
    session: SessionDep,
    door: DoorDep,
) -> GatewayOut | Response:
    """Change an account at a gateway; what is left out, credentials too, stays as it is.

    One that pays to the account of a body above the own is the operator's to change.
    """
    entry, given = await own_gateway(session, admin, gateway_account_id), body.model
    await own_account_id(session, admin, entry.collection_account)
    if given.collection_account is not None:
        await own_account_id(session, admin, given.collection_account)
    named = {"agency": entry.agency, "gateway": entry.gateway, "account": entry.account}
    wanted = named | given.model_dump(exclude={"credentials", "reason"})
    deed = await configured_gateway(session, wanted, given.credentials)
    if door.administration.two_people and not only_disables(deed):
        return waiting(ApprovalOut.of(await door.ask(session, deed, admin, given.reason)))
    await do(session, door.administration, deed, actor=admin.actor)
    return await _gateway(session, gateway_account_id)


async def _agency(session: ReadSession, agency_id: str) -> AgencyOut:
    page = await list_agencies(session, None, only=agency_id)
    return AgencyOut.of(page.items[0])


async def _account(session: ReadSession, account_id: str) -> AccountOut:
    page = await list_accounts(session, None, only=account_id)
    return AccountOut.of(page.items[0])


async def _gateway(session: ReadSession, gateway_account_id: str) -> GatewayOut:
    page = await list_gateways(session, None, only=gateway_account_id)
    return GatewayOut.of(page.items[0])
