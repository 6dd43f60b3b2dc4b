"""Viettel Money as a payment gateway, ViettelPay before: one body's merchant account.

`start` calls nobody: it writes a sealed address, and Viettel learns of the order when the payer's
browser comes there. Before it takes money it asks us, at the address of questions, whether the
order is ours and may be paid; without that answer it takes none [S]. The result comes as a form;
both addresses are registered with Viettel and not sent. The address that the payer returns to
carries the same fields and decides nothing. `query` (TRANS_INQUIRY) finds what was never told. How
often it tells a result again is not known [?]; all our answers are HTTP 200, as those of the known
system are [C], and the code in them tells. See `dialect` for the facts.

Money goes back by the body's own transfer: clients know a call for it (REFUND_PAYMENT) [S], but
none that asks what became of it, nor a name by which the same refund is known again. No settlement
file of it is public [?]: the layout `viettel` has the names of its results [assumption], and a
saved layout what the body's contract says. Its limits are not known [?]: the account's settings
have them. [assumption] Its page takes money for a quarter of an hour; of what is over we confirm
nothing.
"""

from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, posted
from adapters.http import GatewayHttp, checked_url
from adapters.viettel import dialect
from adapters.wording import Malformed, object_of
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
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayAccount,
    GatewayResult,
    RawCallback,
    StartRequest,
)
from payments.pulls import Pull, PulledBill, PullKey, PullState

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
#: A notice of money that fits nothing is recorded all the same: it need not be told again.
_REFUSALS: Final = {
    CallbackResult.REJECTED: dialect.WRONG_CHECKSUM,
    CallbackResult.TRY_AGAIN: dialect.AGAIN,
}


class ViettelMoney(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="viettel",
        title_vi="Viettel Money",
        title_en="Viettel Money",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.PULL}),
        fields=(
            CredentialField(
                "merchant_code",
                "Mã đối tác (merchant_code)",
                "Merchant code (merchant_code)",
                secret=False,
                pattern=r"[0-9A-Za-z_-]{1,32}",
            ),
            CredentialField(
                "access_code", "Mã truy cập (access_code)", "Access code (access_code)"
            ),
            CredentialField("hash_key", "Khóa ký (hash_key)", "Signing key (hash_key)"),
            CredentialField(
                "version",
                "Phiên bản, nếu không phải 2.0",
                "Version, if not 2.0",
                secret=False,
                required=False,
                pattern=r"[0-9]{1,2}\.[0-9]{1,2}",
            ),
            CredentialField(
                "checksum",
                "Cách viết mã kiểm tra: base64 hoặc hex",
                "How checksums are written: base64 or hex",
                secret=False,
                required=False,
                pattern="base64|hex",
            ),
            CredentialField(
                "query_path",
                "Đường dẫn truy vấn, nếu khác của Viettel",
                "Path of questions, if not Viettel's usual one",
                secret=False,
                required=False,
                pattern=r"/[0-9A-Za-z._~/-]{1,200}",
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        self._credentials = dialect.Credentials(
            given["merchant_code"],
            given["access_code"],
            given["hash_key"],
            given.get("version") or "2.0",
            given.get("checksum") or "base64",
        )
        base = str(checked_url(account.base_url)).rstrip("/")
        self._page = f"{base}/PaymentGateway/payment"
        self._questions = given.get("query_path") or "/PaymentAPI/webresources/postData"

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """The address of the payment page; raises `GatewayMisuse` for what it would refuse."""
        self._check_limits(request.amount)
        query = dialect.pay_query(self._credentials, request)
        return AcceptedAttempt(CheckoutType.REDIRECT, url=f"{self._page}?{query}")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the order; raises as the port says."""
        body = dialect.question(self._credentials, attempt.order_ref)
        answer = await self._http.post_bytes(self._questions, body, _FORM)
        document = object_of(answer.document)
        code = document.get("error_code")
        if not answer.ok or (code == dialect.WRONG_CHECKSUM and "check_sum" not in document):
            raise self._misuse("query", answer, code)
        fault = ""
        try:
            return dialect.read_answer(self._credentials, attempt, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""

        def read(raw: bytes) -> GatewayResult:
            return dialect.read_result(self._credentials, raw, notice.received_at)

        return posted("viettel", notice, read)

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """00 under our checksum for whatever is kept; 02 or 03 under none has it call again."""
        code = _REFUSALS.get(result)
        if code is None:
            try:
                return Acknowledgement(200, dialect.heard(self._credentials, notice.body))
            except Malformed:  # kept, and unreadable: there is no order to name
                code = dialect.REFUSED
        return Acknowledgement(200, dialect.refusal(code))

    def read_pull(self, asked: RawCallback) -> Pull:
        """Verify and read the question whether an order is ours."""
        return Pull(PullKey.ORDER, self._check(asked).order_ref)

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        """00 under our checksum where the order may be paid now; 02 for a refused question."""
        if pulled is None:
            return Acknowledgement(200, dialect.refusal(dialect.WRONG_CHECKSUM))
        if pulled.state is not PullState.UNPAID:
            return Acknowledgement(200, dialect.refusal(dialect.REFUSED))
        check = self._check(asked)
        if check.amount != pulled.amount:
            return Acknowledgement(200, dialect.refusal(dialect.REFUSED))
        return Acknowledgement(200, dialect.checked(self._credentials, check))

    def _check(self, asked: RawCallback) -> dialect.Check:
        return posted("viettel", asked, lambda raw: dialect.read_check(self._credentials, raw))
