"""The product's command line with shorter waits, and on request broken: what a crash test starts.

The waits are for other systems and for people; a test that kills needs to see what comes after
them. Nothing else is changed.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from unittest import mock

import app.cli.main
import app.cli.serve  # a process that is forked pays for nothing that these load
import app.cli.worker
from app import worker
from core import failpoints, idempotency, outbox
from payments.attempts import asking, conclusion, inquiry
from payments.incoming import notices
from tests.support.broken import VARIANTS
from tests.support.moved_clock import follow_the_moved_clock

UNHURRIED = "UNHURRIED"
#: Names, in a process's environment, a file of what is armed while it runs.
ARMED = "ARMED_FAILPOINTS"


def run(arguments: list[str], variant: str | None = None) -> None:
    """Be `lephi` with these arguments; `variant` names one of the ways to be broken.

    With `UNHURRIED` in the environment every wait is as long as in production.
    """
    if UNHURRIED not in os.environ:
        hurry()
    follow_the_moved_clock()
    follow_what_is_armed()
    if variant is not None:
        VARIANTS[variant]()
    sys.argv = ["lephi", *arguments]
    app.cli.main.main()


def hurry() -> None:
    """Shorten every wait that follows a crash."""
    outbox.LEASE = timedelta(seconds=3)
    idempotency.LEASE = timedelta(seconds=3)
    notices.PATIENCE = timedelta(seconds=1)
    conclusion.FIRST_ASK = timedelta(seconds=1)
    # A gateway's payment page stays open for its quarter of an hour all the same.
    asking.denied_until = lambda created_at, open_until: created_at + timedelta(seconds=5)
    inquiry.pause = lambda asked: timedelta(seconds=0.5)
    worker.INQUIRY_SECONDS = 0.3
    worker.NIGHTS_SECONDS = 0.3
    worker.IDLE_SECONDS = 0.1


def follow_what_is_armed() -> None:
    """From now on the failpoints of this process are those that a file says, once it is there."""
    named = os.environ.get(ARMED)
    if named is None:
        return
    file, hit = Path(named), failpoints.hit

    def hit_as_told(name: str) -> None:
        if file.exists() and (told := file.read_text()) != failpoints.armed_text():
            failpoints.configure(told)
        hit(name)

    mock.patch.object(failpoints, "hit", hit_as_told).start()
