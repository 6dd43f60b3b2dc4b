"""Files of banks and gateways with odd habits: the right rows, or a refusal that names its place.

Each input is one habit. What is read must be exactly the money that the file tells of: nothing
silently zero, in another size, twice, or left out; what is refused says where and, in Vietnamese,
why.
"""

import codecs
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Final

import pytest

from app.settlement_layouts import settlement_layouts
from core.errors import FieldError
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import get_layout
from tests.support.camt import ACCOUNT as CAMT_ACCOUNT
from tests.support.camt import balance, detail, entry
from tests.support.swift import ACCOUNT, line, message
from tests.support.workbooks import Cell, treasury, workbook

ON: Final = date(2026, 11, 2)
#: What came of a file: signed amounts in order, or the code of the first fault.
Outcome = list[int] | str
#: Letters that no English sentence has.
_MARKED: Final = frozenset("àáạảãâầấậẩẫăằắặẳẵèéẹẻẽêềếệểễìíịỉĩòóọỏõôồốộổỗơờớợởỡùúụủũưừứựửữỳýỵỷỹđ")


def outcome(content: str | bytes, mapping: str, account: str = "") -> Outcome:
    """What reading a statement comes to; a refusal has a place and its reason in Vietnamese."""
    told = content.encode() if isinstance(content, str) else content
    try:
        file = read_statement(told, ReadingTask(mapping, ON, account))
    except StatementRefused as refused:
        return checked(refused.errors)
    return [row.amount if row.direction == "credit" else -row.amount for row in file.rows]


def checked(errors: Sequence[FieldError]) -> str:
    for fault in errors:
        assert fault.field == "file" or fault.field.startswith("row "), fault
        assert _MARKED & set(unicodedata.normalize("NFC", fault.detail.lower())), fault
    return errors[0].code


# MT940


def swift(*fields: str, closing: int = 1_005_000) -> str:
    return message(*fields, closing=closing)


def of_line(said: str, *text: str, closing: int = 1_005_000) -> str:
    return swift(line(said, *text), closing=closing)


_PAGE = of_line("C5000,")
_NEXT = message(line("C7000,", ref="NONREF//F2"), opening=1_005_000, closing=1_012_000, number="2")
_HEAD = "{1:F01BFTVVNVXAXXX0000000000}{2:I940BFTVVNVXXXXXN}"

SWIFT_FILES: Final[dict[str, tuple[str | bytes, Outcome]]] = {
    "ends of \\r\\r\\n": (_PAGE.replace("\n", "\r\r\n"), [5000]),
    "ends of \\r": (_PAGE.replace("\n", "\r"), [5000]),
    "a mark": (codecs.BOM_UTF8 + _PAGE.encode(), [5000]),
    "two marks": (codecs.BOM_UTF8 * 2 + _PAGE.encode(), [5000]),
    "UTF-16": (_PAGE.encode("utf-16"), [5000]),
    "no last dash": (_PAGE.removesuffix("-\n"), [5000]),
    "blocks in a row of their own": (f"{_HEAD}{{4:\n{_PAGE}-}}{{5:{{CHK:1}}}}\n", [5000]),
    "blocks in the row of the first field": (f"{_HEAD}{{4:{_PAGE.removesuffix('-')}-}}\n", [5000]),
    "two messages with blocks": (f"{_HEAD}{{4:{_PAGE[:-2]}-}}{_HEAD}{{4:{_NEXT}", [5000, 7000]),
    "two statements": (_PAGE + _NEXT, [5000, 7000]),
    "a page twice": (_PAGE + _PAGE, "page_twice"),
    "another account beside": (_PAGE + _NEXT.replace(ACCOUNT, "9999999999999"), [5000]),
    "no closing balance": (_PAGE.replace(":62F:", ":64:"), "cut"),
    "a credit taken back": (of_line("RC5000,", closing=995_000), [-5000]),
    "a debit taken back": (of_line("RD5000,"), [5000]),
    "CR": (of_line("CR5000,"), [5000]),
    "DR": (of_line("DR5000,", closing=995_000), [-5000]),
    "a side in small": (of_line("c5000,"), "direction"),
    "no comma": (of_line("C5000"), "amount"),
    "a dot": (of_line("C5000.00"), "amount"),
    "thousands": (of_line("C5.000,00"), "amount"),
    "three zeros behind the comma": (of_line("C5,000"), "amount"),
    "a fraction": (of_line("C5000,50"), "amount"),
    "a blank inside": (of_line("C5 000,"), "amount"),
    "wide digits": (of_line("C５０００,"), "line"),
    "zeros before": (of_line("C0005000,00"), [5000]),
    "nothing": (of_line("C0,", closing=1_000_000), []),
    "only expected": (of_line("EC5000,", closing=1_000_000), []),
    "no such day": (_PAGE.replace(":61:261102", ":61:261131"), "time"),
    "a year of four figures": (_PAGE.replace(":61:261102", ":61:20261102"), "line"),
    "another currency": (_PAGE.replace("VND", "USD"), "currency"),
    "a mark that lost its colon": (_PAGE.replace(":61:", "61:"), "broken_field"),
    "an unknown field": (_PAGE.replace(":61:", ":99X:x\n:61:"), "unknown_field"),
    "two equal lines without a reference": (
        swift(*[line("C5000,", ref="NONREF")] * 2, closing=1_010_000),
        [5000, 5000],
    ),
}


@pytest.mark.parametrize("habit", SWIFT_FILES)
def test_messages_of_swift(habit: str) -> None:
    content, wanted = SWIFT_FILES[habit]
    assert outcome(content, "mt940", ACCOUNT) == wanted


@pytest.mark.parametrize("ref", ["NONREF", "0", "-", "N/A", "NONREF//0", "NONREF//N/A", "//-"])
def test_what_stands_where_swift_has_no_reference_is_none(ref: str) -> None:
    content = swift(line("C5000,", ref=ref)).encode()
    (row,) = read_statement(content, ReadingTask("mt940", ON, ACCOUNT)).rows
    assert (row.reference, row.bank_ref) == (None, "")


# camt

_CREDIT = entry("5000", "CRDT", detail("", "NOP PHI"))
_TWO = (detail("5000", "A", ref="a1"), detail("7000", "B", ref="a2"))


def camt(
    *entries: str,
    closing: str = "1005000",
    version: str = "camt.053.001.08",
    prefix: str = "",
    more: str = "",
) -> str:
    """A message of one row, as programs write it."""
    told = [balance("OPBD", "1000000"), balance("CLBD", closing), *entries]
    account = f"<Acct><Id><Othr><Id>{CAMT_ACCOUNT}</Id></Othr></Id><Ccy>VND</Ccy></Acct>"
    statement = f"<Stmt><Id>S1</Id>{account}{''.join(told)}</Stmt>"
    inside = f"<BkToCstmrStmt>{statement}{more or ''}</BkToCstmrStmt>"
    name = "xmlns" + (f":{prefix}" if prefix else "")
    space = f' {name}="urn:iso:std:iso:20022:tech:xsd:{version}"' if version else ""
    whole = f"<Document{space}>{inside}</Document>"
    if prefix:
        whole = whole.replace("</", f"</{prefix}:").replace("<", f"<{prefix}:")
        whole = whole.replace(f"<{prefix}:/{prefix}:", f"</{prefix}:")
    return whole


def paid(amount: str) -> str:
    return camt(entry(amount, "CRDT", detail("", "NOP PHI")))


def at(day: str) -> str:
    return camt(entry("5000", "CRDT", day=f"<BookgDt>{day}</BookgDt>"))


_WHOLE = camt(_CREDIT)
_STATEMENT = _WHOLE[_WHOLE.index("<Stmt>") : _WHOLE.index("</BkToCstmrStmt>")]
CAMT_FILES: Final[dict[str, tuple[str | bytes, Outcome]]] = {
    **{
        f"version {number:02}": (camt(_CREDIT, version=f"camt.053.001.{number:02}"), [5000])
        for number in range(2, 14)
    },
    "no namespace": (camt(_CREDIT, version=""), [5000]),
    "a prefix": (camt(_CREDIT, prefix="ns2"), [5000]),
    "a mark": (codecs.BOM_UTF8 + _WHOLE.encode(), [5000]),
    "two marks": (codecs.BOM_UTF8 * 2 + _WHOLE.encode(), [5000]),
    "five marks": (codecs.BOM_UTF8 * 5 + _WHOLE.encode(), [5000]),
    "UTF-16": (_WHOLE.encode("utf-16"), [5000]),
    "cut": (_WHOLE[:-30], "xml"),
    "a document type": ("<!DOCTYPE a>" + _WHOLE, "doctype"),
    "a batch": (camt(entry("12000", "CRDT", *_TWO), closing="1012000"), [5000, 7000]),
    "a batch off by one": (camt(entry("12001", "CRDT", *_TWO), closing="1012001"), [12001]),
    "a batch without sums": (
        camt(entry("12000", "CRDT", detail(words="A"), detail(words="B")), closing="1012000"),
        [12000],
    ),
    "a statement twice in one row": (camt(_CREDIT, more=_STATEMENT), "page_twice"),
    "another account beside": (
        camt(_CREDIT, more=_STATEMENT.replace(CAMT_ACCOUNT, "9999999999999")),
        [5000],
    ),
    "a reversal": (
        camt(entry("5000", "DBIT", more="<RvslInd>true</RvslInd>"), closing="995000"),
        [-5000],
    ),
    "a reversal that is none": (camt(entry("5000", more="<RvslInd>yes</RvslInd>")), "flag"),
    ".00": (paid("5000.00"), [5000]),
    ".0": (paid("5000.0"), [5000]),
    "a fraction": (paid("5000.5"), "amount"),
    "a fraction of three figures": (paid("1.500"), "amount"),
    "thousands with a dot": (paid("5.000"), "amount"),
    "more thousands with a dot": (paid("150.000"), "amount"),
    "thousands with two dots": (paid("1.005.000"), "amount"),
    "thousands with a comma": (paid("5,000"), "amount"),
    "a balance with a dot": (camt(_CREDIT, closing="105.000"), "amount"),
    "an exponent": (paid("5E3"), "amount"),
    "a sign": (paid("-5000"), "amount"),
    "no figures": (paid(""), "amount"),
    "no currency": (_WHOLE.replace(' Ccy="VND"', ""), "currency"),
    "another currency": (camt(entry("5000", currency="USD")), "currency"),
    "a side in small": (camt(entry("5000", "crdt")), "direction"),
    "not booked": (camt(entry("5000", status="PDNG"), closing="1000000"), []),
    "no status": (_WHOLE.replace("<Sts>BOOK</Sts>", ""), "status"),
    "a zone": (at("<DtTm>2026-11-01T18:30:00Z</DtTm>"), [5000]),
    "the end of a day": (at("<DtTm>2026-11-01T24:00:00</DtTm>"), [5000]),
    "the end of all days": (at("<DtTm>9999-12-31T24:00:00</DtTm>"), "time"),
    "past the end of a day": (at("<DtTm>2026-11-01T24:00:01</DtTm>"), "time"),
    "no such day": (at("<Dt>2026-02-30</Dt>"), "time"),
    "a day as people write it": (at("<Dt>02/11/2026</Dt>"), "time"),
    "far ahead": (at("<Dt>2027-11-02</Dt>"), "future"),
    "no day": (at(""), "time"),
}


@pytest.mark.parametrize("habit", CAMT_FILES)
def test_messages_of_camt(habit: str) -> None:
    content, wanted = CAMT_FILES[habit]
    assert outcome(content, "camt", CAMT_ACCOUNT) == wanted


def test_the_end_of_a_day_is_the_next_midnight() -> None:
    for zone, day in (("", "2026-11-02"), ("Z", "2026-11-02"), ("+07:00", "2026-11-02")):
        content = at(f"<DtTm>2026-11-01T24:00:00{zone}</DtTm>").encode()
        (row,) = read_statement(content, ReadingTask("camt", ON, CAMT_ACCOUNT)).rows
        assert f"{row.booked_at:%Y-%m-%d}" == day


# Columns

_HEADING = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"


def columns(*rows: str, total: str = "5.000", count: int = 1, below: Sequence[str] = ()) -> str:
    sums = [f"Cộng phát sinh;;;0;{total};", f"Số giao dịch;{count};;;;"]
    return "\n".join([_HEADING, *rows, *sums, *below, ""])


def money(amount: str = "5.000", day: str = "02/11/2026", ref: str = "FT1") -> str:
    return f"{day};{ref};NOP PHI;;{amount};"


_ONE = columns(money())
COLUMN_FILES: Final[dict[str, tuple[str | bytes, Outcome]]] = {
    **{
        f"an amount {said!r}": (columns(money(said)), [5000])
        for said in ("5.000", "5000", "5.000 đ", "5.000VND", "\xa05.000\xa0", "+5.000")
    },
    **{
        f"an amount {said!r}": (columns(money(said)), "amount")
        for said in (
            *("5,000", "5 000", "5\xa0000", "5.00", "5E3", "=5000", "5.000,00", "5.000\u200b"),
            *("'5.000", "(5.000)", "5.000-", "05.000", "٥٠٠٠", ""),
        )
    },
    "an amount of another size": (columns(money("5")), "total"),
    **{
        f"a day {said!r}": (columns(money(day=said)), [5000])
        for said in ("2/11/2026", "02/11/2026 10:30:00", "01/11/2026 24:00:00")
    },
    **{
        f"a day {said!r}": (columns(money(day=said)), "time")
        for said in (
            *("02-11-2026", "2026-11-02", "02.11.2026", "02/11/26", "46328", "31/11/2026"),
            *("11/27/2026", "", "'02/11/2026", "02/11/2026 24:00:01", "02/11/2026 10:30"),
        )
    },
    "a day far ahead": (columns(money(day="05/11/2026")), "future"),
    **{
        f"a reference {said!r} twice": (
            columns(money(ref=said), money(ref=said), total="10.000", count=2),
            [5000, 5000],
        )
        for said in ("NONREF", "0", "-", "N/A", "")
    },
    "a rounded reference": (columns(money(ref="5.26E+15")), "mangled"),
    "a mark and sep=": (codecs.BOM_UTF8 * 2 + f"sep=;\n{_ONE}".encode(), [5000]),
    "decomposed": (unicodedata.normalize("NFD", _ONE), [5000]),
    "UTF-16": (_ONE.encode("utf-16"), [5000]),
    "UTF-32": (_ONE.encode("utf-32"), "encoding"),
    "a heading of two rows": ("Ngày;Số;Nội;Phát sinh;;Số\n" + _ONE, [5000]),
    "pages": (
        columns(money(), "Cộng trang 1;;;0;5.000;", _HEADING, money(), total="10.000", count=2),
        [5000, 5000],
    ),
    "two files in one": (_ONE + _ONE, "after_trailer"),
    "cut": (_ONE[: _ONE.index("Số giao dịch")], "cut"),
    "a total off by one": (columns(money(), total="5.001"), "total"),
    "all without thousands": (columns(money("5"), total="5"), "lost_thousands"),
    "who signs": (
        columns(money(), below=[";;;Kế toán;Thủ trưởng;", ";;;Trần B;Lê C;", "Hà Nội, 02/11;;;;;"]),
        [5000],
    ),
    "a line below who signs": (
        columns(money(), below=[";;;Kế toán;Thủ trưởng;", ";FT2;NOP;;7.000;"]),
        "after_trailer",
    ),
}


@pytest.mark.parametrize("habit", COLUMN_FILES)
def test_statements_in_columns(habit: str) -> None:
    content, wanted = COLUMN_FILES[habit]
    assert outcome(content, "kbnn-so-phu") == wanted


DAY: Final = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([("02/11/2026", "FT1", "x", "", 5000)], [5000]),
        ([(DAY, "FT1", "x", "", 5000)], [5000]),
        ([(46328, "FT1", "x", "", 5000)], "time"),
        ([(DAY, "FT1", "x", "", 5000), ("02/11/2026", "FT2", "x", "", 5000)], "mixed_dates"),
        ([(DAY, 123456, "x", "", 5000)], "mangled"),
        ([(DAY, "FT1", "x", "", ("=2500*2", 5000))], "formula"),
        ([(DAY, "FT1", "x", "", 5)], "lost_thousands"),
        ([(DAY, "FT1", "x", "", 5000), ("", "FT2", "x", "", 5000)], "time"),
        ([(DAY, "FT1", "x", "", 5000), (DAY, "FT2", "x", "", "")], "amount"),
    ],
)
def test_workbooks(lines: list[list[Cell]], wanted: Outcome) -> None:
    assert outcome(treasury(*lines), "kbnn-so-phu") == wanted


# Gateways


def settled(content: bytes, layout: str) -> Outcome:
    """As `outcome`, of a gateway's settlement: what each row adds to what is paid over."""
    try:
        rows = read_settlement(content, get_layout(settlement_layouts(), layout, ON), ON)
    except StatementRefused as refused:
        return checked(refused.errors)
    return [row.paid_over for row in rows]


_SETTLED = ("Mã lô", "Ngày quyết toán", "orderId", "transactionNo", "Số tiền", "Phí", "Thực chuyển")


def of_gateway(*lines: Sequence[Cell], sums: Sequence[Cell] = ()) -> bytes:
    whole = [[*_SETTLED, "Thời gian thanh toán"], *lines]
    return workbook([*whole, *([["Tổng", "", "", "", *sums, ""]] if sums else [])])


_PAID: Final[list[Cell]] = ["L1", "02/11/2026", "O1", "T1", "5.000", "50", "4.950", ""]
_PAID_ON_A_DAY: Final[list[Cell]] = ["L1", DAY, "O2", "T2", 7000, 70, 6930, ""]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (of_gateway(_PAID), [4950]),
        (of_gateway(_PAID, sums=[5000, 50, 4950]), [4950]),
        (of_gateway(_PAID, sums=[5000, 50, 4951]), "total"),
        (of_gateway([*_PAID[:6], "4.949", ""]), "net"),
        (of_gateway([*_PAID[:3], 123, *_PAID[4:]]), "mangled"),
        (of_gateway([*_PAID[:4], "5,000", "50", "4,950", ""]), "amount"),
        (of_gateway([*_PAID[:4], 5, 0, 5, ""]), "lost_thousands"),
        (of_gateway([*_PAID[:4], 5, 0, 5, ""], _PAID_ON_A_DAY[:1] + _PAID[1:]), [5, 4950]),
        (of_gateway(_PAID_ON_A_DAY, _PAID_ON_A_DAY), [6930, 6930]),
        (of_gateway(_PAID, _PAID_ON_A_DAY), "mixed_dates"),
        (of_gateway(_PAID, [*_PAID[:7], DAY], [*_PAID[:7], "01/11/2026 9:00:00"]), "mixed_dates"),
    ],
)
def test_settlements_of_gateways(content: bytes, wanted: Outcome) -> None:
    assert settled(content, "paygov") == wanted


@pytest.mark.parametrize(
    ("amounts", "wanted"),
    [("500000;5000;495000", [4950]), ("50000;500;49500", "lost_thousands")],
)
def test_amounts_that_are_not_times_a_hundred_are_not_divided(
    amounts: str, wanted: Outcome
) -> None:
    layout = get_layout(settlement_layouts(), "vnpay-x100", ON)
    row = f"V1;02/11/2026;Thanh toán;O1;14012345;{amounts};01/11/2026 10:00:00"
    content = f"{';'.join(layout.columns.values())}\n{row}\n".encode()
    assert settled(content, "vnpay-x100") == wanted


def test_a_small_refund_says_nothing_of_thousands() -> None:
    """Millions keep their dots; what goes back may be small, and lost payments stay refused."""
    layout = get_layout(settlement_layouts(), "momo", ON)
    heading = ";".join(layout.columns.values())

    def file(*rows: tuple[str, str]) -> bytes:
        kinds = {"in": layout.payment_words[0], "out": layout.refund_words[0]}
        told = [
            f"M1;02/11/2026;{kinds[kind]};O{at};{at};{amount};0;{amount};01/11/2026 10:00:00"
            for at, (kind, amount) in enumerate(rows)
        ]
        return "\n".join([heading, *told, ""]).encode()

    million, small = ("in", "1,250,000"), ("out", "500")
    assert settled(file(million, small), "momo") == [1_250_000, -500]
    assert settled(file(small), "momo") == [-500]
    # The controls: a payment that lost its thousands has a refund beside it, too.
    assert settled(file(million, small, ("in", "20")), "momo") == "lost_thousands"
    assert settled(file(("in", "20"), small), "momo") == "lost_thousands"
    assert settled(file(("in", "20"), ("out", "20,000")), "momo") == [20, -20_000]


def test_a_small_refund_of_a_file_that_is_divided_says_that_it_was_in_dong() -> None:
    """Nobody lost a thousand there: the whole file may be of the other layout."""
    layout = get_layout(settlement_layouts(), "vnpay-x100", ON)
    back = layout.refund_words[0]
    heading = ";".join(layout.columns.values())

    def file(amount: str) -> bytes:
        row = f"V1;02/11/2026;{back};O1;14012345;{amount};0;{amount};01/11/2026 10:00:00"
        return f"{heading}\n{row}\n".encode()

    assert settled(file("50000"), "vnpay-x100") == "lost_thousands"
    assert settled(file("5000000"), "vnpay-x100") == [-50_000]
