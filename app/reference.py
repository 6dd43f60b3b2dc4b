"""The API's description (OpenAPI 3.1), as the house really answers.

The framework describes what it does by itself: lenient JSON, its own form of validation errors,
no keys. What we do in its place is added here: bodies read strictly (`core.bodies`), problem+json
for every refusal, bearer keys, and the Idempotency-Key that a creation cannot do without.
"""

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from core.bodies import documented_models
from core.idempotency import read_key
from core.problems import MEDIA_TYPE, MOST_LISTED

_SCHEMAS = "#/components/schemas/"

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[ -~]+$",
        "title": "Idempotency-Key",
        "description": "A new one for each new request, the same one for a repeat; kept 72 hours.",
    },
}


class ProblemError(BaseModel):
    """One thing that is wrong with one field (a dotted path) or header."""

    model_config = ConfigDict(extra="forbid")

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). `retryable`: the same request may succeed later."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    errors: list[ProblemError] = Field(max_length=MOST_LISTED)
    retryable: bool
    trace_id: str = Field(pattern="^[0-9a-f]{32}$")


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of `app`, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(_schemas())
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of the agency."}
    }
    document["security"] = [{"key": []}]
    for operation in _operations(document):
        _complete(operation)
    for operation in _keyed(app, document):
        operation.setdefault("parameters", []).append(_KEY)
    app.openapi_schema = document
    return document


def _schemas() -> dict[str, Any]:
    mode: Literal["validation"] = "validation"
    models: list[type[BaseModel]] = [*documented_models(), Problem]
    _, found = models_json_schema(
        [(model, mode) for model in models], ref_template=_SCHEMAS + "{model}"
    )
    return dict(found["$defs"])


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    refusal = {"content": {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}}
    responses["4XX"] = {"description": "Refused: `code` and `errors` say why.", **refusal}
    responses["5XX"] = {"description": "Failed: `retryable` says whether to repeat.", **refusal}


def _keyed(app: FastAPI, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations that read the Idempotency-Key, which the framework does not see them do."""
    for route in iter_route_contexts(app.routes):
        dependant: Dependant | None = getattr(route, "dependant", None)
        if dependant is not None and route.include_in_schema and _reads_key(dependant):
            for method in route.methods or ():
                yield document["paths"][route.path_format][method.lower()]


def _reads_key(dependant: Dependant) -> bool:
    return dependant.call is read_key or any(map(_reads_key, dependant.dependencies))
