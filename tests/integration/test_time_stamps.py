"""Anchors are stamped by an authority (RFC 3161), and are there whether it answers or not.

The authority is OpenSSL's, served on this machine, and so is the second opinion on its stamps.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.timestamps import StampRefused, StampUnavailable, TimestampAuthority, read_roots
from app.anchors import AnchorPlaces, differences, drop_anchor, stamp_anchors, stamp_of
from core import clock
from tests.support.system import System
from tests.support.time_stamping import StampingServer, stamping_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampingServer]:
    with stamping_server(tmp_path_factory.mktemp("tsa") / "own") as own:
        yield own


@pytest.fixture
def authority(server: StampingServer) -> Iterator[TimestampAuthority]:
    roots = read_roots(server.roots.read_bytes())
    yield TimestampAuthority(server.url, roots)
    server.change = lambda answer: answer


async def anchored(
    system: System, folder: Path, authority: TimestampAuthority
) -> tuple[Path, AnchorPlaces]:
    await system.create_bill()
    await system.work()
    places = replace(system.parts.anchoring, folder=folder, authority=authority)
    path = await drop_anchor(system.parts.database, places)
    assert path is not None
    return path, places


async def said(system: System, path: Path, authority: TimestampAuthority) -> list[str]:
    certificates = system.parts.evidence.opener.certificates
    async with system.parts.database.reading() as session:
        found = differences(session, [path], certificates, authority)
        return [line async for line in found]


async def test_an_anchor_is_stamped_and_another_tool_agrees(
    shared_system: System, tmp_path: Path, server: StampingServer, authority: TimestampAuthority
) -> None:
    path, _ = await anchored(shared_system, tmp_path, authority)
    stamp = stamp_of(path)
    assert server.verifies(stamp, path)
    stamped_at = await authority.check(stamp.read_bytes(), path.read_bytes())
    assert abs(stamped_at - clock.now()) < timedelta(minutes=1)
    assert await said(shared_system, path, authority) == []
    # One byte more in what was stamped, and both say so.
    path.write_bytes(path.read_bytes() + b" ")
    assert not server.verifies(stamp, path)
    (line,) = await said(shared_system, path, authority)
    assert line.startswith("an anchor is as old as it says")


def _refusal(_: bytes) -> bytes:
    """PKIStatus rejection, and nothing else."""
    return bytes.fromhex("30053003020102")


def _away(_: bytes) -> bytes:
    raise OSError


@pytest.mark.parametrize(
    "change",
    [_refusal, _away, lambda a: b"<html>", lambda a: b"", lambda a: a[:-40],
     lambda a: a[:-8] + bytes(8), lambda a: b"\0" * 100_000],
    ids=["refused", "away", "page", "nothing", "cut", "signature", "endless"],
)  # fmt: skip
async def test_an_answer_that_is_no_stamp_is_told_and_the_anchor_stands(
    shared_system: System,
    tmp_path: Path,
    server: StampingServer,
    authority: TimestampAuthority,
    change: Callable[[bytes], bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.change = change
    path, places = await anchored(shared_system, tmp_path, authority)
    assert not stamp_of(path).exists()
    assert await said(shared_system, path, authority) == []
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "{" in line]
    assert "anchor without a time stamp" in [line["event"] for line in told]
    # It is asked again, and then the anchor has its stamp.
    server.change = lambda answer: answer
    assert await stamp_anchors(places) == 1
    assert await stamp_anchors(places) == 0
    assert server.verifies(stamp_of(path), path)


async def test_a_stamp_of_another_request_or_another_authority_is_none(
    server: StampingServer, authority: TimestampAuthority, tmp_path: Path
) -> None:
    await authority.stamp(b"one")
    old = server.answer(server.asked[-1])
    assert await authority.check(old, b"one") <= clock.now() + timedelta(minutes=1)
    server.change = lambda _: old
    with pytest.raises(StampUnavailable, match="another request"):
        await authority.stamp(b"one")
    with pytest.raises(StampRefused, match="about something else"):
        await authority.check(old, b"two")
    with stamping_server(tmp_path / "other") as other:
        foreign = TimestampAuthority(other.url, read_roots(other.roots.read_bytes()))
        with pytest.raises(StampRefused):
            await foreign.check(old, b"one")
        strange = replace(authority, url=other.url)
        with pytest.raises(StampUnavailable):
            await strange.stamp(b"one")
        assert await foreign.stamp(b"one")  # the negative control: it is a good one for its own


async def test_an_anchor_that_claims_to_be_younger_than_its_stamp_is_told_of(
    shared_system: System,
    tmp_path: Path,
    authority: TimestampAuthority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=1))
    path, _ = await anchored(shared_system, tmp_path, authority)
    monkeypatch.undo()
    (line,) = await said(shared_system, path, authority)
    assert "it was stamped at" in line


async def test_nothing_is_asked_where_no_authority_is_named(
    shared_system: System, tmp_path: Path, server: StampingServer
) -> None:
    await shared_system.work()
    before = len(server.asked)
    places = replace(shared_system.parts.anchoring, folder=tmp_path)
    assert await drop_anchor(shared_system.parts.database, places)
    assert await stamp_anchors(places) == 0
    assert len(server.asked) == before
