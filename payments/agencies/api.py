"""Bodies, their accounts and gateways over HTTP, for a person with role `admin`.

An administrator acts within the own body and its units; a system's key never sets up where money
goes. What an operator alone may do (a new body of its own, a bank that is not listed) is done on
the command line.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.errors import FieldError, Invalid, NotFound
from core.idempotency import CipherDep, IdempotencyDep
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal, PrincipalDep, needs
from payments.agencies.access.rights import Action
from payments.agencies.changes import Knowledge
from payments.agencies.commands import (
    NewAccount,
    NewAgency,
    change_agency,
    create_account,
    create_agency,
)
from payments.agencies.gateways import configure_gateway
from payments.agencies.listing import list_accounts, list_agencies, list_gateways
from payments.agencies.queries import get_account_id, get_agency_id
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

router = APIRouter(prefix="/api/v1", tags=["agencies"], dependencies=[needs(Action.ADMINISTER)])

AgencyBody = Annotated[ParsedBody[AgencyIn], Depends(parsed(AgencyIn))]
AgencyChange = Annotated[ParsedBody[AgencyChangeIn], Depends(parsed(AgencyChangeIn))]
AccountBody = Annotated[ParsedBody[AccountIn], Depends(parsed(AccountIn))]
GatewayBody = Annotated[ParsedBody[GatewayIn], Depends(parsed(GatewayIn))]
GatewayChange = Annotated[ParsedBody[GatewayChangeIn], Depends(parsed(GatewayChangeIn))]
Cursor = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Code = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


async def knowledge(request: Request) -> Knowledge:
    """What the application knows of procedures and gateways."""
    found: Knowledge = request.app.state.knowledge
    return found


KnowledgeDep = Annotated[Knowledge, Depends(knowledge)]


async def _own(session: ReadSession, admin: Principal, code: str) -> str:
    """The id of a body that is the administrator's, or below it. Raises `NotFound`."""
    found = await get_agency_id(session, code)
    # Asked anew, not taken from the key: a unit that was made a moment ago counts.
    if found not in await reach(session, admin.agency_id):
        raise NotFound(f"Không có cơ quan {code}.")
    return found


async def _own_account(session: ReadSession, admin: Principal, code: str) -> str:
    """The id of a collection account of the administrator's body, or of one below it.

    Raises `NotFound`, or `Invalid` for another body's, one above it too: whoever chooses the key
    that a feed signs with says what has arrived on its account, for every body below that.
    """
    found = await get_account_id(session, code)
    page = await list_accounts(session, await reach(session, admin.agency_id), only=found)
    if not page.items:
        detail = "Tài khoản thu của cơ quan khác chỉ do người vận hành gắn với cổng thanh toán."
        raise Invalid(detail, errors=[FieldError("collection_account", "not_yours", detail)])
    return found


@router.post(
    "/agencies", status_code=201, response_model=AgencyOut, openapi_extra=documented(AgencyIn)
)
async def make_agency(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: AgencyBody,
    known: KnowledgeDep,
) -> Response:
    """Make a unit below the own body; `parent` names what it stands under."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> AgencyOut:
        if given.parent is None:
            detail = "Hãy nêu cơ quan cấp trên; một cơ quan độc lập do đơn vị vận hành lập."
            raise Invalid(detail, errors=[FieldError("parent", "missing", detail)])
        facts = given.model_dump(exclude={"parent"})
        new = NewAgency(**facts, parent_id=await _own(session, admin, given.parent))
        return await _agency(session, await create_agency(session, new, known, actor=admin.actor))

    return await idempotent(claim, make)


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


@router.post("/agencies/{code}/change", openapi_extra=documented(AgencyChangeIn))
async def alter_agency(
    code: Code, admin: PrincipalDep, body: AgencyChange, session: SessionDep, known: KnowledgeDep
) -> AgencyOut:
    """Change facts of the own body or a unit; what is left out stays as it is."""
    agency_id = await _own(session, admin, code)
    changes: dict[str, Any] = body.model.model_dump(exclude_none=True, exclude={"parent"})
    if body.model.parent is not None:
        changes["parent_id"] = await _own(session, admin, body.model.parent)
    await change_agency(session, agency_id, changes, known, actor=admin.actor)
    return await _agency(session, agency_id)


@router.post(
    "/accounts", status_code=201, response_model=AccountOut, openapi_extra=documented(AccountIn)
)
async def make_account(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: AccountBody,
) -> Response:
    """Write down a bank or treasury account that money arrives on."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> AccountOut:
        owner = await _own(session, admin, given.agency)
        new = NewAccount(**given.model_dump(exclude={"agency"}), agency_id=owner)
        made = await create_account(session, new, actor=admin.actor)
        page = await list_accounts(session, None, only=made)
        return AccountOut.of(page.items[0])

    return await idempotent(claim, make)


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
    openapi_extra=documented(GatewayIn),
)
async def make_gateway_account(
    admin: PrincipalDep,
    idempotent: IdempotencyDep,
    body: GatewayBody,
    cipher: CipherDep,
    known: KnowledgeDep,
) -> Response:
    """Add an account at a gateway or a feed. Its credentials are kept encrypted, never shown."""
    given = body.model
    claim = idempotent.claim(admin.owner, body.value)

    async def make(session: WriteSession) -> GatewayOut:
        made = await configure_gateway(
            session,
            cipher,
            known,
            agency_id=await _own(session, admin, given.agency),
            collection_account_id=await _own_account(session, admin, given.collection_account),
            only_new=True,
            actor=admin.actor,
            **given.model_dump(exclude={"agency", "collection_account"}),
        )
        return await _gateway(session, made)

    return await idempotent(claim, make)


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
    "/gateway-accounts/{gateway_account_id}/change", openapi_extra=documented(GatewayChangeIn)
)
async def alter_gateway_account(
    gateway_account_id: Code,
    admin: PrincipalDep,
    body: GatewayChange,
    session: SessionDep,
    cipher: CipherDep,
    known: KnowledgeDep,
) -> GatewayOut:
    """Change an account at a gateway; what is left out, credentials too, stays as it is.

    One that pays to the account of a body above the own is the operator's to change.
    """
    own = await reach(session, admin.agency_id)
    page = await list_gateways(session, own, only=gateway_account_id)
    if not page.items:
        raise NotFound("Không có tài khoản cổng thanh toán này.")
    entry, given = page.items[0], body.model
    await _own_account(session, admin, entry.collection_account)
    collection = None
    if given.collection_account is not None:
        collection = await _own_account(session, admin, given.collection_account)
    await configure_gateway(
        session,
        cipher,
        known,
        agency_id=entry.agency_id,
        gateway=entry.gateway,
        account=entry.account,
        collection_account_id=collection,
        actor=admin.actor,
        **given.model_dump(exclude={"collection_account"}),
    )
    return await _gateway(session, gateway_account_id)


async def _agency(session: ReadSession, agency_id: str) -> AgencyOut:
    page = await list_agencies(session, None, only=agency_id)
    return AgencyOut.of(page.items[0])


async def _gateway(session: ReadSession, gateway_account_id: str) -> GatewayOut:
    page = await list_gateways(session, None, only=gateway_account_id)
    return GatewayOut.of(page.items[0])
