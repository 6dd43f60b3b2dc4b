"""Everything the catalogue holds, of every owner and day, as values. Pure.

For questions about the catalogue as a whole (what is missing, what will change). For prices,
`schedule` is enough.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import FeeValue, Schedule
from payments.catalogue.rules.spans import Span, span_of
from payments.catalogue.rules.wording import LocalizedText


class CatalogueTable(StrEnum):
    """The kinds of things in the catalogue, named as in its files."""

    PROCEDURES = "procedures"
    FEES = "fees"
    RELIEFS = "reliefs"
    SHARES = "shares"
    SUB_ITEMS = "sub_items"
    LEGAL_REFERENCES = "legal_references"

    @property
    def words(self) -> LocalizedText:
        """What one of them is called."""
        return _NAMES[self]


_NAMES = {
    CatalogueTable.PROCEDURES: LocalizedText("thủ tục", "procedure"),
    CatalogueTable.FEES: LocalizedText("khoản thu", "fee"),
    CatalogueTable.RELIEFS: LocalizedText("mức miễn, giảm", "relief"),
    CatalogueTable.SHARES: LocalizedText("tỷ lệ để lại", "kept share"),
    CatalogueTable.SUB_ITEMS: LocalizedText("tiểu mục", "sub-item"),
    CatalogueTable.LEGAL_REFERENCES: LocalizedText("văn bản", "legal text"),
}


@dataclass(frozen=True, slots=True)
class ProcedureName:
    """A procedure without its fees; `other_codes` are all that find it beside its own."""

    code: str
    name: LocalizedText
    code_certainty: Certainty
    other_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShareValue:
    """Which share of the fee of this code a body keeps; `agency_id` None is national."""

    code: str
    agency_id: str | None
    kept_percent: int
    basis: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class SubItemValue:
    """A sub-item of the state budget index; `valid_to` is the last day, or None."""

    code: str
    name: LocalizedText
    basis: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class LegalTextValue:
    """A legal text; several issuers may have given the same number."""

    number: str
    issuer: str
    title: LocalizedText
    basis: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Owner:
    """An agency that has fees or reliefs of its own; `above` are the bodies above it in order."""

    id: str
    code: str
    above: tuple[str, ...] = ()

    @property
    def chain(self) -> tuple[str, ...]:
        """Whose entries count for it, the nearest first; the nation's count too."""
        return (self.id, *self.above)


@dataclass(frozen=True, slots=True)
class Item:
    """What all dated entries have in common; `owner_id` None is national."""

    table: CatalogueTable
    code: str
    owner_id: str | None
    span: Span
    basis: str
    certainty: Certainty
    checked_on: date


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries of all owners, or of those who count for one agency.

    `owners` holds every agency whose id an entry names, by that id. `fees_elsewhere` are the codes
    of fees left out because only other agencies have them; a national relief may name them.
    """

    procedures: tuple[ProcedureName, ...] = ()
    fees: tuple[FeeValue, ...] = ()
    reliefs: tuple[ReliefValue, ...] = ()
    shares: tuple[ShareValue, ...] = ()
    sub_items: tuple[SubItemValue, ...] = ()
    legal_texts: tuple[LegalTextValue, ...] = ()
    owners: Mapping[str, Owner] = field(default_factory=dict)
    fees_elsewhere: frozenset[str] = frozenset()

    def items(self) -> Iterator[Item]:
        """Every dated entry."""
        for fee in self.fees:
            yield _item(CatalogueTable.FEES, fee.code, fee.agency_id, fee)
        for relief in self.reliefs:
            yield _item(CatalogueTable.RELIEFS, relief.code, relief.agency_id, relief)
        for share in self.shares:
            yield _item(CatalogueTable.SHARES, share.code, share.agency_id, share)
        for sub_item in self.sub_items:
            yield _item(CatalogueTable.SUB_ITEMS, sub_item.code, None, sub_item)
        for text in self.legal_texts:
            yield _item(
                CatalogueTable.LEGAL_REFERENCES, f"{text.number} ({text.issuer})", None, text
            )

    def owner(self, owner_id: str) -> Owner:
        """An owner by its id; one that is not listed stands alone and is called by its id."""
        return self.owners.get(owner_id) or Owner(owner_id, owner_id)

    def counts_for(self, owner_id: str | None) -> frozenset[str | None]:
        """Whose entries count for an owner: its own, those of the bodies above, the nation's."""
        return frozenset({None} if owner_id is None else {*self.owner(owner_id).chain, None})

    def seen_by(self, owner_id: str) -> "Catalogue":
        """Only what counts for one agency, which `owners` holds."""
        theirs = self.counts_for(owner_id)
        fees = tuple(fee for fee in self.fees if fee.agency_id in theirs)
        return replace(
            self,
            fees=fees,
            reliefs=tuple(relief for relief in self.reliefs if relief.agency_id in theirs),
            shares=tuple(share for share in self.shares if share.agency_id in theirs),
            fees_elsewhere=frozenset({fee.code for fee in self.fees} - {fee.code for fee in fees}),
        )

    def views(self) -> Iterator[tuple[str | None, Schedule]]:
        """The schedule of the nation and that of each owner, with whose it is."""
        fees: dict[str | None, list[FeeValue]] = {None: []}
        reliefs: dict[str | None, list[ReliefValue]] = {None: []}
        for fee in self.fees:
            fees.setdefault(fee.agency_id, []).append(fee)
        for relief in self.reliefs:
            reliefs.setdefault(relief.agency_id, []).append(relief)
        for owner_id in dict.fromkeys((*fees, *reliefs)):
            chain = () if owner_id is None else self.owner(owner_id).chain
            yield (
                owner_id,
                Schedule(
                    [fee for one in (*chain, None) for fee in fees.get(one, ())],
                    [relief for one in (*chain, None) for relief in reliefs.get(one, ())],
                    chain,
                ),
            )


def _item(
    table: CatalogueTable,
    code: str,
    owner_id: str | None,
    entry: FeeValue | ReliefValue | ShareValue | SubItemValue | LegalTextValue,
) -> Item:
    return Item(
        table=table,
        code=code,
        owner_id=owner_id,
        span=span_of(entry.valid_from, entry.valid_to),
        basis=entry.basis,
        certainty=entry.certainty,
        checked_on=entry.checked_on,
    )
