"""What a receipt says, frozen at the moment it gets its number. Pure.

A `ReceiptContent` copies everything it shows (the body's name, the fees, the words for the amount),
so a later change of a catalogue or an address changes no receipt. The XML, the signature and the
page are all made from this value and nothing else.

Two kinds of input are treated differently. Text is mended (`receipts.text.clean`), never refused:
the money has been taken and a receipt is due whatever a name looks like. Figures, symbols and
dates are refused with `Invalid`, naming every fault at once, because a wrong one would have no
value in law (Decree 254/2026/NĐ-CP, articles 23 and 26).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json

from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT
from receipts.law import rules_on
from receipts.text import clean
from receipts.words import amount_in_words

#: The layout of the frozen JSON; a stored receipt keeps the number it was written with.
JSON_FORMAT = 1
MAX_LINES = 200
#: How much of a dossier's number a receipt says.
LONGEST_DOSSIER = 60

_STRICT = ConfigDict(extra="forbid", strict=True)
_TAX_CODE = re.compile(r"\d{10}(-\d{3})?|\d{12}", re.ASCII)
_CHECK_CODE = re.compile(r"[0-9A-Za-z-]{6,40}", re.ASCII)
_CHECK_URL = re.compile(r"https?://[!-~]{1,300}", re.ASCII)


def symbol_for(year: int, letters: str) -> str:
    """The symbol (ký hiệu) of a series: `symbol_for(2026, "AA")` is "26TAA".

    Raises `Invalid` when the year is not of four digits or the letters are not two of those that
    the rules of 31 December of that year permit.
    """
    if not 2000 <= year <= 2099:
        raise Invalid("Năm của ký hiệu biên lai phải nằm trong 2000–2099.", code="symbol_year")
    symbol = f"{year % 100:02d}T{letters}"
    if not is_symbol(symbol, date(year, 12, 31)):
        raise Invalid(f"Ký hiệu biên lai không hợp lệ: {symbol[:20]}", code="symbol_letters")
    return symbol


def is_symbol(symbol: str, issued_on: date) -> bool:
    """Whether a symbol may stand on a receipt of that day: its year, T, two permitted letters.

    Source: Circular 91/2026/TT-BTC, appendix II.2 (`^\\d{2}T[ABCDEGHKLMNPQRSTUVXY]{2}$`).
    """
    letters = rules_on(issued_on).symbol_letters
    pattern = rf"{issued_on.year % 100:02d}T[{letters}]{{2}}"
    return re.fullmatch(pattern, symbol, re.ASCII) is not None


def _mend(target: object, **limits: int) -> None:
    """Replace each named text of a frozen value under construction by its clean form."""
    for name, limit in limits.items():
        object.__setattr__(target, name, clean(getattr(target, name), limit))


@dataclass(frozen=True, slots=True)
class Issuer:
    """The collecting body. `tax_code` is its mã số thuế: 10 digits, 10-3 or 12."""

    __pydantic_config__ = _STRICT

    name: str
    tax_code: str
    address: str = ""
    phone: str = ""
    #: the account that collects, with its bank or treasury office
    account: str = ""
    name_en: str = ""

    def __post_init__(self) -> None:
        _mend(self, name=200, address=250, phone=40, account=120, name_en=200)


@dataclass(frozen=True, slots=True)
class Payer:
    """Who paid, as far as known; the law does not ask for it, so every part may be empty."""

    __pydantic_config__ = _STRICT

    name: str = ""
    address: str = ""
    tax_code: str = ""
    #: the number of an identity paper
    identity: str = ""

    def __post_init__(self) -> None:
        _mend(self, name=200, address=250, tax_code=20, identity=40)

    @property
    def is_numbered(self) -> bool:
        """Whether a number of a person stands here: a person's tax number is the personal one."""
        return bool(self.identity) or len(self.tax_code) == 12


@dataclass(frozen=True, slots=True)
class Delegate:
    """Who collects in the body's name (Decree 254/2026/NĐ-CP, article 25); empty where nobody."""

    __pydantic_config__ = _STRICT

    name: str = ""
    address: str = ""

    def __post_init__(self) -> None:
        _mend(self, name=200, address=250)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One fee item. `amount` is the whole line in đồng, all copies included.

    `quantity` counts the fee's unit (`unit`, such as "trang"), `copies` repeats it; `sub_item` is
    the tiểu mục of the state budget.
    """

    __pydantic_config__ = _STRICT

    description: str
    amount: int
    quantity: int = 1
    copies: int = 1
    unit: str = ""
    sub_item: str = ""
    description_en: str = ""

    def __post_init__(self) -> None:
        _mend(self, description=400, unit=20, sub_item=10, description_en=400)


@dataclass(frozen=True, slots=True)
class ReplacedReceipt:
    """The earlier receipt that this one replaces (Circular 91/2026/TT-BTC, article 20)."""

    __pydantic_config__ = _STRICT

    template: str
    symbol: str
    number: int
    issued_on: date

    def __post_init__(self) -> None:
        _mend(self, template=20, symbol=20)


@dataclass(frozen=True, slots=True)
class SignatureNote:
    """Who signed the XML and when (aware), as the page of the receipt shows it."""

    signer: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """Everything a receipt says; building one checks it.

    `number` runs from 1 in its series and year; `issued_on` is the day of issue in
    Asia/Ho_Chi_Minh, `paid_at` the moment of payment, which may be of another day; `amount` is the
    sum of the lines in whole đồng. `reference` is the bill's, `check_code` and `check_url` lead to
    the check page. `demo` marks a receipt without legal value.

    Raises `Invalid` with one `FieldError` for each fault.
    """

    __pydantic_config__ = _STRICT

    template: str
    symbol: str
    number: int
    issued_on: date
    issuer: Issuer
    lines: tuple[ReceiptLine, ...]
    amount: int
    amount_in_words: str
    payment_method: str
    check_code: str
    check_url: str
    payer: Payer = Payer()
    dossier_number: str = ""
    reference: str = ""
    language_note: str = ""
    legal_basis: tuple[str, ...] = ()
    replaces: ReplacedReceipt | None = None
    demo: bool = False
    #: when the money was there, to the second; None in receipts of before it was kept
    paid_at: datetime | None = None
    #: whose obligation it is, where the payer pays for somebody else (nộp thay)
    on_behalf_of: Payer = Payer()
    delegate: Delegate = Delegate()

    def __post_init__(self) -> None:
        if self.paid_at is not None and self.paid_at.utcoffset() is not None:
            told = self.paid_at.astimezone(UTC).replace(microsecond=0)
            object.__setattr__(self, "paid_at", told)
        _mend(
            self, payment_method=60, dossier_number=LONGEST_DOSSIER, reference=40, language_note=200
        )
        basis = tuple(text for text in (clean(item, 120) for item in self.legal_basis) if text)
        object.__setattr__(self, "legal_basis", basis[:6])
        faults = tuple(_faults(self))
        if faults:
            named = ", ".join(fault.field for fault in faults[:5])
            raise Invalid(
                f"Nội dung biên lai không hợp lệ: {named}.", code="receipt_content", errors=faults
            )

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object, ready to be frozen in a row; `from_json` reads it back.

        The same content always gives the same object, and `core.json.canonical` of it the same
        bytes.
        """
        return {"format": JSON_FORMAT, **_ADAPTER.dump_python(self, mode="json")}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "ReceiptContent":
        """Read what `to_json` wrote, checking it again; `Invalid` names what is wrong with it."""
        if value.get("format") != JSON_FORMAT:
            raise Invalid("Không đọc được bản lưu của biên lai này.", code="receipt_format")
        fields = {name: field for name, field in value.items() if name != "format"}
        try:
            return _ADAPTER.validate_json(to_json(fields))
        except ValidationError as error:
            raise Invalid(
                "Bản lưu của biên lai bị sai.", code="receipt_format", errors=_named(error)
            ) from error


_ADAPTER: TypeAdapter[ReceiptContent] = TypeAdapter(ReceiptContent)


def _named(error: ValidationError) -> tuple[FieldError, ...]:
    return tuple(
        FieldError(".".join(str(step) for step in fault["loc"]), fault["type"], fault["msg"])
        for fault in error.errors(include_url=False, include_input=False)
    )


def _is_whole(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _faults(content: ReceiptContent) -> Iterator[FieldError]:
    """Every rule that a content breaks."""
    yield from _numbering_faults(content)
    if not content.issuer.name:
        yield FieldError("issuer.name", "missing", "Thiếu tên tổ chức thu.")
    if not _TAX_CODE.fullmatch(content.issuer.tax_code):
        yield FieldError("issuer.tax_code", "malformed", "Mã số thuế phải có 10, 10-3 hoặc 12 số.")
    if content.paid_at is not None and content.paid_at.utcoffset() is None:
        yield FieldError("paid_at", "no_zone", "Thời điểm thanh toán thiếu múi giờ.")
    if not content.payment_method:
        yield FieldError("payment_method", "missing", "Thiếu hình thức thanh toán.")
    if not _CHECK_CODE.fullmatch(content.check_code):
        yield FieldError("check_code", "malformed", "Mã tra cứu gồm 6–40 chữ cái, số, gạch nối.")
    if not _CHECK_URL.fullmatch(content.check_url):
        yield FieldError("check_url", "malformed", "Địa chỉ tra cứu phải là http(s).")
    yield from _money_faults(content)


def _numbering_faults(content: ReceiptContent) -> Iterator[FieldError]:
    try:
        rules = rules_on(content.issued_on)
    except Invalid as error:
        yield FieldError("issued_on", error.code, error.detail)
        return
    if content.template not in rules.templates:
        yield FieldError("template", "unknown", "Ký hiệu mẫu phải là EBL01 hoặc EBL02.")
    if not is_symbol(content.symbol, content.issued_on):
        yield FieldError("symbol", "malformed", "Ký hiệu phải có dạng 26TAA và đúng năm lập.")
    if not _is_whole(content.number, 1, rules.largest_number):
        yield FieldError("number", "out_of_range", "Số biên lai từ 1, không quá 8 chữ số.")


def _money_faults(content: ReceiptContent) -> Iterator[FieldError]:
    if not 1 <= len(content.lines) <= MAX_LINES:
        yield FieldError("lines", "count", f"Biên lai có từ 1 đến {MAX_LINES} khoản thu.")
    sound = True
    for place, line in enumerate(content.lines):
        if not line.description:
            yield FieldError(f"lines.{place}.description", "missing", "Thiếu tên khoản thu.")
        for name, value, least in (
            ("quantity", line.quantity, 1),
            ("copies", line.copies, 1),
            ("amount", line.amount, 0),
        ):
            if not _is_whole(value, least, MAX_AMOUNT):
                sound = False
                yield FieldError(
                    f"lines.{place}.{name}", "out_of_range", f"Phải là số nguyên từ {least}."
                )
    if not _is_whole(content.amount, 1, MAX_AMOUNT):
        yield FieldError("amount", "out_of_range", "Số tiền phải là số nguyên đồng từ 1.")
        return
    if sound and sum(line.amount for line in content.lines) != content.amount:
        yield FieldError("amount", "not_the_sum", "Số tiền khác tổng các khoản thu.")
    if content.amount_in_words != amount_in_words(content.amount):
        yield FieldError("amount_in_words", "mismatch", "Số tiền bằng chữ khác số tiền bằng số.")
