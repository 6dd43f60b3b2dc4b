"""A file that is known already is told of as such, by whoever brings it and whenever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update
from sqlmodel import col

from core.ids import new_id
from payments.agencies.models import GatewayAccountRow
from tests.api.test_staff_loading import choose, file_of, paygov_row, sheet, take
from tests.integration.test_settlement_versions import lines_of, reissue, taken
from tests.support.bare_money import add_account
from tests.support.catalogue_rows import add_agency
from tests.support.markup import words_of
from tests.support.rows import count
from tests.support.settlements import GATEWAY, new_batch, settled
from tests.support.staff import finance_office
from tests.support.staff_browser import signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAYGOV = f"gateway:{GATEWAY}"


@pytest.mark.parametrize("kind", ["statement", "settlement"])
async def test_the_same_file_again_a_moment_later_is_told_as_known(
    shared_system: System, kind: str
) -> None:
    system = shared_system
    place = f"account:{system.body.collection_code}" if kind == "statement" else PAYGOV
    content = sheet(7000) if kind == "statement" else file_of("paygov", paygov_row(new_id("lo")))
    async with signed_in_as(system, "finance") as clerk, signed_in_as(system, "chief") as other:
        made = await take(clerk, system, "lan-dau.csv", content, place)
        assert "Đã nạp 1 dòng, 1 dòng mới" in words_of((await clerk.get(made)).text)
        # Somebody else's second time takes no word from the clerk.
        assert await take(other, system, "nguoi-khac.csv", content, place) == made
        assert "Đã nạp 1 dòng, 1 dòng mới" in words_of((await clerk.get(made)).text)
        assert await take(clerk, system, "lan-hai.csv", content, place) == made
        told = words_of((await clerk.get(made)).text)
        assert "lan-dau.csv đã được nạp từ trước" in told
        assert "Nạp lại tệp này không thay đổi gì." in told
        assert "Đã nạp 1 dòng" not in told


@asynccontextmanager
async def paid_into_another(system: System, owner: str | None = None) -> AsyncIterator[str]:
    """Have the gateway's money go to another account for a while, of the body itself unless told
    whose; its code."""
    gateway, _, account = GATEWAY.partition("/")
    of_gateway = update(GatewayAccountRow).where(
        col(GatewayAccountRow.gateway) == gateway, col(GatewayAccountRow.account) == account
    )
    code, database = new_id("tk")[-12:], system.parts.database
    async with database.transaction() as session:
        other = await add_account(session, owner or system.body.agency_id, code=code)
        await session.execute(of_gateway.values(collection_account_id=other))
    try:
        yield code
    finally:
        async with database.transaction() as session:
            before = system.body.collection_account_id
            await session.execute(of_gateway.values(collection_account_id=before))


async def test_a_settlement_taken_before_its_gateway_paid_elsewhere_says_both_accounts(
    shared_system: System,
) -> None:
    system, content = shared_system, file_of("paygov", paygov_row(new_id("lo")))
    before = system.body.collection_code
    async with signed_in_as(system, "finance") as clerk:
        made = await take(clerk, system, "quyet-toan.csv", content, PAYGOV)
        stored = await count(system.parts.database, "settlement")
        at = (await choose(clerk, PAYGOV, "lai.csv", content)).headers["location"]
        page = (await clerk.get(at)).text
        # As long as nothing was set otherwise there is nothing to say.
        assert "nay cổng trả tiền về tài khoản" not in words_of(page)
        async with paid_into_another(system) as now:
            shown = (await clerk.get(at)).text
            told = words_of(shown)
            assert f"Tệp đã được nạp cho tài khoản {before}" in told, told
            assert f"nay cổng trả tiền về tài khoản {now}" in told
            assert "Nạp lại tệp này không thay đổi gì" in told
            assert f'action="{at}/take"' not in shown
            english = words_of((await clerk.get(f"{at}?lang=en")).text)
            assert f"The file was taken in for the account {before}" in english, english
            assert f"the gateway now pays into the account {now}" in english
            await clerk.get(f"{at}?lang=vi")
            # A page that was opened before is told on the day of the account it was taken for.
            taken = await clerk.send(page, f"{at}/take")
            assert (taken.status_code, taken.headers["location"]) == (303, made)
            known = words_of((await clerk.get(made)).text)
            assert "quyet-toan.csv đã được nạp từ trước" in known
        assert await count(system.parts.database, "settlement") == stored


@pytest.mark.parametrize("of_another", [False, True], ids=["its own", "of another body"])
async def test_such_a_file_has_newer_versions_all_the_same(
    shared_system: System, of_another: bool
) -> None:
    """It is found by its gateway, and stays with the account that it was taken for."""
    system, office = shared_system, await finance_office(shared_system)
    batch, number = new_batch(), new_id("n")
    first = await taken(system, settled(batch, number, 5000, 50))
    owner = await add_agency(system.parts.database, new_id("b")[-12:]) if of_another else None
    latest = first["id"]
    async with paid_into_another(system, owner):
        for fee in (60, 70):
            newer = await reissue(office, latest, settled(batch, number, 5000, fee))
            assert newer.status_code == 202, newer.text
            superseded = await office.approve(newer.json()["approval"])
            assert superseded["status"] == "approved", superseded
            latest = superseded["outcome"]["settlement"]
            (line,) = await lines_of(system, latest)
            assert (line["amount"], line["fee"]) == (5000, fee)
