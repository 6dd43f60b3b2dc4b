"""Entries of the catalogue as people write them, in the seed's files and in imports. Pure.

An entry names other things by their codes and has no id. Each class checks what can be checked
without the database; `natural_key` says which row it is about.
"""

import unicodedata
from abc import ABC, abstractmethod
from datetime import date
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from core.money import MAX_AMOUNT
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.kinds import rule_from
from payments.catalogue.rules.legal_texts import legal_numbers
from payments.catalogue.rules.natures import FeeNature, Refundability, nature_of_before
from payments.catalogue.rules.procedure_codes import ProcedureCodes
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.search import search_text


def _plain(value: str) -> str:
    if any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in value):
        raise ValueError("không được có ký tự điều khiển")
    # A spreadsheet would take such a text for a formula when the catalogue is exported again.
    if value[:1] in ("=", "+", "@"):
        raise ValueError("không được bắt đầu bằng =, + hoặc @")
    return unicodedata.normalize("NFC", value)


def _in_full(number: str) -> str:
    # Exactly as it is read out of a basis: otherwise no basis could ever name the text.
    if legal_numbers(number) != (number,):
        raise ValueError("ghi đủ số, năm và nơi ban hành, ví dụ 226/2016/TT-BTC")
    return number


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_plain),
]
EntryCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
SubItemCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
LegalNumber = Annotated[str, StringConstraints(max_length=64), AfterValidator(_in_full)]
Figure = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]


class Entry(BaseModel, ABC):
    """Base of the entries: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: the table it belongs to, in files and in a proposal
    table: ClassVar[str]
    #: the fields that tell it from the others of its table and owner
    key: ClassVar[tuple[str, ...]] = ("code", "valid_from")
    #: fields that files made by an earlier version lack; left out they are blank
    later: ClassVar[frozenset[str]] = frozenset()

    @property
    def natural_key(self) -> tuple[str | date, ...]:
        """Which row it is about: the values of `key`."""
        return tuple(getattr(self, name) for name in self.key)

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """The columns of its row that do not name it, apart from ids and owner."""


class DatedEntry(Entry):
    """An entry that holds from `valid_from` to the end of `valid_to`, with where it was read."""

    basis: Text
    source: Text
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to: ngày hết hiệu lực trước ngày có hiệu lực")
        return self

    def dates(self) -> dict[str, Any]:
        """The columns that every dated row has, apart from its first day, which names it."""
        names = {"basis", "source", "certainty", "checked_on", "valid_to"}
        return self.model_dump(include=names)


class ProcedureEntry(Entry):
    """An administrative procedure."""

    table: ClassVar[str] = "procedures"
    key: ClassVar[tuple[str, ...]] = ("code",)
    later: ClassVar[frozenset[str]] = frozenset(
        {"ministry_code", "province_code", "commune_code", "other_codes"}
    )

    code: EntryCode
    name_vi: Text
    name_en: Text
    field: Text
    code_certainty: Certainty
    ministry_code: EntryCode | None = None
    province_code: EntryCode | None = None
    commune_code: EntryCode | None = None
    other_codes: list[EntryCode] = Field(default_factory=list)

    def columns(self) -> dict[str, Any]:
        """Names, field, codes, certainty, and what a search looks through."""
        other = sorted(set(self.other_codes))
        codes = ProcedureCodes(
            self.ministry_code, self.province_code, self.commune_code, tuple(other)
        )
        found = search_text(self.code, self.name_vi, self.name_en, self.field, codes.all)
        columns = self.model_dump(exclude={"code", "other_codes"})
        return columns | {"other_codes": other, "search_text": found}


class FeeEntry(DatedEntry):
    """A fee; `procedure` None goes with any procedure."""

    table: ClassVar[str] = "fees"
    later: ClassVar[frozenset[str]] = frozenset({"nature", "refundable", "refund_terms"})

    code: EntryCode
    procedure: EntryCode | None = None
    name_vi: Text
    name_en: Text
    unit_vi: Text
    unit_en: Text
    kind: Text
    rule: dict[str, Any]
    charged: Applicability = Applicability.ALWAYS
    sub_item: SubItemCode | None = None
    nature: FeeNature = FeeNature.CHARGE
    refundable: Refundability = Refundability.UNKNOWN
    refund_terms: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_nature(cls, data: Any) -> Any:
        """Files of before have no column for it; left blank it follows from name and sub-item."""
        if not isinstance(data, dict) or data.get("nature") is not None:
            return data
        name, kind, sub_item = (data.get(one) for one in ("name_vi", "kind", "sub_item"))
        told = nature_of_before(str(name or ""), str(kind or ""), sub_item or None)
        return data | {"nature": told}

    @model_validator(mode="after")
    def _has_refund_terms(self) -> Self:
        if self.refundable == Refundability.ON_TERMS and self.refund_terms is None:
            raise ValueError("refund_terms: hãy ghi hoàn trả trong trường hợp nào")
        return self

    @model_validator(mode="after")
    def _has_a_rule(self) -> Self:
        # Raises core.errors.Invalid, whose fields name the part of the rule.
        rule_from(self.kind, self.rule)
        return self

    def columns(self) -> dict[str, Any]:
        """Everything but code, first day and procedure."""
        names = {"name_vi", "name_en", "unit_vi", "unit_en", "kind", "charged", "sub_item"}
        names |= {"nature", "refundable", "refund_terms"}
        rule = rule_from(self.kind, self.rule).to_data()
        return self.model_dump(include=names) | {"rule": rule} | self.dates()

    def value(self, agency_id: str | None) -> FeeValue:
        """The fee as it would be if it were in force; it has no row, so its id is made up."""
        return FeeValue(
            id=f"{self.code}@{self.valid_from}",
            code=self.code,
            procedure_code=self.procedure,
            agency_id=agency_id,
            name=LocalizedText(self.name_vi, self.name_en),
            unit=LocalizedText(self.unit_vi, self.unit_en),
            rule=rule_from(self.kind, self.rule),
            charged=self.charged,
            sub_item=self.sub_item,
            nature=self.nature,
            refundable=self.refundable,
            refund_terms=self.refund_terms,
            basis=self.basis,
            source=self.source,
            certainty=self.certainty,
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class ReliefEntry(DatedEntry):
    """A relief from fees, which are named by their codes."""

    table: ClassVar[str] = "reliefs"

    code: EntryCode
    name_vi: Text
    name_en: Text
    fees: Annotated[list[EntryCode], Field(min_length=1)]
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    each: Figure | None = None
    cap: Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)] | None = None
    ground: Ground | None = None
    channel: Annotated[str, StringConstraints(pattern=r"^(online|counter)$")] | None = None
    age_from: Annotated[int, Field(strict=True, ge=0, le=150)] | None = None
    age_below: Annotated[int, Field(strict=True, ge=1, le=150)] | None = None
    once_a_year: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.code in set(Ground):
            raise ValueError("code: là tên của một diện miễn, giảm, hãy đặt mã khác")
        if (self.percent is None) == (self.each is None):
            raise ValueError("percent: ghi đúng một trong hai, percent hoặc each")
        if None not in (self.age_from, self.age_below) and (self.age_from or 0) >= (
            self.age_below or 0
        ):
            raise ValueError("age_below: phải lớn hơn age_from")
        return self

    def columns(self) -> dict[str, Any]:
        """Everything but code and first day; the fees in order."""
        columns = self.model_dump(exclude={"code", "valid_from", "fees"})
        return columns | {"fees": sorted(set(self.fees))}

    def value(self, agency_id: str | None) -> ReliefValue:
        """The relief as it would be if it were in force; its id is made up."""
        return ReliefValue(
            id=f"{self.code}@{self.valid_from}",
            code=self.code,
            agency_id=agency_id,
            name=LocalizedText(self.name_vi, self.name_en),
            fees=frozenset(self.fees),
            percent=self.percent,
            each=self.each,
            cap=self.cap,
            ground=self.ground,
            channel=self.channel,
            age_from=self.age_from,
            age_below=self.age_below,
            once_a_year=self.once_a_year,
            basis=self.basis,
            source=self.source,
            certainty=self.certainty,
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class ShareEntry(DatedEntry):
    """Which share of a fee, named by its code, the collecting body keeps."""

    table: ClassVar[str] = "shares"

    code: EntryCode
    kept_percent: Annotated[int, Field(strict=True, ge=0, le=100)]

    def columns(self) -> dict[str, Any]:
        """The share and its dates."""
        return {"kept_percent": self.kept_percent} | self.dates()


class SubItemEntry(DatedEntry):
    """A sub-item of the state budget index."""

    table: ClassVar[str] = "sub_items"

    code: SubItemCode
    name_vi: Text
    name_en: Text

    def columns(self) -> dict[str, Any]:
        """Names and dates."""
        return self.model_dump(include={"name_vi", "name_en"}) | self.dates()


class LegalReferenceEntry(DatedEntry):
    """A legal text by its number."""

    table: ClassVar[str] = "legal_references"
    key: ClassVar[tuple[str, ...]] = ("number", "issuer", "valid_from")

    number: LegalNumber
    issuer: Text
    title_vi: Text
    title_en: Text

    def columns(self) -> dict[str, Any]:
        """Titles and dates."""
        return self.model_dump(include={"title_vi", "title_en"}) | self.dates()


#: Every kind of entry, in the order in which they may be written: none names a later one.
KINDS: tuple[type[Entry], ...] = (
    LegalReferenceEntry,
    SubItemEntry,
    ProcedureEntry,
    FeeEntry,
    ReliefEntry,
    ShareEntry,
)
