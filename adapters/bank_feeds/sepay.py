"""Notices of bank credits in SePay's webhook dialect, as one collection account's feed.

Facts: SePay's developer pages [C] and two independent clients. How a notice proves where it comes
from is the account's `mode`, as it is set at SePay:

* `hmac` (ours where nothing is said) [C]: `X-SePay-Signature: sha256=<hex>` is HMAC-SHA256 under
  the secret over `{timestamp}.{raw body}`, `X-SePay-Timestamp` is Unix seconds, not older than an
  hour (or than `oldest_minutes`) and at most five minutes ahead of the moment of receipt.
* `apikey` [C]: `Authorization: Apikey <secret>`.
* `oauth2`: `Authorization: Bearer <token>`. [C] SePay has this mode. [I] It asks for the token at
  an address that is set there, by client credentials (RFC 6749 §4.4): with `client_id` set here,
  ours gives one for an hour to who shows it and the secret, in a Basic header or in the form.
  Without `client_id` the token is the secret itself, as the body's own server gives it.

`subAccount` is the virtual account that the payer sent money to [C]; where a bank gives out none,
a code that SePay has found in the words (TKP) [C]. SePay's API of orders, which gives each one a
virtual account [C], is not called: at which banks a number can be chosen is not said [?]. A body
that may choose them says by which prefix (`lephi account virtual-prefix`).

A password says nothing about the body it came with: such a credit is not signed, and waits until
another source tells of the same money. A SePay without any of them is not taken at all.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final

from adapters.bank_feeds.feed import (
    ACCOUNT_NUMBER,
    OLDEST_MINUTES,
    PREVIOUS_SECRET,
    SECRET,
    BankFeed,
    check_balance,
    local_time,
    prose,
)
from adapters.bank_feeds.token_requests import client_credentials
from adapters.wording import Malformed, amount_of, whole
from core import json
from payments.gateway_info import CredentialField, GatewayInfo, GatewayKind
from payments.ports import (
    Acknowledgement,
    CallbackFault,
    CallbackRejected,
    Credit,
    GatewayAccount,
    RawCallback,
)

#: How long a token is good.
_TOKEN_SECONDS: Final = 3600
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})")
_SCHEMES: Final = {"apikey": "Apikey ", "oauth2": "Bearer "}


class SePayFeed(BankFeed):
    """See `payments.ports.NoticeReader`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="sepay",
        title_vi="Báo có ngân hàng (SePay)",
        title_en="Bank credit notices (SePay)",
        kind=GatewayKind.FEED,
        fields=(
            SECRET,
            ACCOUNT_NUMBER,
            PREVIOUS_SECRET,
            OLDEST_MINUTES,
            CredentialField(
                "mode",
                "Cách xác thực (hmac, apikey, oauth2)",
                "How a notice is proved (hmac, apikey, oauth2)",
                secret=False,
                required=False,
                pattern="hmac|apikey|oauth2",
            ),
            CredentialField(
                "client_id",
                "Mã khách (client_id) khi xin mã truy cập (oauth2)",
                "Client id with which a token is asked for (oauth2)",
                secret=False,
                required=False,
                pattern=r"[0-9A-Za-z._-]{1,64}",
            ),
        ),
        verifying_headers=("x-sepay-timestamp", "x-sepay-signature", "authorization"),
        answer_within=timedelta(seconds=25),  # it waits thirty
    )

    def __init__(self, account: GatewayAccount) -> None:
        super().__init__(account)
        self._scheme = _SCHEMES.get(account.credentials.get("mode") or "hmac")
        self._client_id = account.credentials.get("client_id", "")

    def issue_token(self, asked: RawCallback) -> Acknowledgement | None:
        """A token of an hour by client credentials; None where this account's has none."""
        if self._scheme != _SCHEMES["oauth2"] or not self._client_id:
            return None
        given = client_credentials(asked)
        if given is None:
            return _token_error(400, "invalid_request")
        if given.grant_type != "client_credentials":
            return _token_error(400, "unsupported_grant_type")
        # Every key is tried, so that the time taken does not tell which one fitted.
        fits = [hmac.compare_digest(key, given.secret.encode()) for key in self._secrets]
        known = hmac.compare_digest(given.client_id.encode(), self._client_id.encode())
        if not (any(fits) and known):
            return _token_error(401, "invalid_client")
        until = int(asked.received_at.timestamp()) + _TOKEN_SECONDS
        token = self._token(self._secrets[0], str(until))
        said = {"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}
        return Acknowledgement(200, json.canonical(said))

    def _token(self, key: bytes, until: str) -> str:
        text = f"token.{self._client_id}.{until}".encode()
        return f"{until}.{hmac.new(key, text, hashlib.sha256).hexdigest()}"

    def _check_token(self, given: str, callback: RawCallback) -> None:
        """Refuse a token that is none of ours, or is over."""
        until = given.partition(".")[0]
        if _TIMESTAMP.fullmatch(until) is None:
            raise self._rejected("no token of ours")
        fits = [
            hmac.compare_digest(self._token(key, until).encode(), given.encode())
            for key in self._secrets
        ]
        if not any(fits):
            raise self._rejected("no token of ours")
        if callback.received_at.timestamp() > int(until):
            told = f"{self.info.name}: the token is over"
            raise CallbackRejected(told, fault=CallbackFault.TOO_OLD)

    def _verify(self, callback: RawCallback) -> None:
        if self._scheme is not None:
            given = callback.headers.get("authorization", "")
            if not given.startswith(self._scheme):
                raise self._rejected("no password of this mode")
            given = given.removeprefix(self._scheme)
            if self._client_id and self._scheme == _SCHEMES["oauth2"]:
                self._check_token(given, callback)
                return
            self._check_password(given)
            return
        timestamp = callback.headers.get("x-sepay-timestamp", "")
        given_seal = _SIGNATURE.fullmatch(callback.headers.get("x-sepay-signature", ""))
        if _TIMESTAMP.fullmatch(timestamp) is None or given_seal is None:
            raise self._rejected("no timestamp or no signature of the right form")
        signed = timestamp.encode() + b"." + callback.body
        # Every key is tried, so that the time taken does not tell which one fitted.
        fits = [
            hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).hexdigest(), given_seal[1])
            for key in self._secrets
        ]
        if not any(fits):
            raise self._rejected("signature wrong")
        self._check_age(callback, int(timestamp))

    def _read(self, document: Mapping[str, object]) -> Credit | None:
        feed_ref = str(whole(document, "id"))
        prose(document, "gateway")
        credited_at = local_time(document, "transactionDate")
        self._check_account(prose(document, "accountNumber"), "accountNumber")
        for name in ("code", "description"):
            prose(document, name, may_be_absent=True)
        virtual_account = prose(document, "subAccount", may_be_absent=True).strip()
        narrative = prose(document, "content")
        amount = amount_of(document, "transferAmount")
        check_balance(document, "accumulated")
        bank_ref = prose(document, "referenceCode", may_be_absent=True).strip()
        direction = prose(document, "transferType")
        if direction not in ("in", "out"):
            raise Malformed("transferType: neither in nor out")
        if direction == "out":
            return None
        return Credit(
            feed_ref=feed_ref,
            bank_ref=bank_ref,
            account_number=self._account_number,
            amount=amount,
            narrative=narrative,
            credited_at=credited_at,
            signed=self._scheme is None,
            virtual_account=virtual_account,
        )


def _token_error(status: int, code: str) -> Acknowledgement:
    """A refusal in the words of RFC 6749 §5.2."""
    return Acknowledgement(status, json.canonical({"error": code}))
