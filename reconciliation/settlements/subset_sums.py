"""Which of some amounts come to a sum: one set, several, none, or too many to be sure. Pure.

The search is bounded in steps, not in seconds, so that it ends alike on every machine. Amounts are
gone through from the greatest; a branch ends where what is left is too much, or too little even
with all that follows. One set is an answer only when there is no other: a second one, or a search
that was not finished, leaves it to people. The order in which amounts are given does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

#: More amounts than this are not searched: by their number alone some would come to any sum.
MOST_AMOUNTS: Final = 60
#: How many times an amount is taken or left before the search is given up.
MOST_STEPS: Final = 200_000

Answer = Literal["unique", "several", "none", "unsure"]


@dataclass(frozen=True, slots=True)
class SubsetAnswer:
    """What was found; `names` are those of the one set, or of two where there are `several`."""

    kind: Answer
    names: tuple[str, ...] = ()
    steps: int = 0


def subset_of(
    amounts: Mapping[str, int], wanted: int, *, most_steps: int = MOST_STEPS
) -> SubsetAnswer:
    """The set of these amounts (positive đồng, by name) that comes to `wanted`.

    Two amounts that are equal are two: either of them in a set makes it `several`.
    """
    usable = {name: amount for name, amount in amounts.items() if 0 < amount <= wanted}
    if len(usable) > MOST_AMOUNTS:
        return SubsetAnswer("unsure")
    names = sorted(usable, key=lambda name: (-usable[name], name))
    rests = [0] * (len(names) + 1)
    for place in reversed(range(len(names))):
        rests[place] = rests[place + 1] + usable[names[place]]
    found: list[tuple[str, ...]] = []
    steps = 0
    # What is still wanted, from which place on, with what was taken; the last is looked at first.
    waiting: list[tuple[int, int, tuple[str, ...]]] = [(wanted, 0, ())]
    while waiting and len(found) < 2:
        left, place, taken = waiting.pop()
        if left == 0:
            found.append(taken)
            continue
        if place == len(names) or left > rests[place]:
            continue
        steps += 1
        if steps > most_steps:
            return SubsetAnswer("unsure", steps=steps)
        waiting.append((left, place + 1, taken))
        amount = usable[names[place]]
        if amount <= left:
            waiting.append((left - amount, place + 1, (*taken, names[place])))
    if not found:
        return SubsetAnswer("none", steps=steps)
    if len(found) > 1:
        return SubsetAnswer("several", tuple(sorted({*found[0], *found[1]})), steps)
    return SubsetAnswer("unique", tuple(sorted(found[0])), steps)
