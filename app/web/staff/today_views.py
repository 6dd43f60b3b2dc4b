"""What the first page shows: a day's takings, what needs whoever looks, and who was heard of."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

from app.web.staff.approvals import view_waiting
from app.web.staff.day_places import with_query
from app.web.staff.days import list_days
from core import clock
from core.calendar import Calendar
from core.heartbeats import is_silent
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.breakers import RestingGateway
from payments.agencies.listing import GatewayEntry, list_gateways
from payments.agencies.queries import AgencyValue, list_collection_accounts
from payments.attempts.offering import paying_accounts
from payments.books.approvals import ApprovalKinds
from payments.books.period_totals import BillTotal, list_bill_totals
from payments.books.takings import HourTotal, list_hour_totals
from payments.books.waiting_sums import WaitingSum, sum_waiting_money
from payments.context import Context
from payments.disputes.queries import DisputeSum, sum_lost, sum_undecided
from payments.incoming.hearing import GatewayHearing, list_hearings
from payments.messages.channels import ChannelValue, list_unrenewed
from payments.refunds.queries import RefundSum, sum_refunds_to_send
from reconciliation.statements.coverage import list_untold_days

#: How many days back differences, and money that was taken back, are looked for.
_BACK: Final = 14
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class NeededWork:
    """Something that needs whoever looks: how many, how much (đồng), and where they are."""

    name: str
    count: int
    sum: int
    path: str


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """An account at a gateway or feed, and what it has told within a day; None: nothing.

    `resting` is why payers are not sent there now. One that is borrowed from a body above is
    `whose`; what it has told is that body's.
    """

    account: GatewayEntry
    heard: GatewayHearing | None
    resting: RestingGateway | None
    whose: AgencyValue | None = None


@dataclass(frozen=True, slots=True)
class UntoldDay:
    """A working day of an account that no statement tells of."""

    account: str
    on: date


@dataclass(frozen=True, slots=True)
class TodayView:
    """The first page. Sums in đồng; what somebody may not see is empty, or None."""

    on: date
    today: date
    procedures: list[BillTotal]
    hours: list[HourTotal]
    needs: list[NeededWork]
    untold: list[UntoldDay]
    gateways: list[GatewayHealth]
    silent: bool
    #: channels of messages that wait for a person, or can send nothing for want of a new token
    unrenewed: list[ChannelValue]

    @property
    def by_gateway(self) -> dict[str, tuple[int, int]]:
        """What came through each gateway: how many, and how much."""
        return _summed((one.gateway, one) for one in self.hours)

    @property
    def by_hour(self) -> dict[int, tuple[int, int]]:
        """What came in each hour of the day, those without anything too."""
        found = _summed((one.hour, one) for one in self.hours)
        return {hour: found.get(hour, (0, 0)) for hour in range(24)}

    @property
    def taken(self) -> tuple[int, int]:
        """What came in all: how many, and how much."""
        return sum(one.count for one in self.hours), sum(one.sum for one in self.hours)

    @property
    def most(self) -> int:
        """What came in the busiest hour, at least 1."""
        return max([1, *(amount for _, amount in self.by_hour.values())])

    @property
    def share(self) -> int | None:
        """Of a hundred đồng owed by the day's bills, how many came here; None without any."""
        owed = sum(one.owed for one in self.procedures)
        return 100 * sum(one.paid for one in self.procedures) // owed if owed else None


def _summed(totals: Iterable[tuple[K, HourTotal]]) -> dict[K, tuple[int, int]]:
    found: defaultdict[K, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for key, one in totals:
        count, amount = found[key]
        found[key] = (count + one.count, amount + one.sum)
    return dict(found)


async def view_today(
    session: ReadSession,
    context: Context,
    calendar: Calendar,
    who: Principal,
    kinds: ApprovalKinds,
    on: date,
) -> TodayView:
    """The first page of somebody, for a day; each part only where they may see it."""
    today = clock.business_date(clock.now())
    accounts = await list_collection_accounts(session, who.agency_ids)
    codes = {one.id: one.code for one in accounts}
    procedures: list[BillTotal] = []
    hours: list[HourTotal] = []
    if who.may(Action.READ_REPORTS):
        procedures = await list_bill_totals(session, who.agency_ids, on, on, "day")
        hours = await list_hour_totals(session, who.agency_ids, list(codes), on)
    untold, gateways, silent = [], [], False
    if who.may(Action.READ_RECONCILIATIONS):
        pairs = await list_untold_days(
            session, calendar, list(codes), today - timedelta(days=7), today - timedelta(days=1)
        )
        untold = [UntoldDay(codes[account], day) for account, day in pairs]
        gateways = await _list_health(session, context, who)
        silent = await is_silent(session)
    unrenewed: list[ChannelValue] = []
    if who.may(Action.READ_MESSAGES):
        reach = frozenset(who.agency_ids)
        found = await list_unrenewed(session, reach)
        unrenewed = [one for one in found if one.wants_tokens or one.has_ended]
    return TodayView(
        on=on,
        today=today,
        procedures=procedures,
        hours=hours,
        needs=await _needs(session, who, kinds, today),
        untold=untold,
        gateways=gateways,
        silent=silent,
        unrenewed=unrenewed,
    )


async def _list_health(
    session: ReadSession, context: Context, who: Principal
) -> list[GatewayHealth]:
    """The accounts of the own body and its units, then those that it borrows."""
    page = await list_gateways(session, who.agency_ids, limit=200)
    heard = await list_hearings(session, [one.id for one in page.items])
    resting = await context.breakers.list_resting(session)
    own = [GatewayHealth(one, heard.get(one.id), resting.get(one.id)) for one in page.items]
    agency = await context.agencies.get_agency(who.agency_id, session)
    paying = {one.id: one for one, _ in await paying_accounts(context, agency, session)}
    owners = {one.agency_id for one in paying.values()} - set(who.agency_ids)
    borrowed = []
    for entry in (await list_gateways(session, owners, limit=200)).items if owners else ():
        if entry.id in paying:
            whose = await context.agencies.get_agency(entry.agency_id, session)
            borrowed.append(GatewayHealth(entry, None, resting.get(entry.id), whose))
    return own + borrowed


async def _needs(
    session: ReadSession, who: Principal, kinds: ApprovalKinds, today: date
) -> list[NeededWork]:
    needs = []
    if who.may(Action.READ_RECONCILIATIONS):
        days = await list_days(session, who, today, _BACK)
        left = [one.left for one in days if one.state == "open" and one.left is not None]
        count, amount = sum(one.count for one in left), sum(one.sum for one in left)
        needs.append(NeededWork("differences", count, amount, "/staff/days"))
    if who.may(Action.READ_APPROVALS):
        waiting = (await view_waiting(session, who, kinds)).for_me
        amount = sum(card.sum or 0 for card in waiting)
        needs.append(NeededWork("approvals", len(waiting), amount, "/staff/approvals"))
    if who.may(Action.READ_SUSPENSE):
        money: WaitingSum = await sum_waiting_money(session, who.agency_ids)
        needs.append(NeededWork("suspense", money.count, money.sum, "/staff/suspense"))
        refunds: RefundSum = await sum_refunds_to_send(session, who.agency_ids)
        needs.append(NeededWork("refunds", refunds.count, refunds.sum, "/staff/refunds"))
        disputes: DisputeSum = await sum_undecided(session, who.agency_ids)
        if disputes.count:
            needs.append(NeededWork("disputes", disputes.count, disputes.sum, "/staff/disputes"))
        # Also what was decided at once: the receipt stands, and its money is gone.
        begin = today - timedelta(days=_BACK)
        since, _ = clock.day_bounds(begin, today)
        lost: DisputeSum = await sum_lost(session, who.agency_ids, since)
        if lost.count:
            path = with_query("/staff/disputes", which="lost", since=begin.isoformat())
            needs.append(NeededWork("gone_back", lost.count, lost.sum, path))
    return needs
