"""Which Python `make` takes: the quickest of those that are the same otherwise."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts import environment

ROOT = Path(__file__).resolve().parents[2]
_NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_KIND = sysconfig.get_config_var("SOABI")


def twin(folder: Path, answer: str, otherwise: str = 'exec "$REAL" "$@"') -> Path:
    """A Python that gives this answer when it is measured, and is the real one otherwise."""
    folder.mkdir()
    python = folder / _NAME
    otherwise = otherwise.replace("$REAL", sys.executable)
    python.write_text(f'#!/bin/sh\ncase "$*" in *SOABI*) {answer};; *) {otherwise};; esac\n')
    python.chmod(0o755)
    return python


@pytest.fixture(autouse=True)
def _of_middling_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = environment.measure
    monkeypatch.setattr(
        environment,
        "measure",
        lambda python: 1.0 if python == Path(sys.executable) else real(python),
    )


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (f"echo {_KIND} 0.5", True),
        (f"echo {_KIND} 0.9", False),
        ("echo cpython-39-other 0.5", False),
        ("exit 1", False),
        ("echo", False),
    ],
    ids=["quicker", "hardly quicker", "of another kind", "broken", "silent"],
)
def test_a_twin_is_taken_if_it_is_quicker_and_of_our_kind(
    answer: str, taken: bool, tmp_path: Path
) -> None:
    python = twin(tmp_path / "bin", answer)
    found = environment.find_quicker_twin([str(tmp_path / "none"), str(python.parent)])
    assert found == (python if taken else None)


def test_of_several_twins_the_quickest_is_taken(tmp_path: Path) -> None:
    pythons = [twin(tmp_path / seconds, f"echo {_KIND} {seconds}") for seconds in ("0.3", "0.7")]
    for order in (pythons, pythons[::-1]):
        assert environment.find_quicker_twin(str(one.parent) for one in order) == pythons[0]


@pytest.mark.parametrize("fit", [True, False], ids=["fit", "unfit"])
def test_the_environment_has_pip_whoever_made_it(
    fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    python = twin(
        tmp_path / "bin", f"echo {_KIND} 0.00001", 'exec "$REAL" "$@"' if fit else "false"
    )
    monkeypatch.setenv("PATH", str(python.parent), prepend=":")
    if fit:  # then nobody else is needed
        nobody = tmp_path / "nobody"
        monkeypatch.setattr(sys, "executable", str(nobody))
        monkeypatch.setattr(environment, "measure", lambda one: float(one != python))
    made = tmp_path / "made"
    assert environment.main(made, quickest=True) == 0
    assert f"Taking {python}" in capfd.readouterr().out
    pip = [str(made / "bin" / "python"), "-m", "pip", "--version"]
    said = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
    assert str(made) in said


def test_no_folder_counts_that_we_happen_to_be_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin(tmp_path / "bin", f"echo {_KIND} 0.1")
    monkeypatch.chdir(tmp_path / "bin")
    assert environment.find_quicker_twin(["", ".", "../bin"]) is None


@pytest.mark.parametrize(
    ("named", "quickest"), [([], True), (["PYTHON=python3"], False)], ids=["left", "named"]
)
def test_make_leaves_a_named_python_alone(named: list[str], quickest: bool) -> None:
    """What `make` would do for a fresh clone."""
    command = ["make", "--dry-run", "--always-make", ".venv/.made", *named]
    environment_of_make = {k: v for k, v in os.environ.items() if k not in ("PYTHON", "MAKEFLAGS")}
    said = subprocess.run(
        command, cwd=ROOT, env=environment_of_make, check=True, capture_output=True, text=True
    ).stdout
    assert "scripts/environment.py .venv" in said
    assert ("--quickest" in said) is quickest
