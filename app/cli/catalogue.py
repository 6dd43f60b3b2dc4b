"""`lephi seed` and `lephi catalogue`: procedures and their fees, in and out.

Commands of `lephi catalogue` that stand in other modules take the group from here; the last of
those modules is the one that `app.cli.main` names for it.
"""

import typer

from app.cli.console import Json, show
from app.cli.wired import with_parts
from app.seed.agency import seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import Parts

catalogue = typer.Typer(help="The catalogue of procedures and fees.", no_args_is_help=True)


# With a callback the group stands by itself, whichever commands have been added to it.
@catalogue.callback()
def about() -> None:
    """The catalogue of procedures and fees: look through it, take changes in, give it out."""


def seed(as_json: Json = False) -> None:
    """Add the real procedures and their fees; in a demo, a body to collect them too."""

    async def work(parts: Parts) -> dict[str, int]:
        async with parts.database.transaction() as session:
            local: dict[str, str] = {}
            if parts.settings.mode != "production":
                body = await seed_body(session)
                local = {"ha-noi": body.agency_id}
            counts = await seed_catalogue(session, local=local)
            return {
                "added": counts.added,
                "changed": counts.changed,
                "unchanged": counts.unchanged,
            }

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(", ".join(f"{name}: {count}" for name, count in made.items()))
