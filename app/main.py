"""The web application: routes, problems, headers, health."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline

from app.health import router as health_router
from app.reference import describe
from app.web import failures, home, pages, posters, receipts
from app.web.policy import REFERENCE, STRICT
from app.wiring import Parts, parts_of
from core import problems
from core.settings import Settings
from payments import api as payments_api
from payments.catalogue import api as catalogue_api
from reconciliation import api as reconciliation_api

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens its parts when it starts and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts_of(settings) as parts:
            attach(app, parts)
            yield

    app = FastAPIOffline(
        title="Lệ Phí",
        version="1",
        description="Bills, payments, receipts and reconciliation of a public body's fees.",
        openapi_url="/api/v1/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    failures.install(app)
    app.middleware("http")(_headers)
    app.include_router(payments_api.router)
    app.include_router(payments_api.callback_router)
    app.include_router(catalogue_api.router, prefix="/api/v1")
    app.include_router(receipts.api)
    app.include_router(reconciliation_api.router)
    app.include_router(receipts.router)
    app.include_router(home.router)
    app.include_router(pages.router)
    app.include_router(posters.router)
    app.include_router(health_router)
    pages.mount_static(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def attach(app: FastAPI, parts: Parts) -> None:
    """Give the routes their parts."""
    app.state.parts = parts
    app.state.database = parts.database
    app.state.cipher = parts.cipher
    app.state.keyring = parts.keyring
    app.state.payments = parts.payments
    app.state.price_book = parts.payments.price_book
    app.state.display = parts.display
    app.state.reconciling = parts.reconciling


async def _headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    path = request.url.path
    response.headers.setdefault("Content-Security-Policy", REFERENCE if path == "/docs" else STRICT)
    if not path.startswith("/static"):
        response.headers.setdefault("Cache-Control", "no-store")
    elif path.startswith("/static/") and response.status_code == 200:
        # The address of a file of ours changes with its content.
        response.headers.setdefault("Cache-Control", "public, max-age=31536000, immutable")
    return response
