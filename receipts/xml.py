"""Writes and reads the XML of a receipt, the document of record. Pure.

The document has two parts, as Circular 91/2026/TT-BTC (article 18) asks: the business data
(`DLBLai`, the part that is signed) and the place of the signature (`DSCKS/TCThu`). The element
names follow the habit of the tax authority's other documents (KHMBLai, TTChung, NDBLai, …). The
schema for these receipts was not found published when this was written, so no conformity with it
is claimed; this module is the one place that has to change when it is.

Two receipts with the same content and signing time are the same bytes. Reading is strict: what
`render` would not have written is refused, so that nothing in a file can be signed and shown
without being understood.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from lxml import etree

from core.errors import Invalid
from receipts.content import Delegate, Issuer, Payer, ReceiptContent, ReceiptLine, ReplacedReceipt
from receipts.law import rules_on
from receipts.ports import SIGNATURE_PLACE, SIGNED_ELEMENT, SIGNED_ID

MAX_BYTES = 1_000_000
#: The version of this layout, ours and not the tax authority's.
LAYOUT = "lephi-1"

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def render(content: ReceiptContent, signing_at: datetime | None = None) -> bytes:
    """The unsigned XML of a receipt in UTF-8, its signature place empty.

    `signing_at` (aware; kept to the second, UTC) is the moment the signature is asked for. It
    stands inside the signed data, so that the one signature vouches for it as well.
    """
    root = etree.Element("BLai")
    root.append(_data(content, signing_at))
    place = root
    for name in SIGNATURE_PLACE:
        place = etree.SubElement(place, name)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def parse(xml: bytes) -> ReceiptContent:
    """The content of a receipt file, signed or not. No signature is checked here.

    Raises `Invalid` for anything that is not exactly a receipt of this layout: a document type
    declaration, other encodings than UTF-8, unknown or repeated elements, comments inside a value,
    more than `MAX_BYTES`. No entity is expanded and nothing is fetched.
    """
    return read_data(data_element(parse_tree(xml)))[0]


def parse_tree(xml: bytes) -> etree._Element:
    """The root of a hostile file, parsed without entities, network, or a document type."""
    if len(xml) > MAX_BYTES:
        raise Invalid(f"Tệp biên lai lớn hơn {MAX_BYTES} byte.", code="xml_too_large")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid("Tệp không phải là XML hợp lệ.", code="xml_malformed") from error
    document = root.getroottree().docinfo
    if document.internalDTD is not None or document.doctype:
        raise Invalid("Tệp XML không được có DOCTYPE.", code="xml_doctype")
    if document.encoding not in ("UTF-8", None) or document.xml_version != "1.0":
        raise Invalid("Tệp XML phải là XML 1.0, mã UTF-8.", code="xml_encoding")
    if root.getprevious() is not None or root.getnext() is not None:
        raise Invalid("Tệp XML có phần nằm ngoài biên lai.", code="xml_shape")
    return root


def data_element(root: etree._Element) -> etree._Element:
    """The business data of a receipt, once the whole shape of the document is as it must be.

    There is one data element and one signature place and nothing else, so no second copy of the
    data can hide from the signature or stand in for the signed one.
    """
    data = root[0] if len(root) == 2 else None
    place = root[1] if len(root) == 2 else None
    for name in SIGNATURE_PLACE[1:]:
        place = place[0] if place is not None and len(place) == 1 else None
        if place is not None and place.tag != name:
            place = None
    signatures = [] if place is None else [child.tag for child in place]
    shaped = (
        root.tag == "BLai"
        and not root.attrib
        and data is not None
        and data.tag == SIGNED_ELEMENT
        and dict(data.attrib) == {"Id": SIGNED_ID}
        and root[1].tag == SIGNATURE_PLACE[0]
        and place is not None
        and signatures in ([], [_SIGNATURE])
        and not _has_stray_text(root, data, place)
    )
    if not shaped or data is None:
        raise Invalid("Tệp không có cấu trúc của một biên lai.", code="xml_shape")
    return data


def read_data(data: etree._Element) -> tuple[ReceiptContent, datetime | None]:
    """The content and the signing time in a data element; `Invalid` if it holds anything else.

    After reading, the element is written again and compared in canonical form: a comment that
    splits a value, an element twice, or one we do not know cannot pass.
    """
    try:
        content, signing_at = _content(data), _time(data, "TTChung/TGKy")
    except (ValueError, OverflowError) as error:
        raise Invalid("Dữ liệu biên lai bị sai.", code="xml_value") from error
    if _canonical(data) != _canonical(_data(content, signing_at)):
        raise Invalid("Biên lai chứa phần không đọc được.", code="xml_unknown_part")
    return content, signing_at


def _has_stray_text(root: etree._Element, data: etree._Element, place: etree._Element) -> bool:
    texts = [root.text, data.tail, root[1].text, root[1].tail, place.text, place.tail]
    texts += [child.tail for child in place]
    return any(text and text.strip() for text in texts)


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=True)


def _add(parent: etree._Element, values: Mapping[str, str | int]) -> None:
    """Append one element per value; an empty text has no element."""
    for name, value in values.items():
        if value != "":
            etree.SubElement(parent, name).text = str(value)


def _data(content: ReceiptContent, signing_at: datetime | None) -> etree._Element:
    data = etree.Element(SIGNED_ELEMENT, {"Id": SIGNED_ID})
    general = etree.SubElement(data, "TTChung")
    _add(
        general,
        {
            "PBan": LAYOUT,
            "TBLai": rules_on(content.issued_on).title,
            "KHMBLai": content.template,
            "KHBLai": content.symbol,
            "SBLai": content.number,
            "NLap": content.issued_on.isoformat(),
            "TGKy": _moment(signing_at),
            "DVTTe": "VND",
            "HTTToan": content.payment_method,
            "TDTToan": _moment(content.paid_at),
            "MHSo": content.dossier_number,
            "MTChieu": content.reference,
            "MTCuu": content.check_code,
            "DCTCuu": content.check_url,
            "GChu": content.language_note,
            "BTNghiem": "1" if content.demo else "",
        },
    )
    for basis in content.legal_basis:
        _add(general, {"CCPLy": basis})
    if content.replaces is not None:
        _add(
            etree.SubElement(general, "BLTThe"),
            {
                "KHMBLai": content.replaces.template,
                "KHBLai": content.replaces.symbol,
                "SBLai": content.replaces.number,
                "NLap": content.replaces.issued_on.isoformat(),
            },
        )
    body = etree.SubElement(data, "NDBLai")
    _add(etree.SubElement(body, "TCThu"), _issuer_values(content.issuer))
    if content.delegate != Delegate():
        delegate: dict[str, str | int] = {
            "Ten": content.delegate.name,
            "DChi": content.delegate.address,
        }
        _add(etree.SubElement(body, "TCUQuyen"), delegate)
    for name, party in (("NNop", content.payer), ("NDNThay", content.on_behalf_of)):
        if party != Payer():
            _add(etree.SubElement(body, name), _payer_values(party))
    items = etree.SubElement(body, "DSKThu")
    for place, line in enumerate(content.lines, start=1):
        _add(etree.SubElement(items, "KThu"), {"STT": place, **_line_values(line)})
    _add(
        etree.SubElement(body, "TToan"),
        {"TgTTTBSo": content.amount, "TgTTTBChu": content.amount_in_words},
    )
    return data


def _moment(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _issuer_values(issuer: Issuer) -> dict[str, str | int]:
    return {
        "Ten": issuer.name,
        "TenNN": issuer.name_en,
        "MST": issuer.tax_code,
        "DChi": issuer.address,
        "SDThoai": issuer.phone,
        "STKhoan": issuer.account,
    }


def _payer_values(payer: Payer) -> dict[str, str | int]:
    return {
        "Ten": payer.name,
        "MST": payer.tax_code,
        "DChi": payer.address,
        "SGTo": payer.identity,
    }


def _line_values(line: ReceiptLine) -> dict[str, str | int]:
    return {
        "Ten": line.description,
        "TenNN": line.description_en,
        "DVTinh": line.unit,
        "SLuong": line.quantity,
        "SBan": line.copies,
        "TMuc": line.sub_item,
        "TTien": line.amount,
    }


def _text(element: etree._Element, path: str) -> str:
    return element.findtext(path) or ""


def _time(data: etree._Element, path: str) -> datetime | None:
    text = _text(data, path)
    return datetime.fromisoformat(text) if text else None


def _content(data: etree._Element) -> ReceiptContent:
    general = data.find("TTChung")
    issuer = data.find("NDBLai/TCThu")
    if general is None or issuer is None:
        raise ValueError("a part is missing")
    earlier = general.find("BLTThe")
    return ReceiptContent(
        template=_text(general, "KHMBLai"),
        symbol=_text(general, "KHBLai"),
        number=int(_text(general, "SBLai")),
        issued_on=date.fromisoformat(_text(general, "NLap")),
        issuer=Issuer(
            name=_text(issuer, "Ten"),
            name_en=_text(issuer, "TenNN"),
            tax_code=_text(issuer, "MST"),
            address=_text(issuer, "DChi"),
            phone=_text(issuer, "SDThoai"),
            account=_text(issuer, "STKhoan"),
        ),
        lines=tuple(_line(item) for item in data.iterfind("NDBLai/DSKThu/KThu")),
        amount=int(_text(data, "NDBLai/TToan/TgTTTBSo")),
        amount_in_words=_text(data, "NDBLai/TToan/TgTTTBChu"),
        payment_method=_text(general, "HTTToan"),
        check_code=_text(general, "MTCuu"),
        check_url=_text(general, "DCTCuu"),
        payer=_payer(data.find("NDBLai/NNop")),
        dossier_number=_text(general, "MHSo"),
        reference=_text(general, "MTChieu"),
        language_note=_text(general, "GChu"),
        legal_basis=tuple(item.text or "" for item in general.iterfind("CCPLy")),
        replaces=None if earlier is None else _replaced(earlier),
        demo=_text(general, "BTNghiem") == "1",
        paid_at=_time(general, "TDTToan"),
        on_behalf_of=_payer(data.find("NDBLai/NDNThay")),
        delegate=Delegate(
            name=_text(data, "NDBLai/TCUQuyen/Ten"), address=_text(data, "NDBLai/TCUQuyen/DChi")
        ),
    )


def _payer(payer: etree._Element | None) -> Payer:
    if payer is None:
        return Payer()
    return Payer(
        name=_text(payer, "Ten"),
        address=_text(payer, "DChi"),
        tax_code=_text(payer, "MST"),
        identity=_text(payer, "SGTo"),
    )


def _line(item: etree._Element) -> ReceiptLine:
    return ReceiptLine(
        description=_text(item, "Ten"),
        description_en=_text(item, "TenNN"),
        unit=_text(item, "DVTinh"),
        quantity=int(_text(item, "SLuong")),
        copies=int(_text(item, "SBan")),
        sub_item=_text(item, "TMuc"),
        amount=int(_text(item, "TTien")),
    )


def _replaced(earlier: etree._Element) -> ReplacedReceipt:
    return ReplacedReceipt(
        template=_text(earlier, "KHMBLai"),
        symbol=_text(earlier, "KHBLai"),
        number=int(_text(earlier, "SBLai")),
        issued_on=date.fromisoformat(_text(earlier, "NLap")),
    )
