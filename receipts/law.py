"""The rules of law a receipt is made under, as dated rows. Pure.

Law changes; a receipt keeps the form of the day it was issued on. So nothing here is a constant
that code may rely on for ever: every rule has its dates, its source and the day we last read that
source. The texts were read in unofficial copies of the gazette, and the XML schema of the tax
authority for these receipts was not found published: we follow the text and claim no conformity
with an unpublished schema.
"""

from dataclasses import dataclass
from datetime import date

from core.days import day_text, holds_on
from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class LegalSource:
    """Where a rule stands: the document, the place in it, and what it says, in our words."""

    document: str
    place: str
    rule: str


@dataclass(frozen=True, slots=True)
class ReceiptRules:
    """The rules for one period. `valid_to` is the last day, None while in force."""

    valid_from: date
    valid_to: date | None
    #: the mandatory name of the document, and the courtesy name beneath it
    title: str
    title_en: str
    #: ký hiệu mẫu: the kinds of receipt a body may issue
    templates: frozenset[str]
    #: the letters that may stand in the last two places of a symbol (ký hiệu)
    symbol_letters: str
    largest_number: int
    #: what a receipt prints as the law it rests on
    basis: tuple[str, ...]
    sources: tuple[LegalSource, ...]
    checked_on: date


_RULES: tuple[ReceiptRules, ...] = (
    ReceiptRules(
        valid_from=date(2026, 7, 1),
        valid_to=None,
        title="Biên lai thu phí, lệ phí điện tử",
        title_en="Electronic receipt for charges and fees",
        templates=frozenset({"EBL01", "EBL02"}),
        symbol_letters="ABCDEGHKLMNPQRSTUVXY",
        largest_number=99_999_999,
        basis=("Nghị định 254/2026/NĐ-CP", "Thông tư 91/2026/TT-BTC"),
        sources=(
            LegalSource(
                "Nghị định 254/2026/NĐ-CP",
                "Điều 23 khoản 2",
                "What a receipt holds: its name, template and symbol, number, collecting body and "
                "tax code, each item with its amount in figures and words, date, digital "
                "signature; Vietnamese, other languages smaller beneath or in brackets beside it.",
            ),
            LegalSource(
                "Nghị định 254/2026/NĐ-CP",
                "Điều 23 khoản 2 điểm c",
                "The number has at most 8 digits and runs from 1 on 1 January, or on the first "
                "day of use, to 31 December.",
            ),
            LegalSource(
                "Nghị định 254/2026/NĐ-CP",
                "Điều 24",
                "A receipt is issued at the moment of collection; dates are shown dd/mm/yyyy.",
            ),
            LegalSource(
                "Thông tư 91/2026/TT-BTC",
                "Phụ lục II mục 2",
                "Template EBL01 (no printed face value) or EBL02 (with one); symbol: two digits of "
                "the year, T, two letters of the permitted twenty.",
            ),
            LegalSource(
                "Thông tư 91/2026/TT-BTC",
                "Phụ lục V, mẫu 01/PLPĐT",
                "The reference form of the page, which is not binding.",
            ),
            LegalSource(
                "Thông tư 91/2026/TT-BTC",
                "Điều 18",
                "The format is XML in two parts: the business data and the digital signature.",
            ),
        ),
        checked_on=date(2026, 11, 22),
    ),
)


def rules_on(day: date) -> ReceiptRules:
    """The rules in force on a day (Asia/Ho_Chi_Minh).

    Raises `Invalid` (`no_receipt_rules`) for a day we have no rules for: such a receipt belongs to
    an older kind that this code does not make.
    """
    for rules in _RULES:
        if holds_on(day, rules.valid_from, rules.valid_to):
            return rules
    raise Invalid(
        f"Không có quy định về biên lai điện tử cho ngày {day_text(day)}.", code="no_receipt_rules"
    )
