"""The web application: routes, problems, headers, health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.children import ChildPool
from app.headers import Headers
from app.health import router as health_router
from app.hosts import Hosts, host_names
from app.limits import FORM, RequestLimits
from app.operators import OperatorsOnly
from app.parts import Parts
from app.reference import describe
from app.reference_page import router as reference_router
from app.request_log import RequestLog
from app.settlement_layouts import settlement_layouts
from app.stickers import api as stickers_api
from app.web import failures
from app.web.citizen import (
    bills,
    documents,
    find_debt,
    find_receipt,
    home,
    paying,
    procedures,
    receipts,
)
from app.web.kept_pages import KeptPages
from app.web.market import reminders, stalls
from app.web.staff import sign_in
from app.web.staff.routers import ROUTERS as STAFF_PAGES
from app.wiring import origin, parts_of
from core import log, problems
from core.bodies import MOST_BYTES
from core.settings import Settings
from payments.administration import access_api
from payments.administration import api as administration_api
from payments.attempts import api as attempts_api
from payments.billing import api as market_api
from payments.billing import runs_api as billing_runs_api
from payments.billing.imports import api as stall_imports_api
from payments.billing.reminding import api as reminding_api
from payments.billing.suggesting import api as stall_suggestions_api
from payments.bills import api as bills_api
from payments.books import api as books_api
from payments.catalogue import api as catalogue_api
from payments.catalogue.upkeep.changes import api as changes_api
from payments.catalogue.upkeep.proposals import api as proposals_api
from payments.collecting import api as collecting_api
from payments.debts import api as debts_api
from payments.disputes import api as disputes_api
from payments.incoming import api as incoming_api
from payments.messages import api as messages_api
from payments.messages import reports_api as message_reports_api
from payments.refunds import api as refunds_api
from payments.webhooks import api as webhooks_api
from receipts import api as receipts_api
from receipts.invoices import api as invoices_api
from reconciliation.cases import api as discrepancy_api
from reconciliation.cases import sheet_api
from reconciliation.closing import api as closing_api
from reconciliation.days import api as day_api
from reconciliation.days import claims_api, run_api, schedules_api, undoing_api
from reconciliation.days import rules_api as day_rules_api
from reconciliation.reports import api as reports_api
from reconciliation.settlements import api as settlement_api
from reconciliation.settlements import batch_api
from reconciliation.settlements import saved_layouts_api as settlement_layouts_api
from reconciliation.statements import api as reconciliation_api
from reconciliation.statements import preview_api, saved_layouts_api, superseding_api

_log = log.get(__name__)


def create_app(settings: Settings, children: ChildPool | None = None) -> FastAPI:
    """The application; it opens its parts when it starts and closes them when it ends.

    `children` are helper processes that it shares with others, in place of its own.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts_of(settings, children) as parts:
            attach(app, parts)
            _log.info("serve started", host=settings.host, port=settings.port, **origin(settings))
            try:
                yield
            finally:
                _log.info("serve stopped", **origin(settings))

    app = FastAPI(
        title="Lệ Phí",
        version="1",
        description="Bills, payments, receipts and reconciliation of a public body's fees.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # ours, which keeps the policy of our pages: app/reference_page.py
        redoc_url=None,
        # Its redirects would lead to wherever the request's Host says.
        redirect_slashes=False,
        lifespan=lifespan,
        max_body_size=MOST_BYTES,
        form_limits=FORM,
        # OpenTelemetry's attributes hold addresses, which hold tokens and check codes; what is
        # measured here goes through /metrics and what is told through core/log.py.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(RequestLimits, seconds=settings.request_seconds)
    problems.install(app)
    failures.install(app)
    sign_in.install(app)
    if settings.mode == "production":
        app.add_middleware(Hosts, names=host_names(settings))
    if settings.mode == "production" or settings.operator_key is not None:
        app.add_middleware(OperatorsOnly, settings=settings)
    app.add_middleware(Headers, https_only=settings.mode == "production")
    app.include_router(bills_api.router)
    app.include_router(attempts_api.router)
    app.include_router(message_reports_api.router)
    app.include_router(incoming_api.router)
    app.add_middleware(RequestLog)
    app.include_router(administration_api.router)
    app.include_router(catalogue_api.router, prefix="/api/v1")
    app.include_router(proposals_api.router, prefix="/api/v1")
    app.include_router(changes_api.router, prefix="/api/v1")
    app.include_router(books_api.router)
    app.include_router(refunds_api.router)
    app.include_router(disputes_api.router)
    app.include_router(market_api.router)
    app.include_router(billing_runs_api.router)
    app.include_router(stall_imports_api.router)
    app.include_router(stall_suggestions_api.router)
    app.include_router(reminding_api.router)
    app.include_router(collecting_api.router)
    app.include_router(debts_api.router)
    app.include_router(receipts_api.router)
    app.include_router(invoices_api.router)
    app.include_router(access_api.router)
    app.include_router(webhooks_api.router)
    app.include_router(messages_api.router)
    app.include_router(reconciliation_api.router)
    app.include_router(run_api.router)
    app.include_router(preview_api.router)
    app.include_router(superseding_api.router)
    app.include_router(undoing_api.router)
    app.include_router(saved_layouts_api.router)
    app.include_router(settlement_api.router)
    app.include_router(settlement_layouts_api.router)
    app.include_router(batch_api.router)
    app.include_router(day_api.router)
    app.include_router(day_rules_api.router)
    app.include_router(schedules_api.router)
    app.include_router(discrepancy_api.router)
    app.include_router(closing_api.router)
    app.include_router(claims_api.router)
    app.include_router(sheet_api.router)
    app.include_router(reports_api.router)
    app.include_router(receipts.router)
    app.include_router(documents.router)
    app.include_router(home.router)
    app.include_router(find_receipt.router)
    app.include_router(find_debt.router)
    app.include_router(bills.router)
    app.include_router(paying.router)
    app.include_router(procedures.router)
    app.include_router(stalls.router)
    app.include_router(reminders.router)
    app.include_router(stickers_api.router)
    for pages in STAFF_PAGES:
        app.include_router(pages)
    app.include_router(reference_router)
    app.include_router(health_router)
    bills.mount_static(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def attach(app: FastAPI, parts: Parts) -> None:
    """Give the routes their parts."""
    app.state.parts = parts
    app.state.database = parts.database
    app.state.cipher = parts.cipher
    app.state.request_key = parts.payments.request_key
    app.state.keyring = parts.keyring
    app.state.administration = parts.administration
    app.state.webhooks = parts.webhooks
    app.state.senders = parts.messages.senders
    app.state.payments = parts.payments
    app.state.kept_pages = KeptPages()
    app.state.price_book = parts.payments.price_book
    app.state.urls = parts.payments.urls
    app.state.display = parts.display
    app.state.reconciling = parts.reconciling
    app.state.settlement_layouts = settlement_layouts()
    app.state.minutes_press = parts.minutes_press
    app.state.approval_kinds = parts.approval_kinds
