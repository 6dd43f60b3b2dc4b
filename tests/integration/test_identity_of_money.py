"""The same money told of twice is one credit, and two moneys are never one.

A bank's reference names no money by itself: here it is a placeholder, written otherwise in another
version, used again, or shared by a batch.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import find_collection_account
from payments.bills.static_references import static_reference
from payments.books import credits, identity
from payments.books.credits import record_credit
from payments.books.identity import STATEMENT, Identity, KnownNotice, ToldNotice, judge
from payments.books.queries import list_waiting_money
from payments.ports import Credit
from tests.support.callbacks import credit
from tests.support.places import looking
from tests.support.plans import asked
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that break the books of their system.
alone = pytest.mark.asyncio(loop_scope="function")

PLACEHOLDERS = ("NONREF", "0", "-", "N/A", "000000000000", "", "9999999", "5.26E+15", "khong")


def number() -> str:
    """A bank's reference that nobody has used."""
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


def feed_number() -> int:
    """A number of the feed's that nobody has used."""
    return int(new_id("m")[-12:], 16)


async def a_poster(system: System) -> str:
    """The reference of a poster of 10,000 đ."""
    async with system.parts.database.transaction() as session:
        return await static_reference(session, system.body.agency_id, "chung-thuc-chu-ky")


async def tell(system: System, source: str, notice: str, **said: Any) -> None:
    """One source's notice of 5,000 đ, straight into the books."""
    told = Credit(
        feed_ref=notice,
        bank_ref=said.get("bank_ref", ""),
        account_number="",
        amount=said.get("amount", 5000),
        narrative=said.get("narrative", ""),
        credited_at=clock.now() + timedelta(days=said.get("days", 0)),
    )
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        await record_credit(
            session, account, told, source=source, actor="test", cipher=system.parts.cipher
        )


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
async def test_two_notices_under_a_placeholder_are_two_credits(
    shared_system: System, placeholder: str
) -> None:
    system = shared_system
    bills = [await system.create_bill() for _ in range(2)]
    for bill in bills:
        await credit(system, 5000, bill["reference"], bank_ref=placeholder)
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid", "paid"]
    assert await system.broken() == []


@pytest.mark.parametrize(
    "versions",
    [
        ("", "FT{}"),
        ("NONREF", "FT{}"),
        ("FT{}", "FT{}\\BNK"),
        ("FT{}", "ft{}"),
        ("{}", "00{}"),
        ("FT{}", "", "FT{} ", "FT{}\\BNK"),
    ],
)
async def test_every_version_of_a_notice_is_one_credit(
    shared_system: System, versions: tuple[str, ...]
) -> None:
    system, poster, own = shared_system, await a_poster(shared_system), number()[2:]
    feed_id = feed_number()
    async with looking(system) as seen:
        for version in versions:
            ref = version.format(own)
            await credit(system, 10_000, poster, bank_ref=ref, feed_id=feed_id)
    assert seen[0].payments == [(10_000, True)]
    assert (seen[0].allocated, seen[0].waiting) == ([10_000], [])


async def test_a_notice_of_before_labels_were_read_apart_is_known_with_its_label(
    shared_system: System,
) -> None:
    """What is stored is not rewritten: told of again by another source, it is still that money."""
    system, own, words = shared_system, number(), new_id("w")
    async with looking(system) as seen:
        await tell(system, "feed_a", new_id("n"), bank_ref=f"{own}/VCB", narrative=words)
        async with system.parts.database.transaction() as session:
            done = await session.execute(
                text("UPDATE credit_notice SET plain_ref = :old WHERE plain_ref = :new"),
                {"old": f"{own}VCB", "new": own},
            )
            assert done.rowcount == 1  # type: ignore[attr-defined]
        await tell(system, "feed_b", new_id("n"), bank_ref=f"{own}/VCB", narrative=words)
    assert seen[0].payments == [(5000, False)]


@pytest.mark.parametrize("first", ["feed", STATEMENT])
@pytest.mark.parametrize("written", ["{}", "{}\\BNK", "00{}", " {} "])
async def test_a_feed_and_a_statement_that_write_a_reference_otherwise_tell_of_one_credit(
    shared_system: System, first: str, written: str
) -> None:
    system, ref = shared_system, number()
    bill, again = await system.create_bill(), new_id("n")
    second = STATEMENT if first == "feed" else "feed"
    async with looking(system) as seen:
        await tell(system, first, new_id("n"), bank_ref=ref, narrative=bill["reference"])
        for _ in range(2):
            told = written.format(ref.lower())
            await tell(system, second, again, bank_ref=told, narrative=bill["reference"])
    assert seen[0].payments == [(5000, True)]


@alone
async def test_two_sources_are_paired_one_to_one_where_only_the_payers_reference_agrees(
    system: System,
) -> None:
    poster = await a_poster(system)
    async with looking(system) as seen:
        for source, refs in (("a", ["", "NONREF", ""]), ("b", [number(), "0"])):
            for place, ref in enumerate(refs):
                said = {"bank_ref": ref, "narrative": poster, "amount": 10_000}
                await tell(system, f"feed-{source}", f"{poster}{place}", **said)
    assert [amount for amount, _ in seen[0].payments] == [10_000] * 3
    assert (len(seen[0].allocated), seen[0].waiting) == (3, [])


async def test_a_batch_pays_each_bill_under_one_reference(shared_system: System) -> None:
    system, ref = shared_system, number()
    bills = [await system.create_bill() for _ in range(3)]
    for bill in bills:
        await credit(system, 5000, bill["reference"], bank_ref=ref)
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid"] * 3
    assert await system.broken() == []


@pytest.mark.parametrize("amount", [5000, 9000])
@pytest.mark.parametrize(("own", "second"), [("", "feed-2"), ("{}", "feed-2"), ("", STATEMENT)])
async def test_a_batch_of_one_source_is_the_credits_that_another_numbers_apart(
    shared_system: System, own: str, second: str, amount: int
) -> None:
    """The bank's reference names another payer's money alone: who paid is asked, and is known."""
    system, batch, single = shared_system, number(), own.format(number())
    other, bill = [(await system.create_bill())["reference"] for _ in range(2)]
    async with looking(system) as seen:
        await tell(system, "feed-1", new_id("n"), bank_ref=single, narrative=bill)
        told = {"bank_ref": batch, "narrative": other, "amount": amount}
        await tell(system, second, new_id("n"), **told)
        await tell(system, second, new_id("n"), bank_ref=batch, narrative=bill)
    assert sorted(one for one, _ in seen[0].payments) == sorted([5000, amount])
    assert await system.broken() == []


@pytest.mark.parametrize("second", ["feed-2", STATEMENT])
@pytest.mark.parametrize("order", ["both first", "one first"])
@pytest.mark.parametrize("ref", ["", "NONREF", "FT{}"])
async def test_money_told_of_in_part_of_its_words_is_spent_once_and_waits_for_people(
    shared_system: System, ref: str, order: str, second: str
) -> None:
    """One source tells the number that it was sent to, or words that another has cut."""
    system, bills = shared_system, [await shared_system.create_bill() for _ in range(2)]
    one, both = bills[0]["reference"], " ".join(bill["reference"] for bill in bills)
    told = [("feed-1", both, ""), (second, one, ref.format(number()[2:]))]
    async with looking(system) as seen:
        for source, words, name in told if order == "both first" else reversed(told):
            await tell(system, source, new_id("n"), narrative=words, bank_ref=name)
    # What came first stands as it was told: for people, on a statement alone, or paid.
    stands = {"both first": "several_references", "one first": "statement_only"}[order]
    paid = (order, second) == ("one first", "feed-2")
    waits = ["possible_duplicate"] if paid else [stands, "possible_duplicate"]
    assert seen[0].allocated == [5000] * paid
    assert seen[0].waiting == [("suspense", reason, 5000) for reason in waits]


async def test_money_told_of_in_part_of_its_words_is_known_by_all_of_them_first(
    shared_system: System,
) -> None:
    """The control: another's of the same bill, amount and day is paired with its own notice."""
    system, bills = shared_system, [await shared_system.create_bill() for _ in range(2)]
    one, both = bills[0]["reference"], " ".join(bill["reference"] for bill in bills)
    async with looking(system) as seen:
        for source in ("feed-1", "feed-2"):
            for words in (both, one):
                await tell(system, source, new_id("n"), narrative=words, amount=10_000)
    assert [amount for amount, _ in seen[0].payments] == [10_000] * 2
    assert seen[0].waiting == [("refundable", "bill_already_paid", 10_000)]


@pytest.mark.parametrize("other", [{"amount": 6000}, {"days": 1}, {"source": "feed-1"}])
async def test_money_of_some_of_its_references_is_other_money_where_more_differs(
    shared_system: System, other: dict[str, Any]
) -> None:
    """The control: another amount, another day, or the same source, which tells each money once."""
    system, bills = shared_system, [await shared_system.create_bill() for _ in range(3)]
    one, two, three = (bill["reference"] for bill in bills)
    said = {"source": "feed-2", "narrative": two} | other
    async with looking(system) as seen:
        await tell(system, "feed-1", new_id("n"), narrative=f"{one} {two}")
        await tell(system, notice=new_id("n"), **said)
        await tell(system, "feed-2", new_id("n"), narrative=three)
    assert seen[0].waiting[0] == ("suspense", "several_references", 5000)
    assert seen[0].allocated == [5000, 5000]


async def test_a_reference_that_starts_again_the_next_day_is_other_money(
    shared_system: System,
) -> None:
    system, ref = shared_system, number()
    bills = [await system.create_bill() for _ in range(2)]
    for days, bill in enumerate(bills):
        said = {"bank_ref": ref, "narrative": bill["reference"], "days": days}
        await tell(system, "feed-days", new_id("n"), **said)
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid", "paid"]
    assert await system.broken() == []


async def test_what_may_be_the_same_waits_and_is_counted(shared_system: System) -> None:
    system, ref = shared_system, number()
    bill = await system.create_bill()
    async with looking(system) as seen:
        for _ in range(2):
            await credit(system, 5000, bill["reference"], bank_ref=ref)
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("suspense", "possible_duplicate", 5000)]
    figures = (await system.metrics()).text
    assert 'lephi_alerts{kind="payment.possible_duplicate"}' in figures


@pytest.mark.parametrize("amount", [5000, 9000])
async def test_money_in_doubt_does_not_count_on_the_bills_page(
    shared_system: System, amount: int
) -> None:
    system, ref = shared_system, number()
    other, bill = [await system.create_bill() for _ in range(2)]
    words = f"{other['reference']} {bill['reference']}"
    await credit(system, 4000, words, bank_ref=ref)
    await credit(system, amount, bill["reference"], bank_ref=ref)
    page = await system.browser.get(f"/b/{bill['reference']}")
    assert page.status_code == 200
    assert f"/b/{bill['reference']}/qr." in page.text
    assert (await system.browser.get(f"/b/{bill['reference']}/qr.svg")).status_code == 200
    found = await system.read(bill)
    assert (found["status"], found["qr"] is not None) == ("open", True)
    await credit(system, 5000, bill["reference"])
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


def merge_by_the_banks_reference(patch: pytest.MonkeyPatch) -> None:
    """A bank's reference is believed to name money, whatever it is and whoever tells it."""

    async def broken(session: WriteSession, notice: ToldNotice) -> Identity:
        query = "SELECT payment_id FROM credit_notice WHERE bank_ref = :ref AND amount = :amount"
        told = {"ref": notice.bank_ref, "amount": notice.amount}
        known = (await session.execute(text(query), told)).first()
        if known is None:
            return Identity()
        row = (
            notice.source,
            "",
            notice.amount,
            "",
            "",
            known.payment_id,
            None,
            notice.amount,
            None,
        )
        return Identity(identity.KnownNotice(*row))

    patch.setattr(credits, "identify", broken)


def drop_what_is_merged(patch: pytest.MonkeyPatch) -> None:
    """Such a notice is not even kept."""
    merge_by_the_banks_reference(patch)
    keep = identity.keep_notice

    async def only_the_first(session: WriteSession, notice: ToldNotice, payment_id: str) -> None:
        first = "SELECT count(*) FROM credit_notice WHERE payment_id = :id"
        if not await session.scalar(text(first), {"id": payment_id}):
            await keep(session, notice, payment_id)

    patch.setattr(credits, "keep_notice", only_the_first)


def go_by_the_reference_as_written(patch: pytest.MonkeyPatch) -> None:
    """Versions and sources are told apart by every character."""

    async def broken(session: ReadSession, notice: ToldNotice) -> Identity:
        return Identity()

    patch.setattr(credits, "identify", broken)


Told = Callable[[System], Awaitable[None]]


async def nonref_twice(system: System) -> None:
    """Two bills' money under a placeholder."""
    for _ in range(2):
        bill = await system.create_bill()
        await credit(system, 5000, bill["reference"], bank_ref="NONREF")


async def by_two_sources(system: System) -> None:
    """One credit, told by a feed and by a statement."""
    bill, ref = await system.create_bill(), number()
    for source in ("feed", STATEMENT):
        await tell(system, source, new_id("n"), bank_ref=ref, narrative=bill["reference"])


async def twice_by_one_source(system: System) -> None:
    """One bill's money, told by one source under two numbers and one reference."""
    bill, ref = await system.create_bill(), number()
    for _ in range(2):
        await tell(system, "feed", new_id("n"), bank_ref=ref, narrative=bill["reference"])


@alone
@pytest.mark.parametrize(
    ("variant", "told", "rule"),
    [
        (merge_by_the_banks_reference, nonref_twice, "one source tells of each credit once"),
        (drop_what_is_merged, nonref_twice, "an applied callback has left its trace"),
        (go_by_the_reference_as_written, by_two_sources, "notices of several sources"),
        (go_by_the_reference_as_written, twice_by_one_source, "of amounts told of under one name"),
    ],
)
async def test_the_invariants_see_each_kind(
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    variant: Callable[[pytest.MonkeyPatch], None],
    told: Told,
    rule: str,
) -> None:
    await told(system)
    assert await system.broken() == []
    variant(monkeypatch)
    await told(system)
    assert any(line.startswith(rule) for line in await system.broken())


@alone
async def test_a_credit_without_its_notice_is_named(system: System) -> None:
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"])
    async with system.parts.database.transaction() as session:
        await session.execute(text("DELETE FROM credit_notice"))
    said = [line.partition(":")[0] for line in await system.broken()]
    assert "a bank's credit is the money of a notice, of its amount and on its account" in said


@alone
async def test_what_waits_is_listed_with_its_reason(system: System) -> None:
    ref, bill = number(), await system.create_bill()
    for _ in range(2):
        await credit(system, 5000, bill["reference"], bank_ref=ref)
    await credit(system, 7000, "chuyen tien", bank_ref=number())
    async with system.parts.database.reading() as session:
        waiting = await list_waiting_money(session)
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        assert await list_waiting_money(session, account.id) == waiting
        assert await list_waiting_money(session, "another") == []
    assert [(one.amount, one.reason, one.bill) for one in waiting] == [
        (5000, "possible_duplicate", bill["reference"]),
        (7000, "no_reference", None),
    ]
    assert (waiting[0].place, waiting[0].gateway_ref) == ("suspense", ref)


@alone
async def test_a_notice_is_held_against_few_of_a_busy_day(system: System) -> None:
    """Each way in which another may tell of its money has an index."""
    bill = await system.create_bill()
    await tell(system, "feed-1", new_id("n"), narrative=bill["reference"])
    many = """
        INSERT INTO credit_notice (source, notice_ref, amount, collection_account_id, booked_on,
          bank_ref, plain_ref, reference, payment_id, told_at)
        SELECT 'feed-1', 'n' || n, amount, collection_account_id, booked_on,
          'FT' || n, 'FT' || n, 'LPR' || n || CASE WHEN n % 500 = 0 THEN ' LPX' ELSE '' END,
          payment_id, told_at
        FROM credit_notice, generate_series(1, 5000) n"""
    async with system.parts.database.transaction() as session:
        await session.execute(text(many))
        await session.execute(text("ANALYZE credit_notice"))
    async with asked(system.parts.database) as statements:
        await tell(system, "feed-2", new_id("n"), narrative=bill["reference"], bank_ref=number())
    (judged,) = [one for one in statements if "string_to_array" in one[0]]
    async with system.parts.database.transaction() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(f"EXPLAIN {judged[0]}", judged[1])
        plan = "\n".join(row[0] for row in found)
    assert set(re.findall(r"\w+_credit_notice\w*", plan)) == {
        "pk_credit_notice",
        "ix_credit_notice_bank",
        "ix_credit_notice_payer",
        "ix_credit_notice_several",
    }, plan


async def test_money_that_stands_is_told_of_before_money_that_was_taken_back() -> None:
    gone = KnownNotice("a", "1", 5000, "", "LPX", "pay_1", None, 5000, "returned_by_bank")
    stands = replace(gone, notice_ref="2", payment_id="pay_2", doubt=None)
    told = ToldNotice("b", "9", "acc", date(2026, 11, 28), 5000, "", "LPX")
    assert judge(told, "", [gone, stands]) == Identity(stands)
    alone = judge(told, "", [gone])
    assert (alone.same, alone.doubt, alone.beside) == (None, "possible_duplicate", gone)
    named = [replace(one, plain_ref="FT26001") for one in (gone, stands)]
    assert judge(replace(told, bank_ref="FT26001"), "FT26001", named) == Identity(named[1])
