"""A treasury's evenings: two accounts with books of their own, and the people who close their days.

What happens on an account is written down as it happens, in `AccountBook`; its statements are made
of that, so that they tell what a bank would tell and not what ours would like to hear.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import httpx2

from adapters.sandbox.engine.store import Order
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from tests.support.gateway_setups import MERCHANT
from tests.support.staff import FinanceOffice, key_of_person
from tests.support.system import System

_HEADER = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"
#: The unit of the second account, the last part of its callback paths too.
UNIT = "to-mot-cua"
UNIT_MERCHANT = MERCHANT | {"partner_code": "PAYGOV-TO-MOT-CUA"}
#: Who does the work, and who says that it is right.
CLERK, CHIEF = "Nguyễn Thị Lập", "Trần Văn Duyệt"
_UNIT_NUMBER = "12010009998887"
_UNIT_SECRET = "feed-secret-of-the-unit"


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment in Vietnam."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=VIETNAM)


@dataclass(frozen=True, slots=True)
class BookLine:
    """A movement as the bank has booked it; `amount` in đồng, negative for a debit."""

    booked_at: datetime
    amount: int
    words: str
    ref: str


@dataclass(slots=True)
class AccountBook:
    """What a bank knows of an account: its code, its number there, and every movement booked."""

    system: System
    code: str
    number: str
    agency: str
    balance: int = 0
    lines: list[BookLine] = field(default_factory=list)
    _count: int = 0

    def ref(self) -> str:
        """A reference of the bank's that no other movement has."""
        self._count += 1
        return f"FT{self.number[-4:]}{self._count:08d}"

    def book(
        self, amount: int, words: str, *, ref: str = "", booked_at: datetime | None = None
    ) -> str:
        """Book a movement, now unless told otherwise; its reference."""
        named = ref or self.ref()
        self.lines.append(BookLine(booked_at or clock.now(), amount, words, named))
        return named

    async def arrives(
        self, amount: int, words: str, *, booked_at: datetime | None = None, booked: bool = True
    ) -> str:
        """Money arrives and the feed tells of it; the bank's reference. Not `booked`, it never
        comes to a statement."""
        ref = self.ref()
        self.system.sandbox.bank.transfer(self.number, amount, words, reference_code=ref)
        await self.system.told()
        if booked:
            self.book(amount, words, ref=ref, booked_at=booked_at)
        return ref

    def statement(self, day: date, lines: Sequence[BookLine] | None = None) -> bytes:
        """The treasury's statement of a day, with its sums and balances; of these lines alone where
        they are given."""
        own = self.lines_of(day) if lines is None else lines
        opening = self._before(day)
        rows = [_HEADER, f"Số dư đầu kỳ;;;;;{_dots(opening)}"]
        for one in own:
            sides = f";{one.amount}" if one.amount > 0 else f"{-one.amount};"
            booked = f"{one.booked_at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
            rows.append(f"{booked};{one.ref};{one.words};{sides};")
        credits_ = sum(one.amount for one in own if one.amount > 0)
        debits = sum(-one.amount for one in own if one.amount < 0)
        rows.append(f"Số dư cuối kỳ;;;;;{_dots(opening + credits_ - debits)}")
        rows.append(f"Cộng phát sinh;;;{debits};{credits_};")
        rows.append(f"Số giao dịch;{len(own)};;;;")
        return "\n".join(rows).encode() + b"\n"

    def mt940(self, day: date) -> bytes:
        """A bank's statement of a day in MT940, which tells days and no times."""
        opening, own = self._before(day), self.lines_of(day)
        fields = [":20:SAOKE", f":25:{self.number}", ":28C:1/1"]
        fields.append(f":60F:C{day:%y%m%d}VND{opening},")
        for one in own:
            side = "C" if one.amount > 0 else "D"
            fields.append(
                f":61:{day:%y%m%d}{day:%m%d}{side}{abs(one.amount)},NTRFNONREF//{one.ref}"
            )
            fields.append(f":86:{one.words}")
        closing = opening + sum(one.amount for one in own)
        fields += [f":62F:C{day:%y%m%d}VND{closing},", "-", ""]
        return "\n".join(fields).encode()

    def _before(self, day: date) -> int:
        earlier = (one for one in self.lines if one.booked_at.astimezone(VIETNAM).date() < day)
        return self.balance + sum(one.amount for one in earlier)

    def lines_of(self, day: date) -> list[BookLine]:
        """What was booked on a day, in order of time."""
        own = [one for one in self.lines if one.booked_at.astimezone(VIETNAM).date() == day]
        return sorted(own, key=lambda one: one.booked_at)


def _dots(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")


@dataclass(frozen=True, slots=True)
class EveningOffice(FinanceOffice):
    """The clerk and the chief with what an evening needs: files, runs, pages of a day."""

    async def send(self, path: str, content: bytes, name: str, **form: str) -> httpx2.Response:
        """The clerk sends a file."""
        return await self.system.browser.post(
            f"/api/v1{path}",
            files={"file": (name, content, "text/csv")},
            data=form,
            headers=self.clerk | {"Idempotency-Key": new_id("k")},
        )

    async def read(self, path: str, **query: str) -> Any:
        """What the clerk reads."""
        answer = await self.system.browser.get(f"/api/v1{path}", params=query, headers=self.clerk)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def decided(self, asked: httpx2.Response) -> dict[str, Any]:
        """The chief approves what the clerk has asked for; the approval."""
        assert asked.status_code == 202, asked.text
        told = asked.json()
        return await self.approve(told.get("approval", told))

    async def take(
        self, book: AccountBook, content: bytes, name: str, mapping: str = "kbnn-so-phu"
    ) -> dict[str, Any]:
        """The clerk takes a statement in."""
        answer = await self.send("/statements", content, name, account=book.code, mapping=mapping)
        assert answer.status_code == 201, answer.text
        taken: dict[str, Any] = answer.json()
        assert taken["warnings"] == [], taken
        return taken

    async def settle(self, gateway: str, mapping: str, content: bytes) -> dict[str, Any]:
        """The clerk takes a gateway's settlement file in."""
        answer = await self.send(
            "/settlements", content, "quyet-toan.csv", gateway=gateway, mapping=mapping
        )
        assert answer.status_code == 201, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    async def pay_over(self, gateway: str, batch: str, amount: int) -> dict[str, Any]:
        """Two people say that what waits of this amount brought a batch; the outcome."""
        waiting = [one for one in await self.suspense(limit="100") if one["amount"] == amount]
        (item,) = waiting
        wanted = {
            "gateway": gateway,
            "batches": [batch],
            "credit": item["payment"],
            "reason": f"đúng số tiền của lô {batch}",
        }
        done = await self.decided(await self.post("/settlements/payouts", wanted))
        outcome: dict[str, Any] = done["outcome"]
        return outcome

    async def reconcile(self, book: AccountBook, day: date) -> dict[str, Any]:
        """The clerk presses the button of a day."""
        body = {"agency": book.agency, "account": book.code, "date": day.isoformat()}
        answer = await self.post("/reconciliations", body)
        assert answer.status_code == 201, answer.text
        run: dict[str, Any] = answer.json()
        return run

    async def day(self, book: AccountBook, day: date) -> dict[str, Any]:
        """The whole day, as its page shows it."""
        found: dict[str, Any] = await self.read(f"/days/{book.code}/{day}")
        return found

    async def odd(self, run: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        """What of a run needs somebody."""
        path = f"/reconciliations/{run['id']}/discrepancies"
        found: list[dict[str, Any]] = (await self.read(path, **query))["items"]
        return found

    async def resolve(
        self, odd: dict[str, Any], kind: str, reason: str, bill: str | None = None
    ) -> dict[str, Any]:
        """Two people resolve a discrepancy; the outcome."""
        wanted = {"kind": kind, "reason": reason} | ({"bill": bill} if bill else {})
        asked = await self.post(f"/discrepancies/{odd['id']}/resolutions", wanted)
        outcome: dict[str, Any] = (await self.decided(asked))["outcome"]
        return outcome

    async def close(self, run: dict[str, Any]) -> dict[str, Any]:
        """The clerk asks for it and the chief closes the day; it is *khớp*."""
        path = f"/reconciliations/{run['id']}/close"
        asked = await self.post(path)
        assert (asked.status_code, asked.json()["status"]) == (202, "closing_proposed"), asked.text
        done = await self.post(path, by=self.chief)
        assert done.status_code == 200, done.text
        told: dict[str, Any] = done.json()
        assert told["approval"]["outcome"]["agrees"] is True, told
        return told


async def evening_office(system: System) -> EveningOffice:
    """A clerk and a chief of the system's body."""
    return EveningOffice(
        system,
        await key_of_person(system, "finance", name=CLERK),
        await key_of_person(system, "chief", name=CHIEF),
    )


def treasury_book(system: System) -> AccountBook:
    """The book of the account that the system has: the body's at the treasury."""
    body = system.body
    return AccountBook(system, body.collection_code, DEMO_ACCOUNT, body.agency_code)


async def open_second_account(system: System) -> AccountBook:
    """A unit of the body with an account of its own at a bank, a feed and a gateway.

    Its administrator sets up unit and account over the API; the operator connects its gateway and
    feed, which here are the sandbox's.
    """
    admin = await key_of_person(system, "admin")
    unit = {
        "code": UNIT,
        "parent": system.body.agency_code,
        "name": "Tổ một cửa chợ Bến Mẫu",
        "name_en": "One-stop desk at Ben Mau market",
        "tax_code": "0100109106",
        "address": "2 đường Thử Nghiệm",
        "phone": "024 3333 4444",
    }
    account = {
        "agency": UNIT,
        "code": "bidv-to-mot-cua",
        "kind": "bank",
        "bank_bin": "970418",
        "number": _UNIT_NUMBER,
        "holder": "TO MOT CUA CHO BEN MAU",
    }
    ids = []
    for path, body in (("/agencies", unit), ("/accounts", account)):
        made = await system.browser.post(
            f"/api/v1{path}", json=body, headers=admin | {"Idempotency-Key": new_id("k")}
        )
        assert made.status_code == 201, made.text
        ids.append(made.json()["id"])
    await _connect(system, *ids)
    return AccountBook(system, str(account["code"]), _UNIT_NUMBER, UNIT, balance=100_000)


async def _connect(system: System, agency_id: str, account_id: str) -> None:
    feed = {"account_number": _UNIT_NUMBER, "secret": _UNIT_SECRET}
    async with system.parts.database.transaction() as session:
        for name, credentials in (("paygov", UNIT_MERCHANT), ("sepay", feed)):
            await configure_gateway(
                session,
                system.parts.cipher,
                agency_id=agency_id,
                collection_account_id=account_id,
                gateway=name,
                account=UNIT,
                base_url=f"{system.sandbox_url}/{name}",
                credentials=credentials,
            )
            system.sandbox.open(name, credentials, f"{system.base_url}/callbacks/{name}/{UNIT}")
    system.parts.payments.agencies.forget()
    system.parts.keyring.forget()


async def pay_at(system: System, bill: dict[str, Any], gateway: str) -> Order:
    """The payer goes to a gateway's page and pays; the order as the gateway has it."""
    path = f"/api/v1/bills/{bill['id']}/payments"
    started = await system.post(path, {"gateway": gateway})
    assert started.status_code == 201, started.text
    await system.decide(started.json(), "success")
    await system.told()
    assert (await system.read(bill))["status"] == "paid"
    (order,) = (
        one
        for one in system.sandbox.store.orders.values()
        if one.order_id.startswith(bill["reference"])
    )
    return order


def lephi_settlement(batch: str, settled_on: date, *paid: tuple[Order, int]) -> bytes:
    """A settlement file of PayGov's in our own layout: orders with their fees, and the totals."""
    rows = ["batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at"]
    for order, fee in paid:
        (charge,) = order.charges
        net = charge.amount - fee
        told = f"{order.order_id},{charge.transaction_no},{charge.amount},{fee},{net}"
        rows.append(f"{batch},{settled_on},payment,{told},{_iso(charge.charged_at)}")
    gross, fees = sum(order.charged for order, _ in paid), sum(fee for _, fee in paid)
    rows.append(f"TOTAL,,,,,{gross},{fees},{gross - fees},")
    return "\n".join(rows).encode()


def vnpay_settlement(batch: str, settled_on: date, *paid: tuple[Order, int]) -> bytes:
    """A settlement file of VNPAY's layout."""
    rows = [
        "Mã phiên đối soát;Ngày thanh toán;Loại giao dịch;vnp_TxnRef;vnp_TransactionNo;"
        "Số tiền;Phí;Số tiền thực nhận;vnp_PayDate"
    ]
    for order, fee in paid:
        (charge,) = order.charges
        net = charge.amount - fee
        when = f"{charge.charged_at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
        told = f"{order.order_id};{charge.transaction_no};{charge.amount:,};{fee:,};{net:,}"
        rows.append(f"{batch};{settled_on:%d/%m/%Y};Thanh toán;{told};{when}")
    gross, fees = sum(order.charged for order, _ in paid), sum(fee for _, fee in paid)
    rows.append(f"Tổng cộng;;;;;{gross:,};{fees:,};{gross - fees:,};")
    return "\n".join(rows).encode()


def _iso(when: datetime) -> str:
    return when.astimezone(VIETNAM).isoformat(timespec="seconds")


def without(lines: Sequence[BookLine], ref: str, **changed: Any) -> list[BookLine]:
    """Lines of a book as a bank told them wrongly: one left out, or with something changed."""
    if not changed:
        return [one for one in lines if one.ref != ref]
    return [replace(one, **changed) if one.ref == ref else one for one in lines]
