"""What feeds of bank credits have in common: an account, its keys, and how they are answered.

Every feed has `secret`, `account_number`, and while a key is being replaced `previous_secret`,
which is accepted beside it until it is taken out of the configuration.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final, TypeVar

from adapters.wording import Malformed, strict
from core import json
from core.clock import VIETNAM
from payments.gateway_info import CredentialField, GatewayInfo
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

#: A notice that is told again may bear the stamp of its first time. What comes twice is known by
#: its number. No clock is minutes ahead of ours.
_OLDEST_SECONDS: Final = 3600
_AHEAD_SECONDS: Final = 300
_MAX_BYTES: Final = 64 * 1024
_LONGEST_TEXT: Final = 1000
_LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")

_T = TypeVar("_T")

_STATUSES: Final = {
    CallbackResult.ACCEPTED: 200,
    CallbackResult.REPEATED: 200,
    # The money is real and recorded whether or not it fits a bill: the notice has done its work.
    CallbackResult.UNKNOWN_ORDER: 200,
    CallbackResult.MISMATCH: 200,
    CallbackResult.REJECTED: 401,
    CallbackResult.TRY_AGAIN: 503,
}

#: Credentials that every feed has.
SECRET: Final = CredentialField("secret", "Khóa ký thông báo", "Key that signs notices")
ACCOUNT_NUMBER: Final = CredentialField(
    "account_number", "Số tài khoản", "Account number", secret=False, pattern=r"[0-9A-Za-z]{1,19}"
)
PREVIOUS_SECRET: Final = CredentialField(
    "previous_secret",
    "Khóa ký trước đó, khi đang thay",
    "Key before this one, while it is being replaced",
    required=False,
)
OLDEST_MINUTES: Final = CredentialField(
    "oldest_minutes",
    "Nhận thông báo cũ đến bao nhiêu phút",
    "How old a notice may be, in minutes",
    secret=False,
    required=False,
    pattern=r"[1-9][0-9]{0,3}",
)


class BankFeed:
    """A feed's reader; what it verifies and reads is the subclass's."""

    info: ClassVar[GatewayInfo]

    def __init__(self, account: GatewayAccount) -> None:
        self.account = account
        faults = self.info.check(account.credentials)
        if faults:
            names = ", ".join(f"{fault.field} {fault.code}" for fault in faults)
            raise GatewayMisuse(f"{self.info.name}: credentials: {names}")
        self._account_number = account.credentials["account_number"]
        secrets = (account.credentials["secret"], account.credentials.get("previous_secret"))
        self._secrets = tuple(secret.encode() for secret in secrets if secret)
        minutes = account.credentials.get("oldest_minutes")
        self._oldest_seconds = int(minutes) * 60 if minutes else _OLDEST_SECONDS

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.account.account!r})"

    def read_notice(self, notice: RawCallback) -> Credit | None:
        """Verify and read one notice; None for an authentic notice of money that went out.

        Raises `CallbackRejected` for anything forged or stale, `NoticeUnreadable` for what is
        authentic and malformed, or of another account.
        """
        return self._read_as(notice, self._read)

    def _read_as(self, notice: RawCallback, read: Callable[[Mapping[str, object]], _T]) -> _T:
        """What `read` makes of a verified notice; raises as `read_notice`."""
        if notice.method != "POST":
            raise CallbackRejected(f"{self.info.name}: not a POST", fault=CallbackFault.MALFORMED)
        self._verify(notice)
        try:
            if len(notice.body) > _MAX_BYTES:
                raise Malformed("larger than any notice")
            return read(strict(notice.body))
        except Malformed as error:
            raise NoticeUnreadable(f"{self.info.name}: {error}") from None

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`{"success": true}` with 200, else false with 401 or 503: it then calls again."""
        status = _STATUSES[result]
        return Acknowledgement(status, json.canonical({"success": status == 200}))

    async def aclose(self) -> None:
        """Nothing to close: a feed only calls."""

    def _verify(self, callback: RawCallback) -> None:
        raise NotImplementedError

    def _read(self, document: Mapping[str, object]) -> Credit | None:
        raise NotImplementedError

    def _rejected(self, why: str) -> CallbackRejected:
        return CallbackRejected(f"{self.info.name}: {why}")

    def _check_age(self, notice: RawCallback, stamped_at: float) -> None:
        """Refuse a notice whose stamp (Unix seconds) is too old, or ahead of our clock."""
        age = notice.received_at.timestamp() - stamped_at
        if not -_AHEAD_SECONDS <= age <= self._oldest_seconds:
            told = f"{self.info.name}: timestamp too old, or ahead of our clock"
            raise CallbackRejected(told, fault=CallbackFault.TOO_OLD)

    def _check_password(self, given: str) -> None:
        """Refuse a password that is none of the account's. It proves nothing about the body."""
        # Every key is tried, so that the time taken does not tell which one fitted.
        fits = [hmac.compare_digest(key, given.encode()) for key in self._secrets]
        if not any(fits):
            raise self._rejected("password wrong")

    def _check_account(self, told: str, name: str) -> None:
        if told != self._account_number:
            raise Malformed(f"{name}: not the account of this feed")


def prose(document: Mapping[str, object], name: str, *, may_be_absent: bool = False) -> str:
    """A text of at most 1,000 characters. Raises `Malformed`."""
    value = document.get(name)
    if value is None and may_be_absent:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise Malformed(f"{name}: missing or malformed")
    return value


def integer(document: Mapping[str, object], name: str) -> int:
    """A JSON integer of either sign. Raises `Malformed`."""
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"{name}: not an integer")
    return value


def check_balance(document: Mapping[str, object], name: str) -> None:
    """Raises `Malformed` for a balance that is no integer; a bank may tell none, or null."""
    if document.get(name) is not None:
        integer(document, name)


def local_time(document: Mapping[str, object], name: str) -> datetime:
    """`YYYY-MM-DD HH:MM:SS` in Vietnamese time, as UTC. Raises `Malformed`."""
    text = prose(document, name)
    if _LOCAL_TIME.fullmatch(text) is None:
        raise Malformed(f"{name}: malformed")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=VIETNAM).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name}: no such time") from None
