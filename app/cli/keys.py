"""`lephi key`: the key that receipts are signed with."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy.exc import SQLAlchemyError

from adapters.keystore.files import REQUEST
from adapters.keystore.keys import LIFE, create_key, import_key, import_token_key
from adapters.keystore.token import TokenPlace
from app.cli.console import Json, check_path, fail, say, show
from app.cli.wired import settings_or_fail
from app.wiring import open_database
from core.audit import record
from core.errors import LephiError
from core.settings import Settings
from payments.agencies.access.principals import OPERATOR
from receipts.verification import signer_name

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
    made = _make(settings, organization, days, rsa)
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
    as_json: Json = False,
) -> None:
    """Take in a key and its certificate; without --key, a certificate for the key that is there.

    An encrypted key stays so: its passphrase is in LEPHI_SIGNING_SECRET. A key on a token is named
    by --module, --token and --token-key; LEPHI_SIGNING_SECRET is its PIN then.
    """
    settings = settings_or_fail()
    source = _source(key_file, module, token, token_key)
    made = _take(settings, source, certificate, chain, replacing=False)
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
    as_json: Json = False,
) -> None:
    """Replace the key by a new one; what the old one signed can still be checked.

    Serve and worker sign with the new key once they are started again.
    """
    settings = settings_or_fail()
    source = _source(key_file, module, token, token_key)
    if organization is not None and source is None and certificate is None:
        made = _make(settings, organization, days, rsa, replacing=True)
    elif organization is None and source is not None and certificate is not None:
        made = _take(settings, source, certificate, chain, replacing=True)
    else:
        fail("Give --organization for a new key, or --key and --certificate for one of yours.")
    _note(settings, "signing_key.rotated", made)
    _show(settings, made, as_json=as_json)


def _note(settings: Settings, action: str, made: x509.Certificate) -> None:
    """Write the audit row; where there is no database to write it to, say that there is none.

    The key is files, which whoever is here could write by hand as well: it takes no second person.
    """

    async def work() -> None:
        database = open_database(settings)
        try:
            async with database.transaction() as session:
                await record(
                    session,
                    actor=OPERATOR,
                    action=action,
                    object_id=made.fingerprint(hashes.SHA256()).hex(),
                    details={"valid_to": made.not_valid_after_utc.isoformat()},
                )
        finally:
            await database.dispose()

    try:
        asyncio.run(work())
    except (LephiError, SQLAlchemyError, OSError):
        say("No audit row of this key: the database cannot be reached, or has no schema yet.")


def _make(
    settings: Settings, organization: str, days: int, rsa: int | None, *, replacing: bool = False
) -> x509.Certificate:
    name = organization.strip()
    if not name or not name.isprintable():
        fail("The organization must be a name.")
    try:
        return create_key(
            settings.signing_dir,
            name,
            secret=settings.signing_secret,
            rsa_bits=rsa,
            life=timedelta(days=days),
            replacing=replacing,
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
) -> x509.Certificate:
    folder, secret = settings.signing_dir, settings.signing_secret
    check_path(certificate, chain, source if isinstance(source, Path) else None)
    try:
        own = certificate.read_bytes()
        above = None if chain is None else chain.read_bytes()
        if isinstance(source, TokenPlace):
            return import_token_key(folder, source, own, above, secret=secret, replacing=replacing)
        key_pem = None if source is None else source.read_bytes()
        return import_key(folder, key_pem, own, above, secret=secret, replacing=replacing)
    except LephiError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _show(settings: Settings, made: x509.Certificate, *, as_json: bool) -> None:
    request = settings.signing_dir / REQUEST
    facts: dict[str, Any] = {
        "folder": str(settings.signing_dir),
        "signer": signer_name(made),
        "issuer": made.issuer.rfc4514_string(),
        "valid_to": made.not_valid_after_utc,
        "request": str(request) if request.exists() else None,
    }
    if as_json:
        show(facts)
        return
    typer.echo(f"{facts['signer']}, valid to {facts['valid_to']:%d/%m/%Y}, in {facts['folder']}")
    if facts["request"]:
        typer.echo(f"Nobody vouches for it yet: send {request} to your authority.")
