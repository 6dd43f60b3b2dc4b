import copy
import json
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.json import canonical
from core.money import MAX_AMOUNT
from payments.bills.lines import LineValue
from payments.books.queries import ReceiptSource
from receipts.commands import content_of, payment_methods
from receipts.content import (
    Delegate,
    Issuer,
    Payer,
    ReceiptContent,
    ReceiptLine,
    ReplacedReceipt,
    is_symbol,
    symbol_for,
)
from receipts.law import rules_on
from receipts.numbering import Counter
from receipts.text import clean
from tests.support.examples import examples
from tests.support.receipts import HOSTILE, ISSUED_ON, content, line


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        content(**changes)
    return {fault.field: fault.code for fault in refused.value.errors}


def test_a_symbol_is_made_from_the_year_and_two_letters() -> None:
    assert symbol_for(2026, "AA") == "26TAA"
    assert symbol_for(2031, "XY") == "31TXY"


@pytest.mark.parametrize(
    "letters", ["", "A", "AAA", "aa", "AF", "IA", "OO", "AW", "ZZ", "Đ1", "A\n"]
)
def test_letters_that_the_circular_does_not_permit_are_refused(letters: str) -> None:
    with pytest.raises(Invalid):
        symbol_for(2026, letters)


@pytest.mark.parametrize("year", [26, 1999, 2100])
def test_a_year_out_of_range_makes_no_symbol(year: int) -> None:
    with pytest.raises(Invalid):
        symbol_for(year, "AA")


@pytest.mark.parametrize("symbol", ["25TAA", "26EAA", "26TAA ", "26TA", "26taa", "٢٦TAA", ""])
def test_a_symbol_of_another_year_or_form_may_not_stand_on_a_receipt(symbol: str) -> None:
    assert not is_symbol(symbol, ISSUED_ON)
    assert faults(symbol=symbol) == {"symbol": "malformed"}


@pytest.mark.parametrize("number", [0, -1, 100_000_000, True, 1.0, "1"])
def test_a_number_has_at_most_eight_digits_and_starts_at_one(number: Any) -> None:
    assert faults(number=number) == {"number": "out_of_range"}


def test_the_last_number_of_a_series_is_accepted() -> None:
    assert content(number=99_999_999).number == 99_999_999


def test_there_are_no_rules_before_the_decree() -> None:
    with pytest.raises(Invalid) as refused:
        rules_on(date(2026, 6, 30))
    assert refused.value.code == "no_receipt_rules"
    assert rules_on(date(2026, 7, 1)).templates == {"EBL01", "EBL02"}
    assert faults(issued_on=date(2026, 6, 30)) == {"issued_on": "no_receipt_rules"}


def test_every_rule_names_its_source_and_when_it_was_read() -> None:
    rules = rules_on(ISSUED_ON)
    assert rules.sources
    assert all(source.document and source.place and source.rule for source in rules.sources)
    assert rules.checked_on >= rules.valid_from


def test_all_faults_are_named_at_once() -> None:
    assert faults(
        template="01BLP0",
        symbol="26TFF",
        number=0,
        issuer=Issuer(name=" ", tax_code="123"),
        payment_method="",
        check_code="a b",
        check_url="javascript:alert(1)",
        lines=(ReceiptLine("", -1, quantity=0),),
        amount=1,
        amount_in_words="Hai đồng",
    ) == {
        "template": "unknown",
        "symbol": "malformed",
        "number": "out_of_range",
        "issuer.name": "missing",
        "issuer.tax_code": "malformed",
        "payment_method": "missing",
        "check_code": "malformed",
        "check_url": "malformed",
        "lines.0.description": "missing",
        "lines.0.quantity": "out_of_range",
        "lines.0.amount": "out_of_range",
        "amount_in_words": "mismatch",
    }


def test_the_lines_must_sum_to_the_amount() -> None:
    assert faults(amount=5001) == {"amount": "not_the_sum"}


def test_the_words_must_say_the_amount() -> None:
    assert faults(amount_in_words="Năm nghìn") == {"amount_in_words": "mismatch"}


@pytest.mark.parametrize("amount", [0, -5000, MAX_AMOUNT + 1, True])
def test_an_amount_out_of_range_is_refused(amount: Any) -> None:
    assert faults(amount=amount, amount_in_words="") == {"amount": "out_of_range"}


def test_a_receipt_has_at_least_one_line_and_not_too_many() -> None:
    assert "lines" in faults(lines=(), amount=5000)
    assert "lines" in faults(lines=(line(amount=1),) * 201)


@pytest.mark.parametrize("tax_code", ["0109876543", "0109876543-001", "001190012345"])
def test_a_tax_code_of_each_form_is_accepted(tax_code: str) -> None:
    assert content(issuer=Issuer("Sở Tư pháp", tax_code)).issuer.tax_code == tax_code


def test_text_is_mended_and_never_refused() -> None:
    mended = content(payer=Payer(name=HOSTILE, address=HOSTILE * 200)).payer
    assert mended.name == (
        "<b>Nguyễn</b> &amp; <script>alert(1)</script> ]]> <!ENTITY x 'y'> "
        "gnort ab[31m )Tj (x) {\\rtf} Ａ"
    )
    assert 240 < len(mended.address) <= 250
    assert mended.address.endswith("…")


def test_letters_typed_in_parts_are_put_together() -> None:
    apart = unicodedata.normalize("NFD", "Nguyễn Thị Ánh")
    assert content(payer=Payer(name=apart)).payer.name == "Nguyễn Thị Ánh"


@given(st.text(st.characters(codec=None), max_size=200), st.integers(1, 60))
@settings(max_examples=examples(150))
def test_clean_text_is_one_short_line_and_stays_as_it_is(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert clean(cleaned, limit) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl"}


def test_a_receipt_is_frozen_as_json_and_read_back() -> None:
    receipt = content(
        replaces=ReplacedReceipt("EBL01", "26TAA", 7, date(2026, 11, 20)),
        demo=True,
        language_note="Bản tiếng Anh chỉ để tham khảo",
        lines=(line(), line(amount=0, copies=2), line(amount=12345, sub_item="", unit="")),
    )
    frozen = receipt.to_json()
    assert ReceiptContent.from_json(json.loads(canonical(frozen))) == receipt
    assert canonical(ReceiptContent.from_json(frozen).to_json()) == canonical(frozen)
    assert frozen["issued_on"] == "2026-11-22"
    assert frozen["format"] == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["format"], 2),
        (["amount"], "5000"),
        (["amount"], 5000.0),
        (["number"], None),
        (["surprise"], 1),
        (["lines", 0, "amount"], 4999),
        (["lines", 0, "surprise"], 1),
        (["issuer", "name"], 7),
        (["issued_on"], "22/11/2026"),
        (["symbol"], "25TAA"),
    ],
)
def test_a_frozen_receipt_that_was_tampered_with_is_refused(
    path: list[str | int], value: Any
) -> None:
    frozen = copy.deepcopy(content().to_json())
    place: Any = frozen
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Invalid):
        ReceiptContent.from_json(frozen)


def test_a_frozen_receipt_with_a_part_missing_is_refused() -> None:
    frozen = content().to_json()
    del frozen["amount"]
    with pytest.raises(Invalid) as refused:
        ReceiptContent.from_json(frozen)
    assert [fault.field for fault in refused.value.errors] == ["amount"]


def test_changing_a_copy_checks_it_again() -> None:
    with pytest.raises(Invalid):
        replace(content(), amount=6000)


def test_a_receipt_names_the_basis_of_each_fee_and_of_its_relief_once() -> None:
    def owed(relief: str | None) -> LineValue:
        given = None if relief is None else {"code": "giam", "basis": relief}
        named = ("bill_1", "phi", "Phí thử nghiệm", None, 1, "hồ sơ", 1, None, 50_000, 25_000)
        return LineValue(*named, "2716", None, None, "TT 1/2026", "confirmed", given, None, None)

    at = datetime(2026, 11, 29, 8, tzinfo=UTC)
    agency = ("ag_1", "UBND xã Thử Nghiệm", "", "0100109106", "Số 1", "024", "tk-1")
    source = ReceiptSource(
        *("bill_1", *agency, "LPABCDEFGHJK23", None, 75_000, at, ("bank",), {}),
        (owed(None), owed("NQ 2/2026"), owed("NQ 2/2026")),
    )
    counter = Counter("rs_1", "ag_1", "EBL01", symbol_for(2026, "AA"), 2026, 0, None)
    issuing: Any = SimpleNamespace(
        gateway_title=str, check_url=lambda code: f"https://x.vn/r/{code}", demo=False
    )
    made = content_of(source, counter, 1, ISSUED_ON, "ABCDEFGHJKMN", issuing)
    own = tuple(one for one in made.legal_basis if one not in rules_on(ISSUED_ON).basis)
    assert own == ("TT 1/2026", "NQ 2/2026")
    assert made.amount == 75_000


def owing(amount: int, nature: str | None, **more: str) -> LineValue:
    told: dict[str, Any] = {"description": "Phí", "description_en": None, "sub_item": None} | more
    values: list[Any] = ["bill_1", "phi", told["description"], told["description_en"]]
    values += [2, "trang", 3, None, amount + 1, amount, told["sub_item"]]
    values += [None, None, None, "confirmed", None, None, nature]
    return LineValue(*values)


def test_a_receipt_says_all_that_its_bill_does_and_leaves_out_what_it_does_not_prove() -> None:
    payer = {
        "name": "Nguyễn Thị Ánh",
        "address": "Số 2",
        "payer_tax_number": "0100109106",
        "identity_number": "001190012345",
        "behalf_name": "Trần Văn Bảy",
        "behalf_address": "Số 3",
        "behalf_tax_number": "0109876543",
        "delegate_name": "Bưu điện",
        "delegate_address": "Số 4",
    }
    source = ReceiptSource(
        *("bill_1", "ag_1", "UBND xã Thử Nghiệm", "Ward", "0100109106", "Số 1", "024", "tk-1"),
        *("LPABCDEFGHJK23", "H26-7", 60_000, datetime(2026, 11, 29, 8, tzinfo=UTC)),
        *(("bank", "paygov"), payer),
        (
            owing(20_000, "charge", sub_item="2716", description_en="Charge"),
            owing(0, "fee"),
            owing(9_000, "price"),
            owing(8_000, "state_revenue"),
            owing(5_000, None, description="Lệ phí"),
        ),
    )
    counter = Counter("rs_1", "ag_1", "EBL01", symbol_for(2026, "AA"), 2026, 6, None)
    issuing: Any = SimpleNamespace(
        gateway_title=str.upper, check_url=lambda code: f"https://x.vn/r/{code}", demo=True
    )
    made = content_of(source, counter, 7, ISSUED_ON, "ABCDEFGHJKMN", issuing)
    assert made == ReceiptContent(
        template="EBL01",
        symbol="26TAA",
        number=7,
        issued_on=ISSUED_ON,
        issuer=Issuer("UBND xã Thử Nghiệm", "0100109106", "Số 1", "024", "tk-1", "Ward"),
        lines=(
            ReceiptLine("Phí", 20_000, 2, 3, "trang", "2716", "Charge"),
            ReceiptLine("Lệ phí", 5_000, 2, 3, "trang"),
        ),
        amount=25_000,
        amount_in_words="Hai mươi lăm nghìn đồng",
        payment_method="Chuyển khoản + Thanh toán trực tuyến (PAYGOV)",
        check_code="ABCDEFGHJKMN",
        check_url="https://x.vn/r/ABCDEFGHJKMN",
        payer=Payer("Nguyễn Thị Ánh", "Số 2", "0100109106", "001190012345"),
        on_behalf_of=Payer("Trần Văn Bảy", "Số 3", "0109876543"),
        delegate=Delegate("Bưu điện", "Số 4"),
        dossier_number="H26-7",
        reference="LPABCDEFGHJK23",
        legal_basis=rules_on(ISSUED_ON).basis,
        paid_at=source.paid_at,
        demo=True,
    )
    nobody = replace(source, payer={}, dossier_number=None)
    bare = content_of(nobody, counter, 7, ISSUED_ON, "ABCDEFGHJKMN", issuing)
    assert bare == replace(
        made, payer=Payer(), on_behalf_of=Payer(), delegate=Delegate(), dossier_number=""
    )


@pytest.mark.parametrize(
    ("gateways", "words"),
    [
        (("bank",), "Chuyển khoản"),
        (("cash",), "Tiền mặt (người thu nhận)"),
        (("bank", "cash"), "Chuyển khoản + Tiền mặt (người thu nhận)"),
        (("vnpay",), "Thanh toán trực tuyến (VNPAY)"),
        ((), "Chuyển khoản"),
    ],
)
def test_how_a_bill_was_paid_is_said_in_words(gateways: tuple[str, ...], words: str) -> None:
    assert payment_methods(gateways, str.upper) == words
