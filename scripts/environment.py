"""Makes the environment of `make`: `environment.py FOLDER [--quickest]`.

It is made from the Python that runs this or, with `--quickest`, from its quicker twin: the same
minor version, which may be another patch of it, built otherwise. Version managers build Python
without measured branches and links, and such a one takes up to a third longer for the same work
than Debian's.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

#: A twin has to take less than this part of our own time, or it is not worth the change.
_WORTH = 0.85
#: Prints what extension modules a Python takes and how long it takes to compile a large module, in
#: seconds of the processor: the best of some, for others work beside. Fails where a part is missing
#: that a Python built in haste may lack.
_MEASURE = """
import argparse, bz2, ctypes, pathlib, ssl, sysconfig, time, venv, zlib
text = pathlib.Path(argparse.__file__).read_text()
def work():
    begun = time.process_time()
    compile(text, argparse.__file__, "exec")
    return time.process_time() - begun
print(sysconfig.get_config_var("SOABI"), min(work() for _ in range(9)))
"""


def main(folder: Path, *, quickest: bool) -> int:
    """Make the environment, with pip in it; the exit status of who did it."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/bin"]
    twin, wheel = (find_quicker_twin(folders), _pip_wheel()) if quickest else (None, None)
    if twin is not None and wheel is not None:
        print(f"Taking {twin}, which is quicker than {sys.executable} (PYTHON=… names another).")
        # A system's Python may come without what puts pip into an environment: ours does it.
        new = folder / "bin" / "python"
        if (
            _run(twin, "-m", "venv", "--clear", "--without-pip", folder) == 0
            and _run(new, wheel / "pip", "install", "-qq", "--no-index", wheel) == 0
        ):
            return 0
    return _run(sys.executable, "-m", "venv", "--clear", folder)


def find_quicker_twin(folders: Iterable[str]) -> Path | None:
    """The quickest Python of our minor version and kind; None where ours is about as quick.

    Not looked for in folders that depend on where we happen to be.
    """
    best, quickest = _WORTH * measure(Path(sys.executable)), None
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    absolute = [Path(folder) for folder in folders if Path(folder).is_absolute()]
    for python in {(folder / name).resolve() for folder in absolute}:
        if (seconds := measure(python)) < best:
            best, quickest = seconds, python
    return quickest


def measure(python: Path) -> float:
    """How long a Python takes for a little work; for ever where it cannot take our place."""
    try:
        said = subprocess.run(
            [python, "-I", "-c", _MEASURE], check=True, capture_output=True, text=True, timeout=20
        ).stdout
        kind, seconds = said.split()
        return float(seconds) if kind == sysconfig.get_config_var("SOABI") else float("inf")
    except (OSError, subprocess.SubprocessError, ValueError):
        return float("inf")


def _run(*command: str | Path) -> int:
    return subprocess.run(command, check=False).returncode


def _pip_wheel() -> Path | None:
    """The pip that comes with this Python; None where its maker has taken it out."""
    found = importlib.util.find_spec("ensurepip")
    if found is None or found.origin is None:
        return None
    # A distribution may keep it in a folder of its own.
    folders = (Path(found.origin).parent / "_bundled", sysconfig.get_config_var("WHEEL_PKG_DIR"))
    wheels = [wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    return wheels[0] if wheels else None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), quickest="--quickest" in sys.argv[2:]))
