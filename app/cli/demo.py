"""`lephi demo`: the whole thing on one machine, with real procedures and unreal money."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import fail
from app.demo import Demo
from core.errors import LephiError


def demo(
    port: Annotated[
        int, typer.Option(envvar="LEPHI_DEMO_PORT", min=0, max=65535, help="0 takes a free one.")
    ] = 0,
    data_dir: Annotated[
        Path, typer.Option(envvar="LEPHI_DEMO_DATA_DIR", help="Where the demo keeps its data.")
    ] = Path("var/demo"),
    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="LEPHI_DEMO_READY_FILE", help="Written when everything answers."),
    ] = None,
) -> None:
    """Start database, service, worker and sandbox on 127.0.0.1; run until SIGINT or SIGTERM."""
    try:
        Demo(data_dir.resolve(), port, ready_file).run()
    except LephiError as error:
        fail(error)
