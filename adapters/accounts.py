"""What adapters of gateways have in common: an account, a client, and how refusals are worded."""

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar
from urllib.parse import urlsplit

from adapters.http import GatewayHttp, HttpAnswer
from adapters.wording import Malformed, WrongSeal
from payments.gateway_info import GatewayInfo
from payments.ports import (
    CallbackFault,
    CallbackRejected,
    GatewayAccount,
    GatewayMisuse,
    NoticeUnreadable,
    OutcomeUnknown,
    RawCallback,
)

_MAX_BYTES: Final = 64 * 1024
_LONGEST_URL: Final = 2048
_T = TypeVar("_T")


class AccountAdapter:
    """An adapter of one account; `http` is for tests.

    Raises `GatewayMisuse` naming credentials that will not do.
    """

    info: ClassVar[GatewayInfo]
    #: statuses by which the gateway says that it did nothing
    untouched: ClassVar[frozenset[int]] = frozenset({429})

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        self.account = account
        faults = self.info.check(account.credentials)
        if faults:
            names = ", ".join(f"{fault.field} {fault.code}" for fault in faults)
            raise GatewayMisuse(f"{self.info.name}: credentials: {names}")
        self._http = http or GatewayHttp(self._address(account), untouched=self.untouched)

    @classmethod
    def _address(cls, account: GatewayAccount) -> str:
        """Where calls go."""
        return account.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.account.account!r})"

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    def _check_limits(self, amount: int) -> None:
        if not self.info.takes(amount, self.account.credentials):
            name = self.info.name
            raise GatewayMisuse(f"{name}: the amount is outside the limits of this account")

    def _misuse(self, call: str, answer: HttpAnswer, code: object) -> GatewayMisuse:
        where = f"{self.info.name} {self.account.account}"
        shown = str(code)[:16] if isinstance(code, int | str) else ""
        return GatewayMisuse(f"{where}: {call} refused (HTTP {answer.status}, code {shown!r})")

    def _unknown(self, call: str, fault: object) -> OutcomeUnknown:
        where = f"{self.info.name} {self.account.account}"
        return OutcomeUnknown(f"{where}: unusable answer to {call}: {fault}")

    def _can_follow(self, url: object) -> str | None:
        """The address if a payer may be sent there: over HTTPS, or as the gateway is called."""
        if not isinstance(url, str) or not 0 < len(url) <= _LONGEST_URL:
            return None
        if not url.isascii() or not url.isprintable() or " " in url:
            return None
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        schemes = {"https", urlsplit(self.account.base_url).scheme}
        return url if parts.scheme in schemes and parts.hostname else None


def posted(name: str, notice: RawCallback, read: Callable[[bytes], _T]) -> _T:
    """What `read` makes of a posted notice, its faults as the port has them.

    Raises `CallbackRejected` for what is not authentic, `NoticeUnreadable` for what is and breaks
    the grammar.
    """
    if notice.method != "POST":
        raise CallbackRejected(f"{name}: not a POST", fault=CallbackFault.MALFORMED)
    if len(notice.body) > _MAX_BYTES:
        raise CallbackRejected(f"{name}: too large", fault=CallbackFault.MALFORMED)
    try:
        return read(notice.body)
    except WrongSeal as error:
        raise CallbackRejected(f"{name}: {error}") from None
    except Malformed as error:
        raise NoticeUnreadable(f"{name}: {error}") from None


def shown(message: object) -> str:
    """A gateway's words for a citizen or clerk, cut to what a page can show."""
    text = message if isinstance(message, str) else ""
    return "".join(c for c in text if c.isprintable())[:200]
