"""Which tests a fault is shown to, and what it counts as when they have been run."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.mutations import Mutant
from scripts.trying import Asked, Tries

#: A run that takes this much longer than it did, in seconds, has seen that something is wrong.
PATIENCE = 60.0
#: So has a single test that takes this much longer, and longer than so many times what it took.
TEST_PATIENCE, TEST_TIMES = 25.0, 5.0
#: So many tests are tried at least for a line that more of them enter, and beyond these no more
#: than took so many seconds together.
FEWEST_TESTS, MOST_SECONDS = 8, 60.0
#: Tests that look at what modules declare, and enter no line of them.
LOOKING_AT_DECLARED = "tests/integration/test_migrations.py"
#: A test that fails is asked without the fault, until it has passed so often.
TRUSTED_AFTER = 3
#: How far from a line, in lines, a fault was that says something of the next one.
NEAR = 20


@dataclass(slots=True)
class Entered:
    """Which tests entered each statement of a file's functions, how long each test takes, in
    seconds, and which share what is made once for their module."""

    #: path → line → tests
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    sharing: list[str] = field(default_factory=list)
    #: what failed while it was watched, with the reason, and is not asked
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Entered") -> None:
        for path, found in other.lines.items():
            mine = self.lines.setdefault(path, {})
            for line, tests in found.items():
                mine[int(line)] = sorted({*mine.get(int(line), []), *tests} - set(other.failed))
        self.seconds |= {test: n for test, n in other.seconds.items() if test not in other.failed}
        self.sharing += other.sharing
        self.failed |= other.failed

    def write(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def read(cls, written: dict[str, Any]) -> "Entered":
        """What `write` wrote; JSON makes texts of the lines' numbers."""
        found = cls()
        found.add(cls(**written))
        return found

    def tests_of(self, path: str, mutant: Mutant, seen: Sequence[tuple[int, str]]) -> list[str]:
        """The tests that enter a mutant's lines, those first that ought to tell soonest; all of the
        file's tests for what is carried out when the file is loaded.

        `seen` are the lines of earlier faults of this file, each with the test that saw it.
        """
        entered = self.lines.get(path, {})
        if mutant.at_load:
            declared = [one for one in self.seconds if one.startswith(LOOKING_AT_DECLARED)]
            wanted = [*entered.values(), declared]
        elif mutant.entered_at in entered:
            wanted = [entered[mutant.entered_at]]
        else:  # in what is made when the module is loaded and carried out later: a lambda
            wanted = list(entered.values())
        breadth = Counter(test for some in entered.values() for test in some)
        near = Counter(test for line, test in seen if abs(line - mutant.line) <= NEAR)

        def cost(test: str) -> tuple[int, float, str]:
            return (-near[test], self.seconds.get(test, 0.0) * breadth[test], test)

        found = sorted({test for some in wanted for test in some}, key=cost)
        chosen: list[str] = []
        left = MOST_SECONDS
        for test in found:
            took = self.seconds.get(test, 0.0)
            if took <= left or len(chosen) < FEWEST_TESTS:
                chosen.append(test)
                left -= took
        return self._together(chosen)

    def _together(self, tests: list[str]) -> list[str]:
        """The same, with those that share something one after the other."""

        def group(test: str) -> str:
            module = test.partition("::")[0]
            return module if module in self.sharing else test

        groups = [group(test) for test in tests]
        return sorted(tests, key=lambda test: groups.index(group(test)))


class Judge:
    """Says of each mutant what becomes of it, from what its tries tell."""

    def __init__(self, entered: Entered, say: Callable[[str], None]) -> None:
        self._entered, self._say = entered, say
        #: file → the lines of the faults that were seen, each with the test that saw it
        self._seen: dict[str, list[tuple[int, str]]] = {}
        #: how often a test has passed by itself without a fault
        self.passed: Counter[str] = Counter()

    def tries(self, path: str, mutant: Mutant) -> Tries:
        """The tries of a mutant, and its verdict: a test that fails without the fault too has seen
        nothing of it, and is not asked again for this one."""
        chosen = self._entered.tests_of(path, mutant, self._seen.setdefault(path, []))
        if not chosen:
            return "not entered"
        while True:
            told = yield self._asked(path, mutant, chosen)
            failed = told.failed
            if told.verdict not in ("seen", "broken"):
                return told.verdict
            if failed not in chosen:  # it broke off, broke down or did not end
                again = yield self._asked(path, None, chosen)
                return "seen" if again.verdict == "not seen" else "broken"
            if self.passed[failed] < TRUSTED_AFTER:
                again = yield self._asked(path, None, [failed])
                if again.verdict != "not seen":
                    self._say(f"{failed} fails by itself and is not asked: {again.why}")
                    chosen.remove(failed)
                    if not chosen:
                        return "not seen"
                    continue
                self.passed[failed] += 1
            self._seen[path].append((mutant.line, failed))
            return "seen"

    def patience(self, tests: Sequence[str]) -> dict[str, float]:
        """How long each test may take, in seconds."""
        known = self._entered.seconds
        return {test: TEST_PATIENCE + TEST_TIMES * known[test] for test in tests if test in known}

    def _asked(self, path: str, mutant: Mutant | None, tests: list[str]) -> Asked:
        took = sum(self._entered.seconds.get(test, 0.0) for test in tests)
        return Asked(path, mutant, list(tests), PATIENCE + 2 * took)
