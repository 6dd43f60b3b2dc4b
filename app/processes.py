"""Processes that belong to another: they end when it ends, however it ends."""

import ctypes
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel to end this process when the thread that started it ends (Linux)."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the kernel was asked.
    if os.getppid() != parent:
        os._exit(1)


def _begin() -> None:
    end_with_parent()
    # Ctrl-C goes to the whole terminal group; the owner decides when its helpers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def drawing_pool(workers: int = 2) -> ProcessPoolExecutor:
    """Processes for work that would stop the event loop, such as drawing a PDF.

    They start at the first piece of work and are ended by `shutdown`, or by the kernel with us.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
