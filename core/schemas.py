"""The pieces that every package's schemas share. Pure."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints

from core.lettering import complaint, undrawable


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: An instant, written as ISO 8601 UTC with milliseconds.
Instant = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]

#: A code of ours: an agency's, a fee's, an account's.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,64}$")]


def no_controls(value: str) -> str:
    """The same text. Raises ValueError for control characters and line breaks."""
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in value):
        raise ValueError("control characters and line breaks are not allowed")
    return value


def _visible(value: str) -> str:
    # A receipt leaves invisible characters out, and then there must be something left.
    if not any(unicodedata.category(c)[0] in "LNPS" for c in value):
        raise ValueError("nothing in it can be seen")
    return value


#: A line of text that a person reads.
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(no_controls),
    AfterValidator(_visible),
]


def _drawable(value: str) -> str:
    if lacking := undrawable(value):
        raise ValueError(complaint(lacking))
    return value


#: A line of text that comes to stand on receipts.
PrintedLine = Annotated[Line, AfterValidator(_drawable)]


class RequestModel(BaseModel):
    """Base of every body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
