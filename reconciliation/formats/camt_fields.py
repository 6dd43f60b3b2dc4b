"""The elements of ISO 20022's camt messages: what one says, strictly, or why it is refused. Pure.

Elements are found by name in any namespace or none, since banks write every version of the message,
and some none.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from lxml import etree

from core.bank_refs import line_bank_ref
from core.clock import VIETNAM
from core.money import MAX_AMOUNT
from core.references import find_references
from reconciliation.formats.cells import CellRefused, quoted
from reconciliation.formats.mt940_fields import check_currency, read_account
from reconciliation.formats.naming import payer_reference
from reconciliation.formats.rows import Direction

Element = etree._Element

_AMOUNT = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,5}))?")
#: What may be thousands with a dot: three zeros behind few digits.
_MAY_BE_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.000")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_FRACTION = re.compile(r"\.[0-9]+")
#: The end of a day, which XML Schema takes for the midnight after it.
_END_OF_DAY: Final = "T24:00:00"
_YEARS: Final = range(2000, 2100)
_SIDES: Final[dict[str, Direction]] = {"CRDT": "credit", "DBIT": "debit"}
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
#: What an entry is that is not booked, as it is counted.
UNBOOKED: Final = {"PDNG": "pending", "INFO": "information", "FUTR": "expected"}


class ElementRefused(CellRefused):
    """An element does not say what it must; `name` and `row` tell which it is."""

    def __init__(self, element: Element, name: str, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.name = name
        self.row = element.sourceline or 1


@dataclass(frozen=True, slots=True)
class EntryTexts:
    """The words and references of an entry, or of one transaction in it."""

    reference: str | None
    bank_ref: str
    narrative: str


def name_of(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def find_only(element: Element, path: str) -> Element | None:
    """The one element at a path of names, None if there is none. Raises where there are several."""
    found = element
    for name in path.split("/"):
        inside = list(found.iterchildren(f"{{*}}{name}"))
        if len(inside) > 1:
            raise ElementRefused(inside[1], name, "duplicate", "có hai lần")
        if not inside:
            return None
        found = inside[0]
    return found


def elements_at(element: Element, path: str) -> list[Element]:
    """Every element at a path of names."""
    found = [element]
    for name in path.split("/"):
        found = [inside for one in found for inside in one.iterchildren(f"{{*}}{name}")]
    return found


def get_text(element: Element, path: str) -> str:
    """The text at a path, "" if it is not there. Raises `ElementRefused` where it is no text."""
    found = find_only(element, path)
    return "" if found is None else own_text(found)


def own_text(element: Element) -> str:
    """An element's text, without blanks around it. Raises where other elements are in it."""
    if len(element):
        name = name_of(element)
        raise ElementRefused(element, name, "element", "phải là chữ, không có phần tử con")
    return unicodedata.normalize("NFC", (element.text or "").strip())


def texts(element: Element, path: str) -> list[str]:
    """Every text at a path whose steps may be there several times."""
    return [said for one in elements_at(element, path) if (said := own_text(one))]


def read_amount(element: Element) -> int:
    """The amount of an element `Amt`, in whole đồng. Raises `ElementRefused`."""
    text, name = own_text(element), name_of(element)
    if _AMOUNT.fullmatch(text):  # of a garbled amount that is what is told
        _check_currency(element, name, str(element.get("Ccy", "")))
    return read_sum(element)


def read_sum(element: Element) -> int:
    """The amount of an element that tells no currency, in whole đồng. Raises `ElementRefused`."""
    text, name = own_text(element), name_of(element)
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ElementRefused(element, name, "amount", f"{quoted(text)} không phải số tiền")
    if _MAY_BE_THOUSANDS.fullmatch(text):
        detail = f"{quoted(text)} có thể là hàng nghìn: dấu chấm chỉ được đứng trước phần lẻ"
        raise ElementRefused(element, name, "amount", detail)
    if (found[2] or "").strip("0"):
        detail = f"{quoted(text)} có phần lẻ dưới một đồng"
        raise ElementRefused(element, name, "amount", detail)
    amount = int(found[1])
    if amount > MAX_AMOUNT:
        raise ElementRefused(element, name, "amount", f"{quoted(text)} lớn hơn mức cho phép")
    return amount


def read_side(element: Element, *, otherwise: Direction | None = None) -> Direction:
    """Credit or debit, as `CdtDbtInd` in an element says. Raises `ElementRefused`.

    A reversal says the side on which it stands itself, so nothing is turned.
    """
    said = get_text(element, "CdtDbtInd")
    if not said and otherwise is not None:
        return otherwise
    if said not in _SIDES:
        detail = f"{quoted(said)} không phải CRDT hoặc DBIT"
        raise ElementRefused(element, "CdtDbtInd", "direction", detail)
    return _SIDES[said]


def read_flag(element: Element, name: str) -> bool:
    """A yes or no, no where it is not said. Raises `ElementRefused`."""
    said = get_text(element, name)
    if said and said not in _FLAGS:
        raise ElementRefused(element, name, "flag", f"{quoted(said)} không phải true hoặc false")
    return _FLAGS.get(said, False)


def read_status(entry: Element) -> str:
    """BOOK, or one of `UNBOOKED`, however its version writes it. Raises `ElementRefused`."""
    found = find_only(entry, "Sts")
    said = "" if found is None else get_text(entry, "Sts/Cd" if len(found) else "Sts")
    if said != "BOOK" and said not in UNBOOKED:
        detail = f"{quoted(said)} không phải BOOK, PDNG, INFO hoặc FUTR"
        raise ElementRefused(entry, "Sts", "status", detail)
    return said


def read_booked(entry: Element) -> datetime:
    """When an entry was booked, aware; its value date where it does not say. Raises."""
    for name in ("BookgDt", "ValDt"):
        found = find_only(entry, name)
        if found is not None:
            break
    else:
        raise ElementRefused(entry, "BookgDt", "time", "không có ngày hạch toán")
    day, moment = get_text(found, "Dt"), get_text(found, "DtTm")
    try:
        booked_at = _at(moment) if moment else _on(day)
    except ValueError:
        booked_at = None
    if booked_at is None or booked_at.year not in _YEARS:
        detail = f"{quoted(moment or day)} không phải ngày kiểu 2026-11-02"
        raise ElementRefused(found, name, "time", detail)
    return booked_at


def _at(text: str) -> datetime | None:
    if _MOMENT.fullmatch(text) is None:
        return None
    plain = _FRACTION.sub("", text)
    moment = datetime.fromisoformat(plain.replace(_END_OF_DAY, "T00:00:00"))
    if moment.year not in _YEARS:
        return None  # beyond its last day there is no other
    if _END_OF_DAY in plain:
        moment += timedelta(days=1)
    return moment.replace(tzinfo=VIETNAM) if moment.tzinfo is None else moment.astimezone(VIETNAM)


def _on(text: str) -> datetime | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    return datetime.combine(date.fromisoformat(found[1]), time(), VIETNAM)


def read_number_of(account: Element) -> str:
    """The number of an account, its letters left out. Raises `ElementRefused` if it has none."""
    iban, other = get_text(account, "Id/IBAN"), get_text(account, "Id/Othr/Id")
    number = re.sub("[^0-9]", "", iban) or read_account(other) or re.sub("[^0-9]", "", other)
    if not number:
        raise ElementRefused(account, "Acct", "account", "không có số tài khoản")
    return number


def check_account_currency(account: Element) -> None:
    """Raise `ElementRefused` for an account that is said to be in another currency."""
    currency = get_text(account, "Ccy")
    if currency:
        _check_currency(account, "Ccy", currency)


def _check_currency(element: Element, name: str, currency: str) -> None:
    try:
        check_currency(currency)
    except CellRefused as refused:
        raise ElementRefused(element, name, refused.code, refused.detail) from None


def entry_texts(entry: Element, details: list[Element], direction: Direction) -> EntryTexts:
    """The words and references of an entry and its transactions, whichever these are."""
    words = [word for one in details for word in _words_of(one, direction)]
    bank_refs = [*(ref for one in details for ref in texts(one, "Refs/AcctSvcrRef"))]
    if len(details) != 1:
        bank_refs = []
    reference, said = payer_reference(
        _reference_of(details[0]) if len(details) == 1 else None,
        _joined([*words, *texts(entry, "AddtlNtryInf")]),
    )
    return EntryTexts(reference, _told([*bank_refs, *texts(entry, "AcctSvcrRef")]), said)


def transaction_texts(entry: Element, detail: Element, direction: Direction) -> EntryTexts:
    """The words and references of one of several transactions, which the entry's are not."""
    words = [*_words_of(detail, direction), *texts(entry, "AddtlNtryInf")]
    bank_ref = _told(texts(detail, "Refs/AcctSvcrRef"))
    reference, said = payer_reference(_reference_of(detail), _joined(words))
    return EntryTexts(reference, bank_ref, said)


def _words_of(detail: Element, direction: Direction) -> list[str]:
    who = "Dbtr" if direction == "credit" else "Cdtr"
    return [
        *texts(detail, "RmtInf/Ustrd"),
        *texts(detail, "RmtInf/Strd/CdtrRefInf/Ref"),
        *texts(detail, "AddtlTxInf"),
        *texts(detail, f"RltdPties/{who}/Nm"),
        *texts(detail, f"RltdPties/{who}/Pty/Nm"),
    ]


def _reference_of(detail: Element) -> str | None:
    """The payer's reference: of what may be one, what names a bill, else what tells something.

    A stored line is known by it: what tells nothing must not be learnt anew (`line_bank_ref`).
    """
    said = [
        one
        for path in ("RmtInf/Strd/CdtrRefInf/Ref", "Refs/EndToEndId", "Refs/InstrId")
        for one in texts(detail, path)
        if line_bank_ref(one)
    ]
    return next((one for one in said if find_references(one)), said[0] if said else None)


def _told(refs: list[str]) -> str:
    return next((one for one in refs if line_bank_ref(one)), "")


def _joined(words: list[str]) -> str:
    return " ".join(" ".join(dict.fromkeys(words)).split())
