"""Installs into the environment whose Python runs this: `install.py [arguments of pip install]`.

With uv, which takes a sixth of pip's time, where the environment has it; else, and where uv fails,
with pip, whose errors are the ones people know. Either holds what it gets to the hashes of the
locks. What this machine's pip has been told (its index, its certificates) is handed on to uv.
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
#: Where uv looks for what is a setting of pip; never on the command line, which all may read, for
#: an address may hold a password. Beside it what several values are joined by.
_VARIABLES = {
    "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "index-url": ("UV_DEFAULT_INDEX", ""),
    "cert": ("SSL_CERT_FILE", ""),
    "client-cert": ("SSL_CLIENT_CERT", ""),
    "proxy": ("ALL_PROXY", ""),
}
#: What pip takes for yes.
_YES = ("1", "on", "t", "true", "y", "yes")


def main(wanted: Sequence[str]) -> int:
    """Install what these arguments of `pip install` name; the exit status of who did it."""
    if _UV.exists():
        if _installed_by_uv(wanted):
            return 0
        print("uv could not; once more with pip.", flush=True)
    return subprocess.run([*_PIP_INSTALL, *wanted], check=False).returncode


def told_to_uv(settings: Mapping[str, str]) -> dict[str, str]:
    """Variables by which uv gets what pip gets by these settings of its own."""
    return {
        variable: between.join(settings[name].split()) if between else settings[name]
        for name, (variable, between) in _VARIABLES.items()
        if settings.get(name)
    }


def read_settings(listed: str) -> dict[str, str]:
    """The settings that `pip config list` has listed, with what pip lets each give way to."""
    groups: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        group, _, name = key.rpartition(".")
        if equals and group in groups and (told := str(ast.literal_eval(value))):
            groups[group][name] = told
    return groups["global"] | groups["install"] | groups[":env:"]


def _installed_by_uv(wanted: Sequence[str]) -> bool:
    listed = subprocess.run([*_PIP, "config", "list"], check=False, capture_output=True, text=True)
    settings = read_settings(listed.stdout)
    # A person sees how far it is. Copied, not linked: a change to an installed file must not reach
    # the cache that all projects share. Whichever index has a file: its hash says that it is right.
    said = [] if sys.stderr.isatty() else ["--quiet"]
    ways = ["--python", sys.executable, "--link-mode", "copy"]
    ways += ["--index-strategy", "unsafe-best-match"]
    if settings.get("no-index", "").lower() in _YES:
        ways.append("--no-index")
    try:
        done = subprocess.run(
            [str(_UV), "pip", "install", *said, *ways, *wanted],
            env=os.environ | told_to_uv(settings),
            check=False,
        )
    except OSError as error:
        print(f"{_UV}: {error}", flush=True)
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
