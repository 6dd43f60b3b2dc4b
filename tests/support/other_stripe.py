"""Stripe as somebody else plays it: localstripe, on a loopback port, keeping nothing on the disk.

A process of its own (`python -m tests.support.other_stripe`), for its library complains of itself
in ways that are errors here. The first line that it prints is its port.

localstripe has neither checkout sessions nor idempotency keys: `other_checkout` adds them.
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

from tests.architecture.source import ROOT


@contextlib.contextmanager
def other_stripe() -> Iterator[str]:
    """Its address, while the block runs."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        assert running.stdout is not None
        port = running.stdout.readline().strip()
        try:
            assert port.isdigit(), "it did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            running.kill()


def _run() -> None:
    from localstripe.resources import store  # type: ignore[import-untyped]
    from localstripe.server import app, web  # type: ignore[import-untyped]

    from tests.support.other_checkout import add_checkout

    store.dump_to_disk = lambda: None  # it would keep everything in one file for every user
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    port = listening.getsockname()[1]
    add_checkout(app, f"http://127.0.0.1:{port}")
    print(port, flush=True)  # noqa: T201  # for whoever started us
    web.run_app(app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    _run()
