"""Callbacks as the gateway and the bank would make them, genuine to the byte, sent when told to.

The sandbox's own books and words are used, but nothing goes through its queue: a test decides how
often, in what order and at what instant a callback arrives.
"""

from typing import Any

import httpx2

from adapters.sandbox.dialects import paygov, sepay
from adapters.sandbox.engine.store import Charge, Merchant, Movement, Order
from app.seed.agency import DEMO_ACCOUNT
from core import clock
from core.ids import new_id
from tests.support.gateway_setups import FEED_SECRET, MERCHANT
from tests.support.system import System

PAYGOV = "/callbacks/paygov/test"
SEPAY = "/callbacks/sepay/test"

_CHARGED = ("00", "07")


def merchant_of(system: System) -> Merchant:
    """Our account at the sandbox's PayGov."""
    return system.sandbox.store.merchants[MERCHANT["partner_code"]]


def order_of(system: System, payment: dict[str, Any]) -> Order:
    """The order that an attempt became at the gateway."""
    (found,) = (
        o
        for o in system.sandbox.store.orders.values()
        if o.details["request_code"] == payment["id"]
    )
    return found


def result_of(
    system: System,
    order: Order,
    *,
    code: str = "00",
    amount: int | None = None,
    transaction_no: str | None = None,
    **changes: object,
) -> bytes:
    """The callback of a result; what it says was charged is charged at the gateway, too."""
    number = transaction_no or new_id("t").partition("_")[2][-20:]
    charge = None
    if code in _CHARGED:
        now = clock.now()
        charge = Charge(number, order.amount if amount is None else amount, now, now, code == "07")
        system.sandbox.store.charge(order, charge)
    fields = paygov.result_fields(order, charge, code) | {"transactionNo": number} | changes
    return paygov.callback_body(merchant_of(system), fields)


#: How often a notice is told again that met a busy service.
_AGAIN = 5


async def call(system: System, body: bytes, **headers: str) -> httpx2.Response:
    """Send a callback as PayGov does."""
    sent = {"Content-Type": "application/json"} | headers
    return await system.browser.post(PAYGOV, content=body, headers=sent)


def notice_of(
    system: System,
    amount: int,
    narrative: str,
    *,
    bank_ref: str | None = None,
    feed_id: int | None = None,
    direction: str = "in",
) -> bytes:
    """The bank's notice of money on the system's account, now."""
    number = feed_id if feed_id is not None else int(new_id("m")[-12:], 16)
    movement = Movement(
        id=number,
        account_number=DEMO_ACCOUNT,
        direction=direction,
        amount=amount,
        narrative=narrative,
        reference_code=f"FT{number}" if bank_ref is None else bank_ref,
        booked_at=clock.now().replace(microsecond=0),
        balance=amount,
    )
    system.sandbox.store.move(movement)
    return sepay.notice_body(system.sandbox.store.accounts[DEMO_ACCOUNT], movement)


async def notify(system: System, body: bytes, secret: str = FEED_SECRET) -> httpx2.Response:
    """Send a notice as SePay does, signed now."""
    headers = sepay.notice_headers(secret, body, clock.now())
    sent = {"Content-Type": "application/json"} | headers
    return await system.browser.post(SEPAY, content=body, headers=sent)


async def credit(system: System, amount: int, narrative: str, **more: Any) -> None:
    """Money arrives by bank transfer and is told of; the notice is acknowledged.

    Told that we are busy, as where many come at once on a slow machine, the bank tells it again.
    """
    notice = notice_of(system, amount, narrative, **more)
    answer = await notify(system, notice)
    for _ in range(_AGAIN):
        if answer.status_code != 503:
            break
        answer = await notify(system, notice)
    assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text
