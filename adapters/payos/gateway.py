"""payOS as a payment gateway: one agency's payment channel.

`start` makes a payment link and sends the citizen to its page, whose VietQR any banking app reads.
The money comes straight to the body's own account: a feed or a statement tells of it too, and it is
one credit, by the bank's reference; that statement is its settlement file. A link whose answer is
lost is never made again: it is `OutcomeUnknown`, and `query` finds out. A result is told by a POST
that any 2xx ends [C]; how often it is repeated is not public [?]. See `dialect` for the facts.
"""

from datetime import timedelta
from typing import ClassVar, Final

from adapters.accounts import AccountAdapter, posted, shown
from adapters.http import GatewayHttp, HttpAnswer
from adapters.payos import dialect
from adapters.wording import Malformed, is_among, object_of
from core import json
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

_PATH: Final = "/v2/payment-requests"
_OPEN_FOR: Final = timedelta(minutes=15)
#: [M] codes by which payOS calls a request wrong: form, signature, a number that was used
_OUR_FAULT: Final = frozenset({"20", "201", "231", "401"})
_REFUSALS: Final = {CallbackResult.REJECTED: 401, CallbackResult.TRY_AGAIN: 503}


class PayOS(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="payos",
        title_vi="payOS",
        title_en="payOS",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY}),
        numbered_orders=True,
        straight=True,
        open_for=_OPEN_FOR,
        fields=(
            CredentialField(
                "client_id",
                "Mã kênh (Client ID)",
                "Client id",
                secret=False,
                pattern=r"[0-9A-Za-z-]{1,64}",
            ),
            CredentialField("api_key", "Khóa API", "API key"),
            CredentialField("checksum_key", "Khóa ký (Checksum Key)", "Checksum key"),
            CredentialField(
                "memo_length",
                "Số ký tự của nội dung chuyển khoản (9 nếu tài khoản chưa liên kết)",
                "Letters of a transfer's memo (9 where the account is not linked)",
                secret=False,
                required=False,
                pattern=r"9|1[0-9]|2[0-5]",
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        self._credentials = dialect.Credentials(
            given["client_id"],
            given["api_key"],
            given["checksum_key"],
            int(given.get("memo_length") or 9),
        )

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Make the payment link, and say where the citizen goes on. Raises as the port says."""
        self._check_limits(request.amount)
        body = dialect.create_body(self._credentials, request, _OPEN_FOR)
        answer = await self._http.post_json(_PATH, body, self._headers(), repeatable=False)
        document = self._accepted("create", answer)
        data = object_of(document.get("data"))
        url = self._can_follow(data.get("checkoutUrl"))
        code = document.get("code")
        if code == dialect.OK and url is not None:
            named = (data.get("orderCode"), data.get("amount"))
            if named != (dialect.order_code(request.order_ref), request.amount):
                raise self._unknown("create", "another order")
            return AcceptedAttempt(CheckoutType.REDIRECT, url=url)
        if isinstance(code, str) and code.isalnum() and code != dialect.OK:
            return DeclinedAttempt(code[:16], shown(document.get("desc")))
        raise self._unknown("create", "no address")

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the order; raises as the port says."""
        path = f"{_PATH}/{dialect.order_code(attempt.order_ref)}"
        document = self._accepted("query", await self._http.get(path, self._headers()))
        fault = ""
        try:
            return dialect.read_answer(self._credentials, attempt, document)
        except Malformed as error:
            fault = str(error)
        raise self._unknown("query", fault)

    def read_notice(self, notice: RawCallback) -> GatewayResult | None:
        """Verify and read a result; `CallbackRejected` unless it is authentic."""
        return posted("payos", notice, lambda raw: dialect.read_result(self._credentials, raw))

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """`success` with 200 for whatever is kept; 401 or 503 has payOS call again."""
        status = _REFUSALS.get(result, 200)
        return Acknowledgement(status, json.canonical({"success": status == 200}))

    def _headers(self) -> dict[str, str]:
        return {"x-client-id": self._credentials.client_id, "x-api-key": self._credentials.api_key}

    def _accepted(self, call: str, answer: HttpAnswer) -> dict[str, object]:
        """The answer. Raises where payOS calls the request wrong."""
        document = object_of(answer.document)
        code = document.get("code")
        if code != dialect.NOT_FOUND and (not answer.ok or is_among(code, _OUR_FAULT)):
            raise self._misuse(call, answer, code)
        return document
