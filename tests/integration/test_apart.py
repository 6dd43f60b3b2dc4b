"""Work in a process of its own: what it gives and raises, and that nothing of it stays behind."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from app import apart
from app.apart import ProcessLost, run_apart
from app.children import MOST_MEMORY, WorkTooHeavy
from core import failpoints
from core.deadlines import within
from reconciliation.formats.rows import StatementRefused, fault_of_file


def read_all(file: BinaryIO, told: str) -> tuple[bytes, str, int, int, str]:
    return file.read(), told, os.getpid(), os.nice(0), failpoints.armed_text()


def refuse(file: BinaryIO) -> None:
    raise StatementRefused([fault_of_file("odd", "lạ")])


def die(file: BinaryIO) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def swell(file: BinaryIO) -> int:
    return len(bytes(MOST_MEMORY))


def stay(file: BinaryIO, place: str) -> None:
    Path(place).write_text(str(os.getpid()), encoding="ascii")
    signal.pause()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    """A file that was read before, as a form's has been."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        file.read()
        yield file.fileno()


async def test_it_is_given_the_file_and_gives_an_answer(opened: int) -> None:
    failpoints.configure("bill.after_commit=sleep=0")
    try:
        content, told, pid, niceness, armed = await run_apart(read_all, opened, "xin")
    finally:
        failpoints.clear()
    assert (content, told) == (b"content", "xin")
    assert pid != os.getpid()
    assert niceness > os.nice(0), "whoever waits for an answer comes first"
    assert armed == "bill.after_commit=sleep=0"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_it_raises_is_raised(opened: int) -> None:
    with pytest.raises(StatementRefused) as refused:
        await run_apart(refuse, opened)
    assert refused.value.errors == (fault_of_file("odd", "lạ"),)


async def test_one_that_takes_too_much_is_told_so(opened: int) -> None:
    with pytest.raises(WorkTooHeavy):
        await run_apart(swell, opened)


async def test_one_that_is_killed_costs_only_its_caller(opened: int) -> None:
    with pytest.raises(ProcessLost):
        await run_apart(die, opened)
    assert (await run_apart(read_all, opened, ""))[0] == b"content"


async def test_the_callers_deadline_does_not_count_it_has_a_limit_of_its_own(
    opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement of 400,000 rows takes minutes where the machine is busy: sent again, it would
    take them again."""
    async with within(0.01):  # a process alone takes longer to begin
        assert (await run_apart(read_all, opened, ""))[0] == b"content"
    monkeypatch.setattr(apart, "MOST_SECONDS", 0.01)
    with pytest.raises(ProcessLost):
        await run_apart(stay, opened, str(tmp_path / "pid"))


async def test_one_whose_caller_gives_up_is_ended(opened: int, tmp_path: Path) -> None:
    place = tmp_path / "pid"
    task = asyncio.create_task(run_apart(stay, opened, str(place)))
    for _ in range(3_000):
        await asyncio.sleep(0.01)
        if place.exists() and place.read_text(encoding="ascii"):
            break
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(place.read_text(encoding="ascii")), 0)
