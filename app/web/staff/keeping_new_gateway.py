"""An account at a gateway or feed is added: its form has the fields that its adapter asks for."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from adapters.registry import infos
from app.web.staff.deeds import REFUSALS, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.keeping_forms import Administered, Administrator, given_of, led_to
from app.web.staff.keeping_gateways import GATEWAYS
from app.web.staff.keeping_lists import MOST_ROWS
from app.web.templating import render
from core.bodies import validated
from core.db import SessionDep
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import DoorDep
from payments.administration.gateways import configured_gateway
from payments.administration.within import own_account_id, own_agency_id
from payments.agencies.listing import list_accounts, list_agencies
from payments.agencies.schemas import GatewayIn
from payments.context import Context, ContextDep
from payments.gateway_info import GatewayInfo

router = APIRouter(include_in_schema=False)

_FIELDS: Final = ("agency", "collection_account", "account", "base_url", "reason")


@router.get(f"{GATEWAYS}/new")
async def new_gateway_page(
    request: Request,
    who: Administrator,
    session: SessionDep,
    context: ContextDep,
    door: DoorDep,
    gateway: Annotated[str, Query(max_length=31, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """The gateways and feeds that there are; of the one that is chosen the form."""
    if not gateway:
        return render(request, "keep_gateway_choice.html", who=who, infos=infos())
    info = _info(context, gateway)
    return await _form(request, session, who, info, door.administration.two_people)


@router.post(GATEWAYS)
async def make_gateway(deed: Administered, door: DoorDep) -> Response:
    """Add an account at a gateway or a feed, or ask for it. Its secrets are never shown again."""
    info = _info(deed.context, deed.typed("gateway"))
    typed = deed.typed_in(_FIELDS)
    names = [field.name for field in info.fields]
    credentials = deed.typed_in(names, "field-")
    enabled = deed.typed("enabled") == "yes"

    async def work(session: WriteSession) -> str:
        given = given_of(typed) | {"gateway": info.name, "enabled": enabled}
        wanted = validated(GatewayIn, given | {"credentials": given_of(credentials)})
        await own_agency_id(session, deed.by, wanted.agency)
        await own_account_id(session, deed.by, wanted.collection_account)
        told = wanted.model_dump(exclude={"credentials", "reason"}) | {"only_new": True}
        making = await configured_gateway(session, told, wanted.credentials)
        waits = await door.carry(session, making, deed.by, wanted.reason)
        return led_to(GATEWAYS, waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        told = faults_of(refused, (*_FIELDS, *names))
        two_people = door.administration.two_people
        # What is secret is typed anew: it goes back to no page.
        open_ = {one.name: credentials[one.name] for one in info.fields if not one.secret}
        async with deed.database.reading() as session:
            shown = (deed.request, session, deed.who, info, two_people)
            return await _form(*shown, typed, open_, enabled=enabled, faults=told)


def _info(context: Context, name: str) -> GatewayInfo:
    info = context.gateways.find_info(name)
    if info is None:
        raise NotFound("Không có cổng thanh toán này.")
    return info


async def _form(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    info: GatewayInfo,
    two_people: bool,
    typed: Mapping[str, str] | None = None,
    open_: Mapping[str, str] | None = None,
    *,
    enabled: bool = True,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    own = who.principal.agency_ids
    bodies = await list_agencies(session, own, limit=MOST_ROWS)
    accounts = await list_accounts(session, own, limit=MOST_ROWS)
    return render(
        request,
        "keep_gateway_new.html",
        422 if faults.found else 200,
        who=who,
        info=info,
        bodies=bodies.items,
        accounts=accounts.items,
        typed=typed or dict.fromkeys(_FIELDS, ""),
        open=open_ or {},
        enabled=enabled,
        faults=faults,
        two_people=two_people,
        once=new_once(),
    )
