"""`lephi demo` from start to end: it leaves nothing running, and heals what was killed.

Where root runs the suite, an ordinary user starts, heals and keeps it, for whom alone the modes of
files matter, from a checkout of that user; root is asked for what is otherwise with root, whose
database runs as somebody else.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.embedded.place import prepare
from core.ids import new_id
from scripts.without_orphans import descendants
from tests.support.forked_programs import run_lephi
from tests.support.machine import skip
from tests.support.people import OURSELVES, PACKAGES, ROOT, Person, is_alive, ordinary_person

#: What a checkout needs to run the demo.
SHIPPED = ("core", "payments", "receipts", "reconciliation", "adapters", "app")
COMMAND = "from app.cli.main import main; main()"
#: What a ready file says. What is not built yet is null.
READY = {
    *("base_url", "api_key", "agency", "staff", "pay_url", "counter_url", "staff_url"),
    *("sandbox_url", "gateways", "bank_url", "vendor_url", "collect_url", "pids"),
}
PIDS = {"demo", "database", "sandbox", "serve", "worker"}
#: What the next start on the same folder says again.
KEPT = ("agency", "api_key", "staff", "gateways")
#: The machine is shared: how long anything may take, in seconds.
PATIENCE = 150.0

pytestmark = pytest.mark.timeout(600)


@dataclass
class Demo:
    """A demo that was started; `seen` are all processes it is known to have had."""

    process: subprocess.Popen[bytes]
    ready_file: Path
    output: Path
    seen: set[int] = field(default_factory=set)

    def ready(self, meets: Callable[[dict[str, Any]], bool] = lambda told: True) -> dict[str, Any]:
        """What the ready file says, once it is there and `meets` agrees."""
        told: dict[str, Any] = {}

        def is_ready() -> bool:
            with suppress(FileNotFoundError):
                told.update(json.loads(self.ready_file.read_text("utf-8")))
            return bool(told) and meets(told)

        self.until(is_ready)
        return told

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait, noting now and then what runs meanwhile, until this is so."""
        deadline, polls = time.monotonic() + PATIENCE, 0
        while not reached():
            said = self.output.read_text("utf-8", "replace")
            assert self.process.poll() is None, f"the demo ended: {said}"
            assert time.monotonic() < deadline, f"the demo is not ready: {said}"
            if polls % 5 == 0:
                self.look()
            polls += 1
            time.sleep(0.09)
        self.look()

    def ready_without(self, killed: Collection[int]) -> dict[str, Any]:
        """What the ready file says once none of the killed is in it any more."""
        return self.ready(lambda told: not {*killed} & {*told["pids"].values()})

    def look(self) -> None:
        """Note every process that the demo has now."""
        self.seen.update((self.process.pid, *descendants(self.process.pid)))

    def end(self, sent: signal.Signals) -> int:
        """Signal the supervisor and wait for its end; its exit status."""
        self.look()
        self.process.send_signal(sent)
        return self.process.wait(PATIENCE)

    def left(self) -> list[str]:
        """What still runs of it, once everything has had time to end."""
        deadline = time.monotonic() + PATIENCE
        while (alive := [pid for pid in self.seen if is_alive(pid)]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.05)
        return [f"{pid}: {_command(pid)}" for pid in alive]


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return "(ended)"


@dataclass(frozen=True)
class Place:
    """Who runs the demo, from which checkout, with its data where."""

    person: Person
    checkout: Path
    folder: Path

    @contextmanager
    def demo(self, *, by_environment: bool = False) -> Iterator[Demo]:
        """A demo on the same data folder as every other of this place; none of it stays."""
        data_dir, ready_file = self.folder / "data", self.folder / "ready.json"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self.checkout}{os.pathsep}{PACKAGES}",
        }
        options = ["--data-dir", str(data_dir), "--ready-file", str(ready_file)]
        if by_environment:
            options = []
            environment |= {
                "LEPHI_DEMO_DATA_DIR": str(data_dir),
                "LEPHI_DEMO_READY_FILE": str(ready_file),
            }
        said = self.folder / "output.txt"
        with said.open("wb") as written:
            process = subprocess.Popen(
                [self.person.python, "-c", COMMAND, "demo", *options],
                cwd=self.checkout,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                user=self.person.uid,
                group=self.person.gid,
                extra_groups=None if self.person.uid is None else [],
            )
        demo = Demo(process, ready_file, said)
        try:
            yield demo
        finally:
            demo.look()
            process.kill()
            process.wait()
            for pid in demo.left():  # a test that failed must not leave anything either
                os.kill(int(pid.partition(":")[0]), signal.SIGKILL)


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Place]:
    """Ourselves in this checkout."""
    yield Place(OURSELVES, ROOT, tmp_path)
    for marker in tmp_path.rglob("postgres-place"):  # root's databases stand elsewhere
        shutil.rmtree(prepare(marker.parent, durable=False).home)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """An ordinary user in a checkout of its own; ourselves in ours, if that is what we are."""
    if os.geteuid() != 0:
        yield request.getfixturevalue("own_place")
        return
    person = ordinary_person()
    if person is None or person.uid is None or person.gid is None:
        skip("an ordinary user can reach neither this Python nor these packages")
    folder = Path(tempfile.mkdtemp(prefix="lephi-demo-"))
    checkout = folder / "checkout"
    for name in SHIPPED:  # with what is compiled, which would be done again by each process
        shutil.copytree(ROOT / name, checkout / name)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, person.uid, person.gid)
    yield Place(person, checkout, folder)
    shutil.rmtree(folder)


@contextmanager
def client(told: dict[str, Any]) -> Iterator[httpx2.Client]:
    """A system that uses the demo with its key."""
    key = {"Authorization": f"Bearer {told['api_key']}"}
    with httpx2.Client(base_url=told["base_url"], headers=key, timeout=60) as made:
        yield made


def post(told: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create something over the API."""
    with client(told) as api:
        answer = api.post(path, json=body, headers={"Idempotency-Key": new_id("test")})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def users_as(told: dict[str, Any], key: str) -> int:
    """The status of the list of people, asked for with somebody's own key."""
    with client(told | {"api_key": key}) as api:
        return api.get("/api/v1/users").status_code


def create_bill(told: dict[str, Any]) -> str:
    """Open a bill; its path."""
    lines = [{"fee": "2.000815", "quantity": 3}]
    bill = post(told, "/api/v1/bills", {"agency": told["agency"], "lines": lines})
    return f"/api/v1/bills/{bill['id']}"


def pay(told: dict[str, Any], bill: str) -> None:
    """Pay a bill on the gateway's page."""
    attempt = post(told, f"{bill}/payments", {"gateway": "paygov"})
    answer = httpx2.post(attempt["checkout"]["url"], data={"outcome": "success"}, timeout=60)
    assert answer.status_code == 303, answer.text


def receipt_of(told: dict[str, Any], bill: str) -> dict[str, Any]:
    """The only receipt of a bill, once it is there."""
    deadline = time.monotonic() + PATIENCE
    with client(told) as api:
        while not (found := api.get(bill).json())["receipts"]:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
    (receipt,) = found["receipts"]
    return dict(receipt)


def test_the_demo_heals_what_is_killed_keeps_its_data_and_leaves_nothing(place: Place) -> None:
    with place.demo() as demo:
        demo.until(lambda: (place.folder / "data" / "serve.log").exists())
        assert demo.end(signal.SIGTERM) == 0, "a start that is asked to end ends"
        assert demo.left() == []
        assert not demo.ready_file.exists()
        assert "Traceback" not in demo.output.read_text("utf-8", "replace")
    with place.demo(by_environment=True) as demo:
        first = told = demo.ready()
        assert told.keys() == READY
        assert told["pids"].keys() == PIDS
        assert told["pids"]["demo"] == demo.process.pid
        assert demo.ready_file.stat().st_mode & 0o777 == 0o600
        statuses = {one["role"]: users_as(told, one["api_key"]) for one in told["staff"]}
        others = ("clerk", "finance", "chief", "auditor", "collector")
        assert statuses == {"admin": 200} | dict.fromkeys(others, 403)
        # Two at a time: what dies first may be what the other needs to come back.
        for victims in (("database", "serve"), ("worker", "sandbox")):
            killed = [told["pids"][name] for name in victims]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            told = demo.ready_without(killed)
            assert not [pid for pid in killed if is_alive(pid)]
            assert all(is_alive(pid) for pid in told["pids"].values())
        paid, unpaid = create_bill(told), create_bill(told)
        pay(told, paid)
        receipt = receipt_of(told, paid)
        demo.end(signal.SIGKILL)
        assert demo.left() == []
    with place.demo() as demo:
        told = demo.ready(lambda now: now["pids"]["demo"] == demo.process.pid)
        assert {n: told[n] for n in KEPT} == {n: first[n] for n in KEPT}
        assert receipt_of(told, paid)["code"] == receipt["code"]
        pay(told, unpaid)
        assert (receipt["number"], receipt_of(told, unpaid)["number"]) == (1, 2)
        assert httpx2.get(told["pay_url"], timeout=60).status_code == 200
        assert demo.end(signal.SIGTERM) == 0
        assert demo.left() == []
        assert not demo.ready_file.exists()


def test_a_folder_has_one_demo_and_nothing_is_left_where_it_is_killed(own_place: Place) -> None:
    with own_place.demo() as demo:
        told = demo.ready()
        database = told["pids"]["database"]
        os.kill(database, signal.SIGKILL)
        told = demo.ready_without([database])
        bill = create_bill(told)
        pay(told, bill)
        assert receipt_of(told, bill)["number"] == 1
        said = own_place.folder / "second.txt"
        folder = str(own_place.folder / "data")
        asked = ("demo", "--data-dir", folder, "--ready-file", str(demo.ready_file))
        assert run_lephi(asked, said, PATIENCE) == 1, "one folder, one demo"
        assert "in use" in said.read_text("utf-8")
        assert json.loads(demo.ready_file.read_text("utf-8")) == told
        demo.end(signal.SIGKILL)
        assert demo.left() == []
