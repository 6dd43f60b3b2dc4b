"""A statement that tells of days before its account existed is refused, row by row."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlmodel import col
from typer.testing import CliRunner, Result

from app.cli.main import build
from core.db import Database
from payments.agencies.models import CollectionAccount
from tests.support.proposing import add_body, add_catalogue

HEADER = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
ACCOUNT = ("--agency", "co-san", "--code", "kbnn", "--kind", "treasury", "--bank-bin", "970436",
           "--number", "11133355", "--holder", "KBNN Thử")  # fmt: skip


class Lephi:
    """`lephi …` on a small catalogue with one body, `co-san`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def __call__(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(build(words[0]), list(words))
        assert done.exit_code == code, done.output
        return done

    def take(self, *days: str, code: int = 0) -> Result:
        """Take in a statement with a line of each of these moments."""
        file = self.folder / "so-phu.csv"
        rows = [f"L{n},{day},1000,credit,,x,FT{n}{day[:4]}" for n, day in enumerate(days, 1)]
        file.write_text("\n".join([HEADER, *rows]) + "\n")
        account = ("--account", "kbnn", "--mapping", "lephi-basic")
        return self("statement", "import", str(file), *account, code=code)

    def lines(self) -> int:
        async def count() -> int:
            database = Database(self.url, pool_size=1)
            async with database.transaction() as session:
                found = await session.scalar(text("SELECT count(*) FROM statement_line"))
            await database.dispose()
            return int(found or 0)

        return asyncio.run(count())

    def forget_the_day(self) -> None:
        async def forget() -> None:
            database = Database(self.url, pool_size=1)
            async with database.transaction() as session:
                of = update(CollectionAccount).where(col(CollectionAccount.code) == "kbnn")
                await session.write(of.values(opened_on=None))
            await database.dispose()

        asyncio.run(forget())


@pytest.fixture
def lephi(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    async def fill() -> None:
        database = Database(database_url, pool_size=1)
        async with database.transaction() as session:
            await add_catalogue(session, await add_body(session, "co-san"))
        await database.dispose()

    asyncio.run(fill())
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    return Lephi(database_url, tmp_path)


def test_every_row_of_an_earlier_day_is_named_and_nothing_is_taken(lephi: Lephi) -> None:
    made = lephi("account", "create", *ACCOUNT, "--opened-on", "2026-11-02", "--json")
    assert json.loads(made.stdout)["opened_on"] == "2026-11-02"
    days = ("2026-11-03T09:00:00+07:00", "2026-11-01T23:59:59+07:00", "2026-11-01T17:00:00Z",
            "2019-05-06T09:00:00+07:00")  # fmt: skip
    refused = lephi.take(*days, code=1)
    said = refused.output
    assert "row 3" in said
    assert "01/11/2026" in said
    assert "row 5" in said
    assert "row 2" not in said
    assert "row 4" not in said, "17:00 UTC is the next day in Vietnam"
    assert lephi.lines() == 0
    lephi.take(days[0], days[2])
    assert lephi.lines() == 2


def test_where_nobody_has_said_since_when_every_day_is_taken(lephi: Lephi) -> None:
    """The negative control as well: it is the day that refuses, and nothing else."""
    lephi("account", "create", *ACCOUNT, "--opened-on", "2026-11-02")
    lephi.take("2026-11-01T09:00:00+07:00", code=1)
    lephi.forget_the_day()
    lephi.take("2026-11-01T09:00:00+07:00")
    assert lephi.lines() == 1
    assert "row 2" in lephi.take("1970-01-01T00:00:00+07:00", code=1).output


@pytest.mark.parametrize(
    "day", ["02/11/2026", "2026-02-30", "1989-12-31", "9999-01-01", "20261102"]
)
def test_a_day_that_cannot_be_is_refused(lephi: Lephi, day: str) -> None:
    refused = lephi("account", "create", *ACCOUNT, "--opened-on", day, code=1)
    assert "opened_on" in refused.output


def test_the_day_is_in_the_audit_log(lephi: Lephi) -> None:
    lephi("account", "create", *ACCOUNT, "--opened-on", "2026-11-02")

    async def noted() -> str:
        database = Database(lephi.url, pool_size=1)
        async with database.transaction() as session:
            query = "SELECT details->'after'->>'opened_on' FROM audit_entry WHERE action = :action"
            found = await session.scalar(text(query), {"action": "account.created"})
        await database.dispose()
        return str(found)

    assert date.fromisoformat(asyncio.run(noted())) == date(2026, 11, 2)
