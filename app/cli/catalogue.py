"""`lephi seed`: real procedures and their fees."""

import typer

from app.cli.console import Json, show
from app.cli.wired import with_parts
from app.seed.agency import seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import Parts


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
