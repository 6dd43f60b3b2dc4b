"""Work in a process of its own, for what takes long and much: it is begun for it and ends with it.

Unlike the pool's processes it gives all its memory back, nobody else waits behind it, and if it is
killed nobody but its caller is told. It runs at a low priority: whoever waits for an answer comes
first.
"""

import asyncio
import os
from collections.abc import Callable
from multiprocessing import get_context, reduction
from multiprocessing.connection import Connection
from typing import Any, BinaryIO, TypeVar

from app.children import MOST_MEMORY, WorkTooHeavy
from app.processes import begin_helping
from core import failpoints
from core.deadlines import paused
from core.errors import Unavailable

T = TypeVar("T")

_CONTEXT = get_context("spawn")
#: How much nicer than we are such a process is to others.
_NICENESS = 5
#: How long one piece of work may take, in seconds: the largest file that is taken needs minutes on
#: a machine that is busy, and whoever sent it waits for no answer meanwhile.
MOST_SECONDS = 1800.0


class ProcessLost(Unavailable):
    """The process that did the work ended before it was done: whatever it had begun is undone."""

    code = "process_lost"


async def run_apart(work: Callable[..., T], file: int, *given: Any) -> T:
    """What `work`, a function of a module, gives in a process of its own.

    It gets the open file of the descriptor `file`, then the values given. Raises what it raises,
    `WorkTooHeavy`, and `ProcessLost` where it is killed or takes longer than `MOST_SECONDS`; the
    caller's own deadline does not count meanwhile. When we are cancelled it is killed.
    """
    with paused():
        return await _run(work, file, *given)


async def _run(work: Callable[..., T], file: int, *given: Any) -> T:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(
        target=_be_apart, args=(os.getpid(), theirs, failpoints.armed_text()), daemon=True
    )
    # By the thread of the event loop: the process ends with the thread that began it.
    process.start()
    theirs.close()
    try:
        await asyncio.to_thread(_send, ours, process.pid, file, (work, given))
        await asyncio.wait_for(_readable(ours), MOST_SECONDS)
        failed, outcome = ours.recv()
    except (EOFError, OSError) as error:
        raise ProcessLost("Tiến trình xử lý đã dừng giữa chừng.") from error
    finally:
        process.kill()
        ours.close()
        await asyncio.to_thread(process.join)
    if failed:
        raise outcome
    result: T = outcome
    return result


def _send(ours: "Connection[Any, Any]", pid: int | None, file: int, asked: object) -> None:
    reduction.send_handle(ours, file, pid)
    ours.send(asked)


async def _readable(connection: "Connection[Any, Any]") -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection.fileno())


def _be_apart(parent: int, connection: "Connection[Any, Any]", armed: str) -> None:
    begin_helping(parent, MOST_MEMORY)
    os.nice(_NICENESS)
    failpoints.configure(armed)
    file: BinaryIO
    with os.fdopen(reduction.recv_handle(connection), "rb") as file:
        work, given = connection.recv()
        file.seek(0)
        try:
            outcome = (False, work(file, *given))
        except MemoryError:
            outcome = (
                True,
                WorkTooHeavy("Tệp này cần quá nhiều bộ nhớ; hãy chia nhỏ."),
            )
        except Exception as error:  # noqa: BLE001  whatever it is, whoever asked is told
            outcome = (True, error)
    connection.send(outcome)
