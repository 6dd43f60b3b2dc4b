"""The product's command line with shorter waits, and on request broken: what a crash test starts.

The waits are for other systems and for people; a test that kills needs to see what comes after
them. Nothing else is changed.
"""

import os
import sys
from datetime import timedelta

import app.cli.main
import app.cli.serve  # a process that is forked pays for nothing that these load
import app.cli.worker
from app import worker
from core import idempotency, outbox
from payments.attempts import asking, conclusion, inquiry
from payments.incoming import notices
from tests.support.broken import VARIANTS
from tests.support.moved_clock import follow_the_moved_clock

UNHURRIED = "UNHURRIED"


def run(arguments: list[str], variant: str | None = None) -> None:
    """Be `lephi` with these arguments; `variant` names one of the ways to be broken.

    With `UNHURRIED` in the environment every wait is as long as in production.
    """
    if UNHURRIED not in os.environ:
        hurry()
    follow_the_moved_clock()
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
    worker.IDLE_SECONDS = 0.1
