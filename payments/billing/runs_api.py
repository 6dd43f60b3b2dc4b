"""The HTTP surface of what a market charges: tariffs, waivers, billing runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.idempotency import IdempotencyDep
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.answers import (
    BillingRunList,
    BillingRunOut,
    ChargeTariffOut,
    RunPreviewOut,
    StallTariffOut,
    TariffsOut,
    WaiverList,
    WaiverOut,
)
from payments.billing.api import MarketName, own_market
from payments.billing.approvals import CHARGE_TARIFF, STALL_TARIFF, STALL_WAIVER
from payments.billing.periods import period_of
from payments.billing.preview import preview_run
from payments.billing.queries import (
    get_run,
    list_charge_tariffs,
    list_runs,
    list_stall_tariffs,
    list_waivers,
    sum_charges,
)
from payments.billing.runs import run_billing
from payments.billing.schemas import ChargeTariffIn, RunIn, StallTariffIn, WaiverIn
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut
from payments.context import ContextDep

router = APIRouter(prefix="/api/v1", tags=["markets"])

RunBody = Annotated[ParsedBody[RunIn], Depends(parsed(RunIn))]


@router.get("/markets/{market}/tariffs")
async def read_tariffs(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    market: MarketName,
    session: ReadSessionDep,
) -> TariffsOut:
    """What a market's prices come of, by kind and day."""
    found = await own_market(session, principal, market)
    stalls = await list_stall_tariffs(session, found.agency_id, found.market_class)
    charges = await list_charge_tariffs(session, found.id)
    return TariffsOut(
        stalls=[StallTariffOut.of(one) for one in stalls],
        charges=[ChargeTariffOut.of(one) for one in charges],
    )


@router.post(
    "/markets/{market}/stall-tariffs",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(StallTariffIn),
)
async def propose_stall_tariff(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    market: MarketName,
    body: Annotated[ParsedBody[StallTariffIn], Depends(parsed(StallTariffIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that places of a kind cost this from a day on, at all markets of this market's class."""

    async def work(session: WriteSession) -> ApprovalOut:
        found = await own_market(session, principal, market)
        wanted = body.model.wanted | {"market": found.id, "market_class": found.market_class}
        about, why = new_id("startariff"), body.model.reason
        made = await propose(session, kinds, STALL_TARIFF, about, wanted, why, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.post(
    "/markets/{market}/charge-tariffs",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ChargeTariffIn),
)
async def propose_charge_tariff(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    market: MarketName,
    body: Annotated[ParsedBody[ChargeTariffIn], Depends(parsed(ChargeTariffIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that power, water, a service, a vehicle or an entry cost this from a day on."""

    async def work(session: WriteSession) -> ApprovalOut:
        found = await own_market(session, principal, market)
        wanted = body.model.wanted | {"market": found.id}
        about, why = new_id("rate"), body.model.reason
        made = await propose(session, kinds, CHARGE_TARIFF, about, wanted, why, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.get("/markets/{market}/waivers")
async def read_waivers(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    market: MarketName,
    session: ReadSessionDep,
) -> WaiverList:
    """What two people let off of a market's places."""
    found = await own_market(session, principal, market)
    return WaiverList(items=[WaiverOut.of(one) for one in await list_waivers(session, found.id)])


@router.post(
    "/markets/{market}/waivers",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(WaiverIn),
)
async def propose_waiver(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    market: MarketName,
    body: Annotated[ParsedBody[WaiverIn], Depends(parsed(WaiverIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that some days' price be let off; once approved, unpaid bills of them are made anew."""

    async def work(session: WriteSession) -> ApprovalOut:
        found = await own_market(session, principal, market)
        wanted = body.model.wanted(found.id)
        about, why = new_id("waiver"), body.model.reason
        made = await propose(session, kinds, STALL_WAIVER, about, wanted, why, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.post("/markets/{market}/billing-runs/preview", openapi_extra=documented(RunIn))
@allowing(LONG_SECONDS)
async def preview_billing(
    principal: Annotated[Principal, needs(Action.READ_BILLING)],
    market: MarketName,
    body: RunBody,
    session: ReadSessionDep,
) -> RunPreviewOut:
    """What a run would bill now, and how it differs from the run of that kind before it."""
    found = await own_market(session, principal, market)
    period = period_of(body.model.kind, body.model.period)
    until = body.model.readings_until
    return RunPreviewOut.of(await preview_run(session, found, period, readings_until=until))


@router.post(
    "/markets/{market}/billing-runs",
    status_code=201,
    response_model=BillingRunOut,
    openapi_extra=documented(RunIn),
)
@allowing(LONG_SECONDS)
async def bill_market(
    principal: Annotated[Principal, needs(Action.BILL_MARKET)],
    market: MarketName,
    body: RunBody,
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Bill a market for a period: a bill for each contract. Run again, it adds what is missing."""

    async def work() -> BillingRunOut:
        async with context.database.reading() as session:
            found = await own_market(session, principal, market)
        period = period_of(body.model.kind, body.model.period)
        done = await run_billing(
            context.database,
            context.cipher,
            found,
            period,
            actor=principal.actor,
            readings_until=body.model.readings_until,
        )
        async with context.database.reading() as session:
            run = await get_run(session, done.run_id, principal.agency_ids)
            return BillingRunOut.of(run, await sum_charges(session, run.id))

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent.outside(claim, work)


@router.get("/markets/{market}/billing-runs")
async def read_runs(
    principal: Annotated[Principal, needs(Action.READ_BILLING)],
    market: MarketName,
    session: ReadSessionDep,
) -> BillingRunList:
    """The billing runs of a market, the newest first."""
    found = await own_market(session, principal, market)
    runs = await list_runs(session, found.id)
    return BillingRunList(items=[BillingRunOut.of(one) for one in runs])


@router.get("/billing-runs/{run_id}")
async def read_run(
    principal: Annotated[Principal, needs(Action.READ_BILLING)],
    run_id: ObjectId,
    session: ReadSessionDep,
) -> BillingRunOut:
    """A billing run with what it has charged, by kind and state of the bills."""
    run = await get_run(session, run_id, principal.agency_ids)
    return BillingRunOut.of(run, await sum_charges(session, run.id))
