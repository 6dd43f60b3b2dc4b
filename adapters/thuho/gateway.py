"""A bank or wallet that takes money for us over its own counter: one body's account with it.

It asks what a code owes, debits its customer, and tells; it may take back what it told of, and
sends a file of each day (the layout `thuho`). There is nothing to start and nothing to ask: what
was not told is in the file, and is resolved by it or by two people. See `dialect` for the facts.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from adapters.accounts import posted
from adapters.thuho import dialect
from payments.gateway_disputes import GatewayDispute
from payments.gateway_info import (
    Capability,
    CredentialField,
    GatewayInfo,
    GatewayKind,
    limit_fields,
)
from payments.ports import (
    Acknowledgement,
    CallbackResult,
    GatewayAccount,
    GatewayMisuse,
    GatewayResult,
    RawCallback,
)
from payments.pulls import Pull, PulledBill, PullKey

_WORDS: Final[Mapping[CallbackResult, tuple[int, str, str]]] = {
    CallbackResult.ACCEPTED: (200, dialect.KEPT, "Đã ghi nhận"),
    CallbackResult.REPEATED: (200, dialect.KEPT, "Đã ghi nhận"),
    CallbackResult.UNKNOWN_ORDER: (200, dialect.LOOKED_AT, "Đã ghi nhận, chờ cán bộ kiểm tra"),
    CallbackResult.MISMATCH: (200, dialect.LOOKED_AT, "Đã ghi nhận, chờ cán bộ kiểm tra"),
    CallbackResult.REJECTED: (401, dialect.NOT_SIGNED, "Không xác thực được"),
    CallbackResult.TRY_AGAIN: (503, dialect.LATER, "Tạm thời chưa ghi nhận được, xin gửi lại"),
}


class Biller:
    """See `payments.ports.NoticeReader` and `Pullable`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="thuho",
        title_vi="Quầy, ứng dụng của ngân hàng hoặc ví thu hộ",
        title_en="Bank or wallet that collects for the body",
        kind=GatewayKind.BILLER,
        capabilities=frozenset({Capability.PULL}),
        verifying_headers=("x-biller-time", "x-biller-signature"),
        fields=(
            CredentialField(
                "partner",
                "Mã đơn vị thu hộ",
                "Code of who collects",
                secret=False,
                pattern="[0-9A-Za-z._-]{1,64}",
            ),
            CredentialField("secret", "Khóa ký", "Signing key", pattern="[!-~]{16,256}"),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount) -> None:
        self.account = account
        faults = [f"{fault.field} {fault.code}" for fault in self.info.check(account.credentials)]
        if faults:
            raise GatewayMisuse(f"thuho: credentials: {', '.join(faults)}")
        given = account.credentials
        self._credentials = dialect.Credentials(given["partner"], given["secret"])

    def __repr__(self) -> str:
        return f"Biller({self.account.account!r})"

    def read_notice(self, notice: RawCallback) -> GatewayResult | GatewayDispute:
        """Verify and read a payment or a reversal; `CallbackRejected` unless it is authentic."""

        def read(_: bytes) -> GatewayResult | GatewayDispute:
            return dialect.content_of(self._call(notice, dialect.PAY, dialect.REVERSAL))

        return posted("thuho", notice, read)

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`00` and `10` for what is kept, signed; another status has it told again."""
        status, code, message = _WORDS[result]
        return Acknowledgement(status, dialect.answer(self._credentials, code, message))

    def read_pull(self, asked: RawCallback) -> Pull:
        """Verify and read a question about a code; `CallbackRejected` for any other."""

        def read(_: bytes) -> str:
            return dialect.code_of(self._call(asked, dialect.INQUIRY))

        return Pull(PullKey.REFERENCE, posted("thuho", asked, read))

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        """What the code owes, signed; 401 for a question that was refused."""
        if pulled is None:
            return self.acknowledge(CallbackResult.REJECTED, asked)
        return Acknowledgement(200, dialect.owed(self._credentials, pulled))

    async def aclose(self) -> None:
        """Nothing to close: it only calls."""

    def _call(self, notice: RawCallback, *calls: str) -> dict[str, object]:
        return dialect.read_call(
            self._credentials, calls, notice.body, notice.headers, notice.received_at
        )
