"""`lephi user`: people who work for an agency."""

from typing import Annotated, Any

import typer

from app.cli.approvals import show_approval
from app.cli.codes import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.console import Json, show, show_table
from app.cli.setting_up import (
    OptionalBy,
    OptionalReason,
    asker,
    must_wait,
    set_up,
    show_waiting,
    told_alone,
)
from app.cli.signed_in import ask_password
from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import Invalid
from core.sessions import ReadSession, WriteSession
from payments.administration.deeds import Deed
from payments.administration.door import ask
from payments.administration.people import new_user_of_two, reset_factor_of
from payments.agencies.access import staff
from payments.agencies.access.principals import OPERATOR
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import StaffValue
from payments.books.approvals import ApprovalValue
from payments.books.schemas import ApprovalOut

user = typer.Typer(help="People who work for an agency.", no_args_is_help=True)


@user.command("create")
def create(
    agency: AgencyCode,
    email: Annotated[str, typer.Option(help="E-mail address, the sign-in name.")],
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[str | None, typer.Option(help="Left out, one is made.")] = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Make a staff user. Without --password one is made and shown once.

    Where two people decide it is made in two halves: this shows the first, and whoever approves is
    shown the second.
    """
    wanted = {"agency": agency, "email": email, "name": name, "roles": [str(one) for one in role]}
    chosen = staff.new_password() if password is None else password
    who = asker(by, reason)

    async def work(parts: Parts) -> StaffValue | tuple[ApprovalValue, str]:
        administration, kinds = parts.administration, parts.approval_kinds
        async with parts.database.transaction() as session:
            person = await who.find(session)
            found = await agency_of(session, agency)
            if await must_wait(session, parts, found.id, person) and person is not None:
                if password is not None:
                    raise Invalid("Two people make it: leave out --password.")
                deed, first = await new_user_of_two(wanted)
                waits = await ask(session, administration, kinds, deed, person, who.reason)
                return waits, first
            # Faults of all that was given are told together.
            made = await staff.create_staff_user(
                session,
                agency_id=found.id,
                email=email,
                name=name,
                password=chosen,
                roles=role,
                actor=OPERATOR if person is None else person.actor,
            )
        told_alone(parts)
        return made

    made = with_parts(work)
    if isinstance(made, tuple):
        _show_halves(*made, as_json=as_json)
    elif as_json:
        shown = _facts(made) if password is not None else _facts(made) | {"password": chosen}
        show(shown)
    else:
        typer.echo(f"{made.email}  {chosen if password is None else ''}".rstrip())


def _show_halves(approval: ApprovalValue, first: str, *, as_json: bool) -> None:
    if as_json:
        waits = ApprovalOut.of(approval).model_dump(mode="json")
        show({"approval": waits, "password_first_half": first})
        return
    show_approval(approval, as_json=False)
    typer.echo(f"First half of the password: {first}  (whoever approves is shown the second)")


@user.command("password")
def password(
    email: Annotated[str, typer.Argument(help="Who; the present password is asked for.")],
) -> None:
    """Choose another password of one's own."""
    old = ask_password(email)
    new = typer.prompt("Mật khẩu mới", hide_input=True, confirmation_prompt=True, err=True)

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            await staff.change_password(session, email, old, new)

    with_parts(work)
    typer.echo(f"{email}: changed")


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


@user.command("reset-factor")
def reset_factor(
    user: Annotated[str, typer.Argument(metavar="ID|EMAIL", help="Who has lost app and codes.")],
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Let somebody set their second factor up anew; their app and codes open nothing any more."""
    who = asker(by, reason)

    async def owner(session: WriteSession) -> str | None:
        return (await staff.get_staff_user(session, user)).agency_id

    async def deed(session: WriteSession) -> Deed:
        return reset_factor_of(await staff.get_staff_user(session, user))

    async def done(_: Parts, session: ReadSession, made: str) -> StaffValue:
        return await staff.get_staff_user(session, made)

    made = set_up(who, owner, deed, done, actor=OPERATOR)
    if isinstance(made, ApprovalValue):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(_facts(made))
    else:
        typer.echo(f"{made.email}: enrols anew")


def _facts(person: StaffValue) -> dict[str, Any]:
    names = ("id", "agency", "email", "name", "roles", "created_at", "disabled_at")
    return {name: getattr(person, name) for name in names}
