"""Short programs that may be killed, for the price of a fork: the product is imported once.

A test of kills starts a program again and again; a fresh interpreter would spend seconds on imports
each time. Each worker of a run has one process that imports everything and forks for whoever asks;
the fork has its own arguments, and is killed like any other process.
"""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

#: What the process that forks has imported before.
_IMPORTED = (
    "app.main",
    "app.cli.main",
    "app.cli.serve",
    "app.cli.worker",
    "app.cli.migrate",
    "app.cli.doctor",
    "app.cli.agencies",
    "tests.support.preloaded_shell",
    __name__,
)

_LEPHI = """
import os, sys
said = os.open(sys.argv.pop(), os.O_WRONLY | os.O_CREAT, 0o600)
os.dup2(said, 1), os.dup2(said, 2)
from app.cli.main import main
main()
"""


def imported_context() -> ForkServerContext:
    """Where a process is begun by forking one that has imported the product."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def run_program(
    program: str,
    arguments: Sequence[str],
    seconds: float = 120.0,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run Python text with `sys.argv[1:]` as given; its status, negative for a signal.

    Its environment is ours unless it is given one. Raises TimeoutError where it has not ended after
    so many seconds; it is killed then.
    """
    process = imported_context().Process(
        target=_be,
        args=(program, list(arguments), dict(os.environ if environment is None else environment)),
    )
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"a program has not ended after {seconds} seconds")
    return process.exitcode


def run_lephi(
    arguments: Sequence[str],
    said: Path,
    seconds: float = 120.0,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run `lephi` likewise, with the file `said` for both its streams."""
    return run_program(_LEPHI, [*arguments, str(said)], seconds, environment)


def _be(program: str, arguments: list[str], environment: dict[str, str]) -> None:
    assert "app.main" in sys.modules, "nothing was imported before: see what the fork server said"
    gc.freeze()  # what is imported stays: to search it for garbage would copy all of it
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["program", *arguments]
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102
