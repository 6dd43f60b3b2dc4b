"""What the type checker says of a fault that no test sees: one that it refuses could not land."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.mutations import Mutant

#: The exit status of mypy where it found errors; it has others for a run that broke off.
_REFUSED = 1


class Types:
    """Asks `mypy --strict` about one changed file at a time, as `make lint` has it.

    The first question reads all that the file imports, and takes seconds; each later one a second.
    """

    def __init__(self, root: Path, folder: Path, say: Callable[[str], None]) -> None:
        """`root` is where the project lies, `folder` where what was read is kept."""
        self._root, self._folder, self._say = root, folder, say
        #: file → whether it is accepted as it is
        self._sound: dict[str, bool] = {}

    def refuse(self, path: str, mutant: Mutant) -> bool:
        """Whether a file that is accepted as it is would be refused with this fault.

        False where that cannot be told.
        """
        if path not in self._sound:
            self._sound[path] = self._status(path, mutant.source) == 0
            if not self._sound[path]:
                self._say(f"{path} is refused by the types as it is, and they are not asked")
        text = mutant.text if self._sound[path] else None
        return text is not None and self._status(path, text) == _REFUSED

    def _status(self, path: str, text: str) -> int:
        changed = self._folder / "changed.py"
        changed.write_text(text, "utf-8")
        cache = ["--cache-dir", str(self._folder / "mypy")]
        command = [sys.executable, "-m", "mypy", "--strict", *cache]
        command += ["--shadow-file", path, str(changed), path]
        return subprocess.run(command, cwd=self._root, capture_output=True, check=False).returncode
