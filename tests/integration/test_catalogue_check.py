"""`lephi catalogue check` and `changes` over the seed, in PostgreSQL and through the command."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import text
from typer.testing import CliRunner, Result

from app.cli.main import build
from app.seed.agency import seed_body
from app.seed.catalogue import read_seed, seed_catalogue
from core import clock
from core.db import Database
from core.ids import new_id
from payments.agencies.models import Agency
from payments.catalogue.upkeep.inspection.contents import Catalogue
from payments.catalogue.upkeep.inspection.loading import load_catalogue
from payments.catalogue.upkeep.inspection.rules import inspect
from tests.support.catalogues import TODAY, catalogue_of

HORIZON = TODAY + timedelta(days=365)


@pytest.fixture
async def database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """A seeded database that the command finds; a ward below the body with the local schedule."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path))
    database = Database(database_url, pool_size=2)
    async with database.transaction() as session:
        body = await seed_body(session)
        session.add(
            Agency(
                id=new_id("agency"),
                code="to-dan-pho",
                name="Tổ dân phố",
                name_en="Residential group",
                parent_id=body.agency_id,
                tax_code="0100000000",
                address="Hà Nội",
                phone="024",
                return_origins=[],
                created_at=clock.now(),
            )
        )
        await session.flush()
        await seed_catalogue(session, local={"ha-noi": body.agency_id})
    yield database
    await database.dispose()


async def lephi(*arguments: str) -> Result:
    # The command runs a loop of its own, which needs a thread of its own.
    command = build("catalogue")
    return await asyncio.to_thread(CliRunner().invoke, command, ["catalogue", *arguments])


async def checked(*arguments: str) -> dict[str, Any]:
    result = await lephi("check", "--on", f"{TODAY}", "--json", *arguments)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if found["errors"] else 0), result.output
    return found


async def run(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))


def test_the_seed_has_no_error_today() -> None:
    findings = inspect(catalogue_of(read_seed()), TODAY, HORIZON)
    assert [finding for finding in findings if finding.level == "error"] == []
    # What is known to be doubtful is told.
    assert {"unconfirmed", "unconfirmed_sub_item", "ends"} <= {one.code for one in findings}


def test_the_budget_index_of_a_year_is_asked_for_that_year() -> None:
    whole = catalogue_of(read_seed())

    def missing(catalogue: Catalogue, on: date) -> list[str]:
        found = inspect(catalogue, on, on)
        return [one.subject for one in found if one.code == "missing_sub_item"]

    old, new = date(2025, 12, 31), date(2026, 1, 1)
    assert missing(whole, old) == missing(whole, new) == []
    before = replace(whole, sub_items=tuple(s for s in whole.sub_items if s.valid_from < new))
    after = replace(whole, sub_items=tuple(s for s in whole.sub_items if s.valid_from >= new))
    assert "chung-thuc-ban-sao" in missing(before, new)
    assert missing(before, old) == []
    assert "chung-thuc-ban-sao" in missing(after, old)
    assert missing(after, new) == []
    # A day before, the new year's index is only a warning.
    (soon,) = [
        one
        for one in inspect(before, old, new)
        if (one.code, one.subject) == ("missing_sub_item", "chung-thuc-ban-sao")
    ]
    assert (soon.level, soon.first_day) == ("warning", new)


async def test_what_is_read_from_the_database_is_what_was_seeded(database: Database) -> None:
    async with database.transaction() as session:
        read = await load_catalogue(session)
    seeded = catalogue_of(read_seed())
    for name in ("procedures", "sub_items", "legal_texts"):
        assert set(getattr(read, name)) == set(getattr(seeded, name))
    (body,) = {fee.agency_id for fee in read.fees} - {None}
    assert body is not None
    plain = {"id": "", "agency_id": None}
    for name in ("fees", "reliefs"):
        entries = [
            {(replace(entry, **plain), entry.agency_id is None) for entry in getattr(whole, name)}
            for whole in (read, seeded)
        ]
        assert entries[0] == entries[1]
    chains = {owner.code: owner.above for owner in read.owners.values()}
    assert chains["to-dan-pho"] == (body,)
    assert chains[read.owner(body).code] == ()


async def test_the_seed_checks_without_errors_and_a_summary_says_so(database: Database) -> None:
    found = await checked()
    assert found["errors"] == 0
    assert found["warnings"] == len(found["findings"]) > 3
    assert (found["on"], found["horizon"]) == ("2026-11-22", "2027-11-22")
    shown = await lephi("check", "--on", f"{TODAY}")
    assert shown.exit_code == 0
    assert f"CẢNH BÁO ({found['warnings']})" in shown.stdout
    assert "LỖI (" not in shown.stdout
    last = shown.stdout.strip().splitlines()[-1]
    assert last == (
        f"Kiểm tra từ 22/11/2026 đến hết 22/11/2027: 0 lỗi, {found['warnings']} cảnh báo."
    )
    verbose = await lephi("check", "--on", f"{TODAY}", "--verbose")
    assert "      - khoản thu tam-tru\n" in verbose.stdout
    assert "      - " not in shown.stdout


async def test_an_error_is_shown_first_and_ends_the_command_with_1(database: Database) -> None:
    await run(database, "DELETE FROM sub_item WHERE code = '2716'")
    await run(
        database, "UPDATE legal_reference SET valid_to = '2026-11-21' WHERE number LIKE '75/%'"
    )
    found = await checked()
    assert found["errors"] > 5
    wrong = {(one["code"], one["subject"]) for one in found["findings"] if one["level"] == "error"}
    assert {("missing_sub_item", "chung-thuc-ban-sao"), ("expired_basis", "thuong-tru")} <= wrong
    shown = await lephi("check", "--on", f"{TODAY}")
    assert shown.exit_code == 1
    assert shown.stdout.startswith(f"LỖI ({found['errors']})\n")
    assert "  missing_sub_item · khoản thu chung-thuc-ban-sao · từ 22/11/2026\n" in shown.stdout
    assert f"{found['errors']} lỗi" in shown.stdout.splitlines()[-1]


async def test_an_agency_is_checked_by_what_counts_for_it(database: Database) -> None:
    await run(
        database,
        "UPDATE fee SET sub_item = '9999' WHERE agency_id IS NOT NULL AND valid_to IS NULL",
    )
    assert (await checked())["errors"] > 0
    assert (await checked("--agency", "to-dan-pho"))["errors"] > 0
    async with database.transaction() as session:
        alone = Agency(
            id=new_id("agency"),
            code="noi-khac",
            name="Nơi khác",
            name_en="Elsewhere",
            tax_code="0100000000",
            address="Huế",
            phone="0234",
            return_origins=[],
            created_at=clock.now(),
        )
        session.add(alone)
    assert (await checked("--agency", "noi-khac"))["errors"] == 0
    unknown = await lephi("check", "--agency", "khong-co")
    assert unknown.exit_code == 1
    assert "Không có cơ quan khong-co." in unknown.stderr


async def test_options_that_make_no_sense_are_refused(database: Database) -> None:
    for arguments in (["check", "--on", "22/11/2026"], ["check", "--days", "-1"]):
        assert (await lephi(*arguments)).exit_code == 2
    backwards = await lephi("changes", "--from", "2027-03-01", "--to", "2027-02-01")
    assert backwards.exit_code == 1
    assert "Ngày cuối" in backwards.stderr


async def test_planned_changes_are_told_by_day(database: Database) -> None:
    days = ("--from", "2027-01-02", "--to", "2027-03-01")
    shown = await lephi("changes", *days, "--agency", "to-dan-pho")
    assert shown.exit_code == 0, shown.output
    told = json.loads((await lephi("changes", *days, "--agency", "to-dan-pho", "--json")).stdout)
    (day,) = told["days"]
    assert day["count"] >= 14
    first, *lines = shown.stdout.splitlines()
    assert first == f"Ngày 01/03/2027: {day['count']} khoản thu thay đổi"
    assert lines[0].startswith("  ")
    assert any("thuong-tru" in line and line.endswith("— đổi miễn, giảm") for line in lines)
    national = json.loads((await lephi("changes", *days, "--json")).stdout)
    assert national["days"][0]["count"] < day["count"]
    quiet = await lephi("changes", "--from", "2027-02-01", "--to", "2027-02-28")
    assert quiet.stdout == "Không khoản thu nào thay đổi từ 01/02/2027 đến hết 28/02/2027.\n"


async def test_a_production_database_has_no_error_without_any_body(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """National reliefs name fees that provinces set; that no province is here is no fault."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path))
    empty = Database(database_url, pool_size=1)
    async with empty.transaction() as session:
        await seed_catalogue(session)
        bare = inspect(await load_catalogue(session), TODAY, HORIZON)
    assert sum(one.level == "error" for one in bare) == 48, "the check has nothing to leave out"
    assert (await checked())["errors"] == 0
    # The negative control: a slip in a national relief is still an error.
    await run(
        empty, "UPDATE relief SET fees = array_append(fees, 'khong-co') WHERE code LIKE 'ho-tich%'"
    )
    found = await checked()
    assert {one["code"] for one in found["findings"] if one["level"] == "error"} == {"unknown_fee"}
    assert found["errors"] == 3
    await empty.dispose()


async def test_a_provinces_schedule_is_seeded_for_the_body_that_collects_by_it(
    database: Database,
) -> None:
    """`lephi seed --local`: what a demonstration has, for a body that was set up by hand."""

    async def seed(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, build("seed"), ["seed", *words])

    count = "SELECT count(*) FROM fee f JOIN agency a ON a.id = f.agency_id WHERE a.code = :code"

    async def fees() -> int:
        async with database.transaction() as session:
            found: int = await session.scalar(text(count), {"code": "to-dan-pho"})
        return found

    for words in (("--local", "ha-noi"), ("--local", "ha-nam=to-dan-pho")):
        refused = await seed(*words)
        assert (refused.exit_code, "ha-noi" in refused.stderr) == (1, True)
    assert (await seed("--local", "ha-noi=khong-co")).exit_code == 1
    both = ("--local", "khoan-chi-phi=to-dan-pho", "--local", "nop-toan-bo=to-dan-pho")
    twice = ("--local", "ha-noi=to-dan-pho", "--local", "ha-noi=to-dan-pho")
    for several in (both, twice):
        refused = await seed(*several)
        assert (refused.exit_code, refused.exception.__class__) == (1, SystemExit), refused.output
    assert await fees() == 0
    assert (await seed("--local", "ha-noi=to-dan-pho")).exit_code == 0
    assert await fees() > 20
