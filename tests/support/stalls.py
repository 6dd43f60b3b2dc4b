"""A market with stalls, as rows: who holds which, and bills of their charges, opened over HTTP."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.json import canonical
from core.references import new_reference
from core.sessions import WriteSession
from payments.billing.credit.commands import tell_of_credit
from payments.billing.short_codes import hash_of_code
from payments.bills.create import create_bill_within
from payments.bills.new_bill import BillRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.natures import FeeNature
from tests.support.system import System

MARKET = "dong-xuan"
FIRST_DAY = date(2026, 1, 1)
#: The short code on a contract, and the phone number of whoever holds a stall.
CODE = "K7M2QP"
PHONE = "0912 345678"
#: Each run of a test is of a month of its own: a market has one run of a kind for a period.
_MONTHS = (f"{2001 + number // 12}-{number % 12 + 1:02}" for number in count())


@dataclass(slots=True)
class StallAtHand:
    """A stall of a test's market; `bills` are those that were opened for it, in that order."""

    system: System
    id: str
    market_id: str
    code: str
    reference: str
    contract_id: str
    vendor_id: str
    bills: list[dict[str, Any]] = field(default_factory=list)

    async def owe(
        self,
        amount: int,
        due_in: int = 0,
        *,
        priority: int = 10,
        vendor_id: str | None = None,
        contract_id: str | None = None,
    ) -> dict[str, Any]:
        """Open the bill of a period, as a billing run does; due so many days from today."""
        async with self.system.parts.database.transaction() as session:
            bill_id = await self.open_bill(
                session,
                amount,
                due_in,
                priority=priority,
                whose=(contract_id or self.contract_id, vendor_id or self.vendor_id),
            )
            await tell_of_credit(session, [self.id])
        bill = await self.system.read({"id": bill_id})
        self.bills.append(bill)
        return bill

    async def open_bill(
        self,
        session: WriteSession,
        amount: int,
        due_in: int = 0,
        *,
        priority: int = 10,
        whose: tuple[str, str] | None = None,
        nature: FeeNature = FeeNature.PRICE,
    ) -> str:
        """The id of a new bill of a period; `whose` are the ids of a contract and its vendor."""
        today, month, run_id = clock.business_date(clock.now()), next(_MONTHS), new_id("brun")
        line = NewLine(
            description=f"Thuê sạp {self.code}, kỳ {month}",
            quantity=1,
            copies=1,
            amount=amount,
            full_amount=amount,
            sub_item=None,
            nature=nature,
        )
        request = BillRequest(
            agency_id=self.system.body.agency_id,
            lines=(line,),
            channel="billing_run",
            opened_on=today,
        )
        cipher = self.system.parts.cipher
        made = await create_bill_within(session, request, actor="system:test", cipher=cipher)
        contract_id, vendor_id = whose or (self.contract_id, self.vendor_id)
        due = {"due": today + timedelta(days=due_in), "month": month, "run": run_id}
        await session.execute(
            text(
                "INSERT INTO billing_run (id, market_id, kind, period, first_on, last_on,"
                " opened_on, due_on, readings_until, state, started_by, created_at, problems)"
                " VALUES (:run, :market, 'month', :month, :due, :due, :due, :due, :due, 'running',"
                " 'system:test', now(), '[]')"
            ),
            due | {"market": self.market_id},
        )
        await session.execute(
            text(
                "INSERT INTO charge (id, run_id, stall_id, contract_id, vendor_id, kind, period,"
                " first_on, last_on, amount, waived, priority, bill_id, created_at) VALUES (:id,"
                " :run, :stall, :contract, :vendor, 'rent', :month, :due, :due, :amount, 0,"
                " :priority, :bill, now())"
            ),
            due
            | {"id": new_id("charge"), "stall": self.id, "contract": contract_id}
            | {"vendor": vendor_id, "amount": amount, "priority": priority, "bill": made.id},
        )
        return made.id

    async def hand_over(self, on: date) -> tuple[str, str]:
        """Another vendor holds it from that day on; the ids of the vendor and the contract."""
        await self.end(on - timedelta(days=1))
        return await contract(self.system, self.id, on)

    async def end(self, last: date) -> None:
        """The contract that holds it ends with that day."""
        ended = "UPDATE stall_contract SET last_on = :last WHERE stall_id = :id AND last_on IS NULL"
        await self._write(ended, id=self.id, last=last)

    async def renew(self, on: date) -> None:
        """The vendor of its first contract holds it by another one from that day on."""
        _, made = await self.hand_over(on)
        change = "UPDATE stall_contract SET vendor_id = :vendor WHERE id = :id"
        await self._write(change, vendor=self.vendor_id, id=made)

    async def set_code(self, code: str) -> None:
        """Another short code stands on its newest contract."""
        hashed = hash_of_code(self.system.parts.payments.request_key, self.id, code)
        change = (
            "UPDATE stall_contract SET code_hash = :hash WHERE id ="
            " (SELECT id FROM stall_contract WHERE stall_id = :id ORDER BY first_on DESC LIMIT 1)"
        )
        await self._write(change, hash=hashed, id=self.id)

    async def statuses(self) -> list[str]:
        """How its bills stand, in the order in which they were opened."""
        return [(await self.system.read(bill))["status"] for bill in self.bills]

    async def waiting(self) -> dict[str, int]:
        """What of its money waits, in đồng, by the reason."""
        async with self.system.parts.database.transaction() as session:
            rows = await session.execute(
                text(
                    "SELECT s.reason, sum(s.amount)::bigint FROM suspense_item s JOIN payment p"
                    " ON p.id = s.payment_id WHERE p.reference = :reference AND s.closed_at IS NULL"
                    " AND s.place = 'suspense' GROUP BY 1"
                ),
                {"reference": self.reference},
            )
            return {row[0]: row[1] for row in rows}

    async def _write(self, statement: str, **values: object) -> None:
        async with self.system.parts.database.transaction() as session:
            await session.execute(text(statement), values)


async def stall(system: System, code: str = "A-01") -> StallAtHand:
    """A stall at the test's market, held by a vendor since the year's first day."""
    agency, stall_id, reference = system.body.agency_id, new_id("stall"), new_reference()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO market (id, agency_id, code, name, name_en, market_class, route_order,"
                " opening_day, due_day, rounded_to, created_at) VALUES (:id, :agency, :code,"
                " 'Chợ Đồng Xuân', 'Dong Xuan market', 2, 0, 1, 15, 1, now())"
                " ON CONFLICT (agency_id, code) DO NOTHING"
            ),
            {"id": new_id("market"), "agency": agency, "code": MARKET},
        )
        market_id = await session.scalar(
            text("SELECT id FROM market WHERE agency_id = :agency AND code = :code"),
            {"agency": agency, "code": MARKET},
        )
        await session.execute(
            text(
                "INSERT INTO reference (reference, kind, agency_id, created_at)"
                " VALUES (:reference, 'stall', :agency, now())"
            ),
            {"reference": reference, "agency": agency},
        )
        await session.execute(
            text(
                "INSERT INTO stall (id, market_id, code, kind, area, frontages, lane, route_order,"
                " reference, meter_digits, created_at) VALUES (:id, :market, :code,"
                " 'covered', 600, 1, 'A', 1, :reference, 5, now())"
            ),
            {
                "id": stall_id,
                "market": market_id,
                "code": code,
                "reference": reference,
            },
        )
    vendor_id, contract_id = await contract(system, stall_id, FIRST_DAY)
    made = StallAtHand(system, stall_id, market_id, code, reference, contract_id, vendor_id)
    await made.set_code(CODE)
    return made


async def contract(system: System, stall_id: str, first_on: date) -> tuple[str, str]:
    """Let a new vendor hold a stall from a day on; the ids of the vendor and the contract."""
    vendor_id, contract_id = new_id("vendor"), new_id("contract")
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO vendor (id, agency_id, code, created_at)"
                " VALUES (:id, :agency, :id, now())"
            ),
            {"id": vendor_id, "agency": system.body.agency_id},
        )
        sealed = canonical({"name": "Trần Thị Bưởi", "phone": PHONE})
        await session.execute(
            text(
                "INSERT INTO payer_data (subject_id, data, created_at) VALUES (:id, :data, now())"
            ),
            {
                "id": vendor_id,
                "data": system.parts.cipher.encrypt(sealed, f"payer:{vendor_id}"),
            },
        )
        await session.execute(
            text(
                "INSERT INTO stall_contract (id, stall_id, vendor_id, number, first_on, billed_by,"
                " services, created_at) VALUES (:id, :stall, :vendor, '', :first, 'month', '{}',"
                " now())"
            ),
            {"id": contract_id, "stall": stall_id, "vendor": vendor_id, "first": first_on},
        )
    return vendor_id, contract_id
