"""The one list of what the tests need beyond Python, and how to get it.

Run as a program it installs what is missing, where that is ours to do: as root, on Debian or a
system made from it. Anywhere else it says what is missing and why it was left so, and never fails:
the tests that need a missing program skip with the reason (with CI=true they fail).
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/local/bin", "/usr/bin", "/usr/sbin"]
)


@dataclass(frozen=True, slots=True)
class SystemPackage:
    """A Debian package, the program whose presence proves it, and what the tests do with it.

    `instead` names a program and its package that do as well, where they are there already or
    where this release has nothing else.
    """

    name: str
    program: str
    use: str
    instead: str = ""


PACKAGES = (
    # Chromium without windows: it starts and draws in two thirds of the time.
    SystemPackage(
        "chromium-headless-shell",
        "chromium-headless-shell",
        "pages in a real browser",
        instead="chromium",
    ),
    SystemPackage("poppler-utils", "pdfsig", "signatures and text of PDF receipts"),
    SystemPackage("xmlsec1", "xmlsec1", "signatures of XML receipts"),
    SystemPackage("qpdf", "qpdf", "the structure of PDF receipts"),
    SystemPackage("softhsm2", "softhsm2-util", "keys in a hardware module"),
    SystemPackage("postgresql-15", "/usr/lib/postgresql/15/bin/postgres", "Debian's PostgreSQL"),
    SystemPackage("pgbouncer", "pgbouncer", "a pooler before the database"),
    SystemPackage("wrk", "wrk", "load over HTTP"),
    SystemPackage("nodejs", "node", "the JavaScript of docs/webhooks.md"),
    SystemPackage("php-cli", "php", "the PHP of docs/webhooks.md"),
)


def program_of(name: str) -> str | None:
    """The full path of a package's program; None where it is missing. KeyError: not on the list."""
    package = {package.name: package for package in PACKAGES}[name]
    return _found(package.program) or (package.instead and _found(package.instead)) or None


def missing() -> list[SystemPackage]:
    """The packages whose program is not here, and nothing that does as well."""
    return [package for package in PACKAGES if program_of(package.name) is None]


def _found(program: str) -> str | None:
    return shutil.which(program, path=_FOLDERS)


def why_not_install() -> str | None:
    """The reason why this is not the place to install anything; None where it is."""
    if os.environ.get("LEPHI_SYSTEM_PACKAGES") == "skip":
        return "LEPHI_SYSTEM_PACKAGES=skip"
    if os.geteuid() != 0:
        return "not root"
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        return "not a Debian system"
    return None


def install(wanted: list[SystemPackage]) -> str | None:
    """Install what this release of Debian has of `wanted`; the reason where that failed."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]
    _no_cluster_of_its_own()
    try:
        updated = subprocess.run(
            [*apt, "update"], env=environment, check=False, capture_output=True, timeout=300
        )
        if updated.returncode != 0:
            return _last_line(updated.stderr)
        known = [name for package in wanted if (name := _name_here(package)) is not None]
        if not known:
            return "this release has none of them"
        done = subprocess.run(
            [*apt, "install", "--yes", "--no-install-recommends", *known],
            env=environment,
            check=False,
            capture_output=True,
            timeout=900,
        )
    except subprocess.TimeoutExpired as error:
        return f"apt-get took longer than {error.timeout:.0f} s"
    return None if done.returncode == 0 else _last_line(done.stderr)


def main() -> None:
    """Install what is missing and say what is still missing afterwards; exit status 0 always."""
    wanted = missing()
    if not wanted:
        return
    names = ", ".join(package.name for package in wanted)
    reason = why_not_install()
    if reason is None:
        print(f"Installing for the tests: {names}", flush=True)
        reason = install(wanted)
    for package in missing():
        print(f"missing: {package.name} ({package.use}); {reason or 'not in this release'}")


def _no_cluster_of_its_own() -> None:
    """Keep a freshly installed PostgreSQL from making and starting a server of its own."""
    folder = Path("/etc/postgresql-common/createcluster.d")
    if not folder.parent.exists():
        folder.mkdir(parents=True)
        (folder / "lephi.conf").write_text("create_main_cluster = false\n", encoding="utf-8")


def _name_here(package: SystemPackage) -> str | None:
    """What this release has of a package: itself, else what does as well; None for neither."""
    names = (package.name, package.instead) if package.instead else (package.name,)
    return next(filter(_is_known, names), None)


def _is_known(name: str) -> bool:
    shown = subprocess.run(["apt-cache", "policy", name], check=False, capture_output=True)
    return b"Candidate:" in shown.stdout and b"Candidate: (none)" not in shown.stdout


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "apt-get failed"


if __name__ == "__main__":
    main()
