"""A family of `lephi`'s commands, called as an operator would, on a database of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import build

Lephi = Callable[..., Result]


def commands_of(
    family: str, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Lephi:
    """Calls a command of the family by its words, and sees that it ends with `code`."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(folder / "data"))
    commands = build(family)

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(commands, [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run
