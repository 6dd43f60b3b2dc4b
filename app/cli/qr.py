"""`lephi qr`: write and read the text inside a VietQR."""

import json
from typing import Annotated

import typer

from adapters.bank_qr.emv import (
    Initiation,
    InvalidPayload,
    VietQr,
    decode,
    encode,
    transliterate,
)

app = typer.Typer(help="Write and read VietQR payloads.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, also for what is refused.")]


@app.command("encode")
def encode_command(
    bank: Annotated[str, typer.Option("--bin", help="The bank's BIN at NAPAS, 6 digits.")],
    account: Annotated[str, typer.Option(help="Account number, up to 19 letters and digits.")],
    amount: Annotated[
        int | None, typer.Option(help="Whole đồng; left out, the payer types it.")
    ] = None,
    purpose: Annotated[
        str | None,
        typer.Option(help="What the transfer says, up to 25 characters; diacritics are taken off."),
    ] = None,
    bill_number: Annotated[str | None, typer.Option(help="Up to 25 characters.")] = None,
    static: Annotated[
        bool,
        typer.Option(
            "--static",
            help="For many payments (a poster), also with an amount; a code without is static.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the payload of a VietQR for an account.

    A code with an amount is for one payment unless --static says otherwise.
    """
    many = static or amount is None
    qr = VietQr(
        initiation=Initiation.STATIC if many else Initiation.DYNAMIC,
        bin=bank,
        account=account,
        amount=amount,
        purpose=None if purpose is None else transliterate(purpose),
        bill_number=bill_number,
    )
    try:
        payload = encode(qr)
    except InvalidPayload as refused:
        raise _refusal(refused, as_json=as_json) from None
    typer.echo(_json({"payload": payload} | qr.facts()) if as_json else payload)


@app.command("decode")
def decode_command(
    payload: Annotated[str, typer.Argument(help="The text inside the QR, as it was scanned.")],
    as_json: Json = False,
) -> None:
    """Print as JSON what a payload says; exit 1 with every reason if it is not valid."""
    try:
        qr = decode(payload)
    except InvalidPayload as refused:
        raise _refusal(refused, as_json=as_json) from None
    typer.echo(_json(qr.facts()))


def _refusal(refused: InvalidPayload, *, as_json: bool) -> typer.Exit:
    """Tell every reason, a line each, and end with 1."""
    if as_json:
        reasons = [
            {"field": each.field, "code": each.code, "detail": each.detail}
            for each in refused.reasons
        ]
        typer.echo(_json({"code": refused.code, "errors": reasons}))
    else:
        for each in refused.reasons:
            typer.echo(f"{each.field} ({each.code}): {each.detail}", err=True)
    return typer.Exit(1)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
