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


#: What a command is spared, those that are spared most first: one process builds all of them, one
#: after the other, and what it has not loaded by then none of them loads.
SPARED = {
    "qr": {"app.main", "app.wiring", "core.db"},
    "sandbox": {"app.main", "app.wiring"},
    "migrate": {"app.main", "app.wiring"},
    "worker": {"app.main"},
    "doctor": {"app.main"},
    "serve": set[str](),
}


def loaded(*steps: str, before: str = "") -> dict[str, set[str]]:
    """After each step, what one process of its own has loaded by then, and not `before`.

    Modules of the product, and of `DATABASE`.
    """
    told = [f"import sys\n{before}\nbefore = set(sys.modules)" if before else "import sys"]
    told += [f"{step}\nprint(*(set(sys.modules) - before))" for step in steps]
    if not before:
        told[0] += "\nbefore = set()"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(told)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        step: {name for name in line.split() if name.startswith(PACKAGES) or name in DATABASE}
        for step, line in zip(steps, done.stdout.splitlines(), strict=True)
    }


def building(command: str) -> str:
    return f"from app.cli.main import build; build({command!r})"


def test_a_command_does_not_load_what_it_does_not_need() -> None:
    found = loaded(*map(building, SPARED))
    for command, spared in SPARED.items():
        assert f"app.cli.{command}" in found[building(command)]
        assert found[building(command)].isdisjoint(spared), command
    # The control: what is spared is loaded by whoever needs it, as serve needs every page.
    assert found[building("serve")] >= SPARED["qr"]


def test_what_is_forked_in_crash_tests_has_loaded_its_commands() -> None:
    """Else each of some hundred processes loads them anew."""
    steps = building("serve"), building("worker")
    found = loaded(*steps, before="import tests.support.hurried")
    assert found == {step: set() for step in steps}


def test_a_helper_process_loads_what_it_works_with_and_no_database() -> None:
    """Each begins anew, and its first piece of work waits for what it loads.

    One process loads what all of them do. The control: who needs what is spared loads it.
    """
    modules = sorted({one.module for one in WORK} - set(IN_THE_DATABASE))
    found = loaded(*(f"import {module}" for module in (*modules, *IN_THE_DATABASE)))
    for module in modules:
        assert module in found[f"import {module}"]
        assert found[f"import {module}"].isdisjoint(DATABASE), module
    for module in IN_THE_DATABASE:
        assert found[f"import {module}"] >= DATABASE - {"app.main", "fastapi"}


def test_whose_work_is_in_the_database_has_a_process_begun_for_it() -> None:
    """Nobody else is let off."""
    assert {one.module for one in WORK if one.door == "apart"} == set(IN_THE_DATABASE)
    assert [one.door for one in WORK if one.module in IN_THE_DATABASE] == ["apart"]


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


def test_planted_work_that_loads_the_database_is_caught(tmp_path: Path) -> None:
    (tmp_path / "planted_work.py").write_text("import core.db\ndef count(n, most=0): return n\n")
    for work in ("count", "partial(count, most=2)"):
        (found,) = helper_work([Source("app/planted.py", _PLANTED.format(work=work))])
        assert (found.module, found.function) == ("planted_work", "count")
    step = "import planted_work"
    assert "core.db" in loaded(f"sys.path.append({str(tmp_path)!r}); {step}").popitem()[1]


@pytest.mark.parametrize("work", ["work_given", "partial(work_given)", "works()[0]"])
def test_work_of_which_nobody_can_say_whose_it_is_is_told(work: str) -> None:
    with pytest.raises(ValueError, match=r"app/planted\.py:5: whose work"):
        helper_work([Source("app/planted.py", _PLANTED.format(work=work))])


def test_every_command_is_built_alone() -> None:
    names = [command.name for command in build().registered_commands]
    assert {"serve", "worker", "migrate", "doctor", "sandbox"} <= set(names)
    for name in ("serve", "worker", "migrate", "doctor", "sandbox"):
        assert [command.name for command in build(name).registered_commands] == [name]
