"""A schedule: which fees and reliefs hold for an agency on a day. Pure.

An agency's own entry stands in the place of its parent's, and that in the place of the national
one of the same code, on the days on which it is valid. A procedure's code names a fee as well,
where the procedure has exactly one that day.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_of
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from core.days import day_text, holds_on, span_text
from core.errors import FieldError, Invalid
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.fees import FeeRule
from payments.catalogue.rules.natures import FeeNature, Refundability
from payments.catalogue.rules.procedure_codes import NO_CODES, ProcedureCodes
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.wording import LocalizedText


class Applicability(StrEnum):
    """When a procedure takes a fee: always, as one of several to choose from, or when wished."""

    ALWAYS = "always"
    CHOICE = "choice"
    ON_REQUEST = "on_request"


@dataclass(frozen=True, slots=True)
class FeeValue:
    """A fee of the catalogue. `agency_id` None is national; `valid_to` is the last day, or None.

    `procedure_code` None goes with any procedure (postage); `sub_item` None is no state revenue.
    """

    id: str
    code: str
    procedure_code: str | None
    agency_id: str | None
    name: LocalizedText
    unit: LocalizedText
    rule: FeeRule
    charged: Applicability
    sub_item: str | None
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None
    nature: FeeNature = FeeNature.CHARGE
    refundable: Refundability = Refundability.UNKNOWN
    #: when it is given back, in Vietnamese
    refund_terms: str | None = None
    #: the other codes of its procedure
    procedure_codes: ProcedureCodes = field_of(default=NO_CODES, compare=False)

    def holds_on(self, day: date) -> bool:
        """Whether the fee is in force on a Vietnamese day."""
        return holds_on(day, self.valid_from, self.valid_to)

    @property
    def span(self) -> str:
        """The days on which the fee is in force, in Vietnamese."""
        return span_text(self.valid_from, self.valid_to)


class ScheduleEntry(Protocol):
    """What fees and reliefs have in common."""

    @property
    def code(self) -> str:
        """What it is called."""

    @property
    def agency_id(self) -> str | None:
        """Whose it is."""

    @property
    def valid_from(self) -> date:
        """Its first day."""

    @property
    def valid_to(self) -> date | None:
        """Its last day, where one is known."""


Entry = TypeVar("Entry", bound=ScheduleEntry)


class Schedule:
    """The fees and reliefs that can concern one agency, of every day.

    `owners` are whose entries count, the nearest first: the agency, the bodies above it. The
    nation comes last and need not be named. `offered` are the codes of the procedures that the
    agency takes money for, None for every one: what it does not offer is not found, and asking for
    it by name says why.
    """

    __slots__ = (
        "_by_code",
        "_by_procedure",
        "_keys",
        "_offered",
        "_owners",
        "_reliefs",
        "_reliefs_by_fee",
    )

    def __init__(
        self,
        fees: Iterable[FeeValue],
        reliefs: Iterable[ReliefValue] = (),
        owners: Sequence[str] = (),
        offered: Collection[str] | None = None,
    ) -> None:
        self._by_code: dict[str, list[FeeValue]] = {}
        self._by_procedure: dict[str | None, list[FeeValue]] = {}
        self._offered = None if offered is None else frozenset(offered)
        self._reliefs = _with_first_days(tuple(reliefs))
        self._owners = {owner: distance for distance, owner in enumerate(owners)}
        for fee in fees:
            self._by_code.setdefault(fee.code, []).append(fee)
            self._by_procedure.setdefault(fee.procedure_code, []).append(fee)
        self._keys = _keys_of(self._by_procedure)
        self._reliefs_by_fee = _by_fee(self._reliefs)

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose entries count besides the nation's, the nearest first."""
        return tuple(self._owners)

    @property
    def fees(self) -> tuple[FeeValue, ...]:
        """Every fee of every day, by code and first day."""
        all_fees = (fee for fees in self._by_code.values() for fee in fees)
        return tuple(sorted(all_fees, key=lambda fee: (fee.code, fee.valid_from)))

    @property
    def reliefs(self) -> tuple[ReliefValue, ...]:
        """Every relief of every day."""
        return self._reliefs

    def offers(self, procedure_code: str | None) -> bool:
        """Whether the agency takes money for a procedure; None is what goes with any (postage)."""
        if self._offered is None:
            return True
        return procedure_code in self._offered if procedure_code else bool(self._offered)

    def of_procedure(self, code: str | None, on: date) -> tuple[FeeValue, ...]:
        """The fees of a procedure on a day, by fee code; None asks for those of no procedure."""
        return self._of_procedure(code, on) if self.offers(code) else ()

    def _of_procedure(self, code: str | None, on: date) -> tuple[FeeValue, ...]:
        """The same, whether it is offered or not."""
        # A nearer owner may have put a fee under another procedure: then it is not here.
        named = sorted({fee.code for fee in self._by_procedure.get(code, ()) if fee.holds_on(on)})
        chosen = [fee for name in named for fee in self._in_force(self._by_code[name], on)]
        return tuple([fee for fee in chosen if fee.procedure_code == code])

    def reliefs_of(self, fee_code: str, on: date) -> tuple[ReliefValue, ...]:
        """The reliefs from a fee on a day, by code, whoever may claim them."""
        in_force = self._in_force(self._reliefs_by_fee.get(fee_code, ()), on)
        return tuple([relief for relief in in_force if fee_code in relief.fees])

    def find(self, code: str, on: date) -> FeeValue | None:
        """The fee that `code` names on a day: a fee's code, or that of a procedure with one fee."""
        named = self._named(code, on)
        return named[0] if len(named) == 1 else None

    def get(self, code: str, on: date, *, field: str = "fee") -> FeeValue:
        """As `find`. Raises `Invalid` on `field`, saying what is wrong with the code.

        The error's code is `unknown`, `not_offered`, `not_in_force` (its dates are in the message)
        or `ambiguous` (the message lists the fees to choose from).
        """
        named = self._named(code, on)
        if len(named) == 1:
            return named[0]
        raise self._refusal(code, on, named, field)

    def get_all(self, code: str, on: date, *, field: str = "fee") -> tuple[FeeValue, ...]:
        """The fees that a line asks for by `code`: one fee, or all that a procedure always takes.

        A procedure with a choice of fees does not say which is meant: errors as those of `get`.
        """
        named = self._named(code, on)
        one_procedure = len({fee.procedure_code for fee in named}) == 1
        always = all(fee.charged == Applicability.ALWAYS for fee in named)
        if len(named) == 1 or (one_procedure and always):
            return named
        raise self._refusal(code, on, named, field)

    def _named(self, code: str, on: date) -> tuple[FeeValue, ...]:
        return tuple([fee for fee in self._meant(code, on) if self.offers(fee.procedure_code)])

    def _meant(self, code: str, on: date) -> tuple[FeeValue, ...]:
        """What `code` names on a day, whether it is offered or not."""
        if (entries := self._by_code.get(code)) and (by_code := self._in_force(entries, on)):
            return by_code
        fees = (fee for key in self._keys_for(code) for fee in self._of_procedure(key, on))
        return tuple([fee for fee in fees if fee.charged != Applicability.ON_REQUEST])

    def _keys_for(self, code: str) -> tuple[str, ...]:
        """The procedures that a code means: its own before any that has it as another code."""
        return (code,) if code in self._by_procedure else self._keys.get(code, ())

    def _refusal(self, code: str, on: date, named: Sequence[FeeValue], field: str) -> Invalid:
        if named:
            keys = dict.fromkeys(fee.procedure_code or "" for fee in named)
            if len(keys) > 1:
                code = f"{code} ({', '.join(keys)})"
            choice = ", ".join(fee.code for fee in named if fee.charged == Applicability.CHOICE)
            always = ", ".join(fee.code for fee in named if fee.charged == Applicability.ALWAYS)
            detail = f"Thủ tục {code} có nhiều khoản thu, hãy nêu một: {choice or always}."
            if choice and always:
                detail += f" Ngoài ra luôn thu, mỗi khoản một dòng: {always}."
            fault = FieldError(field, "ambiguous", detail)
        elif self._meant(code, on):
            detail = f"Cơ quan này không thu {code}."
            fault = FieldError(field, "not_offered", detail)
        elif known := self._by_code.get(code) or self._kept_under(code):
            spans = ", ".join(sorted({fee.span for fee in known}))
            fault = FieldError(
                field,
                "not_in_force",
                f"Khoản thu {code} không có hiệu lực ngày {day_text(on)}; có hiệu lực {spans}.",
            )
        else:
            fault = FieldError(field, "unknown", f"Không có khoản thu {code}.")
        code = "not_offered" if fault.code == "not_offered" else "invalid_fee"
        return Invalid(fault.detail, code=code, errors=[fault])

    def _kept_under(self, code: str) -> list[FeeValue]:
        """The fees, of every day, of the procedures that a code means."""
        return [fee for key in self._keys_for(code) for fee in self._by_procedure[key]]

    def _in_force(self, entries: Sequence[Entry], on: date) -> tuple[Entry, ...]:
        """One entry for each code: those of the day, the nearest owner's before the others."""
        held = [one for one in entries if holds_on(on, one.valid_from, one.valid_to)]
        if len(held) < 2:
            return tuple(held)
        chosen: dict[str, Entry] = {}
        for entry in held:
            known = chosen.get(entry.code)
            if known is None or self._distance(entry) < self._distance(known):
                chosen[entry.code] = entry
        return tuple(chosen[code] for code in sorted(chosen))

    def _distance(self, entry: ScheduleEntry) -> int:
        """How far the owner of an entry is; the nation is farther than any agency."""
        if entry.agency_id is None:
            return len(self._owners) + 1
        return self._owners.get(entry.agency_id, len(self._owners))


@dataclass(frozen=True, slots=True)
class ProcedureValue:
    """A procedure with the fees in force for the agency on the day; none means none are known.

    `beside` are those that go with any procedure (postage); `schedule` knows the reliefs.
    """

    id: str
    code: str
    name: LocalizedText
    field: str
    code_certainty: Certainty
    fees: tuple[FeeValue, ...]
    beside: tuple[FeeValue, ...]
    schedule: Schedule = field_of(repr=False, compare=False)
    codes: ProcedureCodes = NO_CODES


def _keys_of(by_procedure: Mapping[str | None, Iterable[FeeValue]]) -> dict[str, tuple[str, ...]]:
    """For each other code the procedures that have it, by key."""
    found: dict[str, set[str]] = {}
    for key, fees in by_procedure.items():
        for fee in fees:
            for code in fee.procedure_codes.all if key is not None else ():
                found.setdefault(code, set()).add(key or "")
    return {code: tuple(sorted(keys)) for code, keys in found.items()}


def _with_first_days(reliefs: tuple[ReliefValue, ...]) -> tuple[ReliefValue, ...]:
    """The same, those once a year knowing on which day the first row of their code begins."""
    begun: dict[tuple[str, str | None], date] = {}
    for relief in reliefs:
        if relief.once_a_year:
            name = (relief.code, relief.agency_id)
            begun[name] = min(begun.get(name, relief.valid_from), relief.valid_from)
    return tuple(
        replace(one, first_day=begun[one.code, one.agency_id]) if one.once_a_year else one
        for one in reliefs
    )


def _by_fee(reliefs: Sequence[ReliefValue]) -> dict[str, list[ReliefValue]]:
    """For each fee the reliefs that could concern it.

    An agency's relief takes the national one's place even where it names other fees, so all of a
    code come along with each of them.
    """
    by_code: dict[str, list[ReliefValue]] = {}
    for relief in reliefs:
        by_code.setdefault(relief.code, []).append(relief)
    by_fee: dict[str, list[ReliefValue]] = {}
    for same_code in by_code.values():
        for fee in sorted(set().union(*(relief.fees for relief in same_code))):
            by_fee.setdefault(fee, []).extend(same_code)
    return by_fee
