"""Notices of bank credits in SePay's webhook dialect, as one collection account's feed.

Authentic means signed: `X-SePay-Signature: sha256=<hex>` is HMAC-SHA256 under the shared secret
over `{timestamp}.{raw body}`, `X-SePay-Timestamp` is Unix seconds, not older than an hour (or than
`oldest_minutes`) and at most five minutes ahead of the moment of receipt. SePay's other scheme, a
static `Authorization: Apikey`, proves nothing about the body and is not accepted. Facts: SePay's
developer pages and two independent clients.

Credentials: `secret`, `account_number`, and while a key is being replaced `previous_secret`,
which is accepted beside it until it is taken out of the configuration.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from core import json
from core.clock import VIETNAM
from core.errors import Invalid
from core.money import check_amount
from payments.gateway_info import CredentialField, GatewayInfo, GatewayKind
from payments.ports import (
    Acknowledgement,
    CallbackFault,
    CallbackRejected,
    CallbackResult,
    Credit,
    GatewayAccount,
    GatewayMisuse,
    NoticeUnreadable,
    RawCallback,
)

#: A notice that is told again may bear the stamp of its first time: SePay tells eight times within
#: 33 minutes. What comes twice is known by its number. No clock is minutes ahead of ours.
_OLDEST_SECONDS: Final = 3600
_AHEAD_SECONDS: Final = 300
_MAX_BYTES: Final = 64 * 1024
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})")
_LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_LONGEST_TEXT: Final = 1000

_STATUSES: Final = {
    CallbackResult.ACCEPTED: 200,
    CallbackResult.REPEATED: 200,
    # The money is real and recorded whether or not it fits a bill: the notice has done its work.
    CallbackResult.UNKNOWN_ORDER: 200,
    CallbackResult.MISMATCH: 200,
    CallbackResult.REJECTED: 401,
    CallbackResult.TRY_AGAIN: 503,
}


class SePayFeed:
    """See `payments.ports.NoticeReader`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="sepay",
        title_vi="Báo có ngân hàng (SePay)",
        title_en="Bank credit notices (SePay)",
        kind=GatewayKind.FEED,
        fields=(
            CredentialField("secret", "Khóa ký thông báo", "Key that signs notices"),
            CredentialField(
                "account_number",
                "Số tài khoản",
                "Account number",
                secret=False,
                pattern=r"[0-9A-Za-z]{1,19}",
            ),
            CredentialField(
                "previous_secret",
                "Khóa ký trước đó, khi đang thay",
                "Key before this one, while it is being replaced",
                required=False,
            ),
            CredentialField(
                "oldest_minutes",
                "Nhận thông báo cũ đến bao nhiêu phút",
                "How old a notice may be, in minutes",
                secret=False,
                required=False,
                pattern=r"[1-9][0-9]{0,3}",
            ),
        ),
        kept_headers=("content-type", "x-sepay-timestamp", "x-sepay-signature"),
        answer_within=timedelta(seconds=25),  # it waits thirty
    )

    def __init__(self, account: GatewayAccount) -> None:
        self.account = account
        self._account_number = account.credentials.get("account_number", "")
        secrets = (account.credentials.get("secret"), account.credentials.get("previous_secret"))
        self._secrets = tuple(secret.encode() for secret in secrets if secret)
        minutes = account.credentials.get("oldest_minutes")
        self._oldest_seconds = int(minutes) * 60 if minutes else _OLDEST_SECONDS
        if not account.credentials.get("secret") or not self._account_number:
            raise GatewayMisuse("sepay: credentials missing: secret and account_number are needed")

    def __repr__(self) -> str:
        return f"SePayFeed({self.account.account!r})"

    def read_notice(self, notice: RawCallback) -> Credit | None:
        """Verify and read one notice; None for an authentic notice of money that went out.

        Raises `CallbackRejected` for anything forged or stale, `NoticeUnreadable` for what is
        signed rightly and malformed, or of another account.
        """
        self._verify(notice)
        try:
            document = json.loads(notice.body, max_bytes=_MAX_BYTES)
        except Invalid:
            raise NoticeUnreadable("sepay: not strict JSON") from None
        if not isinstance(document, dict):
            raise NoticeUnreadable("sepay: not a JSON object")
        return self._read(document)

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`{"success": true}` with 200, else false with 401 or 503 (SePay then calls again)."""
        status = _STATUSES[result]
        return Acknowledgement(status, json.canonical({"success": status == 200}))

    async def aclose(self) -> None:
        """Nothing to close: a feed only calls."""

    def _verify(self, callback: RawCallback) -> None:
        if callback.method != "POST":
            raise CallbackRejected("sepay: not a POST", fault=CallbackFault.MALFORMED)
        timestamp = callback.headers.get("x-sepay-timestamp", "")
        given = _SIGNATURE.fullmatch(callback.headers.get("x-sepay-signature", ""))
        if _TIMESTAMP.fullmatch(timestamp) is None or given is None:
            raise CallbackRejected("sepay: no timestamp or no signature of the right form")
        signed = timestamp.encode() + b"." + callback.body
        # Every key is tried, so that the time taken does not tell which one fitted.
        fits = [
            hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).hexdigest(), given[1])
            for key in self._secrets
        ]
        if not any(fits):
            raise CallbackRejected("sepay: signature wrong")
        age = callback.received_at.timestamp() - int(timestamp)
        if not -_AHEAD_SECONDS <= age <= self._oldest_seconds:
            told = "sepay: timestamp too old, or ahead of our clock"
            raise CallbackRejected(told, fault=CallbackFault.TOO_OLD)

    def _read(self, document: Mapping[str, object]) -> Credit | None:
        feed_ref = str(_integer(document, "id", lowest=0))
        _text(document, "gateway")
        credited_at = _local_time(_text(document, "transactionDate"))
        if _text(document, "accountNumber") != self._account_number:
            raise NoticeUnreadable("sepay: accountNumber: not the account of this feed")
        for name in ("subAccount", "code", "description"):
            _text(document, name, may_be_absent=True)
        narrative = _text(document, "content")
        amount = _amount(document)
        if "accumulated" in document:
            _integer(document, "accumulated")
        bank_ref = _text(document, "referenceCode", may_be_absent=True).strip()
        direction = _text(document, "transferType")
        if direction not in ("in", "out"):
            raise NoticeUnreadable("sepay: transferType: neither in nor out")
        if direction == "out":
            return None
        return Credit(
            feed_ref=feed_ref,
            bank_ref=bank_ref,
            account_number=self._account_number,
            amount=amount,
            narrative=narrative,
            credited_at=credited_at,
        )


def _text(document: Mapping[str, object], name: str, *, may_be_absent: bool = False) -> str:
    value = document.get(name)
    if value is None and may_be_absent:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise NoticeUnreadable(f"sepay: {name}: missing or malformed")
    return value


def _integer(document: Mapping[str, object], name: str, *, lowest: int | None = None) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NoticeUnreadable(f"sepay: {name}: not an integer")
    if lowest is not None and value < lowest:
        raise NoticeUnreadable(f"sepay: {name}: negative")
    return value


def _amount(document: Mapping[str, object]) -> int:
    try:
        return check_amount(document.get("transferAmount"))
    except Invalid:
        raise NoticeUnreadable("sepay: transferAmount: not a number of whole đồng") from None


def _local_time(text: str) -> datetime:
    """`YYYY-MM-DD HH:MM:SS` in Vietnamese time, as UTC."""
    if _LOCAL_TIME.fullmatch(text) is None:
        raise NoticeUnreadable("sepay: transactionDate: malformed")
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=VIETNAM)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoticeUnreadable("sepay: transactionDate: no such time") from None
