"""What a statement gets wrong and nobody would see: lost thousands, another account, a hole."""

from datetime import date
from typing import Final

import pytest

from reconciliation.formats.accounts import is_of_account, named_accounts
from reconciliation.formats.csv_statement import read_day_file
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile

TODAY: Final = date(2026, 11, 28)
HEADER: Final = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"


def treasury(*rows: str, above: tuple[str, ...] = (), begin: str = "", end: str = "") -> bytes:
    """A treasury's statement of these rows (number, words, debit, credit, balance), sums added."""
    lines, debits, credits_ = [*above, HEADER, *([begin] if begin else [])], 0, 0
    for row in rows:
        ref, words, debit, credit, balance = row.split(";")
        debits += int(debit.replace(".", "") or 0)
        credits_ += int(credit.replace(".", "") or 0)
        lines.append(f"16/11/2026;{ref};{words};{debit};{credit};{balance}")
    if end:
        lines.append(end)
    lines += [f"Cộng phát sinh;;;{debits};{credits_};", f"Số giao dịch;{len(rows)};;;;"]
    return "\n".join(lines).encode() + b"\n"


def read(content: bytes, *, forced: bool = False) -> StatementFile:
    return read_day_file(content, "kbnn-so-phu", TODAY, forced=forced)


def refused_rows(content: bytes) -> list[str]:
    with pytest.raises(StatementRefused) as caught:
        read(content)
    assert {one.code for one in caught.value.errors} == {"lost_thousands"}
    return [one.field for one in caught.value.errors]


@pytest.mark.parametrize(
    ("rows", "bad"),
    [
        (("A;nop;;20;20", "B;nop;;35;55"), [2, 3]),
        (("A;nop;;20;20", "B;quet chuyen;20;;0"), [2, 3]),
        # A million and more keeps its two dots, whatever reads it.
        (("A;nop;;1.250.000;1.250.000", "B;nop;;20;1.250.020"), [3]),
        (("A;nop;;7;7",), [2]),
        (("A;nop lai le phi;;20;20", "B;trả lại;;30;50"), [2, 3]),
        (("A;lai tien gui thang 10;;523;523", "B;nop;;150;673"), [3]),
        # A payer's words about a fee or interest are not the bank's own.
        (("A;LPN3BNV92WGFP4 nop phi dich vu cong;;20;20",), [2]),
        (("A;nop phi dich vu;;20;20", "B;PHI DICH VU SMS;11;;9"), [2]),
        (("A;LPN3BNV92WGFP4 le phi lai suat;;20;20",), [2]),
    ],
)
def test_amounts_that_lost_their_thousands_are_refused_with_their_rows(
    rows: tuple[str, ...], bad: list[int]
) -> None:
    content = treasury(*rows)
    fields = refused_rows(content)
    assert [int(field.split(",")[0].removeprefix("row ")) for field in fields] == bad
    assert len(read(content, forced=True).rows) == len(rows)


@pytest.mark.parametrize(
    "rows",
    [
        ("A;nop;;20.000;20.000", "B;nop;;35;20.035"),
        ("A;nop;;999;999", "B;nop;;1.000;1.999"),
        ("A;nop;;1.250.000;1.250.000",),
        ("A;Lãi tiền gửi;;523;523",),
        ("A;TRẢ LÃI THÁNG 10;;523;523",),
        ("A;TRA LAI TIEN GUI;;523;523",),
        ("A;Thu phí SMS tháng 11;880;;0",),
        (),
    ],
)
def test_small_amounts_beside_usual_ones_are_taken(rows: tuple[str, ...]) -> None:
    assert len(read(treasury(*rows)).rows) == len(rows)


def test_our_own_layout_has_no_thousands_to_lose() -> None:
    content = (
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        "L1,2026-11-16T09:00:00+07:00,20,credit,,nop,FT1\n"
    )
    assert len(read_day_file(content.encode(), "lephi-basic", TODAY).rows) == 1


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["Tài khoản: 9999.9.9999999 - DON VI KHAC", ""], ["999999999999"]),
        (["Số tài khoản", "1133 6688 99"], ["1133668899"]),
        (["Account No. 113366xxxx99"], ["113366xxxx99"]),
        (["STK: 1133-6688-99 / UBND phường"], ["1133668899"]),
        (["Số TK:1133668899", "Tài khoản: 1133668899"], ["1133668899"] * 2),
        (["TK số", "", "", "", "", "", "", "1133668899"], ["1133668899"]),
        (["Tài khoản tiền gửi thanh toán: 1133668899"], ["1133668899"]),
        (["Tài khoản VND số 1133668899 - kỳ 11/2026"], ["1133668899"]),
        (["A/C No: 1133668899"], ["1133668899"]),
        (["Acc. no 1133668899"], ["1133668899"]),
        (["Tài khoản kế toán: 3713.0.1234567.00000"], ["37130123456700000"]),
        # Of a virtual account the digits are compared.
        (["Số tài khoản: VQRQ0001ABCDE"], ["0001"]),
        (["Kỳ sao kê: 01/11/2026 - 30/11/2026"], []),
        (["Sao kê tài khoản 01.11.2026 - 30.11.2026"], []),
        (["Số dư tài khoản: 1.234.567.890", "Số dư tài khoản VND 1.234.567"], []),
        (["Chủ tài khoản: X - 1133668899", "Tên tài khoản: 1133668899"], []),
        (["Mã ĐVQHNS: 1012345", "Chủ tài khoản: UBND"], []),
    ],
)
def test_accounts_that_stand_above_the_heading_are_found(
    cells: list[str], found: list[str]
) -> None:
    assert named_accounts(cells) == found


@pytest.mark.parametrize(
    ("named", "ours", "fits"),
    [
        ([], "1133668899", True),
        (["1133668899"], "1133668899", True),
        (["1133668899"], "1133.6688.99", True),
        (["113366xx99"], "1133668899", True),
        (["113367xx99"], "1133668899", False),
        # However many digits are hidden.
        (["xxxx8899"], "1133668899", True),
        (["11xxxxxxxxxx99"], "1133668899", True),
        (["xxxx8898"], "1133668899", False),
        (["xxxx99"], "1133668899", False),
        (["0001"], "VQRQ0001ABCDE", True),
        (["0001"], "1133668899", False),
        (["999999999999"], "371301234567", False),
        (["371301234567"], "3713.0.1234567.00000", True),
        (["1234567"], "371301234567", False),
        (["1133668899", "55"], "1133668899", True),
    ],
)
def test_a_statement_of_another_account_is_told(named: list[str], ours: str, fits: bool) -> None:
    assert is_of_account(named, ours) is fits


WHOLE = ("A;nop;;10.000;110.000", "B;nop;;20.000;130.000", "C;chi;5.000;;125.000")


@pytest.mark.parametrize("order", [1, -1])
def test_balances_that_go_on_warn_of_nothing(order: int) -> None:
    content = treasury(
        *WHOLE[::order], begin="Số dư đầu kỳ;;;;;100.000", end="Số dư cuối kỳ;;;;;125.000"
    )
    found = read(content)
    assert (found.balances.opening, found.balances.closing, found.gaps) == (100_000, 125_000, ())
    assert [row.balance for row in found.rows] == [110_000, 130_000, 125_000][::order]


@pytest.mark.parametrize("gone", [0, 1, 2])
@pytest.mark.parametrize("order", [1, -1])
def test_a_missing_row_leaves_a_gap(gone: int, order: int) -> None:
    rows = [row for place, row in enumerate(WHOLE) if place != gone]
    content = treasury(
        *rows[::order], begin="Số dư đầu kỳ;;;;;100.000", end="Số dư cuối kỳ;;;;;125.000"
    )
    (gap,) = read(content).gaps
    missing = (10_000, 20_000, -5_000)[gone]
    assert gap.told - gap.expected == missing
    assert (gap.row is None) is (gone == 2)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("Số dư đầu ngày", "Số dư cuối ngày"),
        ("Dư đầu kỳ", "Dư cuối kỳ"),
        ("SỐ DƯ ĐẦU THÁNG", "Số dư cuối tháng"),
        ("Opening balance", "CLOSING BALANCE"),
    ],
)
def test_balances_are_known_however_they_are_called(begin: str, end: str) -> None:
    content = treasury(*WHOLE, begin=f"{begin};;;;;100.000", end=f"{end};;;;;125.001")
    found = read(content)
    assert (found.balances.opening, found.balances.closing) == (100_000, 125_001)
    assert [(gap.row, gap.expected, gap.told) for gap in found.gaps] == [(None, 125_000, 125_001)]


def test_the_balance_of_a_page_is_not_the_statements() -> None:
    content = treasury(
        *WHOLE, begin="Số dư cuối trang 1;;;;;1.000", end="Số dư cuối kỳ;;;;;125.000"
    )
    found = read(content)
    assert (found.balances.closing, found.gaps) == (125_000, ())
    assert found.skipped == {"page_sum": 1, "balance": 1}


def test_a_statement_without_balances_warns_of_nothing() -> None:
    found = read(treasury("A;nop;;10.000;", "B;nop;;20.000;"))
    assert (found.gaps, found.balances.opening, found.balances.closing) == ((), None, None)
