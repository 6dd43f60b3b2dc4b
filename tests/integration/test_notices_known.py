"""Which known notices are looked at for a told one, and which money it then is, case by case.

Money that a query forgets is entered twice; money that it takes for another's is entered never.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import clock
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.books import identity
from payments.books.allocation import Reason
from payments.books.identity import (
    STATEMENT,
    Identity,
    KnownNotice,
    ToldNotice,
    identify,
    judge,
    keep_notice,
    lock_notice,
    notices_of,
)
from payments.books.models import CreditNotice
from tests.support.bare_money import add_body, tell
from tests.support.bare_rows import add_bill, add_credit
from tests.support.locks import names_held

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = date(2026, 11, 27)
AT = datetime(2026, 11, 27, 3, tzinfo=UTC)
TOLD = ToldNotice("b", "9", "acc", DAY, 5000, "FT26001", "LPX")
KNOWN = KnownNotice("a", "1", 5000, "", "", "pay_1", None, 5000, None)


def known(number: int, **said: object) -> KnownNotice:
    """Another source's notice of 5,000 đ, of a payment of its own."""
    return replace(KNOWN, notice_ref=f"{number}", payment_id=f"pay_{number}", **said)  # type: ignore[arg-type]


def judged(*notices: KnownNotice, plain: str = "FT26001", **told: object) -> Identity:
    return judge(replace(TOLD, **told), plain, list(notices))  # type: ignore[arg-type]


def doubtful(reason: Reason, beside: KnownNotice) -> Identity:
    return Identity(None, reason, beside)


async def test_a_sources_own_number_is_its_notice_whatever_else_is_alike() -> None:
    own = [known(n, source="b", amount=4000 + 500 * n) for n in (1, 2)]
    first, second = (replace(one, notice_ref="9") for one in own)
    alike = known(3, plain_ref="FT26001", reference="LPX")
    assert judged(alike, first, second) == Identity(second)
    conflict = doubtful(Reason.CONFLICTING_NOTICE, first)
    assert judged(alike, first, second, amount=6000) == conflict


async def test_of_the_banks_reference_the_amount_says_whether_it_is_this_money() -> None:
    other, another = (known(n, plain_ref="FT26001", amount=n) for n in (7000, 8000))
    assert judged(other, another) == doubtful(Reason.CONFLICTING_NOTICE, other)
    this = known(1, plain_ref="FT26001")
    assert judged(other, this, another) == Identity(this)


async def test_what_its_source_has_told_of_is_other_money_or_doubtful() -> None:
    twice = known(1, plain_ref="FT26001")
    again = replace(twice, source="b", notice_ref="2")
    other = known(3, plain_ref="FT26001")
    # That it was told of is known by any notice of the source, whatever that says.
    silent = replace(again, plain_ref="", reference="LPY")
    assert judged(twice, silent, other) == Identity(other)
    assert judged(twice, silent) == doubtful(Reason.POSSIBLE_DUPLICATE, twice)
    by_payer = known(1, reference="LPX")
    assert judged(by_payer) == Identity(by_payer)
    assert judged(by_payer, replace(silent, payment_id="pay_1")) == Identity()


async def test_of_several_alike_the_standing_the_named_and_the_signed_come_first() -> None:
    best = known(4, plain_ref="FT26001", reference="LPX")
    hint = known(3, plain_ref="FT26001", reference="LPX", doubt="unsigned_notice")
    wider = known(2, plain_ref="FT26001", reference="LPW LPX")
    none = known(1, plain_ref="FT26001", reference="LPX", doubt="same_money")
    gone = replace(none, doubt="returned_by_bank")
    for last in (none, gone):
        assert judged(last, wider, hint, best) == Identity(best)
        assert judged(last, wider, hint) == Identity(hint)
        assert judged(last, wider) == Identity(wider)
        assert judged(last) == doubtful(Reason.POSSIBLE_DUPLICATE, last)
    told = [replace(one, source="b") for one in (none, wider, best)]
    assert judged(*told) == doubtful(Reason.POSSIBLE_DUPLICATE, told[2])


@pytest.mark.parametrize(
    ("before", "now", "is_one"),
    [
        ("", "", True),
        ("", "LPX", True),
        ("LPX", "", True),
        ("LPX", "LPX", True),
        ("LPX LPY", "LPX", True),
        ("LPY", "LPX", False),
        ("LPY LPZ", "LPX LPW", False),
    ],
)
async def test_one_reference_of_the_bank_for_two_purposes_is_two_moneys(
    before: str, now: str, is_one: bool
) -> None:
    alike = known(1, plain_ref="FT26001", reference=before)
    assert judged(alike, reference=now) == Identity(alike if is_one else None)


@pytest.mark.parametrize(
    ("source", "plain", "by", "their", "is_one"),
    [
        ("b", "FT26001", "a", "", True),
        ("b", "", "a", "FT26002", True),
        ("b", "FT26001", "a", "FT26002", True),
        ("b", "FT26001", STATEMENT, "", True),
        ("b", "", STATEMENT, "FT26002", True),
        ("b", "FT26001", STATEMENT, "FT26002", False),
        (STATEMENT, "FT26001", "a", "", True),
        (STATEMENT, "", "a", "FT26002", True),
        (STATEMENT, "FT26001", "a", "FT26002", False),
    ],
)
async def test_the_payers_reference_says_it_where_the_banks_says_nothing(
    source: str, plain: str, by: str, their: str, is_one: bool
) -> None:
    alike = known(1, source=by, plain_ref=their, reference="LPX")
    found = judged(alike, source=source, bank_ref=plain, plain=plain)
    assert found == Identity(alike if is_one else None)


async def test_money_that_was_taken_back_comes_last_by_the_payers_reference_too() -> None:
    gone = known(1, reference="LPX", doubt="same_money")
    stands = known(2, reference="LPX")
    assert judged(gone, stands) == Identity(stands)
    assert judged(gone) == doubtful(Reason.POSSIBLE_DUPLICATE, gone)
    assert judged() == Identity()


async def test_some_of_the_payers_references_say_that_it_may_be_the_same() -> None:
    wider, narrower, same = (
        known(n, reference=said) for n, said in enumerate(("LPW LPX", "LPX", "LPX LPY"), 1)
    )
    gone = replace(wider, payment_id="pay_9", doubt="returned_by_bank")
    for one in (wider, narrower):
        told = {"reference": "LPX LPY", "plain": "", "bank_ref": ""}
        assert judged(one, **told) == doubtful(Reason.POSSIBLE_DUPLICATE, one)
        assert judged(one, same, **told) == Identity(same)
        assert judged(gone, one, **told) == doubtful(Reason.POSSIBLE_DUPLICATE, one)
        # Whoever knows a password can hint of a payer's money, and must not hold it back.
        hint = replace(one, payment_id="pay_8", doubt=Reason.UNSIGNED_NOTICE)
        assert judged(hint, **told) == Identity()
        assert judged(hint, one, **told) == doubtful(Reason.POSSIBLE_DUPLICATE, one)
        # Its source has told of it: this is another one.
        own = replace(one, source="b", notice_ref="2")
        assert judged(one, own, **told) == Identity()
    # The bank's references tell them apart on a statement, and say that they are one anywhere.
    named = replace(wider, plain_ref="FT26002")
    assert judged(named) == doubtful(Reason.POSSIBLE_DUPLICATE, named)
    assert judged(named, source=STATEMENT) == Identity()
    assert judged(replace(wider, plain_ref="FT26001")) == Identity(
        replace(wider, plain_ref="FT26001")
    )


async def test_a_label_of_before_is_read_as_part_of_the_name() -> None:
    labelled = known(1, plain_ref="FT2600123VCB", reference="LPX", source=STATEMENT)
    told = {"bank_ref": "FT2600123/VCB", "plain": "FT2600123"}
    assert judged(labelled, **told) == Identity(labelled)
    # Written in wide characters it has no name of before, which is not the name of nothing.
    unnamed = known(2, reference="LPW")
    wide = {"bank_ref": "ＦＴ２６００１２３", "plain": "FT2600123"}
    assert judged(unnamed, reference="LPW", **wide) == Identity(unnamed)
    twin = known(3, amount=7000, reference="LPX")
    assert judged(twin, **wide) == Identity(twin)


async def _plant(session: WriteSession) -> tuple[ToldNotice, dict[str, str]]:
    """A told notice, and the notices that the books have, by what is peculiar to each; of each its
    payment."""
    body, other = await add_body(session), await add_body(session)
    told = replace(TOLD, source=new_id("b"), collection_account_id=body.collection_account_id)
    said: dict[str, dict[str, Any]] = {
        "own": {"source": told.source, "notice_ref": "9", "booked_on": date(2026, 1, 1)},
        "own, withdrawn": {"source": told.source, "notice_ref": "9", "withdrawn_at": AT},
        "another source's of its number": {"source": "a", "notice_ref": "9"},
        "another number of its source": {"source": told.source, "notice_ref": "8"},
        "the bank's reference": {"plain_ref": "FT26001", "booked_on": DAY, "amount": 7000},
        "withdrawn": {"plain_ref": "FT26001", "booked_on": DAY, "withdrawn_at": AT},
        "of the next day": {"plain_ref": "FT26001", "booked_on": DAY + timedelta(days=1)},
        "on another account": {
            "plain_ref": "FT26001",
            "booked_on": DAY,
            "collection_account_id": other.collection_account_id,
        },
        "another reference": {"plain_ref": "FT26002", "booked_on": DAY},
        "the payer's reference": {"reference": "LPX", "booked_on": DAY},
        "another amount of it": {"reference": "LPX", "booked_on": DAY, "amount": 6000},
        "another payer's": {"reference": "LPY", "booked_on": DAY},
        "the payer's beside another's": {"reference": "LPW LPX", "booked_on": DAY},
        "another amount of both": {"reference": "LPW LPX", "booked_on": DAY, "amount": 6000},
        "both on another day": {"reference": "LPW LPX"},
        "others' two": {"reference": "LPXX LPY", "booked_on": DAY},
        "nobody's": {"booked_on": DAY},
    }
    payments = {}
    for number, (name, changes) in enumerate(said.items()):
        values = {"source": f"a{number}", "notice_ref": new_id("n"), "booked_on": date(2026, 1, 2)}
        at = {"paid_at": AT - timedelta(minutes=number)}
        payments[name] = await add_credit(session, body, credited=number + 1, **at)
        changes = values | {"amount": 4000 if name == "own" else 5000} | changes
        ref = str(changes.pop("notice_ref"))
        await tell(session, body, payments[name], ref, **changes)
    return told, payments


async def test_what_is_looked_at_has_its_number_its_bank_reference_or_its_payers(
    bare_books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def look(_: ToldNotice, plain: str, found: list[KnownNotice]) -> Identity:
        looked_at[:] = [plain, *(one.payment_id for one in found)]
        return Identity()

    monkeypatch.setattr(identity, "judge", look)
    async with bare_books.transaction() as session:
        told, payments = await _plant(session)
        await identify(session, told)
        both, payers = "the payer's beside another's", "the payer's reference"
        wanted = [both, payers, "the bank's reference", "own"]
        assert looked_at == ["FT26001", *(payments[name] for name in wanted)]
        # Told of two, each of them alone and beside any other.
        two = replace(told, notice_ref="7", bank_ref="", reference="LPX LPY")
        await identify(session, two)
        wanted = ["others' two", both, "another payer's", payers]
        assert looked_at == ["", *(payments[name] for name in wanted)]
        silent = replace(told, notice_ref="7", bank_ref="", reference="")
        await identify(session, silent)
        assert looked_at == [""]


async def test_a_known_notice_is_told_with_its_payments_facts_in_the_order_of_money(
    bare_books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[KnownNotice] = []

    def look(_: ToldNotice, __: str, found: list[KnownNotice]) -> Identity:
        looked_at[:] = found
        return Identity()

    monkeypatch.setattr(identity, "judge", look)
    async with bare_books.transaction() as session:
        body = await add_body(session)
        bill = await add_bill(session, body)
        same_time = {"paid_at": AT, "amount": 1, "reference": "LPPAYMENT", "plain_ref": "FT26001"}
        facts = {key: same_time[key] for key in ("paid_at", "amount", "reference")}
        first = await add_credit(session, body, credited=2, bill_id=bill, doubt="short", **facts)
        second = await add_credit(session, body, credited=3, **facts)
        notice = {"plain_ref": "FT26001", "booked_on": DAY}
        await tell(session, body, second, "n2", source="a", **notice)
        await tell(session, body, first, "n1", source="z", reference="LPX", amount=4000, **notice)
        account_id = body.collection_account_id
        await identify(session, replace(TOLD, collection_account_id=account_id))
    assert looked_at == [
        KnownNotice("z", "n1", 4000, "FT26001", "LPX", first, bill, 2, "short"),
        KnownNotice("a", "n2", 5000, "FT26001", "", second, None, 3, None),
    ]


async def test_who_decides_about_a_notice_holds_its_names(bare_books: Database) -> None:
    day = f"notice:acc:{DAY}"
    own, money, ref = "notice:b:9", f"{day}:5000", f"{day}:FT26001"
    all_of = notices_of("acc")
    async with bare_books.transaction() as session:
        await lock_notice(session, TOLD)
        held = await names_held(session, own, money, ref, all_of)
        assert held == {own: "alone", money: "alone", ref: "alone", all_of: "shared"}
    async with bare_books.transaction() as session:
        await lock_notice(session, replace(TOLD, bank_ref="NONREF"))
        held = await names_held(session, own, money, all_of)
        assert held == {own: "alone", money: "alone", all_of: "shared"}


async def test_a_notice_is_kept_once_as_it_was_told_first(bare_books: Database) -> None:
    with clock.frozen(AT):
        async with bare_books.transaction() as session:
            body = await add_body(session)
            payment = await add_credit(session, body)
            other = await add_credit(session, body)
            told = replace(
                *(TOLD,),
                notice_ref=new_id("n"),
                bank_ref="ft-26001",
                collection_account_id=body.collection_account_id,
            )
            await keep_notice(session, told, payment)
            await keep_notice(session, replace(told, reference="LPY"), other)
            (kept,) = await session.all(
                select(CreditNotice).where(CreditNotice.notice_ref == told.notice_ref)
            )
    assert kept.model_dump() == {
        "source": "b",
        "notice_ref": told.notice_ref,
        "amount": 5000,
        "collection_account_id": body.collection_account_id,
        "booked_on": DAY,
        "bank_ref": "ft-26001",
        "plain_ref": "FT26001",
        "reference": "LPX",
        "payment_id": payment,
        "told_at": AT,
        "withdrawn_at": None,
    }


async def test_what_is_in_doubt_is_seen_to_differ(bare_books: Database) -> None:
    """The control of `names_held`: what a transaction does not hold is not there."""
    async with bare_books.transaction() as session:
        assert await names_held(session, "notice:b:9") == {}
        await session.execute(text("SELECT pg_advisory_xact_lock(1)"))
        assert await names_held(session, "notice:b:9") == {"another": "alone"}
