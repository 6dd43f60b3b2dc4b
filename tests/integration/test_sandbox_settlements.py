"""The sandbox's settlement files: the product's own layouts read each, and each row matches."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.settlement import SettledMoney, sheets_of
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Merchant
from app.seed.agency import DEMO_ACCOUNT
from app.settlement_layouts import settlement_layouts
from core import clock
from core.ids import new_id
from payments.gateway_info import GatewayKind
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import get_layout
from tests.api.test_days_of_accounts import view
from tests.api.test_refunds import approved, asked, read
from tests.journeys.test_every_gateway import LINES, STRAIGHT, order_of, press, settled, start
from tests.journeys.test_main_job import reconcile_today, upload
from tests.support.every_gateway import FEEDS, GATEWAYS, open_every_account
from tests.support.staff import finance_office
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Who collects for us has its file in tests/integration/test_biller_day.py: nothing starts there.
SHEETS = {
    sheet.name: (name, sheet)
    for name, dialect in sorted(dialects().items())
    for sheet in sheets_of(dialect)
    if name in GATEWAYS
}
SETTLING = sorted({name for name, _ in SHEETS.values()})
#: These keep no money: their file is the statement of the account that they credit.
CREDITING = [*STRAIGHT, *FEEDS]
ON = date(2026, 11, 28)
AT = datetime(2026, 11, 28, 3, tzinfo=UTC)
MONEY = (
    SettledMoney("payment", "LP-1", "", "101", 1_250_000, AT),
    SettledMoney("payment", "LP-2", "", "102", 49_999, AT),
    SettledMoney("refund", "LP-1", "RF-1", "103", 20_000, AT, charge="101"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    async with system_at(system_template, tmp_path_factory.mktemp("system")) as built:
        await open_every_account(built, [*GATEWAYS, *FEEDS])
        yield built


async def test_everybody_who_brings_money_has_a_file_of_it_here() -> None:
    billers = [n for n, made in ADAPTERS.items() if made.info.kind is GatewayKind.BILLER]
    assert sorted([*SETTLING, *CREDITING, *billers]) == sorted(ADAPTERS)


async def test_every_layout_of_a_gateway_has_a_file_here() -> None:
    named = {one.code for one in settlement_layouts() if one.is_valid(ON)}
    told = {sheet.name for dialect in dialects().values() for sheet in sheets_of(dialect)}
    assert told == named - {"lephi-settlement"}


@pytest.mark.parametrize("layout", SHEETS)
async def test_a_file_is_what_its_layout_reads(layout: str) -> None:
    name, sheet = SHEETS[layout]
    merchant = Merchant(name, "M-1", {}, "")
    rows = read_settlement(
        sheet.written(merchant, ON, MONEY), get_layout(settlement_layouts(), layout, ON), ON
    )
    # Some name what goes back by the charge that it is of.
    refunded = "101" if "charge" in [column for _, column in sheet.columns] else "103"
    told = [(one.kind, one.gateway_ref, one.amount, one.fee, one.net) for one in rows]
    wanted = [
        ("payment", "101", 1_250_000, 13_750, 1_236_250),
        ("payment", "102", 49_999, 549, 49_450),
        ("refund", refunded, 20_000, 0, 20_000),
    ]
    assert told == [one for one in wanted if one[0] in (sheet.kinds or ("payment",))]
    assert {one.settled_on for one in rows} == {ON}
    assert {one.batch_ref for one in rows} == {"M-1-261128"}
    assert all(one.paid_at is not None for one in rows)


@pytest.mark.parametrize("layout", SHEETS)
async def test_a_file_with_a_row_that_names_nothing_is_refused(layout: str) -> None:
    name, sheet = SHEETS[layout]
    merchant = Merchant(name, "M-1", {}, "")
    known = get_layout(settlement_layouts(), layout, ON)
    content = sheet.written(merchant, ON, MONEY)
    changed = content.replace(b"102", b"").replace(b"LP-2", b"")
    with pytest.raises(StatementRefused):
        read_settlement(changed, known, ON)


async def test_a_viettel_row_that_was_not_paid_is_no_payment() -> None:
    """The control: 2 is failed, and a file that says so of a row is refused by that row."""
    _, sheet = SHEETS["viettel"]
    content = sheet.written(Merchant("viettel", "M-1", {}, ""), ON, MONEY)
    failed = content.replace(b"28/11/2026 10:00:00,1,49999", b"28/11/2026 10:00:00,2,49999")
    assert failed != content
    with pytest.raises(StatementRefused) as refused:
        read_settlement(failed, get_layout(settlement_layouts(), "viettel", ON), ON)
    told = [(one.field, one.code) for one in refused.value.errors]
    assert told[0] == ("row 3, column payment_status", "kind")


async def file_of(system: System, account: str, layout: str) -> bytes:
    """The file as the account's page offers it, over HTTP."""
    page = (await system.browser.get(f"{system.sandbox_url}/account", params={"of": account})).text
    offered = [unescape(part.split('"')[0]) for part in page.split('href="')[1:]]
    (address,) = (
        one
        for one in offered
        if urlsplit(one).path == "/account/settlement"
        and parse_qs(urlsplit(one).query)["layout"] == [layout]
    )
    answer = await system.browser.get(f"{system.sandbox_url}{address}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    return answer.content


async def take(
    system: System, payment: dict[str, Any], layout: str, content: bytes
) -> httpx2.Response:
    """Load the file for the account at which the payment was made."""
    async with system.parts.database.transaction() as session:
        name = await session.scalar(
            text(
                "SELECT g.gateway || '/' || g.account FROM gateway_account g"
                " JOIN payment p ON p.gateway_account_id = g.id WHERE p.id = :id"
            ),
            {"id": payment["id"]},
        )
    return await system.office.post(
        "/api/v1/settlements",
        files={"file": (f"{layout}.csv", content, "text/csv")},
        data={"gateway": str(name), "mapping": layout},
        headers={"Idempotency-Key": new_id("k")},
    )


async def paid(system: System, gateway: str) -> dict[str, Any]:
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, gateway)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    return payment


def account_of(system: System, gateway: str) -> str:
    return next(
        one.id
        for one in system.sandbox.store.merchants.values()
        if one.dialect == gateway and any(o.merchant_id == one.id for o in orders(system))
    )


def orders(system: System) -> list[Any]:
    return list(system.sandbox.store.orders.values())


@pytest.mark.parametrize("layout", SHEETS)
async def test_a_day_s_file_is_taken_and_every_payment_matches(system: System, layout: str) -> None:
    gateway, sheet = SHEETS[layout]
    payments = [await paid(system, gateway) for _ in range(2)]
    content = await file_of(system, account_of(system, gateway), layout)
    before = await places(system, gateway)
    # The same gateway's second layout tells the same day again, with what has come since.
    answer = await take(system, payments[0], layout, content)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["amount"] - told["fee"] == told["net"]
    assert told["new"] == 2
    after = await places(system, gateway)
    assert after["matched"]["count"] == before.get("matched", {"count": 0})["count"] + 2
    odd = {"unknown_in_settlement", "amount_mismatch", "duplicate", "missing_in_settlement"}
    assert not odd & set(after), after
    assert await system.broken() == []
    assert sheet.name == layout


async def places(system: System, gateway: str) -> dict[str, Any]:
    """The classes of the gateway's payments and lines today."""
    shown = (await view(system))["settlements"]
    found: dict[str, Any] = next(
        (one["classes"] for one in shown if one["gateway"].startswith(gateway)), {}
    )
    return found


@pytest.mark.parametrize("layout", ["momo", "zalopay", "vnpay"])
async def test_a_refund_in_the_file_is_the_refund_that_we_asked_for(
    system: System, layout: str
) -> None:
    gateway, _ = SHEETS[layout]
    office = await finance_office(system)
    payment = await paid(system, gateway)
    refund = await approved(office, await asked(office, payment, 9_000, way="gateway"))
    await system.work()
    content = await file_of(system, account_of(system, gateway), layout)
    answer = await take(system, payment, layout, content)
    assert answer.status_code == 201, answer.text
    refund = await read(office, refund)
    assert refund["status"] == "succeeded"
    assert refund["settlement_line"] is not None


async def test_a_file_of_nothing_or_of_another_account_is_not_there(system: System) -> None:
    url = f"{system.sandbox_url}/account/settlement"
    today = clock.business_date(clock.now()).isoformat()
    account = next(iter(system.sandbox.store.merchants))
    for asked_for in (
        {"of": "NOBODY", "layout": "momo", "on": today},
        {"of": account, "layout": "../../etc/passwd", "on": today},
        {"of": account, "layout": "momo", "on": "yesterday"},
    ):
        assert (await system.browser.get(url, params=asked_for)).status_code == 404


async def statement(system: System) -> bytes:
    """The day of the bank's account, as its page offers it."""
    page = (await system.browser.get(f"{system.sandbox_url}/bank")).text
    (address,) = [part.split('"')[0] for part in page.split('href="')[1:] if "/statement" in part]
    answer = await system.browser.get(system.sandbox_url + unescape(address))
    assert answer.status_code == 200, answer.text
    return answer.content


async def came(system: System, name: str) -> tuple[dict[str, Any], str]:
    """A bill that was paid through somebody who keeps no money, and the bank's reference."""
    if name in GATEWAYS:
        bill = await system.create_bill(lines=LINES)
        payment = await start(system, bill, name)
        await press(system, payment, PayerOutcome.SUCCESS)
        await settled(system, bill)
        return bill, order_of(system, payment).charges[0].transaction_no
    bill, ref = await system.create_bill(), new_id("ft")
    system.sandbox.bank.transfer(
        DEMO_ACCOUNT, bill["amount"], f"nop {bill['reference']}", reference_code=ref
    )
    await system.told()
    newest = [one for one in system.sandbox.deliveries.all if one.dialect == name][-1]
    assert newest.state is DeliveryState.ACKNOWLEDGED
    await system.until(bill, "paid")
    return bill, ref


@pytest.mark.parametrize("name", CREDITING)
async def test_money_that_comes_straight_is_settled_by_the_account_s_statement(
    system: System, name: str
) -> None:
    bill, ref = await came(system, name)
    await system.work()
    (payment,) = (await system.read(bill))["payments"]
    assert payment["credited"] == bill["amount"]
    # The control: nothing but the statement says that the bank has it.
    before = await matched(system)
    assert payment["id"] not in before
    content = await statement(system)
    assert f",{bill['amount']},credit,".encode() in content
    assert ref.encode() in content
    taken = await upload(system, content, f"{name}.csv", new_id("k"))
    assert taken.status_code == 201, taken.text
    assert payment["id"] in await matched(system)
    assert await system.broken() == []


async def matched(system: System) -> set[str]:
    """The payments of today that a line of the statement is."""
    run = await reconcile_today(system, new_id("k"))
    answer = await system.office.get(f"/api/v1/reconciliations/{run['id']}/matches")
    assert answer.status_code == 200, answer.text
    return {one["payment"] for one in answer.json()["items"]}
