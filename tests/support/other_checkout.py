"""What localstripe lacks for the whole of a payment: checkout sessions, and idempotency keys.

Only the session is ours. Its money is localstripe's own payment intent, charge and balance
transaction, made and confirmed by its code; so are its lists, its events and their signatures.
Imported by the process of `other_stripe` alone.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from localstripe.resources import (  # type: ignore[import-untyped]
    Event,
    PaymentIntent,
    StripeObject,
    schedule_webhook,
)
from localstripe.server import (  # type: ignore[import-untyped]
    UserError,
    api_create,
    api_extra,
    api_list_all,
    api_retrieve,
    api_update,
    web,
)

_PATH = "/v1/checkout/sessions"
_ADDRESS = {"here": ""}


class CheckoutSession(StripeObject):  # type: ignore[misc]
    """A session of one price, in Stripe's words; `_api_update` changes it, as Stripe's does not."""

    object = "checkout.session"
    _id_prefix = "cs_test_"

    def __init__(
        self,
        mode: str,
        client_reference_id: str,
        line_items: list[dict[str, Any]],
        payment_intent_data: dict[str, Any],
        expires_at: str,
        metadata: dict[str, str],
        **told: str,
    ) -> None:
        super().__init__()
        (line,) = line_items
        price = line["price_data"]
        self.mode, self.client_reference_id, self.metadata = mode, client_reference_id, metadata
        self.expires_at, self.currency = int(expires_at), price["currency"]
        self.amount_total = int(price["unit_amount"]) * int(line["quantity"])
        self.success_url, self.cancel_url = told["success_url"], told["cancel_url"]
        self.url = f"{_ADDRESS['here']}{_PATH}/{self.id}/_pay"
        self.payment_intent: str | None = None
        self._for_intent = payment_intent_data

    @property
    def status(self) -> str:
        """Whether a card was taken."""
        return "open" if self.payment_intent is None else "complete"

    @property
    def payment_status(self) -> str:
        """What its intent says, which has been confirmed or is none."""
        if self.payment_intent is None:
            return "unpaid"
        intent = PaymentIntent._api_retrieve(self.payment_intent)
        return "paid" if intent.status == "succeeded" else "unpaid"

    @classmethod
    def _api_pay(cls, id: str, payment_method: str) -> "CheckoutSession":
        """What the hosted page does with a card. A declined one leaves the session open."""
        session: CheckoutSession = cls._api_retrieve(id)
        if session.payment_intent is not None:
            raise UserError(400, "This session has been paid.")
        intent = PaymentIntent._api_create(
            amount=session.amount_total,
            currency=session.currency,
            payment_method=payment_method,
            confirm=True,
            **session._for_intent,
        )
        session.payment_intent = intent.id
        schedule_webhook(Event("checkout.session.completed", session))
        return session

    @classmethod
    def _api_list_all(cls, url: str, created: dict[str, str], **paging: str) -> Any:
        """The newest first, of those made within `created`."""
        listed = super()._api_list_all(url, **paging)
        least, most = int(created["gte"]), int(created["lte"])
        listed._list = [one for one in listed._list if least <= one.created <= most][::-1]
        return listed


def add_checkout(app: web.Application, address: str) -> None:
    """Serve sessions at `address`, and give a repeated key its first answer."""
    _ADDRESS["here"] = address
    app.router.add_post(_PATH, api_create(CheckoutSession, _PATH))
    app.router.add_get(_PATH, api_list_all(CheckoutSession, _PATH))
    app.router.add_get(_PATH + "/{id}", api_retrieve(CheckoutSession, _PATH))
    app.router.add_post(_PATH + "/{id}", api_update(CheckoutSession, _PATH))
    app.router.add_post(_PATH + "/{id}/_pay", api_extra(CheckoutSession._api_pay, _PATH))
    app.middlewares.append(_once_for_each_key())


def _once_for_each_key() -> Any:
    said: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    @web.middleware  # type: ignore[untyped-decorator]
    async def once(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> web.Response:
        key, words = request.headers.get("Idempotency-Key"), await request.read()
        if key is None:
            return await handler(request)
        first, body = said.get((request.path, key), (words, b""))
        if first != words:
            raise UserError(400, "Keys for idempotent requests are for the same parameters.")
        if not body:
            answer = await handler(request)
            assert isinstance(answer.body, bytes)
            body = answer.body
            said[request.path, key] = (words, body)
        return web.Response(body=body, content_type="application/json")

    return once
