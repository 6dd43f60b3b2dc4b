"""The pieces that every package's schemas share. Pure."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, StringConstraints


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: An instant, written as ISO 8601 UTC with milliseconds.
Instant = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]

#: A code of ours: an agency's, a fee's, an account's.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,64}$")]


class Incoming(BaseModel):
    """Base of every body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
