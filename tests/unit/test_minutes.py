"""The minutes of a day as files: the same bytes each time, whole however long, and plain words."""

import io
from typing import Any

import pikepdf
import pytest
from python_calamine import CalamineWorkbook

from payments.books.allocation import Reason
from reconciliation.closing import minutes_layout
from reconciliation.closing.minutes_pdf import draw
from reconciliation.closing.minutes_xlsx import write
from reconciliation.matching.values import CLASSES
from reconciliation.words import CLASSES as CLASS_WORDS
from reconciliation.words import REASONS, balance_words, shared_sums
from tests.support.pdf import text_of, words_of

DIGEST = "ab" * 32


def content(
    *, fees: int = 1, agrees: bool = True, closing: int | None = 102_000, version: int = 2
) -> dict[str, Any]:
    signer = {"id": "staff_1", "name": "Nguyễn Thị Lập", "at": "2026-11-29T09:00:00+00:00"}
    fee = {"agency": "ubnd-ben-mau", "procedure": "2.000815", "fee": "chung-thuc-ban-sao"}
    fee |= {"description": "Phí chứng thực bản sao", "sub_item": "2716", "gateway": "bank"}
    item = {"id": "case_1", "kind": "unknown_in_ledger", "side": "line", "object_id": "line_1"}
    return {
        "version": version,
        "demo": True,
        "run": "rec_1",
        "date": "2026-11-29",
        "previous": {"date": "2026-11-28", "hash": "cd" * 32},
        "body": {"code": "a", "name": "UBND phường Bến Mẫu", "tax_code": "0", "address": "số 1"},
        "account": {"code": "kbnn", "number": "3713", "holder": "UBND"},
        "proposed": signer,
        "closed": signer | {"name": "Trần Văn Duyệt"},
        "classes": {"matched": {"count": 1, "sum": 5000}, "debits": {"count": 1, "sum": 3000}},
        "payments": {"count": 1, "sum": 5000},
        "lines": {
            "credit_count": 1,
            "credits": 5000,
            "debit_count": 1,
            "debits": 3000,
            "late_credit_count": 1,
            "late_credits": 700,
            "late_debit_count": 0,
            "late_debits": 0,
        },
        "balances": {"opening": 100_000, "closing": closing},
        "agrees": agrees,
        "fees": [
            {**fee, "count": n, "amount": 5000 * n} | (shares(5000 * n, n) if version > 1 else {})
            for n in range(1, fees + 1)
        ],
        "places": [{"place": "allocated", "reason": "", "count": 1, "amount": 5000}],
        "waiting": [{"place": "suspense", "reason": "no_reference", "count": 1, "amount": 9}],
        "resolved": [{"kind": "unknown_in_ledger", "resolution": "accept", "count": 1, "sum": 7}],
        "items": [
            item | {"reference": "", "amount": 7, "resolution": "accept", "reason": "theo dõi"}
        ],
        "other_days": [
            {
                "id": "line_9",
                "amount": 700,
                "booked_at": "2026-11-28T02:00:00+00:00",
                "payment_id": "",
                "late": True,
            }
        ],
    }


def shares(amount: int, number: int) -> dict[str, Any]:
    """Every third fee has a share that nobody knows."""
    percent = None if number % 3 == 0 else 70
    kept = None if percent is None else amount * percent // 100
    return {"kept_percent": percent, "certainty": percent and "confirmed", "kept": kept}


def test_the_same_minutes_are_the_same_bytes() -> None:
    assert draw(content(), DIGEST) == draw(content(), DIGEST)
    assert write(content(), DIGEST) == write(content(), DIGEST)


def test_channels_that_are_no_gateway_are_told_in_words() -> None:
    paid = content()
    paid["fees"].append(paid["fees"][0] | {"gateway": "vnpay"})
    told = [one.text for one in words_of(draw(paid, DIGEST))]
    assert "vnpay" in told
    assert "bank" not in told
    assert "chuyển khoản" in " ".join(told)
    book = CalamineWorkbook.from_filelike(io.BytesIO(write(paid, DIGEST)))
    rows = book.get_sheet_by_name("Khoản thu").to_python()
    assert [row[5] for row in rows[1:]] == ["chuyển khoản", "vnpay"]


def test_the_page_says_who_what_and_whether_it_agrees() -> None:
    words = text_of(draw(content(), DIGEST))
    for said in ("BIÊN BẢN ĐỐI CHIẾU", "29/11/2026", "Nguyễn Thị Lập", "Trần Văn Duyệt",
                 "KHỚP:", "102.000", "2.000815", "2716", "70 %", "3.500", "1.500", DIGEST,
                 "cd" * 32, "Dòng của ngày đã khóa", "BẢN THỬ NGHIỆM"):  # fmt: skip
        assert said in words, said
    assert "KHÔNG KHỚP" not in words


def test_minutes_of_before_are_drawn_as_they_were_frozen() -> None:
    before = content(version=1)
    assert "kept" not in before["fees"][0]
    assert "biên bản không tách số để lại" in text_of(draw(before, DIGEST))
    book = CalamineWorkbook.from_filelike(io.BytesIO(write(before, DIGEST)))
    assert "Tỷ lệ để lại" not in book.get_sheet_by_name("Khoản thu").to_python()[0]


def test_kept_paid_in_and_unknown_are_what_was_collected() -> None:
    fees = content(fees=7)["fees"]
    sums = shared_sums(fees)
    assert (sums.kept, sums.paid_in, sums.undivided) == (66_500, 28_500, 45_000)
    assert sums.kept + sums.paid_in + sums.undivided == sum(fee["amount"] for fee in fees)
    book = CalamineWorkbook.from_filelike(io.BytesIO(write(content(fees=3), DIGEST)))
    rows = book.get_sheet_by_name("Khoản thu").to_python()
    assert [row[8:] for row in rows[1:]] == [
        ["70 %", 3_500, 1_500],
        ["70 %", 7_000, 3_000],
        ["chưa rõ", "", ""],
    ]


def lost_headings(fees: int) -> list[str]:
    """What the pages but the last end with, where that is a title or the head of a table."""
    words = words_of(draw(content(fees=fees), DIGEST))
    lost = []
    for page in range(max(word.page for word in words)):
        of_page = [word for word in words if word.page == page]
        foot = max(word.bottom for word in of_page)
        body = [word for word in of_page if word.bottom < foot - 5]
        last = max(word.bottom for word in body)
        line = " ".join(word.text for word in body if abs(word.bottom - last) < 3)
        begins = ("I", "V", "Cộng theo", "Để lại và nộp")
        if line.endswith(("(đồng)", "Nộp ngân sách")) or line.startswith(begins):
            lost.append(line)
    return lost


def test_no_page_ends_with_a_heading() -> None:
    """Each title, and each head of a table, stands on the page of the first row below it."""
    assert [lost_headings(fees) for fees in range(1, 25)] == [[]] * 24


def test_pages_that_do_not_keep_headings_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(minutes_layout, "_leading", lambda block: block)
    assert any(lost_headings(fees) for fees in range(1, 25))


def test_what_does_not_agree_or_is_not_told_is_not_called_khop() -> None:
    assert "KHÔNG KHỚP" in text_of(draw(content(agrees=False), DIGEST))
    untold = text_of(draw(content(agrees=False, closing=None), DIGEST))
    assert "Sao kê không cho số dư" in untold
    assert "KHỚP:" not in untold
    assert balance_words(agrees=False, told=True) == "KHÔNG KHỚP"


def test_a_long_table_goes_on_over_pages_and_loses_no_row() -> None:
    drawn = draw(content(fees=150), DIGEST)
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        assert len(pdf.pages) > 3
    words = text_of(drawn)
    assert all(f"{5000 * n:,}".replace(",", ".") in words for n in range(1, 151))


def test_no_word_stands_beside_the_page() -> None:
    for word in words_of(draw(content(fees=3), DIGEST)):
        assert 36 < word.left < word.right < 560, word


def test_every_class_and_reason_has_its_words() -> None:
    assert set(CLASS_WORDS) == set(CLASSES)
    assert set(REASONS) == set(Reason)
