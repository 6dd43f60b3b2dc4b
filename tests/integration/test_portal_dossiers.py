"""The portal's dossiers: what it asks about, what it pays, and what no checksum of it covers."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.dvcqg import pulls
from adapters.sandbox.dialects import dvcqg
from adapters.sandbox.engine.store import Charge, Merchant, Order
from app.seed.agency import configure_gateway
from core import clock
from core.ids import new_id
from payments.attempts import pulled, results
from payments.debts.commands import NewDebtList, take_list
from payments.debts.comparing import ListName
from payments.debts.kinds import DebtKind
from payments.debts.loading import load_list
from payments.debts.sheets import read_debts
from tests.support.debts import land, land_file
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: `portal` never asks; `asking` asks what dossiers owe.
KEYS = {
    "portal": {"partner_code": "PORTAL", "hash_key": "key-of-the-portal"},
    "asking": {
        "partner_code": "ASKING",
        "hash_key": "key-of-who-asks",
        "pull": "yes",
        "pull_token": "token-of-who-asks",
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """The shared system with two accounts at the portal's platform."""
    for account, keys in KEYS.items():
        async with shared_system.parts.database.transaction() as session:
            await configure_gateway(
                session,
                shared_system.parts.cipher,
                agency_id=shared_system.body.agency_id,
                collection_account_id=shared_system.body.collection_account_id,
                gateway="dvcqg",
                account=account,
                base_url=f"{shared_system.sandbox_url}/dvcqg",
                credentials=keys,
            )
        shared_system.sandbox.open("dvcqg", keys, "http://127.0.0.1:1/")
    shared_system.parts.payments.agencies.forget()
    return shared_system


def merchant_of(system: System, account: str) -> Merchant:
    return system.sandbox.store.merchants[KEYS[account]["partner_code"]]


async def ordered(system: System, number: str) -> tuple[dict[str, Any], Order]:
    """A bill of a dossier, and its order at the platform."""
    bill = await system.create_bill(dossier_number=number)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "dvcqg"})
    assert answer.status_code == 201, answer.text
    page = answer.json()["checkout"]["url"].removeprefix(system.sandbox_url)
    (order,) = (one for one in system.sandbox.store.orders.values() if one.page == page)
    return bill, order


def told_of(order: Order, amount: int | None = None) -> dict[str, Any]:
    """What the platform tells of a paid order, unsealed."""
    now = clock.now()
    charge = Charge(new_id("t")[-20:], amount or order.amount, now, now)
    return dvcqg.confirmation(order, charge, "00")


async def confirm(system: System, merchant: Merchant, fields: dict[str, Any]) -> str:
    """The platform confirms; the code of our answer."""
    names = {one["partner_code"]: account for account, one in KEYS.items()}
    answer = await system.browser.post(
        f"/callbacks/dvcqg/{names[merchant.id]}", content=dvcqg.confirmed(merchant, fields)
    )
    assert answer.status_code == 200
    told: str = answer.json()["MaLoi"]
    return told


async def pull(system: System, number: str, **how: Any) -> dict[str, Any]:
    """The portal asks what a dossier owes; our answer."""
    body = dvcqg.question(merchant_of(system, "asking"), number, clock.now(), **how)
    answer = await system.browser.post("/callbacks/dvcqg/asking/pull", content=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def pulled_order(told: dict[str, Any]) -> Order:
    """What the platform pays of what it was told."""
    message = told["message"]
    return Order(
        dialect="dvcqg",
        merchant_id=message["client_id"],
        order_id=message["transaction_id"],
        amount=int(message["SoTien"]),
        order_info="Phi ho so",
        return_url="",
        digest="",
        details={"dossier": message["MaHoSo"], "receipt": "{}"},
        page="",
        page_token="",
        created_at=clock.now(),
    )


async def test_the_order_tells_the_dossier_and_its_confirmation_settles_the_bill(
    system: System,
) -> None:
    bill, order = await ordered(system, "H00.01-261129-0007")
    assert order.details["dossier"] == "H00.01-261129-0007"
    merchant = system.sandbox.store.merchants[order.merchant_id]
    told = told_of(order) | {"ThongTinBienLai": json.loads(order.details["receipt"])}
    assert await confirm(system, merchant, told) == "00"
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"MaHoSo": "H00.01-261129-0008"},
        {"ThongTinBienLai": {"TKThuHuong": "0000"}},
        {"ThongTinBienLai": {"MaDichVu": 1}},
        {"ThongTinBienLai": {"MaDonVi": "khac"}},
        {"ThongTinBienLai": {"PhiLePhi": [{"MaPhiLePhi": "khac", "SoTien": "5000"}]}},
    ],
)
async def test_what_is_told_back_otherwise_waits_for_a_person(
    system: System, changed: dict[str, Any]
) -> None:
    """Whoever stands between may change it: the checksum is right all the same."""
    bill, order = await ordered(system, "H00.01-261129-0007")
    merchant = system.sandbox.store.merchants[order.merchant_id]
    assert await confirm(system, merchant, told_of(order) | changed) == "00"
    found = await system.read(bill)
    assert (found["status"], found["payments"][0]["status"]) == ("open", "held")
    assert await system.broken() == []


@pytest.mark.parametrize(
    "garbled",
    [
        '{"MaDichVu":"chín"}',
        '{"NgayQD":"31/02/2026"}',
        '{"PhiLePhi":[{"SoTien":1.5}]}',
        '{"PhiLePhi":[{"SoTien":1e3}],"KhoBac":null}',
        '{"TenDonVi":"\\ud800","MaDichVu":2}',
        '"khong phai khoi"',
        "[7]",
        '{"MaHoSo":7}',
    ],
)
async def test_money_whose_unsigned_words_cannot_be_read_is_taken_and_waits_for_a_person(
    system: System, garbled: str
) -> None:
    """What proves the money can be read: it is in the books, and nobody has to replay it."""
    bill, order = await ordered(system, "H00.01-261129-0007")
    merchant = system.sandbox.store.merchants[order.merchant_id]
    sealed = dvcqg.confirmed(merchant, told_of(order)).decode()
    body = f'{sealed.rstrip()[:-1]},"ThongTinBienLai":{garbled}}}'.encode()
    answer = await system.browser.post("/callbacks/dvcqg/portal", content=body)
    assert (answer.status_code, answer.json()["MaLoi"]) == (200, "00")
    found = await system.read(bill)
    (payment,) = found["payments"]
    assert (found["status"], payment["status"]) == ("open", "held")
    assert payment["credited"] == bill["amount"]
    async with system.parts.database.transaction() as session:
        said = text("SELECT details FROM audit_entry WHERE object_id = :id AND action = :held")
        held = {"id": payment["id"], "held": "payment.held"}
        (details,) = (await session.execute(said, held)).scalars()
    assert details["differs"] == ["unreadable"]
    assert await system.broken() == []


async def test_one_who_does_not_compare_is_seen_to_settle_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""

    async def nothing_differs(*_: object, **__: object) -> list[str]:
        return []

    monkeypatch.setattr(results, "differing_from_billed", nothing_differs)
    bill, order = await ordered(system, "H00.01-261129-0007")
    merchant = system.sandbox.store.merchants[order.merchant_id]
    told = told_of(order) | {"ThongTinBienLai": {"TKThuHuong": "0000"}}
    assert await confirm(system, merchant, told) == "00"
    assert (await system.read(bill))["status"] == "paid"


@pytest.mark.parametrize("time_first", [False, True])
async def test_a_dossier_is_asked_about_told_and_paid_bill_by_bill(
    system: System, time_first: bool
) -> None:
    number = f"H00.02-{new_id('d')[-10:]}"
    assert (await pull(system, number))["error_code"] == -1
    first = await system.create_bill(dossier_number=number)
    second = await system.create_bill(
        dossier_number=number, lines=[{"fee": "2.000815", "quantity": 5}]
    )
    for bill in (first, second):
        told = await pull(system, number, time_first=time_first)
        assert told["error_code"] == 1
        assert told["message"]["transaction_id"] == bill["reference"]
        assert told["message"]["SoTien"] == str(bill["amount"])
        fields = told_of(pulled_order(told))
        merchant = merchant_of(system, "asking")
        assert await confirm(system, merchant, fields) == "00"
        assert await confirm(system, merchant, fields) == "00"
        found = await system.read(bill)
        assert found["status"] == "paid"
        (payment,) = found["payments"]
        assert (payment["gateway"], payment["credited"]) == ("dvcqg", bill["amount"])
    assert await pull(system, number) == {"error_code": 0, "message": []}
    await system.work()
    assert len((await system.read(first))["receipts"]) == 1
    assert await system.broken() == []


async def test_what_is_open_is_told_however_much_of_the_dossier_is_paid(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "_MOST", 1)
    number = f"H00.07-{new_id('d')[-10:]}"
    bills = [await system.create_bill(dossier_number=number) for _ in range(2)]
    merchant = merchant_of(system, "asking")
    for bill in bills:
        told = await pull(system, number)
        assert told["error_code"] == 1, "what is owed was told as paid"
        assert told["message"]["transaction_id"] == bill["reference"]
        assert await confirm(system, merchant, told_of(pulled_order(told))) == "00"
    assert await pull(system, number) == {"error_code": 0, "message": []}


async def test_odd_money_for_what_was_asked_about_goes_where_all_odd_money_goes(
    system: System,
) -> None:
    number = f"H00.03-{new_id('d')[-10:]}"
    bill = await system.create_bill(dossier_number=number)
    merchant, order = merchant_of(system, "asking"), pulled_order(await pull(system, number))
    assert await confirm(system, merchant, told_of(order, bill["amount"] - 1_000)) == "00"
    told = await pull(system, number)
    assert told["message"]["SoTien"] == "1000"
    assert await confirm(system, merchant, told_of(pulled_order(told), 1_500)) == "00"
    found = await system.read(bill)
    assert found["status"] == "paid"
    assert sum(payment["refundable"] for payment in found["payments"]) == 500
    # A failure changes nothing, and the reference of no bill is kept and waits.
    failed = told_of(order) | {"MaLoi": "24"}
    assert await confirm(system, merchant, failed) == "00"
    stranger = replace(order, order_id="LPAAAAAAAAAABFE")
    assert await confirm(system, merchant, told_of(stranger)) == "00"
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_money_for_another_dossier_than_was_told_waits_for_a_person(system: System) -> None:
    number = f"H00.04-{new_id('d')[-10:]}"
    bill = await system.create_bill(dossier_number=number)
    merchant, order = merchant_of(system, "asking"), pulled_order(await pull(system, number))
    assert await confirm(system, merchant, told_of(order) | {"MaHoSo": "H00.04-khac"}) == "00"
    found = await system.read(bill)
    assert (found["status"], found["payments"]) == ("open", [])
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT s.reason, a.details->'differs' AS differs FROM payment p"
            " JOIN suspense_item s ON s.payment_id = p.id"
            " LEFT JOIN audit_entry a ON a.object_id = p.id"
            " AND a.action = 'payment.conflicting_notice' WHERE p.reference = :ref"
        )
        (row,) = (await session.execute(wanted, {"ref": bill["reference"]})).all()
    assert (row.reason, row.differs) == ("amount_mismatch", ["dossier_number"])
    assert await system.broken() == []


async def test_a_dossier_whose_bill_has_expired_is_neither_paid_nor_unknown(system: System) -> None:
    number, ends = f"H00.08-{new_id('d')[-10:]}", clock.now() + timedelta(minutes=30)
    await system.create_bill(dossier_number=number, expires_at=ends.isoformat())
    paid = await system.create_bill(dossier_number=number)
    merchant = merchant_of(system, "asking")
    with clock.frozen(ends - timedelta(minutes=1)):
        assert (await pull(system, number))["error_code"] == 1
    with clock.frozen(ends + timedelta(minutes=1)):
        told = await pull(system, number)
        assert told["message"]["transaction_id"] == paid["reference"], "the other one is owed"
        assert await confirm(system, merchant, told_of(pulled_order(told))) == "00"
        told = await pull(system, number)
        assert (told["return_code"], "error_code" in told) == (-1, False)
        assert "hết hạn" in told["return_msg"]


async def test_what_is_being_paid_elsewhere_is_neither_owed_nor_paid(system: System) -> None:
    number = f"H00.05-{new_id('d')[-10:]}"
    bill, _ = await ordered(system, number)
    told = await pull(system, number)
    assert told["return_code"] == -1
    assert "error_code" not in told
    # The portal is asked nothing and tells of no order that was left: nobody is locked out by it
    # for longer than its page takes money.
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        told = await pull(system, number)
        assert told["error_code"] == 1, "it cannot be paid any more"
        merchant = merchant_of(system, "asking")
        assert await confirm(system, merchant, told_of(pulled_order(told))) == "00"
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_who_is_not_the_portal_is_told_nothing(system: System) -> None:
    bill = await system.create_bill(dossier_number="H00.06-1")
    asking, now = merchant_of(system, "asking"), clock.now()
    stranger = replace(asking, credentials={**asking.credentials, "hash_key": "other"})
    path = "/callbacks/dvcqg/asking/pull"
    for body in (
        dvcqg.question(stranger, "H00.06-1", now),
        json.dumps({"MaHoSo": "H00.06-1"}).encode(),
        b"<html>",
    ):
        answer = await system.browser.post(path, content=body)
        assert answer.status_code == 401
        assert bill["reference"] not in answer.text
    # An account whose portal does not ask has no such address, and neither has a feed.
    body = dvcqg.question(merchant_of(system, "portal"), "H00.06-1", now)
    for other in ("/callbacks/dvcqg/portal/pull", "/callbacks/sepay/bank/pull"):
        assert (await system.browser.post(other, content=body)).status_code == 404
    bare = json.dumps({"MaHoSo": "H00.06-1"}).encode()
    for token, status in (("token-of-who-asks", 200), ("token-of-who-askt", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await system.browser.post(path, content=bare, headers=headers)
        assert answer.status_code == status


async def test_an_adapter_that_looks_at_no_seal_is_seen_to_tell_everybody(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    bill = await system.create_bill(dossier_number="H00.06-2")

    def believes(_: object, raw: bytes, __: object) -> str:
        return pulls.read_bare_question(raw)

    monkeypatch.setattr(pulls, "read_question", believes)
    asking = merchant_of(system, "asking")
    stranger = replace(asking, credentials={**asking.credentials, "hash_key": "other"})
    body = dvcqg.question(stranger, "H00.06-2", clock.now())
    answer = await system.browser.post("/callbacks/dvcqg/asking/pull", content=body)
    assert bill["reference"] in answer.text


@pytest.mark.parametrize(("kind", "number"), [("land_tax", 3), ("fine", 1)])
async def test_what_a_decision_set_is_told_with_treasury_decision_and_sub_item(
    system: System, kind: str, number: int
) -> None:
    code, parts = new_id("d")[-12:], system.parts
    sheet = read_debts(land_file(land(code)), DebtKind(kind), clock.business_date(clock.now()))
    sheet.check()
    name = ListName(system.body.agency_id, kind, code)
    listed = NewDebtList(name, "dat.csv", new_id("sha"), sheet.debts)
    key = parts.payments.request_key
    async with parts.database.transaction() as session:
        taken = await take_list(session, listed, cipher=parts.cipher, key=key, actor="test")
    await load_list(parts.database, taken.id, parts.cipher, key)
    told = await pull(system, f"H01-{code}")
    message = told["message"]
    assert (message["MaDichVu"], message["KhoBac"]) == (number, "KBNN Ba Đình")
    assert (message["SoQD"], message["NgayQD"]) == ("123/QĐ-CCT", "15/10/2026")
    assert message["HoTenNguoiNop"] == "Nguyễn Văn An"
    (line,) = message["DSKhoanNop"]
    assert (line["Chuong"], line["TieuMuc"], line["SoTien"]) == ("757", "1401", "1530000")
    if kind == "land_tax":
        assert message["MST"] == "0100109106"
    # Told back by another decision it waits, and as it was told it settles.
    block = {field: value for field, value in message.items() if field != "transaction_id"}
    merchant, order = merchant_of(system, "asking"), pulled_order(told)
    other = told_of(order) | {"ThongTinBienLai": block | {"SoQD": "124/QĐ-CCT"}}
    assert await confirm(system, merchant, other) == "00"
    assert (await pull(system, f"H01-{code}"))["return_code"] == -1, "it would be paid twice"
    same = told_of(order) | {"ThongTinBienLai": block}
    assert await confirm(system, merchant, same) == "00"
    assert await pull(system, f"H01-{code}") == {"error_code": 0, "message": []}
    assert await system.broken() == []
