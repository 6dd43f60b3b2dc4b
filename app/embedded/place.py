"""Where the embedded PostgreSQL lives, and as whom it runs.

An ordinary user's server lives in the data folder. Root's cannot: PostgreSQL refuses to run as
root, and an ordinary OS user cannot reach into root's folders without changing their modes, which
are not ours to change. So root's server lives in a folder of its own under the system's temporary
area, found again by a marker that the data folder keeps. The temporary area is shared with
everybody, so whatever stands there is used only if it is a real folder and ours.
"""

import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import LephiError

#: The OS user that root's server runs as.
ACCOUNT = "lephi-pg"
#: A socket's whole path must fit in 107 bytes; `/.s.PGSQL.5432` takes 14 of them.
LONGEST_SOCKET_FOLDER = 107 - 14
_MARKER = "postgres-place"
_MEMORY = Path("/dev/shm")  # noqa: S108  # shared, hence the checks of `private_folder`
_PLENTY = 8 << 30
_ORIGIN = "origin.json"
# Commas separate folders in PostgreSQL's setting and hosts in a client's; other signs need quoting.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.+-]+")


class EmbeddedDatabaseFailed(LephiError):
    """The embedded PostgreSQL cannot run here: the message says why and what would help."""

    title = "Embedded database failed"
    code = "embedded_database_failed"


@dataclass(frozen=True, slots=True)
class Account:
    """The OS user a server runs as, when that is not the one who starts it."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """The folders of one server.

    `home` holds everything and belongs to whoever starts the server; `data` and `sockets` belong
    to the user it runs as, mode 0700. `title` is in the command line of all its processes.
    """

    home: Path
    data: Path
    sockets: Path
    account: Account | None

    @property
    def log(self) -> Path:
        """The server's own log of this run."""
        return self.home / "postgres.log"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.home / "supervisor.lock"

    @property
    def title(self) -> str:
        """The server's `cluster_name`."""
        return "lephi-" + _digest(str(self.data))


def prepare(data_dir: Path, *, durable: bool) -> ServerPlace:
    """Make (or find again) the folders of the server that belongs to `data_dir`.

    Raises `EmbeddedDatabaseFailed` where a folder is someone else's, or no OS user can be had.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    data_dir = data_dir.resolve()
    if os.geteuid() == 0:
        return _prepare_for_root(data_dir, durable)
    home = private_folder(data_dir / "postgres")
    sockets = home / "run"
    if len(os.fsencode(sockets)) > LONGEST_SOCKET_FOLDER or not _PLAIN_PATH.fullmatch(str(sockets)):
        sockets = area() / _digest(str(home))
    return ServerPlace(home, home / "data", private_folder(sockets), None)


def _prepare_for_root(data_dir: Path, durable: bool) -> ServerPlace:
    """Root's place goes with the marker, so it follows a data folder that is moved.

    A copied data folder carries the marker of the original: it gets a new one, and a new database.
    """
    account = server_account()
    token = _marker(data_dir / _MARKER)
    where = area() if durable else _passing_area(_digest(token))
    origin = _origin(where / _digest(token))
    if origin and origin.data_dir != data_dir and _is_wanted(origin):
        (data_dir / _MARKER).unlink()
        token = _marker(data_dir / _MARKER)
    home = private_folder(where / _digest(token), mode=0o711)
    written = {"data_dir": str(data_dir), "token": token, "durable": durable}
    (home / _ORIGIN).write_text(json.dumps(written), encoding="utf-8")
    sockets = home / "run"
    sockets.mkdir(mode=0o700, exist_ok=True)
    os.chown(sockets, account.uid, account.gid, follow_symlinks=False)
    return ServerPlace(home, home / "data", sockets, account)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What root's place says of the data folder it belongs to."""

    data_dir: Path
    token: str
    durable: bool


def _origin(home: Path) -> _Origin | None:
    try:
        read = json.loads((home / _ORIGIN).read_text(encoding="utf-8"))
        return _Origin(Path(read["data_dir"]), str(read["token"]), bool(read["durable"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_wanted(origin: _Origin) -> bool:
    """Whether the data folder still stands where it was, with the same marker."""
    try:
        return (origin.data_dir / _MARKER).read_text(encoding="utf-8").strip() == origin.token
    except (OSError, ValueError):
        return False


def forsaken() -> list[Path]:
    """Homes in root's area that a test run left behind: not durable, and its data folder is gone.

    What was meant to last is never on this list: its data folder may only have been moved.
    """
    if os.geteuid() != 0:
        return []
    places = (area(), _MEMORY / area().name)
    files = [file for place in places for file in sorted(place.glob(f"*/{_ORIGIN}"))]
    homes = {file.parent: _origin(file.parent) for file in files}
    return [
        home
        for home, origin in homes.items()
        if origin and not origin.durable and not _is_wanted(origin)
    ]


def area() -> Path:
    """Our own folder under the system's temporary area, made if need be.

    /var/tmp comes first, for it outlives a restart of the machine. TMPDIR does not decide: a
    restart with another one would lose the data.
    """
    shared = next(
        (place for place in (Path("/var/tmp"), Path("/tmp")) if os.access(place, os.W_OK)),  # noqa: S108  # shared, hence the checks of `private_folder`
        Path(tempfile.gettempdir()),
    )
    mode = 0o711 if os.geteuid() == 0 else 0o700
    return private_folder(shared / f"lephi-postgres-{os.geteuid()}", mode=mode)


def _passing_area(name: str) -> Path:
    """Where the data of a test run lives: in memory, where there is plenty.

    A database is a thousand files, and a run makes a thousand databases: on a disk that others
    write to, each takes seconds. `name` is found again where it was made.
    """
    if not (_MEMORY / area().name / name).exists() and (
        (area() / name).exists()
        or not os.access(_MEMORY, os.W_OK)
        or shutil.disk_usage(_MEMORY).free < _PLENTY
    ):
        return area()
    return private_folder(_MEMORY / area().name, mode=0o711)


def private_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Make `path` a folder of `mode` that belongs to us, or refuse what already stands there."""
    path.mkdir(mode=mode, exist_ok=True, parents=False)
    try:
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise EmbeddedDatabaseFailed(
            f"{path} must be a folder of ours: {error.strerror}"
        ) from error
    try:
        found = os.fstat(opened)
        if found.st_uid != os.geteuid():
            raise EmbeddedDatabaseFailed(
                f"{path} belongs to uid {found.st_uid}, not to us (uid {os.geteuid()}): remove it"
            )
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(opened, mode)
    finally:
        os.close(opened)
    return path


def server_account() -> Account:
    """The ordinary OS user that root's server runs as, made if need be; `nobody` at worst.

    Raises `EmbeddedDatabaseFailed` where the system gives us neither.
    """
    for make in ([], *_ways_to_make_the_account()):
        if make:
            subprocess.run(make, check=False, capture_output=True, timeout=60)
        found = _account(ACCOUNT)
        if found:
            return found
    found = _account("nobody")
    if found:
        return found
    raise EmbeddedDatabaseFailed(
        f"PostgreSQL does not run as root, and no user '{ACCOUNT}' could be made for it: "
        f"make one (useradd --system {ACCOUNT}), or set LEPHI_DATABASE_URL to a server"
    )


def _ways_to_make_the_account() -> list[list[str]]:
    ways = []
    if useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        options = "--system --user-group --no-create-home --home-dir /nonexistent"
        ways.append([useradd, *options.split(), "--shell", "/usr/sbin/nologin", ACCOUNT])
    if adduser := shutil.which("adduser", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        ways.append([adduser, "-S", "-D", "-H", "-s", "/sbin/nologin", ACCOUNT])
    return ways


def _account(name: str) -> Account | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, found.pw_uid, found.pw_gid) if found.pw_uid != 0 else None


def _marker(path: Path) -> str:
    """The token by which a data folder knows its server; written when first asked for."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
        with suppress(FileExistsError):  # two starts at once: the first one's token stands
            os.link(fresh, path, follow_symlinks=False)
        fresh.unlink()
    token = path.read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"[0-9a-f]{32}", token):
        raise EmbeddedDatabaseFailed(f"{path} is damaged: restore it, or remove the data folder")
    return token


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
