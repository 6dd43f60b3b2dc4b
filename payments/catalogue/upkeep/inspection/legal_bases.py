"""Whether the legal texts that fees, reliefs and sub-items rest on are known and in force. Pure."""

from collections.abc import Iterator, Sequence

from core.days import day_text
from payments.catalogue.rules.legal_texts import legal_numbers, unclear_numbers
from payments.catalogue.rules.spans import FOREVER, Span, common, span_of, uncovered
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.search import fold
from payments.catalogue.upkeep.inspection.contents import (
    Catalogue,
    CatalogueTable,
    Item,
    LegalTextValue,
)
from payments.catalogue.upkeep.inspection.findings import (
    Finding,
    FindingCode,
    Level,
    level_on,
    listed,
    told_span,
)

#: What must rest on a legal text. A text's own basis says how its dates are known, in any words.
_RESTING = (
    *(CatalogueTable.FEES, CatalogueTable.RELIEFS),
    *(CatalogueTable.SHARES, CatalogueTable.SUB_ITEMS),
)


def basis_findings(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Expired, unknown and unclear bases of what is in force on some day of the window.

    The first day of the window is the asked one: what is wrong on it is an error, what will be
    wrong later a warning. A sub-item books revenue and sets no amount: always a warning.
    """
    by_number: dict[str, list[LegalTextValue]] = {}
    for text in catalogue.legal_texts:
        by_number.setdefault(text.number, []).append(text)
    unknown: dict[str, dict[str, None]] = {}
    for item in catalogue.items():
        in_force = common(item.span, (window[0], FOREVER))
        if item.table not in _RESTING or in_force is None or in_force[0] > window[1]:
            continue
        numbers = legal_numbers(item.basis)
        yield from _unclear(catalogue, item, numbers)
        for number in numbers:
            if number not in by_number:
                unknown.setdefault(number, {})[item.code] = None
            else:
                texts = texts_meant(item.basis, by_number[number])
                yield from _expired(catalogue, item, number, texts, in_force, window)
    for number, named_by in unknown.items():
        yield _unknown(number, tuple(named_by))


def texts_meant(basis: str, texts: Sequence[LegalTextValue]) -> list[LegalTextValue]:
    """Of several texts of one number, those whose issuer the basis names best; all if none is.

    Every province numbers its resolutions from 1. Words that all issuers share decide nothing.
    """
    issuers = {text.issuer: set(fold(text.issuer).split()) for text in texts}
    shared = set.intersection(*issuers.values())
    said = set(fold(basis).split())
    score = {issuer: len((words - shared) & said) for issuer, words in issuers.items()}
    best = max(score.values())
    return [text for text in texts if score[text.issuer] == best]


def _expired(
    catalogue: Catalogue,
    item: Item,
    number: str,
    texts: Sequence[LegalTextValue],
    in_force: Span,
    window: Span,
) -> Iterator[Finding]:
    without = uncovered(in_force, [span_of(text.valid_from, text.valid_to) for text in texts])
    if not without or without[0][0] > window[1]:
        return
    days = told_span(without[0])
    level = level_on(without[0], window[0])
    yield Finding(
        level=Level.WARNING if item.table is CatalogueTable.SUB_ITEMS else level,
        code=FindingCode.EXPIRED_BASIS,
        table=item.table,
        subject=item.code,
        owner=_owner_code(catalogue, item),
        span=without[0],
        words=LocalizedText(
            f"Căn cứ {number} không có hiệu lực {days.vi}. Tìm văn bản thay thế, cho dòng này hết"
            f" hiệu lực trước {day_text(without[0][0])} và thêm dòng theo văn bản mới; hoặc sửa"
            " ngày hiệu lực của văn bản.",
            f"Its basis {number} is not in force {days.en}. Find the text that replaces it, end"
            f" this row before {day_text(without[0][0])} and add one by the new text; or correct"
            " the dates of the text.",
        ),
    )


def _unclear(catalogue: Catalogue, item: Item, numbers: Sequence[str]) -> Iterator[Finding]:
    unclear = unclear_numbers(item.basis)
    if numbers and not unclear:
        return
    what = listed(unclear) or item.basis
    yield Finding(
        level=Level.WARNING,
        code=FindingCode.UNCLEAR_BASIS,
        table=item.table,
        subject=item.code,
        owner=_owner_code(catalogue, item),
        words=LocalizedText(
            f'Căn cứ "{what}" không ghi đủ số, năm và cơ quan ban hành. Ghi đủ, ví dụ'
            " 226/2016/TT-BTC.",
            f'The basis "{what}" lacks a number, year or issuer. Write it in full, for example'
            " 226/2016/TT-BTC.",
        ),
    )


def _unknown(number: str, named_by: tuple[str, ...]) -> Finding:
    return Finding(
        level=Level.WARNING,
        code=FindingCode.UNKNOWN_TEXT,
        table=CatalogueTable.LEGAL_REFERENCES,
        subject=number,
        items=named_by,
        words=LocalizedText(
            f"Không có văn bản này trong danh mục, {len(named_by)} mục dựa vào nó"
            f" ({listed(named_by)}). Thêm văn bản với ngày hiệu lực, hoặc sửa số ghi ở căn cứ.",
            f"This text is not in the catalogue, {len(named_by)} entries rest on it"
            f" ({listed(named_by)}). Add it with its dates, or correct the number in the basis.",
        ),
    )


def _owner_code(catalogue: Catalogue, item: Item) -> str | None:
    return None if item.owner_id is None else catalogue.owner(item.owner_id).code
