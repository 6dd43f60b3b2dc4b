"""What becomes of debts when a newer version of their list comes, and what is left to people. Pure.

No money is touched here: a bill that nobody has paid is withdrawn and made anew. Where there is
money already the bill stays, more is asked for by a supplement, and less is a person's refund.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class DebtChange(StrEnum):
    """What a version does with a debt."""

    #: there was none of that code
    NEW = "new"
    #: it says what stands
    SAME = "same"
    #: nobody has paid: withdrawn and made anew
    ANEW = "anew"
    #: paid, and more is owed now: a bill for the difference
    SUPPLEMENT = "supplement"
    #: the version has it no more, and nobody has paid: withdrawn
    WITHDRAWN = "withdrawn"
    #: left as it is, with a finding
    LEFT = "left"
    #: not taken: its code stands in another list, which came first
    ELSEWHERE = "elsewhere"


class DebtFinding(StrEnum):
    """Why a debt was left as it is though a version or a withdrawal wants another thing."""

    #: more was paid than is owed now: to be given back
    OVERPAID = "overpaid"
    #: paid, and not owed any more: to be given back
    NOT_OWED = "not_owed"
    #: money is under way: to be looked at when it has come
    UNDER_WAY = "under_way"
    #: paid in the same amount, with other facts (a date, a name)
    OTHER_FACTS = "other_facts"


@dataclass(frozen=True, slots=True)
class StandingPart:
    """A bill of a debt, the debt's own or a supplement's; amounts in đồng.

    `has_money` says that some has come or may be coming. `given_back` of what paid it refunds have
    taken.
    """

    debt_id: str
    bill_id: str
    amount: int
    status: str
    has_money: bool
    given_back: int = 0

    @property
    def kept(self) -> int:
        """What it asks for, less what was given back."""
        return self.amount - self.given_back

    @property
    def is_paid(self) -> bool:
        """Whether it is settled."""
        return self.status == "paid"

    @property
    def is_free(self) -> bool:
        """Whether its bill may be withdrawn, or was."""
        return not self.has_money and not self.is_paid


@dataclass(frozen=True, slots=True)
class DebtDecision:
    """What is to be done: the parts whose bills are withdrawn, and what is billed then.

    `billed` is what a new bill asks for, 0 for none; `difference` what a person has to give back.
    """

    change: DebtChange
    withdrawn: tuple[StandingPart, ...] = ()
    billed: int = 0
    finding: DebtFinding | None = None
    difference: int = 0


def decide(parts: Sequence[StandingPart], amount: int, *, is_same: bool) -> DebtDecision:
    """What a row of `amount` đồng does to the debt of its code; the debt's own part comes first.

    `is_same`: all that the row says is what the row before said. Amount 0 is a debt that is owed no
    more. What refunds have given back is not given back again; nor is it asked for by a row that
    says what was billed, for it may have been paid elsewhere.
    """
    if not parts:
        return DebtDecision(DebtChange.NEW, billed=amount)
    own, supplements = parts[0], parts[1:]
    standing = [part for part in parts if part.status != "cancelled"]
    asked = sum(part.kept for part in standing)
    billed = sum(part.amount for part in standing)
    if is_same and amount in (asked, billed) and own.status != "cancelled":
        return DebtDecision(DebtChange.SAME)
    if own.is_free and all(part.is_free for part in supplements):
        change = DebtChange.ANEW if amount else DebtChange.WITHDRAWN
        return DebtDecision(change, tuple(parts), billed=amount)
    if any(not part.is_free and not part.is_paid for part in parts):
        return DebtDecision(DebtChange.LEFT, finding=DebtFinding.UNDER_WAY)
    # What is paid stays; unpaid supplements are withdrawn and the difference is asked for anew.
    paid = sum(part.kept for part in parts if part.is_paid)
    if amount and amount in (asked, billed):
        return DebtDecision(DebtChange.LEFT, finding=DebtFinding.OTHER_FACTS)
    free = tuple(part for part in parts if part.is_free)
    if amount > paid:
        return DebtDecision(DebtChange.SUPPLEMENT, free, billed=amount - paid)
    if amount == paid:
        return DebtDecision(DebtChange.WITHDRAWN, free)
    finding = DebtFinding.OVERPAID if amount else DebtFinding.NOT_OWED
    return DebtDecision(DebtChange.LEFT, free, finding=finding, difference=paid - amount)
