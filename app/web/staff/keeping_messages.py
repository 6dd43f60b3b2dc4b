"""Messages to payers as staff see them: what was sent, what waits for a person, and sending again.

To whom a message went and what it said is told nowhere: both are put together when it is sent.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.message_words import CHANNELS
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.db import SessionDep
from core.sessions import WriteSession
from payments.agencies.access.rights import Action
from payments.messages import commands
from payments.messages.channels import list_channels, list_unrenewed
from payments.messages.queries import get_message, list_messages

router = APIRouter(include_in_schema=False)

MESSAGES: Final = "/staff/settings/messages"
KINDS: Final[Mapping[str, str]] = {
    "reminder": noted("Tin nhắc nợ"),
    "receipt": noted("Tin báo có biên lai"),
}
STATES: Final[Mapping[str, str]] = {
    "waiting": noted("Đang chờ gửi"),
    "sending": noted("Đang gửi"),
    "unknown": noted("Chưa rõ đã gửi được chưa"),
    "sent": noted("Đã gửi"),
    "dropped": noted("Bỏ, vì không còn đúng"),
    "set_aside": noted("Không gửi được, chờ người xem"),
}
DELIVERIES: Final[Mapping[str, str]] = {
    "delivered": noted("Đã tới máy người nhận"),
    "failed": noted("Không tới được người nhận"),
}
_COLUMNS: Final = (
    TableColumn("created_at", noted("Tạo lúc"), "moment"),
    TableColumn("kind", noted("Loại"), "words"),
    TableColumn("channel", noted("Kênh"), "words"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("attempts", noted("Số lần gửi"), "count"),
)


@router.get(MESSAGES)
async def list_messages_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_MESSAGES)],
    session: SessionDep,
    asked: AskedListDep,
) -> Response:
    """The messages of the own body and its units, and whether any can be sent at all."""
    reach = frozenset(who.principal.agency_ids)
    page = await list_messages(session, reach, limit=MOST_ROWS)
    rows = [
        TableRow(
            one.id,
            (
                *(one.created_at, KINDS[one.kind], CHANNELS[one.channel], one.agency),
                *(STATES[one.state], one.attempts),
            ),
            f"{MESSAGES}/{one.id}",
        )
        for one in page.items
    ]
    channels = await list_channels(session, reach)
    return answer_list(
        request,
        who,
        asked.sorted_by("-created_at"),
        address=MESSAGES,
        title=noted("Tin nhắn cho người nộp"),
        columns=_COLUMNS,
        rows=rows,
        template="keep_messages.html",
        channels=[(CHANNELS[one.kind], one.sender, one.agency) for one in channels],
        unrenewed=await list_unrenewed(session, reach),
        kinds=CHANNELS,
    )


@router.get(f"{MESSAGES}/{{message_id}}")
async def message_page(
    request: Request,
    message_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.READ_MESSAGES)],
    session: SessionDep,
) -> Response:
    """What became of a message, and why it was not sent."""
    one = await get_message(session, message_id, who.principal.agency_ids)
    stopped = one.state == "set_aside" or (one.state == "unknown" and one.due_at is None)
    return render(
        request,
        "keep_message.html",
        who=who,
        one=one,
        kind=KINDS[one.kind],
        channel=CHANNELS[one.channel],
        state=STATES[one.state],
        delivery=None if one.delivery is None else DELIVERIES[one.delivery],
        again=stopped and who.principal.may(Action.SEND_MESSAGES),
        once=new_once(),
        history=await read_history(session, [one.id]),
    )


@router.post(f"{MESSAGES}/{{message_id}}/replay")
async def replay_message(
    message_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.SEND_MESSAGES)]
) -> Response:
    """Have a message sent again under its own id; what it says is looked at first."""

    async def work(session: WriteSession) -> str:
        found = await get_message(session, message_id, deed.by.agency_ids)
        await commands.replay(session, found, actor=deed.by.actor)
        return f"{MESSAGES}/{found.id}"

    return await deed.once(work)
