"""A disk of our own that can really be full: a file system in memory, mounted for a while.

Only root may mount. Whoever asks for one runs in mounts of its own (`in_own_mounts`), so that
nothing stays mounted, whatever ends it.
"""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_MARK: Final = "LEPHI_OWN_MOUNTS"
_PIECE: Final = 1_048_576


class MountRefused(Exception):
    """This machine lets us mount nothing: the message is its reason."""


class SmallDisk:
    """A mounted folder that can be filled up and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Take every byte that is left."""
        piece = bytes(_PIECE)
        with self._filler.open("ab", buffering=0) as filler:
            while piece:
                try:
                    filler.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]

    def empty(self) -> None:
        """Give it all back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """A disk of so many MiB at `folder`, which is there already, until the block ends.

    What was in the folder is hidden meanwhile. Raises `MountRefused` where we may not mount.
    """
    options = f"size={mib}m,mode=0711"
    done = _run("mount", "-t", "tmpfs", "-o", options, "lephi", str(folder))
    if done.returncode != 0:
        raise MountRefused(done.stderr.strip())
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def may_mount() -> bool:
    """Whether `small_disk` is to be had here."""
    return os.geteuid() == 0 and _run("unshare", "--mount", "true").returncode == 0


def in_own_mounts() -> None:
    """Go on as the same program in mounts of its own, which are gone with it; as root only."""
    if _MARK not in os.environ and may_mount():
        os.environ[_MARK] = "1"
        command = [shutil.which("unshare") or "unshare", "--mount", sys.executable]
        # As it was called: the module's name, not the path of its file.
        os.execv(command[0], [*command, *sys.orig_argv[1:]])  # noqa: S606  no shell is wanted


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    with suppress(FileNotFoundError):
        return subprocess.run(command, check=False, capture_output=True, text=True)
    return subprocess.CompletedProcess(command, 127, "", f"there is no {command[0]}")
