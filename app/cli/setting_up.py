"""Setting up at the command line: at once, or asked for by one person and done by another."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from app.cli.approvals import one_line, show_approval
from app.cli.console import say
from app.cli.signed_in import ask_password
from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotAllowed
from core.sessions import ReadSession, WriteSession
from payments.administration.deciders import has_two_deciders
from payments.administration.deeds import Deed
from payments.administration.door import ask, do, do_alone
from payments.agencies.access.principals import Principal
from payments.agencies.access.staff import sign_in
from payments.agencies.queries import get_agency_id
from payments.books.approvals import ApprovalValue

T = TypeVar("T")

OptionalBy = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="EMAIL",
        help="Who asks for this, where two people decide; the password is asked for, or read from"
        " LEPHI_USER_PASSWORD.",
    ),
]
OptionalReason = Annotated[
    str | None, typer.Option("--reason", help="Why, for the second person who decides.")
]


class TwoPeopleNeeded(NotAllowed):
    """The body has two people for this: name who asks with --by; another one approves it."""

    code = "two_people_needed"


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever asks: the person of `--by`, signed in, or nobody; and why."""

    email: str | None
    password: str | None
    reason: str | None

    async def find(self, session: ReadSession) -> Principal | None:
        """The person. Raises `Unauthenticated`."""
        if self.email is None or self.password is None:
            return None
        return await sign_in(session, self.email, self.password)


def asker(by: str | None, reason: str | None) -> Asker:
    """Whoever asks, their password typed; ends where the reason is no line of text."""
    why = None if reason is None else one_line(reason)
    return Asker(by, None if by is None else ask_password(by), why)


async def must_wait(
    session: ReadSession, parts: Parts, agency_id: str | None, person: Principal | None
) -> bool:
    """Whether something about a body waits for a second person; None is a body that is not yet.

    Raises `TwoPeopleNeeded` where it does and nobody says who asks.
    """
    if not parts.administration.two_people or agency_id is None:
        return False
    if not await has_two_deciders(session, agency_id):
        return False
    if person is None:
        raise TwoPeopleNeeded(
            "This takes two people here: name who asks with --by EMAIL;"
            " another one decides with lephi approvals approve ID --by EMAIL."
        )
    return True


def told_alone(parts: Parts) -> None:
    """Say so where something was done at once that will take two people."""
    if parts.administration.two_people:
        say("Done at once and noted: this body has not yet two people who could decide.")


def set_up(
    who: Asker,
    agency: Callable[[WriteSession], Awaitable[str | None]],
    deed_of: Callable[[WriteSession], Awaitable[Deed]],
    shown: Callable[[Parts, WriteSession, str], Awaitable[T]],
    *,
    actor: str,
    at_once: Callable[[Deed], bool] = lambda _: False,
) -> T | ApprovalValue:
    """Do a deed and show what it made; or ask for it and give the approval.

    `agency` gives the id of the body whose people decide, `at_once` says of a deed that it only
    takes something away.
    """

    async def work(parts: Parts) -> T | ApprovalValue:
        administration, kinds = parts.administration, parts.approval_kinds
        async with parts.database.transaction() as session:
            person = await who.find(session)
            owner, deed = await agency(session), await deed_of(session)
            named = actor if person is None else person.actor
            if at_once(deed):
                made = await do(session, administration, deed, actor=named)
                return await shown(parts, session, made)
            if await must_wait(session, parts, owner, person) and person is not None:
                return await ask(session, administration, kinds, deed, person, who.reason)
            if administration.two_people:
                made = await do_alone(session, administration, kinds, deed, actor=named)
            else:
                made = await do(session, administration, deed, actor=named)
            told_alone(parts)
            return await shown(parts, session, made)

    return with_parts(work)


async def id_of(session: ReadSession, code: str | None) -> str | None:
    """The id of a body by its code, None for none. Raises `NotFound`."""
    return None if code is None else await get_agency_id(session, code)


def show_waiting(made: Any, *, as_json: bool) -> bool:
    """Show an approval that waits, if that is what was made; whether it was."""
    if not isinstance(made, ApprovalValue):
        return False
    show_approval(made, as_json=as_json)
    return True
