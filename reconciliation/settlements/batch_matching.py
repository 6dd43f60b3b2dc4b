"""The second of a day's three comparisons: gateways' batches with the credits that brought them.

The rules are asked in the order of `matching.rules`: what two people have said; the batch's
reference in the credit's words; the gateway's words on a credit of the batch's net. What then is
left is only suggested: a credit with the gateway's words that is the sum of one set of batches and
of no other, and a credit of the same amount on a day near. What fits alike is `ambiguous`.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from reconciliation.matching.rules import RuleName
from reconciliation.settlements.matching import SettledLine, plain_name
from reconciliation.settlements.subset_sums import subset_of

BatchClass = Literal[
    "matched", "amount_mismatch", "ambiguous", "suggested", "missing", "nothing_due"
]

#: A batch's gateway and reference: two gateways may use the same one.
BatchName = tuple[str, str]
#: A reference in a narrative is believed from this length on: shorter ones stand anywhere.
_LEAST: Final = 6
#: A gateway pays over from the day before the one that it names to two weeks (Tết) after it.
_EARLY, _LATE = timedelta(days=1), timedelta(days=14)


@dataclass(frozen=True, slots=True)
class BankCredit:
    """A credit on the account's statement, amount in đồng."""

    line_id: str
    narrative: str
    amount: int
    #: whether it bears the words by which gateways pay over to this account
    is_settlement: bool
    booked_on: date | None = None
    #: whether the books know it as somebody's payment: its amount suggests nothing
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """Where the second comparison puts a batch; `credit_ids` are the credits that may be its own.

    Of its lines, in đồng: `amount` is the payments less what goes back, `fee` what the gateway
    keeps, adjustments among it, and `net` what is left. `rule` is by which its credits were found.
    """

    kind: BatchClass
    gateway: str
    batch_ref: str
    amount: int
    fee: int
    net: int
    credit_ids: tuple[str, ...]
    rule: RuleName | None = None


@dataclass(slots=True)
class _BatchCredits:
    """The credits that may be those of batches so far, and by which rule."""

    credits: dict[BatchName, list[BankCredit]]
    rules: dict[BatchName, RuleName]
    ambiguous: set[BatchName]

    def take(self, batch: BatchName, told: Sequence[BankCredit], rule: RuleName) -> None:
        if told:
            self.credits[batch] = list(told)
            self.rules[batch] = rule

    @property
    def taken(self) -> set[str]:
        return {credit.line_id for some in self.credits.values() for credit in some}

    def left(self, due: Iterable[BatchName]) -> list[BatchName]:
        return [batch for batch in due if batch not in self.rules]


def compare_batches(
    lines: Sequence[SettledLine],
    credits_told: Sequence[BankCredit],
    paid: Mapping[BatchName, str | None] | None = None,
) -> tuple[list[BatchPlace], list[str]]:
    """Put each batch in exactly one place, and name the credits of no batch; both in order.

    `paid` are the batches of which two people have said what brought them, with the statement's
    line where it is known. A credit may be `matched` with several batches only where its words name
    each of them and it is their sum; else it is ambiguous for all that it fits.
    """
    batches: defaultdict[BatchName, list[SettledLine]] = defaultdict(list)
    for line in lines:
        batches[line.gateway, line.batch_ref].append(line)
    net = {ref: sum(line.paid_over for line in own) for ref, own in batches.items()}
    told = sorted(credits_told, key=lambda one: one.line_id)
    found, decided = _BatchCredits({}, {}, set()), paid or {}
    for ref, line_id in decided.items():
        found.credits[ref] = [one for one in told if one.line_id == line_id]
        found.rules[ref] = "batch"
    due = sorted(ref for ref, amount in net.items() if amount > 0 and ref not in decided)
    free = [one for one in told if one.line_id not in found.taken]
    for ref, some in _named(due, free).items():
        found.take(ref, some, "batch_ref")
    taken = found.taken
    for ref in found.left(due):
        worded = [one for one in told if one.is_settlement and one.amount == net[ref]]
        found.take(ref, [one for one in worded if one.line_id not in taken], "settlement_words")
    days = {ref: _day_of(own) for ref, own in batches.items()}
    _suggest_sums(found, due, told, net, days)
    _suggest_amounts(found, due, told, net, days)
    places = [
        BatchPlace(
            _class_of(ref, found, net),
            *ref,
            sum(line.gross for line in batches[ref]),
            sum(line.kept for line in batches[ref]),
            net[ref],
            tuple(credit.line_id for credit in found.credits.get(ref, ())),
            found.rules.get(ref),
        )
        for ref in sorted(batches)
    ]
    return places, [one.line_id for one in told if one.line_id not in found.taken]


def _class_of(ref: BatchName, found: _BatchCredits, net: Mapping[BatchName, int]) -> BatchClass:
    rule = found.rules.get(ref)
    if rule == "batch":
        return "matched"
    if net[ref] <= 0:
        return "nothing_due"
    if rule is None:
        return "missing"
    own = found.credits[ref]
    if ref in found.ambiguous or len(own) > 1:
        return "ambiguous"
    together = [one for one, some in found.credits.items() if own[0] in some]
    if rule in ("subset_sum", "amount"):
        return "suggested"
    if len(together) > 1:
        alone = all(len(found.credits[one]) == 1 for one in together)
        whole = own[0].amount == sum(net[one] for one in together)
        return "matched" if rule == "batch_ref" and alone and whole else "ambiguous"
    return "matched" if own[0].amount == net[ref] else "amount_mismatch"


def _named(
    refs: Sequence[BatchName], told: Sequence[BankCredit]
) -> dict[BatchName, list[BankCredit]]:
    """Of each batch the credits whose words hold its reference.

    Of references of which one holds another, the longer one that stands in the words counts.
    """
    plain = {ref: plain_name(ref[1]) for ref in refs}
    found: dict[BatchName, list[BankCredit]] = {ref: [] for ref in refs}
    for credit in told:
        words = plain_name(credit.narrative)
        here = [ref for ref in refs if len(plain[ref]) >= _LEAST and plain[ref] in words]
        for ref in here:
            if not any(plain[ref] != plain[more] and plain[ref] in plain[more] for more in here):
                found[ref].append(credit)
    return found


def _suggest_sums(
    found: _BatchCredits,
    due: Sequence[BatchName],
    told: Sequence[BankCredit],
    net: Mapping[BatchName, int],
    days: Mapping[BatchName, date | None],
) -> None:
    """Batches that one credit with the gateway's words may have brought together."""
    taken, waiting = found.taken, found.left(due)
    sets: dict[BatchName, list[BankCredit]] = {}
    doubtful: set[BatchName] = set()
    for credit in told:
        if not credit.is_settlement or credit.line_id in taken:
            continue
        near = {ref: net[ref] for ref in waiting if _is_near(credit, days[ref])}
        names = {f"{gateway}\n{batch}": (gateway, batch) for gateway, batch in near}
        answer = subset_of({name: near[ref] for name, ref in names.items()}, credit.amount)
        for name in answer.names:
            sets.setdefault(names[name], []).append(credit)
            if answer.kind == "several":
                doubtful.add(names[name])
    # A batch that two credits want is sure of neither, nor are the others of their sets.
    unsure = {one.line_id for ref, some in sets.items() if len(some) > 1 for one in some}
    unsure |= {one.line_id for ref in doubtful for one in sets[ref]}
    for ref, some in sets.items():
        found.take(ref, some, "subset_sum")
        if unsure & {one.line_id for one in some}:
            found.ambiguous.add(ref)


def _suggest_amounts(
    found: _BatchCredits,
    due: Sequence[BatchName],
    told: Sequence[BankCredit],
    net: Mapping[BatchName, int],
    days: Mapping[BatchName, date | None],
) -> None:
    """A batch and a credit of the same amount, of which there is only one each."""
    taken, waiting = found.taken, found.left(due)
    free = [one for one in told if not one.is_known and one.line_id not in taken]
    fitting = {
        ref: [one for one in free if one.amount == net[ref] and _dated_near(one, days[ref])]
        for ref in waiting
    }
    wanted = Counter(one.line_id for some in fitting.values() for one in some)
    for ref, some in fitting.items():
        if len(some) == 1 and wanted[some[0].line_id] == 1:
            found.take(ref, some, "amount")


def _is_near(credit: BankCredit, settled_on: date | None) -> bool:
    """Whether a batch may have come by then; what tells no day may."""
    if credit.booked_on is None or settled_on is None:
        return True
    return settled_on - _EARLY <= credit.booked_on <= settled_on + _LATE


def _dated_near(credit: BankCredit, settled_on: date | None) -> bool:
    told = credit.booked_on is not None and settled_on is not None
    return told and _is_near(credit, settled_on)


def _day_of(lines: Collection[SettledLine]) -> date | None:
    return max((one.settled_on for one in lines if one.settled_on is not None), default=None)
