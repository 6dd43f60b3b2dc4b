import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import failpoints
from core.errors import Invalid
from core.failpoints import FAILPOINTS, NAMES, FailpointReached, configure, hit

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "payments", "receipts", "reconciliation", "adapters", "app")


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    failpoints.clear()
    yield
    failpoints.clear()


def run(spec: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run `program` in a process of its own with the failpoints of `spec` armed."""
    source = f"from core.failpoints import configure, hit\nconfigure({spec!r})\n{program}"
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_every_failpoint_has_a_name_of_its_own_and_says_where_it_is() -> None:
    assert len(NAMES) == len(FAILPOINTS) == 39
    assert all(point.where and "\n" not in point.where for point in FAILPOINTS)


def test_nothing_happens_when_nothing_is_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[object] = []
    monkeypatch.setattr("os.kill", lambda *arguments: killed.append(arguments))
    for point in FAILPOINTS:
        hit(point.name)
    assert killed == []


def test_only_the_armed_place_acts() -> None:
    configure("pdf.before_store=raise")
    for name in NAMES - {"pdf.before_store"}:
        hit(name)
    with pytest.raises(FailpointReached, match=r"pdf\.before_store"):
        hit("pdf.before_store")


def test_without_a_count_it_acts_every_time() -> None:
    configure("bill.after_commit=raise")
    for _ in range(3):
        with pytest.raises(FailpointReached):
            hit("bill.after_commit")


def test_with_a_count_it_acts_at_that_time_only() -> None:
    configure("bill.after_commit=raise:3")
    hit("bill.after_commit")
    hit("bill.after_commit")
    with pytest.raises(FailpointReached):
        hit("bill.after_commit")
    hit("bill.after_commit")


def test_sleep_stalls_for_the_seconds_named(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    configure("outbox.after_claim=sleep=0.5:2, callback.after_raw=sleep=3")
    hit("outbox.after_claim")
    hit("outbox.after_claim")
    hit("callback.after_raw")
    assert slept == [0.5, 3.0]


def test_kill_ends_the_process_at_the_nth_time_and_runs_nothing_after() -> None:
    program = (
        "try:\n"
        "    for n in range(1, 5):\n"
        "        print(n, flush=True)\n"
        "        hit('callback.after_raw')\n"
        "finally:\n"
        "    print('cleaned up', flush=True)\n"
    )
    ended = run("callback.after_raw=kill:3", program)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["1", "2", "3"]
    assert run("callback.after_raw=kill:5", program).returncode == 0


def test_a_misspelt_place_is_noticed_as_soon_as_anything_is_armed() -> None:
    configure("pdf.before_store=raise")
    with pytest.raises(ValueError, match="no failpoint"):
        hit("pdf.before_stor")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("callback.after=kill", ["unknown"]),
        ("callback.after_raw", ["syntax"]),
        ("callback.after_raw=", ["syntax"]),
        ("callback.after_raw=explode", ["syntax"]),
        ("callback.after_raw=kill:0", ["syntax"]),
        ("callback.after_raw=kill:-1", ["syntax"]),
        ("callback.after_raw=kill:x", ["syntax"]),
        ("callback.after_raw=sleep", ["syntax"]),
        ("callback.after_raw=sleep=-1", ["syntax"]),
        ("callback.after_raw=sleep=nan", ["syntax"]),
        ("pdf.before_store=kill,pdf.before_store=raise", ["duplicate"]),
        ("x=kill, pdf.before_store=boom, bill.after_commit=raise", ["unknown", "syntax"]),
    ],
)
def test_a_faulty_configuration_is_refused_with_every_fault_and_arms_nothing(
    text: str, codes: list[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        configure(text)
    assert caught.value.code == "invalid_failpoints"
    assert [error.code for error in caught.value.errors] == codes
    hit("bill.after_commit")


def test_an_empty_configuration_disarms() -> None:
    configure("bill.after_commit=raise")
    configure("")
    hit("bill.after_commit")


def test_checking_arms_nothing() -> None:
    failpoints.check("bill.after_commit=raise")
    hit("bill.after_commit")


def hits(source: str) -> set[str]:
    """The names given to `hit` and to `hit_after_commit` in a module's source."""
    return {
        call.args[-1].value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("hit", "hit_after_commit")
        and call.args
        and isinstance(call.args[-1], ast.Constant)
        and isinstance(call.args[-1].value, str)
    }


def test_every_place_in_the_code_has_a_registered_name_and_every_name_its_place() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    used = set().union(*(hits(path.read_text()) for path in modules))
    assert used == NAMES
    source = "failpoints.hit('misspelt')\nhit('x.y')\nhit_after_commit(session, 'z')"
    assert hits(source) == {"misspelt", "x.y", "z"}
