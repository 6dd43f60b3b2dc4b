"""`serve` and `worker` say in one structured line each that they start, answer and stop."""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core import log
from tests.support.system import System

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(command: str, url: str, data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process of `lephi`, ended by SIGTERM at the end of the block, or killed if it will not."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "LEPHI_"}
    environment |= {
        "LEPHI_MODE": "test",
        "LEPHI_DATABASE_URL": url.replace("postgresql+psycopg://", "postgresql://"),
        "LEPHI_DATA_DIR": str(data),
        "LEPHI_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from app.cli.main import main; main()", command],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def lines_until(process: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    """The lines of a process's log up to one; the test's own time limit ends a wait in vain."""
    assert process.stderr is not None
    found = []
    for line in process.stderr:
        found.append(json.loads(line))
        if found[-1]["event"] == event:
            return found
    raise AssertionError(f"it ended without saying {event}: {found}")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def test_serve_says_that_it_starts_answers_and_stops(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    with running("serve", database_url, tmp_path, port) as process:
        (started,) = lines_until(process, "serve started")
        assert (started["mode"], started["port"], started["pid"]) == ("test", port, process.pid)
        assert started["version"] == "0.1.0"
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            for _ in range(200):
                try:
                    assert client.get("/health/live").status_code == 200
                    break
                except httpx2.ConnectError:
                    time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        request, stopped = lines_until(process, "serve stopped")
        assert (request["event"], request["route"]) == ("request", "/health/live")
        assert stopped["pid"] == process.pid
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_worker_says_that_it_starts_and_stops(database_url: str, tmp_path: Path) -> None:
    with running("worker", database_url, tmp_path, 0) as process:
        (started,) = lines_until(process, "worker started")
        assert started["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert lines_until(process, "worker stopped")[-1]["pid"] == process.pid
        assert process.wait(timeout=20) == 0


async def test_a_request_is_one_line_without_anything_of_its_address(system: System) -> None:
    bill = await system.create_bill(payer={"name": "Chim Vàng Anh", "phone": "0987001234"})
    lines, told = io.StringIO(), []
    log.configure("info", lines)
    try:
        pages = {
            bill["pay_url"]: ("/b/{reference}", 200),
            f"/b/{bill['reference']}/qr.svg": ("/b/{reference}/qr.{extension}", 200),
            "/r/ABCDEFGHIJKL?email=chim@canary.example": ("/r/{code}", 404),
            "/static/style.css?token=lpk_canary": ("/static", 200),
            "/khong-co/lpk_canary": ("none", 404),
            f"/p/{system.body.agency_code}?q=0987001234": ("/p/{agency}", 200),
        }
        for address in pages:
            await system.browser.get(address)
        answer = await system.client.get(f"/api/v1/bills/{bill['id']}")
        await system.browser.request("PROPFIND", "/health/live")
        for _ in range(200):  # a line may follow its answer by a moment
            told = [json.loads(line) for line in lines.getvalue().splitlines()]
            told = [one for one in told if one["event"] == "request"]
            if len(told) == len(pages) + 2:
                break
            await asyncio.sleep(0.02)
    finally:
        log.configure("error")
    seen = sorted((one["route"], one["status"]) for one in told)
    one_of_ours = ("/api/v1/bills/{bill_id}", 200)
    assert seen == sorted([*pages.values(), one_of_ours, ("/health/live", 405)])
    (asked,) = [one for one in told if one["route"] == one_of_ours[0]]
    assert asked["trace_id"] == answer.headers["trace-id"]
    assert [one["method"] for one in told].count("other") == 1
    for secret in ("canary", "0987001234", bill["reference"], bill["id"], "token", "Chim"):
        assert secret not in lines.getvalue()
    assert all(isinstance(one["milliseconds"], int) for one in told)


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_who_asks_for_less_gets_no_line_for_a_request(system: System, level: str) -> None:
    lines = io.StringIO()
    log.configure(level, lines)
    try:
        await system.browser.get("/health/live")
    finally:
        log.configure("error")
    assert lines.getvalue() == ""
