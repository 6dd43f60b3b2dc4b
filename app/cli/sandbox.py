"""`lephi sandbox`: the process that plays every gateway and a bank."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.sandbox.engine.server import serve as serve_sandbox
from app.cli.console import WithParent
from app.processes import end_with_parent


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.")] = 0,
    public_url: Annotated[str | None, typer.Option(help="How others reach it.")] = None,
    journal: Annotated[Path | None, typer.Option(help="File to append charges to.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of its lies.")] = None,
    with_parent: WithParent = 0,
) -> None:
    """Play every gateway and a bank on 127.0.0.1 until told to stop; the page has the buttons."""
    if with_parent:
        end_with_parent(with_parent)
    serve_sandbox(
        "127.0.0.1",
        port,
        public_url=public_url,
        journal=journal,
        seed=seed,
        # A parent that started it chose the port, and shows the address itself.
        say=(lambda url: None) if with_parent else typer.echo,
    )
