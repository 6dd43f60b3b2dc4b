"""MoMo as a payment gateway: one agency's partner account.

`start` creates an order and sends the citizen to MoMo's page or app. A create whose answer is lost
is never repeated, for MoMo answers a number that it knows with an error unless the first answer was
final: it is `OutcomeUnknown`, and `query` finds out. The result comes as a POST, which MoMo wants
answered by 204 within 15 seconds [C]; how often it calls again is not public [?]. The address that
the payer returns to carries the same fields and decides nothing. See `dialect` for the facts.
"""

import secrets
from datetime import timedelta
from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, posted, shown
from adapters.http import GatewayHttp, HttpAnswer
from adapters.momo import dialect
from adapters.wording import Malformed, is_among, object_of
from core import json
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
    GatewayUnavailable,
    RawCallback,
    StartRequest,
)

_API: Final = "/v2/gateway/api"
#: A notice of money that fits nothing is recorded all the same: MoMo need not tell it again.
_REFUSALS: Final = {CallbackResult.REJECTED: 401, CallbackResult.TRY_AGAIN: 503}


class MoMo(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="momo",
        title_vi="Ví MoMo",
        title_en="MoMo wallet",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.REFUND}),
        least_amount=1_000,
        greatest_amount=50_000_000,
        open_for=timedelta(minutes=100),  # [M]: its page's own time
        answer_within=timedelta(seconds=15),
        fields=(
            CredentialField(
                "partner_code",
                "Mã đối tác (partnerCode)",
                "Partner code (partnerCode)",
                secret=False,
                pattern=r"[0-9A-Za-z._-]{1,50}",
            ),
            CredentialField("access_key", "Khóa truy cập (accessKey)", "Access key (accessKey)"),
            CredentialField("secret_key", "Khóa bí mật (secretKey)", "Secret key (secretKey)"),
            CredentialField(
                "request_type",
                "Hình thức thanh toán (requestType)",
                "Way of paying (requestType)",
                secret=False,
                required=False,
                pattern=r"captureWallet|payWithATM|payWithCC|payWithMethod",
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        self._credentials = dialect.Credentials(
            given["partner_code"],
            given["access_key"],
            given["secret_key"],
            given.get("request_type") or "captureWallet",
        )

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Create the order, and say where the citizen goes on. Raises as the port says."""
        self._check_limits(request.amount)
        body = dialect.create_body(self._credentials, request)
        answer = await self._http.post_json(f"{_API}/create", body, {}, repeatable=False)
        document = object_of(answer.document)
        code = self._accepted("create", answer)
        url = self._can_follow(document.get("payUrl"))
        if code == dialect.PAID and url is not None:
            named = (document.get("orderId"), document.get("amount"))
            if named != (request.order_ref, request.amount):
                raise self._unknown("create", "another order")
            return AcceptedAttempt(CheckoutType.REDIRECT, url=url)
        if isinstance(code, int) and code not in (dialect.PAID, *dialect.OPEN):
            return DeclinedAttempt(str(code), shown(document.get("message")))
        raise self._unknown("create", "no address")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the order; raises as the port says."""
        request_id = secrets.token_hex(16)
        document = await self._ask(attempt.order_ref, request_id)
        fault = ""
        try:
            return dialect.read_answer(self._credentials, attempt, request_id, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Ask for money back; the same `refund_ref` is the same refund."""
        body = dialect.refund_body(self._credentials, order)
        answer = await self._http.post_json(f"{_API}/refund", body, {}, repeatable=False)
        document = object_of(answer.document)
        if not is_among(document.get("resultCode"), dialect.USED):
            self._accepted("refund", answer)
        fault = ""
        try:
            return dialect.read_refund(order, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("refund", fault)

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        """Ask what became of a refund, by its purchase."""
        request_id = secrets.token_hex(16)
        document = await self._ask(order.order_ref, request_id)
        fault = ""
        try:
            return dialect.read_refund_answer(self._credentials, order, request_id, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    def read_notice(self, notice: RawCallback) -> GatewayResult:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""
        return posted("momo", notice, lambda raw: dialect.read_result(self._credentials, raw))

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """204 without a body for whatever is kept; 401 or 503 has MoMo call again."""
        status = _REFUSALS.get(result)
        if status is None:
            return Acknowledgement(204, b"")
        return Acknowledgement(status, json.canonical({"message": str(result)}))

    async def _ask(self, order_ref: str, request_id: str) -> dict[str, object]:
        body = dialect.question(self._credentials, order_ref, request_id)
        answer = await self._http.post_json(f"{_API}/query", body, {}, repeatable=True)
        document = object_of(answer.document)
        if document.get("resultCode") != dialect.NOT_FOUND:
            self._accepted("query", answer)
        return document

    def _accepted(self, call: str, answer: HttpAnswer) -> object:
        """The answer's code. Raises where MoMo calls the request wrong, or did nothing."""
        code = object_of(answer.document).get("resultCode")
        if code == dialect.AWAY:
            raise GatewayUnavailable(f"momo {self.account.account}: under maintenance")
        if not answer.ok or is_among(code, dialect.OUR_FAULT):
            raise self._misuse(call, answer, code)
        return code
