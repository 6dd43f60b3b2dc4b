"""How much room there is on the disks that we write to ourselves."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

#: With less than this an operator has to make room, in bytes.
LEAST_FREE: Final = 500_000_000


def free_bytes(data_dir: Path) -> int:
    """The least room on the disk of the data folder, and on that of files which come with forms."""
    folders = (_existing(data_dir), Path(tempfile.gettempdir()))
    return min(shutil.disk_usage(folder).free for folder in folders)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
