"""Every route of the API with who may use it, and how to ask it for something of the system's.

Written by hand and apart from the product's own table, so that a right which is changed there has
to be changed here too, by somebody who meant it.
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
from payments.agencies.access.rights import Role, Scope
from payments.agencies.access.staff import create_staff_user
from payments.books.queries import list_waiting_money
from tests.support.callbacks import credit
from tests.support.catalogue_files import fees_csv
from tests.support.gateway_setups import PAYGOV
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

EVERYONE = "clerk finance chief admin auditor collector"
OFFICE = "clerk finance chief admin auditor"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one agency: a person's for each role, a system's for each scope."""

    agency_id: str
    secrets: Mapping[str, str]


async def keys_of(system: System, agency_id: str) -> Keys:
    """Make one person for each role and one system's key for each scope, at an agency."""
    secrets: dict[str, str] = {}
    async with system.parts.database.transaction() as session:
        for role in Role:
            person = await create_staff_user(
                session,
                agency_id=agency_id,
                email=f"{new_id('p')}@example.vn",
                name="Người Thử",
                password="mat-khau-thu-nghiem",
                roles=[role],
            )
            _, secrets[role] = await create_api_key(
                session, agency_id=agency_id, label=role, staff_id=person.id
            )
        for scope in Scope:
            _, secrets[scope] = await create_api_key(
                session, agency_id=agency_id, label=scope, scopes=[scope]
            )
    return Keys(agency_id, secrets)


class Things:
    """Things of the system's agency to ask for, made when they are first wanted."""

    def __init__(self, system: System, keys: Keys) -> None:
        self.system = system
        self._keys = keys
        self._paid: dict[str, Any] = {}
        self._run = ""

    def client(self, who: str) -> dict[str, str]:
        """The header of one of the system's own keys."""
        return {"Authorization": f"Bearer {self._keys.secrets[who]}"}

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
        sent = await statement(self)
        headers = {"Idempotency-Key": new_id("k")}
        answer = await self.system.office.post("/api/v1/statements", headers=headers, **sent)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def unreleased_statement(self) -> str:
        """A statement that alone tells of a bill's money."""
        made = await self.system.create_bill()
        taken = await take_statement(self.system, f"5000|credit|{made['reference']}|{new_id('f')}")
        await reconcile(self.system)
        return str(taken["id"])

    async def run(self) -> str:
        """A reconciliation of today."""
        if not self._run:
            body = (await reconciliation(self))["json"]
            answer = await self.system.post(
                "/api/v1/reconciliations", body, client=self.system.office
            )
            assert answer.status_code == 201, answer.text
            self._run = answer.json()["id"]
        return self._run

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


async def table(_: Things) -> Asked:
    return {"params": {"format": "csv", "table": "fees"}}


def new_proposal() -> dict[str, Any]:
    content = fees_csv({"code": f"phi-{new_id('x')[-12:]}"})
    return {"files": {"file": ("phi.csv", content)}}


async def proposal(_: Things) -> Asked:
    return new_proposal()


async def statement(things: Things) -> Asked:
    now = clock.now().isoformat(timespec="seconds")
    content = (
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{now},1000,credit,,tien,{new_id('ref')}\n"
    )
    account = things.system.body.collection_code
    return {
        "files": {"file": ("so-phu.csv", content.encode(), "text/csv")},
        "data": {"account": account, "mapping": "lephi-basic"},
    }


async def forced_statement(things: Things) -> Asked:
    sent = await statement(things)
    return {**sent, "data": {**sent["data"], "reason": "thử"}}


async def reconciliation(things: Things) -> Asked:
    body = things.system.body
    day = clock.business_date(clock.now()).isoformat()
    return {"json": {"agency": body.agency_code, "account": body.collection_code, "date": day}}


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
            path = head + name + rest.partition("}")[2]
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
    Case("GET /procedures", EVERYONE, "bills catalogue", 200, 404, of_the_house),
    Case("GET /procedures/{code}", EVERYONE, "bills catalogue", 200, 404, of_the_house, _procedure),
    Case("GET /catalogue/changes", EVERYONE, "bills catalogue", 200, 200),
    Case("GET /catalogue/export", OFFICE, "catalogue", 200, 200, table),
    Case("GET /catalogue/proposals", OFFICE, "catalogue", 200, 200),
    Case("POST /catalogue/proposals", "finance chief admin", "", 201, 201, proposal),
    Case("GET /catalogue/proposals/{proposal_id}", OFFICE, "catalogue", 200, 404,
         thing=Things.proposal),
    Case("POST /catalogue/proposals/{proposal_id}/apply", "chief admin", "", 200, 404,
         thing=Things.proposal),
    # The finance clerk takes back what is their own; the others reject it.
    Case("POST /catalogue/proposals/{proposal_id}/reject", "finance chief admin", "", 200, 404,
         reason, Things.proposal),
    Case("POST /statements", "finance chief admin", "statements", 201, 404, statement),
    Case("GET /statements/{statement_id}", "finance chief admin", "statements", 200, 404,
         thing=Things.statement),
    Case("POST /statements/forced", "finance chief", "", 202, 404, forced_statement),
    Case("POST /statements/{statement_id}/withdraw", "finance chief", "", 202, 404, reason,
         Things.statement),
    Case("POST /statements/{statement_id}/release", "finance chief", "", 202, 404, reason,
         Things.unreleased_statement),
    Case("GET /suspense", "finance chief admin auditor", "reconciliation", 200, 200),
    Case("POST /suspense/{item_id}/resolutions", "finance chief", "", 202, 404, resolution,
         Things.waiting_money),
    Case("GET /approvals", "finance chief admin auditor", "", 200, 200),
    Case("GET /approvals/{approval_id}", "finance chief admin auditor", "", 200, 404,
         thing=Things.approval),
    Case("POST /approvals/{approval_id}/approve", "chief admin", "", 200, 404,
         thing=Things.approval),
    # The finance clerk takes back what is their own; the others reject it.
    Case("POST /approvals/{approval_id}/reject", "finance chief admin", "", 200, 404, reason,
         Things.approval),
    Case("POST /reconciliations", "finance chief admin", "reconciliation", 201, 404,
         reconciliation),
    Case("GET /reconciliations/{run_id}", "finance chief admin auditor", "reconciliation", 200, 404,
         thing=Things.run),
    Case("GET /reconciliations/{run_id}/discrepancies", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /reconciliations/{run_id}/discrepancies.csv", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /reconciliations/{run_id}/matches", "finance chief admin auditor",
         "reconciliation", 200, 404, thing=Things.run),
    Case("GET /receipts/{receipt_id}", EVERYONE, "receipts:read", 200, 404, thing=Things.receipt),
    Case("GET /receipts/{receipt_id}.pdf", EVERYONE, "receipts:read", 200, 404,
         thing=Things.receipt),
    Case("GET /receipts/{receipt_id}.xml", EVERYONE, "receipts:read", 200, 404,
         thing=Things.receipt),
    Case("POST /api-keys", "admin", "", 201, 404, new_key),
    Case("GET /api-keys", "admin", "", 200, 404, of_the_house),
    Case("POST /api-keys/{key_id}/revoke", "admin", "", 200, 404, thing=Things.key),
    Case("POST /users", "admin", "", 201, 404, new_user),
    Case("GET /users", "admin", "", 200, 404, of_the_house),
    Case("POST /users/{user_id}/disable", "admin", "", 200, 404, thing=Things.user),
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
