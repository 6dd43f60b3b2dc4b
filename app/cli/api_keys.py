"""`lephi apikey`: keys of an agency's systems and people."""

from typing import Annotated, Any

import typer

from app.cli.codes import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.console import Json, fail, say, show, show_table
from app.cli.setting_up import OptionalBy, OptionalReason, asker, must_wait, told_alone
from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotAllowed
from payments.administration.door import ask
from payments.administration.people import confirmed_key
from payments.agencies.access import api_keys
from payments.agencies.access.api_keys import ApiKeyValue
from payments.agencies.access.principals import OPERATOR, Principal
from payments.agencies.access.rights import PORTAL_SCOPES, Action, Scope
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
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Make an API key and show it; it is shown this once and kept only as a hash.

    Where two people decide it opens nothing before another one has approved it, and a person's key
    is made by that person: --by and --user are the same.
    """
    if user is not None and scopes is not None:
        fail("A person's key acts with the person's roles: leave out --scopes.")
    given = [*PORTAL_SCOPES] if scopes is None else [one.strip() for one in scopes.split(",")]

    who = asker(by, reason)

    async def work(parts: Parts) -> dict[str, Any]:
        administration, kinds = parts.administration, parts.approval_kinds
        async with parts.database.transaction() as session:
            person = await who.find(session)
            found = await agency_of(session, agency)
            waits = await must_wait(session, parts, found.id, person)
            staff_id = None
            if user is not None:
                staff_id = (await get_staff_user(session, user, frozenset({found.id}))).id
            if waits and person is not None:
                _check_asker(person, staff_id)
            key, secret = await api_keys.create_api_key(
                session,
                agency_id=found.id,
                label=label,
                scopes=given,
                staff_id=staff_id,
                actor=OPERATOR if person is None else person.actor,
                confirmed=not waits,
            )
            # `api_key` is what programs of before 0004 read.
            made = _facts(key) | {"key": secret, "api_key": secret}
            if waits and person is not None:
                deed = confirmed_key(key)
                asked = await ask(session, administration, kinds, deed, person, who.reason)
                return made | {"approval": asked.id}
        told_alone(parts)
        return made

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(made["key"])
        if "approval" in made:
            say(f"It opens nothing before another person approves {made['approval']}.")


def _check_asker(person: Principal, staff_id: str | None) -> None:
    """Raise `NotAllowed` for a system's key of whoever does not administer, or another's key."""
    if staff_id is None:
        person.require(Action.ADMINISTER)
    elif person.actor != f"staff:{staff_id}":
        # Whoever held a key of somebody else's could be the second person to their own deeds.
        raise NotAllowed("A person's key is made by that person: --by and --user are the same.")


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
    facts = ("id", "agency", "kind", "label", "scopes", "user")
    names = [*facts, "created_at", "revoked_at", "confirmed_at"]
    return {name: getattr(key, name) for name in names}
