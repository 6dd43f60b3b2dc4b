"""The routes of e-invoices with who may use them; parts of `every_route`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, text

from core import clock
from core.ids import new_id
from core.json import canonical
from receipts.invoices.models import Invoice
from tests.support.invoicing import KIND, open_invoice_account

if TYPE_CHECKING:
    from tests.support.every_route import Case, Things

_READERS = "finance chief admin auditor"
_KEEPERS = "finance chief admin"


async def plain_invoice(things: "Things", **changes: Any) -> str:
    """An invoice of a bill of the system's body, as it is when nobody could make it; its id."""
    system, invoice_id, now = things.system, new_id("invoice"), clock.now()
    bill = await system.create_bill()
    async with system.parts.database.transaction() as session:
        known = text("SELECT id FROM invoice_account WHERE removed_at IS NULL AND agency_id = :id")
        account = await session.scalar(known, {"id": system.body.agency_id})
        if account is None:
            # Nobody answers there: what is asked for again waits.
            account = await open_invoice_account(
                session, system.parts.cipher, system.body.agency_id, "http://127.0.0.1:9"
            )
        said = canonical({"seller": {}, "buyer": {}, "lines": [], "payment_method": "CK"})
        sealed = system.parts.cipher.encrypt(said, f"invoice:{invoice_id}")
        row = {
            "id": invoice_id,
            "bill_id": bill["id"],
            "agency_id": system.body.agency_id,
            "account_id": account,
            "form": KIND.form,
            "symbol": KIND.symbol_in(now.year),
            "issued_on": clock.business_date(now),
            "amount": bill["amount"],
            "content": sealed,
            "state": "set_aside",
            "money_back": 0,
            "adjusted": 0,
            "waits_since": now,
            "turn": 0,
            "attempts": 1,
            "created_at": now,
        }
        await session.write(insert(Invoice), row | changes)
    return invoice_id


#: Beyond those that the provider played in the tests gives.
_NUMBERS = iter(range(50_000_000, 99_999_999))


async def invoice_aside(things: "Things") -> str:
    """An invoice that was set aside; its id."""
    return await plain_invoice(things)


async def invoice_to_adjust(things: "Things") -> str:
    """An invoice some of whose money went back; its id."""
    number = {"number": next(_NUMBERS), "issued_at": clock.now()}
    return await plain_invoice(things, state="issued", money_back=1_000, **number)


async def adjusting(_: "Things") -> Mapping[str, Any]:
    return {"json": {"document": "2C26MAA-57", "money_back": 1_000}}


async def wanting(_: "Things") -> Mapping[str, Any]:
    return {"json": {"money_back": 1_000}}


def invoice_cases(case: type["Case"]) -> list["Case"]:
    """The cases of these routes."""
    scope = "reconciliation"
    return [
        case("GET /invoices", _READERS, scope, 200, 200),
        case("GET /invoice-accounts", _READERS, scope, 200, 200),
        case("GET /invoices/{invoice_id}", _READERS, scope, 200, 404, thing=invoice_aside),
        case("POST /invoices/{invoice_id}/replays", _KEEPERS, "", 200, 404, thing=invoice_aside),
        case(
            "POST /invoices/{invoice_id}/adjustments",
            *(_KEEPERS, "", 200, 404, adjusting),
            thing=invoice_to_adjust,
        ),
        case(
            "POST /invoices/{invoice_id}/adjusting-invoices",
            *(_KEEPERS, "", 200, 404, wanting),
            thing=invoice_to_adjust,
        ),
    ]
