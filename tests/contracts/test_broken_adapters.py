"""Adapters that lie about themselves, or lose what was kept; see `test_broken_gateways`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.bank_feeds.sepay import SePayFeed
from adapters.paygov.gateway import PayGov
from adapters.stripe.gateway import StripeCheckout
from adapters.vnpay.gateway import VNPay
from core.errors import FieldError
from payments.gateway_info import Capability, GatewayInfo, GatewayKind
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    AttemptKey,
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayAccount,
    GatewayResult,
    Outcome,
    RawCallback,
    StartRequest,
)
from tests.support import adapter_checks, gateway_checks
from tests.support.rigs.contract import AdapterRig
from tests.support.rigs.paygov import PayGovRig
from tests.support.rigs.sepay import SePayRig
from tests.support.rigs.stripe import StripeRig
from tests.support.rigs.vnpay import VNPayRig


class HasNoEnglishTitle(PayGov):
    info = replace(PayGov.info, title_en="")


class LabelsNothing(PayGov):
    info = replace(PayGov.info, fields=tuple(replace(f, label_vi="") for f in PayGov.info.fields))


class TakesNoAmount(VNPay):
    info = replace(VNPay.info, least_amount=10, greatest_amount=9)


class HasAnotherName(PayGov):
    info = replace(PayGov.info, name="other")


class SaysItCanRefund(PayGov):
    info = replace(PayGov.info, capabilities=PayGov.info.capabilities | {Capability.REFUND})


class HidesThatItCanBeAsked(VNPay):
    info = replace(VNPay.info, capabilities=frozenset())


class CancelsInSecret(PayGov):
    async def cancel(self, attempt: AttemptKey) -> GatewayResult:
        return GatewayResult(attempt.order_ref, Outcome.FAILED)


class CallsItselfAGateway(SePayFeed):
    info = replace(SePayFeed.info, kind=GatewayKind.GATEWAY)


class _Lax(GatewayInfo):
    """Objects to nothing."""

    __slots__ = ()

    def check(self, credentials: Mapping[str, str]) -> list[FieldError]:
        return []


class _Talkative(GatewayInfo):
    """Says what it objects to, word for word."""

    __slots__ = ()

    def check(self, credentials: Mapping[str, str]) -> list[FieldError]:
        found = super().check(credentials)
        return [replace(f, detail=f"{f.detail}: {dict(credentials)}") for f in found]


def _as(kind: Callable[..., GatewayInfo], info: GatewayInfo) -> GatewayInfo:
    names = (
        *("name", "title_vi", "title_en", "kind", "fields", "capabilities"),
        *("least_amount", "greatest_amount", "verifying_headers"),
    )
    return kind(**{name: getattr(info, name) for name in names})


class ChecksNoCredentials(PayGov):
    info = _as(_Lax, PayGov.info)


class TellsCredentials(PayGov):
    info = _as(_Talkative, PayGov.info)


class AllowsAnything(SePayFeed):
    info = replace(
        SePayFeed.info, fields=tuple(replace(f, pattern=r"[\s\S]*") for f in SePayFeed.info.fields)
    )


class MakesDoWithoutASecret(VNPay):
    def __init__(self, account: GatewayAccount, **more: Any) -> None:
        filled = {k: v or "default" for k, v in account.credentials.items()}
        super().__init__(replace(account, credentials=filled), **more)
        self.account = account


class ForgetsAHeader(SePayFeed):
    info = replace(SePayFeed.info, verifying_headers=("x-sepay-signature",))


class CallsWhatProvesNothingAProof(PayGov):
    """Its proof is in the body."""

    info = replace(PayGov.info, verifying_headers=("user-agent",))


class CallsWhatProvesNothingAProofBesideAnother(StripeCheckout):
    """As each that has proofs in headers once did."""

    info = replace(StripeCheckout.info, verifying_headers=("content-type", "stripe-signature"))


class _OddReport(GatewayResult):
    """A value with something that no JSON of ours can hold."""

    __slots__ = ()


class KeepsWhatCannotBeRead(PayGov):
    """Gives an amount that is no whole number: what was kept is refused when it is read."""

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        return replace(report, amount=(report.amount or 0) + 0.5)  # type: ignore[arg-type]


class GivesAnotherKindOfValue(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        names = GatewayResult.__dataclass_fields__
        return _OddReport(**{name: getattr(report, name) for name in names})


class StartsAnyAmount(VNPay):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        if self.info.takes(request.amount, self.account.credentials):
            return await super().start(request)
        return AcceptedAttempt(CheckoutType.REDIRECT, url="https://pay.example/")


class _Generous(GatewayInfo):
    """Takes everything, whatever its limits say."""

    __slots__ = ()

    def takes(self, amount: int, settings: Mapping[str, str]) -> bool:
        return True


class OffersAnyAmount(VNPay):
    info = _as(_Generous, VNPay.info)


_SAYS, _TRUE = "it_says_what_it_is", "its_kind_and_capabilities_are_true"
_CHECKED, _KEPT = "its_credentials_are_checked_by_name", "what_is_kept_reads_the_same"
_LIMITS = "its_limits_are_kept"

#: the rig, the adapter, the check that must object, and what it must object to
BROKEN_ADAPTERS: list[tuple[Callable[[Any], AdapterRig], Callable[..., Any], str, str]] = [
    (PayGovRig, HasNoEnglishTitle, _SAYS, "title_en is empty"),
    (PayGovRig, LabelsNothing, _SAYS, "label_vi is empty"),
    (VNPayRig, TakesNoAmount, _SAYS, "no amount is taken"),
    (PayGovRig, HasAnotherName, _SAYS, "it calls itself other"),
    (PayGovRig, SaysItCanRefund, _TRUE, "refund: says True, keeps its protocol: False"),
    (VNPayRig, HidesThatItCanBeAsked, _TRUE, "query: says False, keeps its protocol: True"),
    (PayGovRig, CancelsInSecret, _TRUE, "cancel: says False, keeps its protocol: True"),
    (SePayRig, CallsItselfAGateway, _TRUE, "its kind is not true"),
    (PayGovRig, ChecksNoCredentials, _CHECKED, "a field that it does not know"),
    (PayGovRig, TellsCredentials, _CHECKED, "a secret was told"),
    (SePayRig, AllowsAnything, _CHECKED, "secret may be 'line"),
    (VNPayRig, MakesDoWithoutASecret, "missing_credentials_are_our_fault", "was made without"),
    (SePayRig, ForgetsAHeader, _KEPT, "a header that it needs is not kept"),
    (PayGovRig, CallsWhatProvesNothingAProof, _KEPT, "none of the headers that are said to verify"),
    (StripeRig, CallsWhatProvesNothingAProofBesideAnother, _KEPT, "content-type is said to verify"),
    (PayGovRig, KeepsWhatCannotBeRead, _KEPT, "what was kept cannot be read: .*amount"),
    (PayGovRig, GivesAnotherKindOfValue, _KEPT, "what was kept is not what was verified"),
    (VNPayRig, StartsAnyAmount, _LIMITS, "4999 was started"),
    (VNPayRig, OffersAnyAmount, _LIMITS, "4999 is offered"),
]


@pytest.mark.parametrize(
    ("rig", "broken", "check", "objection"),
    BROKEN_ADAPTERS,
    ids=[f"{broken.__name__}-{check}" for _, broken, check, _ in BROKEN_ADAPTERS],
)
async def test_a_broken_adapter_is_caught(
    rig: Callable[[Any], AdapterRig], broken: Callable[..., Any], check: str, objection: str
) -> None:
    made = rig(broken)
    async with made.running():
        with pytest.raises(AssertionError, match=objection):
            await adapter_checks.CHECKS[check](made)


def test_every_check_of_adapters_is_seen_to_fail() -> None:
    assert {check for _, _, check, _ in BROKEN_ADAPTERS} == set(adapter_checks.CHECKS)


# The suite of gateways was written for one that is called at start: what it says of another kind.


class BelievesEitherCode(VNPay):
    """As one public sample does: response code or status, in place of both."""

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        held = report.outcome is Outcome.HELD
        return replace(report, outcome=Outcome.SUCCEEDED) if held else report


class ForgetsTheScale(VNPay):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        return replace(report, amount=(report.amount or 0) * 100)


class AsksForAnotherDay(VNPay):
    async def query(self, attempt: AttemptKey) -> GatewayResult:
        day = attempt.created_at.replace(year=2020)
        return await super().query(replace(attempt, created_at=day))


class SaysZeroZeroToForgeries(VNPay):
    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        return super().acknowledge(CallbackResult.ACCEPTED, notice)


BROKEN_LOCAL_STARTERS: list[tuple[Callable[..., VNPay], str, str]] = [
    (BelievesEitherCode, "outcomes_are_told_apart", "a callback of held read as succeeded"),
    (ForgetsTheScale, "amounts_are_exact_inwards", "read as 15000000"),
    (AsksForAnotherDay, "a_query_tells_the_state", "not_found instead of pending"),
    (
        SaysZeroZeroToForgeries,
        "acknowledgements_tell_the_gateway_what_to_do",
        "the gateway would not call again: rejected",
    ),
]


@pytest.mark.parametrize(("broken", "check", "objection"), BROKEN_LOCAL_STARTERS)
async def test_a_broken_gateway_that_is_not_called_at_start_is_caught(
    broken: Callable[..., VNPay], check: str, objection: str
) -> None:
    rig = VNPayRig(broken)
    async with rig.running():
        with pytest.raises(AssertionError, match=objection):
            await gateway_checks.CHECKS[check](rig)
