"""Money that goes back, on pages: asked for, listed, ordered at the bank, fetched as a file."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from app.web.languages import language_of
from app.web.staff.day_places import with_query
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.gateway_titles import gateway_titles
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.just_done import find_just_done
from app.web.staff.keeping_forms import given_of
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.refund_views import (
    COLUMNS,
    FILE_COLUMNS,
    REFUNDS,
    RefundTeller,
    rows_of_file,
    stage_of_refund,
    state_of_refund,
    sum_of_refunds,
)
from app.web.staff.table_files import TYPES, TableFormat, write_table
from app.web.staff.tables import AskedTable, ShownTable
from app.web.templating import render
from app.web.texts import noted
from app.web.translations import WORDS
from core import clock, qr
from core.bodies import validated
from core.db import SessionDep
from core.errors import FieldError, Invalid, LephiError, NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.agencies.banks import BANKS
from payments.attempts.queries import get_payment, list_shares
from payments.bills.presenting import NOWHERE
from payments.bills.queries import get_bill
from payments.books.api import ApprovalKindsDep
from payments.context import Context, ContextDep
from payments.refunds.commands import mark_all_sent, mark_sent, request_refund
from payments.refunds.payees import Payee
from payments.refunds.queries import get_refund, page_of_refunds
from payments.refunds.schemas import RefundIn, RefundOut, RefundStatus, RefundWay, SentIn
from payments.refunds.ways import get_way_back, way_back_of
from reconciliation.context import ReconciliationContext
from reconciliation.dependencies import ReconcilingDep

router = APIRouter(include_in_schema=False)

Reader = Annotated[SignedIn, page_needs(Action.READ_SUSPENSE)]
Asked = Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)]
_SHOWN: Final = 100
#: How many transfers are ordered at once.
_MOST_ORDERED: Final = 500
_PAYEE: Final = ("bank_bin", "account_number", "holder")
#: An amount as people write it: points or blanks stand between thousands and nowhere else.
_WRITTEN: Final = re.compile(r"[0-9]{1,14}|[0-9]{1,3}([. ][0-9]{3}){1,4}")
_FIELDS: Final = ("amount", "reason", "way", "bill", *_PAYEE)
#: Why a payment's gateway does not give its money back.
_WHY_NOT: Final = {
    "by_transfer": noted("Tiền này không do cổng thu: hãy chuyển khoản trả người nộp."),
    "not_offered": noted("Cổng này không nhận lệnh hoàn trả."),
    "not_contracted": noted("Cổng chưa mở lệnh hoàn trả cho tài khoản này của cơ quan."),
}
_NONE_CHOSEN: Final = noted("Hãy chọn ít nhất một lần hoàn trả.")
Status = Literal["", RefundStatus]
Way = Literal["", RefundWay]


@router.get(REFUNDS)
async def show_refunds(
    request: Request,
    who: Reader,
    session: SessionDep,
    context: ContextDep,
    parts: ReconcilingDep,
    status: Status = "",
    way: Way = "",
    cursor: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
    format: TableFormat | None = None,
    ordered: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """Money that goes back, the newest first; all of it as a file, with how far each is.

    Whoever comes from saying that transfers were ordered, of which `ordered` is one, is told so.
    """
    teller = _teller(context, parts)
    if format is not None:
        rows = await rows_of_file(session, who.principal, teller, status or None, way or None)
        whole = ShownTable(REFUNDS, FILE_COLUMNS, rows, AskedTable(), None)
        return _file(request, whole, format, teller)
    page = await page_of_refunds(
        *(session, who.principal.agency_ids),
        status=status or None,
        way=way or None,
        cursor=cursor or None,
        limit=_SHOWN,
    )
    kept = tuple((name, on) for name, on in (("status", status), ("way", way)) if on)
    rows = [teller.row(one) for one in page.items]
    asked = AskedTable(cursor=cursor)
    done = None
    if ordered:
        done = await find_just_done(session, ordered, "refund.unknown", who.principal)
    table = ShownTable(REFUNDS, COLUMNS, rows, asked, page.next_cursor, files=True, kept=kept)
    return render(
        request,
        "refunds.html",
        **DAY_WORDS,
        who=who,
        table=table,
        chosen=status,
        ordered=done and done.details.get("together", 1),
        may_order=who.principal.may(Action.PROPOSE_APPROVAL),
    )


def _teller(context: Context, parts: ReconciliationContext) -> RefundTeller:
    return RefundTeller(parts.calendar, context.cipher, clock.business_date(clock.now()))


def _file(request: Request, whole: ShownTable, kind: TableFormat, teller: RefundTeller) -> Response:
    words = WORDS[language_of(request)]
    content = write_table(whole, str(words.say(noted("Hoàn trả"))), kind, words)
    name = f"refunds-{teller.today:%Y%m%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=TYPES[kind], headers=headers)


@router.get(f"{REFUNDS}/to-order")
async def show_to_order(
    request: Request, who: Reader, session: SessionDep, context: ContextDep, parts: ReconcilingDep
) -> Response:
    """What two people have decided and nobody has ordered at the bank yet, with the sum."""
    return await _to_order(request, who, session, _teller(context, parts))


@router.post(f"{REFUNDS}/to-order")
async def note_ordered(deed: Asked, parts: ReconcilingDep) -> Response:
    """Say that these transfers were ordered, all or none; each then waits for its debit."""
    chosen = sorted(set(deed.chosen("refund")))[:_MOST_ORDERED]

    async def work(session: WriteSession) -> str:
        if not chosen:
            raise Invalid(_NONE_CHOSEN)
        fresh = await mark_all_sent(session, chosen, deed.by.agency_ids, actor=deed.by.actor)
        # One that a colleague has told of meanwhile is nothing that was done just now.
        return with_query(REFUNDS, status="unknown", ordered=(fresh or [""])[-1])

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        async with deed.database.reading() as session:
            teller = _teller(deed.context, parts)
            return await _to_order(deed.request, deed.who, session, teller, fault=refused)


async def _to_order(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    teller: RefundTeller,
    fault: LephiError | None = None,
) -> Response:
    page = await page_of_refunds(
        session, who.principal.agency_ids, status="approved", way="bank", limit=_MOST_ORDERED
    )
    return render(
        request,
        "refunds_to_order.html",
        200 if fault is None else fault.status,
        who=who,
        refunds=[(one, teller.payee(one)) for one in page.items],
        banks=BANKS,
        sum=sum_of_refunds(page.items),
        more=page.next_cursor is not None,
        may_order=who.principal.may(Action.PROPOSE_APPROVAL),
        once=new_once(),
        fault=fault,
    )


@router.get(f"{REFUNDS}/{{refund_id}}")
async def refund_page(
    request: Request,
    refund_id: ThingId,
    who: Reader,
    session: SessionDep,
    context: ContextDep,
    parts: ReconcilingDep,
) -> Response:
    """A refund: what it is of, how to pay it, and its history."""
    return await _refund_page(request, who, session, context, parts, refund_id)


@router.get(f"{REFUNDS}/{{refund_id}}/qr.svg")
async def refund_qr(
    refund_id: ThingId, who: Reader, session: SessionDep, context: ContextDep
) -> Response:
    """The code by which a bank's app pays it, while it is to be paid."""
    refund = await get_refund(session, refund_id, who.principal.agency_ids)
    told = RefundOut.of(refund, context.cipher, context.qr).transfer
    if told is None or told.qr is None:
        raise NotFound("Không có mã QR này.")
    return Response(qr.svg(told.qr), media_type="image/svg+xml")


@router.post(f"{REFUNDS}/{{refund_id}}/sent")
async def note_sent(refund_id: ThingId, deed: Asked, parts: ReconcilingDep) -> Response:
    """Say that its transfer was ordered, and what the bank calls it; or what it is called now."""

    async def work(session: WriteSession) -> str:
        told = validated(SentIn, given_of(deed.typed_in(["bank_ref"]))).bank_ref
        await mark_sent(session, refund_id, told, deed.by.agency_ids, actor=deed.by.actor)
        return f"{REFUNDS}/{refund_id}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, ("bank_ref",))
        async with deed.database.reading() as session:
            told = (deed.request, deed.who, session, deed.context, parts, refund_id)
            return await _refund_page(*told, faults)


async def _refund_page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    parts: ReconciliationContext,
    refund_id: str,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    found = await get_refund(session, refund_id, who.principal.agency_ids)
    refund = RefundOut.of(found, context.cipher, context.qr)
    today = clock.business_date(clock.now())
    return render(
        request,
        "refund.html",
        422 if faults.found else 200,
        **DAY_WORDS,
        who=who,
        refund=refund,
        state=state_of_refund(found),
        stage=stage_of_refund(parts.calendar, found, today),
        banks=BANKS,
        sees_payments=who.principal.may(Action.READ_BILLS),
        gateway_title=gateway_titles(context.gateways),
        may_order=who.principal.may(Action.PROPOSE_APPROVAL)
        and refund.way == "bank"
        and refund.status in ("approved", "unknown"),
        history=await read_history(session, [refund.id]),
        once=new_once(),
        faults=faults,
    )


@router.get("/staff/payments/{payment_id}/refund")
async def ask_for_refund_page(
    request: Request,
    payment_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.PROPOSE_APPROVAL)],
    session: SessionDep,
    context: ContextDep,
) -> Response:
    """The form by which somebody asks that money of a payment go back to its payer."""
    return await _form(request, who, session, context, payment_id)


@router.post("/staff/payments/{payment_id}/refund")
async def ask_for_refund(payment_id: ThingId, deed: Asked, kinds: ApprovalKindsDep) -> Response:
    """Ask for it; nothing moves before another person has approved it."""
    typed = deed.typed_in(_FIELDS)

    async def work(session: WriteSession) -> str:
        wanted = validated(RefundIn, _given(typed))
        payee = None if wanted.payee is None else Payee(**wanted.payee.model_dump())
        through = None
        if wanted.way == "gateway":
            reach = deed.by.agency_ids
            through = await get_way_back(deed.context, session, payment_id, reach)
        made = await request_refund(
            *(session, kinds, payment_id, wanted.amount, wanted.reason, payee),
            *(deed.by, deed.context.cipher),
            bill=wanted.bill,
            through=through,
        )
        return f"/staff/approvals/{made.id}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        told = faults_of(refused, _FIELDS)
        async with deed.database.reading() as session:
            shown = (deed.request, deed.who, session, deed.context, payment_id)
            return await _form(*shown, typed, told)


def _given(typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed as the API takes it; an amount may be written with points between."""
    written = typed["amount"].strip().removesuffix("đ").strip()
    if _WRITTEN.fullmatch(written) is None:
        detail = "Hãy ghi số tiền bằng chữ số, ví dụ 20.000."
        raise Invalid(detail, errors=[FieldError("amount", "invalid", detail)])
    payee = {} if typed["way"] == "gateway" else given_of({name: typed[name] for name in _PAYEE})
    given: dict[str, Any] = given_of({name: typed[name] for name in ("reason", "way", "bill")})
    return (
        given
        | {"amount": int(written.replace(".", "").replace(" ", ""))}
        | ({"payee": payee} if payee else {})
    )


async def _form(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    payment_id: str,
    typed: Mapping[str, str] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    reach = who.principal.agency_ids
    payment = await get_payment(session, payment_id, reach)
    placed = (await context.money.of_payments(session, [payment.id])).get(payment.id, NOWHERE)
    shares = await list_shares(session, payment)
    bills = [await get_bill(session, bill_id, reach) for bill_id in shares]
    usual = placed.suspense + placed.refundable or placed.allocated
    way = await way_back_of(context, session, payment.id, reach)
    by = "bank" if way.gateway_account_id is None else "gateway"
    fresh = dict.fromkeys(_FIELDS, "") | {"amount": str(usual or ""), "way": by}
    return render(
        request,
        "refund_new.html",
        422 if faults.found else 200,
        who=who,
        payment=payment,
        placed=placed,
        way=way,
        why_not=_WHY_NOT.get(way.why_not or "", ""),
        bills=[(one.reference, shares[one.id]) for one in bills],
        typed=typed or fresh,
        faults=faults,
        once=new_once(),
    )
