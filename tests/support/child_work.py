"""Work for another process that goes wrong in one way or another; it imports next to nothing."""

import os
import signal
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def die_once(mark: str) -> str:
    """Be killed the first time, as by the kernel; give an answer the second."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return "done"
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def fill_memory(size: int) -> int:
    return len(bytearray(size))


def hang(_: int) -> int:
    while True:
        signal.pause()  # the timer's own signal ends the process, which nothing catches
