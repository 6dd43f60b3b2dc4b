"""Installs into the environment whose Python runs this: `install.py [arguments of pip install]`.

With uv, which takes a third of pip's time, where it can be had; else, and where uv fails, with pip,
whose errors are the ones people know. Either holds what it gets to the hashes of the locks. What
this machine's pip has been told (its index, its certificates) is handed on to uv.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
_PIP_INSTALL = [*_PIP, "install", "-qq"]
_UV = Path(sys.executable).parent / "uv"
_UV_LOCK = Path(__file__).resolve().parents[1] / "requirements-uv.lock"
#: A setting of pip that may have several values, and uv's option for each of them.
_OPTIONS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}
#: A setting of pip, and where uv looks for it.
_VARIABLES = {"cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT", "proxy": "ALL_PROXY"}


def main(wanted: Sequence[str]) -> int:
    """Install what these arguments of `pip install` name; the exit status of who did it."""
    if _UV.exists() or _install_uv():
        options, environment = told_to_uv(_settings_of_pip())
        # A person sees how far it is. Copied, not linked: a change to an installed file must not
        # reach the cache that all projects share.
        said = [] if sys.stderr.isatty() else ["--quiet"]
        copied = ["--python", sys.executable, "--link-mode", "copy"]
        done = subprocess.run(
            [str(_UV), "pip", "install", *said, *copied, *options, *wanted],
            env=os.environ | environment,
            check=False,
        )
        if done.returncode == 0:
            return 0
        print("uv could not; once more with pip.", flush=True)
    return subprocess.run([*_PIP_INSTALL, *wanted], check=False).returncode


def told_to_uv(settings: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options and variables by which uv gets what pip gets by these settings of its own."""
    # Whichever index has a file: its hash says that it is the right one.
    options = ["--index-strategy", "unsafe-best-match"]
    for name, option in _OPTIONS.items():
        for value in settings.get(name, "").split():
            options += [option, value]
    if settings.get("no-index", "false") in ("true", "1", "yes"):
        options.append("--no-index")
    return options, {
        variable: settings[name] for name, variable in _VARIABLES.items() if name in settings
    }


def read_settings(listed: str) -> dict[str, str]:
    """The settings that `pip config list` has listed, with what pip lets each give way to."""
    groups: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        group, _, name = key.rpartition(".")
        if equals and group in groups:
            groups[group][name] = str(ast.literal_eval(value))
    return groups["global"] | groups["install"] | groups[":env:"]


def _settings_of_pip() -> dict[str, str]:
    listed = subprocess.run([*_PIP, "config", "list"], check=False, capture_output=True, text=True)
    return read_settings(listed.stdout)


def _install_uv() -> bool:
    got = subprocess.run(
        [*_PIP_INSTALL, "--require-hashes", "-r", str(_UV_LOCK)],
        check=False,
        capture_output=True,
    )
    return got.returncode == 0 and _UV.exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
