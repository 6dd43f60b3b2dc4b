"""Every page of staff with who may use it, and how it is asked for: by hand, apart from the code.

As `tests.support.every_route` does for the API: a right that is changed in the product has to be
changed here too, by somebody who meant it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from core.ids import new_id
from payments.agencies.listing import list_gateways
from tests.support import market_pages
from tests.support.catalogue_files import fees_csv
from tests.support.debt_routes import debt_file, debt_list
from tests.support.every_route import EVERYONE, OFFICE, Things
from tests.support.invoice_routes import invoice_aside, invoice_to_adjust
from tests.support.message_routes import set_aside
from tests.support.webhook_things import one_receiver

Form = dict[str, Any]


async def _empty(_: Things) -> Form:
    return {}


async def _why(_: Things) -> Form:
    return {"data": {"reason": "thử"}}


async def _noted(_: Things) -> Form:
    return {"data": {"note": "thử"}}


async def _ends(_: Things) -> Form:
    return {"data": {"reason": "thử", "state": "done"}}


async def _person(things: Things) -> Form:
    email = f"{new_id('p')}@example.vn"
    body = {"email": email, "name": "Người Mới", "roles": "clerk"}
    return {"data": body | {"agency": things.system.body.agency_code}}


async def _key(things: Things) -> Form:
    agency = things.system.body.agency_code
    return {"data": {"label": "cổng", "scopes": "bills", "agency": agency}}


async def _unit(things: Things) -> Form:
    body = {"code": f"x-{new_id('x')[-12:]}", "name": "Đơn vị", "name_en": "Unit"}
    body |= {"tax_code": "0100109106", "address": "1 đường Thử", "phone": "024 3333 4444"}
    return {"data": body | {"parent": things.system.body.agency_code}}


async def _account(things: Things) -> Form:
    body = {"code": f"x-{new_id('x')[-12:]}", "kind": "bank", "bank_bin": "970436"}
    body |= {"number": new_id("n")[-12:], "holder": "TK THU"}
    return {"data": body | {"agency": things.system.body.agency_code}}


_PHONES = iter(range(10_000, 99_999))


async def _phone(_: Things) -> Form:
    return {"data": {"phone": f"024 555 {next(_PHONES)}"}}


async def _secret(_: Things) -> Form:
    return {"data": {"field-secret_key": new_id("s")}}


async def _rank(_: Things) -> Form:
    return {"data": {"rank": "3"}}


async def _offered(_: Things) -> Form:
    return {"data": {"enabled": "no"}}


async def _gateway(things: Things) -> Form:
    body = {"gateway": "vnpay", "account": f"x-{new_id('x')[-12:]}", "base_url": "https://a.vn/pay"}
    body |= {"collection_account": things.system.body.collection_code, "enabled": "yes"}
    body |= {"field-tmn_code": new_id("t")[-8:].upper(), "field-hash_secret": new_id("s")}
    return {"data": body | {"agency": things.system.body.agency_code}}


async def _offers(_: Things) -> Form:
    return {"data": {"offers": "own", "codes": f"2.000815 {next(_CODES)}"}}


async def _debts(things: Things) -> Form:
    return dict(await debt_file(things))


async def _adjusting(_: Things) -> Form:
    return {"data": {"document": "2C26MAA-57", "money_back": "1000"}}


async def _read_back(_: Things) -> Form:
    return {"data": {"money_back": "1000"}}


_CODES = cycle(("1.004222", "2.000913"))


async def _moved(things: Things) -> Form:
    return {"data": {"parent": things.system.body.agency_code}}


async def _looked(_: Things) -> Form:
    return {"data": {"whole": "no"}}


async def _given_back(_: Things) -> Form:
    return {"data": {"amount": "1", "reason": "thử", "way": "bank"}}


async def _file(_: Things) -> Form:
    content = fees_csv({"code": f"phi-{new_id('x')[-12:]}"})
    return {"files": {"file": ("phi.csv", content)}, "data": {"table": "fees"}}


async def first_gateway(things: Things) -> str:
    """An account of the system's body at a gateway."""
    async with things.system.parts.database.reading() as session:
        page = await list_gateways(session, [things.system.body.agency_id])
    return next(one.id for one in page.items if one.gateway == "paygov")


async def _none(_: Things) -> str:
    return "1"


async def _code(things: Things) -> str:
    return things.system.body.agency_code


async def _account_code(things: Things) -> str:
    return things.system.body.collection_code


@dataclass(frozen=True, slots=True)
class PageCase:
    """A page, who may use it, what its own get, and what a stranger who may gets.

    `otherwise` are roles that may use it for what is theirs, and are refused the thing of another.
    """

    route: str
    roles: str
    own: int
    stranger: int
    form: Callable[[Things], Awaitable[Form]] = _empty
    thing: Callable[[Things], Awaitable[str]] | None = None
    otherwise: str = ""

    @property
    def method(self) -> str:
        return self.route.split(" ")[0]

    async def path(self, things: Things) -> str:
        """Where it is, for a thing of the system's."""
        path = self.route.split(" ")[1]
        if self.thing is None:
            return path
        head, _, rest = path.partition("{")
        return head + await self.thing(things) + rest.rpartition("}")[2]


SETTINGS = "/staff/settings"
PAGES = [
    PageCase("GET /staff/find", EVERYONE, 200, 200),
    PageCase("GET /staff/bills/{bill_id}", EVERYONE, 200, 404, thing=Things.bill),
    PageCase("POST /staff/bills/{bill_id}/cancel", "clerk admin", 303, 404, thing=Things.bill),
    PageCase("GET /staff/bills/{bill_id}/supplement", "clerk admin", 200, 404, thing=Things.bill),
    # Of a bill that is not paid it is refused, and said why.
    PageCase("POST /staff/bills/{bill_id}/supplement", "clerk admin", 422, 404, _why,
             Things.bill),
    PageCase("POST /staff/bills/{bill_id}/mark", "clerk finance chief admin", 303, 404, _noted,
             Things.bill),
    PageCase("GET /staff/payments/{payment_id}", EVERYONE, 200, 404, thing=Things.payment),
    PageCase("POST /staff/payments/{payment_id}/leave", "clerk admin collector", 303, 404,
             thing=Things.payment),
    PageCase("GET /staff/payments/{payment_id}/refund", "finance chief", 200, 404,
             thing=Things.credited),
    PageCase("POST /staff/payments/{payment_id}/refund", "finance chief", 303, 404, _given_back,
             Things.credited),
    PageCase("POST /staff/payments/{payment_id}/mark", "clerk finance chief admin", 303, 404,
             _noted, Things.payment),
    PageCase("POST /staff/receipts/{receipt_id}/mark", "clerk finance chief admin", 303, 404,
             _noted, Things.receipt),
    PageCase("GET /staff/receipts/{receipt_id}.pdf", EVERYONE, 200, 404, thing=Things.receipt),
    PageCase("GET /staff/receipts/{receipt_id}.xml", EVERYONE, 200, 404, thing=Things.receipt),
    PageCase("GET /staff/receipts/{receipt_id}", EVERYONE, 200, 404, thing=Things.receipt),
    # Nobody left a phone: it is refused, and said why.
    PageCase("POST /staff/receipts/{receipt_id}/tell", "finance chief admin", 409, 404,
             thing=Things.receipt),
    PageCase("GET /staff/disputes", "finance chief admin auditor", 200, 200),
    PageCase("GET /staff/debts", EVERYONE, 200, 200),
    PageCase("GET /staff/debts/new", "finance chief admin", 200, 200),
    PageCase("POST /staff/debts/new", "finance chief admin", 303, 404, _debts),
    # A file is its sender's alone, who has sent none of this name.
    PageCase("GET /staff/debts/files/{file_id}", "finance chief admin", 404, 404, thing=_none),
    PageCase("GET /staff/debts/files/{file_id}/errors.xlsx", "finance chief admin", 404, 404,
             thing=_none),
    PageCase("POST /staff/debts/files/{file_id}/take", "finance chief admin", 404, 404,
             thing=_none),
    PageCase("GET /staff/debts/{list_id}", EVERYONE, 200, 404, thing=debt_list),
    PageCase("POST /staff/debts/{list_id}/ask", "finance chief", 303, 404, _ends, debt_list),
    PageCase(f"GET {SETTINGS}", OFFICE, 200, 200),
    PageCase(f"GET {SETTINGS}/catalogue", OFFICE, 200, 200),
    PageCase(f"GET {SETTINGS}/catalogue/export", OFFICE, 200, 200),
    PageCase(f"GET {SETTINGS}/catalogue/proposals/new", "finance chief admin", 200, 200),
    PageCase(f"POST {SETTINGS}/catalogue/proposals", "finance chief admin", 303, 303, _file),
    PageCase(f"GET {SETTINGS}/catalogue/proposals/{{proposal_id}}", OFFICE, 200, 404,
             thing=Things.proposal),
    PageCase(f"POST {SETTINGS}/catalogue/proposals/{{proposal_id}}/apply", "chief admin", 303, 404,
             thing=Things.proposal),
    # Somebody else's: the finance clerk may take back only what is their own.
    PageCase(f"POST {SETTINGS}/catalogue/proposals/{{proposal_id}}/reject", "chief admin", 303,
             404, _why, Things.proposal, "finance"),
    PageCase(f"GET {SETTINGS}/users", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/users/new", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/users", "admin", 200, 404, _person),
    PageCase(f"GET {SETTINGS}/users/{{user_id}}", "admin", 200, 404, thing=Things.user),
    PageCase(f"POST {SETTINGS}/users/{{user_id}}/disable", "admin", 303, 404, thing=Things.user),
    PageCase(f"POST {SETTINGS}/users/{{user_id}}/reset-factor", "admin", 303, 404,
             thing=Things.user),
    PageCase(f"GET {SETTINGS}/keys", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/keys/new", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/keys", "admin", 200, 404, _key),
    PageCase(f"GET {SETTINGS}/keys/{{key_id}}", "admin", 200, 404, thing=Things.key),
    PageCase(f"POST {SETTINGS}/keys/{{key_id}}/revoke", "admin", 303, 404, thing=Things.key),
    PageCase(f"GET {SETTINGS}/messages", "finance chief admin auditor", 200, 200),
    PageCase(f"GET {SETTINGS}/messages/{{message_id}}", "finance chief admin auditor", 200, 404,
             thing=set_aside),
    PageCase(f"POST {SETTINGS}/messages/{{message_id}}/replay", "finance chief admin", 303, 404,
             thing=set_aside),
    PageCase(f"GET {SETTINGS}/webhooks", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/webhooks/{{endpoint_id}}", "admin", 200, 404, thing=one_receiver),
    PageCase(f"POST {SETTINGS}/webhooks/{{endpoint_id}}/replay", "admin", 303, 404,
             thing=one_receiver),
    PageCase(f"POST {SETTINGS}/webhooks/{{endpoint_id}}/switch", "admin", 303, 404, _offered,
             one_receiver),
    PageCase(f"GET {SETTINGS}/invoices", "finance chief admin auditor", 200, 200),
    PageCase(f"GET {SETTINGS}/invoices/{{invoice_id}}", "finance chief admin auditor", 200, 404,
             thing=invoice_aside),
    PageCase(f"POST {SETTINGS}/invoices/{{invoice_id}}/replay", "finance chief admin", 303, 404,
             thing=invoice_aside),
    PageCase(f"POST {SETTINGS}/invoices/{{invoice_id}}/adjustment", "finance chief admin", 303,
             404, _adjusting, invoice_to_adjust),
    PageCase(f"POST {SETTINGS}/invoices/{{invoice_id}}/adjusting", "finance chief admin", 303,
             404, _read_back, invoice_to_adjust),
    PageCase(f"GET {SETTINGS}/bodies", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/bodies/new", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/bodies", "admin", 303, 404, _unit),
    PageCase(f"GET {SETTINGS}/bodies/{{code}}", "admin", 200, 404, thing=_code),
    PageCase(f"POST {SETTINGS}/bodies/{{code}}/change", "admin", 303, 404, _phone, _code),
    PageCase(f"POST {SETTINGS}/bodies/{{code}}/offers", "admin", 303, 404, _offers, _code),
    # Their own body nobody moves: it is refused, and said why.
    PageCase(f"POST {SETTINGS}/bodies/{{code}}/parent", "admin", 422, 404, _moved, _code),
    PageCase(f"GET {SETTINGS}/accounts", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/accounts/new", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/accounts", "admin", 303, 404, _account),
    PageCase(f"GET {SETTINGS}/accounts/{{code}}", "admin", 200, 404, thing=_account_code),
    PageCase(f"GET {SETTINGS}/gateways", "admin", 200, 200),
    PageCase(f"GET {SETTINGS}/gateways/new", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/gateways", "admin", 303, 404, _gateway),
    PageCase(f"GET {SETTINGS}/gateways/{{gateway_account_id}}", "admin", 200, 404,
             thing=first_gateway),
    PageCase(f"POST {SETTINGS}/gateways/{{gateway_account_id}}/test", "admin", 200, 404,
             thing=first_gateway),
    PageCase(f"POST {SETTINGS}/gateways/{{gateway_account_id}}/secret", "admin", 303, 404, _secret,
             first_gateway),
    PageCase(f"POST {SETTINGS}/gateways/{{gateway_account_id}}/rank", "admin", 303, 404, _rank,
             first_gateway),
    PageCase(f"POST {SETTINGS}/gateways/{{gateway_account_id}}/offer", "admin", 303, 404, _offered,
             first_gateway),
    PageCase(f"GET {SETTINGS}/operations", "admin", 200, 200),
    PageCase(f"POST {SETTINGS}/operations/notices/{{notice_id}}/replay", "admin", 404, 404,
             thing=_none),
    PageCase(f"POST {SETTINGS}/operations/events/{{event_id}}/replay", "admin", 404, 404,
             thing=_none),
    PageCase(f"POST {SETTINGS}/operations/check", "admin", 200, 200, _looked),
    PageCase(f"GET {SETTINGS}/audit", "finance chief admin auditor", 200, 200),
    *(PageCase(*case) for case in market_pages.CASES),
]  # fmt: skip
