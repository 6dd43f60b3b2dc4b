"""A secret that we know is looked for in all that leaves the house: logs, errors, metrics, rows.

Each adapter is driven with its rig's secrets through what it does well and what it does badly: its
notices taken and forged, its calls answered, refused, broken off and garbled. A second scene is a
whole system: accounts, keys and receivers are set up over HTTP, money comes, and everything that is
said and written down is searched.
"""

import base64
import io
import pickle
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from core import log
from core.errors import LephiError
from payments.gateway_info import GatewayKind
from payments.ports import CallbackRejected, GatewayAccount, RawCallback
from tests.support.every_route import keys_of
from tests.support.gateway_setups import EVERY, VNPAY
from tests.support.receiver import receiving
from tests.support.rigs.contract import Spoil
from tests.support.rigs.every import GATEWAY_RIGS, RIGS
from tests.support.rows import dump
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate


def written(secret: str) -> set[str]:
    """The ways in which a secret may stand somewhere: plain, hexadecimal, base64."""
    raw = secret.encode()
    coded = base64.b64encode(raw).decode().rstrip("=")
    return {secret, raw.hex(), coded[: len(coded) // 4 * 4]}


def leaks(said: str, secrets: Iterable[str]) -> list[str]:
    """The secrets that stand in a text in one way or another."""
    return [one for one in secrets if any(way in said for way in written(one))]


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, from the smallest word on."""
    heard = io.StringIO()
    log.configure("debug", heard)
    try:
        yield heard
    finally:
        log.configure("error")


def told_of(error: BaseException) -> str:
    """An error as anybody could write it down, with all that led to it and its values."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    values = [repr(error), str(error), repr(getattr(error, "errors", ""))]
    return "\n".join([*lines, *values])


def spoilt(raw: RawCallback) -> list[RawCallback]:
    return [
        replace(raw, body=raw.body[:-1], query=raw.query[:-1]),
        replace(raw, headers={}),
        replace(raw, body=b"{}", query=""),
        replace(raw, method="PUT"),
    ]


@pytest.mark.parametrize("name", ADAPTERS)
async def test_no_adapter_tells_a_secret_whatever_is_done_to_it(name: str) -> None:
    rig = RIGS[name]()
    fields = {field.name for field in ADAPTERS[name].info.fields if field.secret}
    said: list[str] = []
    with listening() as heard:
        async with rig.running():
            secrets = {
                rig.account.credentials[one] for one in fields & rig.account.credentials.keys()
            }
            assert secrets
            reader = rig.reader()
            said += [repr(reader), str(reader), repr(reader.account), repr(rig.account)]
            for raw in await rig.genuine():
                said.append(repr(reader.read_notice(raw)))
                for bad in [*spoilt(raw), *(one for _, one in _forged(rig, raw))]:
                    try:
                        said.append(repr(reader.read_notice(bad)))
                    except CallbackRejected as error:
                        said.append(told_of(error))
            for broken in _wrong_credentials(rig.account, fields):
                try:
                    said.append(repr(ADAPTERS[name](broken)))
                except LephiError as error:
                    said.append(told_of(error))
            if ADAPTERS[name].info.kind is GatewayKind.GATEWAY:
                said += await _calls(name)
    said.append(heard.getvalue())
    assert leaks("\n".join(said), secrets) == []
    assert any("Rejected" in one for one in said)


def _forged(rig: Any, raw: RawCallback) -> Iterator[tuple[str, RawCallback]]:
    yield from rig.forgeries(raw)


def _wrong_credentials(account: GatewayAccount, fields: Iterable[str]) -> list[GatewayAccount]:
    """Accounts that will not do: each secret with a line break after it, each left out."""
    given = account.credentials
    kept: list[Mapping[str, str]] = []
    for name in sorted(set(fields) & given.keys()):
        kept.append({**given, name: given[name] + "\n"})
        kept.append({key: value for key, value in given.items() if key != name})
    return [replace(account, credentials=one) for one in kept]


async def _calls(name: str) -> list[str]:
    """What is said when the gateway is called and answers badly, in each way that there is."""
    said = []
    for spoil in (None, Spoil.HTML, Spoil.TRUNCATED, Spoil.SERVER_ERROR, Spoil.BUSY):
        rig = GATEWAY_RIGS[name]()
        async with rig.running():
            gateway = rig.gateway()
            if spoil is not None and rig.calls_at_start:
                rig.spoil_start(spoil)
            try:
                said.append(repr(await gateway.start(rig.request())))
            except LephiError as error:
                said.append(told_of(error))
    return said


@pytest.fixture
def canaries() -> set[str]:
    """The secrets that the tests' systems have at gateways and feeds."""
    found = set()
    for setup in EVERY:
        secret = {field.name for field in ADAPTERS[setup.name].info.fields if field.secret}
        found |= {value for key, value in setup.credentials.items() if key in secret}
    return found


async def _scene(system: System) -> tuple[list[str], set[str]]:
    """A body's day with its mishaps: everything answered, and the secrets that were shown once."""
    keys = await keys_of(system, system.body.agency_id)
    headers = {"Authorization": f"Bearer {keys.secrets['admin']}"}
    said: list[str] = []
    shown = set(keys.secrets.values())

    async def ask(method: str, path: str, body: object = None, *, keep: bool = True) -> Any:
        sent = headers | {"Idempotency-Key": f"k{len(said)}-{path[-6:]}"}
        answer = await system.browser.request(method, f"/api/v1{path}", json=body, headers=sent)
        if keep:
            said.append(answer.text)
        return answer.json()

    async with receiving(lambda _: pytest.fail("nobody is called")) as place:
        made = await ask("POST", "/webhook-endpoints", {"url": f"{place.url}/x"}, keep=False)
        shown.add(made["secret"].removeprefix("whsec_"))
        await ask("PATCH", f"/webhook-endpoints/{made['id']}", {"enabled": False})
        await ask("GET", f"/webhook-endpoints/{made['id']}")
        bill = await system.create_bill()
        payment = await system.start(bill, VNPAY)
        await system.decide(payment, "success")
        await system.until(bill, "paid")
        await system.work()
        listed = await ask("GET", "/gateway-accounts")
        wrong = {"hash_secret": "a\nb", "tmn_code": "x"}
        for entry in listed["items"]:
            await ask("POST", f"/gateway-accounts/{entry['id']}/change", {"credentials": wrong})
        for setup in EVERY:
            for body in (b"{", b"{}", b'{"signature": "x"}'):
                answer = await system.browser.post(setup.callback_path, content=body)
                said.append(answer.text)
        said.append((await system.metrics()).text)
        said.append(str((await system.browser.get("/api/v1/openapi.json")).text))
    parts = system.parts
    said += [repr(parts), repr(parts.settings), repr(parts.webhooks), repr(system.app.state)]
    for table, rows in (await dump(parts.database)).items():
        said.append(f"{table}\n{rows}")
    return said, shown


async def test_no_secret_is_in_anything_that_a_system_says_or_writes(
    system_template: SystemTemplate, tmp_path: Path, canaries: set[str], capfd: Any
) -> None:
    with listening() as heard:
        async with system_at(system_template, tmp_path, webhook_loopback=True) as system:
            said, shown = await _scene(system)
    said += [heard.getvalue(), *capfd.readouterr()]
    assert len("".join(said)) > 20_000
    assert leaks("\n".join(said), canaries | shown) == []


@pytest.mark.parametrize("way", ["plain", "hex", "base64", "in a pickle's repr"])
def test_a_secret_that_is_told_is_found(way: str) -> None:
    """The negative control: each way to write it down is seen."""
    secret = "feed-secret-of-a-test"
    raw = secret.encode()
    said = {
        "plain": f"signature with {secret} failed",
        "hex": raw.hex(),
        "base64": base64.b64encode(raw + b"more").decode(),
        "in a pickle's repr": repr(pickle.dumps({"credentials": secret})),
    }[way]
    assert leaks(said, {secret, "another-secret"}) == [secret]


async def test_an_adapter_that_tells_its_secret_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: an account whose repr shows what it has is seen by the same test."""
    monkeypatch.setattr(GatewayAccount, "__repr__", lambda self: f"{dict(self.credentials)}")
    with pytest.raises(AssertionError):
        await test_no_adapter_tells_a_secret_whatever_is_done_to_it("momo")
