"""Adapters that are wrong on purpose: the contract suite has to catch each of them.

A check that has never been seen to fail proves nothing. Every variant here breaks one promise, in
a way that real clients of real gateways have broken it, and names the check that must object.
"""

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.paygov import dialect
from adapters.paygov.gateway import PayGov
from adapters.wording import Malformed
from core import json as strict_json
from core.errors import Invalid
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    AttemptKey,
    CallbackRejected,
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)
from tests.support import gateway_checks
from tests.support.rigs.paygov import PayGovRig


class OwnIdea(PayGov):
    """Strict in all but one thing: its own idea of when a signature fits."""

    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        return bool(given == expected)

    def parse(self, body: bytes) -> Any:
        return strict_json.loads(body)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        try:
            fields = self.parse(notice.body)
            if notice.method != "POST" or len(notice.body) > 64 * 1024:
                raise CallbackRejected("not a callback")
            given = fields.pop("checksum", "")
            expected = dialect.checksum(self._credentials, dialect.CALLBACK, fields)
            if not self.fits(given, expected, fields):
                raise CallbackRejected("checksum")
            fields["checksum"] = expected
            return dialect.read_report(self._credentials, dialect.CALLBACK, fields)
        except (Invalid, ValueError, AttributeError, TypeError, Malformed):
            raise CallbackRejected("unreadable") from None


async def test_the_pattern_the_broken_ones_are_cut_from_is_whole() -> None:
    """Else they could be caught for a fault that is not theirs."""
    rig = PayGovRig(OwnIdea)
    async with rig.running():
        await gateway_checks.CHECKS["forged_callbacks_are_rejected"](rig)


class ChecksNoSignature(OwnIdea):
    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        return True


class ChecksItOnlyIfItIsThere(OwnIdea):
    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        return not given or bool(given == expected)


class ComparesAPrefix(OwnIdea):
    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        return isinstance(given, str) and expected.startswith(given)


class ComparesWithoutCase(OwnIdea):
    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        return isinstance(given, str) and given.lower() == expected


class LetsTheCallerChooseTheAlgorithm(OwnIdea):
    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        if not isinstance(given, str):
            return False
        words = [dialect.CALLBACK, self._credentials.partner_code, self._credentials.access_key]
        for name in sorted(fields):
            words += [name, str(fields[name])]
        message = b"".join(b"%d:%b," % (len(w.encode()), w.encode()) for w in words)
        key = self._credentials.secret_key.encode()
        allowed = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
        algorithm = allowed.get(len(given))
        return algorithm is not None and given == hmac.new(key, message, algorithm).hexdigest()


class SignsFewerFields(OwnIdea):
    """As real clients do: a checksum over some of the fields leaves the others to anybody."""

    def fits(self, given: Any, expected: str, fields: dict[str, Any]) -> bool:
        said = {k: v for k, v in fields.items() if k != "payDate"}
        seen = self.__dict__.setdefault("seen", {})
        if given == expected:
            seen[given] = said
        return bool(given == expected or seen.get(given) == said)


class TakesTheLastOfTwoNames(OwnIdea):
    """Right but for its JSON reader, to which a name may be given twice."""

    def parse(self, body: bytes) -> Any:
        return json.loads(body)


class ReadsAmountsLoosely(OwnIdea):
    def parse(self, body: bytes) -> Any:
        fields = super().parse(body)
        amount = fields.get("amount")
        return {**fields, "amount": int(amount) if isinstance(amount, str) else amount}


class ReadsNumbersLoosely(OwnIdea):
    def parse(self, body: bytes) -> Any:
        return super().parse(re.sub(rb"(?<=\d)\.0(?=[,}])", b"", body))


class TimesAHundred(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        return await super().start(replace(request, amount=request.amount * 100))


class ReportsTimesAHundred(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        return replace(report, amount=(report.amount or 0) * 100)


class ReportsWhatWasAsked(PayGov):
    """Trusts its own memory of the amount over what the gateway took."""

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        self.__dict__.setdefault("asked", _asked)[request.order_ref] = request.amount
        return await super().start(request)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        return replace(report, amount=_asked.get(report.order_ref, report.amount))


_asked: dict[str, int] = {}


class RepeatsAfterATimeout(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except OutcomeUnknown:
            await super().start(request)
            raise


class CallsSilenceHarmless(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except OutcomeUnknown as error:
            raise GatewayUnavailable(error.detail) from None


class CallsHtmlADecline(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except OutcomeUnknown:
            return DeclinedAttempt("99", "error")


class CallsAnUnreadableQueryAFailure(PayGov):
    async def query(self, attempt: AttemptKey) -> GatewayResult:
        try:
            return await super().query(attempt)
        except OutcomeUnknown:
            return GatewayResult(attempt.order_ref, Outcome.FAILED)


class CallsARefusedConnectionUnknown(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except GatewayUnavailable as error:
            raise OutcomeUnknown(error.detail) from None


class RaisesADecline(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        result = await super().start(request)
        if isinstance(result, DeclinedAttempt):
            raise GatewayMisuse(result.message)
        return result


class AsksForANewOrderEachTime(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        _asked[""] = _asked.get("", 0) + 1
        other = f"{request.order_ref}-{_asked['']}"
        return await super().start(replace(request, order_ref=other))


class SwallowsAnotherRequest(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except GatewayMisuse:
            return AcceptedAttempt(CheckoutType.REDIRECT, url="https://pay.example/")


class ComparesNothing(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        return replace(super().read_notice(notice), request_code=None)


class NoSettlementKey(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        return replace(super().read_notice(notice), gateway_ref=None)


class TwoSettlementKeys(PayGov):
    """Callback and query name the same money differently: it would be counted twice."""

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        report = await super().query(attempt)
        return replace(report, gateway_ref=f"Q{report.gateway_ref}")


class TakesHeldForPaid(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        held = report.outcome is Outcome.HELD
        return replace(report, outcome=Outcome.SUCCEEDED) if held else report


class TakesPendingForPaid(PayGov):
    async def query(self, attempt: AttemptKey) -> GatewayResult:
        report = await super().query(attempt)
        pending = report.outcome is Outcome.PENDING
        return replace(report, outcome=Outcome.SUCCEEDED) if pending else report


class TakesUnknownForFailed(PayGov):
    async def query(self, attempt: AttemptKey) -> GatewayResult:
        report = await super().query(attempt)
        unknown = report.outcome is Outcome.NOT_FOUND
        return replace(report, outcome=Outcome.FAILED) if unknown else report


class GivesUpWhenBusy(PayGov):
    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except GatewayUnavailable:
            return DeclinedAttempt("429", "busy")


class CountsItsCallbacks(PayGov):
    def read_notice(self, notice: RawCallback) -> GatewayResult:
        report = super().read_notice(notice)
        _asked["callbacks"] = _asked.get("callbacks", 0) + 1
        return replace(report, gateway_ref=f"{report.gateway_ref}-{_asked['callbacks']}")


class AlwaysSays200(PayGov):
    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        return replace(super().acknowledge(result, notice), status=200)


class TellsItsKeyInAnError(PayGov):
    async def query(self, attempt: AttemptKey) -> GatewayResult:
        try:
            return await super().query(attempt)
        except GatewayUnavailable as error:
            raise type(error)(f"{error.detail}: {self._headers()}") from None


class TellsItsKeyInTheChain(PayGov):
    """The exception itself is clean; the one behind it quotes the request."""

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        try:
            return await super().start(request)
        except OutcomeUnknown as error:
            try:
                raise ValueError(f"while sending {self._headers()}")
            except ValueError:
                raise OutcomeUnknown(error.detail) from None


class TellsItsKeyInTheRepr(PayGov):
    def __repr__(self) -> str:
        return f"PayGov({dict(self.account.credentials)})"


_FORGED = "forged_callbacks_are_rejected"
_SILENCE = "silence_after_sending_is_unknown_and_never_repeated"
_UNREADABLE = "an_unreadable_answer_is_unknown_and_never_repeated"
_TOLD = "no_secret_is_ever_told"

#: the adapter, the check that must object, and what it must object to
BROKEN_GATEWAYS: list[tuple[Callable[..., PayGov], str, str]] = [
    (ChecksNoSignature, _FORGED, "amount changed"),
    (ChecksItOnlyIfItIsThere, _FORGED, "checksum missing"),
    (ComparesAPrefix, _FORGED, "checksum (missing|emptied|cut)"),
    (ComparesWithoutCase, _FORGED, "upper case"),
    (LetsTheCallerChooseTheAlgorithm, _FORGED, "HMAC-md5"),
    (SignsFewerFields, _FORGED, "payDate changed"),
    (TakesTheLastOfTwoNames, _FORGED, "a name given twice"),
    (ReadsAmountsLoosely, _FORGED, "amount as text"),
    (ReadsNumbersLoosely, _FORGED, r"amount spelled 150000\.0"),
    (TimesAHundred, "amounts_are_exact_outwards", r"asked for 1, the gateway took 100\b"),
    (ReportsTimesAHundred, "amounts_are_exact_inwards", "callback of 100 read as 10000"),
    (ReportsWhatWasAsked, "amounts_are_exact_inwards", "callback of 1500 read as 150000"),
    (RepeatsAfterATimeout, _SILENCE, "was repeated"),
    (RepeatsAfterATimeout, _UNREADABLE, "repeated after html"),
    (CallsSilenceHarmless, _SILENCE, "GatewayUnavailable.* instead of OutcomeUnknown"),
    (CallsHtmlADecline, _UNREADABLE, "DeclinedAttempt.* instead of OutcomeUnknown"),
    (
        CallsAnUnreadableQueryAFailure,
        "an_unreadable_answer_to_a_query_is_no_news",
        "GatewayResult.* instead of OutcomeUnknown",
    ),
    (
        CallsARefusedConnectionUnknown,
        "a_refused_connection_is_unavailable",
        "OutcomeUnknown instead of GatewayUnavailable",
    ),
    (RaisesADecline, "a_decline_is_a_value", "GatewayMisuse.* instead of DeclinedAttempt"),
    (AsksForANewOrderEachTime, "same_key_is_the_same_attempt", "two different checkouts"),
    (
        SwallowsAnotherRequest,
        "another_request_under_a_used_key_is_our_fault",
        "AcceptedAttempt.* instead of GatewayMisuse",
    ),
    (ComparesNothing, "a_genuine_callback_is_read_in_full", "request_code is not compared"),
    (NoSettlementKey, "a_genuine_callback_is_read_in_full", "no settlement key"),
    (TwoSettlementKeys, "outcomes_are_told_apart", "two keys for one settlement"),
    (TakesHeldForPaid, "outcomes_are_told_apart", "a callback of held read as succeeded"),
    (TakesPendingForPaid, "a_query_tells_the_state", "succeeded instead of pending"),
    (TakesUnknownForFailed, "a_query_tells_the_state", "failed instead of not_found"),
    (
        GivesUpWhenBusy,
        "a_busy_gateway_is_asked_again_and_takes_one_order",
        "DeclinedAttempt.* instead of GatewayUnavailable",
    ),
    (CountsItsCallbacks, "a_repeated_callback_is_the_same_report", "not the same report"),
    (AlwaysSays200, "acknowledgements_tell_the_gateway_what_to_do", "status 200 for a rejected"),
    (TellsItsKeyInAnError, _TOLD, "a secret was told"),
    (TellsItsKeyInTheChain, _TOLD, "a secret was told"),
    (TellsItsKeyInTheRepr, _TOLD, "a secret was told"),
]


@pytest.mark.parametrize(
    ("broken", "check", "objection"),
    BROKEN_GATEWAYS,
    ids=[f"{broken.__name__}-{check}" for broken, check, _ in BROKEN_GATEWAYS],
)
async def test_a_broken_gateway_is_caught(
    broken: Callable[..., PayGov], check: str, objection: str
) -> None:
    rig = PayGovRig(broken)
    async with rig.running():
        with pytest.raises(AssertionError, match=objection):
            await gateway_checks.CHECKS[check](rig)
