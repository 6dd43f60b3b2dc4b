"""What proves the part of a bill that is neither phí nor lệ phí. Pure.

An electronic receipt is for charges and fees alone (Decree 254/2026/NĐ-CP, articles 4 and 23).
Other revenue of the state budget is proved by the treasury's payment slip, for which we give the
data that form C1-02/NS asks for. Who sells something for a price owes an invoice; until one is made
here, the payer has a confirmation that says plainly that it is neither a receipt nor an invoice.
Neither has a number of a series, and neither is signed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import to_json

from receipts.content import Delegate, Issuer, Payer

_STRICT = ConfigDict(extra="forbid", strict=True)

#: The natures of lines that a receipt proves; a line of before says none.
WITH_RECEIPT = frozenset({"charge", "fee", None})


class DocumentKind(StrEnum):
    """What a payer holds in hand instead of a receipt."""

    TREASURY_SLIP = "treasury_slip"
    CONFIRMATION = "confirmation"


_KINDS = {"state_revenue": DocumentKind.TREASURY_SLIP, "price": DocumentKind.CONFIRMATION}


def kind_of(nature: str | None) -> DocumentKind | None:
    """The kind of document that proves a line of that nature; None where a receipt does."""
    return None if nature in WITH_RECEIPT else _KINDS[nature or ""]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One item; `notice` and `notice_on` name the paper of the office that set the amount."""

    __pydantic_config__ = _STRICT

    description: str
    amount: int
    quantity: int = 1
    copies: int = 1
    unit: str = ""
    sub_item: str = ""
    chapter: str = ""
    notice: str = ""
    notice_on: date | None = None
    treasury: str = ""


@dataclass(frozen=True, slots=True)
class DocumentContent:
    """Everything that a slip or a confirmation says, frozen when it is written."""

    __pydantic_config__ = _STRICT

    kind: DocumentKind
    issued_at: datetime
    paid_at: datetime
    issuer: Issuer
    lines: tuple[DocumentLine, ...]
    amount: int
    amount_in_words: str
    payment_method: str
    reference: str
    payer: Payer
    on_behalf_of: Payer
    delegate: Delegate
    dossier_number: str = ""
    demo: bool = False

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object; `from_json` reads it back."""
        written: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return written

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "DocumentContent":
        """Read what `to_json` wrote."""
        return _ADAPTER.validate_json(to_json(value))


_ADAPTER: TypeAdapter[DocumentContent] = TypeAdapter(DocumentContent)


def kinds_among(natures: Iterable[str | None]) -> tuple[DocumentKind, ...]:
    """The kinds of documents that lines of these natures need, in one order."""
    needed = {kind_of(nature) for nature in natures}
    return tuple(kind for kind in DocumentKind if kind in needed)
