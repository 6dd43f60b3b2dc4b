"""A process that belongs to another ends with it, at whatever moment that one is killed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Waits until its parent has died, then asks to end with it, and tells if it lives on.
ORPHAN = """
import os, time
parent = {parent}
while os.getppid() == int(os.environ["STARTER"]):
    time.sleep(0.005)
from app.processes import end_with_parent
end_with_parent(parent)
print("lives on", flush=True)
"""
#: Starts the orphan and ends at once, as if killed.
STARTER = """
import os, subprocess, sys
os.environ["STARTER"] = str(os.getpid())
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
os._exit(0)
"""


def told_by_an_orphan(parent: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", STARTER, ORPHAN.format(parent=parent)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def test_one_whose_parent_died_before_it_could_ask_ends_by_itself() -> None:
    assert told_by_an_orphan('int(os.environ["STARTER"])') == ""


def test_one_that_takes_whoever_adopted_it_for_its_parent_lives_on() -> None:
    """The negative control: asking the system who the parent is comes too late."""
    assert told_by_an_orphan("os.getppid()") == "lives on\n"
