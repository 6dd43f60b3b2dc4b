"""A credit as it is told of, straight into the books: the row, the words, the places, what is noted
and told, for each thing that its words, its source, its day or its account may say.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from app.seed.agency import DemoBody
from core import clock
from core.crypto import Cipher
from core.db import Database
from core.events import Event
from core.ids import new_id
from core.references import near_references, new_reference
from core.sessions import WriteSession
from payments.agencies.queries import GatewayAccountValue, get_collection_account
from payments.bills.models import Payment
from payments.bills.queries import read_payer
from payments.bills.static_references import static_reference
from payments.books import credits
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.credits import record_credit, record_unapplied
from payments.books.identity import STATEMENT, notices_of
from payments.books.recording import Recording
from payments.events import CollectorDepositWaits, StallCreditWaits
from payments.ports import CallbackResult, Credit, GatewayAccount, GatewayResult, Outcome
from tests.support.bare_money import add_account, add_body, add_reference
from tests.support.bare_rows import add_bill, insert
from tests.support.database import PostgresServer
from tests.support.locks import names_held
from tests.support.rows import audited

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 30, 3, tzinfo=UTC)
ON = date(2026, 11, 30)
CIPHER = Cipher(b"c" * 32)
FEE, PRICE = "chung-thuc-chu-ky", 10_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare_books(postgres_server: PostgresServer, _catalogue: str) -> AsyncIterator[Database]:
    """As everywhere else, with the catalogue that a poster's fee is of."""
    with postgres_server.database(_catalogue) as url:
        database = Database(url, pool_size=3)
        yield database
        await database.dispose()


@dataclass(slots=True)
class Books:
    """A body with an account of its own, a unit below it, and who tells of money there."""

    database: Database
    body: DemoBody
    unit: DemoBody
    account_id: str
    gateway: str
    events: list[Event] = field(default_factory=list)

    async def bill(self, amount: int = 5000, body: DemoBody | None = None) -> tuple[str, str]:
        """A bill, of the unit unless told otherwise: its id and its reference."""
        reference, of = new_reference(), body or self.unit
        async with self.database.transaction() as session:
            bill = await add_bill(session, of, amount=amount, reference=reference)
            await add_reference(session, of.agency_id, "bill", reference)
        return bill, reference

    async def of_kind(self, kind: str) -> str:
        async with self.database.transaction() as session:
            return await add_reference(session, self.unit.agency_id, kind, new_reference())

    async def tell(self, narrative: str = "", source: str = "feed", **said: Any) -> Recording:
        """A source tells of 5,000 đ of now, under a number that nobody has used."""
        usual: dict[str, Any] = {
            "feed_ref": new_id("n"),
            "bank_ref": f"FT{new_id('b')[-12:]}".upper(),
            "account_number": "",
            "amount": 5000,
            "narrative": narrative,
            "credited_at": AT,
        }
        with clock.frozen(AT):
            async with self.database.transaction() as session:
                return await record_credit(
                    session,
                    await get_collection_account(session, self.account_id),
                    Credit(**(usual | said)),
                    source=source,
                    actor="test:who",
                    cipher=CIPHER,
                )

    async def charge(self, bill_id: str | None = None, **said: Any) -> Recording:
        """The gateway tells of 5,000 đ that belong to no open attempt."""
        told = {name: said.pop(name) for name in ("reference", "held") if name in said}
        usual: dict[str, Any] = {
            "order_ref": new_id("order"),
            "outcome": Outcome.SUCCEEDED,
            "gateway_ref": new_id("t"),
            "amount": 5000,
            "paid_at": AT,
        }
        with clock.frozen(AT):
            async with self.database.transaction() as session:
                account = GatewayAccountValue(
                    self.gateway,
                    self.body.agency_id,
                    await get_collection_account(session, self.account_id),
                    GatewayAccount("paygov", "test", "http://127.0.0.1:1", {}),
                )
                result = GatewayResult(**(usual | said))
                return await record_unapplied(
                    *(session, account, result, bill_id), actor="test:who", cipher=CIPHER, **told
                )

    async def payment(self, recording: Recording) -> dict[str, Any]:
        """The payment's whole row, without what is None."""
        async with self.database.transaction() as session:
            found = await session.one(
                select(Payment).where(col(Payment.id) == recording.payment_id)
            )
            return {name: one for name, one in found.model_dump().items() if one is not None}

    async def places(self, recording: Recording) -> list[tuple[Any, ...]]:
        """Where the payment's money is: bills that have it, and what waits."""
        return await self._rows(
            "SELECT 'allocated', bill_id, amount FROM allocation WHERE payment_id = :id"
            " UNION ALL SELECT reason, bill_id, amount FROM suspense_item"
            " WHERE payment_id = :id AND closed_at IS NULL ORDER BY 1, 2",
            recording,
        )

    async def posted(self, recording: Recording) -> dict[str, int]:
        """What the ledgers have of it."""
        return dict(
            await self._rows(
                "SELECT o.ledger, sum(o.amount)::bigint FROM posting o JOIN ledger_transaction t"
                " ON t.id = o.transaction_id WHERE t.payment_id = :id AND t.accounting_on = '"
                f"{ON}' GROUP BY 1 HAVING sum(o.amount) <> 0",
                recording,
            )
        )

    async def notices(self, recording: Recording) -> list[tuple[Any, ...]]:
        return await self._rows(
            "SELECT source, reference FROM credit_notice WHERE payment_id = :id ORDER BY source",
            recording,
        )

    async def words(self, recording: Recording) -> dict[str, str]:
        assert recording.payment_id is not None
        async with self.database.reading() as session:
            return await read_payer(session, CIPHER, recording.payment_id)

    async def noted(self, recording: Recording) -> list[tuple[str, str, dict[str, Any]]]:
        """What the log says of it after that it came."""
        assert recording.payment_id is not None
        came, *later = await audited(self.database, recording.payment_id)
        assert came[:2] == ("payment.succeeded", "test:who")
        return later

    async def _rows(self, query: str, recording: Recording) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as session:
            found = await session.execute(text(query), {"id": recording.payment_id})
            return [tuple(row) for row in found]


@pytest_asyncio.fixture(loop_scope="module")
async def books(bare_books: Database, monkeypatch: pytest.MonkeyPatch) -> Books:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        unit = await add_body(session, body.agency_id)
        account = await add_account(
            *(session, body.agency_id),
            virtual_prefix=new_id("v")[-5:].upper(),
            settlement_words=["PAYGOV CHUYEN"],
            opened_on=date(2026, 11, 1),
        )
        gateway = {
            "id": new_id("gwacct"),
            "agency_id": body.agency_id,
            "gateway": "paygov",
            "account": account,
            "base_url": "http://127.0.0.1:1",
            "credentials": b"",
            "collection_account_id": account,
            "enabled": True,
            "created_at": AT,
        }
        await insert(session, "gateway_account", gateway)
    built = Books(bare_books, body, unit, account, str(gateway["id"]))

    async def emit(session: WriteSession, event: Event) -> None:
        assert isinstance(session, WriteSession)
        built.events.append(event)

    monkeypatch.setattr(credits, "emit", emit)
    return built


def entered(books: Books, recording: Recording, **changes: Any) -> dict[str, Any]:
    """The row of a bank's credit of now."""
    assert recording.payment_id is not None
    usual = {
        "id": recording.payment_id,
        "kind": "credit",
        "agency_id": books.body.agency_id,
        "gateway": "bank",
        "collection_account_id": books.account_id,
        "status": "succeeded",
        "amount": 5000,
        "credited": 5000,
        "gateway_ref": "FT26001",
        "created_at": AT,
        "paid_at": AT,
        "accounting_on": ON,
        "asked": 0,
    }
    return usual | changes


async def test_money_for_a_bill_settles_it_and_is_the_bills_bodys(books: Books) -> None:
    bill, reference = await books.bill()
    told = {"feed_ref": new_id("n"), "bank_ref": "FT26001"}
    recording = await books.tell(f"nop {reference}", **told)
    assert recording == Recording(
        *(CallbackResult.ACCEPTED, recording.payment_id, bill),
        *(Distribution(allocated=5000), True),
    )
    key = f"bank:{books.account_id}:feed:{told['feed_ref']}:5000"
    assert await books.payment(recording) == entered(
        *(books, recording),
        agency_id=books.unit.agency_id,
        bill_id=bill,
        reference=reference,
        settlement_key=key,
    )
    assert await books.places(recording) == [("allocated", bill, 5000)]
    assert await books.posted(recording) == {"receivable": 5000, "revenue": -5000}
    assert await books.words(recording) == {"narrative": f"nop {reference}"}
    assert await books.notices(recording) == [("feed", reference)]
    assert recording.payment_id is not None
    assert await audited(books.database, recording.payment_id) == [
        (
            "payment.succeeded",
            "test:who",
            {"amount": 5000, "gateway": "bank", "accounting_on": "2026-11-30"},
        )
    ]
    assert books.events == []


async def test_money_of_several_bills_is_in_each_and_of_none_alone(books: Books) -> None:
    first, second = await books.bill(3000), await books.bill(2000)
    recording = await books.tell(f"{first[1]} {second[1]}")
    assert recording == Recording(CallbackResult.ACCEPTED, recording.payment_id, new=True)
    row = await books.payment(recording)
    assert row["agency_id"] == books.unit.agency_id
    assert await books.places(recording) == [
        ("allocated", first[0], 3000),
        ("allocated", second[0], 2000),
    ]
    short = await books.tell(f"{first[1]} {second[1]}", amount=4999)
    assert await books.places(short) == [("several_references", None, 4999)]


@pytest.mark.parametrize(
    ("kind", "reason", "event"),
    [
        ("stall", Reason.STALL_CREDIT, StallCreditWaits),
        ("handover", Reason.COLLECTOR_DEPOSIT, CollectorDepositWaits),
        ("refund", Reason.REFUND_RETURNED, None),
    ],
)
async def test_money_that_waits_for_what_is_known_is_told_of_unless_it_is_in_doubt(
    books: Books, kind: str, reason: Reason, event: type[Event] | None
) -> None:
    reference = await books.of_kind(kind)
    agency = books.body.agency_id if kind == "refund" else books.unit.agency_id
    recording = await books.tell(reference)
    where = suspend(5000, reason)
    accepted = CallbackResult.ACCEPTED
    assert recording == Recording(accepted, recording.payment_id, None, where, True)
    assert (await books.payment(recording))["agency_id"] == agency
    assert await books.places(recording) == [(reason, None, 5000)]
    made: Any = event
    assert books.events == ([made(recording.payment_id, agency, 5000)] if event else [])
    books.events.clear()
    doubtful = await books.tell(reference, source=STATEMENT)
    where = suspend(5000, Reason.STATEMENT_ONLY)
    mismatch = CallbackResult.MISMATCH
    assert doubtful == Recording(mismatch, doubtful.payment_id, None, where, True)
    assert books.events == []


async def test_money_of_which_nothing_is_known_waits_and_keeps_no_words_where_there_are_none(
    books: Books,
) -> None:
    recording = await books.tell("")
    where = suspend(5000, Reason.NO_REFERENCE)
    assert recording == Recording(CallbackResult.ACCEPTED, recording.payment_id, None, where, True)
    row = await books.payment(recording)
    assert row["agency_id"] == books.body.agency_id
    assert row.keys().isdisjoint({"bill_id", "doubt", "reference"})
    assert await books.words(recording) == {}
    assert await books.notices(recording) == [("feed", "")]
    _, reference = await books.bill()
    async with books.database.reading() as session:
        prefix = (await get_collection_account(session, books.account_id)).virtual_prefix
    number = f"{prefix}123"
    astray = await books.tell(reference, virtual_account=number)
    assert await books.places(astray) == [("unknown_reference", None, 5000)]
    assert await books.words(astray) == {"narrative": f"{reference} {number}", "astray": number}


async def test_a_posters_money_opens_and_settles_a_bill(books: Books) -> None:
    async with books.database.transaction() as session:
        poster = await static_reference(session, books.unit.agency_id, FEE)
    recording = await books.tell(poster, amount=PRICE)
    bill = recording.bill_id
    assert bill is not None
    assert recording.distribution == Distribution(allocated=PRICE)
    assert await books.places(recording) == [("allocated", bill, PRICE)]
    row = await books.payment(recording)
    assert (row["bill_id"], row["agency_id"]) == (bill, books.unit.agency_id)
    odd = await books.tell(poster, amount=PRICE + 1)
    assert odd.bill_id is None
    assert await books.places(odd) == [("static_amount", None, PRICE + 1)]


@pytest.mark.parametrize("source", ["feed", STATEMENT])
async def test_what_is_misspelt_beside_a_bill_is_looked_at_where_a_feed_tells_it(
    books: Books, source: str
) -> None:
    (bill, reference), (_, other) = [await books.bill(amount) for amount in (3000, 2000)]
    wrong = other[:6] + ("A" if other[6] != "A" else "B") + other[7:]
    assert near_references(wrong) == [other]
    recording = await books.tell(f"{reference} {wrong}", source=source)
    # A statement's lines are looked at together.
    reason, of = ("several_references", None), ("statement_only", bill)
    assert await books.places(recording) == [(*(of if source == STATEMENT else reason), 5000)]


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"source": STATEMENT}, Reason.STATEMENT_ONLY),
        ({"signed": False}, Reason.UNSIGNED_NOTICE),
        ({"source": STATEMENT, "signed": False}, Reason.UNSIGNED_NOTICE),
        ({"narrative": "PayGov chuyển {}"}, Reason.GATEWAY_SETTLEMENT),
        ({"narrative": "PayGov chuyển {}", "source": STATEMENT}, Reason.GATEWAY_SETTLEMENT),
        ({"credited_at": AT + timedelta(days=3)}, Reason.DATED_AHEAD),
        ({"credited_at": AT - timedelta(days=40), "source": STATEMENT}, Reason.DATED_BEFORE),
    ],
)
async def test_money_in_doubt_waits_whole_for_its_bill(
    books: Books, said: dict[str, Any], doubt: Reason
) -> None:
    bill, reference = await books.bill()
    words = str(said.get("narrative", "{}")).format(reference)
    recording = await books.tell(**(said | {"narrative": words}))
    where = suspend(5000, doubt)
    mismatch = CallbackResult.MISMATCH
    assert recording == Recording(mismatch, recording.payment_id, bill, where, True)
    assert await books.places(recording) == [(doubt, bill, 5000)]
    row = await books.payment(recording)
    assert (row["doubt"], row["paid_at"], row["accounting_on"]) == (doubt, AT, ON)
    dated = said.get("credited_at")
    noted = {"amount": 5000, "dated": dated.isoformat()} if dated else {}
    assert await books.noted(recording) == (
        [(f"payment.{doubt}", "test:who", noted)] if dated else []
    )


@pytest.mark.parametrize(
    "odd", [{}, {"narrative": "PayGov chuyển"}, {"credited_at": AT + timedelta(days=3)}]
)
async def test_what_contradicts_known_money_is_noted_there_whatever_else_is_odd(
    books: Books, odd: dict[str, Any]
) -> None:
    bill, reference = await books.bill()
    first = await books.tell(reference, bank_ref="FT26002")
    usual: dict[str, Any] = {"source": "b", "bank_ref": "FT26002", "amount": 7000}
    second = await books.tell(**(usual | odd))
    where = suspend(7000, Reason.CONFLICTING_NOTICE)
    mismatch = CallbackResult.MISMATCH
    assert second == Recording(mismatch, second.payment_id, None, where, True)
    told = {"amount": 7000, "credited": 5000, "recorded_as": second.payment_id}
    assert await books.noted(first) == [("payment.conflicting_notice", "test:who", told)]
    assert first.bill_id == bill


async def test_the_same_money_is_known_again_and_its_notice_kept(books: Books) -> None:
    bill, reference = await books.bill()
    first = await books.tell(reference, bank_ref="FT26003")
    again = await books.tell(reference, source="b", bank_ref="FT26003")
    assert again == Recording(CallbackResult.ACCEPTED, first.payment_id, bill)
    assert await books.notices(first) == [("b", reference), ("feed", reference)]
    assert await books.places(first) == [("allocated", bill, 5000)]


@pytest.mark.parametrize(
    ("first", "second", "is_released"),
    [
        ({"source": STATEMENT}, {}, True),
        ({"source": STATEMENT}, {"signed": False}, False),
        ({"source": STATEMENT}, {"credited_at": AT + timedelta(days=3)}, False),
        ({"source": STATEMENT, "feed_ref": "own"}, {"source": STATEMENT, "feed_ref": "own"}, False),
        ({"signed": False}, {"source": STATEMENT}, True),
        ({"signed": False}, {"source": "b"}, True),
        ({"signed": False}, {"source": "b", "narrative": ""}, False),
        ({"signed": False}, {"source": "b", "signed": False}, False),
        ({"narrative": "PayGov chuyển {}"}, {"source": "b"}, False),
        ({"source": STATEMENT}, {"virtual_account": "{}123"}, False),
    ],
)
async def test_a_second_source_lets_money_go_that_one_alone_had_told_of(
    books: Books, first: dict[str, Any], second: dict[str, Any], is_released: bool
) -> None:
    bill, reference = await books.bill()
    async with books.database.reading() as session:
        prefix = (await get_collection_account(session, books.account_id)).virtual_prefix
    usual = {"narrative": "{}", "bank_ref": "FT26004", "feed_ref": new_id("n")}
    tellings = []
    for number, told in enumerate((first, second)):
        said = usual | {"feed_ref": new_id("n")} | told
        said["narrative"] = str(said["narrative"]).format(reference)
        if said["feed_ref"] == "own":
            said["feed_ref"] = usual["feed_ref"]
        if "virtual_account" in said:
            said["virtual_account"] = str(said["virtual_account"]).format(prefix)
        tellings.append(await books.tell(**said))
        assert tellings[number].new == (number == 0)
    assert tellings[1] == Recording(CallbackResult.ACCEPTED, tellings[0].payment_id, bill)
    (place,) = await books.places(tellings[0])
    assert (place[0] == "allocated") == is_released


async def test_who_tells_of_money_holds_its_notice(books: Books) -> None:
    async with books.database.transaction() as session:
        account = await get_collection_account(session, books.account_id)
        told = Credit("n1", "NONREF", "", 5000, "", AT)
        await record_credit(session, account, told, source="x", actor="test", cipher=CIPHER)
        names = ("notice:x:n1", f"notice:{books.account_id}:{ON}:5000")
        whole = notices_of(books.account_id)
        held = await names_held(session, *names, whole)
        assert {name: held.get(name) for name in (*names, whole)} == {
            **dict.fromkeys(names, "alone"),
            whole: "shared",
        }


async def test_a_gateways_charge_of_no_order_is_a_credit_at_the_gateway(books: Books) -> None:
    recording = await books.charge(gateway_ref="T1", paid_at=AT - timedelta(days=2))
    where = suspend(5000, Reason.UNKNOWN_REFERENCE)
    unknown = CallbackResult.UNKNOWN_ORDER
    assert recording == Recording(unknown, recording.payment_id, None, where, True)
    assert await books.payment(recording) == entered(
        *(books, recording),
        gateway="paygov",
        gateway_ref="T1",
        settlement_key=f"{books.gateway}:T1",
        paid_at=AT - timedelta(days=2),
        accounting_on=ON - timedelta(days=2),
    )
    assert await books.words(recording) == {}
    assert await books.notices(recording) == []
    now = await books.charge(paid_at=None)
    assert (await books.payment(now))["paid_at"] == AT
    assert await books.posted(now) == {"in_transit": 5000, "suspense": -5000}


async def test_a_gateways_charge_that_names_a_bill_pays_it(books: Books) -> None:
    bill, reference = await books.bill()
    recording = await books.charge(bill, reference=reference)
    accepted, where = CallbackResult.ACCEPTED, Distribution(allocated=5000)
    assert recording == Recording(accepted, recording.payment_id, bill, where, True)
    row = await books.payment(recording)
    assert (row["bill_id"], row["reference"]) == (bill, reference)
    assert row["agency_id"] == books.unit.agency_id
    assert await books.posted(recording) == {"in_transit": 5000, "revenue": -5000}


async def test_a_gateways_charge_that_is_held_names_its_bill_by_reference_alone(
    books: Books,
) -> None:
    bill, reference = await books.bill()
    held = Reason.HELD_BY_GATEWAY
    recording = await books.charge(bill, reference=reference, held=held)
    where = suspend(5000, held)
    mismatch = CallbackResult.MISMATCH
    assert recording == Recording(mismatch, recording.payment_id, None, where, True)
    row = await books.payment(recording)
    assert ("bill_id" in row, row["reference"]) == (False, reference)


async def test_a_gateways_charge_dated_wrongly_waits(books: Books) -> None:
    dated = AT + timedelta(days=3)
    recording = await books.charge(paid_at=dated)
    assert await books.places(recording) == [("dated_ahead", None, 5000)]
    told = {"amount": 5000, "dated": dated.isoformat()}
    assert await books.noted(recording) == [("payment.dated_ahead", "test:who", told)]


async def test_a_charge_told_of_again_is_known_and_another_amount_is_another_credit(
    books: Books,
) -> None:
    bill, _ = await books.bill()
    first = await books.charge(bill, gateway_ref="T2")
    known = Recording(CallbackResult.ACCEPTED, first.payment_id, bill)
    assert await books.charge(gateway_ref="T2") == known
    other = await books.charge(gateway_ref="T2", amount=7000)
    where = suspend(7000, Reason.CONFLICTING_NOTICE)
    mismatch, unknown = CallbackResult.MISMATCH, CallbackResult.UNKNOWN_ORDER
    assert other == Recording(unknown, other.payment_id, None, where, True)
    assert await books.charge(gateway_ref="T2", amount=7000) == Recording(
        mismatch, other.payment_id, None
    )
    row = await books.payment(other)
    assert row["settlement_key"] == f"7000:{books.gateway}:T2"
    told = {"amount": 7000, "credited": 5000, "recorded_as": other.payment_id}
    notes = await books.noted(first)
    assert notes == [("payment.conflicting_notice", "test:who", told)]


async def test_a_charge_without_its_amount_is_refused_and_one_without_a_number_has_none(
    books: Books,
) -> None:
    """Adapters tell both; the database refuses what would be no money."""
    with pytest.raises(IntegrityError):
        await books.charge(amount=None)
    recording = await books.charge(gateway_ref=None)
    row = await books.payment(recording)
    assert (row["gateway_ref"], row["settlement_key"]) == ("", f"{books.gateway}:")


async def test_who_records_a_charge_holds_its_name(books: Books) -> None:
    held: dict[str, str] = {}
    enter = credits._credit

    async def look(session: WriteSession, *told: Any, **by: Any) -> Recording:
        held.update(await names_held(session, f"{books.gateway}:T3"))
        return await enter(session, *told, **by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credits, "_credit", look)
        recording = await books.charge(gateway_ref="T3")
    assert replace(recording, payment_id=None).new
    assert held == {f"{books.gateway}:T3": "alone"}
