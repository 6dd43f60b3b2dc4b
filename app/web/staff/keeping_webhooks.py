"""Receivers of webhooks on pages: how each stands, what it was told, and sending that again.

A message holds ids and no more, so all of it is shown. A receiver is registered and its secret
made by the API, where the system is that needs them.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.web.staff.deeds import StaffDeed, new_once, read_typed
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.just_done import find_just_done
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.tables import AskedTable, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.db import SessionDep
from core.errors import FieldError, Invalid
from core.schemas import RequestModel
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.webhooks import commands
from payments.webhooks.queries import (
    MessageState,
    WebhookEndpointValue,
    WebhookMessageValue,
    count_unacknowledged,
    get_endpoint,
    list_endpoints,
    list_newest_messages,
    list_unacknowledged_counts,
)

router = APIRouter(include_in_schema=False)

WEBHOOKS: Final = "/staff/settings/webhooks"
STATES: Final[Mapping[str, str]] = {
    "waiting": noted("Đang chờ gửi"),
    "acknowledged": noted("Đã được nhận"),
    "set_aside": noted("Không gửi được, để riêng"),
}
#: How a receiver stands.
STANDINGS: Final[Mapping[str, str]] = {
    "good": noted("Đang nhận"),
    "failing": noted("Không nhận được, đang thử lại"),
    "off": noted("Đã tắt: thông báo được đánh số và chờ"),
}
_SHOWN: Final = 50
_COLUMNS: Final = (
    TableColumn("url", noted("Địa chỉ nhận")),
    TableColumn("agency", noted("Cơ quan"), "code"),
    TableColumn("standing", noted("Tình trạng"), "words"),
    TableColumn("waiting", noted("Đang chờ gửi"), "count"),
    TableColumn("set_aside", noted("Để riêng"), "count"),
    TableColumn("created_at", noted("Đăng ký lúc"), "moment"),
)
_MESSAGE_COLUMNS: Final = (
    TableColumn("sequence", noted("Số"), "count"),
    TableColumn("type", noted("Loại"), "code"),
    TableColumn("object", noted("Về"), "code"),
    TableColumn("told_at", noted("Lúc"), "moment"),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("attempts", noted("Số lần gửi"), "count"),
    TableColumn("answer", noted("Trả lời lần cuối")),
)
_BACKWARDS: Final = noted("Số cuối phải bằng hoặc lớn hơn số đầu.")
_FIELDS: Final = ("first", "last")
_TYPED: Final = (*_FIELDS, "taken")

Manager = Annotated[SignedIn, page_needs(Action.MANAGE_WEBHOOKS)]
Managed = Annotated[StaffDeed, deed_needs(Action.MANAGE_WEBHOOKS)]


class ReplayForm(RequestModel):
    """Which messages are to be sent again; left out, everything that was set aside."""

    first: Annotated[int, Field(strict=False, ge=1, le=2**53 - 1)] = 1
    last: Annotated[int, Field(strict=False, ge=1, le=2**53 - 1)] = 2**53 - 1
    taken: Literal["", "yes"] = ""


@router.get(WEBHOOKS)
async def list_webhooks_page(
    request: Request, who: Manager, session: SessionDep, asked: AskedListDep
) -> Response:
    """The receivers of the own body and its units."""
    reach = frozenset(who.principal.agency_ids)
    page = await list_endpoints(session, reach, limit=MOST_ROWS)
    counts = await list_unacknowledged_counts(session, [one.id for one in page.items])
    rows = [
        TableRow(
            one.id,
            (
                *(one.url, one.agency, STANDINGS[standing_of(one)]),
                *(counts[one.id].waiting, counts[one.id].set_aside, one.created_at),
            ),
            f"{WEBHOOKS}/{one.id}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked.sorted_by("-set_aside"),
        address=WEBHOOKS,
        title=noted("Nơi nhận thông báo (webhook)"),
        columns=_COLUMNS,
        rows=rows,
    )


def standing_of(endpoint: WebhookEndpointValue) -> str:
    """How a receiver stands, as `STANDINGS` names it."""
    if not endpoint.enabled:
        return "off"
    return "failing" if endpoint.failures else "good"


@router.get(f"{WEBHOOKS}/{{endpoint_id}}")
async def webhook_page(
    request: Request,
    endpoint_id: ThingId,
    who: Manager,
    session: SessionDep,
    state: Literal["", MessageState] = "",
    cursor: Annotated[str, Query(max_length=16, pattern=r"^[0-9]*$")] = "",
) -> Response:
    """A receiver, how much it has not taken, and what it was told, the newest first."""
    found = await get_endpoint(session, endpoint_id, who.principal.agency_ids)
    return await _page(request, who, session, found, state=state, cursor=cursor)


@router.post(f"{WEBHOOKS}/{{endpoint_id}}/replay")
async def replay_webhook(endpoint_id: ThingId, deed: Managed) -> Response:
    """Have messages sent again in their order, each under its own id."""
    typed = deed.typed_in(_TYPED)

    async def work(session: WriteSession) -> str:
        found = await get_endpoint(session, endpoint_id, deed.by.agency_ids)
        wanted = read_typed(ReplayForm, typed)
        if wanted.last < wanted.first:
            raise Invalid(_BACKWARDS, errors=[FieldError("last", "too_small", _BACKWARDS)])
        await commands.replay(
            session,
            found,
            wanted.first,
            wanted.last,
            acknowledged=wanted.taken == "yes",
            actor=deed.by.actor,
        )
        return f"{WEBHOOKS}/{found.id}"

    try:
        return await deed.once(work)
    except Invalid as refused:
        async with deed.database.reading() as session:
            found = await get_endpoint(session, endpoint_id, deed.by.agency_ids)
            faults = faults_of(refused, _FIELDS)
            return await _page(deed.request, deed.who, session, found, typed=typed, faults=faults)


@router.post(f"{WEBHOOKS}/{{endpoint_id}}/switch")
async def switch_webhook(endpoint_id: ThingId, deed: Managed) -> Response:
    """Switch a receiver off, or on again, which calls it at once."""

    async def work(session: WriteSession) -> str:
        found = await get_endpoint(session, endpoint_id, deed.by.agency_ids)
        enabled = deed.typed("enabled") == "yes"
        await commands.change_endpoint(session, found, enabled=enabled, actor=deed.by.actor)
        return f"{WEBHOOKS}/{found.id}"

    return await deed.once(work)


async def _page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    endpoint: WebhookEndpointValue,
    *,
    state: str = "",
    cursor: str = "",
    typed: Mapping[str, str] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    address = f"{WEBHOOKS}/{endpoint.id}"
    page = await list_newest_messages(
        session,
        endpoint.id,
        state=state or None,
        before=int(cursor) if cursor else None,
        limit=_SHOWN,
    )
    kept = (("state", state),) if state else ()
    done = await find_just_done(session, endpoint.id, "webhook_endpoint.replayed", who.principal)
    return render(
        request,
        "keep_webhook.html",
        422 if faults.found else 200,
        who=who,
        one=endpoint,
        here=address,
        standing=STANDINGS[standing_of(endpoint)],
        counts=await count_unacknowledged(session, endpoint.id),
        table=ShownTable(
            address,
            _MESSAGE_COLUMNS,
            [_row(one) for one in page.items],
            AskedTable(cursor=cursor),
            page.next_cursor,
            kept=kept,
        ),
        states=STATES,
        chosen=state,
        again=None if done is None else done.details["messages"],
        typed=typed or dict.fromkeys(_TYPED, ""),
        faults=faults,
        once=new_once(),
        history=await read_history(session, [endpoint.id]),
    )


def _row(one: WebhookMessageValue) -> TableRow:
    answer = one.last_error if one.last_status is None else f"HTTP {one.last_status}"
    return TableRow(
        one.id,
        (
            *(one.sequence, one.type, one.object_id, one.told_at),
            *(STATES[one.state], one.attempts, answer),
        ),
    )
