"""Money sent to a virtual account: the number says which bill it is for, and of no two bills one.

The account's bank gives out a virtual account for every number that begins with `PREFIX`.
"""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from adapters.bank_qr.emv import decode
from app.seed.agency import DEMO_ACCOUNT
from app.web.staff.approval_facts import facts_of
from core import clock
from core.errors import Invalid
from core.references import new_reference
from payments.administration import bodies
from payments.administration.deeds import Deed
from payments.agencies.accounts import set_virtual_prefix
from payments.agencies.changes import CodeTaken
from payments.agencies.commands import NewAccount, create_account
from payments.agencies.models import CollectionAccount
from payments.agencies.queries import find_collection_account
from payments.bills.queries import read_payer
from payments.bills.static_references import static_reference
from payments.books.approvals import Subject
from payments.books.credits import record_credit
from payments.ports import Credit
from tests.support.places import Kept, looking
from tests.support.staff import finance_office
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "SB12"


async def prefixed(system: System, prefix: str | None, *, digits: bool = False) -> None:
    """Payers are sent to numbers under this prefix from now on, as our bank and we have agreed."""
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        await set_virtual_prefix(session, account.id, prefix, digits=digits, actor="test")
    system.parts.payments.agencies.forget()
    there = system.sandbox.store.accounts[DEMO_ACCOUNT]
    system.sandbox.store.accounts[DEMO_ACCOUNT] = replace(there, virtual_prefix=prefix or "")


@pytest_asyncio.fixture(loop_scope="module")
async def system(shared_system: System) -> AsyncIterator[System]:
    await prefixed(shared_system, PREFIX)
    yield shared_system
    await prefixed(shared_system, None)


async def send(
    system: System, to: str, amount: int, words: str = "", ref: str | None = None
) -> None:
    """A payer sends money to a number, and the feed tells of it."""
    system.sandbox.bank.transfer(to, amount, words, reference_code=ref)
    await system.told()


async def test_a_payer_who_writes_nothing_has_paid_the_bill_of_the_number(system: System) -> None:
    bill = await system.create_bill()
    number = f"{PREFIX}{bill['reference']}"
    assert decode(bill["qr"]["payload"]).account == number
    page = (await system.browser.get(f"/b/{bill['reference']}")).text
    assert number in page
    assert DEMO_ACCOUNT not in page
    async with looking(system) as seen:
        await send(system, number, bill["amount"])
    ledger = {"receivable": bill["amount"], "revenue": -bill["amount"]}
    assert seen == [Kept([(bill["amount"], True)], [bill["amount"]], [], ledger)]
    assert (await system.read(bill))["status"] == "paid"


async def test_the_banks_page_pays_what_the_code_says(system: System) -> None:
    """The sandbox's bank reads our code with a reader of its own."""
    bill = await system.create_bill()
    answer = await system.transfer(bill["qr"]["payload"], bill["amount"], "nop phi")
    assert answer.status_code == 200, answer.text
    await system.told()
    assert (await system.read(bill))["status"] == "paid"


@pytest.mark.parametrize("words", ["", "nop phi", "{reference}"])
async def test_money_to_a_number_that_is_nobodys_waits_for_people_whatever_the_words_say(
    system: System, words: str
) -> None:
    bill = await system.create_bill()
    said = words.format(reference=bill["reference"])
    number = ""
    for number in (f"{PREFIX}{new_reference()}", f"{PREFIX}7", f"{PREFIX}{bill['reference'][:-1]}"):
        async with looking(system) as seen:
            await send(system, number, bill["amount"], said)
        waits = [("suspense", "unknown_reference", bill["amount"])]
        assert (seen[0].allocated, seen[0].waiting) == ([], waits)
    assert (await system.read(bill))["status"] == "open"
    # People are shown where it was sent.
    item = (await (await finance_office(system)).suspense(reason="unknown_reference"))[-1]
    async with system.parts.database.reading() as session:
        kept = await read_payer(session, system.parts.cipher, item["payment"])
    assert kept["narrative"] == f"{said} {number}".strip()


async def test_at_a_bank_of_digits_alone_the_number_says_which_bill_it_is_for(
    system: System,
) -> None:
    await prefixed(system, "963", digits=True)
    bill, other = await system.create_bill(), await system.create_bill()
    number, others = (decode(one["qr"]["payload"]).account or "" for one in (bill, other))
    assert number.startswith("963")
    assert number.isdecimal()
    assert number in (await system.browser.get(f"/b/{bill['reference']}")).text
    async with looking(system) as seen:
        await send(system, number, bill["amount"])
        await send(system, f"963{0:016d}", 1000, other["reference"])
        await send(system, others, other["amount"], (await system.create_bill())["reference"])
    assert seen[0].allocated == [bill["amount"]]
    assert seen[0].waiting == [
        ("suspense", "unknown_reference", 1000),
        ("suspense", "several_references", other["amount"]),
    ]
    assert [(await system.read(one))["status"] for one in (bill, other)] == ["paid", "open"]


async def test_digits_follow_a_short_prefix_of_digits_or_nothing_is_said(system: System) -> None:
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        for prefix in ("SB1", "9630", ""):
            with pytest.raises(Invalid):
                await set_virtual_prefix(session, account.id, prefix, digits=True, actor="test")
        async with session.rehearsal():
            # The database has the last word.
            wrong = update(CollectionAccount).where(col(CollectionAccount.id) == account.id)
            with pytest.raises(IntegrityError, match="virtual_digits"):
                await session.write(wrong.values(virtual_digits=True))


@pytest.mark.parametrize("first", ["feed", "statement"])
async def test_money_to_a_number_that_is_nobodys_is_one_credit_whoever_tells_of_it_without_it(
    system: System, first: str
) -> None:
    """The feed has no name of the bank's for it; the statement has one, and the payer's words."""
    bill = await system.create_bill()
    number, words = f"{PREFIX}{new_reference()}", f"nop phi {bill['reference']}"
    async with looking(system) as seen:
        if first == "feed":
            await send(system, number, bill["amount"], words, ref="")
        await take_statement(system, f"{bill['amount']}|credit|{words}|FT26331008{len(first)}")
        await reconcile(system)
        if first == "statement":
            await send(system, number, bill["amount"], words, ref="")
    reason = "unknown_reference" if first == "feed" else "statement_only"
    # What only a statement told of is its bill's by its words, until people look.
    assert seen[0].payments == [(bill["amount"], first == "statement")]
    assert seen[0].waiting == [("suspense", reason, bill["amount"])]
    # Nor does a feed vouch for it that tells of another number.
    assert (await system.read(bill))["status"] == "open"


async def test_a_doubt_that_is_settled_does_not_lead_it_to_the_bill_of_its_words(
    system: System,
) -> None:
    """That a transfer is money of its own says nothing of the number that it was sent to."""
    bill = await system.create_bill()
    number, words = f"{PREFIX}{new_reference()}", bill["reference"]
    office = await finance_office(system)
    async with looking(system) as seen:
        for amount in (1000, bill["amount"]):
            await send(system, number, amount, words, ref="FT26331009")
        (item,) = await office.suspense(reason="conflicting_notice")
        await office.approve(await office.propose(item["id"], "other_money"))
    waits = [("suspense", "unknown_reference", amount) for amount in (1000, bill["amount"])]
    assert (seen[0].allocated, sorted(seen[0].waiting)) == ([], sorted(waits))
    assert (await system.read(bill))["status"] == "open"


@pytest.mark.parametrize(("to", "status"), [("nobody", "open"), ("the account", "paid")])
async def test_a_second_source_does_not_lead_it_to_the_bill_of_its_words(
    system: System, to: str, status: str
) -> None:
    """Told of first without a signature; the control is money to the account itself."""
    bill = await system.create_bill()
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        hint = Credit(
            feed_ref=f"hint {to}",
            bank_ref=f"FT2633101{len(to)}",
            account_number=DEMO_ACCOUNT,
            amount=bill["amount"],
            narrative=bill["reference"],
            credited_at=clock.now(),
            virtual_account=f"{PREFIX}{new_reference()}" if to == "nobody" else DEMO_ACCOUNT,
            signed=False,
        )
        told = replace(hint, feed_ref=f"feed {to}", virtual_account="", signed=True)
        for source, credit in (("gwacc_hints", hint), ("gwacc_feed", told)):
            await record_credit(
                session,
                account,
                credit,
                source=source,
                actor="test",
                cipher=system.parts.cipher,
            )
    assert (await system.read(bill))["status"] == status
    assert await system.broken() == []


async def test_money_to_a_number_that_is_nobodys_is_not_another_payers_of_the_same_bill(
    system: System,
) -> None:
    """The control: one source tells each money once, and another amount is other money."""
    bill = await system.create_bill()
    number, words = f"{PREFIX}{new_reference()}", bill["reference"]
    async with looking(system) as seen:
        await send(system, number, bill["amount"], words, ref="")
        await send(system, DEMO_ACCOUNT, bill["amount"], words, ref="")
    assert len(seen[0].payments) == 2
    assert seen[0].waiting == [("suspense", "unknown_reference", bill["amount"])]
    assert (await system.read(bill))["status"] == "paid"


async def test_without_a_prefix_the_number_says_nothing_and_the_words_decide(
    shared_system: System,
) -> None:
    """The control: a bank's number for a counter, or a code that a feed found in the words."""
    system = shared_system
    bill = await system.create_bill()
    assert decode(bill["qr"]["payload"]).account == DEMO_ACCOUNT
    there = system.sandbox.store.accounts[DEMO_ACCOUNT]
    system.sandbox.store.accounts[DEMO_ACCOUNT] = replace(there, virtual_prefix=PREFIX)
    async with looking(system) as seen:
        await send(system, f"{PREFIX}7", 1000)
        await send(system, f"{PREFIX}7", bill["amount"], bill["reference"])
    system.sandbox.store.accounts[DEMO_ACCOUNT] = there
    assert seen[0].waiting == [("suspense", "no_reference", 1000)]
    assert (await system.read(bill))["status"] == "paid"


async def test_a_number_is_one_bills_for_ever(system: System) -> None:
    """Paid twice it goes back; under another prefix the old number still names its bill alone."""
    bill, other = await system.create_bill(), await system.create_bill()
    number = f"{PREFIX}{bill['reference']}"
    await send(system, number, bill["amount"])
    async with looking(system) as seen:
        await send(system, number, bill["amount"])
    assert (seen[0].allocated, len(seen[0].waiting)) == ([], 1)
    assert seen[0].waiting[0][0] == "refundable"
    await prefixed(system, "NEW")
    old = f"{PREFIX}{other['reference']}"
    there = system.sandbox.store.accounts[DEMO_ACCOUNT]
    system.sandbox.store.accounts[DEMO_ACCOUNT] = replace(there, virtual_prefix=PREFIX)
    await send(system, old, other["amount"])
    assert (await system.read(other))["status"] == "paid"


async def test_a_poster_shows_a_number_of_its_own_that_opens_and_settles_a_bill(
    system: System,
) -> None:
    async with system.parts.database.transaction() as session:
        reference = await static_reference(session, system.body.agency_id, "chung-thuc-chu-ky")
    number = f"{PREFIX}{reference}"
    page = (await system.browser.get("/p/ubnd-ben-mau/2.000884")).text
    assert number in page
    assert DEMO_ACCOUNT not in page
    async with looking(system) as seen:
        await send(system, number, 10_000)
        await send(system, number, 9_000)
    assert (seen[0].allocated, seen[0].waiting) == (
        [10_000],
        [("suspense", "static_amount", 9_000)],
    )


async def test_words_that_name_another_bill_than_the_number_are_for_people(system: System) -> None:
    bill, other = await system.create_bill(), await system.create_bill()
    async with looking(system) as seen:
        await send(system, f"{PREFIX}{bill['reference']}", bill["amount"], other["reference"])
    assert seen[0].waiting == [("suspense", "several_references", bill["amount"])]
    assert [(await system.read(one))["status"] for one in (bill, other)] == ["open", "open"]


@pytest.mark.parametrize("first", ["feed", "statement"])
async def test_money_whose_number_and_words_name_two_bills_pays_none_twice(
    system: System, first: str
) -> None:
    """The statement has the words alone, and a reference of the bank's that the feed has not."""
    bill, other = await system.create_bill(), await system.create_bill()
    number, words = f"{PREFIX}{other['reference']}", f"nop phi {bill['reference']}"
    async with looking(system) as seen:
        if first == "feed":
            await send(system, number, bill["amount"], words, ref="")
        line = f"{bill['amount']}|credit|{words}|FT26331018{len(first)}"
        statement = await take_statement(system, line)
        await reconcile(system)
        if first == "statement":
            await send(system, number, bill["amount"], words, ref="")
            await release(system, statement)
        await reconcile(system)
    waits = ["several_references"] * (first == "feed")
    assert [reason for _, reason, _ in seen[0].waiting] == [*waits, "possible_duplicate"]
    # Only what stood on the statement alone went where two people let it go.
    assert seen[0].allocated == [bill["amount"]] * (first == "statement")
    assert (await system.read(other))["status"] == "open"
    # People say of the second that it is the first, and it is one credit.
    office = await finance_office(system)
    *before, item = await office.suspense(reason="possible_duplicate")
    await office.approve(await office.propose(item["id"], "same_money"))
    await reconcile(system)
    assert await office.suspense(reason="possible_duplicate") == before
    assert await system.broken() == []


async def test_a_statement_that_bears_the_number_tells_of_the_same_money(system: System) -> None:
    told, untold = await system.create_bill(), await system.create_bill()
    number, second = (f"{PREFIX}{one['reference']}" for one in (told, untold))
    await send(system, number, told["amount"], ref="")
    statement = await take_statement(
        system,
        f"{told['amount']}|credit|CK den TK {number}|",
        f"{untold['amount']}|credit|CK den TK {second}|FT2633100777",
    )
    async with looking(system) as seen:
        await reconcile(system)
        await release(system, statement)
    # The first is known, the second came on the statement alone.
    assert seen[0].payments == [(untold["amount"], True)]
    assert [(await system.read(one))["status"] for one in (told, untold)] == ["paid", "paid"]


@pytest.mark.parametrize(
    ("bank_bin", "theirs", "free"),
    [
        (None, PREFIX, False),
        (None, PREFIX[:2], False),
        (None, f"{PREFIX}9", False),
        (None, "SB13", True),
        ("970415", PREFIX, True),
    ],
)
async def test_no_two_accounts_of_a_bank_have_numbers_that_begin_alike(
    system: System, bank_bin: str | None, theirs: str, free: bool
) -> None:
    """Else a bill's payers would be sent to another body's account by a prefix typed wrongly."""
    async with system.parts.database.transaction() as session:
        ours = await find_collection_account(session, DEMO_ACCOUNT)
        assert ours is not None
        async with session.rehearsal():
            at = ours.bank_bin if bank_bin is None else bank_bin
            new = NewAccount(
                *(system.body.agency_id, "khac", "bank", at, "88990011", "KHAC"), unlisted_bank=True
            )
            other = await create_account(session, new, actor="test", confirmed=True)
            with nullcontext() if free else pytest.raises(CodeTaken):
                await set_virtual_prefix(session, other, theirs, actor="test")
            # What an account has itself is no other's.
            await set_virtual_prefix(session, ours.id, f"{PREFIX}X", actor="test")


def facts_about(deed: Deed, shown: Subject) -> list[tuple[str, object]]:
    """What the second person reads of the prefix."""
    facts = facts_of({**deed.wanted, **shown.figures})
    return [(one.within, one.value) for one in facts if one.label == "Đầu số tài khoản ảo"]


async def test_who_decides_that_there_is_no_prefix_any_more_reads_so(system: System) -> None:
    """Else the prefix of before stands there alone, as if it were asked for."""
    async with system.parts.database.transaction() as session:
        ours = await find_collection_account(session, DEMO_ACCOUNT)
        assert ours is not None
        deed = bodies.prefixed_account(ours.id, None)
        shown = await bodies.KINDS[deed.kind].look(session, system.parts.administration, deed)
    assert facts_about(deed, shown) == [("trước", PREFIX), ("sau", "không")]


async def test_an_account_stays_as_it_was_shown_until_a_prefix_is_decided(system: System) -> None:
    """Two approvals at once, each of which has seen the prefix before, are not both done."""
    async with system.parts.database.transaction() as session:
        ours = await find_collection_account(session, DEMO_ACCOUNT)
        assert ours is not None
        deed = bodies.prefixed_account(ours.id, "NEW")
        kind = bodies.KINDS[deed.kind]
        shown = await kind.look(session, system.parts.administration, deed)
        assert facts_about(deed, shown) == [("", "NEW"), ("trước", PREFIX), ("sau", "NEW")]
        which = select(CollectionAccount.id).where(col(CollectionAccount.id) == ours.id)
        async with system.parts.database.transaction() as another:
            assert await another.lock_all(which, skip_locked=True) == []


async def test_money_to_the_account_itself_is_its_own_though_its_number_begins_so(
    system: System,
) -> None:
    """A feed writes the account's own number with a blank; the words decide."""
    bill = await system.create_bill()
    await prefixed(system, DEMO_ACCOUNT[:5])
    own = f"{DEMO_ACCOUNT[:5]} {DEMO_ACCOUNT[5:]}"
    await send(system, own, bill["amount"], bill["reference"])
    assert (await system.read(bill))["status"] == "paid"
