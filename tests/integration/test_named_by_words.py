"""What money is for by its words or its number, and which bills people may name for it."""

from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from app.seed.agency import DemoBody
from core.db import Database
from core.errors import Invalid
from core.references import near_references, new_reference
from payments.agencies.queries import CollectionAccountValue, get_collection_account
from payments.bills.queries import StaticReferenceValue
from payments.books.allocation import Reason
from payments.books.bills_to_pay import (
    BillTakesNothing,
    find_bill_ids,
    lock_bills_to_pay,
    named_in,
)
from payments.books.destination import (
    Destination,
    destination_of,
    find_left_out,
    joined,
)
from tests.support.bare_money import add_account, add_body, add_reference
from tests.support.bare_rows import add_bill, add_paid_bill
from tests.support.locks import rows_free

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class Town:
    """A body, a unit below it and a stranger, each with an account; and their references."""

    database: Database
    body: DemoBody
    unit: DemoBody
    stranger: DemoBody
    accounts: dict[str, CollectionAccountValue] = field(default_factory=dict)

    async def bill(self, body: DemoBody) -> tuple[str, str]:
        """A bill of a body: its id and its reference."""
        reference = new_reference()
        async with self.database.transaction() as session:
            bill = await add_bill(session, body, reference=reference)
            await add_reference(session, body.agency_id, "bill", reference)
        return bill, reference

    async def of_kind(self, kind: str, body: DemoBody, fee: str | None = None) -> str:
        async with self.database.transaction() as session:
            return await add_reference(session, body.agency_id, kind, new_reference(), fee)

    async def means(self, words: str, at: str = "body", number: str = "") -> Destination:
        async with self.database.reading() as session:
            return await destination_of(session, self.accounts[at], words, number)

    async def left_out(self, destination: Destination, words: str) -> tuple[str, ...]:
        async with self.database.reading() as session:
            return await find_left_out(session, destination, words)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(bare_books: Database) -> Town:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        unit = await add_body(session, body.agency_id)
        built = Town(bare_books, body, unit, await add_body(session))
        given_out = await add_account(session, body.agency_id, virtual_prefix="VA7")
        for name, account_id in (
            ("body", body.collection_account_id),
            ("unit", unit.collection_account_id),
            ("numbers", given_out),
        ):
            built.accounts[name] = await get_collection_account(session, account_id)
    return built


async def test_one_reference_says_what_money_is_for(town: Town) -> None:
    assert await town.means("tien gi day") == Destination(Reason.NO_REFERENCE)
    assert await town.means(new_reference()) == Destination(Reason.UNKNOWN_REFERENCE)
    for body in (town.body, town.unit):
        bill, reference = await town.bill(body)
        named = Destination(Reason.UNKNOWN_REFERENCE, bill, reference)
        assert await town.means(f"nop {reference} va {new_reference()}") == named
    for kind, reason in (
        ("refund", Reason.REFUND_RETURNED),
        ("stall", Reason.STALL_CREDIT),
        ("handover", Reason.COLLECTOR_DEPOSIT),
    ):
        reference = await town.of_kind(kind, town.unit)
        agency = None if kind == "refund" else town.unit.agency_id
        named = Destination(reason, reference=reference, agency_id=agency)
        assert await town.means(reference) == named, kind
    poster = await town.of_kind("procedure", town.unit, "phi-thu")
    static = StaticReferenceValue(poster, town.unit.agency_id, "phi-thu")
    assert await town.means(poster) == Destination(
        Reason.UNKNOWN_REFERENCE, reference=poster, static=static
    )


async def test_what_the_account_does_not_reach_is_anothers(town: Town) -> None:
    for body, at in ((town.stranger, "body"), (town.body, "unit")):
        _, reference = await town.bill(body)
        assert await town.means(reference, at) == Destination(
            Reason.OTHER_AGENCY, reference=reference
        )


async def test_several_references_are_for_bills_of_one_body_that_the_account_reaches(
    town: Town,
) -> None:
    def found(references: list[str], *bills: str) -> Destination:
        return Destination(Reason.SEVERAL_REFERENCES, reference=joined(references), several=bills)

    ours = [await town.bill(town.body) for _ in range(21)]
    references = [reference for _, reference in ours]
    two = await town.means(" ".join(references[:2]))
    assert replace(two, several=()) == found(references[:2])
    assert set(two.several) == {bill for bill, _ in ours[:2]}
    most = await town.means(" ".join(references[:20]))
    assert len(most.several) == 20
    assert await town.means(" ".join(references)) == found(references)
    below = [(await town.bill(town.unit))[1] for _ in range(2)]
    assert len((await town.means(" ".join(below))).several) == 2
    mixed = [references[0], below[0]]
    assert await town.means(" ".join(mixed)) == found(mixed)
    stall = [references[0], await town.of_kind("stall", town.body)]
    assert await town.means(" ".join(stall)) == found(stall)
    theirs = [(await town.bill(town.stranger))[1] for _ in range(2)]
    assert await town.means(" ".join(theirs)) == found(theirs)
    assert await town.means(" ".join(references[:2]), "unit") == found(references[:2])


async def test_the_number_that_money_was_sent_to_names_as_words_do(town: Town) -> None:
    bill, reference = await town.bill(town.body)
    named = Destination(Reason.UNKNOWN_REFERENCE, bill, reference)
    assert await town.means("", "numbers", f"VA7{reference}") == named
    assert await town.means(reference, "numbers", f"va7-{reference}") == named
    assert await town.means(reference, "numbers") == named
    other, another = await town.bill(town.body)
    both = await town.means(another, "numbers", f"VA7{reference}")
    assert (both.reason, set(both.several)) == (Reason.SEVERAL_REFERENCES, {bill, other})
    nobodys = Destination(Reason.UNKNOWN_REFERENCE, astray=True)
    assert await town.means("tien gi day", "numbers", "VA7123") == nobodys
    assert await town.means("", "numbers", f"VA7{new_reference()}") == nobodys
    told = replace(nobodys, reference=reference)
    assert await town.means(reference, "numbers", "VA7123") == told
    # A number that is not the bank's of this account says nothing.
    assert await town.means("tien gi day", "body", "VA7123") == Destination(Reason.NO_REFERENCE)
    assert await town.means(reference, "body", "VA7123") == named


def misspelt(reference: str) -> str:
    """A reference with one wrong character, which leads back to it alone."""
    wrong = reference[:6] + ("A" if reference[6] != "A" else "B") + reference[7:]
    assert near_references(wrong) == [reference]
    return wrong


async def test_what_words_misspell_beside_a_bill_is_another_bill_of_its_body(town: Town) -> None:
    bill, reference = await town.bill(town.body)
    own = Destination(Reason.UNKNOWN_REFERENCE, bill, reference)
    others = [await town.bill(town.body) for _ in range(2)]
    wrong = [misspelt(one) for _, one in others]
    assert await town.left_out(own, reference) == ()
    assert await town.left_out(own, f"{reference} {misspelt(reference)}") == ()
    assert await town.left_out(own, f"{reference} {wrong[0]}") == (others[0][0],)
    both = tuple(sorted(one for one, _ in others))
    assert await town.left_out(own, f"{reference} {wrong[1]} {wrong[0]}") == both
    _, theirs = await town.bill(town.stranger)
    stall = await town.of_kind("stall", town.body)
    for nothing in (theirs, stall):
        assert await town.left_out(own, f"{reference} {misspelt(nothing)}") == ()
    for_stall = Destination(Reason.STALL_CREDIT, reference=stall, agency_id=town.body.agency_id)
    assert await town.left_out(for_stall, f"{stall} {wrong[0]}") == ()


async def test_bills_are_named_by_one_reference_or_by_several() -> None:
    assert named_in({"bill": "LPA"}) == ["LPA"]
    assert named_in({"bills": ["LPA", "LPB"]}) == ["LPA", "LPB"]


async def test_what_is_no_bills_reference_has_no_id(town: Town) -> None:
    (first, one), (second, two) = [await town.bill(town.body) for _ in range(2)]
    await town.bill(town.body)
    async with town.database.reading() as session:
        found = await find_bill_ids(session, [two, one, new_reference()])
    assert found == {one: first, two: second}


async def test_bills_that_money_may_be_given_to_are_locked_and_no_others(town: Town) -> None:
    first, second, other = [await town.bill(town.unit) for _ in range(3)]
    async with town.database.transaction() as session:
        account = town.accounts["body"]
        bills = await lock_bills_to_pay(session, account, [second[1], first[1]])
        assert [bill.id for bill in bills] == [first[0], second[0]]
        every = [first[0], second[0], other[0]]
        assert await rows_free(town.database, "bill", every) == {other[0]}
        assert [one.id for one in await lock_bills_to_pay(session, account, [first[1]])] == [
            first[0]
        ]


async def test_bills_that_are_not_here_are_named_by_their_place(town: Town) -> None:
    _, here = await town.bill(town.body)
    _, theirs = await town.bill(town.stranger)
    async with town.database.transaction() as session:

        async def refused(at: str, *references: str) -> list[tuple[str, str]]:
            with pytest.raises(Invalid, match="Không có khoản phải nộp") as told:
                await lock_bills_to_pay(session, town.accounts[at], references)
            return [(one.field, one.code) for one in told.value.errors]

        assert await refused("body", theirs) == [("bill", "unknown")]
        assert await refused("unit", here) == [("bill", "unknown")]
        assert await refused("body", here, theirs, new_reference()) == [
            ("bills.1", "unknown"),
            ("bills.2", "unknown"),
        ]


async def test_bills_of_two_bodies_are_not_paid_together(town: Town) -> None:
    _, above = await town.bill(town.body)
    _, below = await town.bill(town.unit)
    async with town.database.transaction() as session:
        with pytest.raises(Invalid, match="của nhiều cơ quan") as told:
            await lock_bills_to_pay(session, town.accounts["body"], [above, below])
    assert [(one.field, one.code) for one in told.value.errors] == [("bills", "several_bodies")]


async def test_bills_that_take_nothing_are_named(town: Town) -> None:
    _, reference = await town.bill(town.body)
    async with town.database.transaction() as session:
        for closed in ("LPZ1", "LPZ2"):
            await add_paid_bill(session, town.body, reference=closed)
        late = new_reference()
        await add_bill(session, town.body, reference=late, status="expired")
        account = town.accounts["body"]
        with pytest.raises(BillTakesNothing, match="Khoản phải nộp này không còn") as told:
            await lock_bills_to_pay(session, account, ["LPZ1"])
        assert told.value.code == "bill_not_payable"
        with pytest.raises(BillTakesNothing, match="Khoản phải nộp LPZ1, LPZ2 không còn"):
            await lock_bills_to_pay(session, account, ["LPZ1", "LPZ2", reference])
        assert len(await lock_bills_to_pay(session, account, [late, reference])) == 2
