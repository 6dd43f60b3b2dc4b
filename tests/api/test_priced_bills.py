"""Bills of every kind of fee and with reliefs, over HTTP."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from tests.support.explanations import left_told_en, left_told_vi
from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

BILLS = "/api/v1/bills"
NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
NOTICE = {
    "number": "1234/TB-CCT",
    "issued_on": "2026-11-20",
    "tax_number": "0100109106",
    "treasury": "KBNN khu vực I",
    "chapter": "757",
    "sub_item": "2801",
}
ON_NOTICE = {"fee": "truoc-ba-nha-dat-thong-bao", "amount": 12_345_678, "notice": NOTICE}
ESTIMATE = {"fee": "truoc-ba-to-khai-nhan-chuyen-nhuong", "value": 2_000_000_000}
CAR = {"fee": "truoc-ba-to-khai-o-to-lan-hai", "value": 400_000_000}
MOTORCYCLE = {"fee": "truoc-ba-to-khai-xe-may-lan-hai", "value": 50_000_000}


def body(system: System, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"agency": system.body.agency_code, "lines": list(lines)} | more


async def opened(system: System, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await system.create_bill(lines=list(lines), **more)


def told(line: dict[str, Any]) -> tuple[int, int]:
    """What the line's explanations say is left to pay, in both languages."""
    found = []
    for language, read in (("vi", left_told_vi), ("en", left_told_en)):
        key = "explanation" if language == "vi" else "explanation_en"
        explanation = line[key]
        relief = line["relief"]
        if relief is not None:
            ending = f"; {relief[f'explanation_{language}']}; {relief['basis']}"
            assert explanation.endswith(ending)
            explanation = explanation.removesuffix(ending)
        assert explanation.endswith(f"; {line['basis']}")
        explanation = explanation.removesuffix(f"; {line['basis']}")
        found.append(read(explanation, relief, line["quantity"] * line["copies"]))
    return found[0], found[1]


async def test_a_share_of_a_value_is_charged_up_to_its_ceiling(shared_system: System) -> None:
    fee = "tham-dinh-ho-so-gcn"
    for value, amount in ((1_000, 2), (2_000_000_000, 3_000_000), (10**13, 5_000_000)):
        bill = await opened(shared_system, {"fee": fee, "value": value})
        (line,) = bill["lines"]
        assert (bill["amount"], line["amount"], line["value"]) == (amount, amount, value)
        assert told(line) == (amount, amount)
        assert await shared_system.read(bill) == bill


async def test_an_amount_on_a_notice_goes_where_the_notice_says(shared_system: System) -> None:
    bill = await opened(shared_system, ON_NOTICE)
    (line,) = bill["lines"]
    assert (line["amount"], line["sub_item"]) == (12_345_678, "2801")
    assert line["explanation"].startswith(
        "Theo thông báo 1234/TB-CCT ngày 20/11/2026: 12.345.678 đ"
    )
    assert line["notice"] == {k: v for k, v in NOTICE.items() if k != "tax_number"}
    assert told(line) == (12_345_678, 12_345_678)


async def test_a_notices_tax_number_is_kept_encrypted_and_nowhere_else(
    shared_system: System,
) -> None:
    notice = NOTICE | {"tax_number": "001099123456"}
    bill = await opened(
        shared_system,
        ON_NOTICE | {"notice": notice},
        relief={"claims": ["merit"], "born_on": "1961-02-03", "asset": "Thửa 77 tờ 88"},
    )
    database = shared_system.parts.database
    kept = str(await contents(database))
    for secret in ("001099123456", "1961-02-03", "Thửa 77"):
        assert secret not in kept
    async with database.transaction() as session:
        sealed = await session.scalar(
            text("SELECT data FROM payer_data WHERE subject_id = :id"), {"id": bill["id"]}
        )
    data = shared_system.parts.cipher.decrypt(sealed, f"payer:{bill['id']}").decode()
    for secret in ("001099123456", "1961-02-03", "Thửa 77", "merit"):
        assert secret in data


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        (ON_NOTICE | {"notice": NOTICE | {"tax_number": "0100109107"}}, "notice.tax_number", None),
        (ON_NOTICE | {"notice": NOTICE | {"tax_number": "12345"}}, "notice.tax_number", None),
        (ON_NOTICE | {"notice": NOTICE | {"issued_on": "20/11/2026"}}, "notice.issued_on", None),
        (ON_NOTICE | {"notice": NOTICE | {"issued_on": "2026-02-30"}}, "notice.issued_on", None),
        (ON_NOTICE | {"notice": NOTICE | {"issued_on": "2999-01-01"}}, "notice.issued_on", None),
        (ON_NOTICE | {"notice": NOTICE | {"chapter": "75"}}, "notice.chapter", None),
        (ON_NOTICE | {"notice": NOTICE | {"more": 1}}, "notice.more", None),
        ({"fee": "truoc-ba-nha-dat-thong-bao", "quantity": 1}, "notice", "missing"),
        ({"fee": "truoc-ba-nha-dat-thong-bao", "amount": 5}, "", None),
        (ON_NOTICE | {"quantity": 2}, "quantity", "not_applicable"),
        (ON_NOTICE | {"value": 2}, "value", "not_applicable"),
        ({"fee": "2.000815", "amount": 5000, "notice": NOTICE}, "notice", "not_applicable"),
        ({"fee": "2.000815", "quantity": 3, "value": 5}, "value", "not_applicable"),
        ({"fee": "tham-dinh-ho-so-gcn", "quantity": 1}, "value", "missing"),
        (ESTIMATE | {"value": 0}, "value", None),
        (ESTIMATE | {"value": 1.5}, "value", None),
        (ESTIMATE | {"value": "2000"}, "value", None),
        (ESTIMATE | {"copies": 2}, "copies", "not_applicable"),
        ({"fee": "the-tam-tru-den-2-nam", "quantity": 1}, "fee", "foreign_currency"),
        ({"fee": "1.013831", "quantity": 1}, "fee", "ambiguous"),
        ({"fee": "1.000828", "quantity": 1, "value": 5}, "value", "not_applicable"),
    ],
)
async def test_a_faulty_line_is_refused_by_name_and_nothing_is_written(
    shared_system: System, line: dict[str, Any], field: str, code: str | None
) -> None:
    before = await contents(shared_system.parts.database)
    answer = await shared_system.post(BILLS, body(shared_system, line))
    found = problem(answer, 422, None, f"lines.0.{field}".rstrip("."))
    assert code is None or code in {error["code"] for error in found["errors"]}
    assert await contents(shared_system.parts.database) == before


async def test_a_fee_in_foreign_currency_is_named_as_out_of_scope(shared_system: System) -> None:
    answer = await shared_system.post(
        BILLS, body(shared_system, {"fee": "the-tam-tru-den-2-nam", "quantity": 1})
    )
    assert "USD" in answer.json()["detail"]
    assert "chỉ thu đồng Việt Nam" in answer.json()["detail"]


async def test_a_procedure_with_several_fees_that_are_always_taken_becomes_several_lines(
    shared_system: System,
) -> None:
    bill = await opened(shared_system, {"fee": "2.002043", "quantity": 1})
    assert {line["fee"] for line in bill["lines"]} == {"cong-ty-co-phan", "cong-ty-co-phan-cong-bo"}
    assert bill["amount"] == sum(line["amount"] for line in bill["lines"])
    assert await shared_system.read(bill) == bill


async def test_postage_is_a_line_of_its_own_and_no_state_revenue(shared_system: System) -> None:
    postage = {"fee": "tra-ket-qua-qua-buu-chinh", "quantity": 1}
    bill = await opened(shared_system, {"fee": "2.000815", "quantity": 3}, postage)
    assert [line["sub_item"] for line in bill["lines"]] == ["2716", None]
    assert bill["amount"] == 5_000 + bill["lines"][1]["amount"]
    assert bill["lines"][1]["certainty"] == "unconfirmed"
    await shared_system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await shared_system.told()
    await shared_system.work()
    paid = await shared_system.read(bill)
    assert (paid["status"], len(paid["receipts"])) == ("paid", 1)


# Reliefs


async def test_a_line_shows_the_full_fee_the_relief_and_its_basis(shared_system: System) -> None:
    with clock.frozen(NOON):
        bill = await opened(shared_system, {"fee": "2.001195", "quantity": 1})
        (line,) = bill["lines"]
        assert (line["full_amount"], line["amount"], bill["amount"]) == (50_000, 25_000, 25_000)
        assert (line["relief"]["amount"], line["relief"]["code"]) == (25_000, "tt64-can-cuoc")
        assert "64/2025" in line["relief"]["basis"]
        assert told(line) == (25_000, 25_000)
        assert await shared_system.read(bill) == bill


@pytest.mark.parametrize("relief", ["identity_level_2", {"claims": ["merit", "identity_level_2"]}])
async def test_a_bill_that_a_relief_brings_to_nothing_is_exempt_and_has_no_receipt(
    shared_system: System, relief: object
) -> None:
    with clock.frozen(NOON):
        line = {"fee": "2.001195", "quantity": 1}
        bill = await opened(shared_system, line, channel="online", relief=relief)
        assert (bill["status"], bill["amount"], bill["qr"]) == ("exempt", 0, None)
        assert bill["lines"][0]["full_amount"] == 50_000
        assert bill["lines"][0]["relief"]["code"] == "tt117-can-cuoc"
        attempt = await shared_system.post(f"{BILLS}/{bill['id']}/payments", {"gateway": "paygov"})
        problem(attempt, 409, "bill_not_payable")
        await shared_system.work()
        assert (await shared_system.read(bill))["receipts"] == []
        # The same at the counter: this relief is for applications online, another one holds.
        bill = await opened(shared_system, line, channel="counter", relief=relief)
        assert (bill["status"], bill["amount"]) == ("open", 25_000)


async def test_a_birth_date_decides_by_age_without_any_claim(shared_system: System) -> None:
    with clock.frozen(NOON):
        for born_on, amount in (("2010-11-23", 0), ("2010-11-22", 20_000), ("1966-11-22", 0)):
            bill = await opened(
                shared_system,
                {"fee": "thuong-tru", "quantity": 1},
                channel="counter",
                relief={"born_on": born_on},
            )
            assert bill["amount"] == amount, born_on


@pytest.mark.parametrize(
    ("relief", "field", "code"),
    [
        ("ho-ngheo", "relief", "unknown"),
        (["identity_level_2"], "relief", None),
        ({"claims": "identity_level_2"}, "relief.claims", None),
        ({"claims": ["tt117-can-cuoc"]}, "relief", "not_applicable"),  # another fee's
        ({"claims": ["cu-tru-tre-em"]}, "relief.born_on", "missing"),
        ("child", "relief.born_on", "missing"),
        ("elderly", "relief.born_on", "missing"),
        ({"claims": ["cu-tru-tre-em"], "born_on": "1990-01-01"}, "relief", "not_applicable"),
        ({"born_on": "2027-01-01"}, "relief.born_on", "out_of_range"),
        ({"born_on": "1799-01-01"}, "relief.born_on", "out_of_range"),
        ({"born_on": 19900101}, "relief.born_on", None),
        ({"other": 1}, "relief.other", None),
    ],
)
async def test_a_claim_that_cannot_hold_is_refused_by_name(
    shared_system: System, relief: object, field: str, code: str | None
) -> None:
    with clock.frozen(NOON):
        asked = body(shared_system, {"fee": "thuong-tru", "quantity": 1}, relief=relief)
        found = problem(await shared_system.post(BILLS, asked), 422, None, field)
    assert code is None or code in {error["code"] for error in found["errors"]}


LEVEL_2_ONLINE = [
    ("trich-luc-ho-tich", "tt117-ho-tich", 8_000),
    ("thuong-tru", "tt117-cu-tru", 20_000),
    ("phieu-ly-lich-tu-phap", "tt117-ly-lich-tu-phap", 200_000),
    ("gplx-doi", "tt117-giay-phep-lai-xe", 135_000),
    ("ho-chieu-cap-moi", "tt117-ho-chieu", 100_000),
]


@pytest.mark.parametrize("channel", ["counter", "api", "online"])
@pytest.mark.parametrize(("fee", "relief", "amount"), LEVEL_2_ONLINE)
async def test_who_has_a_level_2_identity_pays_less_for_what_is_handed_in_online_only(
    shared_system: System, fee: str, relief: str, amount: int, channel: str
) -> None:
    with clock.frozen(NOON):
        asked = body(shared_system, {"fee": fee, "quantity": 1}, channel=channel)
        bill = (await shared_system.post(BILLS, asked | {"relief": "identity_level_2"})).json()
        assert bill["amount"] == (0 if channel == "online" else amount)
        answer = await shared_system.post(BILLS, asked | {"relief": relief})
    if channel == "online":
        assert answer.json()["lines"][0]["relief"]["code"] == relief
    else:
        assert "không" in problem(answer, 422, None, "relief")["detail"].lower()


@pytest.mark.parametrize(
    ("code", "fees"),
    [
        ("1.115970", "dang-ky-o-to-con-khu-vuc-2"),
        ("1.116410", "can-cuoc-cap-lan-dau, can-cuoc-cap-lai, can-cuoc-cap-doi"),
    ],
)
async def test_a_line_under_another_code_of_a_procedure_is_told_which_fees_there_are(
    shared_system: System, code: str, fees: str
) -> None:
    asked = body(shared_system, {"fee": code, "quantity": 1})
    with clock.frozen(NOON):
        found = problem(await shared_system.post(BILLS, asked), 422, None, "lines.0.fee")
    assert {error["code"] for error in found["errors"]} == {"ambiguous"}
    assert fees in found["detail"]


_numbers = count(1_099_000_000)


def citizen() -> str:
    """The personal number of somebody nobody has heard of yet."""
    return f"{next(_numbers):012d}"


def once(system: System, number: str, *lines: dict[str, Any]) -> dict[str, Any]:
    """A bill with the relief that a citizen may have once a year; of house and land usually."""
    return body(
        system,
        *(lines or (ESTIMATE,)),
        channel="online",
        relief="identity_level_2",
        payer={"identity_number": number},
    )


async def test_a_citizen_has_a_yearly_relief_once_until_the_bill_is_withdrawn(
    shared_system: System,
) -> None:
    system, who = shared_system, citizen()
    with clock.frozen(NOON) as now:
        first = (await system.post(BILLS, once(system, who), who)).json()
        assert first["amount"] == 9_000_000
        again = await system.post(BILLS, once(system, who), who)
        assert (again.status_code, again.json()) == (201, first), "a repeat is no second use"
        before = await contents(system.parts.database)
        problem(await system.post(BILLS, once(system, who)), 409, "relief_used")
        assert await contents(system.parts.database) == before
        other = (await system.post(BILLS, once(system, citizen()))).json()
        assert other["amount"] == 9_000_000
        answer = await system.client.post(f"{BILLS}/{first['id']}/cancel")
        assert answer.json()["status"] == "cancelled"
        assert (await system.post(BILLS, once(system, who))).status_code == 201
        for later in (
            datetime(2026, 12, 31, 17, 0, tzinfo=UTC),  # 2027 in Vietnam
            datetime(2027, 2, 28, 16, 59, 59, tzinfo=UTC),  # the last moment of the relief
        ):
            now.move_to(later)
            problem(await system.post(BILLS, once(system, who)), 409, "relief_used")


async def test_another_plot_is_no_other_relief_but_another_kind_of_thing_is(
    shared_system: System,
) -> None:
    system, who = shared_system, citizen()
    with clock.frozen(NOON):
        for lines, amount in ((ESTIMATE, 9_000_000), (CAR, 4_000_000), (MOTORCYCLE, 0)):
            for number, answer in enumerate((201, 409)):
                asked = once(system, who, lines)
                asked["relief"] = {"claims": ["identity_level_2"], "asset": f"Thửa {number}"}
                found = await system.post(BILLS, asked)
                assert found.status_code == answer, (lines, number)
                assert found.json().get("amount", amount) == amount


#: One plate in Latin, Cyrillic, Greek and full-width letters, with O for 0, parted otherwise.
PLATE = (
    *("30A-120.05", "30\u0410-120.05", "30\u0391-120.05", "３０Ａ－１２０．０５", "3OA-12O.O5"),
    "30A12005",
)


async def test_a_plate_in_letters_that_look_alike_is_no_other_relief(shared_system: System) -> None:
    """No plate is counted, but a citizen: what the plate looks like cannot matter."""
    system, who = shared_system, citizen()
    with clock.frozen(NOON):
        for number, plate in enumerate(PLATE):
            asked = once(system, who, CAR)
            asked["relief"] = {"claims": ["identity_level_2"], "asset": plate}
            found = await system.post(BILLS, asked)
            assert found.status_code == (409 if number else 201), plate


@pytest.mark.parametrize(
    "alike",
    [
        str.maketrans("0", "O"),
        str.maketrans("0", "\u041e"),
        str.maketrans("0", "\u039f"),
        str.maketrans("0123456789", "０１２３４５６７８９"),
        str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    ],
)
async def test_a_personal_number_in_letters_that_look_alike_has_no_second_relief(
    shared_system: System, alike: dict[int, int]
) -> None:
    system, who = shared_system, citizen()
    with clock.frozen(NOON):
        assert (await system.post(BILLS, once(system, who))).status_code == 201
        asked = once(system, who.translate(alike))
        problem(await system.post(BILLS, asked), 422, None, "payer.identity_number")


@pytest.mark.parametrize("payer", [None, {}, {"identity_number": "012345678"}, {"name": "A"}])
async def test_a_yearly_relief_is_not_given_to_who_is_not_named_by_a_personal_number(
    shared_system: System, payer: dict[str, str] | None
) -> None:
    with clock.frozen(NOON):
        asked = once(shared_system, "") | {"payer": payer}
        found = problem(await shared_system.post(BILLS, asked), 422, None, "payer.identity_number")
        assert "12 chữ số" in str(found["errors"])
        unclaimed = asked | {"relief": None}
        bill = (await shared_system.post(BILLS, unclaimed)).json()
    assert (bill["amount"], bill["lines"][0]["relief"]) == (10_000_000, None)


async def test_a_personal_number_lies_nowhere_open(shared_system: System) -> None:
    who = citizen()
    with clock.frozen(NOON):
        assert (await shared_system.post(BILLS, once(shared_system, who))).status_code == 201
    assert who not in str(await contents(shared_system.parts.database))


async def test_of_many_requests_of_one_citizen_at_once_a_single_one_has_the_relief(
    shared_system: System,
) -> None:
    with clock.frozen(NOON):
        asked = once(shared_system, citizen())
        answers = await asyncio.gather(*(shared_system.post(BILLS, asked) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "relief_used")


@pytest.mark.asyncio(loop_scope="function")
async def test_without_the_unique_index_the_race_is_lost(system: System) -> None:
    """The control: it is the database that keeps a second use away."""
    async with system.parts.database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP INDEX uq_relief_use_citizen")
    with clock.frozen(NOON):
        asked = once(system, citizen())
        answers = await asyncio.gather(*(system.post(BILLS, asked) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4


async def test_two_lines_of_one_bill_do_not_both_have_a_yearly_relief(
    shared_system: System,
) -> None:
    with clock.frozen(NOON):
        asked = once(shared_system, citizen(), ESTIMATE, ESTIMATE)
        bill = (await shared_system.post(BILLS, asked)).json()
    assert [line["amount"] for line in bill["lines"]] == [9_000_000, 10_000_000]


async def test_a_yearly_relief_goes_to_the_line_from_which_it_takes_most_off(
    shared_system: System,
) -> None:
    small, large = ESTIMATE | {"value": 100_000_000}, ESTIMATE | {"value": 900_000_000}
    with clock.frozen(NOON):
        for lines in [(small, large), (large, small)]:
            asked = once(shared_system, citizen(), *lines)
            bill = (await shared_system.post(BILLS, asked)).json()
            assert bill["amount"] == 500_000 + 4_500_000 - 450_000


async def test_who_has_the_yearly_relief_is_told_within_the_agency(shared_system: System) -> None:
    who = citizen()
    with clock.frozen(NOON):
        first = (await shared_system.post(BILLS, once(shared_system, who))).json()
        answer = await shared_system.post(BILLS, once(shared_system, who))
        assert first["reference"] in problem(answer, 409, "relief_used")["detail"]


async def test_a_notice_is_collected_once_in_a_bill(shared_system: System) -> None:
    answer = await shared_system.post(BILLS, body(shared_system, ON_NOTICE, ON_NOTICE))
    problem(answer, 422, None, "lines.1.notice.number")


async def test_an_expired_bill_can_be_withdrawn_and_gives_its_relief_back(
    shared_system: System,
) -> None:
    system = shared_system
    with clock.frozen(NOON) as now:
        who = citizen()
        asked = once(system, who) | {"expires_at": "2026-11-22T06:00:00Z"}
        bill = (await system.post(BILLS, asked)).json()
        now.move_to(NOON + timedelta(hours=2))
        await system.work()
        assert (await system.read(bill))["status"] == "expired"
        problem(await system.post(BILLS, once(system, who)), 409, "relief_used")
        answer = await system.client.post(f"{BILLS}/{bill['id']}/cancel")
        assert answer.json()["status"] == "cancelled"
        assert (await system.post(BILLS, once(system, who))).status_code == 201


async def test_a_procedures_page_opens_under_the_code_of_the_commune(
    shared_system: System,
) -> None:
    page = await shared_system.client.get(f"/p/{shared_system.body.agency_code}/1.115970")
    assert page.status_code == 200
    assert "1.013067" in page.text
    assert "Mã khác: 1.115970" in page.text
    merged = await shared_system.client.get(f"/p/{shared_system.body.agency_code}/1.116410")
    assert merged.status_code == 404


async def test_a_procedure_shows_its_reliefs_and_what_they_would_give(
    shared_system: System,
) -> None:
    path = "/api/v1/procedures/2.001195"
    asked = {"on": "2026-12-31", "channel": "online", "relief": "identity_level_2"}
    (fee,) = (await shared_system.client.get(path, params=asked)).json()["fees"]
    assert {relief["code"] for relief in fee["reliefs"]} >= {"tt64-can-cuoc", "tt117-can-cuoc"}
    assert (fee["price"]["full_amount"], fee["price"]["amount"]) == (50_000, 0)
    assert all(
        relief["valid_to"] >= "2026-12-31" for relief in fee["reliefs"] if relief["valid_to"]
    )
    (fee,) = (await shared_system.client.get(path, params={"on": "2027-03-01"})).json()["fees"]
    assert fee["price"]["amount"] == 50_000
    assert date.fromisoformat(fee["valid_from"]) == date(2027, 1, 1)


async def test_what_needs_a_value_or_a_notice_has_no_price_until_it_is_given(
    shared_system: System,
) -> None:
    path = "/api/v1/procedures/1.013831"
    fees = (await shared_system.client.get(path)).json()["fees"]
    prices = {fee["code"]: fee["price"] for fee in fees}
    assert prices["tham-dinh-ho-so-gcn"] is None
    fees = (await shared_system.client.get(path, params={"value": 2_000_000_000})).json()["fees"]
    prices = {fee["code"]: fee["price"] for fee in fees}
    assert prices["tham-dinh-ho-so-gcn"]["amount"] == 3_000_000
