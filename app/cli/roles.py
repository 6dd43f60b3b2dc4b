"""`lephi roles`: who may do what."""

import typer

from app.cli.console import Json, show
from payments.agencies.access.rights import RIGHTS, drawn


def roles(as_json: Json = False) -> None:
    """Show the table of actions, by the roles of people and the scopes of keys, as Markdown."""
    if as_json:
        show(
            {
                action: {"roles": sorted(right.roles), "scopes": sorted(right.scopes)}
                for action, right in RIGHTS.items()
            }
        )
        return
    typer.echo(drawn())
