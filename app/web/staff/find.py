"""Looking things up: one box for a reference, a number, a dossier, an amount, a bank's reference.

What another body has is not there. What one way finds is sorted, filtered and fetched as a file as
any table is; where there is more than is read for that, the page says so. Below the empty box stand
what somebody has set a note on, the newest note first.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.languages import language_of
from app.web.staff.doors import SignedIn
from app.web.staff.history_words import BILL_STATES
from app.web.staff.page_rights import page_needs
from app.web.staff.search_text import LONGEST, search_text_of
from app.web.staff.searching import FIND, FoundGroup, Search
from app.web.staff.table_files import TYPES, TableFormat, write_table
from app.web.staff.tables import (
    LONGEST_FILTER,
    PER_PAGE,
    AskedTable,
    ShownTable,
    TableColumn,
    TableRow,
)
from app.web.templating import render
from app.web.texts import noted
from app.web.translations import WORDS
from core import clock
from core.crypto import Cipher
from core.db import SessionDep
from core.sessions import ReadSession
from payments.agencies.access.rights import Action
from payments.bills.marks import MarkedKind, page_of_marked
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

_MARK_COLUMNS: Final = (
    TableColumn("reference", noted("Mã khoản"), "code"),
    TableColumn("note", noted("Dấu")),
    TableColumn("kind", noted("Dấu trên"), "words"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("marked_at", noted("Đánh dấu lúc"), "moment"),
)


_MARKED_KINDS: Final[Mapping[MarkedKind, str]] = {
    "bill": noted("Khoản phải nộp"),
    "payment": noted("Lần thanh toán"),
    "receipt": noted("Biên lai"),
}


@router.get(FIND)
async def search_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_BILLS)],
    session: SessionDep,
    context: ContextDep,
    q: Annotated[str, Query(max_length=LONGEST)] = "",
    by: Annotated[str, Query(max_length=20)] = "",
    words: Annotated[str, Query(max_length=LONGEST_FILTER)] = "",
    sort: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str, Query(max_length=2_000)] = "",
    format: TableFormat | None = None,
) -> Response:
    """The box, and what fits what was typed; `by` and what follows ask for more of one way."""
    searched = search_text_of(q)
    groups: list[FoundGroup] = []
    if searched.text:
        search = Search(
            *(session, who.principal.agency_ids, context.request_key, searched, by),
            *(AskedTable(words, sort, cursor), format is not None),
        )
        groups = await search.groups()
        if not who.principal.may(Action.READ_RECEIPTS):
            groups = [group for group in groups if group.name != "receipts"]
        if not who.principal.may(Action.READ_CASH):
            groups = [group for group in groups if group.name != "handover"]
    if format is not None and [one.name for one in groups] == [by]:
        return _file(request, groups[0], format)
    return render(
        request,
        "find_page.html",
        who=who,
        typed=q,
        searched=searched,
        groups=groups,
        marked=None if searched.text else await _marked(session, context.cipher, who, cursor),
        alone=[one.name for one in groups] == [by],
    )


async def _marked(session: ReadSession, cipher: Cipher, who: SignedIn, cursor: str) -> ShownTable:
    """The bills, payments and receipts that somebody has set a note on."""
    page = await page_of_marked(
        *(session, cipher, who.principal.agency_ids), cursor=cursor or None, limit=PER_PAGE
    )
    rows = [
        TableRow(
            one.object_id,
            (
                *(one.reference or one.object_id, one.note, _MARKED_KINDS[one.kind], one.amount),
                *(one.status and BILL_STATES[one.status], one.marked_at),
            ),
            f"/staff/{one.kind}s/{one.object_id}",
        )
        for one in page.items
    ]
    asked = AskedTable(cursor=cursor)
    return ShownTable(FIND, _MARK_COLUMNS, rows, asked, page.next_cursor)


def _file(request: Request, group: FoundGroup, kind: TableFormat) -> Response:
    spoken = WORDS[language_of(request)]
    content = write_table(group.table, str(spoken.say(group.title)), kind, spoken)
    name = f"{group.name}-{clock.business_date(clock.now()):%Y%m%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=TYPES[kind], headers=headers)
