"""`lephi user`: people who work for an agency; and who is at the command line, where one must be.

Deeds that need a person ask for that person's password.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from app.cli.console import Json, show, show_table
from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access import staff
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import StaffValue, sign_in
from payments.agencies.queries import AgencyValue, find_agency

user = typer.Typer(help="People who work for an agency.", no_args_is_help=True)

#: Holds the password where nobody can be asked.
PASSWORD = "LEPHI_USER_PASSWORD"  # noqa: S105  # the name of a variable

T = TypeVar("T")

By = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="EMAIL",
        help="Who does this; the password is asked for, or read from LEPHI_USER_PASSWORD.",
    ),
]
AgencyCode = Annotated[str, typer.Option("--agency", help="The agency's code.")]
OnlyAgency = Annotated[
    str | None, typer.Option("--agency", help="Only of this agency; left out, of all.")
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")]


def ask_password(email: str) -> str:
    """The person's password, from the environment or typed without being shown."""
    given = os.environ.pop(PASSWORD, None)
    if given is not None:
        return given
    typed: str = typer.prompt(f"Mật khẩu của {email}", hide_input=True, err=True)
    return typed


def as_person(email: str, work: Callable[[WriteSession, Principal], Awaitable[T]]) -> T:
    """Work in one transaction, as somebody who has given their password."""
    return as_person_with(email, lambda _, session, person: work(session, person))


def as_person_with(email: str, work: Callable[[Parts, WriteSession, Principal], Awaitable[T]]) -> T:
    """As `as_person`, for work that needs the house's parts too."""
    password = ask_password(email)

    async def signed_in(parts: Parts) -> T:
        async with parts.database.transaction() as session:
            return await work(parts, session, await sign_in(session, email, password))

    return with_parts(signed_in)


async def agency_of(session: ReadSession, code: str) -> AgencyValue:
    """The agency of that code. Raises `NotFound`."""
    found = await find_agency(session, code)
    if found is None:
        raise NotFound(f"There is no agency {code}.")
    return found


async def only_of(session: ReadSession, code: str | None) -> frozenset[str] | None:
    """The ids of the one agency that is named, None for all. Raises `NotFound`."""
    return None if code is None else frozenset({(await agency_of(session, code)).id})


@user.command("create")
def create(
    agency: AgencyCode,
    email: Annotated[str, typer.Option(help="E-mail address, the sign-in name.")],
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[str | None, typer.Option(help="Left out, one is made.")] = None,
    as_json: Json = False,
) -> None:
    """Make a staff user. Without --password one is made and shown once."""
    chosen = staff.new_password() if password is None else password

    async def work(parts: Parts) -> StaffValue:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            return await staff.create_staff_user(
                session, agency_id=found.id, email=email, name=name, password=chosen, roles=role
            )

    made = with_parts(work)
    if as_json:
        shown = _facts(made) if password is not None else _facts(made) | {"password": chosen}
        show(shown)
    else:
        typer.echo(f"{made.email}  {chosen if password is None else ''}".rstrip())


@user.command("list")
def list_all(agency: OnlyAgency = None, limit: Limit = 200, as_json: Json = False) -> None:
    """List people, the newest first, disabled ones too."""

    async def work(parts: Parts) -> tuple[StaffValue, ...]:
        async with parts.database.reading() as session:
            within = await only_of(session, agency)
            return (await staff.list_staff(session, within, limit=limit)).items

    found = with_parts(work)
    if as_json:
        show([_facts(one) for one in found])
        return
    rows = [
        [one.id, one.agency, one.email, one.name, ", ".join(one.roles), one.disabled_at]
        for one in found
    ]
    show_table(["Người dùng", "Cơ quan", "Thư điện tử", "Họ tên", "Vai trò", "Ngừng từ"], rows)


@user.command("disable")
def disable(
    user: Annotated[str, typer.Argument(metavar="ID|EMAIL", help="Who.")], as_json: Json = False
) -> None:
    """Let somebody in no more; their keys are dead within five seconds."""

    async def work(parts: Parts) -> StaffValue:
        async with parts.database.transaction() as session:
            return await staff.disable_staff_user(session, user)

    done = with_parts(work)
    if as_json:
        show(_facts(done))
    else:
        typer.echo(f"{done.email}: disabled")


def _facts(person: StaffValue) -> dict[str, Any]:
    names = ("id", "agency", "email", "name", "roles", "created_at", "disabled_at")
    return {name: getattr(person, name) for name in names}
