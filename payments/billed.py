"""What a bill is for, as a state's platform wants it told with an order. Pure.

Of its payer it holds only what the treasury wants with a decision's money: who pays, and the tax
number. Amounts are whole đồng.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class BilledService(StrEnum):
    """What kind of money it is: fees, a fine, or land and tax obligations."""

    FEES = "fees"
    FINE = "fine"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class BilledFee:
    """One line to be paid: its code in the catalogue ("" for none) and its title.

    `chapter` and `sub_item` say where the state's budget books it, "" where they do not.
    """

    code: str
    title: str
    amount: int
    chapter: str = ""
    sub_item: str = ""


@dataclass(frozen=True, slots=True)
class BilledDecision:
    """The one decision or notice that set every line, and who has to pay by it.

    `treasury` is where its money goes. Who pays is personal data, and in no repr.
    """

    number: str
    decided_on: date
    treasury: str
    tax_number: str = field(default="", repr=False)
    payer_name: str = field(default="", repr=False)
    payer_address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BilledDossier:
    """Which fees of which dossier an attempt pays, and to whose account; the fees sum to it.

    `number` is the dossier's, "" where the bill has none. A fine or a tax has its `decision`.
    """

    number: str
    agency_code: str
    agency_name: str
    bank_bin: str
    account_number: str
    account_name: str
    fees: tuple[BilledFee, ...]
    service: BilledService = BilledService.FEES
    decision: BilledDecision | None = None

    @property
    def amount(self) -> int:
        """What the fees sum to, in đồng."""
        return sum(fee.amount for fee in self.fees)


@dataclass(frozen=True, slots=True)
class ToldFee:
    """A line as a gateway tells it back; None is not told."""

    amount: int
    code: str | None = None
    title: str | None = None
    chapter: str | None = None
    sub_item: str | None = None

    def fits(self, fee: BilledFee) -> bool:
        """Whether nothing that is told differs, its words however a program has written them."""
        return (
            self.amount == fee.amount
            and self.code in (None, fee.code)
            and self.chapter in (None, fee.chapter)
            and self.sub_item in (None, fee.sub_item)
            and _plain(self.title) in (None, _plain(fee.title))
        )


@dataclass(frozen=True, slots=True)
class ToldBilled:
    """What a gateway tells back of what was paid for, under no signature; None is not told.

    `unreadable`: something stands there that breaks its grammar, and agrees with nothing.
    """

    service: BilledService | None = None
    agency_code: str | None = None
    bank_bin: str | None = None
    account_number: str | None = None
    decision_number: str | None = None
    decided_on: date | None = None
    treasury: str | None = None
    tax_number: str | None = field(default=None, repr=False)
    fees: tuple[ToldFee, ...] | None = None
    unreadable: bool | None = None

    def differs_from(self, billed: BilledDossier) -> list[str]:
        """The names of what is told otherwise than it is billed; of what is not told, nothing."""
        decision = billed.decision
        pairs: dict[str, tuple[object, object]] = {
            "service": (self.service, billed.service),
            "agency_code": (self.agency_code, billed.agency_code),
            "bank_bin": (self.bank_bin, billed.bank_bin),
            "account_number": (self.account_number, billed.account_number),
            "decision_number": (self.decision_number, decision and decision.number),
            "decided_on": (self.decided_on, decision and decision.decided_on),
            "treasury": (_plain(self.treasury), decision and _plain(decision.treasury)),
            "tax_number": (self.tax_number, decision and decision.tax_number),
        }
        differing = [name for name, (told, ours) in pairs.items() if told not in (None, ours)]
        if self.fees is not None and not _are_one_by_one(self.fees, billed.fees):
            differing.append("fees")
        if self.unreadable:
            differing.append("unreadable")
        return differing


def _are_one_by_one(told: Sequence[ToldFee], ours: Sequence[BilledFee]) -> bool:
    """Whether each told line is one of ours, in whatever order, and none is left."""
    left = list(ours)
    for one in told:
        fitting = next((fee for fee in left if one.fits(fee)), None)
        if fitting is None:
            return False
        left.remove(fitting)
    return not left


def _plain(text: str | None) -> str | None:
    return None if text is None else " ".join(unicodedata.normalize("NFC", text).split())
