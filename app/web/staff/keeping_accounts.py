"""The accounts that a body's money arrives on: written down once, and never changed."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.keeping_forms import Administered, Administrator, OwnCode, given_of, led_to
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.keeping_words import ACCOUNT_KINDS, IN_USE, WAITING
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.bodies import validated
from core.db import SessionDep
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import DoorDep
from payments.administration.bodies import new_account
from payments.administration.within import own_agency_id
from payments.agencies.listing import list_accounts, list_agencies
from payments.agencies.schemas import AccountIn, AccountOut

router = APIRouter(include_in_schema=False)

ACCOUNTS: Final = "/staff/settings/accounts"
_FIELDS: Final = (
    *("agency", "code", "kind", "bank_bin", "number", "holder", "cut_off", "opened_on", "reason"),
)
_COLUMNS: Final = (
    TableColumn("code", noted("Mã"), "code"),
    TableColumn("number", noted("Số tài khoản"), "code"),
    TableColumn("holder", noted("Tên chủ tài khoản")),
    TableColumn("bank", noted("Ngân hàng")),
    TableColumn("kind", noted("Loại"), "words"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(ACCOUNTS)
async def list_collection_accounts(
    request: Request, who: Administrator, session: SessionDep, asked: AskedListDep
) -> Response:
    """The collection accounts of the own body and its units."""
    page = await list_accounts(session, who.principal.agency_ids, limit=MOST_ROWS)
    shown = [AccountOut.of(one) for one in page.items]
    rows = [
        TableRow(
            one.id,
            (
                one.code,
                one.number,
                one.holder,
                one.bank or one.bank_bin,
                ACCOUNT_KINDS[one.kind],
                one.agency,
                WAITING if one.confirmed_at is None else IN_USE,
            ),
            f"{ACCOUNTS}/{one.code}",
        )
        for one in shown
    ]
    return answer_list(
        request,
        who,
        asked,
        address=ACCOUNTS,
        title=noted("Tài khoản thu"),
        columns=_COLUMNS,
        rows=rows,
        new=(f"{ACCOUNTS}/new", noted("Thêm tài khoản mới")),
    )


@router.get(f"{ACCOUNTS}/new")
async def new_account_page(
    request: Request, who: Administrator, session: SessionDep, door: DoorDep
) -> Response:
    """The form for a new account."""
    return await _new_account(request, session, who, door.administration.two_people)


@router.post(ACCOUNTS)
async def make_account(deed: Administered, door: DoorDep) -> Response:
    """Write an account down, or ask for it; it never changes afterwards."""
    typed = deed.typed_in(_FIELDS)

    async def work(session: WriteSession) -> str:
        wanted = validated(AccountIn, given_of(typed))
        await own_agency_id(session, deed.by, wanted.agency)
        making = new_account(wanted.model_dump(exclude={"reason"}))
        waits = await door.carry(session, making, deed.by, wanted.reason)
        return led_to(f"{ACCOUNTS}/{wanted.code}", waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, _FIELDS)
        two_people = door.administration.two_people
        async with deed.database.reading() as session:
            return await _new_account(deed.request, session, deed.who, two_people, typed, faults)


@router.get(f"{ACCOUNTS}/{{code}}")
async def account_page(
    request: Request, code: OwnCode, who: Administrator, session: SessionDep
) -> Response:
    """A collection account and its history."""
    page = await list_accounts(session, who.principal.agency_ids, limit=MOST_ROWS)
    entry = next((one for one in page.items if one.code == code), None)
    if entry is None:
        raise NotFound("Không có tài khoản thu này.")
    return render(
        request,
        "keep_account.html",
        who=who,
        account=AccountOut.of(entry),
        kind=ACCOUNT_KINDS[entry.kind],
        history=await read_history(session, [entry.id]),
    )


async def _new_account(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    two_people: bool,
    typed: dict[str, str] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    return render(
        request,
        "keep_account_new.html",
        422 if faults.found else 200,
        who=who,
        bodies=bodies.items,
        kinds=ACCOUNT_KINDS,
        typed=typed or dict.fromkeys(_FIELDS, "") | {"cut_off": "16:00"},
        faults=faults,
        two_people=two_people,
        once=new_once(),
    )
