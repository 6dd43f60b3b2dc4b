"""VNPay as a payment gateway: one agency's terminal.

`start` calls nobody: it writes a signed address, and VNPay learns of the order when the payer's
browser comes there. The result comes as a GET to our callback address, which is registered with
VNPay and not sent; the address the payer returns to carries the same parameters and decides
nothing. `query` (querydr) finds what was never told. VNPay repeats a call, up to ten times at five
minutes' distance, until it hears 00 or 02; all our answers are HTTP 200, as its page asks.

Refunds are for accounts whose `refund` is `yes`: VNPay opens that call to a merchant on request,
and its sandbox refuses it.
"""

import secrets
from typing import ClassVar, Final

from adapters.accounts import AccountAdapter
from adapters.http import GatewayHttp, checked_url
from adapters.vnpay import dialect
from adapters.wording import Malformed, WrongSeal, is_among, object_of
from core import clock, json
from payments.gateway_info import (
    Capability,
    CredentialField,
    GatewayInfo,
    GatewayKind,
    limit_fields,
)
from payments.gateway_refunds import RefundOrder, RefundResult
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


class VNPay(AccountAdapter):
    """See `payments.ports.PaymentGateway`. `http` is for tests.

    The account's address is where `vpcpay.html` is; questions go to `api_url`, or to the same host
    where there is none.
    """

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="vnpay",
        title_vi="VNPAY",
        title_en="VNPAY",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.REFUND}),
        by_contract=frozenset({Capability.REFUND}),
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
            CredentialField(
                "refund",
                "VNPAY đã mở hoàn trả qua API (yes hoặc no)",
                "Whether VNPAY has opened refunds by API (yes or no)",
                secret=False,
                required=False,
                pattern="yes|no",
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        values = account.credentials
        self._credentials = dialect.Credentials(values["tmn_code"], values["hash_secret"])
        self._page = f"{str(checked_url(account.base_url)).rstrip('/')}/vpcpay.html"

    @classmethod
    def _address(cls, account: GatewayAccount) -> str:
        return cls.api_url(account)

    @staticmethod
    def api_url(account: GatewayAccount) -> str:
        """Where questions go, without the path that VNPay gives them."""
        base = account.base_url.rstrip("/").removesuffix("/paymentv2")
        return account.credentials.get("api_url") or base

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """The address of the payment page; raises `GatewayMisuse` for what it would refuse."""
        self._check_limits(request.amount)
        query = dialect.pay_query(self._credentials, request)
        return AcceptedAttempt(CheckoutType.REDIRECT, url=f"{self._page}?{query}")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the attempt; raises as the port says."""
        document = await self._ask(attempt)
        fault = ""
        try:
            return dialect.read_answer(self._credentials, attempt, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Ask for money back; the same `refund_ref` is the same refund.

        Raises `GatewayMisuse` for an account that may not.
        """
        if not self.info.can(Capability.REFUND, self.account.credentials):
            raise GatewayMisuse(f"vnpay {self.account.account}: refunds are not opened to it")
        body = dialect.refund_body(self._credentials, order)
        document = await self._call("refund", body)
        fault = ""
        try:
            return dialect.read_refund(self._credentials, order, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("refund", fault)

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        """What VNPay says of the newest refund of the order: pending unless it is this one."""
        document = await self._ask(AttemptKey(order.order_ref, order.attempted_at))
        fault = ""
        try:
            return dialect.read_refund_answer(self._credentials, order, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    async def _ask(self, attempt: AttemptKey) -> dict[str, object]:
        # A question of the same number twice is refused (94), so each gets a number of its own.
        request_id = secrets.token_hex(16)
        body = dialect.question(self._credentials, attempt, request_id, clock.now())
        return await self._call("query", body)

    async def _call(self, call: str, body: bytes) -> dict[str, object]:
        """The answer. Raises where VNPay calls the request wrong."""
        answer = await self._http.post_json(_API_PATH, body, {}, repeatable=False)
        document = object_of(answer.document)
        code = document.get("vnp_ResponseCode")
        if not answer.ok or is_among(code, _OUR_FAULT):
            raise self._misuse(call, answer, code)
        return document

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""
        if notice.method != "GET":
            raise CallbackRejected("vnpay: not a GET", fault=CallbackFault.MALFORMED)
        if len(notice.query) > _LONGEST_QUERY or not notice.query.isascii():
            fault = CallbackFault.MALFORMED
            raise CallbackRejected("vnpay: no query that it could have sent", fault=fault)
        try:
            return dialect.read_result(self._credentials, notice.query)
        except WrongSeal as error:
            raise CallbackRejected(f"vnpay: {error}") from None
        except Malformed as error:
            raise NoticeUnreadable(f"vnpay: {error}") from None

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`RspCode` and `Message`, always with HTTP 200; see the table."""
        code, message = _WORDS[result]
        return Acknowledgement(200, json.canonical({"RspCode": code, "Message": message}))
