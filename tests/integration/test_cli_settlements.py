"""`lephi settlement import` and `list`, and `lephi reconcile show`."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT
from core.crypto import Cipher
from core.db import Database
from tests.support.gateway_setups import PAYGOV
from tests.support.system_builder import build_system

FILE = (
    "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at\n"
    "B-2026-1,2026-11-20,payment,LP1,G1,5000,55,4945,\n"
)


async def fill(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        await build_system(session, Cipher(b"k" * 32), [PAYGOV])
    await database.dispose()


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    asyncio.run(fill(database_url))
    for name, value in {
        "LEPHI_MODE": "test",
        "LEPHI_DATABASE_URL": database_url,
        "LEPHI_DATA_DIR": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_file_is_taken_listed_and_shown(folder: Path) -> None:
    path = folder / "quyet-toan.csv"
    path.write_text(FILE)
    where = ["--gateway", "paygov/test"]

    def lephi(*words: str, ends: int = 0) -> str:
        done = CliRunner().invoke(build(), list(words))
        assert done.exit_code == ends, done.output
        return done.output

    take = ["settlement", "import", str(path), *where, "--mapping", "lephi-settlement"]
    assert "1 rows, 1 of them new" in lephi(*take)
    assert "nothing changed" in lephi(*take)
    (listed,) = json.loads(lephi("settlement", "list", *where, "--json"))
    assert (listed["net"], listed["fee"], listed["new_count"]) == (4945, 55, 1)
    path.write_text(FILE.replace("4945", "4946"))
    assert "row 2, column net" in lephi(*take, ends=1)
    day = ["reconcile", "show", "--account", DEMO_ACCOUNT, "--date", "2026-11-20"]
    shown = json.loads(lephi(*day, "--json"))
    assert [one["kind"] for one in shown["batches"]] == ["missing"]
    assert shown["places"]["on_the_way"] == 4945
    assert "paygov B-2026-1: missing, net 4945 đồng (fee 55)" in lephi(*day)
