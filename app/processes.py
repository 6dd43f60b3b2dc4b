"""Processes that belong to another: they end when it ends, however it ends."""

import ctypes
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when the thread that started it ends (Linux).

    `parent` is the pid of the process that did. It must be told: one that was killed while we were
    still importing is not our parent any more, and whoever is now would be taken for it.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def begin_below(parent: int) -> None:
    """What a helper process does first: it ends with its parent, and by nobody else's Ctrl-C."""
    end_with_parent(parent)
    # Ctrl-C goes to the whole terminal group; the owner decides when its helpers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def drawing_pool(workers: int = 2) -> ProcessPoolExecutor:
    """Processes for work that would stop the event loop, such as drawing a PDF.

    They start at the first piece of work and are ended by `shutdown`, or by the kernel with us.
    """
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=begin_below,
        initargs=(os.getpid(),),
    )
