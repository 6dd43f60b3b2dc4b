"""The HTTP surface of a day: its three comparisons and where each đồng is."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from core.cursors import page_of
from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import Cursor
from reconciliation.days.account_days import StatementGap
from reconciliation.days.account_view import GatewayDue, StatementTotals
from reconciliation.days.gateway_days import GatewayComparison
from reconciliation.days.settlements import DayView, view_day
from reconciliation.dependencies import ReconcilingDep
from reconciliation.schemas import Tally
from reconciliation.settlements.batch_matching import BatchPlace
from reconciliation.settlements.matching import SettlementPlace
from reconciliation.statements.uploads import own_account

#: For a model that has a field of the type's own name.
_Day = date

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

_Account = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]
_Limit = Annotated[int, Query(ge=1, le=1000)]
#: At most so many of a gateway's differences are listed; the tallies count all.
_LISTED = 200
_NO_DIFFERENCE = ("matched", "refund", "adjustment", "expected")


class SettlementDifference(BaseModel):
    """A payment or line and its class; `amount` in đồng, the payment's if there is one.

    `rule` is by which its lines are the payment's; null where it has none.
    """

    kind: str
    payment: str | None
    lines: list[str]
    amount: int
    rule: str | None

    @classmethod
    def of(cls, found: GatewayComparison, one: SettlementPlace) -> "SettlementDifference":
        """The answer for a payment or line."""
        return cls(
            kind=one.kind,
            payment=one.payment_id,
            lines=list(one.line_ids),
            amount=_amount_of(found, one),
            rule=one.rule,
        )


class SettlementPlaceList(BaseModel):
    """Payments and lines of a gateway's day, all classes; `next_cursor` is null at the end."""

    items: list[SettlementDifference]
    next_cursor: str | None


class SettlementComparison(BaseModel):
    """One gateway's payments of the day beside its settlement lines, by class.

    `expected`: no file of the day is there yet; it has to be by `due_on`, and `stage` is how far
    that is today (`expected`, `late`, `missing`). `differences` lists at most 200.
    """

    gateway: str
    due_on: date
    stage: Literal["expected", "late", "missing"]
    classes: dict[str, Tally]
    differences: list[SettlementDifference]

    @classmethod
    def of(cls, found: GatewayComparison, due: GatewayDue) -> "SettlementComparison":
        """The answer for a gateway."""
        classes: defaultdict[str, list[int]] = defaultdict(list)
        for place in found.places:
            classes[place.kind].append(_amount_of(found, place))
        odd = [one for one in found.places if one.kind not in _NO_DIFFERENCE]
        return cls(
            gateway=found.gateway,
            due_on=due.due_on,
            stage=due.stage,  # type: ignore[arg-type]  # one of `STAGES`
            classes={
                kind: Tally(count=len(amounts), sum=sum(amounts))
                for kind, amounts in sorted(classes.items())
            },
            differences=[SettlementDifference.of(found, one) for one in odd[:_LISTED]],
        )


def _amount_of(found: GatewayComparison, place: SettlementPlace) -> int:
    return found.amounts[place.name]


class BatchComparison(BaseModel):
    """A batch beside the credits that may have brought it; sums in đồng, `net` is paid over.

    `rule` is by which its credits were found (`batch`: two people said so); null without any.
    """

    kind: str
    gateway: str
    batch_ref: str
    amount: int
    fee: int
    net: int
    credits: list[str]
    rule: str | None

    @classmethod
    def of(cls, place: BatchPlace) -> "BatchComparison":
        """The answer for a batch."""
        return cls(
            kind=place.kind,
            gateway=place.gateway,
            batch_ref=place.batch_ref,
            amount=place.amount,
            fee=place.fee,
            net=place.net,
            credits=list(place.credit_ids),
            rule=place.rule,
        )


class BatchPlaceList(BaseModel):
    """Batches of a day, by gateway and reference; `next_cursor` is null at the end."""

    items: list[BatchComparison]
    next_cursor: str | None


def _tally(batches: Sequence[BatchPlace]) -> dict[str, Tally]:
    nets: defaultdict[str, list[int]] = defaultdict(list)
    for one in batches:
        nets[one.kind].append(one.net)
    return {kind: Tally(count=len(own), sum=sum(own)) for kind, own in sorted(nets.items())}


class DayPlaces(BaseModel):
    """Where the account's money is at the end of the day, in đồng.

    `in_transit` is what gateways took and two people have not cleared: `on_the_way` of it was
    announced in a batch that no credit has brought (its net), `with_gateways` is the rest, with
    the fees of what is not cleared, and with what has arrived and waits in suspense to be cleared.
    `gateway_fee` is what gateways kept of batches that were cleared, `gateway_back` what they gave
    back to payers, which they take from a batch. `collector_cash` is what collectors took in cash
    and have not paid in. `on_account` is what the account has had; `revenue`, `suspense`,
    `refundable`, `paying_back`, `paid_back` and `reversed`
    say whose all of it is. `swept` is what the day's sweeps took away, to the State Bank, as the
    day's run counts them: all debits where no rule says which are sweeps; null without a run.
    """

    in_transit: int
    gateway_fee: int
    gateway_back: int
    collector_cash: int
    with_gateways: int
    on_the_way: int
    on_account: int
    swept: int | None
    revenue: int
    suspense: int
    refundable: int
    paying_back: int
    paid_back: int
    reversed: int


class StatementTotalsOut(BaseModel):
    """A statement's control totals and balances, in đồng; `totals_stated`: its trailer says so."""

    id: str
    file_name: str
    version: int
    supersedes: str | None
    credit_count: int | None
    credits: int | None
    debit_count: int | None
    debits: int | None
    totals_stated: bool | None
    opening: int | None
    closing: int | None

    @classmethod
    def of(cls, one: StatementTotals) -> "StatementTotalsOut":
        """The answer for a statement."""
        return cls(
            id=one.id,
            file_name=one.file_name,
            version=one.version,
            supersedes=one.supersedes,
            credit_count=one.credit_count,
            credits=one.credited,
            debit_count=one.debit_count,
            debits=one.debited,
            totals_stated=one.totals_stated,
            opening=one.opening_balance,
            closing=one.closing_balance,
        )


class MissingDaysOut(BaseModel):
    """Working days between two statements that none tells of, and the balances around them.

    `days` is empty where only the balances do not go together.
    """

    after: date
    until: date
    days: list[date]
    closing: int | None
    opening: int | None

    @classmethod
    def of(cls, gap: StatementGap) -> "MissingDaysOut":
        """The answer for a gap."""
        return cls(
            after=gap.after,
            until=gap.until,
            days=list(gap.days),
            closing=gap.closing,
            opening=gap.opening,
        )


class DayOut(BaseModel):
    """A day of one account: the three comparisons, and where each đồng is.

    Of `batches` at most 200 are listed; `batch_classes` counts all, and sums their net. `credits`
    is what the day's standing reconciliation `run` counted by class; empty without one.
    `statements` are those that have lines of the day, `missing` what no statement tells of around
    it, and `waiting` its payments that no line has told of, by how far that is today.
    """

    account: str
    date: _Day
    settlements: list[SettlementComparison]
    batch_classes: dict[str, Tally]
    batches: list[BatchComparison]
    run: str | None
    credits: dict[str, Tally]
    places: DayPlaces
    statements: list[StatementTotalsOut]
    missing: MissingDaysOut | None
    waiting: dict[str, Tally]

    @classmethod
    def of(cls, account: str, on: _Day, view: DayView) -> "DayOut":
        """The answer for a day."""
        tallies = {
            kind: Tally.model_validate(told)
            for kind, told in view.summary.items()
            if isinstance(told, dict) and {"count", "sum"} <= told.keys()
        }
        sums = view.ledgers
        in_transit = sums.get("in_transit", 0)
        # Where nobody has said what a sweep is, every debit is taken for one.
        swept = tallies.get("swept" if view.account.tells_sweeps else "debits")
        return cls(
            account=account,
            date=on,
            settlements=[
                SettlementComparison.of(one, view.account.gateway_due(one.gateway))
                for one in view.settlements
            ],
            batch_classes=_tally(view.batches),
            batches=[BatchComparison.of(one) for one in view.batches[:_LISTED]],
            run=view.run,
            credits=tallies,
            places=DayPlaces(
                in_transit=in_transit,
                gateway_fee=sums.get("gateway_fee", 0),
                gateway_back=sums.get("gateway_back", 0),
                collector_cash=sums.get("collector_cash", 0),
                with_gateways=in_transit - view.on_the_way,
                on_the_way=view.on_the_way,
                on_account=sums.get("receivable", 0),
                swept=None if view.run is None else (0 if swept is None else swept.sum),
                revenue=-sums.get("revenue", 0),
                suspense=-sums.get("suspense", 0),
                refundable=-sums.get("refundable", 0),
                paying_back=-sums.get("paying_back", 0),
                paid_back=-sums.get("paid_back", 0),
                reversed=-sums.get("reversed", 0),
            ),
            statements=[StatementTotalsOut.of(one) for one in view.account.statements],
            missing=None if view.account.gap is None else MissingDaysOut.of(view.account.gap),
            waiting={
                stage: Tally(count=count, sum=amount)
                for stage, (count, amount) in view.account.waiting.items()
            },
        )


@router.get("/days/{account}/{on}")
async def read_day(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    account: _Account,
    on: date,
    parts: ReconcilingDep,
    session: ReadSessionDep,
) -> DayOut:
    """A day of one account: payments with settlements, batches with credits, credits with payments.

    And where each đồng is. Nothing is changed by asking.
    """
    found = await own_account(session, principal, account)
    return DayOut.of(
        found.code, on, await view_day(session, parts.cipher, parts.calendar, found, on)
    )


@router.get("/days/{account}/{on}/settlements")
async def read_day_settlements(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    account: _Account,
    on: date,
    gateway: Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,40}$", description="Its name.")],
    parts: ReconcilingDep,
    session: ReadSessionDep,
    kind: Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")] = None,
    cursor: Cursor = None,
    limit: _Limit = 100,
) -> SettlementPlaceList:
    """The payments and settlement lines of a gateway's day, one by one: all, or of one class."""
    found = await own_account(session, principal, account)
    view = await view_day(session, parts.cipher, parts.calendar, found, on)
    own = [one for one in view.settlements if one.gateway == gateway]
    items = [
        (comparison, place)
        for comparison in own
        for place in sorted(comparison.places, key=lambda one: one.name)
        if place.name > (cursor or "") and kind in (None, place.kind)
    ]
    page = page_of(items[: limit + 1], limit, lambda one: one[1].name)
    listed = [SettlementDifference.of(*one) for one in page.items]
    return SettlementPlaceList(items=listed, next_cursor=page.next_cursor)


@router.get("/days/{account}/{on}/batches")
async def read_day_batches(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    account: _Account,
    on: date,
    parts: ReconcilingDep,
    session: ReadSessionDep,
    cursor: Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")] = None,
    limit: _Limit = 100,
) -> BatchPlaceList:
    """The batches that gateways settle on a day, one by one, with the credits of each."""
    found = await own_account(session, principal, account)
    view = await view_day(session, parts.cipher, parts.calendar, found, on)
    after = tuple((cursor or "").split("/", 1))
    items = [one for one in view.batches if (one.gateway, one.batch_ref) > after]
    page = page_of(items[: limit + 1], limit, lambda one: f"{one.gateway}/{one.batch_ref}")
    listed = [BatchComparison.of(one) for one in page.items]
    return BatchPlaceList(items=listed, next_cursor=page.next_cursor)
