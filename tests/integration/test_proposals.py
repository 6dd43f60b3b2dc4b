"""Changes of the catalogue by two people: what is refused, shown, applied, and by whom."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.seed.catalogue import Seed, read_seed, seed_catalogue
from core import clock
from core.db import Database
from core.errors import NotAllowed, NotFound
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.catalogue.queries import find_stamp, load_schedule
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.schedule import FeeValue
from payments.catalogue.upkeep.proposals import commands as proposals
from payments.catalogue.upkeep.proposals.commands import (
    AlreadyDecided,
    NoChanges,
    SamePerson,
    Stale,
    get_proposal,
    is_stale,
    propose,
    reject,
)
from payments.catalogue.upkeep.proposals.reading import load_entries
from payments.catalogue.upkeep.proposals.rows import Proposal, list_proposals
from payments.catalogue.upkeep.sheets.exports import write_workbook
from payments.catalogue.upkeep.sheets.faults import FileRefused
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import Sheet
from payments.catalogue.upkeep.writing import write_entries
from tests.support.catalogue_files import FEE
from tests.support.database import PostgresServer
from tests.support.proposing import (
    NOON,
    Body,
    add_body,
    add_catalogue,
    edited,
    fee,
    new_fees,
    new_reliefs,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTED = ("fee", "relief", "procedure", "sub_item", "legal_reference", "catalogue_proposal",
           "audit_entry")  # fmt: skip


class Undone(Exception):
    """Ends a test's transaction without a trace."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(postgres_server: PostgresServer) -> AsyncIterator[tuple[Database, Body, Body]]:
    """A database with the small catalogue and two agencies."""
    with postgres_server.database() as url:
        database = Database(url, pool_size=3)
        with clock.frozen(NOON):
            async with database.transaction() as session:
                body, other = await add_body(session, "a"), await add_body(session, "b")
                await add_catalogue(session, body)
        yield database, body, other
        await database.dispose()


@pytest_asyncio.fixture(loop_scope="module")
async def session(filled: tuple[Database, Body, Body]) -> AsyncIterator[WriteSession]:
    """A transaction at noon of the day that is undone after the test."""
    with suppress(Undone), clock.frozen(NOON):
        async with filled[0].transaction() as opened:
            yield opened
            raise Undone


@pytest.fixture
def body(filled: tuple[Database, Body, Body]) -> Body:
    return filled[1]


@pytest.fixture
def other(filled: tuple[Database, Body, Body]) -> Body:
    return filled[2]


async def counts(session: WriteSession) -> dict[str, Any]:
    return {table: await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in COUNTED}


async def national(session: WriteSession, body: Body, sheets: Sequence[Sheet]) -> Proposal:
    return await propose(session, None, "phi.csv", sheets, body.admin, operator=True)


async def faults_of(
    session: WriteSession, body: Body, sheets: Sequence[Sheet]
) -> list[tuple[int | None, str, str]]:
    """The faults for which a national file is refused; nothing may have been written."""
    before = await counts(session)
    with pytest.raises(FileRefused) as caught:
        await national(session, body, sheets)
    assert await counts(session) == before
    return [(fault.row, fault.column, fault.code) for fault in caught.value.faults]


async def fee_on(session: WriteSession, agency_id: str | None, code: str, day: date) -> FeeValue:
    found = (await load_schedule(session, agency_id)).find(code, day)
    assert found is not None
    return found


def another(person: Principal) -> Principal:
    return Principal(f"{person.actor}-2", "k", person.agency_id, person.agency_ids, person.roles)


#: Ends `phi-a` and puts a dearer one in its place from 1 March 2027 on.
async def dearer(session: WriteSession) -> list[Sheet]:
    named = {"code": "phi-a", "procedure": "9.000001", "name_vi": "Phí phi-a", "name_en": "phi-a"}
    row = FEE | named | {"amount": "12.000", "valid_from": "01/03/2027"}
    return await edited(session, None, {"phi-a": {"valid_to": "28/02/2027"}}, added=[row])


async def test_an_exported_catalogue_is_no_change(session: WriteSession, body: Body) -> None:
    await seed_catalogue(session, local={"ha-noi": body.agency_id})
    for owner, person, operator in ((None, body.admin, True), (body.agency_id, body.chief, False)):
        entries = await load_entries(session, owner)
        content = write_workbook({table: tuple(found.values()) for table, found in entries.items()})
        with pytest.raises(NoChanges):
            await propose(session, owner, "x.xlsx", read_file(content), person, operator=operator)
    assert len(read_seed().national) > 100  # and it was a real catalogue


async def test_a_proposal_shows_what_changes_and_changes_nothing(
    session: WriteSession, body: Body
) -> None:
    before = await counts(session)
    stamp = await find_stamp(session)
    made = await national(session, body, await dearer(session))
    assert await find_stamp(session) == stamp
    rows = await counts(session)
    assert {name: rows[name] - before[name] for name in COUNTED if rows[name] != before[name]} == {
        "catalogue_proposal": 1,
        "audit_entry": 1,
    }
    shown = made.differences
    assert [(c.table, c.added, c.changed, c.unchanged) for c in shown.counts] == [("fees", 1, 1, 2)]
    (added,), (changed,) = shown.added, shown.changed
    assert (added.entry, added.row) == ("phi-a, từ 01/03/2027", 5)
    assert [(c.column, c.before, c.after) for c in changed.columns] == [
        ("valid_to", "", "28/02/2027")
    ]
    (tariff,) = shown.tariffs
    assert (tariff.code, tariff.on) == ("phi-a", date(2027, 3, 1))
    assert tariff.before_vi == "10.000 đ mỗi bản; một trong các mức để chọn"
    assert tariff.after_vi == "12.000 đ mỗi bản; một trong các mức để chọn"
    assert shown.warnings == []


async def test_another_person_applies_it_and_the_price_changes_on_its_day(
    session: WriteSession, body: Body
) -> None:
    made = await national(session, body, await dearer(session))
    stamp = await find_stamp(session)
    done = await proposals.apply(session, made.id, another(body.admin), operator=True)
    assert (done.state, done.decided_by) == ("applied", "staff:admin-a-2")
    assert done.differences == made.differences
    assert await find_stamp(session) != stamp
    for day, amount in ((date(2027, 2, 28), 10_000), (date(2027, 3, 1), 12_000)):
        assert (await fee_on(session, None, "phi-a", day)).rule == FixedFee(amount)
    actions = await session.execute(
        text("SELECT actor, action, details FROM audit_entry WHERE object_id = :id ORDER BY id"),
        {"id": made.id},
    )
    tables = {"fees": {"added": 1, "changed": 1, "unchanged": 2}}
    details = {"agency_id": None, "tables": tables}
    assert [tuple(row) for row in actions] == [
        ("staff:admin-a", "catalogue.proposed", details),
        ("staff:admin-a-2", "catalogue.applied", details),
    ]


async def test_seeding_leaves_alone_what_two_people_have_changed(
    session: WriteSession, body: Body
) -> None:
    files = (fee("phi-a", 10_000, date(2017, 1, 1)), fee("phi-b", 21_000, date(2017, 1, 1)))
    made = await national(session, body, await dearer(session))
    await proposals.apply(session, made.id, another(body.admin), operator=True)
    done = await seed_catalogue(session, seed=Seed(files, {}))
    assert (done.added, done.changed, done.unchanged) == (0, 1, 1)
    for day, amount in ((date(2027, 2, 28), 10_000), (date(2027, 3, 1), 12_000)):
        assert (await fee_on(session, None, "phi-a", day)).rule == FixedFee(amount)
    assert (await fee_on(session, None, "phi-b", date(2027, 1, 1))).rule == FixedFee(21_000)


async def test_nobody_applies_their_own_proposal(session: WriteSession, body: Body) -> None:
    made = await propose(session, body.agency_id, "x", new_fees({}), body.chief)
    before = await counts(session)
    with pytest.raises(SamePerson):
        await proposals.apply(session, made.id, body.chief)
    assert await counts(session) == before
    assert (await get_proposal(session, made.id, body.chief)).state == "proposed"


async def test_without_the_check_the_database_refuses_and_without_both_nobody_does(
    session: WriteSession, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await propose(session, body.agency_id, "x", new_fees({}), body.chief)
    monkeypatch.setattr(proposals, "_check_another", lambda *_: None)
    inner = await session.begin_nested()
    with pytest.raises(SamePerson):
        await proposals.apply(session, made.id, body.chief)
    await inner.rollback()
    await session.execute(
        text("ALTER TABLE catalogue_proposal DROP CONSTRAINT ck_catalogue_proposal_two_people")
    )
    done = await proposals.apply(session, made.id, body.chief)
    assert done.decided_by == done.proposed_by


async def test_only_the_right_people_propose_and_apply(
    session: WriteSession, body: Body, other: Body
) -> None:
    for person in (body.system, body.clerk, other.chief):
        with pytest.raises(NotAllowed):
            await propose(session, body.agency_id, "x", new_fees({}), person)
    for person in (body.system, body.chief, body.admin):
        with pytest.raises(NotAllowed):  # over HTTP nobody changes the national catalogue
            await propose(session, None, "x", new_fees({}), person)
    with pytest.raises(NotAllowed):
        await propose(session, None, "x", new_fees({}), body.chief, operator=True)
    made = await propose(session, body.agency_id, "x", new_fees({}), body.finance)
    for person in (body.system, body.clerk, body.finance):
        with pytest.raises(NotAllowed):
            await proposals.apply(session, made.id, person)
    for person in (body.system, body.clerk):
        with pytest.raises(NotAllowed):
            await reject(session, made.id, "no", person)
    for deed in (get_proposal(session, made.id, other.chief),
                 proposals.apply(session, made.id, other.chief),
                 reject(session, made.id, "no", other.chief)):  # fmt: skip
        with pytest.raises(NotFound):
            await deed
    assert (await proposals.apply(session, made.id, body.chief)).state == "applied"


async def test_national_proposals_are_seen_by_the_operator_alone(
    session: WriteSession, body: Body
) -> None:
    made = await national(session, body, new_fees({}))
    with pytest.raises(NotFound):
        await get_proposal(session, made.id, body.admin)
    with pytest.raises(NotFound):
        await proposals.apply(session, made.id, another(body.admin))
    assert await get_proposal(session, made.id, body.admin, operator=True) == made
    own = await propose(session, body.agency_id, "x", new_fees({}), body.chief)
    mine = await list_proposals(session, body.chief.agency_ids)
    everybodys = await list_proposals(session, None)
    assert [one.id for one in mine.items] == [own.id]
    assert [one.id for one in everybodys.items] == [own.id, made.id]
    first = await list_proposals(session, None, limit=1)
    assert first.next_cursor == own.id
    rest = await list_proposals(session, None, cursor=first.next_cursor)
    assert ([one.id for one in rest.items], rest.next_cursor) == ([made.id], None)


async def test_an_agency_changes_its_own_fees_and_nothing_else(
    session: WriteSession, body: Body
) -> None:
    entries = await load_entries(session, None)
    content = write_workbook({table: tuple(found.values()) for table, found in entries.items()})
    with pytest.raises(FileRefused) as caught:
        await propose(session, body.agency_id, "x", read_file(content), body.chief)
    assert ("procedures", "not_yours") in {(f.sheet, f.code) for f in caught.value.faults}
    made = await propose(session, body.agency_id, "x", new_fees({"code": "phi-c"}), body.chief)
    await proposals.apply(session, made.id, body.admin)
    day = date(2027, 3, 1)
    assert (await fee_on(session, body.agency_id, "phi-c", day)).rule == FixedFee(10_000)
    assert (await fee_on(session, None, "phi-c", day)).rule == FixedFee(30_000)
    (tariff,) = made.differences.tariffs
    assert tariff.before_vi is not None
    assert tariff.before_vi.startswith("30.000 đ")


async def test_faults_with_the_catalogue_are_named_by_row(
    session: WriteSession, body: Body
) -> None:
    fees = new_fees({"procedure": "9.999999"}, {"code": "b"}, {"code": "b"})
    assert await faults_of(session, body, fees) == [
        (2, "procedure", "unknown"),
        (4, "", "doubled"),
    ]
    assert await faults_of(session, body, new_reliefs({"fees": "phi-a; phi-x"})) == [
        (2, "fees", "unknown")
    ]
    faulty_fee = new_fees({"code": "phi-x", "amount": "?"})
    both = [*faulty_fee, *new_reliefs({"fees": "phi-x"})]
    assert await faults_of(session, body, both) == [(2, "amount", "not_an_integer")]


async def test_overlaps_are_named_with_both_rows(session: WriteSession, body: Body) -> None:
    twice = new_fees({"valid_from": "01/03/2027"}, {"valid_from": "01/05/2027"})
    with pytest.raises(FileRefused) as caught:
        await national(session, body, twice)
    (fault,) = caught.value.faults
    assert (fault.row, fault.code) == (3, "overlap")
    assert "dòng 2 (từ 01/03/2027)" in fault.reason
    with pytest.raises(FileRefused) as caught:
        await national(session, body, new_fees({"code": "phi-a"}))
    (fault,) = caught.value.faults
    assert (fault.row, fault.code) == (2, "overlap")
    assert "dòng đã có trong danh mục (từ 01/01/2017)" in fault.reason
    ended = new_fees(
        {"valid_from": "01/03/2027", "valid_to": "30/04/2027"}, {"valid_from": "01/05/2027"}
    )
    assert (await national(session, body, ended)).state == "proposed"


@pytest.mark.parametrize(
    ("code", "changes", "fault"),
    [
        # in force: nothing that decides what it costs
        ("phi-a", {"amount": "1"}, ("amount", "has_begun")),
        ("phi-a", {"kind": "assessed", "amount": ""}, ("kind", "has_begun")),
        ("phi-a", {"charged": "always"}, ("charged", "has_begun")),
        ("phi-a", {"procedure": ""}, ("procedure", "has_begun")),
        ("phi-a", {"unit_vi": "trang"}, ("unit_vi", "has_begun")),
        ("phi-a", {"valid_to": "20/11/2026"}, ("valid_to", "in_the_past")),
        ("phi-a", {"valid_to": "21/11/2026"}, None),
        ("phi-a", {"valid_to": "31/12/2026"}, None),
        ("phi-a", {"name_vi": "Tên", "basis": "b", "certainty": "secondary"}, None),
        ("phi-a", {"sub_item": "2700", "checked_on": "01/11/2026", "source": "s"}, None),
        # ended
        ("phi-b", {"amount": "1"}, ("amount", "has_begun")),
        ("phi-b", {"valid_to": ""}, ("valid_to", "has_ended")),
        ("phi-b", {"valid_to": "31/12/2027"}, ("valid_to", "has_ended")),
        ("phi-b", {"source": "s"}, None),
        # planned
        ("phi-c", {"amount": "1", "charged": "always", "valid_to": "02/01/2027"}, None),
    ],
)
async def test_what_has_begun_is_not_rewritten(
    session: WriteSession,
    body: Body,
    code: str,
    changes: dict[str, str],
    fault: tuple[str, str] | None,
) -> None:
    sheets = await edited(session, None, {code: changes})
    if fault is None:
        made = await national(session, body, sheets)
        assert made.differences.changed
    else:
        found = await faults_of(session, body, sheets)
        assert fault in [(column, kind) for _, column, kind in found]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"percent": "60"}, ("percent", "has_begun")),
        ({"fees": "phi-a; phi-b"}, ("fees", "has_begun")),
        ({"ground": "child"}, ("ground", "has_begun")),
        ({"cap": "1000"}, ("cap", "has_begun")),
        ({"once_a_year": "có"}, ("once_a_year", "has_begun")),
        ({"name_vi": "Tên", "valid_to": "30/11/2026"}, None),
    ],
)
async def test_a_relief_that_has_begun_is_not_rewritten(
    session: WriteSession, body: Body, changes: dict[str, str], fault: tuple[str, str] | None
) -> None:
    sheets = await edited(session, None, {"giam-a": changes}, table="reliefs")
    if fault is None:
        assert (await national(session, body, sheets)).differences.changed
    else:
        assert await faults_of(session, body, sheets) == [(2, *fault)]


@pytest.mark.parametrize(
    ("first", "last", "refused"),
    [
        ("01/01/2020", "", True),
        ("21/11/2026", "", True),
        ("22/11/2026", "", False),
        ("01/01/2015", "31/12/2016", False),  # before there was any
    ],
)
async def test_a_new_row_begins_in_the_past_only_where_nothing_held(
    session: WriteSession, body: Body, first: str, last: str, refused: bool
) -> None:
    sheets = new_fees({"code": "phi-a", "valid_from": first, "valid_to": last})
    if refused:  # for an agency, whose citizens paid the national fee on those days
        with pytest.raises(FileRefused) as caught:
            await propose(session, body.agency_id, "x", sheets, body.chief)
        assert [fault.code for fault in caught.value.faults] == ["in_the_past"]
    else:
        made = await propose(session, body.agency_id, "x", sheets, body.chief)
        assert made.differences.warnings


async def test_a_fee_of_a_procedure_that_loses_its_sub_item_is_warned_of(
    session: WriteSession, body: Body
) -> None:
    lost = await edited(session, None, {"phi-a": {"sub_item": ""}})
    warned = (await national(session, body, lost)).differences.warnings
    assert warned == ["1 khoản thu của thủ tục không có tiểu mục ngân sách: phi-a."]
    other = await edited(session, None, {"phi-a": {"sub_item": "2767"}})
    assert (await national(session, body, other)).differences.warnings == []
    postage = new_fees({"procedure": "", "sub_item": "", "charged": "on_request"})
    assert (await national(session, body, postage)).differences.warnings == []


@pytest.mark.parametrize(
    ("row", "warned"),
    [
        ({"amount": "2"}, True),
        ({"amount": "999"}, True),
        ({"amount": "1000"}, False),
        ({"amount": "0"}, False),
        ({"kind": "per_unit", "amount": "", "steps": "1: 2000; 3: 1"}, True),
        ({"kind": "per_unit", "amount": "", "steps": "1: 2000; 3: 1000", "cap": "200"}, True),
        ({"kind": "per_unit", "amount": "", "steps": "1: 2000; 3: 1000"}, False),
        ({"kind": "percentage", "amount": "", "percent": "1", "ceiling": "5"}, True),
        ({"kind": "foreign_currency", "amount": "25", "currency": "USD"}, False),
    ],
)
async def test_an_amount_under_a_thousand_dong_is_warned_of(
    session: WriteSession, body: Body, row: dict[str, str], warned: bool
) -> None:
    made = await national(session, body, new_fees(row))
    told = ["1 dòng có mức thu dưới 1.000 đ, hãy kiểm tra: phi-moi."]
    assert made.differences.warnings == (told if warned else [])


async def test_a_reliefs_small_amount_is_warned_of(session: WriteSession, body: Body) -> None:
    small = new_reliefs({"percent": "", "each": "5"}, {"code": "giam-khac", "cap": "50"})
    assert (await national(session, body, small)).differences.warnings == [
        "2 dòng có mức thu dưới 1.000 đ, hãy kiểm tra: giam-moi, giam-khac."
    ]
    usual = new_reliefs({"age_below": "16"})
    assert (await national(session, body, usual)).differences.warnings == []


async def test_a_first_load_may_begin_in_the_past_and_says_so(
    session: WriteSession, body: Body
) -> None:
    sheets = new_fees(
        {"valid_from": "01/01/2017", "valid_to": "31/12/2025"}, {"valid_from": "01/01/2026"}
    )
    made = await national(session, body, sheets)
    assert made.differences.warnings == [
        "2 dòng mới bắt đầu trong quá khứ, chưa từng có mã này: phi-moi."
    ]


async def test_a_preview_that_no_longer_holds_is_not_applied(
    session: WriteSession, body: Body
) -> None:
    made = await national(session, body, await dearer(session))
    await write_entries(session, [fee("phi-a", 10_000, date(2017, 1, 1), name_vi="Tên khác")])
    before = await counts(session)
    with pytest.raises(Stale):
        await proposals.apply(session, made.id, another(body.admin), operator=True)
    assert await counts(session) == before
    assert await is_stale(session, made)
    await reject(session, made.id, "danh mục đã đổi", body.admin, operator=True)


async def test_a_change_elsewhere_does_not_matter(session: WriteSession, body: Body) -> None:
    made = await national(session, body, await dearer(session))
    await write_entries(session, [fee("phi-khac", 1_000, date(2027, 1, 1))])
    assert not await is_stale(session, made)
    done = await proposals.apply(session, made.id, another(body.admin), operator=True)
    assert done.state == "applied"


async def test_a_proposal_whose_day_has_come_and_gone_is_not_applied(
    session: WriteSession, body: Body
) -> None:
    made = await national(session, body, await dearer(session))
    with clock.frozen(NOON.replace(year=2027, month=3, day=2)):
        with pytest.raises(Stale) as caught:
            await proposals.apply(session, made.id, another(body.admin), operator=True)
        assert [error.field for error in caught.value.errors] == [
            "fees!2.valid_to",
            "fees!5.valid_from",
        ]
    with clock.frozen(NOON.replace(year=2027, month=3, day=1)):
        await proposals.apply(session, made.id, another(body.admin), operator=True)


async def test_a_decided_proposal_stays_decided(session: WriteSession, body: Body) -> None:
    made = await propose(session, body.agency_id, "x", new_fees({}), body.finance)
    withdrawn = await reject(session, made.id, "nhầm", body.finance)
    assert (withdrawn.state, withdrawn.reason) == ("rejected", "nhầm")
    with pytest.raises(AlreadyDecided):
        await proposals.apply(session, made.id, body.chief)
    with pytest.raises(AlreadyDecided):
        await reject(session, made.id, "x", body.chief)
    assert await session.scalar(text("SELECT count(*) FROM fee WHERE code = 'phi-moi'")) == 0


async def test_what_only_the_database_refuses_is_a_clear_conflict(
    session: WriteSession, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "find_objections", lambda *_: [])
    for sheets in (
        new_fees({"code": "phi-a"}),
        new_fees({"valid_from": "01/03/2027"}, {"valid_from": "01/05/2027"}),
        new_fees({}, {}),
    ):
        made = await national(session, body, sheets)
        inner = await session.begin_nested()
        with pytest.raises(Stale) as caught:
            await proposals.apply(session, made.id, another(body.admin), operator=True)
        assert caught.value.status == 409
        await inner.rollback()


async def test_of_two_people_who_apply_at_once_one_does(
    filled: tuple[Database, Body, Body],
) -> None:
    database, _, body = filled
    with clock.frozen(NOON):
        async with database.transaction() as session:
            made = await propose(session, body.agency_id, "x", new_fees({}), body.finance)

        async def attempt(person: Principal) -> str:
            async with database.transaction() as session:
                return (await proposals.apply(session, made.id, person)).state

        found = await asyncio.gather(
            attempt(body.chief), attempt(body.admin), return_exceptions=True
        )
    assert sorted(type(one).__name__ for one in found) == ["AlreadyDecided", "str"]
    async with database.transaction() as session:
        added = await session.scalar(
            text("SELECT count(*) FROM fee WHERE code = 'phi-moi' AND agency_id = :id"),
            {"id": body.agency_id},
        )
        assert added == 1


async def test_a_file_name_cannot_do_harm(session: WriteSession, body: Body) -> None:
    name = "../\x00\u202e" + "x" * 500
    made = await propose(session, body.agency_id, name, new_fees({}), body.chief)
    assert made.file_name.isprintable()
    assert len(made.file_name) == 200
