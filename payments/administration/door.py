"""The one door to how a body is set up: at once, or asked for by one person and done by another.

In production whatever gives somebody power takes two people. One thing is done at once there: what
the operator sets up at the command line while a body has not yet two people who could decide. The
account that money goes to by that is shown to payers as unconfirmed until somebody else stands by
it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from core.sessions import ReadSession, WriteSession
from payments.administration import bodies, gateways, people, sign_on
from payments.administration.deeds import Administration, Deed, DeedKind, Execution
from payments.administration.secrets import forget_secret, keep_secret, open_secret
from payments.agencies.access.api_keys import revoke_api_key
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action, Role
from payments.agencies.accounts import doubt_account
from payments.agencies.listing import list_accounts
from payments.agencies.queries import get_agency_id
from payments.agencies.tree import reach
from payments.books.approvals import (
    ApprovalKind,
    ApprovalKinds,
    ApprovalValue,
    ApprovalWaits,
    Subject,
    propose,
)

#: Every kind of deed, by name.
DEEDS: Mapping[str, DeedKind] = {
    **bodies.KINDS,
    **gateways.KINDS,
    **people.KINDS,
    **sign_on.KINDS,
}


def administration_kinds(administration: Administration) -> ApprovalKinds:
    """The kinds of approvals about how a body is set up."""
    return {name: _kind(administration, name, deed) for name, deed in DEEDS.items()}


def _kind(administration: Administration, name: str, deed: DeedKind) -> ApprovalKind:
    return ApprovalKind(
        partial(_look, administration, name),
        partial(_carry_out, administration),
        _refuse_key if name == "confirm_key" else _forget,
        partial(_tell, administration) if name == "create_user" else None,
        proposing=Action.ADMINISTER if deed.by_administrators else None,
        deciding=Action.DECIDE_SETTING,
    )


async def ask(
    session: WriteSession,
    administration: Administration,
    kinds: ApprovalKinds,
    deed: Deed,
    by: Principal,
    reason: str | None,
) -> ApprovalValue:
    """Ask for a deed; nothing is done yet. Raises what `payments.books.approvals.propose` does."""
    if deed.secret is not None:
        await keep_secret(session, administration.cipher, deed.object_id, deed.secret)
    why = reason or "(không nêu lý do)"
    # Asked anew, not taken from the key: a unit that was made a moment ago counts.
    by = replace(by, agency_ids=await reach(session, by.agency_id))
    return await propose(session, kinds, deed.kind, deed.object_id, deed.wanted, why, by)


async def do(
    session: WriteSession, administration: Administration, deed: Deed, *, actor: str
) -> str:
    """Do a deed at once, where one person may; the id of what it made or changed."""
    execution = Execution(administration, actor, confirmed=not administration.two_people)
    return await DEEDS[deed.kind].do(session, execution, deed)


async def do_alone(
    session: WriteSession,
    administration: Administration,
    kinds: ApprovalKinds,
    deed: Deed,
    *,
    actor: str,
) -> str:
    """Do a deed at once although it takes two people, because a body has not yet two.

    The account that money goes to by it is doubted: it waits for one of them to confirm it.
    """
    made = await do(session, administration, deed, actor=actor)
    redirects = DEEDS[deed.kind].redirects
    account_id = None if redirects is None else await redirects(session, deed, made)
    if account_id is not None:
        await doubt_account(session, account_id, actor=actor)
        operator = await operator_of(session, account_id, actor)
        why = "Một người đã thiết lập; cần người thứ hai so số tài khoản."
        try:
            confirming = bodies.confirmed_account(account_id)
            await ask(session, administration, kinds, confirming, operator, why)
        except ApprovalWaits:
            pass  # it is to be confirmed already
    return made


async def operator_of(session: ReadSession, account_id: str, actor: str) -> Principal:
    """Whoever is at the command line, as the one who asks about an account; approves nothing."""
    page = await list_accounts(session, None, only=account_id)
    owner = await get_agency_id(session, page.items[0].agency)
    return Principal(actor, "", owner, await reach(session, owner), frozenset({Role.ADMIN}))


async def _look(
    administration: Administration,
    kind: str,
    session: WriteSession,
    object_id: str,
    wanted: Mapping[str, Any],
) -> Subject:
    secret = await _secret(session, administration, kind, object_id, wanted)
    return await DEEDS[kind].look(session, administration, Deed(kind, object_id, wanted, secret))


async def _carry_out(
    administration: Administration, session: WriteSession, approval: ApprovalValue, actor: str
) -> Mapping[str, Any]:
    object_id, wanted = approval.object_id, approval.wanted
    secret = await _secret(session, administration, approval.kind, object_id, wanted)
    deed = Deed(approval.kind, object_id, wanted, secret)
    execution = Execution(administration, actor, confirmed=True)
    made = await DEEDS[approval.kind].do(session, execution, deed)
    await forget_secret(session, object_id)
    return {"id": made}


async def _secret(
    session: WriteSession,
    administration: Administration,
    kind: str,
    object_id: str,
    wanted: Mapping[str, Any],
) -> Mapping[str, str] | None:
    if kind != "create_user" and "credentials" not in wanted:
        return None
    return await open_secret(session, administration.cipher, object_id)


async def _tell(
    administration: Administration, session: WriteSession, object_id: str
) -> Mapping[str, str]:
    """The second half of a new person's password."""
    secret = await open_secret(session, administration.cipher, object_id)
    return {"password_second_half": secret["half"]} if "half" in secret else {}


async def _refuse_key(session: WriteSession, key_id: str, actor: str) -> None:
    """A key that a second person does not want is dead."""
    await revoke_api_key(session, key_id, actor=actor)


async def _forget(session: WriteSession, object_id: str, _: str) -> None:
    await forget_secret(session, object_id)
