"""`lephi receipt`: check the file of a receipt."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.keystore.files import trusted_certificates
from app.cli.console import Json, check_path, fail, show
from core.errors import LephiError
from core.money import format_vnd
from core.settings import load
from receipts.verification import VerificationResult, verify, verify_pdf

app = typer.Typer(help="Check receipts.", no_args_is_help=True)


@app.callback()
def receipt() -> None:
    """Check receipts."""


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(parser=Path, help="The XML or PDF of a receipt.")],
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="PEM of the signing certificate or of an authority above it; left out, the "
            "certificates of this installation, if it has any."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that a receipt is what its body signed; exit 1 with one line if it is not.

    Without a certificate to trust only the signature is checked, and the answer says so.
    """
    check_path(file, certificate)
    try:
        content = file.read_bytes()
        trusted = certificate.read_bytes() if certificate else _own_certificates()
        check = verify_pdf if content.startswith(b"%PDF-") else verify
        result = check(content, trusted)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    except LephiError as error:
        fail(error)
    if as_json:
        show(_facts(file, result))
    elif result.valid:
        typer.echo(_sentence(file, result))
    if not result.valid:
        reasons = "; ".join(f"{reason}: {reason.detail}" for reason in result.reasons)
        fail(f"{file}: not valid, {reasons}")


def _own_certificates() -> bytes | None:
    """The certificates that this installation signs or has signed with, if any.

    Checking a file needs no installation, so wrong settings are no reason to stop here.
    """
    try:
        folder = load().signing_dir
    except LephiError:
        return None
    return trusted_certificates(folder) or None


def _sentence(file: Path, result: VerificationResult) -> str:
    what = "the page of a receipt"
    if result.content is not None:
        of = result.content
        what = f"{of.template} {of.symbol} no. {of.number}, {format_vnd(of.amount)}"
    trust = "signer trusted" if result.trusted else "SIGNER NOT CHECKED: give --certificate"
    return f"{file}: valid, {what}, signed by {result.signer} at {result.signed_at}; {trust}"


def _facts(file: Path, result: VerificationResult) -> dict[str, Any]:
    return {
        "file": str(file),
        "valid": result.valid,
        "trusted": result.trusted,
        "signer": result.signer,
        "signed_at": result.signed_at,
        "receipt": result.content.to_json() if result.content else None,
        "reasons": [{"code": reason, "detail": reason.detail} for reason in result.reasons],
    }
