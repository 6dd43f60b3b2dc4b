"""The portal's payment platform as a payment gateway: one agency's partner account.

`start` makes an order and sends the citizen to the platform's page. Nothing says that the platform
recognises a repeated order, so one whose answer is lost is never repeated: it is `OutcomeUnknown`,
and as no client can ask, its confirmation, a statement or two people say what became of it. A
confirmation is a POST, answered with HTTP 200 always [C]; how often it is repeated is not public
[?]. See `dialect` for the facts.
"""

import hmac
from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, posted, shown
from adapters.dvcqg import dialect, pulls
from adapters.http import GatewayHttp
from adapters.linked_files import fetch_pdf, receipt_fields
from adapters.wording import is_among, object_of
from payments.gateway_info import (
    Capability,
    CredentialField,
    GatewayInfo,
    GatewayKind,
    limit_fields,
)
from payments.gateway_receipts import ReceiptOrder
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayAccount,
    GatewayResult,
    RawCallback,
    StartRequest,
)
from payments.pulls import Pull, PulledBill, PullKey

#: [I] codes by which the platform calls an order wrong: form, checksum, a number that was used
_OUR_FAULT: Final = frozenset({"03", "94", "97"})
#: What is kept is confirmed, whether or not it fits: the platform need not tell it again.
_REFUSED: Final = frozenset({CallbackResult.REJECTED, CallbackResult.TRY_AGAIN})
_SETTINGS: Final = (
    ("message", "Loại bản tin khởi tạo (LoaiBanTin)", "Kind of an order (LoaiBanTin)"),
    ("version", "Phiên bản (PhienBan)", "Version (PhienBan)"),
    ("way", "Loại hình thanh toán (LoaiHinhThanhToan)", "Way of paying (LoaiHinhThanhToan)"),
    ("channel", "Kênh thanh toán (MaKenhThanhToan)", "Channel (MaKenhThanhToan)"),
)


class PortalPlatform(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="dvcqg",
        title_vi="Cổng Dịch vụ công quốc gia",
        title_en="National Public Service Portal",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.PULL, Capability.RECEIPT}),
        by_contract=frozenset({Capability.PULL, Capability.RECEIPT}),
        wants_dossier=True,
        fields=(
            CredentialField(
                "partner_code",
                "Mã đối tác (MaDoiTac)",
                "Partner code (MaDoiTac)",
                secret=False,
                pattern=r"[0-9A-Za-z._-]{1,64}",
            ),
            CredentialField("hash_key", "Khóa bí mật (HASH_KEY)", "Secret key (HASH_KEY)"),
            CredentialField(
                "init_path",
                "Đường dẫn khởi tạo giao dịch",
                "Path of the call that makes an order",
                secret=False,
                required=False,
                pattern=r"/[0-9A-Za-z._/-]{1,200}",
            ),
            CredentialField(
                "ref_length",
                "Độ dài tối đa của mã tham chiếu (20 hoặc 50)",
                "Longest reference (20 or 50)",
                secret=False,
                required=False,
                pattern="20|50",
            ),
            CredentialField(
                "bill_path",
                "Đường dẫn lấy hóa đơn",
                "Path of the call for a bill",
                secret=False,
                required=False,
                pattern=r"/[0-9A-Za-z._/-]{1,200}",
            ),
            CredentialField(
                "pull",
                "Cổng tra cứu khoản phải nộp theo mã hồ sơ (yes)",
                "The portal asks what a dossier owes (yes)",
                secret=False,
                required=False,
                pattern="yes|no",
            ),
            CredentialField(
                "pull_token",
                "Mã truy cập của lệnh tra cứu, nếu không ký",
                "Token of a question that is not signed",
                required=False,
                pattern="[!-~]{16,256}",
            ),
            CredentialField(
                "tax_service",
                "MaDichVu của nghĩa vụ đất đai, thuế",
                "MaDichVu of land and tax obligations",
                secret=False,
                required=False,
                pattern="[0-9]{1,3}",
            ),
            *(
                CredentialField(name, vi, en, False, False, r"[0-9A-Za-z._-]{1,32}")
                for name, vi, en in _SETTINGS
            ),
            *receipt_fields(),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        set_here = {name: given[name] for name, _, _ in _SETTINGS if given.get(name)}
        self._credentials = dialect.Credentials(
            given["partner_code"],
            given["hash_key"],
            ref_length=int(given.get("ref_length") or 50),
            tax_service=int(given.get("tax_service") or 3),
            pulls=self.info.can(Capability.PULL, given),
            **set_here,
        )
        self._path = given.get("init_path") or "/init"

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Make the order, and say where the citizen goes on. Raises as the port says."""
        self._check_limits(request.amount)
        body = dialect.init_body(self._credentials, request)
        answer = await self._http.post_json(self._path, body, {}, repeatable=False)
        document = object_of(answer.document)
        code = document.get("MaLoi")
        if not answer.ok or is_among(code, _OUR_FAULT):
            raise self._misuse("init", answer, code)
        url = self._can_follow(document.get("UrlThanhToan"))
        if code == dialect.PAID and url is not None:
            return AcceptedAttempt(CheckoutType.REDIRECT, url=url)
        if isinstance(code, str) and code.isalnum() and code != dialect.PAID:
            return DeclinedAttempt(code[:16], shown(document.get("MoTaLoi")))
        raise self._unknown("init", "no address")

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a confirmation; `CallbackRejected` unless it is authentic."""

        def read(raw: bytes) -> GatewayResult:
            return dialect.read_confirmation(self._credentials, raw)

        return posted("dvcqg", notice, read)

    async def receipt(self, order: ReceiptOrder) -> bytes | None:
        """The platform's receipt of an order, or its bill where it has no receipt; as a PDF."""
        settings = self.account.credentials
        for message, path in (
            ("GETRECEIPT", settings.get("receipt_path") or "/get-receipt"),
            ("GETBILL", settings.get("bill_path") or "/get-bill"),
        ):
            body = dialect.get_body(self._credentials, message, order.order_ref, order.asked_at)
            answer = await self._http.post_json(path, body, {}, repeatable=True)
            document = object_of(answer.document)
            code = document.get("MaLoi")
            if not answer.ok or is_among(code, _OUR_FAULT):
                raise self._misuse(message, answer, code)
            url = document.get("UrlBienLai")
            if isinstance(url, str) and url:
                return await fetch_pdf(url, self.account.base_url, settings)
        return None

    def read_pull(self, asked: RawCallback) -> Pull:
        """Verify and read a question about a dossier; `CallbackRejected` for any other."""

        def read(raw: bytes) -> str:
            if self._bears_token(asked):
                return pulls.read_bare_question(raw)
            return pulls.read_question(self._credentials, raw, asked.received_at)

        return Pull(PullKey.DOSSIER, posted("dvcqg", asked, read))

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        """`error_code` and what is to be paid; 401 for a question that was refused."""
        if pulled is None:
            return Acknowledgement(401, pulls.refused("Không xác thực được"))
        return Acknowledgement(200, pulls.answer(self._credentials, pulled, asked.received_at))

    def _bears_token(self, asked: RawCallback) -> bool:
        token = self.account.credentials.get("pull_token")
        given = asked.headers.get("authorization", "")
        return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`MaLoi` 00 for whatever is kept, 99 otherwise, sealed; always with HTTP 200."""
        refused = result in _REFUSED
        code, message = ("99", "Các lỗi khác") if refused else ("00", "Thành công")
        body = dialect.acknowledgement(
            self._credentials, code, message, notice.body, notice.received_at
        )
        return Acknowledgement(200, body)
