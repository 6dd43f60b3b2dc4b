"""The web application: routes, problems, headers, health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app.headers import Headers
from app.health import router as health_router
from app.hosts import Hosts, host_names
from app.limits import FORM, RequestLimits
from app.odd_addresses import OddAddresses
from app.operators import OperatorsOnly
from app.parts import Parts
from app.reference import describe
from app.request_log import RequestLog
from app.web import failures
from app.web.citizen import (
    bills,
    documents,
    find_receipt,
    home,
    paying,
    procedures,
    receipts,
)
from app.wiring import origin, parts_of
from core import log, problems
from core.bodies import MOST_BYTES
from core.settings import Settings
from payments.agencies import api as agencies_api
from payments.agencies.access import api as access_api
from payments.attempts import api as attempts_api
from payments.bills import api as bills_api
from payments.books import api as books_api
from payments.catalogue import api as catalogue_api
from payments.catalogue.upkeep.changes import api as changes_api
from payments.catalogue.upkeep.proposals import api as proposals_api
from payments.incoming import api as incoming_api
from receipts import api as receipts_api
from reconciliation import api as reconciliation_api

_log = log.get(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens its parts when it starts and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts_of(settings) as parts:
            attach(app, parts)
            _log.info("serve started", host=settings.host, port=settings.port, **origin(settings))
            try:
                yield
            finally:
                _log.info("serve stopped", **origin(settings))

    app = FastAPIOffline(
        title="Lệ Phí",
        version="1",
        description="Bills, payments, receipts and reconciliation of a public body's fees.",
        openapi_url="/api/v1/openapi.json",
        docs_url="/docs",
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
    app.add_middleware(OddAddresses)
    app.add_middleware(RequestLimits, seconds=settings.request_seconds)
    problems.install(app)
    failures.install(app)
    if settings.mode == "production":
        app.add_middleware(Hosts, names=host_names(settings))
    if settings.mode == "production" or settings.operator_key is not None:
        app.add_middleware(OperatorsOnly, settings=settings)
    app.add_middleware(Headers, https_only=settings.mode == "production")
    app.include_router(bills_api.router)
    app.include_router(attempts_api.router)
    app.include_router(incoming_api.router)
    app.add_middleware(RequestLog)
    app.include_router(agencies_api.router)
    app.include_router(catalogue_api.router, prefix="/api/v1")
    app.include_router(proposals_api.router, prefix="/api/v1")
    app.include_router(changes_api.router, prefix="/api/v1")
    app.include_router(books_api.router)
    app.include_router(receipts_api.router)
    app.include_router(access_api.router)
    app.include_router(reconciliation_api.router)
    app.include_router(receipts.router)
    app.include_router(documents.router)
    app.include_router(home.router)
    app.include_router(find_receipt.router)
    app.include_router(bills.router)
    app.include_router(paying.router)
    app.include_router(procedures.router)
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
    app.state.knowledge = parts.knowledge
    app.state.payments = parts.payments
    app.state.urls = parts.payments.urls
    app.state.display = parts.display
    app.state.reconciling = parts.reconciling
    app.state.approval_kinds = parts.approval_kinds
