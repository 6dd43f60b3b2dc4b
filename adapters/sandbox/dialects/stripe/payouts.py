"""Payouts and what they are made of, a page at a time."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from adapters.sandbox.dialects.stripe.replies import page_of
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.store import Merchant, RefundStatus
from core import json


def _balance(engine: Engine, merchant: Merchant) -> list[dict[str, Any]]:
    """Everything that moved: charges with a fee of 3 %, and what went back of them."""
    moved: list[dict[str, Any]] = []
    for order in engine.store.orders.values():
        if order.merchant_id != merchant.id:
            continue
        for charge in order.charges:
            fee = charge.amount * 3 // 100
            of_charge = ("charge", charge.transaction_no, charge.charged_at)
            moved.append(_moved(*of_charge, charge.amount, fee, charge.transaction_no))
            for back in engine.store.refunds_of(order):
                if back.status is RefundStatus.DONE:
                    of_back = ("refund", back.transaction_no, back.asked_at)
                    moved.append(_moved(*of_back, -back.amount, 0, charge.transaction_no))
    return moved


def _moved(
    kind: str, number: str, at: datetime, amount: int, fee: int, intent: str
) -> dict[str, Any]:
    return {
        "id": f"txn_{kind}_{number[3:]}",
        "object": "balance_transaction",
        "type": kind,
        "currency": "vnd",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "created": int(at.timestamp()),
        "source": {"object": kind, "id": f"src_{number[3:]}", "payment_intent": intent},
    }


def payout(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    """A payout of everything there is, whatever its number."""
    number = request.path.rpartition("/")[2]
    said = {
        "id": number,
        "object": "payout",
        "amount": sum(one["net"] for one in _balance(engine, merchant)),
        "currency": "vnd",
        "automatic": not number.startswith("po_manual"),
        "status": "paid",
        "arrival_date": int(engine.now().timestamp()),
    }
    return Reply(200, json.dumps(said))


def balance_transactions(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    """What a payout is made of, a page at a time, itself among it."""
    asked = dict(parse_qsl(request.query))
    moved = _balance(engine, merchant)
    net = sum(one["net"] for one in moved)
    found = [_moved("payout", f"po_{asked.get('payout', '')}", engine.now(), -net, 0, ""), *moved]
    ids = [one["id"] for one in found]
    if (after := asked.get("starting_after")) in ids:
        found = found[ids.index(after) + 1 :]
    limit = min(int(asked.get("limit", "10")), 2)  # small pages, so that every caller turns them
    page = page_of("/v1/balance_transactions", found[:limit], more=len(found) > limit)
    return Reply(200, page)
