"""docs/operate.md, carried out as it stands: an empty database, production, a bill that is paid.

The sandbox's gateway stands in for PayGov; whoever opens `pay_url` and pays is the test. Everything
else is what the page says.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState
from receipts.verification import verify
from tests.support.machine import skip
from tests.support.preloaded_shell import preloaded_shell

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text("utf-8")
PAYGOV = {
    "partner_code": "PAYGOV-TEST",
    "access_key": "access-of-a-test",
    "secret_key": "secret-of-a-test",
    "token": "token-of-a-test",
    "service_code": "LEPHI",
}


def blocks_of(page: str) -> list[str]:
    """The page's commands: what stands between fences that say sh."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def commands_of(page: str) -> list[str]:
    """Each command that begins with `lephi`, whole, over as many lines as it takes."""
    joined = "\n".join(blocks_of(page))
    return re.findall(r"^lephi (?:.*\\\n)*.*\n?", joined, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Done:
    """How the page went: exit status, what it wrote, and the folder it was carried out in."""

    status: int | None
    output: str
    folder: Path


def apply(url: str, statement: str) -> None:
    """Say something to the database as its owner."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def url_of(url: str, role: str) -> str:
    """The same database, as another role."""
    return make_url(url).set(username=role).render_as_string(hide_password=False)


async def pay(folder: Path, port: int) -> None:
    """Be the citizen: open the bill's page once it is there, choose PayGov, press success."""
    bill = folder / "bill.json"
    while not bill.exists() or not bill.read_text():  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.1)
    address = httpx2.URL(json.loads(bill.read_text())["pay_url"])
    here = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=here, timeout=30) as browser:
        page = await browser.get(address.raw_path.decode())
        assert page.status_code == 200, page.text
        form = {"gateway": "paygov", "t": address.params["t"], "once": "once"}
        start = await browser.post(f"{address.path}/pay", data=form)
        assert start.status_code == 303, start.text
        done = await browser.post(start.headers["location"], data={"outcome": "success"})
        assert done.status_code < 400, done.text


async def carried_out(page: str, url: str, folder: Path) -> Done:
    """Run the page's commands in one shell; nothing they started is left behind."""
    if shutil.which("curl") is None:
        skip("curl is not installed")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    (folder / "paygov.json").write_text(json.dumps(PAYGOV))
    role = f"lephi_{uuid.uuid4().hex[:12]}"
    apply(url, f"CREATE ROLE {role} LOGIN")
    state = SandboxState(seed=1)
    state.open("paygov", PAYGOV, f"http://127.0.0.1:{port}/callbacks/paygov/phuong-thu")
    async with running(state) as sandbox_url:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LEPHI_")} | {
            "OWNER_URL": url,
            "LEPHI_DATABASE_URL": url_of(url, role),
            "LEPHI_RUNTIME_ROLE": role,
            "LEPHI_DATA_DIR": str(folder / "data"),
            "LEPHI_BASE_URL": "https://phi.phuong-thu.example.vn",
            "LEPHI_PORT": str(port),
            "PAYGOV_URL": f"{sandbox_url}/paygov",
            "PYTHONPATH": str(ROOT),
        }
        output = folder / "output.txt"
        shell = preloaded_shell("\n".join(blocks_of(page)), folder, environment, output)
        assert shell.pid is not None
        citizen = asyncio.create_task(pay(folder, port))
        try:
            await asyncio.to_thread(shell.join, 500)
        finally:
            citizen.cancel()
            with suppress(ProcessLookupError):  # the services that the page has started
                os.killpg(shell.pid, signal.SIGTERM)
            await gone(shell.pid)
        with suppress(asyncio.CancelledError):
            await citizen
    return Done(shell.exitcode, output.read_text("utf-8"), folder)


async def gone(group: int) -> None:
    """Wait until nothing of a process group runs; what will not end is killed."""
    for _ in range(600):
        if not members(group):
            return
        await asyncio.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("what the page has started did not end when told to")


def members(group: int) -> list[str]:
    """The processes of a group that run; one that waits to be buried does not."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            told = status.read_text().rpartition(")")[2].split()
            if int(told[2]) == group and told[0] not in "ZX":
                found.append(status.parent.name)
    return found


@pytest.mark.timeout(600)
async def test_the_page_leads_to_a_paid_bill_and_a_receipt_that_verifies(
    empty_database_url: str, tmp_path: Path
) -> None:
    done = await carried_out(PAGE, empty_database_url, tmp_path)
    assert done.status == 0, done.output
    bill = json.loads((tmp_path / "paid.json").read_text())
    assert (bill["status"], bill["amount"]) == ("paid", 5000)
    assert [one["status"] for one in bill["receipts"]] == ["issued"]
    own = (tmp_path / "data/keys/signing/signing.pem").read_bytes()
    found = verify((tmp_path / "receipt.xml").read_bytes(), own)
    assert found.trusted
    assert found.content is not None
    assert found.content.amount == 5000
    assert not found.content.demo
    assert "answers and knows us" in done.output
    assert "All invariants hold." in done.output
    events = re.findall(r'"event": "((?:serve|worker) \w+)"', done.output)
    assert sorted(events) == ["serve started", "serve stopped", "worker started", "worker stopped"]
    assert not [secret for secret in PAYGOV.values() if f"{secret}-of" in done.output]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ("lephi key create", "There is no signing key"),
        ("lephi account create", "Không có tài khoản thu kbnn-thu."),
        ("lephi gateway configure", "Không có tài khoản cổng thanh toán này."),
    ],
)
async def test_a_page_with_a_command_left_out_fails(
    empty_database_url: str, tmp_path: Path, left_out: str, words: str
) -> None:
    (gone_command,) = [one for one in commands_of(PAGE) if one.startswith(left_out)]
    assert PAGE.count(gone_command) == 1
    done = await carried_out(PAGE.replace(gone_command, ""), empty_database_url, tmp_path)
    assert done.status != 0
    assert words in done.output
    assert not (tmp_path / "receipt.xml").exists()


def test_every_command_of_the_page_is_one_of_ours() -> None:
    """What the tables and sentences name exists, too."""
    from app.cli.main import _COMMANDS, _FAMILIES

    named = set(re.findall(r"`lephi ([a-z-]+)", PAGE))
    assert named <= {*_COMMANDS, *_FAMILIES}
    assert {"agency", "account", "gateway", "key", "user", "apikey"} <= {
        one.split()[1] for one in commands_of(PAGE)
    }
