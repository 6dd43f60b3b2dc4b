"""Every expected failure, as a class with a stable code. Pure.

The HTTP edge turns these into problem+json (core.problems), the command line into one line on
standard error. A message is written for the person who reads it: citizens and clerks read
Vietnamese, so `detail` may be Vietnamese; `code` never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field (a dotted path), row or header of the input."""

    field: str
    code: str
    detail: str


class LephiError(Exception):
    """Base of every expected failure; subclasses fix the HTTP status and the default code."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Unexpected error"
    code: str = "unexpected"
    retryable: bool = False
    #: after how many seconds it is worth trying again, where that is known
    retry_after: int | None = None

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Whole into another process, whatever arguments the subclass is made with."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[LephiError], args: tuple[Any, ...], state: dict[str, Any]) -> LephiError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class BadRequest(LephiError):
    """The request cannot be read as one of ours: mend it before sending it again."""

    status = 400
    title = "Bad request"
    code = "bad_request"


class Unauthenticated(LephiError):
    """No key, or one we do not know: send a valid API key."""

    status = 401
    title = "Not authenticated"
    code = "unauthenticated"


class NotAllowed(LephiError):
    """The caller is known but may not do this: ask someone with the role."""

    status = 403
    title = "Not allowed"
    code = "not_allowed"


class NotFound(LephiError):
    """There is no such thing, or it belongs to another agency: check the identifier."""

    status = 404
    title = "Not found"
    code = "not_found"


class Conflict(LephiError):
    """The thing is in a state that does not allow this: read it again, then decide."""

    status = 409
    title = "Conflict"
    code = "conflict"


class TooLarge(LephiError):
    """The body is over the size limit: send less."""

    status = 413
    title = "Too large"
    code = "too_large"


class Invalid(LephiError):
    """The input is malformed; `errors` names each field and why."""

    status = 422
    title = "Invalid input"
    code = "invalid"


class RateLimited(LephiError):
    """Too many requests of this kind from here: wait, then try again."""

    status = 429
    title = "Too many requests"
    code = "rate_limited"
    retryable = True


class Unavailable(LephiError):
    """Something we need is away for the moment: nothing happened, try again later."""

    status = 503
    title = "Temporarily unavailable"
    code = "unavailable"
    retryable = True


class StorageFull(Unavailable):
    """A disk is full, ours or the database's: nothing was written, try again later."""

    code = "storage_full"
