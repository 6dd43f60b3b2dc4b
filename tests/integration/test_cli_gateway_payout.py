"""`lephi gateway payout`: what a payout is made of, fetched and written down, or nothing at all."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from adapters.sandbox.engine.state import PayerOutcome
from app.cli.main import build
from core.ids import new_id
from tests.api.test_days_of_accounts import view
from tests.journeys.test_every_gateway import LINES, press, settled, start
from tests.support.every_gateway import PLACE, open_every_account
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """A system with an account at each gateway."""
    await open_every_account(shared_system)
    return shared_system


@pytest.fixture
def environment(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator's shell says of this system."""
    settings = system.parts.settings
    monkeypatch.setenv("LEPHI_MODE", settings.mode)
    monkeypatch.setenv("LEPHI_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("LEPHI_DATA_DIR", str(settings.data_dir))
    # The service beside us writes to the same place.
    monkeypatch.setenv("LEPHI_LOG_LEVEL", settings.log_level)


async def lephi(*words: str, code: int = 0) -> Result:
    """Run the command beside the sandbox, which answers meanwhile."""
    done = await asyncio.to_thread(CliRunner().invoke, build("gateway"), ["gateway", *words])
    assert done.exit_code == code, done.output
    return done


@pytest.mark.usefixtures("environment")
async def test_a_payout_is_fetched_written_taken_in_and_every_payment_matches(
    system: System, tmp_path: Path
) -> None:
    for _ in range(3):  # more than a page of what the sandbox tells at a time
        bill = await system.create_bill(lines=LINES)
        await press(system, await start(system, bill, "stripe"), PayerOutcome.SUCCESS)
        await settled(system, bill)
    out = tmp_path / "payout.csv"
    done = await lephi("payout", "stripe", PLACE, "po_1", "--out", str(out))
    assert f"{out}: take it in with `lephi settlement import`" in done.stdout
    answer = await system.office.post(
        "/api/v1/settlements",
        files={"file": (out.name, out.read_bytes(), "text/csv")},
        data={"gateway": f"stripe/{PLACE}", "mapping": "lephi-settlement"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["new"], told["amount"] - told["fee"]) == (3, told["net"])
    (shown,) = (one for one in (await view(system))["settlements"] if "stripe" in one["gateway"])
    assert shown["classes"]["matched"]["count"] == 3
    assert "unknown_in_settlement" not in shown["classes"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stripe", PLACE, "po_manual_1"), "manual"),
        (("stripe", PLACE, "../v1/refunds"), "payout"),
        (("stripe", "nowhere", "po_1"), "tài khoản"),
        (("momo", PLACE, "po_1"), "does not tell what its payouts are made of"),
    ],
)
async def test_what_is_no_payout_writes_nothing_and_says_why(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "payout.csv"
    done = await lephi("payout", *words, "--out", str(out), code=1)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()
