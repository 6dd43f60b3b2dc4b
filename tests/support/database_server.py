"""Owns the test run's PostgreSQL: a process of its own, which ends when the test run does.

Started by the first worker that needs a database. It watches the process that leads the run, so
neither Ctrl-C nor a killed worker leaves a server behind; and should this process itself be
killed, the kernel ends the server.
"""

import importlib
import importlib.util
import json
import os
import select
import shutil
import signal
import sys
from pathlib import Path

from app.embedded.supervisor import EmbeddedDatabase

TEMPLATE = "lephi_template"


def main(run: Path, leader: int) -> None:
    """Serve the run whose folder is `run` until the process `leader` has ended, or SIGTERM."""
    os.setsid()
    asked_to_end, wake = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"."))
    watched = select.poll()
    watched.register(os.pidfd_open(leader), select.POLLIN)
    watched.register(asked_to_end, select.POLLIN)
    programs = os.environ.get("LEPHI_TEST_POSTGRES")
    database = EmbeddedDatabase(
        run / "database", durable=False, programs=Path(programs) if programs else None
    )
    try:
        database.start()
        _make_template(database)
        _publish(run, {"pid": os.getpid(), "url": database.url("{database}")})
        watched.poll()
    except Exception as error:
        _publish(run, {"pid": os.getpid(), "error": f"{type(error).__name__}: {error}"})
        raise
    finally:
        database.remove()
        if not Path(f"/proc/{leader}").exists():
            shutil.rmtree(run, ignore_errors=True)


def _make_template(database: EmbeddedDatabase) -> None:
    """Migrate once; every test gets a copy."""
    with database.connect() as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
        if importlib.util.find_spec("app.migrations.run") is not None:
            migrations = importlib.import_module("app.migrations.run")
            migrations.upgrade(database.url(TEMPLATE))
        connection.execute(f"ALTER DATABASE {TEMPLATE} WITH ALLOW_CONNECTIONS false")


def _publish(run: Path, told: dict[str, object]) -> None:
    fresh = run / "server.json.new"
    fresh.write_text(json.dumps(told), encoding="utf-8")
    fresh.rename(run / "server.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
