"""`make mutants` tells a fault that tests see from one they do not, and from a broken run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: The first mutant of a module that changes its source so, asked of some tests; None: as it is.
ASK = """
import ast, json, sys
from pathlib import Path
from scripts.mutants import Entered, _try
from scripts.mutations import mutants_of
path, what, *tests = sys.argv[1:]
source = Path(path).read_text("utf-8")
trees = [one.tree for one in mutants_of(source) if one.what == what] or [ast.parse(source)]
print(json.dumps(_try(path, trees[0], tests, Entered({}, {}))))
"""


def ask(what: str, *tests: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, "core/cursors.py", what, *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("what", "verdict"),
    [("nothing", "not seen"), ("len(found) > limit → len(found) >= limit", "seen")],
)
def test_a_fault_is_seen_and_what_is_no_fault_is_not(what: str, verdict: str) -> None:
    told, failed = ask(what, "tests/unit/test_core_cursors.py")
    assert told == verdict
    assert failed.startswith("tests/unit/test_core_cursors.py::") == (verdict == "seen")


def test_a_run_that_breaks_off_is_no_fault_seen() -> None:
    """Each mutant counted as seen when pytest itself had failed on what the parent had imported."""
    assert ask("nothing", "-W", "ignore", "tests/unit/there_is_none.py")[0] == "stillborn"
