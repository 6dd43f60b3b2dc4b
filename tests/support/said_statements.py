"""Which tests say which statements to PostgreSQL, and the quickest few that say all of them.

What may differ between versions of PostgreSQL is what we say to it. `make test` runs every test on
one version and notes what each said; on the other version it runs the few tests that say each of
these statements once more, and fails where they did not. So the few are chosen by what was said,
whatever tests are added, moved or renamed; no list is kept by hand.

Noted is what goes through SQLAlchemy in the process of the test. Processes that a test starts say
the same, and are not asked.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

#: The first run writes the chosen tests to this file, one a line, and beside it what they say.
NOTE = "LEPHI_TEST_NOTE_STATEMENTS"
#: The run on the other version is held against what stands beside this file.
REPEAT = "LEPHI_TEST_REPEAT_STATEMENTS"

#: So much of what is to be said has to be: two tasks at once do not meet the same way each time.
ENOUGH = 0.97

_PROPERTY = "said"
#: To start what a module's tests share, beside the test itself, in seconds.
_SETTING_UP = 0.5
_EACH = 0.05


def plain(statement: str) -> str:
    """A statement without what differs each time: how many values, names of parameters, spaces."""
    bare = re.sub(r"%\(\w+\)s(::[A-Z ]+)?", "?", statement)
    bare = " ".join(bare.split())
    bare = re.sub(r"\(\?(, ?\?)*\)", "(?)", bare)
    return re.sub(r"\(\?\)(, ?\(\?\))+", "(?)", bare)


def quickest(said: Mapping[str, set[str]], seconds: Mapping[str, float]) -> list[str]:
    """Few tests that together say whatever any test said; the cheapest for what they add first."""
    left = set().union(*said.values())
    candidates, modules, chosen = dict(said), set[str](), []

    def price(test: str) -> float:
        shared = 0.0 if _module(test) in modules else _SETTING_UP
        return seconds.get(test, 0.0) + shared + _EACH

    while left:
        best = max(sorted(candidates), key=lambda test: len(candidates[test] & left) / price(test))
        left -= candidates.pop(best)
        modules.add(_module(best))
        chosen.append(best)
    times = Counter(one for test in chosen for one in said[test])
    for test in sorted(chosen, key=lambda test: -seconds.get(test, 0.0)):
        if all(times[one] > 1 for one in said[test]):
            chosen.remove(test)
            times.subtract(said[test])
    return chosen


def _module(test: str) -> str:
    return test.partition("::")[0]


def begin(config: pytest.Config, *, note: str | None, repeat: str | None) -> None:
    """Note what is said from now on; in the process that leads the run, act on it at its end."""
    event.listen(Engine, "before_cursor_execute", (listening := _Listening()).hear)
    config.pluginmanager.register(listening)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Leading(note, repeat))


@dataclass(eq=False)
class _Listening:
    """Puts to each test what it said, by digest, and each text the first time."""

    heard: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def hear(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.heard.add(statement)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self.heard.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Any:
        answer = yield
        said: dict[str, str] = {}
        for statement in self.heard:
            text = plain(statement)
            digest = self.digests.get(statement)
            if digest is None:
                digest = self.digests[statement] = sha256(text.encode()).hexdigest()[:16]
            said[digest] = "" if digest in self.told else text
            self.told.add(digest)
        item.user_properties.append((_PROPERTY, said))
        return answer


@dataclass(eq=False)
class _Leading:
    """Collects what all workers' tests said."""

    note: str | None
    repeat: str | None
    said: dict[str, set[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    verdict: str = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.when != "teardown":
            return
        for name, value in report.user_properties:
            if name == _PROPERTY and isinstance(value, dict) and value:
                self.said[report.nodeid] = set(value)
                self.texts |= {digest: text for digest, text in value.items() if text}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.note is not None:
            self._choose(Path(self.note))
        if self.repeat is not None:
            missing = self._missing(Path(self.repeat))
            if missing is not None:
                self.verdict = missing
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.verdict:
            terminalreporter.write_line(self.verdict)

    def _choose(self, where: Path) -> None:
        where.unlink(missing_ok=True)
        if not self.said:
            return
        chosen = quickest(self.said, self.seconds)
        wanted = sorted(set().union(*self.said.values()))
        _beside(where).write_text(json.dumps({one: self.texts.get(one, "") for one in wanted}))
        where.write_text("".join(f"{test}\n" for test in chosen), encoding="utf-8")
        self.verdict = f"{len(chosen)} tests say each of the {len(wanted)} statements once more."

    def _missing(self, where: Path) -> str | None:
        """What was to be said once more and was not, where that is too much."""
        wanted: dict[str, str] = json.loads(_beside(where).read_text("utf-8"))
        silent = set(wanted) - set().union(*self.said.values())
        if len(silent) <= (1 - ENOUGH) * len(wanted):
            self.verdict = f"{len(wanted) - len(silent)} of {len(wanted)} statements were said."
            return None
        texts = "\n".join(f"  {wanted[one][:160]}" for one in sorted(silent))
        return f"{len(silent)} of {len(wanted)} statements were not said once more:\n{texts}"


def _beside(where: Path) -> Path:
    return where.with_suffix(".json")
