"""Starts processes of the product for the price of a fork: imports are paid once, not each time.

A crash test starts dozens of processes, and each spends seconds of processor time on imports. This
program imports everything, then forks for every order it reads; a forked child becomes
`lephi serve` or `lephi worker` with the environment it is given, and is from then on like any
other: its own session, its own log, killed by real signals. It ends with the process that started
it, and its children end with it (`--with-parent`).

Orders come as lines of JSON on standard input: `start` answers `{"pid": …}`, `bury` waits for a
child and answers `{"status": …}` (negative: the signal that killed it).
"""

import gc
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from app.processes import end_with_parent


@dataclass(frozen=True, slots=True)
class Order:
    """A process to be: its command line, its whole environment, its log, how it is broken."""

    arguments: list[str]
    environment: dict[str, str]
    log: str
    variant: str | None = None


def main() -> None:
    """Serve orders until standard input ends; in a child, become what was ordered."""
    end_with_parent(int(sys.argv[1]))
    from tests.support import hurried  # imports the product: a spawned helper must not pay for it

    # What is imported stays: a child that looks for garbage among it would copy all of it.
    gc.collect()
    gc.freeze()
    _answer({"pid": os.getpid()})
    order = _serve()
    if order is not None:
        hurried.run(order.arguments, order.variant)


def _serve() -> Order | None:
    """Fork on order; None when there is nothing more to do, in a child its order."""
    children: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "bury":
            _, status = os.waitpid(asked["pid"], 0)
            children.discard(asked["pid"])
            _answer({"status": os.waitstatus_to_exitcode(status)})
            continue
        order = Order(**asked["order"])
        pid = os.fork()
        if pid == 0:
            _become(order)
            return order
        children.add(pid)
        _answer({"pid": pid})
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return None


def _become(order: Order) -> None:
    """Leave the parent's session, streams and environment behind."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(order.environment)


def _answer(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
