"""The tree of agencies: read in one place, by one text each way."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import clock
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.models import Agency, CollectionAccount
from payments.agencies.queries import find_agency
from payments.agencies.tree import branches, lineage, reach, reaches

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "payments", "receipts", "reconciliation", "adapters", "app")


@dataclass(frozen=True, slots=True)
class Family:
    """A province with two wards, one of which has a market; and a stranger."""

    province: str
    ward: str
    other: str
    market: str
    stranger: str


async def add(session: WriteSession, name: str, parent: str | None = None) -> str:
    agency = Agency(
        id=new_id("agency"),
        code=name,
        name=name,
        name_en=name,
        parent_id=parent,
        tax_code="0100000000",
        address="x",
        phone="024",
        return_origins=[],
        created_at=clock.now(),
    )
    session.add(agency)
    await session.flush()
    return agency.id


async def account(session: WriteSession, agency_id: str, code: str) -> None:
    session.add(
        CollectionAccount(
            id=new_id("acct"),
            agency_id=agency_id,
            code=code,
            bank_bin="999999",
            account_number=code,
            account_name="X",
            created_at=clock.now(),
        )
    )
    await session.flush()


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[WriteSession]:
    database = Database(database_url, pool_size=1)
    async with database.transaction() as opened:
        yield opened
    await database.dispose()


@pytest.fixture
async def family(session: WriteSession) -> Family:
    province = await add(session, "tinh")
    ward = await add(session, "phuong", province)
    return Family(
        province,
        ward,
        await add(session, "phuong-khac", province),
        await add(session, "cho", ward),
        await add(session, "tinh-khac"),
    )


async def test_upwards_the_nearest_comes_first(session: WriteSession, family: Family) -> None:
    assert await lineage(session, family.market) == (family.market, family.ward, family.province)
    assert await lineage(session, family.stranger) == (family.stranger,)
    assert await lineage(session, "agency_none") == ()


async def test_downwards_everything_is_reached_and_nothing_beside(
    session: WriteSession, family: Family
) -> None:
    assert await reach(session, family.province) == {
        *(family.province, family.ward, family.other, family.market)
    }
    assert await reach(session, family.ward) == {family.ward, family.market}
    assert await reach(session, family.market) == {family.market}
    assert await reach(session, "agency_none") == frozenset()


async def test_one_reaches_another_where_it_stands_above(
    session: WriteSession, family: Family
) -> None:
    assert await reaches(session, family.province, family.market)
    assert await reaches(session, family.market, family.market)
    assert not await reaches(session, family.market, family.ward)
    assert not await reaches(session, family.other, family.market)


async def test_the_whole_tree_says_what_each_lineage_says(
    session: WriteSession, family: Family
) -> None:
    whole = await branches(session)
    assert len(whole) == 5
    for agency_id, branch in whole.items():
        assert (agency_id, *branch.above) == await lineage(session, agency_id)
    assert whole[family.market].code == "cho"


async def test_money_goes_to_the_nearest_account_above(
    session: WriteSession, family: Family
) -> None:
    async def found(code: str) -> str | None:
        agency = await find_agency(session, code)
        assert agency is not None
        return None if agency.account is None else agency.account.code

    assert await found("cho") is None
    await account(session, family.province, "tk-tinh")
    await account(session, family.stranger, "tk-khac")
    assert (await found("cho"), await found("phuong-khac")) == ("tk-tinh", "tk-tinh")
    await account(session, family.ward, "tk-phuong")
    await account(session, family.ward, "tk-phuong-2")
    assert (await found("cho"), await found("phuong-khac")) == ("tk-phuong", "tk-tinh")
    assert await found("tinh-khac") == "tk-khac"
    assert await find_agency(session, "khong-co") is None


def recursive(path: str, content: str) -> bool:
    return re.search(r"\bRECURSIVE\b", content) is not None and path != "payments/agencies/tree.sql"


def test_nobody_else_walks_the_tree_in_sql() -> None:
    files = [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in (".py", ".sql")
    ]
    assert any(path.name == "tree.sql" for path in files)
    found = [str(path.relative_to(ROOT)) for path in files]
    read = [path.read_text("utf-8") for path in files]
    assert [
        name for name, content in zip(found, read, strict=True) if recursive(name, content)
    ] == []
    assert recursive("payments/queries.py", "WITH RECURSIVE up AS (SELECT 1)")
