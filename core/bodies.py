"""Reading a request's body: once, strictly, bounded, and against a schema.

FastAPI would parse JSON the lenient way (duplicate keys, NaN, 1000.0 for 1000), which money does
not allow; so routes take their body through `parsed`, and the OpenAPI page is told the schema by
`documented`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from core.errors import BadRequest, Invalid, TooLarge
from core.json import MAX_BYTES, loads
from core.problems import MAX_ERRORS, invalid_from
from core.unseen import unseen_faults

#: What any body may hold, in bytes, unless its route says otherwise (`max_body_size`).
MOST_BYTES = 1_048_576
#: Around the file of a form: its other fields, and what lies between them.
FORM_BYTES = 1_048_576

M = TypeVar("M", bound=BaseModel)


class WrongMediaType(BadRequest):
    """The body is not declared as application/json."""

    code = "wrong_media_type"


@dataclass(frozen=True, slots=True)
class ParsedBody(Generic[M]):
    """A body: the checked `model`, and the JSON `value` it was made from."""

    model: M
    value: object


async def read_raw(request: Request, *, most: int = MAX_BYTES) -> bytes:
    """The raw body, `most` bytes at most whatever length was declared. Raises `TooLarge`."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise TooLarge(f"Nội dung gửi lên vượt quá {most} byte.")
    return bytes(received)


def parsed(model: type[M]) -> Callable[[Request], Awaitable[ParsedBody[M]]]:
    """A dependency that reads the body as `model`.

    Raises `WrongMediaType`, `TooLarge`, or `Invalid` naming every field that is wrong and why.
    """

    async def read(request: Request) -> ParsedBody[M]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise WrongMediaType("Nội dung phải là application/json.")
        value = loads(await read_raw(request))
        return ParsedBody(validated(model, value), value)

    return read


def validated(model: type[M], value: object) -> M:
    """`value` checked against `model`. Raises `Invalid` naming every field that is wrong.

    No field of any body takes a character that nobody sees (`core.unseen`).
    """
    if faults := list(islice(unseen_faults(value), MAX_ERRORS)):
        raise Invalid(faults[0].detail, errors=faults)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_from(error.errors(include_url=False, include_input=False)) from None


#: Every model that a route takes as its body, for the API reference.
_documented: dict[str, type[BaseModel]] = {}


def documented_models() -> list[type[BaseModel]]:
    """Every model given to `documented`, which the framework does not know of."""
    return list(_documented.values())


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """What to give a route as `openapi_extra`, so that its body appears in the API reference."""
    _documented[model.__name__] = model
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
                }
            },
        },
    }
