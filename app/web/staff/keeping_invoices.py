"""E-invoices as staff see them: which were made, which wait, which are to be adjusted.

Who buys is told on the bill's page alone.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once, read_typed
from app.web.staff.doors import SignedIn
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.db import SessionDep
from core.errors import LephiError
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.agencies.queries import map_agency_codes
from receipts.invoices import commands
from receipts.invoices.accounts import list_invoice_accounts
from receipts.invoices.adjusting import order_adjustment, record_adjustment
from receipts.invoices.queries import (
    InvoiceValue,
    get_invoice,
    list_adjusting,
    list_invoices,
)
from receipts.invoices.schemas import AdjustingIn, AdjustmentIn

router = APIRouter(include_in_schema=False)

INVOICES: Final = "/staff/settings/invoices"
STATES: Final[Mapping[str, str]] = {
    "waiting": noted("Đang chờ lập"),
    "asking": noted("Đang lập"),
    "unknown": noted("Chưa rõ đã lập được chưa, đang hỏi lại"),
    "issued": noted("Đã lập"),
    "dropped": noted("Không lập nữa"),
    "set_aside": noted("Không lập được, chờ người xem"),
}
_WANTING: Final = noted("Cần điều chỉnh")
_SUM: Final = re.compile(r"[0-9]{1,14}")
_COLUMNS: Final = (
    TableColumn("created_at", noted("Tạo lúc"), "moment"),
    TableColumn("symbol", noted("Ký hiệu")),
    TableColumn("number", noted("Số hóa đơn"), "count"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("wanting", _WANTING, "amount"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(INVOICES)
async def list_invoices_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_INVOICES)],
    session: SessionDep,
    asked: AskedListDep,
) -> Response:
    """The invoices of the own body and its units, and who makes them.

    However many there are by now, those that wait for a person are among what is read.
    """
    reach = frozenset(who.principal.agency_ids)
    pages = (
        await list_invoices(session, reach, wanting=True, limit=MOST_ROWS),
        await list_invoices(session, reach, state="set_aside", limit=MOST_ROWS),
        await list_invoices(session, reach, limit=MOST_ROWS),
    )
    read = {one.id: one for page in pages for one in page.items}
    codes = await map_agency_codes(session, reach)
    rows = [
        TableRow(
            one.id,
            (
                *(one.created_at, f"{one.form}{one.symbol}", one.number),
                # Below 0 where it takes off another: a file of these is summed.
                one.amount if one.change is None else one.change,
                one.money_back - one.adjusted if one.wants_adjustment else None,
                *(codes[one.agency_id], STATES[one.state]),
            ),
            f"{INVOICES}/{one.id}",
        )
        for one in read.values()
    ]
    accounts = await list_invoice_accounts(session, reach)
    return answer_list(
        request,
        who,
        asked.sorted_by("-created_at"),
        address=INVOICES,
        title=noted("Hóa đơn điện tử"),
        columns=_COLUMNS,
        rows=rows,
        template="keep_invoices.html",
        accounts=[(codes[one.agency_id], one) for one in accounts],
    )


@router.get(f"{INVOICES}/{{invoice_id}}")
async def invoice_page(
    request: Request,
    invoice_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.READ_INVOICES)],
    session: SessionDep,
) -> Response:
    """What became of an invoice, and what of its money went back since."""
    one = await get_invoice(session, invoice_id, who.principal.agency_ids)
    return await _page(request, who, session, one)


async def _page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    one: InvoiceValue,
    *,
    fault: LephiError | None = None,
    typed: str = "",
) -> Response:
    return render(
        request,
        "keep_invoice.html",
        200 if fault is None else fault.status,
        who=who,
        one=one,
        state=STATES[one.state],
        states=STATES,
        adjusting=await list_adjusting(session, one.id),
        may=who.principal.may(Action.KEEP_INVOICES),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
        typed=typed,
        agency=(await map_agency_codes(session, [one.agency_id]))[one.agency_id],
        history=await read_history(session, [one.id]),
    )


@router.post(f"{INVOICES}/{{invoice_id}}/replay")
async def replay_invoice(
    invoice_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.KEEP_INVOICES)]
) -> Response:
    """Have an invoice asked for again under its own key."""

    async def work(session: WriteSession) -> str:
        found = await get_invoice(session, invoice_id, deed.by.agency_ids)
        await commands.replay_invoice(session, found, actor=deed.by.actor)
        return f"{INVOICES}/{found.id}"

    return await deed.once(work)


@router.post(f"{INVOICES}/{{invoice_id}}/adjustment")
async def adjust_invoice(
    invoice_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.KEEP_INVOICES)]
) -> Response:
    """Write down by which document an invoice was adjusted at its provider."""
    document, read = deed.typed("document"), deed.typed("money_back")
    # What the page said: by now something else may be back.
    told = {"document": document, "money_back": int(read) if _SUM.fullmatch(read) else ""}

    async def work(session: WriteSession) -> str:
        found = await get_invoice(session, invoice_id, deed.by.agency_ids)
        given = read_typed(AdjustmentIn, told)
        await record_adjustment(
            session, found, given.document, given.money_back, actor=deed.by.actor
        )
        return f"{INVOICES}/{found.id}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            one = await get_invoice(session, invoice_id, deed.by.agency_ids)
            return await _page(deed.request, deed.who, session, one, fault=error, typed=document)


@router.post(f"{INVOICES}/{{invoice_id}}/adjusting")
async def have_adjusted(
    invoice_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.KEEP_INVOICES)]
) -> Response:
    """Have an adjusting invoice asked for at the provider, for what the page said went back."""
    read = deed.typed("money_back")

    async def work(session: WriteSession) -> str:
        found = await get_invoice(session, invoice_id, deed.by.agency_ids)
        given = read_typed(AdjustingIn, {"money_back": int(read) if _SUM.fullmatch(read) else ""})
        cipher = deed.context.cipher
        made = await order_adjustment(session, cipher, found, given.money_back, actor=deed.by.actor)
        return f"{INVOICES}/{made}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            one = await get_invoice(session, invoice_id, deed.by.agency_ids)
            return await _page(deed.request, deed.who, session, one, fault=error)
