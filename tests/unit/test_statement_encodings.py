"""What a statement is written in: told, known by the words of its heading, or asked for."""

import subprocess
import unicodedata
from datetime import date

import pytest

from reconciliation.formats import csv_statement, tcvn3
from reconciliation.formats.csv_statement import read_day_file
from reconciliation.formats.decoding import ENCODINGS, UnknownEncoding, decode
from reconciliation.formats.mappings import get_mapping
from reconciliation.formats.rows import StatementRefused
from tests.support.tcvn3 import as_bytes, as_latin
from tests.unit.test_statement_csv import as_windows, basic, basic_row, golden

ON = date(2026, 11, 2)
TREASURY = golden("kbnn-so-phu").decode()
#: No capitals with tones, which TCVN3 has not.
PLAIN = TREASURY.replace("Đ", "đ")


def refusal(content: bytes, mapping: str, encoding: str | None = None) -> str:
    with pytest.raises(StatementRefused) as refused:
        read_day_file(content, mapping, ON, encoding=encoding)
    [fault] = refused.value.errors
    assert (fault.field, fault.code) == ("file", "encoding")
    return fault.detail


def narratives(content: bytes, encoding: str | None = None) -> list[str]:
    read = read_day_file(content, "kbnn-so-phu", ON, encoding=encoding)
    return [row.narrative for row in read.rows]


@pytest.mark.parametrize("write", [as_windows, as_bytes, lambda text: as_latin(text).encode()])
def test_a_code_page_is_known_by_the_words_of_the_heading(write: object) -> None:
    assert callable(write)
    found = narratives(write(PLAIN))
    wanted = narratives(PLAIN.encode())
    assert [one.lower() for one in found] == [one.lower() for one in wanted]
    assert any("ệ" in one for one in found)


def test_what_one_code_page_says_is_not_taken_for_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without the words of the heading nobody could tell the two apart.
    monkeypatch.setattr(csv_statement, "has_header", lambda *_: True)
    detail = refusal(as_bytes(PLAIN), "kbnn-so-phu")
    assert "windows-1258, tcvn3, windows-1252" in detail


@pytest.mark.parametrize("write", [as_windows, as_bytes])
def test_where_the_heading_does_not_tell_the_sender_is_asked(write: object) -> None:
    assert callable(write)
    assert all(name.isascii() for name in get_mapping("lephi-basic", ON).names)
    content = write(basic(basic_row(1, narrative="nộp lệ phí")))
    detail = refusal(content, "lephi-basic")
    assert "windows-1258" in detail
    assert "tcvn3" in detail
    assert "encoding" in detail
    name = "windows-1258" if write is as_windows else "tcvn3"
    (row,) = read_day_file(content, "lephi-basic", ON, encoding=name).rows
    assert row.narrative == "nộp lệ phí"


def test_text_of_two_bytes_without_a_mark_is_asked_about() -> None:
    content = TREASURY.encode("utf-16-le")
    assert "utf-16-le" in refusal(content, "kbnn-so-phu")
    assert narratives(content, "utf-16-le") == narratives(TREASURY.encode())


def test_what_its_sender_says_must_fit() -> None:
    assert "utf-8" in refusal(as_windows(PLAIN), "kbnn-so-phu", "utf-8")
    assert "utf-16-le" in refusal(TREASURY.encode("utf-16"), "kbnn-so-phu", "tcvn3")
    assert narratives(TREASURY.encode("utf-16"), "utf-16-le") == narratives(TREASURY.encode())
    with pytest.raises(UnknownEncoding, match="latin-1"):
        read_day_file(TREASURY.encode(), "kbnn-so-phu", ON, encoding="latin-1")


def test_text_in_utf_8_stays_what_it_is_although_it_is_tcvn3_too() -> None:
    # "é" is a letter of both; the heading in Unicode says which is meant.
    content = PLAIN.replace("Nộp lệ phí", "café").encode()
    assert "café" in "".join(narratives(content))
    mixed = as_latin(PLAIN).replace("FT", "ệ").encode()
    assert decode(mixed) == mixed.decode()


def test_the_letters_of_tcvn3_are_those_of_the_standard() -> None:
    codes = bytes(code for code in range(0xA1, 0xFF) if tcvn3._TABLE[code] != tcvn3._NONE)
    ours = tcvn3.from_bytes(codes)
    command = ["iconv", "-f", "TCVN5712-1", "-t", "UTF-8"]
    theirs = subprocess.run(command, input=codes, capture_output=True, check=True).stdout.decode()
    assert unicodedata.normalize("NFC", ours) == unicodedata.normalize("NFC", theirs)
    assert len(set(ours)) == 74
    for code in (0x80, 0xAF, 0xBF, 0xFF):
        with pytest.raises(UnicodeDecodeError):
            tcvn3.from_bytes(bytes([code]))


def test_every_encoding_that_is_named_can_be_said() -> None:
    for name, read in ENCODINGS.items():
        assert read("LP".encode(name) if "16" in name else b"LP") == "LP"
