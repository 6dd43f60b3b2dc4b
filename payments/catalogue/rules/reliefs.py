"""Reliefs: who pays less, and how much less. Pure.

A relief takes something off a line, never more than the line, and never adds to it. Where several
hold, the one that takes most off is given and the others are not (TT 117/2026/TT-BTC, Art. 2.2).
A fee's amount stays what the law says; the line shows it, the relief, and what is left.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from core.days import holds_on, year_begun
from core.errors import FieldError
from core.money import format_vnd
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fees import PricedLine
from payments.catalogue.rules.wording import LocalizedText, money, vnd


class Ground(StrEnum):
    """Why a person is favoured; what proves it is for the clerk or the portal to see."""

    IDENTITY_LEVEL_2 = "identity_level_2"
    CHILD = "child"
    ELDERLY = "elderly"
    POOR_HOUSEHOLD = "poor_household"
    NEAR_POOR_HOUSEHOLD = "near_poor_household"
    DISABLED = "disabled"
    MERIT = "merit"
    ETHNIC_MINORITY = "ethnic_minority"
    RURAL_HOUSEHOLD = "rural_household"

    @property
    def words(self) -> LocalizedText:
        """The ground as a citizen reads it."""
        return _GROUNDS[self]


_GROUNDS = {
    Ground.IDENTITY_LEVEL_2: LocalizedText(
        "người có tài khoản định danh điện tử mức độ 2", "holder of a level-2 electronic identity"
    ),
    Ground.CHILD: LocalizedText("trẻ em", "child"),
    Ground.ELDERLY: LocalizedText("người cao tuổi", "elderly person"),
    Ground.POOR_HOUSEHOLD: LocalizedText("người thuộc hộ nghèo", "member of a poor household"),
    Ground.NEAR_POOR_HOUSEHOLD: LocalizedText(
        "người thuộc hộ cận nghèo", "member of a near-poor household"
    ),
    Ground.DISABLED: LocalizedText("người khuyết tật", "person with a disability"),
    Ground.MERIT: LocalizedText("người có công với cách mạng", "person of merit to the revolution"),
    Ground.ETHNIC_MINORITY: LocalizedText(
        "đồng bào dân tộc thiểu số", "member of an ethnic minority in a difficult area"
    ),
    Ground.RURAL_HOUSEHOLD: LocalizedText(
        "hộ gia đình, cá nhân ở nông thôn", "rural household or person"
    ),
}


_GROUNDS_OF_AGE = {Ground.CHILD, Ground.ELDERLY}


@dataclass(frozen=True, slots=True)
class YearlyUse:
    """A use of a relief: whose and which it is, and the first day of the year it is used up in."""

    relief: str
    year_from: date


@dataclass(frozen=True, slots=True)
class ReliefValue:
    """A relief of the catalogue; `agency_id` None is national, `valid_to` the last day or None.

    It takes off `percent` of the line (rounded half up to whole đồng), or so much that `each` is
    left for each unit; in both cases at most `cap`. Every condition that is set must hold; with
    none set it holds for everybody.
    """

    id: str
    code: str
    agency_id: str | None
    name: LocalizedText
    fees: frozenset[str]
    percent: int | None
    each: int | None
    cap: int | None
    ground: Ground | None
    channel: str | None
    age_from: int | None
    age_below: int | None
    once_a_year: bool
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None
    #: the first day of its code, of all the rows it has had; None is its own
    first_day: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the relief is in force on a Vietnamese day."""
        return holds_on(day, self.valid_from, self.valid_to)

    @property
    def by_age(self) -> bool:
        """Whether an age decides."""
        return self.age_from is not None or self.age_below is not None

    @property
    def yearly(self) -> str | None:
        """What a use of it is counted under, once a year for a citizen; None where it is not.

        A relief is one kind (house and land, a car, a motorcycle), whatever thing it is had for.
        Reliefs of two owners are two, whatever their codes.
        """
        if not self.once_a_year:
            return None
        return self.code if self.agency_id is None else f"{self.agency_id}:{self.code}"

    def use(self, on: date) -> YearlyUse | None:
        """What a use of it on a day uses up; None where it is had as often as one likes.

        The year is no calendar year: it is counted from the first day of the relief, as TT
        117/2026/TT-BTC, Art. 1.1 has it. A relief that goes on under its code, say with another
        cap, goes on in the same year; a text that counts anew is a relief with a code of its own.
        """
        if self.yearly is None:
            return None
        return YearlyUse(self.yearly, year_begun(self.first_day or self.valid_from, on))

    def is_claimed(self, circumstances: Circumstances) -> bool:
        """Whether somebody asks for it, by its code or by its ground."""
        return self.code in circumstances.claims or self.ground in circumstances.claims

    def applies(self, circumstances: Circumstances) -> bool:
        """Whether every condition holds. An age is its own proof of being a child or elderly."""
        if not self.holds_on(circumstances.on) or not self._channel_fits(circumstances):
            return False
        if self.once_a_year and not circumstances.identified:
            return False
        if self.by_age and not self._age_fits(circumstances.age):
            return False
        proven = self.by_age and self.ground in _GROUNDS_OF_AGE
        return self.ground is None or proven or self.is_claimed(circumstances)

    def _age_fits(self, age: int | None) -> bool:
        return (
            age is not None
            and age >= (self.age_from or 0)
            and (self.age_below is None or age < self.age_below)
        )

    def _channel_fits(self, circumstances: Circumstances) -> bool:
        return self.channel is None or self.channel == circumstances.channel

    def lacks(self, circumstances: Circumstances) -> list[FieldError]:
        """What has to be told before a relief that somebody asks for can be judged."""
        possible = self.holds_on(circumstances.on) and self._channel_fits(circumstances)
        if not possible or not self.is_claimed(circumstances):
            return []
        faults = []
        if self.by_age and circumstances.born_on is None:
            detail = f"{self.name.vi}: cần ngày sinh (born_on) để xét tuổi."
            faults.append(FieldError("relief.born_on", "missing", detail))
        if self.once_a_year and not circumstances.identified:
            detail = (
                f"{self.name.vi}: mỗi công dân một lần trong năm, cần số định danh cá nhân 12 chữ"
                " số của người nộp (payer.identity_number)."
            )
            faults.append(FieldError("payer.identity_number", "missing", detail))
        return faults

    def may_apply(self, circumstances: Circumstances) -> bool:
        """Whether it holds, or may as soon as more is told."""
        return self.applies(circumstances) or bool(self.lacks(circumstances))

    def off(self, line: PricedLine) -> int:
        """What is taken off a line, in whole đồng: from 0 to the line's amount."""
        if self.percent is not None:
            exact = Decimal(line.amount * self.percent) / 100
            off = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        else:
            off = max(0, line.amount - (self.each or 0) * line.quantity * line.copies)
        return off if self.cap is None else min(off, self.cap)


@dataclass(frozen=True, slots=True)
class GrantedRelief:
    """A relief given to a line: `off` đồng of it, always at least 1, and what that uses up."""

    relief: ReliefValue
    off: int
    explanation: LocalizedText
    use: YearlyUse | None = None


def best(
    reliefs: Iterable[ReliefValue], line: PricedLine, circumstances: Circumstances
) -> GrantedRelief | None:
    """The relief that takes most off the line, first by code among equals; or None."""
    offers = [(relief.off(line), relief) for relief in reliefs if relief.applies(circumstances)]
    off, relief = min(
        ((off, relief) for off, relief in offers if off > 0),
        key=lambda offer: (-offer[0], offer[1].code),
        default=(0, None),
    )
    if relief is None:
        return None
    return GrantedRelief(relief, off, _told(relief, off, line), relief.use(circumstances.on))


def benefit(relief: ReliefValue, unit: LocalizedText) -> LocalizedText:
    """What a relief gives, in words: "giảm 50 %, tối đa 100.000 đ"."""
    if relief.percent == 100:
        vi, en = "miễn", "exempt"
    elif relief.percent is not None:
        vi, en = f"giảm {relief.percent} %", f"{relief.percent}% off"
    elif relief.each == 0:
        vi, en = "miễn", "exempt"
    else:
        each = money(relief.each or 0)
        vi, en = f"thu {each.vi} mỗi {unit.vi}", f"{each.en} per {unit.en}"
    if relief.cap is not None:
        vi += f", giảm tối đa {format_vnd(relief.cap)}"
        en += f", at most {vnd(relief.cap)} off"
    return LocalizedText(vi, en)


def _told(relief: ReliefValue, off: int, line: PricedLine) -> LocalizedText:
    """What a relief did to a line: "giảm 50 %: −2.500 đ, còn 2.500 đ"."""
    left = line.amount - off
    given = benefit(relief, line.unit)
    return LocalizedText(
        f"{given.vi}: −{format_vnd(off)}, còn {format_vnd(left)}",
        f"{given.en}: −{vnd(off)}, {vnd(left)} left",
    )
