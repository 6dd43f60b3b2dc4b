"""Payments that the payer's bank disputes, on a page: what is to be answered, and until when.

It is answered at the gateway; what is decided there comes from there, and nobody decides it here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.day_places import read_day
from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import gateway_titles
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.page_rights import page_needs
from app.web.staff.tables import TableColumn, TableRow
from app.web.texts import noted
from core import clock
from core.db import SessionDep
from payments.agencies.access.rights import Action
from payments.catalogue.rules.wording import LocalizedText
from payments.context import ContextDep
from payments.disputes.queries import DisputeValue, page_of_disputes

router = APIRouter(include_in_schema=False)

DISPUTES: Final = "/staff/disputes"
STATES: Final[Mapping[str, str]] = {
    "inquiry": noted("Ngân hàng hỏi, chưa giữ tiền"),
    "open": noted("Đang khiếu nại, cổng giữ tiền"),
    "won": noted("Khép lại: tiền vẫn thuộc đơn vị"),
    "lost": noted("Khép lại: tiền đã về người nộp"),
}
#: How much time is left to answer.
TIMES: Final[Mapping[str, str]] = {
    "over": noted("Đã quá hạn trả lời"),
    "soon": noted("Còn dưới hai ngày"),
    "ahead": noted("Còn thời gian"),
    "untold": noted("Cổng không nêu thời hạn"),
    "decided": noted("Không phải trả lời nữa"),
}
#: What cards' networks call why a payer disputes; any other word stands as the gateway said it.
REASONS: Final[Mapping[str, LocalizedText]] = {
    "fraudulent": LocalizedText(
        "Chủ thẻ nói không thực hiện giao dịch này", "The cardholder says that it was not them"
    ),
    "unrecognized": LocalizedText(
        "Chủ thẻ không nhận ra giao dịch này", "The cardholder does not recognise it"
    ),
    "duplicate": LocalizedText("Bị trừ tiền nhiều lần", "Charged more than once"),
    "product_not_received": LocalizedText("Chưa nhận được dịch vụ", "Nothing was received"),
    "product_unacceptable": LocalizedText("Dịch vụ không đúng như mô tả", "Not what was described"),
    "credit_not_processed": LocalizedText("Chưa nhận được tiền hoàn trả", "A refund did not come"),
    "general": LocalizedText("Không nêu lý do", "No particular reason"),
}
_SOON: Final = timedelta(days=2)
_COLUMNS: Final = (
    TableColumn("respond_by", noted("Trả lời trước"), "moment"),
    TableColumn("time", noted("Thời gian còn"), "words"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("gateway", noted("Cổng")),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("reason", noted("Lý do của người nộp")),
    TableColumn("dispute", noted("Mã ở cổng"), "code"),
    TableColumn("opened_at", noted("Mở lúc"), "moment"),
)


@router.get(DISPUTES)
async def disputes_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_SUSPENSE)],
    session: SessionDep,
    context: ContextDep,
    asked: AskedListDep,
    which: Literal["", "all", "lost"] = "",
    since: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Disputes that are not decided, by when they are to be answered; all or the lost if asked.

    `since` leaves out of the lost what was decided before that day.
    """
    begin = read_day(since) if which == "lost" else None
    reach = frozenset(who.principal.agency_ids)
    page = await page_of_disputes(
        *(session, reach),
        status="lost" if which == "lost" else None,
        undecided=which == "",
        decided_since=None if begin is None else clock.day_bounds(begin, begin)[0],
        limit=MOST_ROWS,
    )
    titles, now = gateway_titles(context.gateways), clock.now()
    rows = [_row(one, LocalizedText(*titles(one.gateway)), now) for one in page.items]
    return answer_list(
        request,
        who,
        asked.sorted_by("respond_by" if which == "" else "-opened_at"),
        address=DISPUTES,
        title=noted("Khiếu nại qua ngân hàng"),
        columns=_COLUMNS,
        rows=rows,
        template="disputes.html",
        kept=(
            *((("which", which),) if which else ()),
            *((("since", begin.isoformat()),) if begin is not None else ()),
        ),
        which=which,
        begin=begin,
    )


def time_left(dispute: DisputeValue, now: datetime) -> str:
    """How much time there is to answer, as `TIMES` names it."""
    if dispute.decided_at is not None:
        return "decided"
    if dispute.respond_by is None:
        return "untold"
    left = dispute.respond_by - now
    if left < timedelta(0):
        return "over"
    return "soon" if left < _SOON else "ahead"


def reason_words(reason: str) -> LocalizedText | str:
    """Why a payer disputes, in words of ours where there are any."""
    return REASONS.get(reason, reason)


def _row(one: DisputeValue, gateway: LocalizedText, now: datetime) -> TableRow:
    return TableRow(
        one.id,
        (
            *(one.respond_by, TIMES[time_left(one, now)], one.amount, gateway),
            *(STATES[one.status], reason_words(one.reason), one.dispute_ref, one.opened_at),
        ),
        f"/staff/payments/{one.payment_id}",
    )
