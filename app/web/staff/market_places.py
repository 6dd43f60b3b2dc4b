"""Whose market a page is about, where its parts are, and a list that grows as a file."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Request, Response

from app.web.languages import language_of
from app.web.staff.deeds import StaffDeed
from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.table_files import TYPES, TableFormat, write_table
from app.web.staff.tables import ShownTable
from app.web.texts import noted
from app.web.translations import WORDS
from core import clock
from core.sessions import ReadSession
from payments.agencies.access.rights import Action
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market

MARKETS: Final = "/staff/markets"
STALLS: Final = "/staff/stalls"

MarketReader = Annotated[SignedIn, page_needs(Action.READ_MARKETS)]
BillingReader = Annotated[SignedIn, page_needs(Action.READ_BILLING)]
ReportReader = Annotated[SignedIn, page_needs(Action.READ_REPORTS)]
MarketKeeper = Annotated[SignedIn, page_needs(Action.KEEP_MARKETS)]
#: What somebody has sent about a market; done once, however often it is pressed.
KeptOfMarket = Annotated[StaffDeed, deed_needs(Action.KEEP_MARKETS)]
AskedOfMarket = Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)]


@dataclass(frozen=True, slots=True)
class MarketPart:
    """A page of a market: the end of its address, what it is called, and the right it takes."""

    name: str
    title: str
    action: Action


#: The pages of a market beside its stalls, in this order.
PARTS: Final = (
    MarketPart("arrears", noted("Công nợ"), Action.READ_REPORTS),
    MarketPart("runs", noted("Lập khoản thu"), Action.READ_BILLING),
    MarketPart("tariffs", noted("Giá và miễn giảm"), Action.READ_MARKETS),
    MarketPart("readings", noted("Ghi điện, nước"), Action.READ_METERS),
    MarketPart("import", noted("Nạp tệp sạp"), Action.KEEP_MARKETS),
)


def parts_for(who: SignedIn, market: MarketValue) -> list[tuple[str, str]]:
    """The pages of a market that somebody may see: addresses and titles."""
    return [
        (f"{MARKETS}/{market.id}/{one.name}", one.title)
        for one in PARTS
        if who.principal.may(one.action)
    ]


async def market_of(session: ReadSession, who: SignedIn, market_id: str) -> MarketValue:
    """The market of that id, if it is of whoever asks. Raises `NotFound`."""
    return await get_market(session, market_id, who.principal.agency_ids)


def table_file(
    request: Request, table: ShownTable, title: str, name: str, kind: TableFormat
) -> Response:
    """A whole table as a file of that kind, in the language of the page."""
    words = WORDS[language_of(request)]
    content = write_table(table, str(words.say(title)), kind, words)
    day = clock.business_date(clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{name}-{day:%Y%m%d}.{kind}"'}
    return Response(content, media_type=TYPES[kind], headers=headers)
