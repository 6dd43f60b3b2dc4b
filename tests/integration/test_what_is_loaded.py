"""What a command loads: a fresh process spends most of its time on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import build
from tests.architecture.source import Source, sources
from tests.support.helper_work import helper_work

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app.", "core.", "payments.", "receipts.", "reconciliation.", "adapters.")
#: What work that needs no database loads nothing of.
DATABASE = {"core.db", "core.sessions", "app.main", "sqlalchemy", "sqlmodel", "fastapi"}
#: Whose work is in the database: a large statement is taken in where it was read.
IN_THE_DATABASE = ("reconciliation.statements.large",)
WORK = helper_work(sources())


def loaded(program: str) -> set[str]:
    """Modules of the product, and of `DATABASE`, that a process of its own loads to run this."""
    told = f"import sys\nbefore = set()\n{program}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in done.stdout.split() if name.startswith(PACKAGES) or name in DATABASE}


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


@pytest.mark.parametrize("module", sorted({one.module for one in WORK} - set(IN_THE_DATABASE)))
def test_a_helper_process_loads_what_it_works_with_and_no_database(module: str) -> None:
    """Each begins anew, and its first piece of work waits for what it loads."""
    found = loaded(f"import {module}")
    assert module in found
    assert found.isdisjoint(DATABASE)


def test_whose_work_is_in_the_database_has_a_process_begun_for_it() -> None:
    """The control: who needs what is spared loads it, and nobody else is let off."""
    assert {one.module for one in WORK if one.door == "apart"} == set(IN_THE_DATABASE)
    assert [one.door for one in WORK if one.module in IN_THE_DATABASE] == ["apart"]
    for module in IN_THE_DATABASE:
        assert loaded(f"import {module}") >= DATABASE - {"app.main", "fastapi"}


def test_the_work_of_helper_processes_is_found_however_it_is_named() -> None:
    found = {f"{one.module}.{one.function}" for one in WORK}
    assert {
        "app.stickers.pdf.draw_stickers",  # of a `partial`
        "payments.debts.sheets.read_debts",  # by its name
        "receipts.verification.verify_each",  # in a list
        "reconciliation.closing.minutes_pdf.draw",  # of a table
        "reconciliation.closing.minutes_xlsx.write",
        "reconciliation.statements.preparing.prepare",  # by a name given before
    } <= found


_PLANTED = """
from functools import partial
from planted_work import count
async def work(parts):
    return await parts.elsewhere({work}, 1)
"""


@pytest.mark.parametrize("work", ["count", "partial(count, most=2)"])
def test_planted_work_that_loads_the_database_is_caught(work: str, tmp_path: Path) -> None:
    (tmp_path / "planted_work.py").write_text("import core.db\ndef count(n, most=0): return n\n")
    (found,) = helper_work([Source("app/planted.py", _PLANTED.format(work=work))])
    assert (found.module, found.function) == ("planted_work", "count")
    assert "core.db" in loaded(f"sys.path.append({str(tmp_path)!r})\nimport {found.module}")


@pytest.mark.parametrize("work", ["work_given", "partial(work_given)", "works()[0]"])
def test_work_of_which_nobody_can_say_whose_it_is_is_told(work: str) -> None:
    with pytest.raises(ValueError, match=r"app/planted\.py:5: whose work"):
        helper_work([Source("app/planted.py", _PLANTED.format(work=work))])


def test_every_command_is_built_alone() -> None:
    names = [command.name for command in build().registered_commands]
    assert {"serve", "worker", "migrate", "doctor", "sandbox"} <= set(names)
    for name in ("serve", "worker", "migrate", "doctor", "sandbox"):
        assert [command.name for command in build(name).registered_commands] == [name]
