"""Who is at the command line, where one must be: a deed of a person's asks for their password."""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from app.cli.wired import with_parts
from app.parts import Parts
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.staff import sign_in

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
