"""What a command loads: a fresh process spends most of its time on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import build

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app.", "core.", "payments.", "receipts.", "reconciliation.", "adapters.")


def loaded(program: str) -> set[str]:
    """Modules of the product that were loaded in a process of its own when this text was run."""
    told = f"import sys\nbefore = set()\n{program}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in done.stdout.split() if name.startswith(PACKAGES)}


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        ("qr", ("app.main", "app.wiring", "core.db")),
        ("sandbox", ("app.main", "app.wiring")),
        ("migrate", ("app.main", "app.wiring")),
        ("worker", ("app.main",)),
        ("doctor", ("app.main",)),
    ],
)
def test_a_command_does_not_load_what_it_does_not_need(
    command: str, spared: tuple[str, ...]
) -> None:
    found = loaded(f"from app.cli.main import build\nbuild({command!r})")
    assert f"app.cli.{command}" in found
    assert found.isdisjoint(spared)


def test_serve_loads_every_page() -> None:
    """The control: what is spared is loaded by whoever needs it."""
    assert "app.main" in loaded("from app.cli.main import build\nbuild('serve')")


def test_what_is_forked_in_crash_tests_has_loaded_its_commands() -> None:
    """Else each of some hundred processes loads them anew."""
    before = "import tests.support.hurried\nbefore = set(sys.modules)"
    built = "from app.cli.main import build\nbuild('serve')\nbuild('worker')"
    assert loaded(f"{before}\n{built}") == set()


@pytest.mark.parametrize(
    "module",
    [
        "app.stickers.pdf",
        "payments.billing.sheets",
        "payments.debts.error_sheet",
        "payments.debts.faults",
        "payments.debts.sheets",
        "receipts.pdf",
        "receipts.verification",
        "reconciliation.closing.minutes_pdf",
        "reconciliation.closing.minutes_xlsx",
        "reconciliation.matching.day",
        "reconciliation.matching.open_questions",
        "reconciliation.settlements.preparing",
        "reconciliation.settlements.recognizing",
        "reconciliation.statements.preparing",
    ],
)
def test_a_helper_process_loads_what_it_works_with_and_no_database(module: str) -> None:
    """Each begins anew, and its first piece of work waits for what it loads."""
    found = loaded(f"import {module}")
    assert module in found
    assert found.isdisjoint({"core.db", "core.sessions", "app.main"})


def test_every_command_is_built_alone() -> None:
    names = [command.name for command in build().registered_commands]
    assert {"serve", "worker", "migrate", "doctor", "sandbox"} <= set(names)
    for name in ("serve", "worker", "migrate", "doctor", "sandbox"):
        assert [command.name for command in build(name).registered_commands] == [name]
