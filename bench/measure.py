"""Speeds of things that do the same work, measured fairly beside each other."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def rates(
    candidates: Mapping[str, Callable[[int], object]], *, rounds: int = 9, seconds: float = 0.2
) -> dict[str, float]:
    """Calls per second of each candidate: the median of `rounds` turns of about `seconds` each.

    The turns are interleaved, so that a machine that grows slower or faster meanwhile does so for
    everyone. Each call gets a number of its own, from 0 up and the same for every candidate, to
    make its input from: nobody can answer from a cache of earlier results. One call before the
    first turn pays for imports and tables; the collector of garbage is off within a turn.
    """
    calls = {name: _calls_in(candidate, seconds) for name, candidate in candidates.items()}
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(1, rounds + 1):
        for name, candidate in candidates.items():
            start = turn * max(calls.values())
            taken[name].append(calls[name] / _time(candidate, start, calls[name]))
    return {name: statistics.median(found) for name, found in taken.items()}


def _calls_in(candidate: Callable[[int], object], seconds: float) -> int:
    candidate(0)
    return max(1, round(seconds / _time(candidate, 0, 5) * 5))


def _time(candidate: Callable[[int], object], start: int, calls: int) -> float:
    gc.collect()
    gc.disable()
    try:
        begun = time.perf_counter()
        for number in range(start, start + calls):
            candidate(number)
        return time.perf_counter() - begun
    finally:
        gc.enable()
