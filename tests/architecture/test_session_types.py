"""A query that writes fails in the type checker, before anybody runs it."""

import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT

#: Every line that ends in a mark must be refused, and no other one.
PLANTED = """# mypy: disable-error-code="unused-awaitable"
from sqlalchemy import delete, insert, update
from sqlmodel import col, select

from core.audit import AuditEntry
from core.sessions import ReadSession, WriteSession
from core.statements import ReadSql, WriteSql

READ = ReadSql(str, "SELECT actor FROM audit_entry")
WRITE = WriteSql(str, "UPDATE audit_entry SET actor = '' RETURNING actor")
CHANGE = update(AuditEntry).values(actor="")


async def query(session: ReadSession) -> list[str]:
    await session.all(CHANGE)  # refused
    await session.all(CHANGE.returning(col(AuditEntry.actor)))  # refused
    await session.all(WRITE)  # refused
    await session.first(insert(AuditEntry))  # refused
    await session.one(delete(AuditEntry))  # refused
    await session.write(CHANGE)  # refused
    await session.write_all(WRITE)  # refused
    await session.lock_all(select(AuditEntry))  # refused
    await session.execute(CHANGE)  # refused
    await session.commit()  # refused
    wrong: list[int] = await session.all(READ)  # refused
    return await session.all(READ) + await session.all(select(AuditEntry.actor)) + [str(wrong)]


async def command(session: WriteSession) -> list[str]:
    _ = await session.write(CHANGE)
    await session.write(READ)  # refused
    return await query(session) + await session.write_all(WRITE)


async def other_query(session: ReadSession) -> list[str]:
    return await command(session)  # refused
"""


def test_a_query_that_writes_is_refused_and_a_command_is_not(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"]
    # As `make lint` calls it: then what that has read is not read again.
    command += ["--strict", str(planted)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    told = re.findall(r"planted\.py:(\d+): error: .*\[([a-z-]+)\]$", done.stdout, re.MULTILINE)
    lines = PLANTED.splitlines()
    marked = {n for n, line in enumerate(lines, start=1) if line.endswith("  # refused")}
    assert len(marked) == 13
    assert {int(line) for line, _ in told} == marked, done.stdout + done.stderr
    assert {code for _, code in told} <= {"arg-type", "attr-defined", "call-overload", "assignment"}
