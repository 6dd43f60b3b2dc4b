"""Whom a process of a test runs as, and whether it still runs."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Where the packages are that this suite runs with.
PACKAGES = str(Path(pytest.__file__).resolve().parents[1])


@dataclass(frozen=True, slots=True)
class Person:
    """An OS user with an interpreter it can run; `uid` None is whoever runs the suite."""

    uid: int | None
    gid: int | None
    python: str


OURSELVES = Person(None, None, sys.executable)


def ordinary_person() -> Person | None:
    """Root's way to be an ordinary user; None where `nobody` can reach no Python or packages."""
    nobody = pwd.getpwnam("nobody")
    same_version = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, same_version):
        try:
            done = subprocess.run(
                [python, "-c", "import app.embedded.supervisor"],
                cwd="/",
                env={"PYTHONPATH": f"{ROOT}{os.pathsep}{PACKAGES}"},
                capture_output=True,
                user=nobody.pw_uid,
                group=nobody.pw_gid,
                extra_groups=[],
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return Person(nobody.pw_uid, nobody.pw_gid, python)
    return None


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that waits to be buried does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
