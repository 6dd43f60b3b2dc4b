"""Every route of the API with who may use it, and how to ask it for something of the system's.

Written by hand, apart from the product's own table: a right changed there is meant here too.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from core import clock
from core.ids import new_id
from payments.administration.door import ask
from payments.administration.people import confirmed_key
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from payments.books.queries import list_waiting_money
from reconciliation.cases.sheets import write_sheet
from tests.support import route_bodies as sent_with
from tests.support.callbacks import credit
from tests.support.catalogue_files import fees_csv
from tests.support.gateway_setups import PAYGOV
from tests.support.matches import matched
from tests.support.room_routes import room_cases
from tests.support.route_keys import Keys as Keys
from tests.support.route_keys import keys_of as keys_of
from tests.support.settlement_things import (
    of_name,
    of_paygov,
    one_batch,
    one_payout,
    one_settlement,
    payout,
    settlement,
    settlement_layout,
    version,
)
from tests.support.statements import reconcile, take_statement
from tests.support.system import System
from tests.support.webhook_things import last_number, one_receiver, receiver, some_number

EVERYONE = "clerk finance chief admin auditor collector"
OFFICE = "clerk finance chief admin auditor"


class Things:
    """Things of the system's agency to ask for, made when they are first wanted."""

    def __init__(self, system: System, keys: Keys) -> None:
        self.system = system
        self._keys = keys
        #: a batch that waits for its credit, and a credit of its net
        self.batch: tuple[str, str] = ("B1", "pay_0")
        #: the code of an account of which nobody has asked for any rule
        self.unruled = "none"
        self._paid: dict[str, Any] = {}
        self._run = ""
        self._closed = ""

    def client(self, who: str) -> dict[str, str]:
        """The header of one of the system's own keys."""
        return {"Authorization": f"Bearer {self._keys.secrets[who]}"}

    def secret(self, who: str) -> str:
        """The key of one of the system's own people or systems."""
        return self._keys.secrets[who]

    async def bill(self) -> str:
        """An open bill of its own."""
        return str((await self.system.create_bill())["id"])

    async def paid(self) -> dict[str, Any]:
        """A paid bill with its payment and receipt."""
        if not self._paid:
            bill = await self.system.create_bill()
            await self.system.decide(await self.system.start(bill), "success")
            await self.system.until(bill, "paid")
            await self.system.work()
            self._paid = await self.system.read(bill)
        return self._paid

    async def payment(self) -> str:
        return str((await self.paid())["payments"][0]["id"])

    async def receipt(self) -> str:
        return str((await self.paid())["receipts"][0]["id"])

    async def proposal(self) -> str:
        """An open proposal of the system's finance clerk."""
        answer = await self.system.browser.post(
            "/api/v1/catalogue/proposals",
            **new_proposal(),
            headers=self.client("finance") | {"Idempotency-Key": new_id("k")},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def waiting_money(self) -> str:
        """An item in suspense that nobody has asked about."""
        system = self.system
        await credit(system, 5000, "chuyen tien", bank_ref=new_id("ft"))
        async with system.parts.database.reading() as session:
            return (await list_waiting_money(session))[-1].id

    async def credited(self) -> str:
        """A payment whose money nobody has asked back."""
        await credit(self.system, 5000, "chuyen tien", bank_ref=new_id("ft"))
        async with self.system.parts.database.reading() as session:
            return (await list_waiting_money(session))[-1].payment_id

    async def refund(self) -> str:
        """A refund that was asked for."""
        return (await self._refund())[0]

    async def approved_refund(self) -> str:
        """A refund that another person has approved."""
        refund_id, approval_id = await self._refund()
        done = await self.system.browser.post(
            f"/api/v1/approvals/{approval_id}/approve", headers=self.client("chief")
        )
        assert done.status_code == 200, done.text
        return refund_id

    async def _refund(self) -> tuple[str, str]:
        answer = await self.system.browser.post(
            f"/api/v1/payments/{await self.credited()}/refunds",
            json={"amount": 1, "reason": "thử"},
            headers=self.client("finance") | {"Idempotency-Key": new_id("k")},
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["id"], answer.json()["approval"]

    async def approval(self) -> str:
        """What the system's finance clerk has asked for, and chief and admin may decide about.

        It is a key of the clerk's own that is to be put into force.
        """
        parts = self.system.parts
        clerk = await parts.keyring.principal(self._keys.secrets["finance"])
        async with parts.database.transaction() as session:
            made, _ = await create_api_key(
                session,
                agency_id=clerk.agency_id,
                label="of one's own",
                staff_id=clerk.actor.removeprefix("staff:"),
                confirmed=False,
            )
            deed = confirmed_key(made)
            administration, kinds = parts.administration, parts.approval_kinds
            return (await ask(session, administration, kinds, deed, clerk, "thử")).id

    async def statement(self) -> str:
        """A statement that was taken in."""
        sent = await sent_with.statement(self)
        headers = {"Idempotency-Key": new_id("k")}
        answer = await self.system.office.post("/api/v1/statements", headers=headers, **sent)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def account_day(self) -> str:
        """The system's account and today, as a path has them."""
        day = clock.business_date(clock.now()).isoformat()
        return f"{self.system.body.collection_code}/{day}"

    async def unreleased_statement(self) -> str:
        """A statement that alone tells of a bill's money."""
        made = await self.system.create_bill()
        taken = await take_statement(self.system, f"5000|credit|{made['reference']}|{new_id('f')}")
        await reconcile(self.system)
        return str(taken["id"])

    async def run(self) -> str:
        """A reconciliation of today."""
        if not self._run:
            body = (await sent_with.reconciliation(self))["json"]
            answer = await self.system.post(
                "/api/v1/reconciliations", body, client=self.system.office
            )
            assert answer.status_code == 201, answer.text
            self._run = answer.json()["id"]
        return self._run

    async def run_with_discrepancy(self) -> str:
        """A reconciliation of today with a credit that is nobody's."""
        await self.statement()
        return str((await reconcile(self.system))["id"])

    async def discrepancy(self) -> str:
        """A credit that is nobody's, and that nobody has decided about."""
        run = await self.run_with_discrepancy()
        path = f"/api/v1/reconciliations/{run}/discrepancies"
        answer = await self.system.browser.get(
            path,
            params={"class": "unknown_in_ledger", "status": "open", "limit": 1000},
            headers=self.client("finance"),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["items"][-1]["id"])

    async def attachment(self) -> str:
        """A file kept with a discrepancy."""
        path = f"/api/v1/discrepancies/{await self.discrepancy()}/attachments"
        headers = self.client("finance") | {"Idempotency-Key": new_id("k")}
        sent = await small_file(self)
        answer = await self.system.browser.post(path, headers=headers, **sent)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def closable_run(self) -> str:
        """A reconciliation of today of an account on which nothing moved."""
        account = await self._as_admin("/api/v1/accounts", await new_account(self))
        body = (await sent_with.reconciliation(self))["json"] | {"account": account["code"]}
        answer = await self.system.post("/api/v1/reconciliations", body, client=self.system.office)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def closed_run(self) -> str:
        """The run of a closed day."""
        if not self._closed:
            run = await self.closable_run()
            for who, status in (("finance", 202), ("chief", 200)):
                answer = await self.system.browser.post(
                    f"/api/v1/reconciliations/{run}/close", headers=self.client(who)
                )
                assert answer.status_code == status, answer.text
            self._closed = run
        return self._closed

    async def key(self) -> str:
        """A system's key that nobody uses."""
        async with self.system.parts.database.transaction() as session:
            made, _ = await create_api_key(
                session, agency_id=self.system.body.agency_id, label="to be revoked"
            )
        return made.id

    async def user(self) -> str:
        """A person who has no key."""
        async with self.system.parts.database.transaction() as session:
            made = await create_staff_user(
                session,
                agency_id=self.system.body.agency_id,
                email=f"{new_id('p')}@example.vn",
                name="Người Thử",
                password="mat-khau-thu-nghiem",
                roles=[Role.CLERK],
            )
        return made.id

    async def unit(self) -> str:
        """A unit of the body."""
        answer = await self._as_admin("/api/v1/agencies", await new_unit(self))
        return str(answer["code"])

    async def gateway_account(self) -> str:
        """An account of the body at a gateway."""
        answer = await self._as_admin("/api/v1/gateway-accounts", await new_gateway(self))
        return str(answer["id"])

    async def unruled_account(self) -> str:
        """What the next rule is asked of."""
        self.unruled = (await self._as_admin("/api/v1/accounts", await new_account(self)))["code"]
        return self.unruled

    async def _as_admin(self, path: str, sent: "Asked") -> dict[str, Any]:
        headers = self.client("admin") | {"Idempotency-Key": new_id("k")}
        answer = await self.system.browser.post(path, headers=headers, **sent)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


Asked = Mapping[str, Any]
Body = Callable[[Things], Awaitable[Asked]]


async def nothing(_: Things) -> Asked:
    """No body and no query."""
    return {}


async def of_the_house(things: Things) -> Asked:
    """A query that names the system's agency."""
    return {"params": {"agency": things.system.body.agency_code}}


async def bill(things: Things) -> Asked:
    lines = [{"fee": "2.000815", "quantity": 1}]
    return {"json": {"agency": things.system.body.agency_code, "lines": lines}}


async def gateway(_: Things) -> Asked:
    return {"json": {"gateway": "paygov"}}


async def reason(_: Things) -> Asked:
    return {"json": {"reason": "thử"}}


async def resolution(_: Things) -> Asked:
    return {"json": {"kind": "keep", "reason": "thử"}}


async def acceptance(_: Things) -> Asked:
    return {"json": {"kind": "accept", "reason": "thử"}}


async def bulk_acceptance(_: Things) -> Asked:
    return {"json": {"kind": "accept", "all_of": "unknown_in_ledger", "reason": "thử"}}


async def nobody(_: Things) -> Asked:
    return {"json": {"owner": None}}


async def remark(_: Things) -> Asked:
    return {"json": {"text": "đã gọi ngân hàng"}}


async def small_file(_: Things) -> Asked:
    return {"files": {"file": ("chung-tu.pdf", b"%PDF-1.7 thu", "application/pdf")}}


async def empty_sheet(_: Things) -> Asked:
    return {"files": {"file": ("chenh-lech.xlsx", write_sheet([]))}}


async def refund(_: Things) -> Asked:
    return {"json": {"amount": 1, "reason": "thử"}}


async def nothing_told(_: Things) -> Asked:
    return {"json": {}}


def new_proposal() -> dict[str, Any]:
    content = fees_csv({"code": f"phi-{new_id('x')[-12:]}"})
    return {"files": {"file": ("phi.csv", content)}}


async def proposal(_: Things) -> Asked:
    return new_proposal()


async def new_key(things: Things) -> Asked:
    return {"json": {"agency": things.system.body.agency_code, "label": "portal"}}


async def new_user(things: Things) -> Asked:
    email = f"{new_id('p')}@example.vn"
    body = {"agency": things.system.body.agency_code, "email": email, "name": "Người Mới"}
    return {"json": body | {"roles": ["clerk"]}}


def new_code() -> str:
    return f"x-{new_id('x')[-12:]}".lower()


async def new_unit(things: Things) -> Asked:
    body = {"name": "Đơn vị mới", "name_en": "New unit", "tax_code": "0100109106"}
    body |= {"address": "1 đường Thử", "phone": "024 3333 4444"}
    return {"json": body | {"code": new_code(), "parent": things.system.body.agency_code}}


async def new_account(things: Things) -> Asked:
    body = {"code": new_code(), "kind": "bank", "bank_bin": "970436", "number": new_id("n")[-12:]}
    return {"json": body | {"holder": "TK THU", "agency": things.system.body.agency_code}}


async def new_gateway(things: Things) -> Asked:
    body = things.system.body
    return {
        "json": {
            "agency": body.agency_code,
            "collection_account": body.collection_code,
            "gateway": PAYGOV.name,
            "account": new_code(),
            "base_url": "https://pay.example.vn",
            "credentials": dict(PAYGOV.credentials),
        }
    }


async def new_phone(_: Things) -> Asked:
    return {"json": {"phone": "024 5555 6666"}}


async def off(_: Things) -> Asked:
    return {"json": {"enabled": False}}


@dataclass(frozen=True, slots=True)
class Case:
    """A route, who may use it, what the system's own get, and what a stranger who may gets.

    `thing` makes what the path names; one that the request uses up is made anew each time.
    """

    route: str
    roles: str
    scopes: str
    own: int
    stranger: int
    body: Body = nothing
    thing: Callable[[Things], Awaitable[str]] | None = None

    @property
    def method(self) -> str:
        return self.route.split(" ")[0]

    def may(self, who: str) -> bool:
        return who in (*self.roles.split(), *self.scopes.split())

    async def ask(self, things: Things, secret: str, named: str | None = None) -> httpx2.Response:
        """Ask as whoever has the key, for `named` or for a thing made now."""
        path = self.route.split(" ")[1]
        if self.thing is not None:
            name = named or await self.thing(things)
            head, _, rest = path.partition("{")
            # What a body names is a thing too, of a path that names none.
            path = head + name + rest.rpartition("}")[2] if rest else path
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": new_id("k")}
        sent = await self.body(things)
        return await things.system.browser.request(
            self.method, f"/api/v1{path}", headers=headers, **sent
        )


async def _procedure(_: Things) -> str:
    return "2.000815"


CASES = [
    Case("POST /bills", "clerk admin", "bills", 201, 404, bill),
    Case("GET /bills", EVERYONE, "bills", 200, 200),
    Case("GET /bills/{bill_id}", EVERYONE, "bills", 200, 404, thing=Things.bill),
    Case("POST /bills/{bill_id}/cancel", "clerk admin", "bills", 200, 404, thing=Things.bill),
    Case("POST /bills/{bill_id}/payments", "clerk admin collector", "bills", 201, 404, gateway,
         Things.bill),
    Case("GET /payments/{payment_id}", EVERYONE, "bills", 200, 404, thing=Things.payment),
    Case("POST /payments/{payment_id}/leave", "clerk admin collector", "bills", 200, 404,
         thing=Things.payment),
    Case("GET /procedures", EVERYONE, "bills catalogue", 200, 404, of_the_house),
    Case("GET /procedures/{code}", EVERYONE, "bills catalogue", 200, 404, of_the_house, _procedure),
    Case("GET /catalogue/changes", EVERYONE, "bills catalogue", 200, 200),
    Case("GET /catalogue/export", OFFICE, "catalogue", 200, 200, sent_with.table),
    Case("GET /catalogue/proposals", OFFICE, "catalogue", 200, 200),
    Case("POST /catalogue/proposals", "finance chief admin", "", 201, 201, proposal),
    Case("GET /catalogue/proposals/{proposal_id}", OFFICE, "catalogue", 200, 404,
         thing=Things.proposal),
    Case("POST /catalogue/proposals/{proposal_id}/apply", "chief admin", "", 200, 404,
         thing=Things.proposal),
    # The finance clerk takes back what is their own; the others reject it.
    Case("POST /catalogue/proposals/{proposal_id}/reject", "finance chief admin", "", 200, 404,
         reason, Things.proposal),
    Case("GET /days/{account}/{on}", "finance chief admin auditor", "reconciliation", 200, 404,
         thing=Things.account_day),
    Case("GET /days/{account}/{on}/batches", "finance chief admin auditor", "reconciliation", 200,
         404, thing=Things.account_day),
    Case("GET /days/{account}/{on}/settlements", "finance chief admin auditor", "reconciliation",
         200, 404, of_name, Things.account_day),
    Case("GET /settlements/batches", "finance chief admin auditor", "reconciliation", 200, 404,
         of_paygov),
    Case("GET /settlements/{settlement_id}/lines", "finance chief admin auditor", "reconciliation",
         200, 404, thing=one_settlement),
    Case("POST /settlements/{settlement_id}/versions", "finance chief", "", 202, 404, version,
         one_settlement),
    Case("POST /settlements/payouts", "finance chief", "", 202, 404, payout,
         one_batch),
    Case("POST /settlements/payouts/{payout_id}/undo", "finance chief", "", 202, 404, reason,
         one_payout),
    Case("POST /settlements", "finance chief admin", "statements", 201, 404, settlement),
    Case("GET /settlements", "finance chief admin", "statements", 200, 404, of_paygov),
    Case("POST /statements", "finance chief admin", "statements", 201, 404, sent_with.statement),
    Case("GET /statements/{statement_id}", "finance chief admin", "statements", 200, 404,
         thing=Things.statement),
    Case("POST /statement-layouts", "finance chief admin", "", 201, 404, sent_with.saved_layout),
    Case("POST /settlement-layouts", "finance chief admin", "", 201, 404, settlement_layout),
    Case("GET /settlement-layouts", "finance chief admin", "statements", 200, 404, of_paygov),
    Case("GET /statement-layouts", "finance chief admin", "statements", 200, 404,
         sent_with.of_the_account),
    Case("GET /reports/{name}", "finance chief admin auditor", "reconciliation", 200, 404,
         sent_with.of_today, sent_with.revenue),
    Case("POST /statements/preview", "finance chief admin", "statements", 200, 404,
         sent_with.statement),
    Case("POST /statements/forced", "finance chief", "", 202, 404, sent_with.forced_statement),
    Case("POST /statements/{statement_id}/withdraw", "finance chief", "", 202, 404, reason,
         Things.statement),
    Case("POST /statements/{statement_id}/supersede", "finance chief", "", 202, 404,
         sent_with.forced_statement, Things.statement),
    Case("GET /day-rules", "finance chief admin auditor", "reconciliation", 200, 404,
         sent_with.of_the_account),
    Case("POST /day-rules", "finance chief", "", 202, 404, sent_with.day_rule,
         Things.unruled_account),
    Case("GET /nightly-schedules", "finance chief admin auditor", "reconciliation", 200, 200),
    Case("POST /nightly-schedules", "finance chief admin", "", 201, 404, sent_with.night),
    Case("POST /reconciliations/{run_id}/matches/{payment_id}/undo", "finance chief", "", 202, 404,
         reason, matched),
    Case("POST /statements/{statement_id}/release", "finance chief", "", 202, 404, reason,
         Things.unreleased_statement),
    Case("GET /suspense", "finance chief admin auditor", "reconciliation", 200, 200),
    Case("GET /suspense/{item_id}/suggestions", "finance chief admin auditor", "reconciliation",
         200, 404, thing=Things.waiting_money),
    Case("POST /suspense/{item_id}/resolutions", "finance chief", "", 202, 404, resolution,
         Things.waiting_money),
    Case("POST /payments/{payment_id}/refunds", "finance chief", "", 202, 404, refund,
         Things.credited),
    Case("GET /refunds", "finance chief admin auditor", "reconciliation", 200, 200),
    Case("GET /refunds/{refund_id}", "finance chief admin auditor", "reconciliation", 200, 404,
         thing=Things.refund),
    Case("GET /disputes", "finance chief admin auditor", "reconciliation", 200, 200),
    Case("POST /refunds/{refund_id}/sent", "finance chief", "", 200, 404, nothing_told,
         Things.approved_refund),
    Case("POST /refunds/{refund_id}/failure", "finance chief", "", 202, 404, reason,
         Things.approved_refund),
    Case("GET /approvals", "finance chief admin auditor", "", 200, 200),
    Case("GET /approvals/{approval_id}", "finance chief admin auditor", "", 200, 404,
         thing=Things.approval),
    Case("POST /approvals/{approval_id}/approve", "chief admin", "", 200, 404,
         thing=Things.approval),
    # The finance clerk takes back what is their own; the others reject it.
    Case("POST /approvals/{approval_id}/reject", "finance chief admin", "", 200, 404, reason,
         Things.approval),
    Case("POST /reconciliations", "finance chief admin", "reconciliation", 201, 404,
         sent_with.reconciliation),
    Case("GET /reconciliations/{run_id}", "finance chief admin auditor", "reconciliation", 200, 404,
         thing=Things.run),
    Case("GET /reconciliations/{run_id}/discrepancies", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /reconciliations/{run_id}/discrepancies.csv", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /reconciliations/{run_id}/claims", "finance chief admin auditor",
         "reconciliation", 200, 404, sent_with.some_rate, Things.run),
    Case("GET /reconciliations/{run_id}/suggestions", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /reconciliations/{run_id}/matches", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /discrepancies/{discrepancy_id}", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.discrepancy),
    Case("GET /discrepancies/{discrepancy_id}/trace", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.discrepancy),
    Case("POST /discrepancies/{discrepancy_id}/owner", "finance chief", "", 200, 404, nobody,
         Things.discrepancy),
    Case("POST /discrepancies/{discrepancy_id}/comments", "finance chief", "", 201, 404, remark,
         Things.discrepancy),
    Case("POST /discrepancies/{discrepancy_id}/attachments", "finance chief", "", 201, 404,
         small_file, Things.discrepancy),
    Case("GET /attachments/{attachment_id}", "finance chief admin auditor", "reconciliation", 200,
         404, thing=Things.attachment),
    Case("POST /discrepancies/{discrepancy_id}/resolutions", "finance chief", "", 202, 404,
         acceptance, Things.discrepancy),
    Case("POST /reconciliations/{run_id}/resolutions", "finance chief", "", 202, 404,
         bulk_acceptance, Things.run_with_discrepancy),
    Case("GET /reconciliations/{run_id}/discrepancies.xlsx", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("POST /reconciliations/{run_id}/discrepancies.xlsx", "finance chief", "", 202, 404,
         empty_sheet, Things.run),
    Case("POST /reconciliations/{run_id}/close", "finance chief", "", 202, 404,
         thing=Things.closable_run),
    Case("GET /reconciliations/{run_id}/minutes.pdf", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.closed_run),
    Case("GET /reconciliations/{run_id}/minutes.xlsx", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.closed_run),
    *(Case(f"GET /receipts/{{receipt_id}}{kind}", EVERYONE, "receipts:read", 200, 404,
           thing=Things.receipt) for kind in ("", ".pdf", ".xml")),
    Case("POST /api-keys", "admin", "", 201, 404, new_key),
    Case("GET /api-keys", "admin", "", 200, 404, of_the_house),
    Case("POST /api-keys/{key_id}/revoke", "admin", "", 200, 404, thing=Things.key),
    Case("POST /users", "admin", "", 201, 404, new_user),
    Case("GET /users", "admin", "", 200, 404, of_the_house),
    Case("POST /users/{user_id}/disable", "admin", "", 200, 404, thing=Things.user),
    Case("POST /webhook-endpoints", "admin", "webhooks", 201, 404, receiver),
    Case("GET /webhook-endpoints", "admin", "webhooks", 200, 200),
    Case("GET /webhook-endpoints/{endpoint_id}", "admin", "webhooks", 200, 404,
         thing=one_receiver),
    Case("PATCH /webhook-endpoints/{endpoint_id}", "admin", "webhooks", 200, 404, off,
         one_receiver),
    Case("DELETE /webhook-endpoints/{endpoint_id}", "admin", "webhooks", 204, 404,
         thing=one_receiver),
    Case("POST /webhook-endpoints/{endpoint_id}/secret", "admin", "webhooks", 201, 404,
         nothing_told, one_receiver),
    Case("GET /webhook-endpoints/{endpoint_id}/messages", "admin", "webhooks", 200, 404,
         thing=one_receiver),
    Case("POST /webhook-endpoints/{endpoint_id}/replays", "admin", "webhooks", 200, 404,
         some_number, one_receiver),
    Case("POST /webhook-endpoints/{endpoint_id}/acknowledgements", "admin", "webhooks", 200, 404,
         last_number, one_receiver),
    Case("POST /agencies", "admin", "", 201, 404, new_unit),
    Case("GET /agencies", "admin", "", 200, 200),
    Case("POST /agencies/{code}/change", "admin", "", 200, 404, new_phone, Things.unit),
    Case("POST /accounts", "admin", "", 201, 404, new_account),
    Case("GET /accounts", "admin", "", 200, 200),
    Case("POST /gateway-accounts", "admin", "", 201, 404, new_gateway),
    Case("GET /gateway-accounts", "admin", "", 200, 200),
    Case("POST /gateway-accounts/{gateway_account_id}/change", "admin", "", 200, 404, off,
         Things.gateway_account),
]  # fmt: skip
CASES += room_cases(Case)
