"""`lephi apikey`, `lephi user`, `lephi gateway`: who may ask, and where money comes from."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.console import Json, fail, show
from app.cli.wired import with_parts
from app.seed.agency import configure_gateway
from app.wiring import Parts
from core import clock
from core.auth import Role, create_api_key, create_staff_user
from core.errors import LephiError, NotFound
from payments.agencies.queries import find_agency, find_collection_account
from payments.ports import AttemptKey, GatewayUnavailable, Outcome, OutcomeUnknown, Queryable

apikey = typer.Typer(help="API keys of an agency's systems and people.", no_args_is_help=True)
user = typer.Typer(help="People who work for an agency.", no_args_is_help=True)
gateway = typer.Typer(help="Accounts at gateways and feeds of credits.", no_args_is_help=True)

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


@gateway.command("configure")
def configure(
    agency: AgencyCode,
    collection_account: Annotated[str, typer.Option(help="Code of the account money goes to.")],
    name: Annotated[str, typer.Option(help="The gateway or feed, by its name in the registry.")],
    account: Annotated[str, typer.Option(help="Last part of its callback path.")],
    base_url: Annotated[str, typer.Option(help="The gateway's address.")],
    credentials: Annotated[
        Path, typer.Option(help="JSON file of the gateway's own names; - is standard input.")
    ],
    as_json: Json = False,
) -> None:
    """Add or change an account at a gateway; its credentials are kept encrypted."""
    text = typer.get_text_stream("stdin").read() if str(credentials) == "-" else None
    try:
        given = json.loads(text if text is not None else credentials.read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(f"The credentials cannot be read: {error}")
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
        fail("The credentials must be a JSON object of strings.")

    async def work(parts: Parts) -> dict[str, str]:
        async with parts.database.transaction() as session:
            found = await find_agency(session, agency)
            collection = await find_collection_account(session, collection_account)
            if found is None or collection is None:
                raise NotFound("There is no such agency or collection account.")
            await configure_gateway(
                session,
                parts.cipher,
                agency_id=found.id,
                collection_account_id=collection.id,
                gateway=name,
                account=account,
                base_url=base_url,
                credentials=given,
            )
        path = parts.payments.urls.callback(name, account)
        return {"gateway": name, "account": account, "callback_url": path}

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(f"Configured. Tell {name} to call {made['callback_url']}")


@gateway.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The gateway or feed.")],
    account: Annotated[str, typer.Argument(help="Last part of its callback path.")],
    as_json: Json = False,
) -> None:
    """Ask a gateway about an order that does not exist: does it answer, and does it know us?"""

    async def work(parts: Parts) -> dict[str, str]:
        found = await parts.payments.agencies.get_gateway(name, account)
        adapter = parts.payments.gateways.reader(found.access)
        if not isinstance(adapter, Queryable):
            return {"gateway": name, "account": account, "answer": "configured; it only calls"}
        try:
            report = await adapter.query(AttemptKey("LEPHI-CHECK-00", clock.now()))
        except (GatewayUnavailable, OutcomeUnknown) as error:
            raise LephiError(f"{name} does not answer: {error.detail}") from error
        known = report.outcome is Outcome.NOT_FOUND
        return {
            "gateway": name,
            "account": account,
            "answer": "answers and knows us" if known else f"answers {report.outcome}",
        }

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(made["answer"])
