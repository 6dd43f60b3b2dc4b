"""Statements in camt.053 and camt.054: each entry as it stands, or a refusal with the row."""

from datetime import date, datetime

import pytest

from core.clock import VIETNAM
from core.references import find_references
from reconciliation.formats import camt_statement
from reconciliation.formats.limits import Limits
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile
from reconciliation.matching.reversals import _WORDS
from tests.support.camt import ACCOUNT, balance, detail, document, entry, statement, totals

ON = date(2026, 11, 2)
REFERENCE = "LPAAAAAAAAABFE"


def read(text: str | bytes, account: str = ACCOUNT, encoding: str | None = None) -> StatementFile:
    content = text.encode() if isinstance(text, str) else text
    task = ReadingTask("camt", ON, account, encoding, limits=Limits(rows=50))
    return read_statement(content, task)


def faults(text: str | bytes, account: str = ACCOUNT) -> list[tuple[str, str]]:
    with pytest.raises(StatementRefused) as refused:
        read(text, account)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def of(*parts: str) -> str:
    return document(statement(*parts))


@pytest.mark.parametrize(
    "version",
    [
        *(f"camt.053.001.{number:02}" for number in range(1, 14)),
        "camt.054.001.02",
        "camt.054.001.08",
    ],
)
@pytest.mark.parametrize("namespace", [True, False])
def test_every_version_is_read_with_its_namespace_and_without(
    version: str, namespace: bool
) -> None:
    text = document(statement(entry("5000"), entry("2000.00", "DBIT")), version=version,
                    namespace=namespace)  # fmt: skip
    found = read(text)
    assert [(row.direction, row.amount, row.bank_ref) for row in found.rows] == [
        ("credit", 5_000, "FT26306001"),
        ("debit", 2_000, "FT26306001"),
    ]
    assert [row.line_no for row in found.rows] == [6, 7]


def test_a_prefix_of_a_namespace_changes_nothing() -> None:
    text = of(entry("5000", "CRDT", detail("5000", "NOP PHI"))).replace("<", "<x:")
    text = text.replace("<x:/", "</x:").replace("<x:?", "<?").replace("xmlns=", "xmlns:x=")
    assert [(row.amount, row.narrative) for row in read(text).rows] == [(5_000, "NOP PHI")]


@pytest.mark.parametrize(
    "amount",
    [
        *("12..34", "", "5000.50", "5.000.000", "5,000", "-5000", "+5000", "5e3", "0x10", "٥٠٠٠"),
        *("5000.", ".00", "10000000000001", "5 000", "5000<a/>", "5000.0000000", "NaN"),
    ],
)
def test_a_garbled_amount_is_refused_with_its_row_and_nothing_is_taken(amount: str) -> None:
    [(field, code)] = faults(of(entry("7000"), entry(amount)))
    assert field == "row 7, column Amt"
    assert code in ("amount", "element")


def test_what_is_garbled_is_told_before_its_currency() -> None:
    with pytest.raises(StatementRefused) as refused:
        read(of(entry("12..34", currency="EUR")))
    assert '"12..34"' in refused.value.errors[0].detail
    assert faults(of(entry("12.34", currency="EUR"))) == [("row 6, column Amt", "currency")]


@pytest.mark.parametrize("amount", ["5000", "5000.0", "5000.00", " 5000\n", "0005000"])
def test_an_amount_may_have_zeros_after_its_point(amount: str) -> None:
    assert [row.amount for row in read(of(entry(amount))).rows] == [5_000]


@pytest.mark.parametrize("side", ["", "CREDIT", "crdt", "C", "DBIT CRDT"])
def test_a_side_that_is_none_is_refused(side: str) -> None:
    assert faults(of(entry("5000", side))) == [("row 6, column CdtDbtInd", "direction")]


@pytest.mark.parametrize("part", ["<Amt Ccy='VND'>1</Amt>", "<CdtDbtInd>DBIT</CdtDbtInd>"])
def test_what_is_said_twice_is_refused(part: str) -> None:
    assert [code for _, code in faults(of(entry("5000", more=part)))] == ["duplicate"]


@pytest.mark.parametrize(("side", "direction"), [("CRDT", "credit"), ("DBIT", "debit")])
@pytest.mark.parametrize(
    ("flag", "is_reversal"), [("true", True), ("1", True), ("false", False), ("0", False)]
)
def test_a_reversal_stands_on_the_side_that_it_says(
    side: str, direction: str, flag: str, is_reversal: bool
) -> None:
    (row,) = read(of(entry("5000", side, more=f"<RvslInd>{flag}</RvslInd>"))).rows
    assert row.direction == direction
    assert bool(row.narrative) == is_reversal
    assert not is_reversal or _WORDS.search("dao giao dich")
    assert faults(of(entry("5000", more="<RvslInd>maybe</RvslInd>")))[0][1] == "flag"


@pytest.mark.parametrize("form", ["{}", "<Cd>{}</Cd>"])
def test_only_what_is_booked_is_taken(form: str) -> None:
    entries = [entry("5000", status=form.format(said)) for said in ("BOOK", "PDNG", "INFO", "FUTR")]
    found = read(of(*entries))
    assert len(found.rows) == 1
    assert found.skipped == {"pending": 1, "information": 1, "expected": 1}
    assert faults(of(entry("5000", status=form.format("XXXX")))) == [
        ("row 6, column Sts", "status")
    ]
    assert faults(of(entry("5000").replace("<Sts>BOOK</Sts>", "")))[0][1] == "status"


def test_an_entry_of_nothing_is_counted() -> None:
    found = read(of(entry("0"), entry("0.00")))
    assert (found.skipped, found.notes) == ({"zero": 2}, ("Tệp không có dòng giao dịch nào.",))


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        ("<BookgDt><Dt>2026-11-02</Dt></BookgDt>", "2026-11-02T00:00:00+07:00"),
        ("<BookgDt><Dt>2026-11-02+07:00</Dt></BookgDt>", "2026-11-02T00:00:00+07:00"),
        ("<BookgDt><DtTm>2026-11-02T09:15:00</DtTm></BookgDt>", "2026-11-02T09:15:00+07:00"),
        (
            "<BookgDt><DtTm>2026-11-01T18:15:00.123456789Z</DtTm></BookgDt>",
            "2026-11-02T01:15:00+07:00",
        ),
        ("<ValDt><Dt>2026-11-01</Dt></ValDt>", "2026-11-01T00:00:00+07:00"),
    ],
)
def test_the_moment_is_that_of_booking(day: str, moment: str) -> None:
    (row,) = read(of(entry("5000", day=day))).rows
    assert row.booked_at == datetime.fromisoformat(moment)
    assert row.booked_at.tzinfo is VIETNAM


@pytest.mark.parametrize(
    "day", ["2026-02-30", "20261102", "2026-W45-1", "02/11/2026", "", "1999-01-01"]
)
def test_a_day_that_there_is_not_is_refused(day: str) -> None:
    said = f"<BookgDt><Dt>{day}</Dt></BookgDt>"
    assert faults(of(entry("5000", day=said))) == [("row 6, column BookgDt", "time")]
    ahead = "<BookgDt><Dt>2026-11-05</Dt></BookgDt>"
    assert faults(of(entry("5000", day=ahead))) == [("row 6, column BookgDt", "future")]
    assert faults(of(entry("5000", day=""))) == [("row 6, column BookgDt", "time")]


def test_a_batch_whose_transactions_come_to_it_gives_a_row_for_each() -> None:
    parts = [detail("2000", f"{REFERENCE} A", ref="FT1"), detail("3000", "B", payer="HS-12345")]
    first, second = read(of(entry("5000", "CRDT", *parts, ref="LO1234"))).rows
    assert (first.amount, first.narrative, first.bank_ref) == (2_000, f"{REFERENCE} A", "FT1")
    assert (second.amount, second.reference, second.bank_ref) == (3_000, "HS-12345", "")
    assert (first.line_no, second.line_no) == (6, 7)


@pytest.mark.parametrize(
    "parts",
    [
        [detail("2000", "A"), detail("2999", "B")],
        [detail("2000", "A"), detail("", "B")],
        [detail("5000", "A").replace("VND", "USD"), detail("3000", "B")],
        [detail("5000", "A"), detail("0", "B")],
    ],
)
def test_a_batch_whose_transactions_do_not_come_to_it_is_one_row(parts: list[str]) -> None:
    (row,) = read(of(entry("5000", "CRDT", *parts, ref="LO1234"))).rows
    assert (row.amount, row.narrative, row.bank_ref) == (5_000, "A B", "LO1234")


def test_a_transaction_on_the_other_side_counts_against_the_batch() -> None:
    back = detail("1000", "TRA LAI").replace("<Refs>", "<CdtDbtInd>DBIT</CdtDbtInd><Refs>")
    rows = read(of(entry("5000", "CRDT", detail("6000", "A"), back))).rows
    assert [(row.amount, row.direction) for row in rows] == [(6_000, "credit"), (1_000, "debit")]


def test_a_garbled_amount_inside_a_batch_refuses_it() -> None:
    text = of(entry("5000", "CRDT", detail("2000", "A"), detail("3..000", "B")))
    assert faults(text) == [("row 6, column Amt", "amount")]


def test_the_words_and_references_of_a_transaction() -> None:
    part = detail("5000", "NOP LE  PHI</Ustrd><Ustrd>HO SO 12", payer="NOTPROVIDED", ours=REFERENCE)
    (row,) = read(of(entry("5000", "CRDT", part, ref="NONREF"))).rows
    assert (row.reference, row.bank_ref) == (REFERENCE, "")
    assert row.narrative == f"NOP LE PHI HO SO 12 {REFERENCE}"
    wrapped = detail("5000", f"NOP {REFERENCE[:7]}</Ustrd><Ustrd>{REFERENCE[7:]}")
    assert find_references(read(of(entry("5000", "CRDT", wrapped))).rows[0].narrative) == [
        REFERENCE
    ]


@pytest.mark.parametrize("words", ["TRANSFER", "NONREF0", "UNSPECIFIED", "KHONG CO MA"])
def test_a_transaction_that_is_told_again_after_an_upgrade_says_what_it_said(words: str) -> None:
    """These are read as no reference since; lines that were stored before are known with them."""
    part = detail("5000", "NOP PHI", ref=words, payer=words)
    (row,) = read(of(entry("5000", "CRDT", part, ref="FT26306001"))).rows
    assert (row.reference, row.bank_ref) == (words, words)


def test_balances_are_kept_and_what_does_not_come_to_them_is_told() -> None:
    right = read(of(balance("OPBD", "100"), balance("CLBD", "5", "DBIT"), entry("105", "DBIT")))
    assert (right.balances.opening, right.balances.closing, right.gaps) == (100, -5, ())
    wrong = read(of(balance("PRCD", "100"), balance("CLBD", "300.00"), entry("100")))
    assert [(gap.expected, gap.told) for gap in wrong.gaps] == [(200, 300)]
    twice = of(balance("CLBD", "100"), balance("CLBD", "300"))
    assert faults(twice) == [("row 7, column Bal", "balance")]
    assert faults(of(balance("OPBD", "1..0")))[0][1] == "amount"


def test_totals_must_agree() -> None:
    entries = [entry("5000"), entry("2000"), entry("1000", "DBIT")]
    assert read(of(totals((2, 7_000), (1, 1_000)), *entries)).has_totals
    assert not read(of(*entries)).has_totals
    pending = entry("9000", status="PDNG")
    assert read(of(totals((3, 16_000), (1, 1_000)), *entries, pending)).has_totals
    assert faults(of(totals((2, 7_001), (1, 1_000)), *entries)) == [("row 6, column Sum", "total")]
    assert faults(of(totals((2, 7_000), (2, 1_000)), *entries)) == [
        ("row 6, column NbOfNtries", "total")
    ]


def test_of_several_accounts_only_ours_is_taken_and_the_others_are_told() -> None:
    ours = statement(entry("5000"))
    theirs = statement(entry("9000"), account="<IBAN>DE89370400440532013000</IBAN>")
    dollars = statement(entry("9000", currency="USD"), account="<Othr><Id>5554443332</Id></Othr>")
    dollars = dollars.replace("</Acct>", "<Ccy>USD</Ccy></Acct>")
    assert faults(document(dollars.replace("5554443332", ACCOUNT)))[0][1] == "currency"
    found = read(document(theirs, ours, dollars))
    assert [row.amount for row in found.rows] == [5_000]
    assert (found.accounts, found.skipped) == ((ACCOUNT,), {"other_account": 2})
    assert read(document(theirs)).accounts == ("89370400440532013000",)
    assert faults(document(ours, ours)) == [("row 8", "page_twice")]
    without = ours.replace(f"<Othr><Id>{ACCOUNT}</Id></Othr>", "")
    assert faults(document(without))[0][1] == "account"


def test_a_page_that_announces_another_says_so() -> None:
    more = "<MsgPgntn><PgNb>1</PgNb><LastPgInd>{}</LastPgInd></MsgPgntn>"
    for said, notes in (("false", 1), ("true", 0)):
        text = of(entry("5000")).replace("<MsgId>M1</MsgId>", more.format(said))
        assert len(read(text).notes) == notes


BOMB = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
DOCTYPES = [
    f'<!DOCTYPE Document [<!ENTITY a0 "ha">{BOMB}]>',
    "<!DOCTYPE Document>",
    '<!DOCTYPE Document SYSTEM "file:///etc/hostname">',
    '<!DOCTYPE Document [<!ENTITY a9 SYSTEM "file:///etc/hostname">]>',
    '<!DOCTYPE Document [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
]


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_and_its_entities_are_refused(doctype: str, encoding: str) -> None:
    part = detail("5000", "&a9;" if "a9" in doctype else "A")
    text = of(entry("5000", "CRDT", part)).replace("<Document", f"{doctype}<Document", 1)
    content = text.replace("UTF-8", encoding).encode(encoding)
    assert faults(content) == [("file", "doctype")]


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_entities_are_refused_by_the_parser_too(
    doctype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camt_statement, "_NOT_OURS", ())
    part = detail("5000", "&a9;" if "a9" in doctype else "A")
    text = of(entry("5000", "CRDT", part)).replace("<Document", f"{doctype}<Document", 1)
    assert {code for _, code in faults(text)} <= {"doctype", "xml"}


def test_too_many_elements_and_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(of(*(entry("1") for _ in range(51))))[0][1] == "too_many_rows"
    monkeypatch.setattr(camt_statement, "_MOST_ELEMENTS", 100)
    assert len(read(of(entry("1"))).rows) == 1
    assert faults(of(entry("1"), "<a/>" * 100)) == [("file", "too_large")]
    many = " ".join(f"b{number}=''" for number in range(100))
    assert faults(of(entry("1"), f"<a {many}/>")) == [("file", "too_large")]


def test_nesting_without_end_is_refused() -> None:
    assert faults(of("<a>" * 5_000 + "</a>" * 5_000))[0][1] == "xml"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("%PDF-1.7\n", "not_a_table"),
        ("<Document/>", "not_camt"),
        (":20:SAOKE\n", "xml"),
        (of(entry("5000"))[:-40], "xml"),
        (document(statement(entry("5000")), version="camt.052.001.02"), "not_camt"),
        ("<Document><Ntry/></Document>", "element"),
    ],
)
def test_what_is_no_whole_message_is_refused(text: str, code: str) -> None:
    assert faults(text)[0][1] == code


def test_an_encoding_is_the_message_s_own_or_that_which_its_sender_says() -> None:
    text = of(entry("5000", "CRDT", detail("5000", "nộp phí")))
    assert read(text.replace("UTF-8", "UTF-16").encode("utf-16")).rows[0].narrative == "nộp phí"
    tcvn3 = text.replace("nộp phí", "n\xe9p ph\xdd").encode("latin-1")
    assert faults(tcvn3)[0][1] == "xml"
    assert read(tcvn3, encoding="tcvn3").rows[0].narrative == "nộp phí"
