"""Accounts at gateways and feeds: tried, given new secrets, taken away from payers."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.just_done import find_just_done
from app.web.staff.keeping_forms import Administered, Administrator, given_of, led_to
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.keeping_words import (
    NOT_CHOSEN,
    NOT_OFFERED,
    OFFERED,
    RESTING,
    TELLING,
    TELLING_OFF,
)
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.audit import EntryValue
from core.db import SessionDep
from core.errors import FieldError, Invalid, NotFound
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import Door, DoorDep
from payments.administration.deeds import Deed
from payments.administration.door import do
from payments.administration.gateways import configured_gateway, only_disables
from payments.administration.within import (
    lock_access,
    own_account_id,
    own_gateway,
    read_access,
)
from payments.agencies.breakers import find_breaker
from payments.agencies.listing import GatewayEntry, list_gateways
from payments.agencies.schemas import MOST_RANK
from payments.attempts.connection import try_connection
from payments.context import Context, ContextDep
from payments.gateway_info import GatewayInfo
from payments.ports import GatewayMisuse, GatewayUnavailable, Outcome, OutcomeUnknown

router = APIRouter(include_in_schema=False)

GATEWAYS: Final = "/staff/settings/gateways"
_COLUMNS: Final = (
    TableColumn("gateway", noted("Cổng")),
    TableColumn("account", noted("Tài khoản tại cổng"), "code"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("collection_account", noted("Tiền về tài khoản"), "code"),
    TableColumn("base_url", noted("Địa chỉ")),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@dataclass(frozen=True, slots=True)
class TriedConnection:
    """What came of asking a gateway, or of new secrets: its look, and words to be said by `_`."""

    tone: str
    sign: str
    title: str
    todo: str


_KNOWS_US: Final = TriedConnection(
    "good",
    "good",
    noted("Cổng trả lời và nhận ra tài khoản của cơ quan"),
    noted("Đã hỏi về một đơn không có; không có tiền nào chuyển đi."),
)
_ONLY_CALLS: Final = TriedConnection(
    "warn",
    "wait",
    noted("Nguồn này chỉ gọi đến"),
    noted("Không hỏi được; khi có tiền về, cổng tự báo tới địa chỉ nhận tin dưới đây."),
)
_AWAY: Final = TriedConnection(
    "bad",
    "bad",
    noted("Cổng không trả lời"),
    noted("Hãy kiểm tra địa chỉ và kết nối mạng ra ngoài, rồi thử lại sau ít phút."),
)
_REFUSES: Final = TriedConnection(
    "bad",
    "bad",
    noted("Cổng từ chối yêu cầu của cơ quan"),
    noted("Thường là sai mã hoặc sai khóa bí mật: hãy so lại với nhà cung cấp."),
)
_REPLACED: Final = TriedConnection(
    "good",
    "good",
    noted("Đã thay khóa bí mật"),
    noted("Hãy thử kết nối để biết cổng nhận khóa mới."),
)
_ODD: Final = TriedConnection(
    "warn",
    "mind",
    noted("Cổng trả lời, nhưng không như mong đợi"),
    noted("Cổng biết một đơn mà cơ quan chưa từng gửi: hãy hỏi nhà cung cấp."),
)


@router.get(GATEWAYS)
async def list_gateway_accounts(
    request: Request,
    who: Administrator,
    session: SessionDep,
    context: ContextDep,
    asked: AskedListDep,
) -> Response:
    """The accounts at gateways and feeds of the own body and its units; never a secret."""
    page = await list_gateways(session, who.principal.agency_ids, limit=MOST_ROWS)
    resting = await context.breakers.list_resting(session)
    rows = [
        TableRow(
            one.id,
            (
                _title(context, one.gateway),
                one.account,
                one.agency,
                one.collection_account,
                one.base_url,
                _state(context, one, one.id in resting),
            ),
            f"{GATEWAYS}/{one.id}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked,
        address=GATEWAYS,
        title=noted("Cổng thanh toán"),
        columns=_COLUMNS,
        rows=rows,
        new=(f"{GATEWAYS}/new", noted("Thêm tài khoản tại cổng")),
    )


@router.get(f"{GATEWAYS}/{{gateway_account_id}}")
async def gateway_page(
    request: Request,
    gateway_account_id: ThingId,
    who: Administrator,
    session: SessionDep,
    context: ContextDep,
    door: DoorDep,
) -> Response:
    """An account at a gateway: tried from here, given new secrets, taken away from payers."""
    entry = await own_gateway(session, who.principal, gateway_account_id)
    two_people = door.administration.two_people
    done = await find_just_done(session, entry.id, "gateway.configured", who.principal)
    tried = _REPLACED if done is not None and _is_replacing(done) else None
    return await _page(request, session, context, who, entry, two_people, tried=tried)


@router.post(f"{GATEWAYS}/{{gateway_account_id}}/test")
async def ask_gateway(gateway_account_id: ThingId, deed: Administered, door: DoorDep) -> Response:
    """Ask the gateway about an order that does not exist, with no transaction open."""
    context = deed.context
    async with deed.database.reading() as reading:
        entry = await own_gateway(reading, deed.by, gateway_account_id)
        access = await read_access(reading, context.cipher, entry.id)
    try:
        outcome = await try_connection(context.gateways, access)
    except (GatewayUnavailable, OutcomeUnknown):
        tried = _AWAY
    except GatewayMisuse:
        tried = _REFUSES
    else:
        tried = _ONLY_CALLS if outcome is None else _ODD
        tried = _KNOWS_US if outcome is Outcome.NOT_FOUND else tried
    return await _again(deed, door, gateway_account_id, tried=tried)


@router.post(f"{GATEWAYS}/{{gateway_account_id}}/secret")
async def rotate_secret(gateway_account_id: ThingId, deed: Administered, door: DoorDep) -> Response:
    """Give an account new credentials; a field that is left empty stays as it is."""
    async with deed.database.reading() as reading:
        entry = await own_gateway(reading, deed.by, gateway_account_id)
    names = [field.name for field in _info(deed.context, entry).fields]
    given = given_of(deed.typed_in(names, "field-"))

    async def work(session: WriteSession) -> str:
        if not given:
            raise Invalid("Chưa nhập giá trị mới nào.")
        now = await lock_access(session, deed.context.cipher, entry.id)
        await own_account_id(session, deed.by, entry.collection_account)
        credentials = {**now.credentials, **given}
        wanted = {**_named(entry), "keep_hours": _hours(deed.typed("keep_hours"))}
        changing = await configured_gateway(session, wanted, credentials)
        waits = await door.carry(session, changing, deed.by, deed.typed("reason") or None)
        return led_to(f"{GATEWAYS}/{entry.id}", waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, [*names, "keep_hours"])
        return await _again(deed, door, entry.id, faults=faults)


def _hours(typed: str) -> int | None:
    """The hours that were typed, None for nothing. Raises `Invalid`."""
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3 and int(typed) <= 168):
        detail = "Cần một số từ 0 đến 168."
        raise Invalid(detail, errors=[FieldError("keep_hours", "invalid", detail)])
    return int(typed)


@router.post(f"{GATEWAYS}/{{gateway_account_id}}/offer")
async def offer_gateway(gateway_account_id: ThingId, deed: Administered, door: DoorDep) -> Response:
    """Take an account away from payers, which is done at once, or offer it to them again."""

    async def work(session: WriteSession) -> str:
        entry = await own_gateway(session, deed.by, gateway_account_id)
        await own_account_id(session, deed.by, entry.collection_account)
        wanted = {**_named(entry), "enabled": deed.typed("enabled") == "yes"}
        changing: Deed = await configured_gateway(session, wanted, None)
        if only_disables(changing):
            await do(session, door.administration, changing, actor=deed.by.actor)
            return led_to(f"{GATEWAYS}/{entry.id}", None)
        waits = await door.carry(session, changing, deed.by, None)
        return led_to(f"{GATEWAYS}/{entry.id}", waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        return await _again(deed, door, gateway_account_id, faults=faults_of(refused, ()))


async def _again(
    deed: StaffDeed,
    door: Door,
    gateway_account_id: str,
    *,
    tried: TriedConnection | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    two_people = door.administration.two_people
    async with deed.database.reading() as session:
        entry = await own_gateway(session, deed.by, gateway_account_id)
        told = (deed.request, session, deed.context, deed.who, entry, two_people)
        return await _page(*told, tried=tried, faults=faults)


@router.post(f"{GATEWAYS}/{{gateway_account_id}}/rank")
async def rank_gateway(gateway_account_id: ThingId, deed: Administered, door: DoorDep) -> Response:
    """Give an account its place among those that payers choose from."""
    typed = deed.typed("rank")

    async def work(session: WriteSession) -> str:
        entry = await own_gateway(session, deed.by, gateway_account_id)
        if not typed.isascii() or not typed.isdigit() or int(typed) > MOST_RANK:
            detail = f"Hãy nhập một số từ 0 đến {MOST_RANK}."
            raise Invalid(detail, errors=[FieldError("rank", "malformed", detail)])
        await own_account_id(session, deed.by, entry.collection_account)
        wanted = {**_named(entry), "rank": int(typed)}
        changing = await configured_gateway(session, wanted, None)
        waits = await door.carry(session, changing, deed.by, None)
        return led_to(f"{GATEWAYS}/{entry.id}", waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        return await _again(deed, door, gateway_account_id, faults=faults_of(refused, ("rank",)))


def _named(entry: GatewayEntry) -> dict[str, object]:
    return {"agency": entry.agency, "gateway": entry.gateway, "account": entry.account}


def _info(context: Context, entry: GatewayEntry) -> GatewayInfo:
    info = context.gateways.find_info(entry.gateway)
    if info is None:
        raise NotFound("Không có cổng thanh toán này.")
    return info


def _is_replacing(done: EntryValue) -> bool:
    """Whether secrets came in the place of others: a new account has its first."""
    return done.details["credentials_renewed"] is True and "agency_id" not in done.details["after"]


def _state(context: Context, entry: GatewayEntry, is_resting: bool) -> str:
    """Whether payers are sent there; of what only tells of money that it is heard."""
    info = context.gateways.find_info(entry.gateway)
    if info is not None and info.kind in NOT_CHOSEN:
        return TELLING if entry.enabled else TELLING_OFF
    if not entry.enabled:
        return NOT_OFFERED
    return RESTING if is_resting else OFFERED


def _title(context: Context, name: str) -> str:
    info = context.gateways.find_info(name)
    return name if info is None else info.title_vi


async def _page(
    request: Request,
    session: ReadSession,
    context: Context,
    who: SignedIn,
    entry: GatewayEntry,
    two_people: bool,
    *,
    tried: TriedConnection | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    info = _info(context, entry)
    resting = await find_breaker(session, entry.id)
    return render(
        request,
        "keep_gateway.html",
        422 if faults.found else 200,
        who=who,
        entry=entry,
        info=info,
        state=_state(context, entry, resting is not None),
        not_chosen=NOT_CHOSEN.get(info.kind),
        callback=context.urls.callback(entry.gateway, entry.account),
        history=await read_history(session, [entry.id]),
        two_people=two_people,
        once=new_once(),
        tried=tried,
        faults=faults,
        resting=resting,
    )
