"""What the demo makes up at its first start, and what it does with it at the next."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from app.demo_seed import DemoSeed, seed_demo
from app.wiring import parts_of
from core.errors import LephiError
from core.settings import Settings


async def start(url: str, data_dir: Path) -> DemoSeed:
    """Seed as a start of the demo does; the key it tells of is known afterwards."""
    settings = Settings(mode="demo", database_url=url, data_dir=data_dir, log_level="error")
    async with parts_of(settings) as parts:
        told = await seed_demo(parts, data_dir / "demo.json", "http://127.0.0.1:1")
        await parts.keyring.principal(told.api_key)
    return told


async def test_a_later_start_tells_the_same_keys_and_people(
    database_url: str, tmp_path: Path
) -> None:
    first = await start(database_url, tmp_path)
    again = await start(database_url, tmp_path)
    assert again == first
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600


async def test_a_start_that_was_killed_before_its_commit_is_healed_by_the_next(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> str:
        raise LephiError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("app.demo_seed.configure_gateway", killed)
        with pytest.raises(LephiError, match="killed"):
            await start(database_url, tmp_path)
    written = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    told = await start(database_url, tmp_path)
    assert told.api_key != written["api_key"], "that one was never committed"
    kept = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert kept["api_key"] == told.api_key
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM api_key")) == 1 + len(told.staff)
