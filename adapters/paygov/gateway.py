"""PayGov as a payment gateway: one agency's account at the state's payment portal.

`start` creates an order and sends the citizen to the portal's page. Nothing says that the portal
recognises a repeated create call, so a create whose answer is lost is never repeated: it is
`OutcomeUnknown`, and `query` finds out. There is no known call to cancel or to refund.

`query` is [assumption] `POST /query`: no public client asks PayGov anything, but the portal's
partners all offer it, and the sandbox speaks our profile of it. A unit that answers none has the
setting `query` = `no`: its attempts are never asked about, and what is not told is resolved by the
statement or by two people. `dialect` names the other assumptions, `receipts` those of receipts.
"""

from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, shown
from adapters.http import GatewayHttp
from adapters.linked_files import fetch_pdf, receipt_fields
from adapters.paygov import dialect, receipts
from adapters.recipes import PATTERN
from adapters.wording import Malformed, WrongSeal
from core import json
from core.errors import Invalid
from payments.gateway_info import Capability, CredentialField, GatewayInfo, GatewayKind
from payments.gateway_receipts import ReceiptOrder
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
    GatewayResult,
    NoticeUnreadable,
    RawCallback,
    StartRequest,
)

_MAX_CALLBACK_BYTES: Final = 64 * 1024
_LONG_WORD: Final = r"[!-~]{1,2048}"
#: codes by which the portal calls our request wrong: form, checksum, another order of this id
_OUR_FAULT: Final = frozenset({"03", "94", "97"})

_WORDS: Final = {
    CallbackResult.ACCEPTED: (200, "SUCCESSFUL", "Da ghi nhan"),
    CallbackResult.REPEATED: (200, "SUCCESSFUL", "Da ghi nhan"),
    CallbackResult.UNKNOWN_ORDER: (200, "FAILED", "Khong tim thay giao dich"),
    CallbackResult.MISMATCH: (200, "FAILED", "Thong tin giao dich khong khop"),
    CallbackResult.REJECTED: (401, "FAILED", "Khong xac thuc duoc"),
    # The portal's clients always answer 200, but only another status makes it call again.
    CallbackResult.TRY_AGAIN: (503, "FAILED", "Tam thoi chua ghi nhan duoc, xin gui lai"),
}


class PayGov(AccountAdapter):
    """See `payments.ports.PaymentGateway`. `http` is for tests; it must list 429 and 503 as
    statuses by which nothing happened.

    `lgsp_access_token` is for provinces whose exchange asks for one.
    """

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="paygov",
        title_vi="PayGov",
        title_en="PayGov",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.RECEIPT}),
        by_contract=frozenset({Capability.RECEIPT}),
        fields=(
            CredentialField(
                "partner_code",
                "Mã đối tác",
                "Partner code",
                secret=False,
                pattern=r"[0-9A-Za-z._-]{1,64}",
            ),
            CredentialField("access_key", "Khóa truy cập", "Access key"),
            CredentialField("secret_key", "Khóa bí mật", "Secret key"),
            CredentialField("token", "Mã xác thực (bearer)", "Bearer token", pattern=_LONG_WORD),
            CredentialField("service_code", "Mã dịch vụ", "Service code", secret=False),
            CredentialField(
                "lgsp_access_token",
                "Mã truy cập trục LGSP",
                "Access token of the exchange (LGSP)",
                required=False,
                pattern=_LONG_WORD,
            ),
            CredentialField(
                "query",
                "Cổng trả lời khi được hỏi kết quả (no nếu không)",
                "The portal answers questions (no if it does not)",
                secret=False,
                required=False,
                pattern="yes|no",
            ),
            *receipt_fields(),
            CredentialField(
                "headers",
                "Các header của lệnh gọi (Tên:giá trị, cách nhau bằng dấu phẩy)",
                "Headers of our calls (Name:value, by comma)",
                secret=False,
                required=False,
                pattern=dialect.HEADERS,
            ),
            CredentialField(
                "beneficiary_unit_code",
                "Mã đơn vị thụ hưởng trên biên lai",
                "Beneficiary's code on receipts",
                secret=False,
                required=False,
                pattern=r"[0-9A-Za-z._-]{1,64}",
            ),
            CredentialField(
                "profile",
                "Đơn vị có hồ sơ kết nối sẵn",
                "Unit whose profile it is",
                secret=False,
                required=False,
                pattern="|".join(dialect.PROFILES),
            ),
            CredentialField(
                "create_fields",
                "Các trường của lệnh tạo giao dịch",
                "Fields of a create call",
                secret=False,
                required=False,
                pattern=r"[A-Za-z]+(,[A-Za-z]+){3,9}",
            ),
            *(
                CredentialField(name, vi, en, secret=False, required=False, pattern=PATTERN)
                for name, vi, en in (
                    (
                        "receipt_checksum",
                        "Công thức checksum của lệnh lấy biên lai",
                        "Recipe of a receipt call's checksum",
                    ),
                    (
                        "create_checksum",
                        "Công thức checksum của lệnh tạo",
                        "Recipe of a create call's checksum",
                    ),
                    (
                        "callback_checksum",
                        "Công thức checksum của thông báo",
                        "Recipe of a result's checksum",
                    ),
                )
            ),
        ),
    )

    untouched: ClassVar[frozenset[int]] = frozenset({429, 503})

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        self._credentials = dialect.Credentials.read(account.credentials)

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Create the order, and say where the citizen goes on. Raises as the port says."""
        body = dialect.create_body(self._credentials, request)
        answer = await self._http.post_json("/create", body, self._headers(), repeatable=False)
        document = answer.document if isinstance(answer.document, dict) else {}
        code = _code(document)
        if not answer.ok or code in _OUR_FAULT:
            raise self._misuse("create", answer, code)
        data = document.get("data")
        url = data.get("url") if isinstance(data, dict) else None
        if (safe := self._can_follow(url)) is not None:
            return AcceptedAttempt(CheckoutType.REDIRECT, url=safe)
        if url is None and code:
            return DeclinedAttempt(gateway_code=code, message=shown(document.get("error_message")))
        raise self._unknown("create", "no address")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the order; raises as the port says."""
        order_ref = attempt.order_ref
        body = dialect.query_body(self._credentials, order_ref)
        answer = await self._http.post_json("/query", body, self._headers(), repeatable=True)
        document = answer.document if isinstance(answer.document, dict) else {}
        if not answer.ok:
            raise self._misuse("query", answer, _code(document))
        fault = ""
        try:
            report = dialect.read_report(self._credentials, dialect.ANSWER, document.get("data"))
            if report.order_ref == order_ref:
                return report
            fault = "orderId: not the order asked about"
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    async def receipt(self, order: ReceiptOrder) -> bytes | None:
        """The portal's receipt, as a PDF; None while there is none. Raises as the port says."""
        settings = self.account.credentials
        path = settings.get("receipt_path") or "/receipt"
        body = receipts.receipt_body(self._credentials, settings, order)
        answer = await self._http.post_json(path, body, self._headers(), repeatable=True)
        document = answer.document if isinstance(answer.document, dict) else {}
        if not answer.ok:
            raise self._misuse("receipt", answer, _code(document))
        url = document.get("transactionReceipt")
        if not isinstance(url, str) or not url:
            return None
        return await fetch_pdf(url, self.account.base_url, settings)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result the portal posts; `CallbackRejected` unless it is authentic."""
        if notice.method != "POST":
            raise CallbackRejected("paygov: not a POST", fault=CallbackFault.MALFORMED)
        try:
            document = json.loads(notice.body, max_bytes=_MAX_CALLBACK_BYTES)
        except Invalid:
            if self._is_ours(notice):
                raise NoticeUnreadable("paygov: not strict JSON") from None
            fault = CallbackFault.MALFORMED
            raise CallbackRejected("paygov: not strict JSON", fault=fault) from None
        try:
            return dialect.read_report(self._credentials, dialect.CALLBACK, document)
        except WrongSeal as error:
            if self._is_ours(notice):
                raise NoticeUnreadable(f"paygov: {error}") from None
            raise CallbackRejected(f"paygov: {error}") from None
        except Malformed as error:
            raise NoticeUnreadable(f"paygov: {error}") from None

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`error_code` SUCCESSFUL or FAILED; see the table for the statuses."""
        status, code, message = _WORDS[result]
        body = json.canonical({"error_code": code, "error_message": message})
        return Acknowledgement(status, body)

    def _is_ours(self, notice: RawCallback) -> bool:
        return len(notice.body) <= _MAX_CALLBACK_BYTES and dialect.is_sealed(
            self._credentials, dialect.CALLBACK, notice.body
        )

    def _headers(self) -> dict[str, str]:
        if (named := self.account.credentials.get("headers")) is not None:
            return dialect.headers_of(self._credentials, named)
        headers = {"Authorization": f"Bearer {self._credentials.token}", "Charset": "utf-8"}
        if self._credentials.lgsp_access_token:
            headers["lgspaccesstoken"] = self._credentials.lgsp_access_token
        return headers


def _code(document: dict[str, object]) -> str:
    code = document.get("error_code")
    return code if isinstance(code, str) and code.isalnum() and len(code) <= 16 else ""
