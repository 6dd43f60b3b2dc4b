"""`lephi apikey`: keys of an agency's systems and people."""

from typing import Annotated, Any

import typer

from app.cli.console import Json, fail, show, show_table
from app.cli.people import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.wired import with_parts
from app.parts import Parts
from payments.agencies.access import api_keys
from payments.agencies.access.api_keys import ApiKeyValue
from payments.agencies.access.rights import PORTAL_SCOPES, Scope
from payments.agencies.access.staff import get_staff_user

apikey = typer.Typer(help="API keys of an agency's systems and people.", no_args_is_help=True)


@apikey.command("create")
def create(
    agency: AgencyCode,
    label: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[
        str | None,
        typer.Option(
            metavar="S,…",
            help=f"Of {', '.join(Scope)}; left out, {','.join(PORTAL_SCOPES)}.",
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            "--staff",  # its name before 0004, in scripts of then
            metavar="EMAIL",
            help="The person who holds it; else it is a system's.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an API key and show it; it is shown this once and kept only as a hash."""
    if user is not None and scopes is not None:
        fail("A person's key acts with the person's roles: leave out --scopes.")
    given = [*PORTAL_SCOPES] if scopes is None else [one.strip() for one in scopes.split(",")]

    async def work(parts: Parts) -> dict[str, Any]:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            staff_id = None
            if user is not None:
                staff_id = (await get_staff_user(session, user, frozenset({found.id}))).id
            key, secret = await api_keys.create_api_key(
                session, agency_id=found.id, label=label, scopes=given, staff_id=staff_id
            )
            # `api_key` is what programs of before 0004 read.
            return _facts(key) | {"key": secret, "api_key": secret}

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(made["key"])


@apikey.command("list")
def list_all(agency: OnlyAgency = None, limit: Limit = 200, as_json: Json = False) -> None:
    """List keys, the newest first, revoked ones too; never the keys themselves."""

    async def work(parts: Parts) -> tuple[ApiKeyValue, ...]:
        async with parts.database.reading() as session:
            within = await only_of(session, agency)
            return (await api_keys.list_api_keys(session, within, limit=limit)).items

    found = with_parts(work)
    if as_json:
        show([_facts(one) for one in found])
        return
    rows = [
        [one.id, one.agency, one.label, one.user or ", ".join(one.scopes), one.revoked_at]
        for one in found
    ]
    show_table(["Khóa", "Cơ quan", "Nhãn", "Phạm vi hoặc người giữ", "Thu hồi lúc"], rows)


@apikey.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, not the key.")],
    as_json: Json = False,
) -> None:
    """End a key; it is dead within five seconds everywhere."""

    async def work(parts: Parts) -> ApiKeyValue:
        async with parts.database.transaction() as session:
            return await api_keys.revoke_api_key(session, key_id)

    done = with_parts(work)
    if as_json:
        show(_facts(done))
    else:
        typer.echo(f"{done.id}: revoked")


def _facts(key: ApiKeyValue) -> dict[str, Any]:
    names = ("id", "agency", "kind", "label", "scopes", "user", "created_at", "revoked_at")
    return {name: getattr(key, name) for name in names}
