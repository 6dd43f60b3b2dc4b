"""What a procedure's page offers: which fees go together, what they come to, who would pay less.

A page knows only what is typed into it. It gives the reliefs that need no proof (a date, how the
application is handed in) and shows the others with what would be left, for whoever can prove to a
clerk or to the portal that they may have them. Pure.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from app.web.citizen.typed import CHANNELS, TypedForm, amount, count, value_faults
from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT, format_vnd
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.conditions import conditions
from payments.catalogue.rules.fee_requests import FeeRequest, MeasuredBy
from payments.catalogue.rules.fees import FeeRule, PricedLine
from payments.catalogue.rules.kinds import FixedFee, ForeignCurrency, PerUnit
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_fee
from payments.catalogue.rules.reliefs import ReliefValue, benefit
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.wording import LocalizedText, plural


@dataclass(frozen=True, slots=True)
class Offer:
    """`together` are the lines of one bill; empty where one of `choices` must be named first.

    `always` go with whatever is chosen; `extras` go along when wished.
    """

    together: tuple[FeeValue, ...]
    choices: tuple[FeeValue, ...]
    always: tuple[FeeValue, ...]
    extras: tuple[FeeValue, ...]

    @property
    def units(self) -> tuple[LocalizedText, ...]:
        """The units to be counted, each once."""
        units = {fee.unit.vi: fee.unit for fee in self.together if _is_counted(fee.rule)}
        return tuple(units.values())

    @property
    def by_copies(self) -> bool:
        """Whether two copies of three pages are anything else than six pages."""
        return any(_repeats(fee.rule) for fee in self.together)

    @property
    def by_value(self) -> bool:
        """Whether a value in đồng has to be known."""
        return any(fee.rule.measured_by is MeasuredBy.VALUE for fee in self.together)

    @property
    def by_notice(self) -> bool:
        """Whether another office works out an amount: only who has its notice can open a bill."""
        return any(fee.rule.measured_by is MeasuredBy.NOTICE for fee in self.together)

    @property
    def foreign(self) -> bool:
        """Whether something is set in a foreign currency, which this service does not collect."""
        return any(isinstance(fee.rule, ForeignCurrency) for fee in self.together)

    @property
    def payable(self) -> bool:
        """Whether the page can open a bill."""
        return bool(self.together) and not self.by_notice and not self.foreign

    @property
    def addable(self) -> tuple[FeeValue, ...]:
        """The extras that can be ticked."""
        return tuple(
            fee
            for fee in self.extras
            if fee.rule.measured_by is MeasuredBy.QUANTITY
            and not isinstance(fee.rule, ForeignCurrency)
        )

    @property
    def counted_extras(self) -> tuple[FeeValue, ...]:
        """The extras of which there may be several."""
        return tuple(fee for fee in self.addable if _is_counted(fee.rule))

    @property
    def labels(self) -> dict[str, LocalizedText]:
        """What each input of the form is called, by its id."""
        counts = {f"quantity-{n}": _number_of(unit) for n, unit in enumerate(self.units, 1)}
        if first := counts.pop("quantity-1", None):
            counts["quantity"] = first
        more = enumerate(self.counted_extras, 1)
        return {
            **counts,
            "copies": LocalizedText("Số bản", "Copies"),
            "value": LocalizedText("Giá trị", "Value"),
            "channel": LocalizedText("Cách nộp hồ sơ", "How you hand in"),
            **{f"more-{n}": _number_of(fee.unit, " kèm theo", " to add") for n, fee in more},
        }

    def by_channel(self, schedule: Schedule, on: date) -> bool:
        """Whether it matters how the application is handed in."""
        return any(
            relief.channel is not None and needs_no_proof(relief)
            for fee in (*self.together, *self.addable)
            for relief in schedule.reliefs_of(fee.code, on)
        )

    def asks(self, schedule: Schedule, on: date) -> bool:
        """Whether anything must be typed or chosen before there is an amount."""
        return bool(self.units) or self.by_value or self.by_channel(schedule, on)


@dataclass(frozen=True, slots=True)
class Less:
    """What the bill would come to, in đồng, for somebody who may have `relief`."""

    relief: ReliefValue
    unit: LocalizedText
    amount: int

    @property
    def whom(self) -> LocalizedText:
        """Who that is."""
        return conditions(self.relief)

    @property
    def gives(self) -> LocalizedText:
        """What the relief gives."""
        return benefit(self.relief, self.unit)


@dataclass(frozen=True, slots=True)
class PricedOffer:
    """The lines of a bill that is not opened yet, and who would pay less."""

    lines: tuple[NewLine, ...]
    less: tuple[Less, ...]

    @property
    def amount(self) -> int:
        """What is to be paid, in đồng."""
        return sum(line.amount for line in self.lines)

    @property
    def full_amount(self) -> int:
        """The same without reliefs."""
        return sum(line.full_amount for line in self.lines)


def offer_of(schedule: Schedule, procedure: str | None, fee: FeeValue | None, on: date) -> Offer:
    """What is offered under a procedure's code, or under that of one of its fees.

    A fee that the procedure always takes stands for all of these; one to choose from takes them
    along; one on request, or of no procedure, is taken alone.
    """
    if fee is not None and (procedure is None or fee.charged == Applicability.ON_REQUEST):
        return Offer((fee,), (), (), ())
    fees = () if procedure is None else schedule.of_procedure(procedure, on)
    choices = tuple(f for f in fees if f.charged == Applicability.CHOICE)
    always = tuple(f for f in fees if f.charged == Applicability.ALWAYS)
    extras = tuple(f for f in fees if f.charged == Applicability.ON_REQUEST)
    extras += schedule.of_procedure(None, on) if fees else ()
    if len(choices) == 1:
        chosen: tuple[FeeValue, ...] = choices
    elif fee is not None and fee.charged == Applicability.CHOICE:
        chosen = (fee,)
    elif choices:
        return Offer((), choices, always, extras)
    else:
        chosen = ()
    return Offer((*chosen, *always), choices, always, extras)


def price_offer(schedule: Schedule, offer: Offer, typed: TypedForm, on: date) -> PricedOffer:
    """What the offer comes to. Raises `Invalid`, whose fields are the ids of the form's inputs.

    The offer must be `payable`.
    """
    faults = value_faults(typed.value) if offer.by_value else []
    channel = _channel(schedule, offer, typed, on, faults)
    circumstances = Circumstances(on, channel)
    lines = []
    for fee in _taken(offer, typed):
        try:
            lines.append(price_fee(schedule, fee, _asked(offer, fee, typed), circumstances))
        except Invalid as error:
            faults += [_at_input(fault, offer, fee) for fault in error.errors]
    if sum(line.amount for line in lines) > MAX_AMOUNT:
        detail = f"Một khoản phải nộp tối đa {format_vnd(MAX_AMOUNT)}."
        faults.append(FieldError("", "too_big", detail))
    if faults:
        # Several fees may find the same fault in the same field; the first word on it counts.
        once = {fault.field: fault for fault in reversed(faults)}
        told = sorted(once.values(), key=lambda fault: faults.index(fault))
        raise Invalid(told[0].detail, errors=told)
    return PricedOffer(tuple(lines), tuple(_less(schedule, lines, circumstances)))


def needs_no_proof(relief: ReliefValue) -> bool:
    """Whether a page may give it: it holds for everybody who applies in time and in that way."""
    return relief.ground is None and not relief.by_age and not relief.once_a_year


def _channel(
    schedule: Schedule, offer: Offer, typed: TypedForm, on: date, faults: list[FieldError]
) -> str:
    if not offer.by_channel(schedule, on):
        return "online"
    if typed.channel not in CHANNELS:
        detail = "Hãy chọn cách bạn nộp hồ sơ."
        faults.append(FieldError("channel", "missing", detail))
    return typed.channel


def _taken(offer: Offer, typed: TypedForm) -> list[FeeValue]:
    wished = [fee for fee in offer.addable if fee.code in typed.extras]
    return [*offer.together, *wished]


def _asked(offer: Offer, fee: FeeValue, typed: TypedForm) -> FeeRequest:
    if fee.rule.measured_by is MeasuredBy.VALUE:
        # A faulty value is told of as such; a price for 1 đồng only spares a second complaint.
        return FeeRequest(value=1 if value_faults(typed.value) else amount(typed.value))
    if not _is_counted(fee.rule):
        return FeeRequest()
    if fee not in offer.together:
        return FeeRequest(count(typed.of_extra(offer.counted_extras.index(fee))))
    quantity = count(typed.quantity(_place(offer, fee)))
    return FeeRequest(quantity, count(typed.copies) if _repeats(fee.rule) else 1)


def _at_input(fault: FieldError, offer: Offer, fee: FeeValue) -> FieldError:
    """The same fault at the input that the citizen sees."""
    if fault.field == "quantity" and fee not in offer.together:
        return replace(fault, field=f"more-{offer.counted_extras.index(fee) + 1}")
    if fault.field == "quantity" and (place := _place(offer, fee)):
        return replace(fault, field=f"quantity-{place + 1}")
    if fault.field == "value" and fault.code == "missing":
        return replace(fault, detail="Hãy nhập giá trị tính phí.")
    return fault if fault.field in ("quantity", "copies", "value") else replace(fault, field="")


def _number_of(unit: LocalizedText, vi: str = "", en: str = "") -> LocalizedText:
    return LocalizedText(f"Số {unit.vi}{vi}", f"Number of {plural(unit.en)}{en}")


def _place(offer: Offer, fee: FeeValue) -> int:
    return [unit.vi for unit in offer.units].index(fee.unit.vi)


def _is_counted(rule: FeeRule) -> bool:
    """Whether somebody must say how many; a fixed fee on a page is that of one case."""
    one = isinstance(rule, FixedFee | ForeignCurrency)
    return rule.measured_by is MeasuredBy.QUANTITY and not one


def _repeats(rule: FeeRule) -> bool:
    """Whether copies are not just more units, because steps or limits hold for each copy."""
    if isinstance(rule, PerUnit):
        return len(rule.steps) > 1 or rule.cap is not None or rule.minimum is not None
    return _is_counted(rule)


def _less(
    schedule: Schedule, lines: Collection[NewLine], circumstances: Circumstances
) -> list[Less]:
    """The reliefs with which these lines would come to less, the greatest help first."""
    total = sum(line.amount for line in lines)
    found: dict[str, Less] = {}
    for line in lines:
        code = line.fee or ""
        fee = schedule.find(code, circumstances.on)
        for relief in schedule.reliefs_of(code, circumstances.on):
            if relief.code in found or fee is None or needs_no_proof(relief):
                continue
            saved = _saved(schedule, lines, relief, circumstances.on)
            if saved > 0:
                found[relief.code] = Less(relief, fee.unit, total - saved)
    return sorted(found.values(), key=lambda less: (less.amount, less.relief.code))


def _saved(schedule: Schedule, lines: Collection[NewLine], relief: ReliefValue, on: date) -> int:
    """By how much `relief` would better what the lines have, in đồng."""
    saved = []
    for line in lines:
        if relief in schedule.reliefs_of(line.fee or "", on):
            priced = PricedLine(
                line.quantity, line.copies, line.full_amount, LocalizedText(line.unit, line.unit)
            )
            left = line.full_amount - relief.off(priced)
            saved.append(max(0, line.amount - left))
    # What a citizen may have once in a year, one line has.
    return sum(saved[:1] if relief.once_a_year else saved)
