"""The web application: routes, problems, headers, health."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.health import router as health_router
from app.web import pages, posters, receipts
from app.wiring import Parts, parts_of
from core import problems
from core.settings import Settings
from payments import api as payments_api
from payments.catalogue import api as catalogue_api

#: No page of ours loads anything from elsewhere or runs inline scripts.
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self';"
    " connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)
#: The API reference brings its own inline start script.
_DOCS_POLICY = _POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
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
    app.middleware("http")(_headers)
    app.include_router(payments_api.router)
    app.include_router(payments_api.callback_router)
    app.include_router(catalogue_api.router, prefix="/api/v1")
    app.include_router(receipts.api)
    app.include_router(receipts.router)
    app.include_router(pages.router)
    app.include_router(posters.router)
    app.include_router(health_router)
    pages.mount_static(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way
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


async def _headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    policy = _DOCS_POLICY if request.url.path == "/docs" else _POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    if not request.url.path.startswith("/static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The API's description, with the bodies that `core.bodies` reads by itself."""
    if app.openapi_schema:
        return app.openapi_schema
    models: list[type[BaseModel]] = []
    for route in app.routes:
        extra = getattr(route, "openapi_extra", None) or {}
        if "x-body-model" in extra:
            models.append(extra.pop("x-body-model"))
    schema = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)],
        ref_template="#/components/schemas/{model}",
    )
    schema.setdefault("components", {}).setdefault("schemas", {}).update(
        definitions.get("$defs", {})
    )
    app.openapi_schema = schema
    return schema
