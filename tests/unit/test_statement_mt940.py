"""Statements in MT940 and MT942: side, amount and day as they stand, or a refusal with the row."""

from datetime import date

import pytest

from core.clock import VIETNAM
from core.references import find_references
from reconciliation.formats import mt940_fields
from reconciliation.formats.cells import CellRefused
from reconciliation.formats.limits import Limits
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile
from tests.support.swift import ACCOUNT, interim, line, message

ON = date(2026, 11, 2)
REFERENCE = "LPAAAAAAAAABFE"


def read(text: str | bytes, account: str = ACCOUNT, encoding: str | None = None) -> StatementFile:
    content = text.encode() if isinstance(text, str) else text
    task = ReadingTask("mt940", ON, account, encoding, limits=Limits(rows=50))
    return read_statement(content, task)


def faults(text: str | bytes, account: str = ACCOUNT) -> list[tuple[str, str]]:
    with pytest.raises(StatementRefused) as refused:
        read(text, account)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def of_line(said: str) -> StatementFile:
    return read(message(line(said), closing=1_000_000))


@pytest.mark.parametrize("funds", ["", "D", "R"])
@pytest.mark.parametrize(
    ("mark", "direction"),
    [("C", "credit"), ("D", "debit"), ("RC", "debit"), ("RD", "credit")],
)
def test_a_side_is_its_letter_whatever_follows_it(mark: str, funds: str, direction: str) -> None:
    (row,) = of_line(f"{mark}{funds}5000,").rows
    assert (row.direction, row.amount) == (direction, 5_000)


def test_a_line_taken_back_says_so() -> None:
    taken_back, plain = read(
        message(line("RC5000,", "NOP PHI"), line("C5000,", "NOP PHI"), closing=1_000_000)
    ).rows
    assert (taken_back.narrative, plain.narrative) == ("NOP PHI (đảo giao dịch)", "NOP PHI")


@pytest.mark.parametrize(
    "said",
    [
        *(
            "C1,O00,",
            "C1,O00",
            "C12..34",
            "C12,3,4",
            "C1O00,",
            "C1O00",
            "C5000",
            "C5.000,",
            "C-5000,",
            "C,00",
        ),
        *("C5000,50", "C5000,000", "c5000,", "CX5000,", "DC5000,", "CC5000,", "X5000,", "5000,"),
        *("C10000000000001,", "C٥٠٠٠,", "RRC5000,", "CRD5000,"),
    ],
)
def test_a_garbled_line_is_refused_with_its_row_and_nothing_is_taken(said: str) -> None:
    text = message(line("C7000,", "TOT"), line(said, "HONG"), closing=1_007_000)
    found = faults(text)
    assert [field for field, _ in found] == ["row 7, column :61:"]


def test_what_the_library_alone_would_take_is_refused() -> None:
    # Its pattern reads 12 and 1 out of these; that is why amounts have a grammar of our own.
    for said, amount in (("261102C12..34NTRF", "12"), ("261102C1O00NTRF", "1")):
        found = mt940_fields._LINE.match(said)
        assert found is not None
        assert found["amount"] == amount
        with pytest.raises(CellRefused):
            mt940_fields.read_line(said)


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ("2611021102", date(2026, 11, 2)),
        ("2610301102", date(2026, 11, 2)),
        ("261102    ", date(2026, 11, 2)),
        ("2601021231", date(2025, 12, 31)),
        ("2512310102", date(2026, 1, 2)),
        ("240229", date(2024, 2, 29)),
    ],
)
def test_the_day_is_that_of_booking(dates: str, day: date) -> None:
    (row,) = read(message(f":61:{dates}C5000,NTRFNONREF", closing=1_005_000)).rows
    assert row.booked_at.tzinfo is VIETNAM
    assert row.booked_at.date() == day


@pytest.mark.parametrize(
    "dates", ["260230", "2602280230", "261302", "2611050000", "000000", "261106"]
)
def test_a_day_that_there_is_not_or_not_yet_is_refused(dates: str) -> None:
    found = faults(message(f":61:{dates}C5000,NTRFNONREF", closing=1_005_000))
    assert found == [("row 5, column :61:", "future" if dates == "261106" else "time")]


@pytest.mark.parametrize("field", [":60F:C261101USD1000000,", ":60F:C260230VND1,", ":60F:CVND1,"])
def test_another_currency_or_a_garbled_balance_is_refused(field: str) -> None:
    text = message(line("C5000,"), closing=1_005_000)
    found = faults(text.replace(":60F:C261101VND1000000,", field))
    assert found[0][0] == "row 4, column :60F:"
    assert len(found) == 1


def test_balances_are_kept_and_what_does_not_come_to_them_is_told() -> None:
    right = read(message(line("C5000,"), line("D2000,"), closing=1_003_000))
    assert (right.balances.opening, right.balances.closing, right.gaps) == (
        1_000_000,
        1_003_000,
        (),
    )
    wrong = read(message(line("C5000,"), closing=1_003_000))
    assert [(gap.row, gap.expected, gap.told) for gap in wrong.gaps] == [(6, 1_005_000, 1_003_000)]


def test_pages_and_days_of_an_account_go_on_from_each_other() -> None:
    first = message(line("C5000,"), closing=1_005_000, number="1/1").replace(":62F:", ":62M:")
    second = message(line("D2000,"), opening=1_005_000, closing=1_003_000, number="1/2")
    found = read(first + second.replace(":60F:", ":60M:"))
    assert [row.line_no for row in found.rows] == [5, 12]
    assert (found.balances.opening, found.balances.closing) == (1_000_000, 1_003_000)
    assert (found.gaps, found.notes) == ((), ())
    alone = read(first)
    assert alone.balances.closing is None
    assert len(alone.notes) == 1
    hole = read(first + second.replace(":60F:C261101VND1005000,", ":60M:C261101VND1004000,"))
    assert [(gap.row, gap.told) for gap in hole.gaps] == [(11, 1_004_000), (13, 1_003_000)]


def test_a_page_that_stands_twice_is_refused() -> None:
    page = message(line("C5000,"), closing=1_005_000)
    assert faults(page + page) == [("row 8", "page_twice")]


def test_days_of_one_number_are_not_one_page() -> None:
    one, other = line("C5000,"), line("D5000,")
    days = message(one, closing=1_005_000) + message(other, opening=1_005_000, closing=1_000_000)
    quiet = message(closing=1_000_000)
    assert len(read(days + quiet + quiet).rows) == 2


def test_of_several_accounts_only_ours_is_taken_and_the_others_are_told() -> None:
    ours = message(line("C5000,"), closing=1_005_000)
    theirs = message(line("D9000,"), account="VCBVVNVX/9998887776665", closing=991_000)
    dollars = theirs.replace("9998887776665", "5554443332221").replace("VND", "USD")
    found = read(theirs + ours + dollars)
    assert [(row.amount, row.direction) for row in found.rows] == [(5_000, "credit")]
    assert found.accounts == (ACCOUNT,)
    assert found.skipped == {"other_account": 2}
    assert "9998887776665" in found.notes[0]
    assert read(theirs).accounts == ("9998887776665",)  # which `prepare` refuses as not ours
    assert faults(ours + theirs, account="") == [("file", "several_accounts")]


@pytest.mark.parametrize(
    "account",
    [
        "BFTVVNVX/0011004567890",
        "0011004567890VND",
        "0011.004.567890",
        "001100xxxx890",
        "VQR0011004567890",
    ],
)
def test_an_account_is_its_number_without_bank_and_currency(account: str) -> None:
    found = read(message(line("C5000,"), account=account, closing=1_005_000))
    assert len(found.rows) == 1


@pytest.mark.parametrize("account", ["", "VND", "XXXXXXXXXX", "BFTVVNVX/***"])
def test_an_account_that_is_not_told_is_refused(account: str) -> None:
    found = faults(message(line("C5000,"), account=account, closing=1_005_000))
    assert ("row 2, column :25:", "account") in found


def test_references_of_both_sides_and_none() -> None:
    refs = [
        "NONREF//FT26306001",
        f"{REFERENCE}//FT2",
        "FT26306003",
        REFERENCE,
        "NONREF",
        "NOTPROVIDED",
    ]
    text = message(*(line("C1000,", ref=ref) for ref in refs), closing=1_006_000)
    assert [(row.reference, row.bank_ref) for row in read(text).rows] == [
        (None, "FT26306001"),
        (REFERENCE, "FT2"),
        (None, "FT26306003"),
        (REFERENCE, ""),
        (None, ""),
        (None, ""),
    ]


@pytest.mark.parametrize("words", ["TRANSFER", "NONREF0", "UNSPECIFIED", "KHONG CO MA"])
def test_a_line_that_is_told_again_after_an_upgrade_says_what_it_said(words: str) -> None:
    """These are read as no reference since; lines that were stored before are known with them."""
    refs = (f"{words}//FT26306001", words)
    text = message(*(line("C1000,", "NOP PHI", ref=ref) for ref in refs), closing=1_002_000)
    found = [(row.reference, row.bank_ref) for row in read(text).rows]
    assert found == [(words, "FT26306001"), (None, words)]


def test_a_long_reference_is_not_cut() -> None:
    text = message(line("C1000,", ref="NONREF//FT26306001234567890123456789"), closing=1_001_000)
    assert read(text).rows[0].bank_ref == "FT26306001234567890123456789"


@pytest.mark.parametrize(
    ("text", "narrative"),
    [
        ("NOP PHI\nHO SO 12", "NOP PHI HO SO 12"),
        ("166?00CHUYEN TIEN?20NOP PHI?21HO SO 12?32NGUYEN VAN A", "NOP PHI HO SO 12 NGUYEN VAN A"),
        ("?20NOP LE PHI THEO HO SO 01/22?2126?60XONG", "NOP LE PHI THEO HO SO 01/2226 XONG"),
        ("166?20NOP?\n21PHI", "NOP PHI"),
    ],
)
def test_the_parts_of_a_text_are_joined(text: str, narrative: str) -> None:
    (row,) = read(message(line("C1000,", text), closing=1_001_000)).rows
    assert row.narrative == narrative


@pytest.mark.parametrize("place", range(1, len(REFERENCE)))
def test_a_wrapped_reference_is_still_found(place: int) -> None:
    head = f"{'NOP LE PHI CUA CONG DAN THEO HO SO'.ljust(65 - place, 'X')}{REFERENCE[:place]}"
    plain = f"{head}\n{REFERENCE[place:]} CAM ON"
    parts = f"166?20{('NOP PHI '.ljust(27 - place, 'X'))}{REFERENCE[:place]}?21{REFERENCE[place:]}"
    for text in (plain, parts):
        (row,) = read(message(line("C1000,", text), closing=1_001_000)).rows
        assert find_references(row.narrative) == [REFERENCE]


def test_a_text_that_comes_in_two_fields_is_kept_whole() -> None:
    (row,) = read(message(line("C1000,", "NOP PHI", "HO SO 12"), closing=1_001_000)).rows
    assert row.narrative == "NOP PHI HO SO 12"


def test_what_moves_nothing_or_is_only_expected_is_counted() -> None:
    found = read(message(line("CD0,00", "SO DU"), line("EC9000,"), line("C1,"), closing=1_000_001))
    assert found.skipped == {"zero": 1, "expected": 1}
    assert [row.amount for row in found.rows] == [1]
    assert found.rows[0].narrative == ""


@pytest.mark.parametrize("damaged", ["61:", ";61:", ":6l:", ":61", "", " : 61 :"])
def test_a_line_behind_a_damaged_mark_is_not_swallowed_by_the_text_before(damaged: str) -> None:
    text = message(line("C5000,", "NOP PHI"), line("C7000,"), closing=1_005_000)
    assert text.count(":61:") == 2
    at = text.rindex(":61:")
    assert faults(text[:at] + damaged + text[at + 4 :]) == [("row 7", "broken_field")]


def test_a_text_may_hold_times_and_numbers_with_colons() -> None:
    (row,) = read(message(line("C1000,", "NOP LUC\n20:15 61: A\n86: B"), closing=1_001_000)).rows
    assert row.narrative == "NOP LUC 20:15 61: A 86: B"


def test_a_cut_file_is_refused() -> None:
    text = message(line("C5000,"), closing=1_005_000)
    assert faults(text[: text.index(":62F:")]) == [("row 1, column :62F:", "cut")]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), ("ngày,số tiền\n", "not_mt940"), (":61:261102C1,NTRF\n", "no_message")],
)
def test_what_is_no_message_is_refused(text: str, code: str) -> None:
    assert [found for _, found in faults(text)] == [code]


def test_envelopes_and_line_ends_of_the_network_are_passed_over() -> None:
    inside = message(line("C5000,", "NOP PHI"), closing=1_005_000).rstrip("-\n")
    text = f"\x01{{1:F01BANKVNVXAXXX}}{{2:I940X}}{{4:\n{inside}\n-}}{{5:{{CHK:1}}}}\x03"
    assert len(read(text.replace("\n", "\r\n")).rows) == 1


def test_an_interim_report_is_held_against_its_totals() -> None:
    lines = (line("C5000,"), line("C6000,"), line("D1000,"))
    found = read(interim(*lines, totals=(":90D:1VND1000,", ":90C:2VND11000,")))
    assert (len(found.rows), found.has_totals) == (3, True)
    assert not read(interim(*lines)).has_totals
    assert faults(interim(*lines, totals=(":90D:1VND1000,", ":90C:2VND11001,"))) == [
        ("row 10, column :90C:", "total")
    ]


def test_more_rows_than_are_taken_are_refused() -> None:
    assert faults(message(*(line("C1,") for _ in range(51)), closing=1_000_051)) == [
        ("row 55", "too_many_rows")
    ]


def test_an_encoding_that_the_file_does_not_tell_is_asked_for() -> None:
    text = message(line("C5000,", "Nguyễn Văn A nộp phí"), closing=1_005_000)
    assert read(text).rows[0].narrative == "Nguyễn Văn A nộp phí"
    written = text.encode("ascii", "replace").replace(b"n?p", b"n\xe9p")
    with pytest.raises(StatementRefused, match="1 lỗi") as refused:
        read(written)
    assert "windows-1258, tcvn3, windows-1252" in refused.value.errors[0].detail
    assert "--encoding" in refused.value.errors[0].detail
    for name, word in (("windows-1252", "nép"), ("tcvn3", "nộp"), ("windows-1258", "nép")):
        assert word in read(written, encoding=name).rows[0].narrative
