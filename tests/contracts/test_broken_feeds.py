"""Credit feeds that are wrong on purpose; see `test_broken_gateways`."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.bank_feeds.sepay import SePayFeed
from core import json as strict_json
from core.errors import Invalid
from payments.ports import (
    Acknowledgement,
    CallbackRejected,
    CallbackResult,
    Credit,
    GatewayAccount,
    RawCallback,
)
from tests.support import feed_checks
from tests.support.rigs.sepay import SePayRig

_noticed: list[Credit] = []


class TakesTheBodySSignatureToo(SePayFeed):
    """The scheme of another product of the same maker: no timestamp, so a replay never ages."""

    def _verify(self, callback: RawCallback) -> None:
        given = callback.headers.get("x-sepay-signature", "")
        for key in self._secrets:
            if given == f"sha256={hmac.new(key, callback.body, hashlib.sha256).hexdigest()}":
                return
        super()._verify(callback)


class VerifiesWhatItWroteAnew(SePayFeed):
    """Verifies its own writing of the values in place of the bytes that came."""

    def _verify(self, callback: RawCallback) -> None:
        try:
            body = strict_json.dumps(strict_json.loads(callback.body))
        except Invalid:
            body = callback.body
        super()._verify(replace(callback, body=body))


class CutsTheSignature(SePayFeed):
    def _verify(self, callback: RawCallback) -> None:
        at = callback.headers.get("x-sepay-timestamp", "")
        given = callback.headers.get("x-sepay-signature", "").removeprefix("sha256=")
        message = at.encode() + b"." + callback.body
        for key in self._secrets:
            if hmac.new(key, message, hashlib.sha256).hexdigest().startswith(given or "-"):
                signed = f"sha256={hmac.new(key, message, hashlib.sha256).hexdigest()}"
                headers = {**callback.headers, "x-sepay-signature": signed}
                super()._verify(replace(callback, headers=headers))
                return
        raise CallbackRejected("signature")


class ForgetsTheClock(SePayFeed):
    """Everything right but the age of the timestamp."""

    def _verify(self, callback: RawCallback) -> None:
        at = callback.headers["x-sepay-timestamp"]
        received_at = datetime.fromtimestamp(int(at), UTC)
        super()._verify(replace(callback, received_at=received_at))


class TakesDebitsForCredits(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        return super()._read({**document, "transferType": "in"})


class TakesAnyAccount(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        return super()._read({**document, "accountNumber": self._account_number})


class MergesAlikes(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        credit = super()._read(document)
        if credit is not None and not credit.bank_ref:
            return replace(credit, feed_ref=f"{credit.amount}-{credit.narrative}")
        return credit


class InventsReferences(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        credit = super()._read(document)
        return credit and replace(credit, bank_ref=credit.bank_ref or credit.feed_ref)


class ForgetsWhereItWasSent(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        return super()._read({**document, "subAccount": None})


class NewIdentityEachTime(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        credit = super()._read(document)
        if credit is None:
            return None
        _noticed.append(credit)
        return replace(credit, feed_ref=str(len(_noticed)))


class NoRotation(SePayFeed):
    def __init__(self, account: GatewayAccount) -> None:
        super().__init__(account)
        self._secrets = self._secrets[:1]


class LooseAmounts(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        amount = document.get("transferAmount")
        loose = int(amount) if isinstance(amount, str) else amount
        return super()._read({**document, "transferAmount": loose})


class ScaledAmounts(SePayFeed):
    def _read(self, document: Any) -> Credit | None:
        credit = super()._read(document)
        return credit and replace(credit, amount=max(credit.amount // 100, 1))


class MakesDoWithoutASecret(SePayFeed):
    def __init__(self, account: GatewayAccount) -> None:
        filled = {k: v or "default" for k, v in account.credentials.items()}
        super().__init__(replace(account, credentials=filled))


class AlwaysSaysYes(SePayFeed):
    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        return super().acknowledge(CallbackResult.ACCEPTED, notice)


class QuotesItsSecret(SePayFeed):
    def _verify(self, callback: RawCallback) -> None:
        try:
            super()._verify(callback)
        except CallbackRejected as error:
            raise CallbackRejected(f"{error.detail} (expected {self._secrets})") from None


_FORGED_NOTICES = "forged_notices_are_rejected"

BROKEN_FEEDS: list[tuple[Callable[[GatewayAccount], SePayFeed], str, str]] = [
    (TakesTheBodySSignatureToo, _FORGED_NOTICES, "over the body alone"),
    (VerifiesWhatItWroteAnew, _FORGED_NOTICES, "one space more"),
    (CutsTheSignature, _FORGED_NOTICES, "signature cut to 1"),
    (TakesAnyAccount, _FORGED_NOTICES, "another account"),
    (LooseAmounts, _FORGED_NOTICES, "amount '5000'"),
    (ForgetsTheClock, "a_notice_too_old_or_too_new_is_rejected", "accepted -301 s away"),
    (TakesDebitsForCredits, "money_that_goes_out_is_no_credit", "a debit read as a credit"),
    (ScaledAmounts, "a_genuine_notice_is_read_in_full", "5000 read as 50"),
    (MergesAlikes, "two_credits_that_look_alike_are_two", "share a number"),
    (InventsReferences, "the_bank_s_own_reference_is_told_as_it_is", "the bank calls it"),
    (
        ForgetsWhereItWasSent,
        "the_virtual_account_is_told_as_it_is",
        "not the number it was sent to",
    ),
    (NewIdentityEachTime, "a_repeated_notice_is_the_same_credit", "not the same credit"),
    (NoRotation, "both_keys_are_accepted_while_one_is_replaced", "old key refused too early"),
    (MakesDoWithoutASecret, "missing_credentials_are_our_fault", "was made without"),
    (AlwaysSaysYes, "acknowledgements_tell_the_feed_what_to_do", "status 200 for a rejected"),
    (QuotesItsSecret, "no_secret_is_ever_told", "a secret was told"),
]


@pytest.mark.parametrize(
    ("broken", "check", "objection"),
    BROKEN_FEEDS,
    ids=[f"{broken.__name__}-{check}" for broken, check, _ in BROKEN_FEEDS],
)
def test_a_broken_feed_is_caught(
    broken: Callable[[GatewayAccount], SePayFeed], check: str, objection: str
) -> None:
    with pytest.raises(AssertionError, match=objection):
        feed_checks.CHECKS[check](SePayRig(broken))


def test_every_check_of_feeds_is_seen_to_fail() -> None:
    assert {check for _, check, _ in BROKEN_FEEDS} == set(feed_checks.CHECKS)
