"""A short history of everything going wrong, judged by what knows nothing of ours; make histories
records the long one."""

import json
import subprocess
import sys

import pytest

from tests.crash.nursery import ROOT

TROUBLE = {
    *("serve killed", "worker killed", "database killed"),
    *("sockets cut", "connections cut", "disk full", "clock forward", "clock back"),
}


#: Has mounts of its own before it loads what the recording needs, and not after, to load it again.
PROGRAM = """
from bench.small_disk import in_own_mounts
in_own_mounts()
import sys
from tests.crash.histories import main
sys.exit(main())
"""


@pytest.mark.timeout(240)
def test_nothing_is_lost_or_done_twice_whatever_goes_wrong() -> None:
    """In a process of its own, for it mounts a disk that must go with it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--calls", "200"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr[-3000:]
    told = json.loads(done.stdout)
    print(done.stdout)  # noqa: T201  with the seed, to repeat a failure
    assert told["faults"] == []
    assert done.returncode == 0
    assert set(told["trouble"]) == TROUBLE
    assert all(told["trouble"].values())
    assert told["calls"] >= 200
    assert told["unknown"] > 0
    assert told["taken"] > 3
