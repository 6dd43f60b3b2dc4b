"""`lephi key`: the key that receipts are signed with."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from adapters.keystore.files import REQUEST, is_there
from adapters.keystore.keys import LIFE, create_key, import_key, import_token_key
from adapters.keystore.token import TokenPlace
from adapters.keystore.waiting import throw_away
from app.cli.approvals import ApprovalId, show_approval
from app.cli.console import Json, check_path, fail, say, show
from app.cli.setting_up import Asker, OptionalBy, OptionalReason, TwoPeopleNeeded, asker
from app.cli.settings import settings_or_fail
from app.cli.signed_in import By
from app.signing_key_approvals import ask_for_key, facts_of, signing_key_kinds, takes_two
from app.wiring import open_database
from core.audit import record
from core.errors import LephiError, Unavailable
from core.sessions import WriteSession
from core.settings import Settings
from core.unseen import is_plain_line
from payments.agencies.access.principals import OPERATOR, Principal
from payments.books.approvals import ApprovalValue, GivenApproval, approve

T = TypeVar("T")

key = typer.Typer(help="The key that receipts are signed with.", no_args_is_help=True)

Organization = Annotated[
    str, typer.Option(help="Name of the body, as its certificate is to show it.")
]
Days = Annotated[int, typer.Option(min=1, max=7300, help="How long its own certificate is valid.")]
Rsa = Annotated[
    int | None,
    typer.Option("--rsa", min=2048, max=4096, help="RSA of so many bits; else P-256."),
]
KeyFile = Annotated[Path | None, typer.Option("--key", help="PEM file of the key, PKCS#8.")]
Chain = Annotated[
    Path | None, typer.Option(help="PEM file of the certificates above it, the root last.")
]
Module = Annotated[Path | None, typer.Option(help="PKCS#11 library of the token that has the key.")]
Token = Annotated[str | None, typer.Option(help="Label of the token.")]
TokenKey = Annotated[str | None, typer.Option(help="Label of the key on the token.")]


@key.command("create")
def create(
    organization: Organization, days: Days = LIFE.days, rsa: Rsa = None, as_json: Json = False
) -> None:
    """Make a key, with a certificate that it signs itself and a request for an authority's.

    It is encrypted where LEPHI_SIGNING_SECRET is set. The authority's certificate is then taken in
    with `lephi key import --certificate FILE --chain FILE`.
    """
    settings = settings_or_fail()
    made = _make(settings, organization, days, rsa, replacing=False)
    _note(settings, "signing_key.created", made)
    _show(settings, made, as_json=as_json)


@key.command("import")
def take_in(
    certificate: Annotated[Path, typer.Option(help="PEM file of its certificate.")],
    key_file: KeyFile = None,
    chain: Chain = None,
    module: Module = None,
    token: Token = None,
    token_key: TokenKey = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Take in a key and its certificate; without --key, a certificate for the key that is there.

    An encrypted key stays so: its passphrase is in LEPHI_SIGNING_SECRET. A key on a token is named
    by --module, --token and --token-key; LEPHI_SIGNING_SECRET is its PIN then. In production
    another certificate for the key that is there waits for a second person, as a rotation does.
    """
    settings = settings_or_fail()
    source = _source(key_file, module, token, token_key)

    def take(waiting: bool) -> x509.Certificate:
        return _take(settings, source, certificate, chain, replacing=False, waiting=waiting)

    if source is None:
        _replace(settings, "signing_key.imported", take, asker(by, reason), as_json=as_json)
        return
    made = take(False)
    _note(settings, "signing_key.imported", made)
    _show(settings, made, as_json=as_json)


@key.command("rotate")
def rotate(
    organization: Annotated[
        str | None, typer.Option(help="Make a new key, for a body of this name.")
    ] = None,
    key_file: KeyFile = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Take in this certificate, with --key.")
    ] = None,
    chain: Chain = None,
    module: Module = None,
    token: Token = None,
    token_key: TokenKey = None,
    days: Days = LIFE.days,
    rsa: Rsa = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Replace the key by a new one; what the old one signed can still be checked.

    In production the new key waits until a second person approves it (lephi approvals approve).
    Serve and worker sign with the new key once they are started again.
    """
    settings = settings_or_fail()
    source = _source(key_file, module, token, token_key)
    given = certificate

    def change(waiting: bool) -> x509.Certificate:
        if organization is not None and source is None and given is None:
            return _make(settings, organization, days, rsa, replacing=True, waiting=waiting)
        if organization is None and source is not None and given is not None:
            return _take(settings, source, given, chain, replacing=True, waiting=waiting)
        fail("Give --organization for a new key, or --key and --certificate for one of yours.")

    _replace(settings, "signing_key.rotated", change, asker(by, reason), as_json=as_json)


@key.command("approve")
def approve_key(approval: ApprovalId, by: By, as_json: Json = False) -> None:
    """As `lephi approvals approve`, for a new key where the present one cannot be opened."""
    settings = settings_or_fail()
    person = asker(by, None)

    async def work(session: WriteSession) -> GivenApproval:
        kinds = signing_key_kinds(settings.signing_dir)
        return await approve(session, kinds, approval, await _signed_in(session, person))

    given = _in_database(settings, work)
    show_approval(given.approval, as_json=as_json)


def _replace(
    settings: Settings,
    action: str,
    change: Callable[[bool], x509.Certificate],
    who: Asker,
    *,
    as_json: bool,
) -> None:
    """Change the key at once; or, where that takes two people, put it aside and ask for it."""
    if not _must_wait(settings):
        made = change(False)
        _note(settings, action, made)
        _show(settings, made, as_json=as_json)
        return
    if who.email is None:
        fail(
            TwoPeopleNeeded(
                "This takes two people here: name who asks with --by EMAIL;"
                " another one decides with lephi approvals approve ID --by EMAIL."
            )
        )
    _in_database(settings, lambda session: _signed_in(session, who))  # before a key is made for it
    facts = facts_of(change(True))

    async def ask(session: WriteSession) -> ApprovalValue:
        person = await _signed_in(session, who)
        return await ask_for_key(session, settings.signing_dir, facts, person, who.reason)

    try:
        waits = _in_database(settings, ask)
    except typer.Exit:
        throw_away(settings.signing_dir, facts.fingerprint)
        raise
    show_approval(waits, as_json=as_json)


def _must_wait(settings: Settings) -> bool:
    """Whether a change of the key that is there takes a second person.

    Ends where the database cannot say so: nobody gets round the second person by its absence.
    """
    if not settings.two_people or not is_there(settings.signing_dir):
        return False
    if _in_database(settings, takes_two):
        return True
    say("Done at once: no body has two people yet who could decide about the key.")
    return False


async def _signed_in(session: WriteSession, who: Asker) -> Principal:
    """The person of `--by`. Raises `Unauthenticated`."""
    person = await who.find(session)
    if person is None:
        raise TwoPeopleNeeded("Name who asks with --by EMAIL.")
    return person


def _in_database(settings: Settings, work: Callable[[WriteSession], Awaitable[T]]) -> T:
    """Work in one transaction, without the signing key being opened; a failure ends in one line."""

    async def run() -> T:
        database = open_database(settings)
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.dispose()

    try:
        return asyncio.run(run())
    except Unavailable:
        fail("The database cannot be reached: whether this takes two people, it alone knows.")
    except LephiError as error:
        fail(error)
    except (SQLAlchemyError, OSError):
        fail("The database has no schema yet: whether this takes two people, it alone knows.")


def _note(settings: Settings, action: str, made: x509.Certificate) -> None:
    """Write the audit row; where there is no database to write it to, say that there is none."""
    facts = facts_of(made)

    async def work() -> None:
        database = open_database(settings)
        try:
            async with database.transaction() as session:
                await record(
                    session,
                    actor=OPERATOR,
                    action=action,
                    object_id=facts.fingerprint,
                    details={"valid_to": facts.valid_to.isoformat()},
                )
        finally:
            await database.dispose()

    try:
        asyncio.run(work())
    except (LephiError, SQLAlchemyError, OSError):
        say("No audit row of this key: the database cannot be reached, or has no schema yet.")


def _make(
    settings: Settings,
    organization: str,
    days: int,
    rsa: int | None,
    *,
    replacing: bool,
    waiting: bool = False,
) -> x509.Certificate:
    name = organization.strip()
    if not name or not is_plain_line(name):
        fail("The organization must be a name.")
    try:
        return create_key(
            settings.signing_dir,
            name,
            secret=settings.signing_secret,
            rsa_bits=rsa,
            life=timedelta(days=days),
            replacing=replacing,
            waiting=waiting,
        )
    except LephiError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _source(
    key_file: Path | None, module: Path | None, token: str | None, token_key: str | None
) -> Path | TokenPlace | None:
    """Where a key comes from: a file, a token, or neither."""
    if module is None and token is None and token_key is None:
        return key_file
    if key_file is not None or module is None or token is None or token_key is None:
        fail("A key on a token needs --module, --token and --token-key, and no --key.")
    return TokenPlace(str(module.absolute()), token, token_key)


def _take(
    settings: Settings,
    source: Path | TokenPlace | None,
    certificate: Path,
    chain: Path | None,
    *,
    replacing: bool,
    waiting: bool,
) -> x509.Certificate:
    folder, secret = settings.signing_dir, settings.signing_secret
    check_path(certificate, chain, source if isinstance(source, Path) else None)
    try:
        own = certificate.read_bytes()
        above = None if chain is None else chain.read_bytes()
        if isinstance(source, TokenPlace):
            taken = partial(import_token_key, folder, source, own, above)
        else:
            key_pem = None if source is None else source.read_bytes()
            taken = partial(import_key, folder, key_pem, own, above)
        return taken(secret=secret, replacing=replacing, waiting=waiting)
    except LephiError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _show(settings: Settings, made: x509.Certificate, *, as_json: bool) -> None:
    request = settings.signing_dir / REQUEST
    facts: dict[str, Any] = {
        "folder": str(settings.signing_dir),
        **facts_of(made)._asdict(),
        "request": str(request) if request.exists() else None,
    }
    if as_json:
        show(facts)
        return
    typer.echo(f"{facts['signer']}, valid to {facts['valid_to']:%d/%m/%Y}, in {facts['folder']}")
    if facts["request"]:
        typer.echo(f"Nobody vouches for it yet: send {request} to your authority.")
