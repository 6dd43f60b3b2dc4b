"""What a page tells of a fee: its tariff, who pays less, the law, from when to when. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.conditions import conditions
from payments.catalogue.rules.reliefs import ReliefValue, benefit
from payments.catalogue.rules.schedule import Applicability, FeeValue, ProcedureValue, Schedule
from payments.catalogue.rules.wording import LocalizedText


@dataclass(frozen=True, slots=True)
class ReliefCard:
    """A relief in force: what it gives of a fee, and to whom."""

    relief: ReliefValue
    gives: LocalizedText
    whom: LocalizedText


@dataclass(frozen=True, slots=True)
class FeeCard:
    """A fee in force; `later` is what follows it once it ends, if that is known."""

    fee: FeeValue
    tariff: LocalizedText
    reliefs: tuple[ReliefCard, ...]
    later: FeeValue | None

    @property
    def later_tariff(self) -> LocalizedText | None:
        """What the fee will be."""
        return None if self.later is None else self.later.rule.tariff(self.later.unit)


@dataclass(frozen=True, slots=True)
class ProcedureSummary:
    """A procedure in a list: its fee in a few words, and what about it is not certain."""

    procedure: ProcedureValue
    price: LocalizedText
    certainty: Certainty
    #: whether somebody pays less
    eased: bool


def card_of(schedule: Schedule, fee: FeeValue, on: date) -> FeeCard:
    """A fee with its reliefs of the day."""
    later = None
    if fee.valid_to is not None:
        following = schedule.find(fee.code, fee.valid_to + timedelta(days=1))
        later = following if following is not None and following.code == fee.code else None
    return FeeCard(
        fee=fee,
        tariff=fee.rule.tariff(fee.unit),
        reliefs=tuple(
            ReliefCard(relief, benefit(relief, fee.unit), conditions(relief))
            for relief in schedule.reliefs_of(fee.code, on)
        ),
        later=later,
    )


def summary_of(procedure: ProcedureValue, on: date) -> ProcedureSummary:
    """A procedure in a list on a day."""
    fees = [fee for fee in procedure.fees if fee.charged != Applicability.ON_REQUEST]
    choices = [fee for fee in fees if fee.charged == Applicability.CHOICE]
    if not fees:
        price = LocalizedText("hỏi tại quầy", "ask at the counter")
    elif len(fees) == 1:
        price = fees[0].rule.tariff(fees[0].unit)
    elif len(choices) > 1:
        price = LocalizedText(f"{len(choices)} mức thu, tùy trường hợp", f"{len(choices)} cases")
    else:
        price = LocalizedText(f"{len(fees)} khoản cùng thu", f"{len(fees)} fees together")
    return ProcedureSummary(
        procedure=procedure,
        price=price,
        certainty=least_certain(fee.certainty for fee in fees),
        eased=any(procedure.schedule.reliefs_of(fee.code, on) for fee in fees),
    )


def least_certain(of: Iterable[Certainty]) -> Certainty:
    """The most doubtful of several marks; of none, that nothing is in doubt."""
    order = list(Certainty)
    return max(of, key=order.index, default=Certainty.CONFIRMED)
