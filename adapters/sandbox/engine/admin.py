"""The sandbox's own JSON API, under `/sandbox`: for tests, the demo and curious people.

It opens accounts, plans lies, triggers outcomes and shows the sandbox's store. It has no
authentication: the sandbox listens on loopback and holds nothing but play money.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from adapters.sandbox.engine.bank import UnknownAccount
from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.disputes import DisputeStep, NotDisputable, dispute
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import AlreadyFinal, PayerOutcome, SandboxState
from adapters.sandbox.engine.store import Merchant, Order
from adapters.sandbox.engine.webhook_sender import WebhookSender

_Text = Annotated[str, Field(min_length=1, max_length=2000)]
_Amount = Annotated[int, Field(strict=True, ge=1, le=10**13)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountInput(_Input):
    """An account in one of the dialects; notices go to `callback_url`.

    `holder` is whose name a bank shows the payer, `virtual_prefix` what its virtual accounts of the
    account begin with; gateways have neither.
    """

    dialect: _Text
    credentials: dict[str, str]
    callback_url: _Text
    holder: _Text | None = None
    virtual_prefix: Annotated[str, Field(max_length=5)] = ""


class FaultInput(_Input):
    """Lies to tell: `fault` at the next `count` requests, or one of `faults` at a `rate`."""

    account: _Text
    operation: Operation
    fault: Fault | None = None
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    retry_after: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    takes_effect: bool | None = None
    rate: Annotated[float, Field(ge=0, le=1)] | None = None
    faults: list[Fault] = []
    seed: int | None = None


class DisputeInput(_Input):
    """How far the payer's bank is with disputing an order's charge, or some of it."""

    merchant: _Text
    order_id: _Text
    step: DisputeStep
    amount: _Amount | None = None


class OutcomeInput(_Input):
    """What a payer does with an order."""

    merchant: _Text
    order_id: _Text
    outcome: PayerOutcome
    amount: _Amount | None = None


class ForgeryInput(_Input):
    """A callback by somebody without the key."""

    merchant: _Text
    order_id: _Text
    amount: _Amount


class TransferInput(_Input):
    """Money in or out of a bank account. `reference_code` "" is a bank that gives none."""

    account_number: _Text
    amount: _Amount
    narrative: Annotated[str, Field(max_length=500)]
    transfer_type: Literal["in", "out"] = "in"
    reference_code: str | None = None


def router(state: SandboxState, sender: WebhookSender) -> APIRouter:
    """The routes, over one state."""
    api = APIRouter(prefix="/sandbox")
    store = state.store

    @api.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.post("/accounts", status_code=201)
    async def open_account(given: AccountInput) -> dict[str, str]:
        try:
            opened = state.open(
                *(given.dialect, given.credentials, given.callback_url, given.holder),
                virtual_prefix=given.virtual_prefix,
            )
        except LookupError as error:
            raise HTTPException(422, str(error)) from None
        if isinstance(opened, Merchant):
            return {"merchant": opened.id}
        return {"account_number": opened.account_number}

    @api.post("/faults", status_code=201)
    async def plan_faults(given: FaultInput) -> dict[str, str]:
        if given.seed is not None:
            state.rng.seed(given.seed)
        try:
            if given.fault is not None:
                state.faults.script(
                    given.account,
                    given.operation,
                    given.fault,
                    count=given.count,
                    retry_after=given.retry_after,
                    status=given.status,
                    takes_effect=given.takes_effect,
                )
            if given.rate is not None:
                state.faults.randomly(given.account, given.operation, given.rate, given.faults)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return {"account": given.account}

    @api.delete("/faults")
    async def clear_faults() -> dict[str, str]:
        state.faults.clear()
        return {"faults": "none"}

    @api.post("/outcomes", status_code=201)
    async def decide(given: OutcomeInput) -> dict[str, Any]:
        order = state.order(given.merchant, given.order_id)
        if order is None:
            raise HTTPException(404, "no such order")
        try:
            result = state.pay(order, given.outcome, amount=given.amount)
        except AlreadyFinal:
            raise HTTPException(409, "the order is final") from None
        await sender.send_now(result.first)
        state.reveal(order)
        return {**_order(state, order), "return_url": result.url}

    @api.post("/disputes", status_code=201)
    async def dispute_it(given: DisputeInput) -> dict[str, Any]:
        order = state.order(given.merchant, given.order_id)
        if order is None:
            raise HTTPException(404, "no such order")
        try:
            told = dispute(state, order, given.step, given.amount)
        except NotDisputable:
            raise HTTPException(409, "nothing to dispute, or nobody to tell of it") from None
        await sender.send_now([told])
        return _delivery(told)

    @api.post("/forged-callbacks", status_code=201)
    async def forge(given: ForgeryInput) -> dict[str, Any]:
        merchant = store.merchants.get(given.merchant)
        if merchant is None:
            raise HTTPException(404, "no such merchant")
        forged = state.forge(merchant, given.order_id, given.amount)
        await sender.send_now([forged])
        return _delivery(forged)

    @api.post("/callbacks/{number}/repeat", status_code=201)
    async def repeat(number: int) -> dict[str, Any]:
        if not 1 <= number <= len(state.deliveries.all):
            raise HTTPException(404, "no such callback")
        again = state.deliveries.repeat(state.deliveries.all[number - 1], state.now())
        await sender.send_now([again])
        return _delivery(again)

    @api.post("/credits", status_code=201)
    async def transfer(given: TransferInput) -> dict[str, Any]:
        try:
            movement, notice = state.bank.transfer(
                given.account_number,
                given.amount,
                given.narrative,
                direction=given.transfer_type,
                reference_code=given.reference_code,
            )
        except UnknownAccount:
            raise HTTPException(404, "no such account") from None
        if notice.due_at <= state.now():
            await sender.send_now([notice])
        return {"id": movement.id, "reference_code": movement.reference_code, **_delivery(notice)}

    @api.get("/charges")
    async def charges(merchant: str = "", order_id: str = "") -> dict[str, Any]:
        orders = [
            order
            for order in store.orders.values()
            if merchant in ("", order.merchant_id) and order_id in ("", order.order_id)
        ]
        total = sum(order.charged for order in orders)
        return {"items": [_order(state, order) for order in orders], "charged": total}

    @api.get("/create-calls")
    async def create_calls() -> dict[str, Any]:
        rows = [
            {"merchant": merchant, "order_id": order_id, "calls": calls}
            for (merchant, order_id), calls in store.create_calls.items()
        ]
        return {"items": rows}

    @api.get("/credits")
    async def credits(account_number: str = "") -> dict[str, Any]:
        rows = [m for m in store.movements if account_number in ("", m.account_number)]
        return {
            "items": [
                {
                    "id": m.id,
                    "account_number": m.account_number,
                    "transfer_type": m.direction,
                    "amount": m.amount,
                    "narrative": m.narrative,
                    "reference_code": m.reference_code,
                    "booked_at": m.booked_at.isoformat(),
                    "balance": m.balance,
                }
                for m in rows
            ]
        }

    @api.get("/callbacks")
    async def callbacks(account: str = "", subject: str = "") -> dict[str, Any]:
        rows = [
            d
            for d in state.deliveries.all
            if account in ("", d.account) and subject in ("", d.subject)
        ]
        return {"items": [_delivery(row) for row in rows]}

    return api


def _order(state: SandboxState, order: Order) -> Mapping[str, Any]:
    calls = state.store.create_calls.get((order.merchant_id, order.order_id), 0)
    return {
        "dialect": order.dialect,
        "merchant": order.merchant_id,
        "order_id": order.order_id,
        "amount": order.amount,
        "status": order.status,
        "create_calls": calls,
        "pay_url": f"{state.base_url}{order.page}",
        "charged": order.charged,
        "charges": [
            {
                "transaction_no": charge.transaction_no,
                "amount": charge.amount,
                "held": charge.held,
                "charged_at": charge.charged_at.isoformat(),
            }
            for charge in order.charges
        ],
    }


def _delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "callback": delivery.id,
        "dialect": delivery.dialect,
        "account": delivery.account,
        "subject": delivery.subject,
        "kind": delivery.kind,
        "method": delivery.message.method,
        "url": delivery.url,
        "body": delivery.body.decode(),
        "state": delivery.state,
        "attempts": [
            {
                "at": attempt.at.isoformat(),
                "headers": dict(attempt.headers),
                "status": attempt.status,
                "answer": attempt.answer,
                "error": attempt.error,
            }
            for attempt in delivery.attempts
        ],
    }
