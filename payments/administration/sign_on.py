"""Deeds about a body's own sign-on: whoever names it says who its people are, so it takes two."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core.errors import FieldError, Invalid, NotFound
from core.sessions import WriteSession
from payments.administration.deeds import Administration, Deed, DeedKind, Execution
from payments.agencies.access.sign_on import configure_sign_on, find_sign_on
from payments.books.approvals import Subject

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def configured_sign_on(agency_id: str, *, issuer: str, client_id: str, client_secret: str) -> Deed:
    """To let a body's people sign in by an OpenID Connect provider. Raises `Invalid`."""
    faults = []
    parts = urlsplit(issuer) if issuer.isascii() and issuer.isprintable() else urlsplit("")
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or plain) or not parts.hostname or parts.query:
        faults.append(FieldError("issuer", "invalid", "Must be an https:// address."))
    for name, value in (("client_id", client_id), ("client_secret", client_secret)):
        if not value.isascii() or not value.isprintable() or not 1 <= len(value) <= 500:
            faults.append(FieldError(name, "invalid", "1 to 500 printable ASCII characters."))
    if faults:
        raise Invalid(f"{faults[0].field}: {faults[0].detail}", errors=faults)
    wanted = {"issuer": issuer, "client_id": client_id, "credentials": ["client_secret"]}
    return Deed("configure_sign_on", agency_id, wanted, {"client_secret": client_secret})


async def _look(session: WriteSession, administration: Administration, deed: Deed) -> Subject:
    now = await find_sign_on(session, administration.cipher, deed.object_id)
    before = None if now is None else {"issuer": now.issuer, "client_id": now.client_id}
    after = {"issuer": deed.wanted["issuer"], "client_id": deed.wanted["client_id"]}
    figures: dict[str, Any] = {"before": before, "after": after}
    return Subject(deed.object_id, figures)


async def _configure(session: WriteSession, execution: Execution, deed: Deed) -> str:
    if deed.secret is None:
        raise NotFound("Bí mật của đề nghị này không còn được giữ.")
    await configure_sign_on(
        session,
        execution.administration.cipher,
        agency_id=deed.object_id,
        issuer=str(deed.wanted["issuer"]),
        client_id=str(deed.wanted["client_id"]),
        secret=deed.secret["client_secret"],
        actor=execution.actor,
    )
    return deed.object_id


KINDS: Mapping[str, DeedKind] = {"configure_sign_on": DeedKind(_look, _configure)}
