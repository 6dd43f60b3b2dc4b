"""The command `lephi`: everything an operator does, in one place.

A command's module is loaded when it is that command's turn: writing a QR needs no web server, and
the whole house takes some seconds to load. Only the list of all commands loads everything.
"""

import atexit
import gc
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from app.processes import end_in_silence

#: Command → the module that has it, and the name of its function there.
_COMMANDS = {
    "serve": ("serve", "serve"),
    "worker": ("worker", "worker"),
    "demo": ("demo", "demo"),
    "migrate": ("migrate", "migrate"),
    "seed": ("catalogue", "seed"),
    "doctor": ("doctor", "doctor"),
    "invariants": ("books", "invariants"),
    "anchor": ("books", "anchor"),
    "states": ("states", "states"),
    "roles": ("roles", "roles"),
    "stickers": ("stickers", "stickers"),
    "sandbox": ("sandbox", "sandbox"),
}

#: Family of commands → the module that has it, and the name of its typer there.
_FAMILIES = {
    "apikey": ("api_keys", "apikey"),
    "user": ("people", "user"),
    "agency": ("agencies", "agency"),
    "account": ("agencies", "account"),
    "gateway": ("gateways", "gateway"),
    "sign-on": ("sign_on", "sign_on"),
    "key": ("keys", "key"),
    "reference": ("reference", "app"),
    "qr": ("qr", "app"),
    "statement": ("statements", "statement"),
    "settlement": ("settlements", "settlement"),
    "reconcile": ("reconcile", "app"),
    "report": ("report", "report"),
    "receipt": ("receipt", "app"),
    "invoices": ("invoices", "invoices"),
    "outbox": ("books", "outbox"),
    "notices": ("notices", "notices"),
    "webhook": ("webhooks", "webhook"),
    "messages": ("messages", "messages"),
    "day-rule": ("day_rules", "day_rule"),
    "discrepancy": ("discrepancy_sheets", "discrepancy"),
    "suspense": ("suspense", "suspense"),
    "approvals": ("approvals", "approvals"),
    "refund": ("refunds", "refunds"),
    "catalogue": ("catalogue_check", "catalogue"),
    "market": ("market", "market"),
    "billing": ("billing", "billing"),
    "debts": ("debts", "debts"),
}


def build(only: str | None = None) -> typer.Typer:
    """The command with all its commands, or with `only` one of them where there is such a one."""
    app = typer.Typer(
        name="lephi",
        help="Collect a public body's fees without cash, and prove every đồng of it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    # With a callback, typer keeps the name of a command even when it is the only one.
    @app.callback()
    def lephi(
        tell: Annotated[
            bool,
            typer.Option("--version", is_eager=True, callback=_tell_version, help="Say which."),
        ] = False,
    ) -> None:
        """Collect a public body's fees without cash, and prove every đồng of it."""

    known = only in _COMMANDS or only in _FAMILIES
    for name, place in _COMMANDS.items():
        if name == only or not known:
            command: Callable[..., None] = _load(place)
            app.command(name)(command)
    for name, place in _FAMILIES.items():
        if name == only or not known:
            family: typer.Typer = _load(place)
            app.add_typer(family, name=name)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lephi {version('lephi')}")
        raise typer.Exit


def _load(place: tuple[str, str]) -> typer.Typer:
    module, name = place
    found: typer.Typer = getattr(import_module(f"app.cli.{module}"), name)
    return found


def main() -> None:
    """The console script's entry."""
    # What is loaded stays. To search it for garbage over and over takes a third of the loading, and
    # to take it apart at the end takes as long as to load it.
    gc.disable()
    command = build(sys.argv[1] if len(sys.argv) > 1 else None)
    gc.freeze()
    gc.enable()
    atexit.register(end_in_silence)
    command()
