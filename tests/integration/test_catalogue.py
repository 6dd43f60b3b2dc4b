"""The catalogue in PostgreSQL: what it refuses, what it finds, and how soon prices are right."""

import asyncio
import unicodedata
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app.seed.catalogue import Seed, read_seed, seed_catalogue
from core.db import Database
from core.errors import Invalid, NotFound
from core.ids import new_id
from payments.catalogue import models, queries
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.upkeep.entries import FeeEntry
from payments.catalogue.upkeep.writing import Counts
from tests.support.catalogue_rows import (
    BEGAN,
    TODAY,
    add_agency,
    add_fees,
    amount_of,
    find_fee,
    full_price,
    get_fee,
    run,
)

TABLES = [
    "agency",
    "procedure",
    "fee",
    "relief",
    "sub_item",
    "legal_reference",
    "catalogue_stamp",
]


# Seeding


async def test_seeding_gives_at_least_forty_procedures_of_eight_fields(
    seeded: Database,
) -> None:
    async with seeded.transaction() as session:
        page = await queries.list_procedures(session, None, TODAY, limit=500)
    fees = [fee for procedure in page.items for fee in procedure.fees]
    assert page.next_cursor is None
    assert len([procedure for procedure in page.items if procedure.fees]) >= 40
    assert len({procedure.field for procedure in page.items if procedure.fees}) >= 8
    assert {fee.certainty for fee in fees} == set(Certainty)
    assert any(fee.rule == FixedFee(0) for fee in fees)


async def test_seeding_again_changes_nothing_not_even_the_stamp(seeded: Database) -> None:
    async with seeded.transaction() as session:
        before = await queries.find_stamp(session)
        counts = await seed_catalogue(session)
    async with seeded.transaction() as session:
        assert await queries.find_stamp(session) == before
    assert (counts.added, counts.changed) == (0, 0)
    assert counts.unchanged >= 25


async def test_two_seedings_at_once_do_not_collide(database: Database) -> None:
    async def seed() -> Counts:
        async with database.transaction() as session:
            return await seed_catalogue(session)

    first, second = await asyncio.gather(seed(), seed())
    assert sorted([first.added > 0, second.added > 0]) == [False, True]


async def test_a_local_schedule_is_seeded_for_the_agency_that_collects_by_it(
    seeded: Database,
) -> None:
    ward, other = [await add_agency(seeded, code) for code in ("phuong-a", "phuong-b")]
    async with seeded.transaction() as session:
        counts = await seed_catalogue(session, local={"ha-noi": ward})
    assert counts.added == len(read_seed().local["ha-noi"]) > 5
    async with seeded.transaction() as session:
        late = await get_fee(session, ward, "khai-sinh-qua-han", TODAY)
        assert full_price(late) == 5000
        assert await find_fee(session, other, "khai-sinh-qua-han", TODAY) is None
        assert await find_fee(session, None, "khai-sinh-qua-han", TODAY) is None


async def test_what_a_body_keeps_of_its_charges_is_what_the_law_lets_its_kind_keep(
    seeded: Database,
) -> None:
    allotted, budgeted = [await add_agency(seeded, code) for code in ("phuong-k", "phuong-n")]
    async with seeded.transaction() as session:
        await seed_catalogue(session, local={"khoan-chi-phi": allotted, "nop-toan-bo": budgeted})
    kept = (
        "SELECT kept_percent, basis FROM fee_share WHERE code = :code AND agency_id"
        " IS NOT DISTINCT FROM :agency"
    )
    async with seeded.transaction() as session:
        for agency, code, wanted in (
            (allotted, "chung-thuc-ban-sao", (50, "TT 226/2016/TT-BTC, Điều 7 khoản 2")),
            (budgeted, "chung-thuc-ban-sao", (0, "TT 226/2016/TT-BTC, Điều 7 khoản 1")),
            (allotted, "bao-dam-dong-san-xoa", (85, "TT 61/2023/TT-BTC, Điều 6")),
            # How the ministry and a province divide it is no share of one body.
            (allotted, "hop-phap-hoa-lanh-su", None),
            (None, "chung-thuc-ban-sao", None),
        ):
            found = await session.execute(text(kept), {"code": code, "agency": agency})
            assert found.one_or_none() == wanted, (agency, code)


async def test_a_body_is_not_of_both_kinds(seeded: Database) -> None:
    """Of two schedules that say different things of one body the later would silently win."""
    ward = await add_agency(seeded, "phuong-b")
    with pytest.raises(Invalid, match="contradict"):
        async with seeded.transaction() as session:
            await seed_catalogue(session, local={"khoan-chi-phi": ward, "nop-toan-bo": ward})
    async with seeded.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM fee_share")) == 0


async def test_a_body_is_not_made_another_kind_for_the_years_that_are_past(
    seeded: Database,
) -> None:
    """Its reports read the shares of their days: those of closed years would divide otherwise."""
    ward = await add_agency(seeded, "phuong-b")
    async with seeded.transaction() as session:
        told = await seed_catalogue(session, local={"khoan-chi-phi": ward})
    assert told.added > 0
    with pytest.raises(Invalid, match="khoan-chi-phi"):
        async with seeded.transaction() as session:
            await seed_catalogue(session, local={"nop-toan-bo": ward})
    async with seeded.transaction() as session:
        again = await seed_catalogue(session, local={"khoan-chi-phi": ward})
        least = await session.scalar(text("SELECT min(kept_percent) FROM fee_share"))
    assert (again.added, again.changed) == (0, 0)
    assert least == 50


async def test_a_seed_that_ends_a_fee_and_adds_the_next_one_is_taken_in_one_go(
    seeded: Database,
) -> None:
    first = next(
        entry
        for entry in read_seed().national
        if isinstance(entry, FeeEntry) and entry.code == "chung-thuc-chu-ky"
    )
    ended = first.model_copy(update={"valid_to": date(2026, 12, 31)})
    dearer = first.model_copy(update={"valid_from": date(2027, 1, 1), "rule": {"amount": 12_000}})
    async with seeded.transaction() as session:
        counts = await seed_catalogue(session, seed=Seed((dearer, ended), {}))
    assert (counts.added, counts.changed) == (1, 1)
    async with seeded.transaction() as session:
        for day, amount in ((date(2026, 12, 31), 10_000), (date(2027, 1, 1), 12_000)):
            fee = await get_fee(session, None, "2.000884", day)
            assert full_price(fee) == amount


# Finding a fee


async def test_a_fee_is_found_by_its_code_and_by_that_of_a_procedure_with_one_fee(
    seeded: Database,
) -> None:
    async with seeded.transaction() as session:
        by_procedure = await get_fee(session, None, "2.000815", TODAY)
        assert by_procedure.code == "chung-thuc-ban-sao"
        assert full_price(by_procedure, 3) == 5000
        assert await get_fee(session, None, "chung-thuc-ban-sao", TODAY) == by_procedure
        assert await find_fee(session, None, "2.000815", TODAY) == by_procedure


@pytest.mark.parametrize(
    ("code", "day", "reason", "told"),
    [
        ("no-such-fee", TODAY, "unknown", "no-such-fee"),
        ("\x00", TODAY, "unknown", "\x00"),
        ("", TODAY, "unknown", ""),
        ("can-cuoc-cap-doi", date(2025, 6, 30), "not_in_force", "01/07/2025 đến hết 31/12/2026"),
        ("2.001195", date(2025, 6, 30), "not_in_force", "01/07/2025 đến hết 31/12/2026"),
        ("9.000002", TODAY, "ambiguous", "phi-hai, phi-mot"),
    ],
)
async def test_a_code_that_names_no_single_fee_of_the_day_is_refused_with_the_reason(
    seeded: Database, code: str, day: date, reason: str, told: str
) -> None:
    alternatives = ({"code": code, "charged": "choice"} for code in ("phi-mot", "phi-hai"))
    await add_fees(seeded, *alternatives, procedure="9.000002")
    async with seeded.transaction() as session:
        assert await find_fee(session, None, code, day) is None
        with pytest.raises(Invalid) as refused:
            await get_fee(session, None, code, day, field="lines.0.fee")
    (fault,) = refused.value.errors
    assert (fault.field, fault.code) == ("lines.0.fee", reason)
    assert told in fault.detail


async def test_an_agencys_own_fee_stands_in_the_place_of_the_nations_on_its_days(
    seeded: Database,
) -> None:
    own, other = [await add_agency(seeded, code) for code in ("so-a", "so-b")]
    overlay = {
        "code": "chung-thuc-chu-ky",
        "agency_id": own,
        "rule": {"amount": 8_000},
        "valid_from": date(2026, 3, 1),
        "valid_to": date(2026, 11, 30),
    }
    await add_fees(seeded, overlay, procedure="2.000884")

    async def amount(agency_id: str | None, code: str, day: date) -> int:
        async with seeded.transaction() as session:
            return full_price(await get_fee(session, agency_id, code, day))

    for code in ("chung-thuc-chu-ky", "2.000884"):
        assert await amount(own, code, date(2026, 2, 28)) == 10_000
        assert await amount(own, code, date(2026, 3, 1)) == 8_000
        assert await amount(own, code, date(2026, 11, 30)) == 8_000
        assert await amount(own, code, date(2026, 12, 1)) == 10_000
        assert await amount(other, code, TODAY) == 10_000
        assert await amount(None, code, TODAY) == 10_000


async def test_a_unit_collects_by_the_schedules_of_the_bodies_above_it(seeded: Database) -> None:
    province = await add_agency(seeded, "tinh")
    ward = await add_agency(seeded, "phuong", province)
    office = await add_agency(seeded, "mot-cua", ward)
    for owner, amount in ((province, 8_000), (ward, 7_000)):
        row = {"code": "chung-thuc-chu-ky", "agency_id": owner, "rule": {"amount": amount}}
        await add_fees(seeded, row, procedure="2.000884")
    await add_fees(seeded, {"code": "phi-tinh", "agency_id": province}, procedure="2.000884")
    amounts = {None: 10_000, province: 8_000, ward: 7_000, office: 7_000}
    for agency_id, amount in amounts.items():
        async with seeded.transaction() as session:
            fee = await get_fee(session, agency_id, "chung-thuc-chu-ky", TODAY)
            assert full_price(fee) == amount
            known = await find_fee(session, agency_id, "phi-tinh", TODAY)
            assert (known is None) == (agency_id is None)


async def test_a_page_and_a_bill_agree_on_a_fee_that_an_agency_put_elsewhere(
    seeded: Database,
) -> None:
    own = await add_agency(seeded, "so-b")
    row = {"code": "chung-thuc-chu-ky", "agency_id": own, "rule": {"amount": 8_000}}
    await add_fees(seeded, row, procedure="9.000008")
    async with seeded.transaction() as session:
        shown = await queries.get_procedure(session, own, "2.000884", TODAY)
        assert shown.fees == ()
        assert await find_fee(session, own, "2.000884", TODAY) is None
        shown = await queries.get_procedure(session, own, "9.000008", TODAY)
        assert [full_price(fee) for fee in shown.fees] == [8_000]


async def test_fees_that_an_older_service_wrote_are_to_choose_from_and_never_summed(
    seeded: Database,
) -> None:
    for code in ("phi-mot", "phi-hai"):
        await add_fees(seeded, {"code": code}, procedure="9.000007")
    # As a service of before the column writes them: without a word about it.
    await run(seeded, "UPDATE fee SET charged = DEFAULT WHERE code IN ('phi-mot', 'phi-hai')")
    async with seeded.transaction() as session:
        schedule = await queries.load_schedule(session, None)
    with pytest.raises(Invalid) as refused:
        schedule.get_all("9.000007", TODAY)
    assert refused.value.errors[0].code == "ambiguous"


# What the database refuses


@pytest.mark.parametrize(
    ("valid_from", "valid_to"),
    [
        (date(2026, 6, 30), None),  # begins on the last day of the first
        (date(2025, 1, 1), date(2026, 1, 1)),  # ends on its first day
        (date(2025, 1, 1), None),  # holds it
        (date(2026, 3, 1), date(2026, 3, 1)),  # is held by it
    ],
)
async def test_two_prices_of_one_fee_on_one_day_are_refused(
    database: Database, valid_from: date, valid_to: date | None
) -> None:
    first = {"valid_from": date(2026, 1, 1), "valid_to": date(2026, 6, 30)}
    second = {"valid_from": valid_from, "valid_to": valid_to}
    await add_fees(database, first)
    with pytest.raises(IntegrityError, match="ex_fee_validity"):
        await add_fees(database, second)
    # The control: it was this constraint that refused.
    await run(database, "ALTER TABLE fee DROP CONSTRAINT ex_fee_validity")
    await add_fees(database, second)


async def test_an_agencys_overlapping_fees_are_refused_too(database: Database) -> None:
    own = {"agency_id": await add_agency(database, "so-a")}
    await add_fees(database, own)
    with pytest.raises(IntegrityError, match="ex_fee_validity"):
        await add_fees(database, own)


async def test_what_does_not_collide_is_let_in(database: Database) -> None:
    agencies = [await add_agency(database, code) for code in ("so-a", "so-b")]
    rows: list[dict[str, Any]] = [
        {"valid_from": date(2026, 1, 1), "valid_to": date(2026, 6, 30)},
        {"valid_from": date(2026, 7, 1)},
        {"valid_from": date(2025, 1, 1), "valid_to": date(2025, 12, 31)},
        {"code": "Phi-thu"},
        {"code": "phi-thu-"},
        {"code": "phí-thu"},
        *({"agency_id": agency_id} for agency_id in agencies),
    ]
    await add_fees(database, *rows)
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM fee")) == len(rows)


@pytest.mark.parametrize(
    ("columns", "check"),
    [
        ({"code": ""}, "code"),
        ({"kind": "Fixed!"}, "kind"),
        ({"rule": [1000]}, "rule"),
        ({"sub_item": "27160"}, "sub_item"),
        ({"basis": ""}, "basis_and_source"),
        ({"certainty": "sure"}, "certainty"),
        ({"valid_to": date(2025, 12, 31)}, "validity"),
    ],
)
async def test_a_row_that_makes_no_sense_is_refused(
    database: Database, columns: dict[str, Any], check: str
) -> None:
    with pytest.raises(IntegrityError, match=f"ck_fee_{check}"):
        await add_fees(database, columns)


async def test_dropping_the_tables_takes_the_guards_with_them(empty_database_url: str) -> None:
    database = Database(empty_database_url, pool_size=1)
    tables = [SQLModel.metadata.tables[name] for name in TABLES]
    async with database.engine.begin() as connection:
        for work in ("create_all", "drop_all", "create_all"):
            await connection.run_sync(getattr(SQLModel.metadata, work), tables)
    await add_fees(database, {})
    with pytest.raises(IntegrityError, match="ex_fee_validity"):
        await add_fees(database, {})
    await database.dispose()


# Searching


@pytest.mark.parametrize(
    "query",
    [
        "Chứng thực bản sao",
        "chung thuc ban sao",
        "CHUNG THUC BAN SAO",
        "sao ban, thuc",
        "2.000815",
        "copy  from the ORIGINAL",
        unicodedata.normalize("NFD", "Chứng thực bản sao"),
    ],
)
async def test_a_procedure_is_found_however_its_name_is_typed(seeded: Database, query: str) -> None:
    async with seeded.transaction() as session:
        page = await queries.list_procedures(session, None, TODAY, query=query)
    assert "2.000815" in {procedure.code for procedure in page.items}
    assert len(page.items) < 5


async def test_a_search_without_words_lists_everything_and_a_strange_word_nothing(
    seeded: Database,
) -> None:
    async with seeded.transaction() as session:
        everything = await queries.list_procedures(session, None, TODAY, limit=500)
        for query in ("", "  ", "%", "_", "\x00"):
            page = await queries.list_procedures(session, None, TODAY, query=query, limit=500)
            assert page == everything
        page = await queries.list_procedures(session, None, TODAY, query="ban sao khai thac cat")
        assert page.items == ()


async def test_pages_show_every_procedure_once_in_order(seeded: Database) -> None:
    seen: list[str] = []
    cursor: str | None = None
    async with seeded.transaction() as session:
        everything = await queries.list_procedures(session, None, TODAY, limit=500)
        while True:
            page = await queries.list_procedures(session, None, TODAY, cursor=cursor, limit=20)
            seen += [procedure.code for procedure in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.items) == 20
    assert seen == [procedure.code for procedure in everything.items]
    assert len(set(seen)) == len(seen) > 8


async def test_a_procedure_comes_with_the_fees_of_the_day(seeded: Database) -> None:
    async with seeded.transaction() as session:
        for day, amount in ((date(2026, 12, 31), 25_000), (date(2027, 1, 1), 50_000)):
            procedure = await queries.get_procedure(session, None, "2.001195", day)
            assert amount_of(procedure.schedule, "2.001195", day) == amount
        assert (await queries.get_procedure(session, None, "2.000635", TODAY)).code_certainty is (
            Certainty.CONFIRMED
        )
        for code in ("9.999999", "\x00"):
            with pytest.raises(NotFound):
                await queries.get_procedure(session, None, code, TODAY)


async def test_a_fee_that_an_agency_put_under_another_procedure_is_not_under_the_old_one(
    seeded: Database,
) -> None:
    own = await add_agency(seeded, "so-a")
    row = {"code": "chung-thuc-chu-ky", "agency_id": own, "rule": {"amount": 8_000}}
    await add_fees(seeded, row, procedure="9.000009")
    async with seeded.transaction() as session:
        schedule = await queries.load_schedule(session, own)
    assert schedule.of_procedure("2.000884", TODAY) == ()
    assert [fee.code for fee in schedule.of_procedure("9.000009", TODAY)] == ["chung-thuc-chu-ky"]


def dated_row(table: str, valid_from: date, valid_to: date | None) -> SQLModel:
    """A row of a dated table, always of the same name."""
    dates: dict[str, Any] = {
        "id": new_id("row"),
        "basis": "TT 1/2026/TT-BTC",
        "source": "trial",
        "certainty": "confirmed",
        "checked_on": TODAY,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "created_at": BEGAN,
        "updated_at": BEGAN,
    }
    names: dict[str, Any] = {"name_vi": "Thử", "name_en": "Trial"}
    if table == "relief":
        return models.Relief(code="giam-thu", fees=["phi-thu"], percent=50, **names, **dates)
    if table == "sub_item":
        return models.SubItem(code="2716", **names, **dates)
    titles: dict[str, Any] = {"title_vi": "Thử", "title_en": "Trial", "issuer": "Bộ Tài chính"}
    return models.LegalReference(number="1/2026/TT-BTC", **titles, **dates)


@pytest.mark.parametrize("table", ["relief", "sub_item", "legal_reference"])
async def test_two_rows_of_one_name_on_one_day_are_refused_in_every_dated_table(
    database: Database, table: str
) -> None:
    async def add(valid_from: date, valid_to: date | None) -> None:
        async with database.transaction() as session:
            session.add(dated_row(table, valid_from, valid_to))

    await add(date(2026, 1, 1), date(2026, 6, 30))
    await add(date(2026, 7, 1), None)
    for valid_from, valid_to in (
        (date(2026, 6, 30), date(2026, 6, 30)),
        (date(2025, 1, 1), date(2026, 1, 1)),
        (date(2027, 1, 1), None),
    ):
        with pytest.raises(IntegrityError, match=f"ex_{table}_validity"):
            await add(valid_from, valid_to)
    # The control: it was this constraint that refused.
    await run(database, f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_validity")
    await add(date(2027, 1, 1), None)
