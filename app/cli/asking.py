"""What commands are told, read by the API's own schemas: a fault is a line, never a traceback."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from app.cli.console import fail
from core.bodies import validated
from core.errors import LephiError

M = TypeVar("M", bound=BaseModel)


def asked(model: type[M], told: Mapping[str, object]) -> M:
    """What was asked for as the API's own schema reads it; ends with each fault's reason."""
    try:
        return validated(model, told)
    except LephiError as error:
        fail(error)
