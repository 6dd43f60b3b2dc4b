"""Stripe as a payment gateway: one agency's account, for foreign cards.

`start` makes a checkout session and sends the citizen to Stripe's page. The call bears the
attempt's reference as its idempotency key, so that the same attempt is one session; a call whose
answer is lost is `OutcomeUnknown` all the same, and `query` finds out. Results come as signed
events, and disputes likewise. What a payout is made of is fetched by its number (`payouts`), or is
a settlement file of the dashboard's (`stripe-payout`).
"""

from datetime import timedelta
from typing import Any, ClassVar, Final

import stripe

from adapters.accounts import AccountAdapter, posted, shown
from adapters.http import GatewayHttp
from adapters.stripe import dialect, payouts
from adapters.stripe.calls import OwnWayOut
from adapters.wording import Malformed
from core import json
from payments.gateway_disputes import GatewayDispute
from payments.gateway_info import (
    Capability,
    CredentialField,
    GatewayInfo,
    GatewayKind,
    limit_fields,
)
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
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
    Outcome,
    OutcomeUnknown,
    RawCallback,
    StartRequest,
)

_REFUSALS: Final = {CallbackResult.REJECTED: 401, CallbackResult.TRY_AGAIN: 503}
#: sessions made around an attempt are looked through, and no more than this many
_AROUND: Final = timedelta(minutes=3)
_MOST_PAYOUT_PAGES: Final = 1000
_MOST_PAGES: Final = 20


class StripeCheckout(AccountAdapter):
    """See `payments.ports.PaymentGateway`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="stripe",
        title_vi="Thẻ quốc tế (Stripe)",
        title_en="International cards (Stripe)",
        kind=GatewayKind.GATEWAY,
        capabilities=frozenset({Capability.QUERY, Capability.REFUND, Capability.PAYOUT}),
        least_amount=13_000,  # [M]
        greatest_amount=99_999_999,  # [M]
        open_for=dialect.OPEN_FOR,
        verifying_headers=("stripe-signature",),
        fields=(
            CredentialField("api_key", "Khóa API (sk_…, rk_…)", "API key (sk_…, rk_…)"),
            CredentialField(
                "webhook_secret", "Khóa ký sự kiện (whsec_…)", "Key that signs events (whsec_…)"
            ),
            CredentialField(
                "previous_webhook_secret",
                "Khóa ký trước đó, khi đang thay",
                "Key before this one, while it is being replaced",
                required=False,
            ),
            *limit_fields(),
        ),
    )

    def __init__(self, account: GatewayAccount, *, http: GatewayHttp | None = None) -> None:
        super().__init__(account, http=http)
        given = account.credentials
        keys = (given["webhook_secret"], given.get("previous_webhook_secret"))
        self._credentials = dialect.Credentials(given["api_key"], tuple(key for key in keys if key))

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Make the session, and say where the citizen goes on. Raises as the port says."""
        self._check_limits(request.amount)
        params: Any = dialect.session_params(request)
        key = f"lephi-{request.order_ref}"
        fault: GatewayMisuse | OutcomeUnknown
        try:
            made = await self._client().v1.checkout.sessions.create_async(
                params, {"idempotency_key": key}
            )
            said = made.to_dict()
            url = self._can_follow(said.get("url"))
            named = (said.get("client_reference_id"), said.get("amount_total"))
            if url is not None and named == (request.order_ref, request.amount):
                return AcceptedAttempt(CheckoutType.REDIRECT, url=url)
            fault = self._unknown("create", "no address, or another order")
        except stripe.CardError as error:
            return DeclinedAttempt(str(error.code or "card_error")[:16], shown(error.user_message))
        except stripe.StripeError as error:
            fault = self._fault("create", error)
        raise fault

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the attempt, among the sessions made around it."""
        params: dict[str, Any] = {
            "limit": 100,
            "created": {
                "gte": int((attempt.created_at - _AROUND).timestamp()),
                "lte": int((attempt.created_at + _AROUND).timestamp()),
            },
        }
        for _ in range(_MOST_PAGES):
            page = await self._list("query", self._client().v1.checkout.sessions, params)
            fault = ""
            try:
                found = dialect.find_session(attempt, page["data"])
            except Malformed as error:
                found, fault = None, str(error)
            if fault:
                raise self._unknown("query", fault)
            if found is not None:
                return found
            if not page["has_more"] or not page["data"]:
                return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code="none")
            params["starting_after"] = page["data"][-1]["id"]
        raise self._unknown("query", "too many sessions around the attempt")

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Ask for money back; the same `refund_ref` is the same refund."""
        params: Any = dialect.refund_params(order)
        key = f"lephi-refund-{order.refund_ref}"
        fault: GatewayMisuse | OutcomeUnknown
        try:
            made = await self._client().v1.refunds.create_async(params, {"idempotency_key": key})
            return dialect.read_refund(order, made.to_dict())
        except Malformed as error:
            fault = self._unknown("refund", error)
        except stripe.InvalidRequestError as error:
            if error.http_status == 400 and error.param in (None, "amount", "payment_intent"):
                # More than is left, or all of it went back: nothing did now.
                return RefundResult(
                    order.refund_ref, RefundOutcome.FAILED, gateway_code=str(error.code or "")[:40]
                )
            fault = self._fault("refund", error)
        except stripe.StripeError as error:
            fault = self._fault("refund", error)
        raise fault

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        """Ask what became of a refund, among those of its charge."""
        params = {"payment_intent": order.gateway_ref, "limit": 100}
        page = await self._list("query_refund", self._client().v1.refunds, params)
        fault = ""
        for refund in page["data"]:
            if (refund.get("metadata") or {}).get("refund_ref") != order.refund_ref:
                continue
            try:
                return dialect.read_refund(order, refund)
            except Malformed as error:
                fault = str(error)
        if fault:
            raise self._unknown("query_refund", fault)
        return RefundResult(order.refund_ref, RefundOutcome.NOT_FOUND)

    async def payout_file(self, payout_ref: str) -> bytes:
        """A payout's transactions as a settlement file; raises as the port says."""
        params: dict[str, Any] = {
            "payout": payout_ref,
            "limit": 100,
            "expand": ["data.source"],
        }
        fault: GatewayMisuse | OutcomeUnknown
        told: list[object] = []
        try:
            payout = (await self._client().v1.payouts.retrieve_async(payout_ref)).to_dict()
            for _ in range(_MOST_PAYOUT_PAGES):
                page = await self._list("payout", self._client().v1.balance_transactions, params)
                told += page["data"]
                if not page["has_more"] or not page["data"]:
                    return payouts.written(payout, told)
                params["starting_after"] = page["data"][-1]["id"]
            fault = self._unknown("payout", "too many transactions")
        except Malformed as error:
            fault = self._unknown("payout", error)
        except stripe.StripeError as error:
            fault = self._fault("payout", error)
        raise fault

    def read_notice(self, notice: RawCallback) -> GatewayResult | GatewayDispute | None:
        """Verify and read an event; `CallbackRejected` unless it is authentic and of now."""

        def read(raw: bytes) -> GatewayResult | GatewayDispute | None:
            header = notice.headers.get("stripe-signature", "")
            dialect.check_signature(self._credentials, header, raw, notice.received_at)
            return dialect.read_event(raw)

        try:
            return posted("stripe", notice, read)
        except CallbackRejected as error:
            if error.detail.endswith(dialect.OLD):
                raise CallbackRejected(error.detail, fault=CallbackFault.TOO_OLD) from None
            raise

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """200 for whatever is kept; 401 or 503 has Stripe call again, for three days [M]."""
        status = _REFUSALS.get(result, 200)
        return Acknowledgement(status, json.canonical({"received": status == 200}))

    def _client(self) -> stripe.StripeClient:
        """The SDK's client; it keeps no connection."""
        return stripe.StripeClient(
            self._credentials.api_key, http_client=OwnWayOut(self._http), max_network_retries=0
        )

    async def _list(self, call: str, service: Any, params: dict[str, Any]) -> dict[str, Any]:
        fault: GatewayMisuse | OutcomeUnknown
        try:
            page: dict[str, Any] = (await service.list_async(params)).to_dict()
            if isinstance(page.get("data"), list) and isinstance(page.get("has_more"), bool):
                return page
            fault = self._unknown(call, "not a list")
        except stripe.StripeError as error:
            fault = self._fault(call, error)
        raise fault

    def _fault(self, call: str, error: stripe.StripeError) -> GatewayMisuse | OutcomeUnknown:
        """What an error of the SDK means: a refusal of Stripe's is our fault."""
        where = f"stripe {self.account.account}"
        code = f"{type(error).__name__}, HTTP {error.http_status}"
        if isinstance(error.http_status, int) and 400 <= error.http_status < 500:
            return GatewayMisuse(f"{where}: {call} refused ({code})")
        return OutcomeUnknown(f"{where}: unusable answer to {call} ({code})")
