"""`lephi states`: which moves a bill and a payment may make. Pure."""

import typer

from app.cli.console import Json, show
from payments.states import MACHINES, mermaid


def states(as_json: Json = False) -> None:
    """Draw the states of a bill and a payment, as Mermaid diagrams."""
    if as_json:
        show(
            {
                machine.name: [
                    {"before": m.before, "after": m.after, "event": m.event, "when": m.when}
                    for m in machine.moves
                ]
                for machine in MACHINES
            }
        )
        return
    for machine in MACHINES:
        typer.echo(f"## {machine.name}\n\n```mermaid\n{mermaid(machine)}\n```\n")
