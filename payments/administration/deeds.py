"""What setting a body up consists of: deeds that one person asks for and another decides about.

A deed is what was wanted, as JSON that may be shown, and its secret apart. It is done in one way,
whether at once or when a second person has approved it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.changes import Knowledge
from payments.books.approvals import Subject


@dataclass(frozen=True, slots=True)
class Administration:
    """What setting up needs. `two_people`: nothing is done at once that gives somebody power."""

    two_people: bool
    cipher: Cipher = field(repr=False)
    knowledge: Knowledge


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to be done about how a body is set up, of a kind of `DeedKind`.

    `object_id` is what it is about, for something new an id of the deed itself.
    """

    kind: str
    object_id: str
    wanted: Mapping[str, Any]
    secret: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Execution:
    """How a deed is done: in whose name, and whether two people stand by it."""

    administration: Administration
    actor: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class DeedKind:
    """A kind of deed.

    `look` locks what it is about and says what there is to see, as an approval's kind does; `do`
    does it, and gives the id of what it made or changed. `redirects` gives the collection account
    that somebody's money now goes to by a deed that is done, None where it goes as before.
    """

    look: Callable[[WriteSession, Administration, Deed], Awaitable[Subject]]
    do: Callable[[WriteSession, Execution, Deed], Awaitable[str]]
    redirects: Callable[[WriteSession, Deed, str], Awaitable[str | None]] | None = None
    #: whether whoever administers the body asks; else the door has looked who may
    by_administrators: bool = True


def in_force(deed: Deed) -> dict[str, Any]:
    """What was wanted, without what was left out."""
    return {name: value for name, value in deed.wanted.items() if value is not None}
