"""A program that owns an embedded database until somebody ends it, for the lifecycle tests.

Prints one JSON line: the server's `pid` and `url`, or the `error` that kept it from starting. Ends
by itself, and cleanly, when its standard input does.
"""

import json
import sys
from pathlib import Path

from app.embedded.supervisor import EmbeddedDatabase
from core.errors import LephiError


def main(data_dir: Path, *, durable: bool) -> None:
    """Hold the database of `data_dir`."""
    database = EmbeddedDatabase(data_dir, durable=durable)
    try:
        database.start()
    except LephiError as error:
        print(json.dumps({"code": error.code, "error": error.detail}), flush=True)
        return
    print(json.dumps({"pid": database.pid, "url": database.url()}), flush=True)
    sys.stdin.read()
    database.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), durable="durable" in sys.argv[2:])
