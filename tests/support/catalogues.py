"""Small catalogues for tests: everything that is not said is in order, confirmed and open-ended."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from app.seed.catalogue import Seed, read_seed
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.fees import FeeRule
from payments.catalogue.rules.kinds import FixedFee, Percentage, PerUnit, Step
from payments.catalogue.rules.procedure_codes import ProcedureCodes
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue
from payments.catalogue.rules.wording import CASE, LocalizedText
from payments.catalogue.upkeep.entries import (
    Entry,
    FeeEntry,
    LegalReferenceEntry,
    ProcedureEntry,
    ReliefEntry,
    SubItemEntry,
)
from payments.catalogue.upkeep.inspection.contents import (
    Catalogue,
    LegalTextValue,
    Owner,
    ProcedureName,
    ShareValue,
    SubItemValue,
)

TODAY = date(2026, 11, 22)
LONG_AGO = date(2017, 1, 1)
BASIS = "TT 226/2016/TT-BTC, Điều 4"

#: A province, a ward in it, and a ward of another.
PROVINCE = Owner("agency_province", "ha-noi")
WARD = Owner("agency_ward", "phuong-a", ("agency_province",))
ELSEWHERE = Owner("agency_elsewhere", "phuong-b")
OWNERS = {owner.id: owner for owner in (PROVINCE, WARD, ELSEWHERE)}

COPY = PerUnit((Step(1, 2000), Step(3, 1000)), cap=200_000)
SHARE = Percentage(Decimal("0.15"), ceiling=5_000_000)

_DATED: dict[str, Any] = {
    "basis": BASIS,
    "certainty": Certainty.CONFIRMED,
    "checked_on": TODAY,
    "valid_from": LONG_AGO,
    "valid_to": None,
}


def fee(code: str = "phi", rule: FeeRule | None = None, **changed: Any) -> FeeValue:
    """A fee of 10,000 đ of procedure 2.000001, unless something else is said."""
    usual = FeeValue(
        id=f"fee_{code}",
        code=code,
        procedure_code="2.000001",
        agency_id=None,
        name=LocalizedText(f"Phí {code}", f"Fee {code}"),
        unit=CASE,
        rule=rule or FixedFee(10_000),
        charged=Applicability.ALWAYS,
        sub_item="2716",
        source="thử",
        **_DATED,
    )
    return replace(usual, **changed)


def relief(code: str = "giam", **changed: Any) -> ReliefValue:
    """Half of the fee `phi` off for everybody, unless something else is said."""
    usual = ReliefValue(
        id=f"relief_{code}",
        code=code,
        agency_id=None,
        name=LocalizedText(f"Giảm {code}", f"Relief {code}"),
        fees=frozenset({"phi"}),
        percent=50,
        each=None,
        cap=None,
        ground=None,
        channel=None,
        age_from=None,
        age_below=None,
        once_a_year=False,
        source="thử",
        **_DATED,
    )
    return replace(usual, **changed)


def sub_item(code: str = "2716", **changed: Any) -> SubItemValue:
    """A sub-item of the budget index."""
    return replace(
        SubItemValue(code=code, name=LocalizedText("Tiểu mục", "Sub-item"), **_DATED), **changed
    )


def share(code: str = "phi", **changed: Any) -> ShareValue:
    """Seven tenths of the fee `phi` are kept."""
    return replace(ShareValue(code=code, agency_id=None, kept_percent=70, **_DATED), **changed)


def law(number: str = "226/2016/TT-BTC", **changed: Any) -> LegalTextValue:
    """A legal text."""
    usual = LegalTextValue(
        number=number, issuer="Bộ Tài chính", title=LocalizedText("Thông tư", "Circular"), **_DATED
    )
    return replace(usual, **changed)


def procedure(code: str = "2.000001", **changed: Any) -> ProcedureName:
    """A procedure."""
    return replace(
        ProcedureName(code, LocalizedText("Thủ tục", "Procedure"), Certainty.CONFIRMED), **changed
    )


def sound_catalogue() -> Catalogue:
    """A catalogue in which nothing is to be found: the nation's fee, and a province's own."""
    return Catalogue(
        procedures=(procedure(),),
        fees=(
            fee(),
            fee(agency_id=PROVINCE.id, rule=FixedFee(12_000)),
            fee("buu-chinh", procedure_code=None, sub_item=None, charged=Applicability.ON_REQUEST),
        ),
        reliefs=(relief(),),
        sub_items=(sub_item(),),
        legal_texts=(law(),),
        owners=OWNERS,
    )


def catalogue_of(seed: Seed | None = None) -> Catalogue:
    """The seed as a catalogue; each local schedule belongs to an owner of its name."""
    seed = seed or read_seed()
    owned: list[tuple[str | None, Entry]] = [(None, entry) for entry in seed.national]
    for name, entries in seed.local.items():
        owned.extend((name, entry) for entry in entries)
    return Catalogue(
        procedures=tuple(
            ProcedureName(
                entry.code,
                LocalizedText(entry.name_vi, entry.name_en),
                entry.code_certainty,
                ProcedureCodes(
                    entry.ministry_code,
                    entry.province_code,
                    entry.commune_code,
                    tuple(sorted(entry.other_codes)),
                ).all,
            )
            for _, entry in owned
            if isinstance(entry, ProcedureEntry)
        ),
        fees=tuple(entry.value(owner) for owner, entry in owned if isinstance(entry, FeeEntry)),
        reliefs=tuple(
            entry.value(owner) for owner, entry in owned if isinstance(entry, ReliefEntry)
        ),
        sub_items=tuple(
            SubItemValue(
                code=entry.code,
                name=LocalizedText(entry.name_vi, entry.name_en),
                basis=entry.basis,
                certainty=entry.certainty,
                checked_on=entry.checked_on,
                valid_from=entry.valid_from,
                valid_to=entry.valid_to,
            )
            for _, entry in owned
            if isinstance(entry, SubItemEntry)
        ),
        legal_texts=tuple(
            LegalTextValue(
                number=entry.number,
                issuer=entry.issuer,
                title=LocalizedText(entry.title_vi, entry.title_en),
                basis=entry.basis,
                certainty=entry.certainty,
                checked_on=entry.checked_on,
                valid_from=entry.valid_from,
                valid_to=entry.valid_to,
            )
            for _, entry in owned
            if isinstance(entry, LegalReferenceEntry)
        ),
        owners={name: Owner(name, name) for name in seed.local},
    )
