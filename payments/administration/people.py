"""Deeds about people and keys.

A new person's password is made in two halves: whoever asks is shown the first and whoever approves
the second, so that neither of them alone can be the person. A key is made when it is asked for, and
is in force when a second person has confirmed it.
"""

from collections.abc import Mapping
from typing import Any

from core.errors import Conflict, NotAllowed
from core.ids import new_id
from core.sessions import WriteSession
from payments.administration.bodies import REHEARSING
from payments.administration.deeds import Administration, Deed, DeedKind, Execution
from payments.agencies.access.api_keys import ApiKeyValue, confirm_api_key, get_api_key
from payments.agencies.access.second_factors import reset_factor
from payments.agencies.access.staff import (
    NewPerson,
    StaffValue,
    add_staff_user,
    get_staff_user,
    hash_password,
    new_password,
)
from payments.agencies.queries import get_agency_id
from payments.books.approvals import Subject

#: What stands between the two halves of a password.
HALVES = "-"


class PersonGone(Conflict):
    """Whoever it is about works here no more: there is nothing to be done about them."""

    code = "person_gone"


class KeyDecided(Conflict):
    """The key is in force already, or has been revoked: there is nothing to confirm."""

    code = "key_decided"


async def new_user(wanted: Mapping[str, Any], password: str) -> Deed:
    """To make a person: `agency` (its code), `email`, `name` and `roles`.

    Raises `Invalid` for a password that is too short or too long.
    """
    return Deed(
        "create_user", new_id("set"), wanted, {"password_hash": await hash_password(password)}
    )


async def new_user_of_two(wanted: Mapping[str, Any]) -> tuple[Deed, str]:
    """As `new_user`, with a password in halves: the first one, which is shown this once."""
    first, second = new_password(), new_password()
    secret = {"password_hash": await hash_password(f"{first}{HALVES}{second}"), "half": second}
    return Deed("create_user", new_id("set"), wanted, secret), first


def confirmed_key(key: ApiKeyValue) -> Deed:
    """To put a key into force that has been made."""
    return Deed("confirm_key", key.id, {"label": key.label, "user": key.user})


def reset_factor_of(person: StaffValue) -> Deed:
    """To let somebody who has lost app and codes set their second factor up anew."""
    return Deed("reset_factor", person.id, {"email": person.email})


async def _look_at_user(
    session: WriteSession, administration: Administration, deed: Deed
) -> Subject:
    agency_id = await get_agency_id(session, str(deed.wanted["agency"]))
    async with session.rehearsal():
        await _create_user(session, Execution(administration, REHEARSING, confirmed=False), deed)
    # Names and addresses are in what was wanted: figures stand in the audit log for ever.
    return Subject(agency_id, {"agency": deed.wanted["agency"], "roles": deed.wanted["roles"]})


async def _create_user(session: WriteSession, execution: Execution, deed: Deed) -> str:
    wanted, secret = deed.wanted, deed.secret or {}
    person = NewPerson(
        agency_id=await get_agency_id(session, str(wanted["agency"])),
        email=str(wanted["email"]),
        name=str(wanted["name"]),
        roles=list(wanted["roles"]),
        password_hash=secret["password_hash"],
    )
    return (await add_staff_user(session, person, actor=execution.actor)).id


async def _look_at_key(session: WriteSession, _: Administration, deed: Deed) -> Subject:
    key = await get_api_key(session, deed.object_id)
    if key.confirmed_at is not None or key.revoked_at is not None:
        raise KeyDecided("Khóa này đã có hiệu lực hoặc đã bị thu hồi.")
    figures = {"agency": key.agency, "kind": key.kind, "scopes": list(key.scopes)}
    return Subject(key.agency_id, figures)


async def _confirm_key(session: WriteSession, execution: Execution, deed: Deed) -> str:
    return (await confirm_api_key(session, deed.object_id, actor=execution.actor)).id


async def _look_at_person(session: WriteSession, _: Administration, deed: Deed) -> Subject:
    person = await get_staff_user(session, deed.object_id)
    if person.disabled_at is not None:
        raise PersonGone("Người này không còn làm việc ở đây.")
    return Subject(person.agency_id, {"agency": person.agency, "roles": list(person.roles)})


async def _reset_factor(session: WriteSession, execution: Execution, deed: Deed) -> str:
    if execution.actor == f"staff:{deed.object_id}":
        raise NotAllowed("Không ai tự xóa lớp bảo vệ thứ hai của mình; cần người khác.")
    cipher = execution.administration.cipher
    await reset_factor(session, cipher, deed.object_id, actor=execution.actor)
    return deed.object_id


KINDS: Mapping[str, DeedKind] = {
    "reset_factor": DeedKind(_look_at_person, _reset_factor),
    "create_user": DeedKind(_look_at_user, _create_user),
    "confirm_key": DeedKind(_look_at_key, _confirm_key, by_administrators=False),
}
