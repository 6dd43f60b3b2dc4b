"""What credits that nobody knows may be for, as people ask it of a whole day. Pure.

See `suggesting` for the rules.
"""

from dataclasses import dataclass

from core.references import find_references
from reconciliation.matching.suggesting import Candidate, PlainCredit, Suggestion, suggest


@dataclass(frozen=True, slots=True)
class LineSuggestions:
    """An unknown line of a run, and what it may be, the surest first; `amount` in đồng.

    The objects of a suggestion are references of bills.
    """

    line_id: str
    amount: int
    suggestions: list[Suggestion]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """Credits that nobody knows, and what they may be for."""

    lines: list[PlainCredit]
    candidates: list[Candidate]


def answers_to(question: OpenQuestion) -> list[LineSuggestions]:
    """Each line and what it may be; lines without any suggestion too. Processor work."""
    found = suggest(question.lines, question.candidates)
    return [
        LineSuggestions(line.line_id, line.amount, list(found.get(line.line_id, [])))
        for line in question.lines
    ]


def misspelt_sums(question: OpenQuestion) -> frozenset[str]:
    """Of the credits those whose amount is the sum of several bills, some of them misspelt.

    They name one bill as it is: given to that one alone, the others' money would be its excess.
    Processor work.
    """
    named = {one.line_id: set(find_references(one.words)) for one in question.lines}
    return frozenset(
        line_id
        for line_id, (first, *_) in suggest(question.lines, question.candidates).items()
        if first.rule == "several" and not named[line_id].issuperset(first.object_ids)
    )
