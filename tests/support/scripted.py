"""Attempts without any gateway: rows in the tables, and a gateway that says what a test says.

No service and no sandbox are behind it, so that what a result, a question or a start comes to can
be tried in every state there is, row by row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import text

from adapters.registry import Directory
from app.parts import Parts
from app.seed.agency import DemoBody, configure_gateway
from app.wiring import parts_of
from core import clock
from core.ids import new_id
from core.settings import Settings
from payments.agencies.models import Agency, CollectionAccount
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.results import record_result
from payments.books.recording import Recording
from payments.context import Context
from payments.gateway_info import Capability, GatewayInfo, GatewayKind
from payments.gateway_receipts import ReceiptOrder
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
from tests.support import bare_rows
from tests.support.gateway_setups import ACCOUNT, MERCHANT
from tests.support.rows import audited
from tests.support.system_builder import SystemTemplate

INFO: Final = GatewayInfo(
    name="paygov",
    title_vi="Cổng thử",
    title_en="Scripted gateway",
    kind=GatewayKind.GATEWAY,
    fields=(),
    capabilities=frozenset({Capability.QUERY, Capability.CANCEL, Capability.RECEIPT}),
    open_for=timedelta(minutes=20),
)

ACCEPTED: Final = AcceptedAttempt(CheckoutType.REDIRECT, "https://pay.example.vn/1", "payload")


def _said(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


class Starting:
    """A gateway that can start attempts and nothing else."""

    info: ClassVar[GatewayInfo] = INFO

    def __init__(self, starts: AcceptedAttempt | DeclinedAttempt | Exception = ACCEPTED) -> None:
        self.account = GatewayAccount("", "", "", {})
        self.starts = starts
        self.started: list[StartRequest] = []

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Say what was given, or raise it."""
        self.started.append(request)
        answer: AcceptedAttempt | DeclinedAttempt = _said(self.starts)
        return answer

    def read_notice(self, notice: RawCallback) -> GatewayResult | None:
        """Nobody calls."""
        raise NotImplementedError

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """Nobody calls."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing is open."""


class Scripted(Starting):
    """A gateway that can be asked, closes attempts and makes out receipts.

    `says` is its answer to each question, `closes` to each wish to close, `receipts` its PDF; an
    exception is raised. What it was asked is in `asked`, `closed` and `ordered`.
    """

    def __init__(
        self,
        says: GatewayResult | Exception | None = None,
        closes: GatewayResult | Exception | None = None,
        receipts: bytes | Exception | None = None,
    ) -> None:
        super().__init__()
        self.says, self.closes, self.receipts = says, closes, receipts
        self.asked: list[AttemptKey] = []
        self.closed: list[AttemptKey] = []
        self.ordered: list[ReceiptOrder] = []

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Say what was given, or raise it."""
        self.asked.append(attempt)
        answer: GatewayResult = _said(self.says)
        return answer

    async def cancel(self, attempt: AttemptKey) -> GatewayResult:
        """Say what was given, or raise it."""
        self.closed.append(attempt)
        answer: GatewayResult = _said(self.closes)
        return answer

    async def receipt(self, order: ReceiptOrder) -> bytes | None:
        """Say what was given, or raise it."""
        self.ordered.append(order)
        answer: bytes | None = _said(self.receipts)
        return answer


class Only(Directory):
    """A directory in which every account is at one gateway."""

    def __init__(self, gateway: Starting) -> None:
        super().__init__()
        self._gateway = gateway

    def find_info(self, name: str) -> GatewayInfo | None:
        """The gateway's own, under its name; else what the registry says."""
        return self._gateway.info if name == self._gateway.info.name else super().find_info(name)

    def reader(self, account: GatewayAccount) -> Any:
        """The gateway, at this account."""
        self._gateway.account = account
        return self._gateway

    gateway = reader


@dataclass(slots=True)
class ScriptedWorld:
    """A database with the demonstration body in it; everything below is written row by row."""

    parts: Parts
    body: DemoBody

    def context(self, gateway: Starting, **changes: Any) -> Context:
        """What the flows need, with this gateway behind every account."""
        return replace(self.parts.payments, gateways=Only(gateway), **changes)

    async def account(self, gateway: str = "paygov", name: str = ACCOUNT) -> GatewayAccountValue:
        """One of the body's accounts at gateways."""
        return await self.parts.payments.agencies.get_gateway(gateway, name)

    async def collection(self, agency_id: str = "", **changes: Any) -> str:
        """Another collection account, of the body unless told otherwise; its id."""
        account_id = new_id("acct")
        values: dict[str, Any] = {
            "id": account_id,
            "agency_id": agency_id or self.body.agency_id,
            "code": account_id[-12:],
            "bank_bin": "999999",
            "account_number": account_id[-12:].upper(),
            "account_name": "TK KHAC",
            "created_at": clock.now(),
        } | changes
        async with self.parts.database.transaction() as session:
            session.add(CollectionAccount(**values))
            await session.flush()
        return account_id

    async def account_at(self, collection_id: str, agency_id: str = "") -> GatewayAccountValue:
        """A new account at the gateway that pays to this collection account."""
        name = new_id("x")[-12:]
        async with self.parts.database.transaction() as session:
            await configure_gateway(
                session,
                self.parts.cipher,
                agency_id=agency_id or self.body.agency_id,
                collection_account_id=collection_id,
                gateway="paygov",
                account=name,
                base_url="http://127.0.0.1:1",
                credentials=MERCHANT | {"partner_code": name, "secret_key": name},
            )
        return await self.account(name=name)

    async def agency(self, parent_id: str | None = None, **changes: Any) -> str:
        """Another agency, below `parent_id` if there is one; its id."""
        agency_id = new_id("agency")
        values: dict[str, Any] = {
            "id": agency_id,
            "code": agency_id[-12:],
            "name": "UBND phường Bên Cạnh",
            "name_en": "Neighbouring Ward",
            "parent_id": parent_id,
            "tax_code": "0100000001",
            "address": "2 đường Thử Nghiệm",
            "phone": "024 0000 0001",
            "return_origins": [],
            "created_at": clock.now(),
        } | changes
        async with self.parts.database.transaction() as session:
            session.add(Agency(**values))
            await session.flush()
        return agency_id

    async def bill(self, **changes: Any) -> str:
        """An open bill of 5,000 đ unless told otherwise; its id."""
        async with self.parts.database.transaction() as session:
            return await bare_rows.add_bill(session, self.body, **changes)

    async def attempt(self, bill_id: str, **changes: Any) -> str:
        """An attempt of 5,000 đ that the gateway took a minute ago, unless told; its id."""
        payment_id = new_id("pay")
        values: dict[str, Any] = {
            "id": payment_id,
            "kind": "attempt",
            "agency_id": self.body.agency_id,
            "bill_id": bill_id,
            "gateway": "paygov",
            "gateway_account_id": (await self.account()).id,
            "collection_account_id": self.body.collection_account_id,
            "status": "submitted",
            "amount": 5000,
            "order_ref": f"order-{payment_id[-12:]}",
            "request_code": f"code-{payment_id[-12:]}",
            "created_at": clock.now() - timedelta(minutes=1),
            "asked": 0,
        } | changes
        async with self.parts.database.transaction() as session:
            await bare_rows.insert(session, "payment", values)
        return payment_id

    async def credit(self, **changes: Any) -> str:
        """A credit of 5,000 đ that is posted nowhere; its id."""
        async with self.parts.database.transaction() as session:
            return await bare_rows.add_credit(session, self.body, **changes)

    async def waiting(self, payment_id: str, **changes: Any) -> str:
        """An item of 5,000 đ of a payment in suspense, unless told otherwise; its id."""
        values: dict[str, Any] = {
            "id": new_id("susp"),
            "payment_id": payment_id,
            "place": "suspense",
            "amount": 5000,
            "reason": "short",
            "created_at": clock.now(),
        } | changes
        async with self.parts.database.transaction() as session:
            await bare_rows.insert(session, "suspense_item", values)
        return str(values["id"])

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """What a statement finds."""
        async with self.parts.database.transaction() as session:
            found = await session.execute(text(query), values)
            return [dict(row) for row in found.mappings()]

    async def payment(self, payment_id: str, *names: str) -> dict[str, Any]:
        """A payment's row; of `names` only these columns."""
        (row,) = await self.rows("SELECT * FROM payment WHERE id = :id", id=payment_id)
        return {name: row[name] for name in names} if names else row

    async def status(self, bill_id: str) -> str:
        """How a bill stands."""
        (row,) = await self.rows("SELECT status FROM bill WHERE id = :id", id=bill_id)
        return str(row["status"])

    async def change(self, table: str, row_id: str, **values: Any) -> None:
        """Change a row as nobody does: to have it in a state that takes long to reach."""
        columns = ", ".join(f"{name} = :{name}" for name in values)
        async with self.parts.database.transaction() as session:
            changed = text(f"UPDATE {table} SET {columns} WHERE id = :row")
            await session.execute(changed, values | {"row": row_id})

    async def forget(self, table: str, which: str, **values: Any) -> None:
        """Take rows away as nobody does."""
        async with self.parts.database.transaction() as session:
            await session.execute(text(f"DELETE FROM {table} WHERE {which}"), values)

    async def places(self, payment_id: str | None) -> list[tuple[str, int, str, str | None]]:
        """Where a payment's money waits, as far as it does: place, amount, reason, bill."""
        found = await self.rows(
            "SELECT place, amount, reason, bill_id FROM suspense_item"
            " WHERE payment_id = :id AND closed_at IS NULL ORDER BY place, amount",
            id=payment_id,
        )
        return [(row["place"], row["amount"], row["reason"], row["bill_id"]) for row in found]

    async def told(self, object_id: str | None) -> list[tuple[str, str, dict[str, Any]]]:
        """What the audit log says of an object, oldest first: action, who did it, details."""
        return await audited(self.parts.database, object_id or "")

    async def record(
        self,
        result: GatewayResult,
        account: GatewayAccountValue | None = None,
        actor: str = "test",
    ) -> Recording:
        """A gateway's word, under the body's own account unless told, straight into the books."""
        under = account or await self.account()
        async with self.parts.database.transaction() as session:
            return await record_result(
                session, under, result, actor=actor, cipher=self.parts.cipher
            )

    async def postings(self, payment_id: str | None) -> dict[str, int]:
        """Where the ledger has a payment's money, in đồng, what is nought left out."""
        found = await self.rows(
            "SELECT p.ledger, CAST(sum(p.amount) AS bigint) AS amount FROM posting p"
            " JOIN ledger_transaction t ON t.id = p.transaction_id WHERE t.payment_id = :id"
            " GROUP BY p.ledger HAVING sum(p.amount) <> 0 ORDER BY p.ledger",
            id=payment_id,
        )
        return {row["ledger"]: row["amount"] for row in found}


@asynccontextmanager
async def scripted_at(template: SystemTemplate, data_dir: Path) -> AsyncIterator[ScriptedWorld]:
    """A world of its own, copied from the run's built system; everything is closed at the end."""
    template.copy_keys(data_dir)
    with template.copy() as database_url:
        settings = Settings(
            mode="test", database_url=database_url, data_dir=data_dir, log_level="error"
        )
        async with parts_of(settings) as parts:
            yield ScriptedWorld(parts, template.seeded.body)
