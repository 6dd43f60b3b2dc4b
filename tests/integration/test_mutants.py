"""`make mutants` tells a fault that tests see from one they do not, and from a broken run."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import mutants
from scripts.judging import Entered, Judge
from scripts.mutations import Mutant, mutants_of
from scripts.staging import Run
from scripts.trying import Asked, Told, Tries
from scripts.typed import Types

Done = Callable[[int, str], None]

ROOT = Path(__file__).resolve().parents[2]
CURSORS = "core/cursors.py"
THERE_AND_BACK = "tests/unit/test_core_cursors.py::test_a_cursor_leads_back_to_its_place"

#: The mutants of a module with some words after its end, tried by one test: fault → verdict.
ASK = """
import json, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from scripts.mutations import mutants_of
from scripts.staging import Run, end_server, try_all
path, test, after, *faults = sys.argv[1:]
source = Path(path).read_text("utf-8") + after
found = [(path, one) for one in mutants_of(source) if one.what in faults]
said, verdicts = [], {}
with TemporaryDirectory() as folder:
    run = Run(Path(folder), 2)
    try:
        done = lambda n, verdict: verdicts.update({found[n][1].what: verdict})
        try_all(found, [test], run, said.append, done)
    finally:
        end_server(run)
print(json.dumps([verdicts, said]))
"""


def ask(after: str, *faults: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, CURSORS, THERE_AND_BACK, after, *faults],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    verdicts: dict[str, str]
    verdicts, said = json.loads(done.stdout)
    assert said == ["1 tests as they are"]
    return verdicts


def test_a_fault_is_seen_and_what_the_tests_let_pass_is_not() -> None:
    """The changed code is put into functions that a run of pytest has already loaded."""
    both = "at.tzinfo is None or not any((is_id(object_id, one) for one in pref… → "
    seen, let_pass = "at.tzinfo is None → at.tzinfo is not None", f"{both}at.tzinfo is None"
    elsewhere = "len(found) > limit → len(found) >= limit"
    verdicts = ask("", seen, let_pass, elsewhere)
    assert verdicts == {seen: "seen", let_pass: "not seen", elsewhere: "not entered"}


def test_what_is_carried_out_at_load_is_seen_too_and_what_cannot_be_loaded_is_apart() -> None:
    """Such a module is loaded anew with its fault."""
    seen, harmless, broken = "1 == 1 → 1 != 1", "2 == 2 → 2 != 2", "not None → None"
    verdicts = ask(
        "\nis_id = is_id if 1 == 1 else None\nif 2 == 2:\n    pass\nif not None:\n    pass\n"
        "else:\n    raise ImportError\n",
        *(seen, harmless, broken),
    )
    assert verdicts == {seen: "seen", harmless: "not seen", broken: "stillborn"}


def told(tries: Tries, *verdicts: Told) -> tuple[list[Asked], str]:
    """What is asked where the answers are these, and the verdict."""
    asked = [next(tries), *(tries.send(verdict) for verdict in verdicts[:-1])]
    with pytest.raises(StopIteration) as end:
        tries.send(verdicts[-1])
    return asked, end.value.value


@pytest.fixture
def mutant() -> Mutant:
    return next(mutants_of("def f(a, b):\n    return a == b\n"))


@pytest.fixture
def judge() -> Judge:
    entered = Entered({"a.py": {2: ["flaky", "sound"]}}, {"flaky": 0.1, "sound": 0.2})
    return Judge(entered, lambda _: None)


def test_a_test_that_fails_without_the_fault_has_seen_nothing(judge: Judge, mutant: Mutant) -> None:
    flaky = Told("seen", "flaky", "")
    asked, verdict = told(judge.tries("a.py", mutant), flaky, flaky, Told("not seen", "", ""))
    assert verdict == "not seen"
    assert [(one.mutant is None, one.tests) for one in asked] == [
        (False, ["flaky", "sound"]),
        (True, ["flaky"]),
        (False, ["sound"]),
    ]


def test_a_test_that_has_passed_often_enough_is_believed(judge: Judge, mutant: Mutant) -> None:
    seen, passes = Told("seen", "sound", ""), Told("not seen", "", "")
    for _ in range(3):
        asked, verdict = told(judge.tries("a.py", mutant), seen, passes)
        assert (len(asked), verdict) == (2, "seen")
    asked, verdict = told(judge.tries("a.py", mutant), seen)
    assert (len(asked), verdict) == (1, "seen")
    # And it is asked first of faults near those that it has seen.
    assert asked[0].tests == ["sound", "flaky"]


def test_a_run_that_breaks_off_is_a_fault_seen_only_where_it_does_not_without(
    judge: Judge, mutant: Mutant
) -> None:
    """Each mutant counted as seen when pytest itself had failed on what the parent had imported."""
    broken = Told("broken", "", "")
    assert told(judge.tries("a.py", mutant), broken, Told("not seen", "", ""))[1] == "seen"
    assert told(judge.tries("a.py", mutant), broken, broken)[1] == "broken"
    # Nor is one that does not end, or that breaks down, if it is so without the fault.
    for why in ("it does not end", "it breaks down"):
        lost = Told("seen", "", why)
        assert told(judge.tries("a.py", mutant), lost, Told("not seen", "", ""))[1] == "seen"
        assert told(judge.tries("a.py", mutant), lost, lost)[1] == "broken"
    # Where it breaks off because a test was stopped, that test alone is asked without the fault.
    stopped, passes = Told("broken", "sound", ""), Told("not seen", "", "")
    asked, verdict = told(judge.tries("a.py", mutant), stopped, passes)
    assert (asked[-1].tests, verdict) == (["sound"], "seen")


TYPED = """
def f(a: int | None, b: int) -> int:
    return 0 if a is None else g(a, b)

def g(a: int, b: int) -> int:
    return a - b
"""


def test_the_types_refuse_one_fault_and_accept_another(tmp_path: Path) -> None:
    """What `make lint` stops could not land, whatever the tests see. Two arguments of one type are
    another matter, and a file that is refused as it is says nothing."""
    said: list[str] = []
    types = Types(tmp_path, tmp_path, said.append)
    (tmp_path / "sound.py").write_text(TYPED, "utf-8")
    found = {mutant.what: mutant for mutant in mutants_of(TYPED)}
    assert types.refuse("sound.py", found["a is None → a is not None"])
    assert not types.refuse("sound.py", found["g(a, b) → g(b, a)"])
    assert not said
    unsound = TYPED.replace("-> int:\n    return a - b", "-> str:\n    return a - b")
    (tmp_path / "unsound.py").write_text(unsound, "utf-8")
    assert not types.refuse("unsound.py", next(mutants_of(unsound)))
    assert said == ["unsound.py is refused by the types as it is, and they are not asked"]


def test_what_the_types_refuse_is_counted_apart_and_only_the_unseen_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    verdicts = ["seen", "not seen", "not entered", "broken", "not seen"]
    found = [("a.py", one) for one in mutants_of("a = [1, 2, 3, 4, 5]\n")]
    asked: list[Mutant] = []

    def try_all(_: object, tests: object, run: object, say: object, done: Done) -> None:
        for n, verdict in enumerate(verdicts):
            done(n, verdict)

    def refuse(_: Types, path: str, mutant: Mutant) -> bool:
        asked.append(mutant)
        return mutant in (found[0][1], found[1][1], found[3][1])

    monkeypatch.setattr(mutants, "try_all", try_all)
    monkeypatch.setattr(Types, "refuse", refuse)
    tally = mutants._run_room("a", found, [], Run(tmp_path, 1))
    assert sorted(tally.elements()) == sorted([*verdicts[:-1], "refused by the types"])
    assert asked == [found[n][1] for n in (1, 2, 4)]
    assert "a.py:1: 2 → 3 (refused by the types)" in capsys.readouterr().out
