import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from core.errors import Invalid
from receipts.content import Delegate, Payer, ReplacedReceipt
from receipts.xml import MAX_BYTES, data_element, parse, parse_tree, read_data, render
from tests.support.examples import examples
from tests.support.receipts import HOSTILE, content, line

SIGNING_AT = datetime(2026, 11, 22, 9, 35, 14, 999, tzinfo=timezone(timedelta(hours=7)))
FULL = content(
    replaces=ReplacedReceipt("EBL01", "26TAA", 7, date(2026, 11, 20)),
    demo=True,
    payer=Payer("Nguyễn Văn A", "Hà Nội", "0101234567", "001190012345"),
    on_behalf_of=Payer("Công ty B", "Huế", "0109876543-001"),
    delegate=Delegate("Bưu điện phường", "số 1 phố Huế"),
    language_note="Bản tiếng Anh chỉ để tham khảo",
    lines=(line(), line(amount=12_345, copies=2, sub_item="", description_en="")),
)


@pytest.mark.parametrize("receipt", [content(), FULL, content(payer=Payer(), legal_basis=())])
def test_what_is_written_is_read_back(receipt: object) -> None:
    assert parse(render(receipt, SIGNING_AT)) == receipt  # type: ignore[arg-type]  # parametrized


def test_the_document_has_two_parts_with_the_names_of_the_tax_authority() -> None:
    root = etree.fromstring(render(FULL, SIGNING_AT))
    assert [element.tag for element in root] == ["DLBLai", "DSCKS"]
    assert root[0].get("Id") == "data"
    assert root.findtext("DLBLai/TTChung/KHMBLai") == "EBL01"
    assert root.findtext("DLBLai/TTChung/KHBLai") == "26TAA"
    assert root.findtext("DLBLai/TTChung/SBLai") == "128"
    assert root.findtext("DLBLai/TTChung/NLap") == "2026-11-22"
    assert root.findtext("DLBLai/NDBLai/TCThu/MST") == "0109876543"
    assert root.findtext("DLBLai/NDBLai/TToan/TgTTTBSo") == "17345"
    place = root.find("DSCKS/TCThu")
    assert place is not None
    assert len(place) == 0


def test_the_same_content_gives_the_same_bytes_in_nfc() -> None:
    first, second = render(FULL, SIGNING_AT), render(FULL, SIGNING_AT.astimezone(UTC))
    assert first == second
    assert unicodedata.is_normalized("NFC", first.decode())


def test_the_signing_time_stands_inside_the_signed_part() -> None:
    data = data_element(parse_tree(render(content(), SIGNING_AT)))
    assert read_data(data)[1] == datetime(2026, 11, 22, 2, 35, 14, tzinfo=UTC)
    assert read_data(data_element(parse_tree(render(content()))))[1] is None


def test_hostile_text_is_only_text() -> None:
    receipt = content(payer=Payer(name=HOSTILE), lines=(line(description=HOSTILE),))
    written = render(receipt)
    assert parse(written) == receipt
    assert b"<script>" not in written


@given(st.text(st.characters(codec=None), max_size=60))
@settings(max_examples=examples(100))
def test_any_text_survives_the_round_trip(text: str) -> None:
    receipt = content(payer=Payer(name=text, address=text), dossier_number=text)
    assert parse(render(receipt)) == receipt


def altered(old: str, new: str) -> bytes:
    written = render(FULL, SIGNING_AT).decode()
    assert written.count(old) >= 1
    return written.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<SBLai>128<", "<SBLai>129</SBLai><SBLai>128<"),
        ("<SBLai>128<", "<SBLai>0128<"),
        ("<SBLai>128<", "<SBLai>１２８<"),
        ("<SBLai>128<", "<SBLai>12<!-- -->8<"),
        ("<SBLai>128<", "<SBLai>128<?x y?><"),
        ("<SBLai>128<", '<SBLai unit="k">128<'),
        ("<SBLai>128<", "<SBLai><b/>128<"),
        ("<TTChung>", "<TTChung> loose text "),
        ("<NDBLai>", "<Extra>1</Extra><NDBLai>"),
        ("<TTien>5000<", "<TTien>6000<"),
        ("<NLap>2026-11-22<", "<NLap>22/11/2026<"),
        ("<NLap>2026-11-22<", "<NLap>20261122<"),
        ('Id="data"', 'Id="other"'),
        ('Id="data"', 'Id="data" x="1"'),
        ("<BLai>", '<BLai Id="data">'),
        ("<BLai>", "<BLai><DLBLai/>"),
        ("<DSCKS>", "loose<DSCKS>"),
        ("<TCThu/></DSCKS>", "<TCThu/><TCThu/></DSCKS>"),
        ("<TCThu/></DSCKS>", "<TCThu><x/></TCThu></DSCKS>"),
        ("<TCThu/></DSCKS>", "</DSCKS>"),
        ("</BLai>", "<more/></BLai>"),
        ("</BLai>", "</BLai><BLai/>"),
        ("<BLai>", "<BLai xmlns='urn:x'>"),
        ("<BLai>", "<!-- before --><BLai>"),
        ("</BLai>", "</BLai><?after?>"),
        ("UTF-8", "utf-8"),
        ("1.0", "1.1"),
        ("UTF-8", "UTF-16"),
        ("UTF-8", "ISO-8859-1"),
        ("<TTChung>", "<TTChung>&nbsp;"),
        ("<BTNghiem>1<", "<BTNghiem>0<"),
        ("<DVTTe>VND<", "<DVTTe>USD<"),
        ("</TCUQuyen>", "</TCUQuyen><TCUQuyen/>"),
        ("<NDNThay>", "<NDNThay><Ten>C</Ten>"),
        ("<TDTToan>2026-11-22T02:35:09Z<", "<TDTToan>2026-11-22T02:35:09.5Z<"),
    ],
)
def test_a_document_we_would_not_have_written_is_refused(old: str, new: str) -> None:
    with pytest.raises(Invalid):
        parse(altered(old, new))


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 12))
    + "]><BLai>&a11;</BLai>"
)


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"not xml",
        b"\x00\xff",
        b"<BLai/>",
        b"<a><b></a>",
        BOMB.encode(),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><BLai/>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><BLai>&e;</BLai>',
        b"<BLai>" + b" " * MAX_BYTES + b"</BLai>",
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
)
def test_a_hostile_file_is_refused_in_one_way(xml: bytes) -> None:
    with pytest.raises(Invalid):
        parse(xml)
