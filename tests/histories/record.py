"""A history: what was asked, what was answered, and when; lines are added and never changed.

Each call is two lines of JSON, its invocation and its answer, each written out before anybody goes
on. A call without an answer is one that nobody answered. Times are seconds on a clock that cannot
be set.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TextIO

#: Refusals that say nothing about what was asked for: somebody else, or another time.
_PASSING: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `deed` is what all its repeats have in common, `asked` what it was about.

    `status` None is a call that broke off, `ended` None one that never ended.
    """

    number: int
    kind: str
    deed: str
    asked: dict[str, Any]
    began: float
    ended: float | None = None
    status: int | None = None
    body: str = ""

    @property
    def succeeded(self) -> bool:
        """It was done, and we were told. A gateway's page sends its payer on."""
        return self.status is not None and 200 <= self.status < 400

    @property
    def definite(self) -> bool:
        """Whether its caller knows what became of it; otherwise it is *unknown*.

        A bank tells again whatever the refusal: only its thanks are definite.
        """
        if self.succeeded or self.kind == "credit":
            return self.succeeded
        if self.status is None or self.status >= 500 or self.status in _PASSING:
            return False
        return not self.document.get("retryable", False)

    @property
    def document(self) -> dict[str, Any]:
        """The answer's JSON; empty where it is none."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


class History:
    """A file that is being written; see the module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0
        self._file: TextIO = path.open("x", encoding="utf-8")

    def invoke(self, kind: str, deed: str, asked: dict[str, Any]) -> int:
        """Note that something is about to be asked; the number of the call."""
        self.calls += 1
        self._add({"call": self.calls, "kind": kind, "deed": deed, "asked": asked})
        return self.calls

    def answer(self, call: int, status: int | None, body: str = "") -> None:
        """Note what came back; None for a call that broke off."""
        self._add({"answer": call, "status": status, "body": body})

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _add(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps({"at": time.monotonic(), **line}, ensure_ascii=False) + "\n")
        self._file.flush()


def read_history(lines: Iterable[str]) -> list[Call]:
    """The calls, in the order in which they were invoked.

    Raises ValueError where a call is answered twice, or an answer has no call.
    """
    calls: dict[int, Call] = {}
    for line in lines:
        said = json.loads(line)
        if "call" in said:
            number = int(said["call"])
            calls[number] = Call(number, said["kind"], said["deed"], said["asked"], said["at"])
            continue
        asked = calls.get(int(said["answer"]))
        if asked is None or asked.ended is not None:
            raise ValueError(f"an answer without its call: {line[:200]}")
        answered = replace(asked, ended=said["at"], status=said["status"], body=said["body"])
        calls[asked.number] = answered
    return list(calls.values())
