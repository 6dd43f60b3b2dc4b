"""`lephi apikey`, `lephi user`: who may ask."""

import secrets
from typing import Annotated, Any

import typer

from app.cli.console import Json, show
from app.cli.wired import with_parts
from app.wiring import Parts
from core.auth import Role, create_api_key, create_staff_user
from core.errors import NotFound
from payments.agencies.queries import find_agency

apikey = typer.Typer(help="API keys of an agency's systems and people.", no_args_is_help=True)
user = typer.Typer(help="People who work for an agency.", no_args_is_help=True)

AgencyCode = Annotated[str, typer.Option("--agency", help="The agency's code.")]


@apikey.command("create")
def create_key(
    agency: AgencyCode,
    label: Annotated[str, typer.Option(help="What the key is for.")],
    staff: Annotated[
        str | None, typer.Option(help="E-mail of the person who holds it; else a system's key.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an API key and show it; it is shown this once and kept only as a hash."""

    async def work(parts: Parts) -> dict[str, str]:
        from sqlmodel import select

        from core.auth import StaffUser

        async with parts.database.transaction() as session:
            found = await find_agency(session, agency)
            if found is None:
                raise NotFound(f"There is no agency {agency}.")
            staff_id = None
            if staff is not None:
                wanted = select(StaffUser).where(
                    StaffUser.email == staff.lower(), StaffUser.agency_id == found.id
                )
                person = (await session.exec(wanted)).first()
                if person is None:
                    raise NotFound(f"{staff} is nobody of agency {agency}.")
                staff_id = person.id
            key, secret = await create_api_key(
                session, agency_id=found.id, label=label, staff_id=staff_id
            )
            return {"id": key.id, "agency": found.code, "label": label, "api_key": secret}

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(made["api_key"])


@user.command("create")
def create_user(
    agency: AgencyCode,
    email: Annotated[str, typer.Option(help="E-mail address, the sign-in name.")],
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[str | None, typer.Option(help="Left out, one is made.")] = None,
    as_json: Json = False,
) -> None:
    """Make a staff user. Without --password one is made and shown once."""
    chosen = password or secrets.token_urlsafe(15)

    async def work(parts: Parts) -> dict[str, Any]:
        async with parts.database.transaction() as session:
            found = await find_agency(session, agency)
            if found is None:
                raise NotFound(f"There is no agency {agency}.")
            made = await create_staff_user(
                session,
                agency_id=found.id,
                email=email,
                name=name,
                password=chosen,
                roles=[str(one) for one in role],
            )
            return {"id": made.id, "email": made.email, "roles": made.roles}

    made = with_parts(work)
    if password is None:
        made["password"] = chosen
    if as_json:
        show(made)
    else:
        typer.echo(f"{made['email']}  {made.get('password', '')}".rstrip())
