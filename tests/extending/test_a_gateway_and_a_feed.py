"""The page's gateway and feed keep every promise, and each step left out is complained of."""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.state import PayerOutcome
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from payments.gateway_info import GatewayKind
from payments.ports import NoticeUnreadable
from tests.architecture import test_provider_names
from tests.architecture.source import ROOT
from tests.contracts import test_adapters
from tests.journeys import test_every_gateway as every_ending
from tests.support import adapter_checks, feed_checks, gateway_checks
from tests.support.every_gateway import PLACE
from tests.support.extend_page import added, edited, module_from, row_of
from tests.support.rigs import every
from tests.support.rigs.contract import ODD, OddTeller
from tests.support.system import System

REGISTRY = "adapters/registry.py"
GATEWAY = ("adapters/examplepay/gateway.py", "adapters/sandbox/dialects/examplepay.py",
           "tests/support/rigs/examplepay.py")  # fmt: skip
FEED = ("adapters/bank_feeds/examplebank.py", "adapters/sandbox/dialects/examplebank.py",
        "tests/support/rigs/examplebank.py")  # fmt: skip


def register(patch: pytest.MonkeyPatch) -> None:
    """Have the registry, with the page's lines in it, in the place of ours."""
    registry = module_from(edited(REGISTRY), "registry_of_the_page", patch)
    assert list(registry.ADAPTERS) == [*ADAPTERS, "examplepay", "examplebank"]
    for name in ("examplepay", "examplebank"):
        patch.setitem(ADAPTERS, name, registry.ADAPTERS[name])


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both are there: adapters, registry lines, dialects and rigs."""
    with added(tmp_path, *GATEWAY, *FEED):
        register(monkeypatch)
        monkeypatch.setattr(test_adapters, "RIGS", every._found())
        yield


def rig_of(name: str) -> Any:
    return import_module(f"tests.support.rigs.{name}")


@pytest.mark.parametrize("check", gateway_checks.CHECKS)
async def test_the_gateway_keeps_its_promise(extended: None, check: str) -> None:
    rig = rig_of("examplepay").RIG()
    async with rig.running():
        await gateway_checks.CHECKS[check](rig)


@pytest.mark.parametrize("check", feed_checks.CHECKS)
def test_the_feed_keeps_its_promise(extended: None, check: str) -> None:
    feed_checks.CHECKS[check](rig_of("examplebank").RIG())


@pytest.mark.parametrize("check", adapter_checks.CHECKS)
@pytest.mark.parametrize("name", ["examplepay", "examplebank"])
async def test_the_adapter_keeps_its_promise(extended: None, name: str, check: str) -> None:
    rig = rig_of(name).RIG()
    async with rig.running():
        await adapter_checks.CHECKS[check](rig)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["examplepay", "examplebank"])
async def test_what_is_authentic_and_odd_is_no_forgery(extended: None, name: str, odd: str) -> None:
    rig = rig_of(name).RIG()
    assert isinstance(rig, OddTeller)
    async with rig.running():
        told = rig.odd_notice(odd, "7")
        try:
            assert rig.reader().read_notice(told) is not None
        except NoticeUnreadable:
            return
        assert odd not in ("a fraction", "an impossible date"), "nobody can read it"


def test_with_every_step_done_nobody_complains(extended: None) -> None:
    test_adapters.test_every_adapter_has_a_rig_and_a_sandbox_dialect()
    for name, kind in (("examplepay", GatewayKind.GATEWAY), ("examplebank", GatewayKind.FEED)):
        assert ADAPTERS[name].info.kind is kind
        test_adapters.test_credentials_made_up_for_a_demonstration_will_do(name)


@pytest.mark.parametrize("left_out", [*GATEWAY[1:], *FEED[1:], REGISTRY])
def test_an_adapter_without_line_dialect_or_rig_is_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_out: str
) -> None:
    done = [path for path in (*GATEWAY, *FEED) if path != left_out]
    if left_out in (GATEWAY[1], FEED[1]):  # a rig is made of its dialect
        done.remove((GATEWAY if left_out == GATEWAY[1] else FEED)[2])
    with added(tmp_path, *done):
        if left_out != REGISTRY:
            register(monkeypatch)
        monkeypatch.setattr(test_adapters, "RIGS", every._found())
        with pytest.raises(AssertionError):
            test_adapters.test_every_adapter_has_a_rig_and_a_sandbox_dialect()


@pytest.mark.parametrize(
    ("path", "taken_out", "put_in", "check", "objection"),
    [
        (GATEWAY[0], "if not hmac.compare_digest(given, self._signature(fields).encode()):",
         "if not given:", "forged_callbacks_are_rejected", "accepted a forged callback"),
        (GATEWAY[0], "amount=amount,", "amount=amount and amount * 100,",
         "amounts_are_exact_inwards", "read as 15000000"),
    ],
)  # fmt: skip
async def test_a_broken_promise_is_complained_of(
    extended: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    path: str,
    taken_out: str,
    put_in: str,
    check: str,
    objection: str,
) -> None:
    text = (tmp_path / path).read_text(encoding="utf-8")
    assert taken_out in text
    broken = module_from(text.replace(taken_out, put_in), "broken_examplepay", monkeypatch)
    rig = rig_of("examplepay").RIG(broken.ExamplePay)
    async with rig.running():
        with pytest.raises(AssertionError, match=objection):
            await gateway_checks.CHECKS[check](rig)


async def test_a_header_that_is_not_kept_is_complained_of(
    extended: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (tmp_path / FEED[0]).read_text(encoding="utf-8")
    kept, less = 'headers=("x-time", "x-signature")', 'headers=("x-time",)'
    assert text.count(kept) == 1
    broken = module_from(text.replace(kept, less), "broken_bank", monkeypatch)
    with pytest.raises(AssertionError, match="a header that it needs is not kept"):
        await adapter_checks.CHECKS["what_is_kept_reads_the_same"](
            rig_of("examplebank").RIG(broken.ExampleBank)
        )


@pytest.fixture
def frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's docs: the operators' guide."""
    root = tmp_path / "frame"
    (root / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "gateways.md", root / "docs")
    monkeypatch.setattr(test_provider_names, "ROOT", root)
    return root


def test_a_row_that_is_missing_or_names_too_little_is_complained_of(
    extended: None, frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ADAPTERS, "examplebank")
    guide = frame / "docs" / "gateways.md"
    text = guide.read_text(encoding="utf-8")
    check = test_provider_names.test_every_adapter_has_a_row_in_the_operators_guide
    with pytest.raises(AssertionError):
        check()
    row, last = row_of("A gateway", "| `examplepay` |"), text.index("\n\n**SePay:**")
    guide.write_text(f"{text[:last]}\n{row.replace(', `key`', '')}{text[last:]}", encoding="utf-8")
    with pytest.raises(AssertionError, match="fields that its row does not name"):
        check()
    guide.write_text(f"{text[:last]}\n{row}{text[last:]}", encoding="utf-8")
    check()


@pytest.mark.parametrize("outcome", [PayerOutcome.SUCCESS, PayerOutcome.LOST_CALLBACK])
async def test_a_bill_is_paid_through_it(
    extended: None, system: System, outcome: PayerOutcome
) -> None:
    """Whatever the sandbox does, and where its notice is lost the money is found by asking."""
    credentials = dialects()["examplepay"].demo_credentials(DEMO_ACCOUNT)
    async with system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            system.parts.cipher,
            agency_id=system.body.agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway="examplepay",
            account=PLACE,
            base_url=f"{system.sandbox_url}/examplepay",
            credentials=credentials,
        )
    system.sandbox.open(
        "examplepay", credentials, f"{system.base_url}/callbacks/examplepay/{PLACE}"
    )
    system.parts.payments.agencies.forget()
    await every_ending.test_every_ending_leaves_the_money_where_the_gateway_has_it(
        system, "examplepay", outcome
    )
