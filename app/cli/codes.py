"""How commands name an agency, and how many rows they show."""

from typing import Annotated

import typer

from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.queries import AgencyValue, find_agency

AgencyCode = Annotated[str, typer.Option("--agency", help="The agency's code.")]
OnlyAgency = Annotated[
    str | None, typer.Option("--agency", help="Only of this agency; left out, of all.")
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")]


async def agency_of(session: ReadSession, code: str) -> AgencyValue:
    """The agency of that code. Raises `NotFound`."""
    found = await find_agency(session, code)
    if found is None:
        raise NotFound(f"There is no agency {code}.")
    return found


async def only_of(session: ReadSession, code: str | None) -> frozenset[str] | None:
    """The ids of the one agency that is named, None for all. Raises `NotFound`."""
    return None if code is None else frozenset({(await agency_of(session, code)).id})
