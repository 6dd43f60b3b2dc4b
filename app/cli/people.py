"""Who is at the command line: deeds that need a person ask for that person's password."""

import os
from collections.abc import Sequence

import typer
from pwdlib import PasswordHash
from sqlalchemy import text

from core.auth import Principal, Role
from core.errors import Unauthenticated
from core.sessions import WriteSession

#: Holds the password where nobody can be asked.
PASSWORD = "LEPHI_USER_PASSWORD"  # noqa: S105  # the name of a variable

_FIND = text(
    "WITH RECURSIVE found AS ("
    "  SELECT id, agency_id, roles, password_hash FROM staff_user"
    "  WHERE email = :email AND disabled_at IS NULL),"
    " reach AS (SELECT agency_id AS id FROM found"
    "  UNION SELECT a.id FROM agency a JOIN reach r ON a.parent_id = r.id)"
    " SELECT found.*, ARRAY(SELECT id FROM reach) AS agency_ids FROM found"
)


def ask_password(email: str) -> str:
    """The person's password, from the environment or typed without being shown."""
    given = os.environ.pop(PASSWORD, None)
    if given is not None:
        return given
    typed: str = typer.prompt(f"Mật khẩu của {email}", hide_input=True, err=True)
    return typed


async def sign_in(session: WriteSession, email: str, password: str) -> Principal:
    """The person with this e-mail address. Raises `Unauthenticated`, which never says why."""
    row = (await session.execute(_FIND, {"email": email.lower()})).first()
    hasher = PasswordHash.recommended()
    if row is None:
        hasher.hash(password)  # as slow as a wrong password
    elif hasher.verify(password, row.password_hash):
        return Principal(
            actor=f"staff:{row.id}",
            key_id="",
            agency_id=row.agency_id,
            agency_ids=frozenset(row.agency_ids),
            roles=_roles(row.roles),
        )
    raise Unauthenticated("Sai địa chỉ thư điện tử hoặc mật khẩu.")


def _roles(names: Sequence[str]) -> frozenset[Role]:
    return frozenset(Role(name) for name in names)
