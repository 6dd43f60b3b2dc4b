"""What may stand in a VietQR, as data: every value with its path, its name and its limits.

Source: NAPAS "QR Format" 1.5.2 on EMVCo's merchant-presented mode. Where the market is looser
than the text, reading follows the market and writing the text: see `Field.read_limit`.

Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

NAPAS_GUID = "A000000727"


class Service(StrEnum):
    """What NAPAS is asked to do with the payment (38.02)."""

    ACCOUNT = "QRIBFTTA"
    CARD = "QRIBFTTC"
    MERCHANT = "QRPUSH"
    CASH = "QRCASH"


class Initiation(StrEnum):
    """Whether a code is shown for many payments or for one (01)."""

    STATIC = "11"
    DYNAMIC = "12"


@dataclass(frozen=True, slots=True)
class Form:
    """What a value must look like, and how a person is told."""

    pattern: re.Pattern[str]
    vietnamese: str
    english: str
    code: str = "form"


def _one_of(*values: str) -> Form:
    return Form(
        re.compile("|".join(values)),
        "là " + " hoặc ".join(values),
        " or ".join(values),
        "unknown_value",
    )


def _form(pattern: str, vietnamese: str, english: str) -> Form:
    return Form(re.compile(pattern), vietnamese, english)


#: any printable text: the character set is checked for every value
_ANY = _form(".*", "là văn bản", "text")
_AMOUNT = _form("[1-9][0-9]*", "là số nguyên đồng, không dấu ngăn cách", "whole đồng, digits only")
#: đồng has no parts, but some write them all the same: two zeros, for three are a thousand
_AMOUNT_READ = _form(
    "[1-9][0-9]{0,12}([.]0{0,2})?",
    "là số nguyên đồng, không dấu ngăn cách",
    "whole đồng, digits only",
)
_ALPHANUMERIC = _form("[A-Za-z0-9]+", "chỉ gồm chữ không dấu và số", "letters and digits only")
_4_DIGITS = _form("[0-9]{4}", "gồm 4 chữ số", "4 digits")
_6_DIGITS = _form("[0-9]{6}", "gồm 6 chữ số", "6 digits")
_PERCENTAGE = _form("[0-9]{1,2}([.][0-9]{1,2})?", "là tỷ lệ phần trăm", "a percentage")
_LANGUAGE = _form("[A-Za-z]{2}", "gồm 2 chữ cái", "2 letters")
_REQUESTS = _form("[AME]+", "gồm các chữ A, M, E", "made of A, M and E")


@dataclass(frozen=True, slots=True)
class Field:
    """One value: its path, its name in `VietQr` (None: kept in `other`), and its limits.

    `limit` counts characters. `read_limit` replaces it on reading where codes beyond the limit
    are in real use, and `read_form` likewise `form`.
    """

    path: str
    name: str | None
    vietnamese: str
    english: str
    limit: int
    form: Form = _ANY
    read_limit: int | None = None
    read_form: Form | None = None


FIELDS: tuple[Field, ...] = (
    Field("00", None, "phiên bản", "format version", 2, _one_of("01")),
    Field("01", "initiation", "kiểu khởi tạo", "initiation", 2, _one_of(*Initiation)),
    Field("26.00", "merchant_guid", "mã hệ thống", "scheme identifier", 32),
    Field("26.01", "merchant_id", "mã đơn vị chấp nhận", "merchant identifier", 99),
    Field("38.00", None, "mã hệ thống NAPAS", "NAPAS identifier", 32, _one_of(NAPAS_GUID)),
    Field("38.01.00", "bin", "mã ngân hàng", "bank BIN", 6, _6_DIGITS),
    Field("38.01.01", "account", "số tài khoản", "account", 19, _ALPHANUMERIC),
    Field("38.02", "service", "dịch vụ", "service", 10, _one_of(*Service)),
    Field("52", "mcc", "mã ngành", "merchant category", 4, _4_DIGITS),
    Field("53", "currency", "mã tiền tệ", "currency", 3, _one_of("704")),
    Field("54", "amount", "số tiền", "amount", 13, _AMOUNT, 16, _AMOUNT_READ),
    Field("55", None, "kiểu phí thêm", "tip indicator", 2, _one_of("01", "02", "03")),
    Field("56", None, "phí thêm cố định", "fixed fee", 13, _AMOUNT),
    Field("57", None, "phí thêm theo tỷ lệ", "percentage fee", 5, _PERCENTAGE),
    Field("58", "country", "mã nước", "country", 2, _one_of("VN")),
    # A large utility's bills carry a name of 31 characters and every bank reads them.
    Field("59", "merchant_name", "tên đơn vị", "merchant name", 25, read_limit=99),
    Field("60", "merchant_city", "thành phố", "merchant city", 15),
    Field("61", "postal_code", "mã bưu chính", "postal code", 10),
    # Real codes carry a purpose of 35 characters, and their banks read it.
    Field("62.01", "bill_number", "số hóa đơn", "bill number", 25, read_limit=99),
    Field("62.02", "mobile_number", "số điện thoại", "mobile number", 25, read_limit=99),
    Field("62.03", "store_label", "mã cửa hàng", "store label", 25, read_limit=99),
    Field(
        "62.04", "loyalty_number", "mã khách hàng thân thiết", "loyalty number", 25, read_limit=99
    ),
    Field("62.05", "reference_label", "mã tham chiếu", "reference label", 25, read_limit=99),
    Field("62.06", "customer_label", "mã khách hàng", "customer label", 25, read_limit=99),
    Field("62.07", "terminal_label", "mã điểm bán", "terminal label", 25, read_limit=99),
    Field("62.08", "purpose", "nội dung chuyển tiền", "purpose", 25, read_limit=99),
    Field("62.09", "requested_data", "dữ liệu cần hỏi", "requested data", 3, _REQUESTS),
    Field("64.00", None, "mã ngôn ngữ", "language", 2, _LANGUAGE),
    Field("64.01", None, "tên theo ngôn ngữ khác", "name in another language", 25),
    Field("64.02", None, "thành phố theo ngôn ngữ khác", "city in another language", 15),
)
BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}

#: values that are again sequences
TEMPLATES: Mapping[str, Field] = {
    field.path: field
    for field in (
        Field("26", "merchant", "đơn vị chấp nhận", "merchant account", 99),
        Field("38", "payee", "tài khoản thụ hưởng", "payee account", 99),
        Field("38.01", "payee", "ngân hàng và tài khoản", "bank and account", 99),
        Field("62", "additional_data", "dữ liệu bổ sung", "additional data", 99),
        Field("64", "language", "phần ngôn ngữ khác", "language template", 99),
    )
}


def field_at(path: str) -> Field:
    """The field of a path; one that the specification leaves open has no limit of its own."""
    known = BY_PATH.get(path) or TEMPLATES.get(path)
    return known or Field(path, None, f"thẻ {path}", f"tag {path}", 99)
