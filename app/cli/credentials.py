"""Files of secrets, as commands are given them: a JSON object of names, never quoted in a fault."""

import json
from pathlib import Path

import typer

from app.cli.console import check_path, fail


def read_credentials(file: Path) -> dict[str, str]:
    """What a file says, or standard input where it is called -; ends where it cannot be read."""
    check_path(file)
    try:
        text = (
            typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text("utf-8")
        )
        given = json.loads(text)
    except OSError as error:
        fail(f"The credentials cannot be read: {error.strerror}")
    except ValueError:
        # Why is left out: a parser's message may quote a secret.
        fail("The credentials are not JSON.")
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
        fail("The credentials must be a JSON object of strings.")
    return given
