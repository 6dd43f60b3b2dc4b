"""ZaloPay as a payment gateway: one agency's app.

`start` creates an order and sends the citizen to ZaloPay's page. A create whose answer is lost is
never repeated, for a number that was used is refused: it is `OutcomeUnknown`, and `query` finds
out. A payment is told by a POST, up to three times more where the answer says 0 [C]; an order that
failed or was left is told by nobody, and asked about. See `dialect` for the facts.
"""

from datetime import timedelta
from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, posted, shown
from adapters.http import GatewayHttp, HttpAnswer
from adapters.wording import Malformed, is_among, object_of
from adapters.zalopay import dialect
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
    CallbackResult,
    CheckoutType,
    DeclinedAttempt,
    GatewayAccount,
    GatewayResult,
    RawCallback,
    StartRequest,
)

_OPEN_FOR: Final = timedelta(minutes=15)
#: HTTP 200 always, the code tells [C]; 2 is [M]. Money that fits nothing is kept all the same.
_WORDS: Final = {
    CallbackResult.ACCEPTED: (1, "success"),
    CallbackResult.REPEATED: (2, "duplicate"),
    CallbackResult.UNKNOWN_ORDER: (1, "kept"),
    CallbackResult.MISMATCH: (1, "kept"),
    CallbackResult.REJECTED: (-1, "mac not equal"),
    CallbackResult.TRY_AGAIN: (0, "try again"),
}


class ZaloPay(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="zalopay",
        title_vi="Ví ZaloPay",
        title_en="ZaloPay wallet",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.REFUND}),
        least_amount=1_000,  # [M]
        open_for=_OPEN_FOR,
        fields=(
            CredentialField(
                "app_id", "Mã ứng dụng (app_id)", "App number (app_id)", False, True, r"[0-9]{1,9}"
            ),
            CredentialField("key1", "Khóa ký yêu cầu (key1)", "Key for requests (key1)"),
            CredentialField("key2", "Khóa ký thông báo (key2)", "Key for results (key2)"),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        self._credentials = dialect.Credentials(int(given["app_id"]), given["key1"], given["key2"])

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Create the order, and say where the citizen goes on. Raises as the port says."""
        self._check_limits(request.amount)
        seconds = int(_OPEN_FOR.total_seconds())
        body = dialect.create_body(self._credentials, request, seconds)
        answer = await self._http.post_json("/v2/create", body, {}, repeatable=False)
        document = self._accepted("create", answer)
        url = self._can_follow(document.get("order_url"))
        code, sub = document.get("return_code"), document.get("sub_return_code")
        if code == dialect.DONE and url is not None:
            return AcceptedAttempt(CheckoutType.REDIRECT, url=url)
        if code == dialect.REFUSED:
            return DeclinedAttempt(str(sub or code)[:16], shown(document.get("return_message")))
        raise self._unknown("create", "no address")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the order; raises as the port says."""
        body = dialect.question(self._credentials, attempt)
        answer = await self._http.post_json("/v2/query", body, {}, repeatable=True)
        document = self._accepted("query", answer)
        fault = ""
        try:
            return dialect.read_answer(attempt, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Ask for money back; the same `refund_ref` is the same refund."""
        body = dialect.refund_body(self._credentials, order, clock.now())
        answer = await self._http.post_json("/v2/refund", body, {}, repeatable=False)
        return self._refund("refund", order, answer)

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        """Ask what became of a refund, each time with a time stamp of its own."""
        body = dialect.refund_question(self._credentials, order, clock.now())
        answer = await self._http.post_json("/v2/query_refund", body, {}, repeatable=True)
        return self._refund("query_refund", order, answer)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""
        return posted("zalopay", notice, lambda raw: dialect.read_result(self._credentials, raw))

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`return_code` and `return_message`, always with HTTP 200; see the table."""
        code, message = _WORDS[result]
        body = json.canonical({"return_code": code, "return_message": message})
        return Acknowledgement(200, body)

    def _accepted(self, call: str, answer: HttpAnswer) -> dict[str, object]:
        """The answer. Raises where ZaloPay calls the request wrong."""
        document = object_of(answer.document)
        sub = document.get("sub_return_code")
        if not answer.ok or is_among(sub, dialect.OUR_FAULT):
            raise self._misuse(call, answer, sub)
        return document

    def _refund(self, call: str, order: RefundOrder, answer: HttpAnswer) -> RefundResult:
        document = object_of(answer.document)
        if document.get("sub_return_code") != dialect.USED:
            document = self._accepted(call, answer)
        fault = ""
        try:
            return dialect.read_refund(order, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown(call, fault)
