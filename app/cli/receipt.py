"""`lephi receipt`: check the file of a receipt."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.keystore import CERTIFICATE, CHAIN
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
    file: Annotated[Path, typer.Argument(help="The XML or PDF of a receipt.")],
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="PEM of the signing certificate or of an authority above it; left out, the one of "
            "this installation, if it has one."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that a receipt is what its body signed; exit 1 with one line if it is not.

    Without a certificate to trust, only the signature is checked, and the answer says so.
    """
    try:
        content = file.read_bytes()
        trusted = certificate.read_bytes() if certificate else _own_certificates()
        check = verify_pdf if content.startswith(b"%PDF-") else verify
        result = check(content, trusted)
    except OSError as error:
        raise _end(f"cannot read {error.filename}: {error.strerror}", as_json=as_json) from None
    except LephiError as error:
        raise _end(f"{certificate}: {error.detail}", as_json=as_json) from None
    if as_json:
        typer.echo(json.dumps(_facts(file, result), ensure_ascii=False, indent=2))
    elif result.valid:
        typer.echo(_sentence(file, result))
    else:
        reasons = "; ".join(f"{reason}: {reason.detail}" for reason in result.reasons)
        typer.echo(f"{file}: not valid, {reasons}", err=True)
    if not result.valid:
        raise typer.Exit(1)


def _own_certificates() -> bytes | None:
    """The certificates that this installation signs with, if any.

    Checking a file needs no installation, so wrong settings are no reason to stop here.
    """
    try:
        folder = load().signing_dir
    except LephiError:
        return None
    files = [path for path in (folder / CERTIFICATE, folder / CHAIN) if path.is_file()]
    return b"".join(path.read_bytes() for path in files) or None


def _end(message: str, *, as_json: bool) -> typer.Exit:
    typer.echo(json.dumps({"error": message}, ensure_ascii=False) if as_json else message, err=True)
    return typer.Exit(1)


def _sentence(file: Path, result: VerificationResult) -> str:
    content = result.content
    what = (
        "PDF"
        if content is None
        else f"{content.template} {content.symbol} no. {content.number}, "
        f"{format_vnd(content.amount)}"
    )
    trust = "signer trusted" if result.trusted else "SIGNER NOT CHECKED, give --certificate"
    return f"{file}: valid, {what}, signed by {result.signer} at {result.signed_at}; {trust}"


def _facts(file: Path, result: VerificationResult) -> dict[str, Any]:
    content = result.content
    return {
        "file": str(file),
        "valid": result.valid,
        "trusted": result.trusted,
        "signer": result.signer,
        "signed_at": result.signed_at.isoformat() if result.signed_at else None,
        "receipt": content.to_json() if content else None,
        "reasons": [{"code": reason, "detail": reason.detail} for reason in result.reasons],
    }
