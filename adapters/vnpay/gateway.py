"""VNPay as a payment gateway: one agency's terminal.

`start` calls nobody: it writes a signed address, and VNPay learns of the order when the payer's
browser comes there. The result comes as a GET to our callback address, which is registered with
VNPay and not sent; the address the payer returns to carries the same parameters and decides
nothing. `query` (querydr) finds what was never told. VNPay repeats a call, up to ten times at five
minutes' distance, until it hears 00 or 02; all our answers are HTTP 200, as its page asks.

Refunds are not made here: VNPay opens that call to a merchant only on request.
"""

import secrets
from typing import ClassVar, Final

from adapters.http import GatewayHttp, checked_url
from adapters.vnpay import dialect
from core import clock, json
from payments.gateway_info import (
    Capability,
    CredentialField,
    GatewayInfo,
    GatewayKind,
    limit_fields,
)
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    AttemptKey,
    CallbackFault,
    CallbackRejected,
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayAccount,
    GatewayMisuse,
    GatewayResult,
    NoticeUnreadable,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)

_LONGEST_QUERY: Final = 8 * 1024
#: codes by which VNPay calls our question wrong: terminal, form, hash
_OUR_FAULT: Final = frozenset({"02", "03", "97"})
_API_PATH: Final = "/merchant_webapi/api/transaction"

_WORDS: Final = {
    CallbackResult.ACCEPTED: ("00", "Confirm Success"),
    CallbackResult.REPEATED: ("02", "Order already confirmed"),
    CallbackResult.UNKNOWN_ORDER: ("01", "Order not found"),
    CallbackResult.MISMATCH: ("04", "Invalid amount"),
    CallbackResult.REJECTED: ("97", "Invalid signature"),
    CallbackResult.TRY_AGAIN: ("99", "Unknow error"),
}


class VNPay:
    """See `payments.ports.PaymentGateway`. `http` is for tests.

    The account's address is where `vpcpay.html` is; questions go to `api_url`, or to the same host
    where there is none.
    """

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="vnpay",
        title_vi="VNPAY",
        title_en="VNPAY",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY}),
        # VNPay's page refuses others: "5,000 to under 1 billion".
        least_amount=5_000,
        greatest_amount=999_999_999,
        open_for=dialect.OPEN_FOR,
        fields=(
            CredentialField(
                "tmn_code",
                "Mã website (vnp_TmnCode)",
                "Terminal code (vnp_TmnCode)",
                secret=False,
                pattern=r"[0-9A-Za-z]{8}",
            ),
            CredentialField(
                "hash_secret", "Chuỗi bí mật (vnp_HashSecret)", "Hash secret (vnp_HashSecret)"
            ),
            CredentialField(
                "api_url",
                "Địa chỉ máy chủ truy vấn, nếu khác trang thanh toán",
                "Address that questions go to, if not the payment page's",
                secret=False,
                required=False,
                pattern=r"https?://[!-~]{1,200}",
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        self.account = account
        faults = self.info.check(account.credentials)
        if faults:
            names = ", ".join(f"{fault.field} {fault.code}" for fault in faults)
            raise GatewayMisuse(f"vnpay: credentials: {names}")
        values = account.credentials
        self._credentials = dialect.Credentials(values["tmn_code"], values["hash_secret"])
        self._page = f"{str(checked_url(account.base_url)).rstrip('/')}/vpcpay.html"
        self._http = http or GatewayHttp(self.api_url(account))

    def __repr__(self) -> str:
        return f"VNPay({self.account.account!r})"

    @staticmethod
    def api_url(account: GatewayAccount) -> str:
        """Where questions go, without the path that VNPay gives them."""
        base = account.base_url.rstrip("/").removesuffix("/paymentv2")
        return account.credentials.get("api_url") or base

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """The address of the payment page; raises `GatewayMisuse` for what it would refuse."""
        if not self.info.takes(request.amount, self.account.credentials):
            raise GatewayMisuse("vnpay: the amount is outside the limits of this account")
        query = dialect.pay_query(self._credentials, request)
        return AcceptedAttempt(CheckoutType.REDIRECT, url=f"{self._page}?{query}")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the attempt; raises as the port says."""
        request_id = secrets.token_hex(16)
        body = dialect.question(self._credentials, attempt, request_id, clock.now())
        # A question of the same number twice is refused (94), so the next one gets a new number.
        answer = await self._http.post_json(_API_PATH, body, {}, repeatable=False)
        document = answer.document if isinstance(answer.document, dict) else {}
        code = document.get("vnp_ResponseCode")
        if not answer.ok or code in _OUR_FAULT:
            raise GatewayMisuse(
                f"vnpay {self.account.account}: query refused (HTTP {answer.status})"
            )
        fault = ""
        try:
            return dialect.read_answer(self._credentials, attempt, document)
        except dialect.Malformed as error:
            fault = str(error)
        raise OutcomeUnknown(f"vnpay {self.account.account}: unusable answer to query: {fault}")

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""
        if notice.method != "GET":
            raise CallbackRejected("vnpay: not a GET", fault=CallbackFault.MALFORMED)
        if len(notice.query) > _LONGEST_QUERY or not notice.query.isascii():
            fault = CallbackFault.MALFORMED
            raise CallbackRejected("vnpay: no query that it could have sent", fault=fault)
        try:
            return dialect.read_result(self._credentials, notice.query)
        except dialect.WrongSeal as error:
            raise CallbackRejected(f"vnpay: {error}") from None
        except dialect.Malformed as error:
            raise NoticeUnreadable(f"vnpay: {error}") from None

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`RspCode` and `Message`, always with HTTP 200; see the table."""
        code, message = _WORDS[result]
        return Acknowledgement(200, json.canonical({"RspCode": code, "Message": message}))

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()
