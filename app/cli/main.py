"""The command `lephi`: everything an operator does, in one place."""

import typer

from app.cli import accounts, books, catalogue, demo, qr, receipt, reference, running

app = typer.Typer(
    name="lephi",
    help="Collect a public body's fees without cash, and prove every đồng of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command("serve")(running.serve)
app.command("worker")(running.worker)
app.command("migrate")(running.migrate)
app.command("doctor")(running.doctor)
app.command("sandbox", hidden=True)(running.sandbox)
app.command("demo")(demo.demo)
app.command("seed")(catalogue.seed)
app.command("states")(catalogue.states)
app.command("invariants")(books.invariants)
app.add_typer(accounts.apikey, name="apikey")
app.add_typer(accounts.user, name="user")
app.add_typer(accounts.gateway, name="gateway")
app.add_typer(reference.app, name="reference")
app.add_typer(qr.app, name="qr")
app.add_typer(books.statement, name="statement")
app.add_typer(receipt.app, name="receipt")
app.add_typer(books.outbox, name="outbox")


def main() -> None:
    """The console script's entry."""
    app()
