"""What the API takes and gives of people and API keys."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from core.schemas import Code, Instant, Line, RequestModel
from payments.agencies.access.api_keys import LONGEST_LABEL, ApiKeyValue
from payments.agencies.access.rights import PORTAL_SCOPES, Role, Scope
from payments.agencies.access.staff import (
    LONGEST_NAME,
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    StaffValue,
)

Email = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")
]
_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
# Told by their names, which is all that JSON can do.
RoleName = Annotated[Role, Field(strict=False)]
ScopeName = Annotated[Scope, Field(strict=False)]


class ApiKeyIn(RequestModel):
    """A key to be made: for a system with `scopes`, or for `user`, which can only be oneself."""

    #: left out, the caller's own
    agency: Code | None = None
    label: Annotated[str, StringConstraints(max_length=LONGEST_LABEL, pattern=_LINE)]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=len(Scope))] | None = None
    user: Email | None = None
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None

    def scopes_or_default(self) -> list[str]:
        """The scopes, a portal's where none are named."""
        return [*PORTAL_SCOPES] if self.scopes is None else [*self.scopes]


class ApiKeyOut(BaseModel):
    """A key without its secret; `user` is the person whose key it is, null for a system's."""

    id: str
    agency: str
    kind: Literal["system", "person"]
    label: str
    scopes: list[str]
    user: str | None
    created_at: Instant
    revoked_at: Instant | None
    #: since when it opens anything; null while it waits for a second person
    confirmed_at: Instant | None

    @classmethod
    def of(cls, value: ApiKeyValue) -> "ApiKeyOut":
        """The key as the API shows it."""
        return cls.model_validate(value, from_attributes=True)


class NewApiKeyOut(ApiKeyOut):
    """A key that has just been made: `key` is shown here and never again.

    `approval` is the id of what a second person has to approve before it opens anything.
    """

    key: str
    approval: str | None = None


class ApiKeyList(BaseModel):
    """Keys, the newest first; `next_cursor` asks for those that follow."""

    items: list[ApiKeyOut]
    next_cursor: str | None


class UserIn(RequestModel):
    """A person to be made. Without `password` one is made and given back once."""

    #: left out, the caller's own
    agency: Code | None = None
    email: Email
    name: Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=_LINE)]
    roles: Annotated[list[RoleName], Field(min_length=1, max_length=len(Role))]
    password: (
        Annotated[str, StringConstraints(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
        | None
    ) = Field(default=None, repr=False)
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


class UserOut(BaseModel):
    """A person who works for an agency."""

    id: str
    agency: str
    email: str
    name: str
    roles: list[str]
    created_at: Instant
    disabled_at: Instant | None

    @classmethod
    def of(cls, value: StaffValue) -> "UserOut":
        """The person as the API shows them."""
        return cls.model_validate(value, from_attributes=True)


class NewUserOut(UserOut):
    """A person who has just been made; `password` if it was made here, and never again."""

    password: str | None


class UserList(BaseModel):
    """People, the newest first; `next_cursor` asks for those that follow."""

    items: list[UserOut]
    next_cursor: str | None
