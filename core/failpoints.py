"""Places where a test can kill, break or stall the service, by name.

`LEPHI_FAILPOINTS="callback.after_raw=kill:3,pdf.before_store=sleep=0.5"`: an action, and with
`:N` only at the N-th time the place is reached. Refused in production mode (core.settings). With
nothing configured, a place costs one look at an empty dictionary.
"""

import os
import re
import signal
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from core.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Failpoint:
    """A place in the code, and what has and has not happened when it is reached."""

    name: str
    where: str


#: Every failpoint there is. The crash tests run over this list.
FAILPOINTS = (
    Failpoint("bill.before_write", "bill priced and sealed, nothing written"),
    Failpoint("bill.after_commit", "bill committed, not answered"),
    Failpoint("checkout.after_intent", "attempt committed, gateway not called"),
    Failpoint("checkout.after_call", "gateway has answered, outcome not written"),
    Failpoint("checkout.before_outcome_commit", "outcome written, not committed"),
    Failpoint("callback.after_raw", "raw callback committed, not applied"),
    Failpoint("callback.before_apply_commit", "callback applied, not committed"),
    Failpoint("callback.after_apply", "callback applied and committed, not acknowledged"),
    Failpoint("receipt.after_number", "number taken, content not written"),
    Failpoint("receipt.before_commit", "receipt and delivered mark written, not committed"),
    Failpoint("receipt.after_commit", "receipt committed, nothing further done"),
    Failpoint("pdf.before_store", "PDF drawn, not stored"),
    Failpoint("statement.while_read", "some rows of a large statement read, nothing written"),
    Failpoint("statement.before_commit", "a large statement's rows written, not committed"),
    Failpoint("statement.after_commit", "a large statement taken, whoever asked not told"),
    Failpoint("approval.before_commit", "what was approved is done, not committed"),
    Failpoint("payout.after_postings", "a payout is posted, its batches are not written"),
    Failpoint("superseding.after_taken", "a newer statement written, the one before still stands"),
    Failpoint("superseding.after_ended", "a settlement's old version ended, the newer not written"),
    Failpoint("run.before_commit", "a run of a day written, not committed"),
    Failpoint("run.after_commit", "a run of a day committed, whoever asked not told"),
    Failpoint("nightly.after_claim", "a night claimed, its day not yet reconciled"),
    Failpoint("nightly.before_commit", "a night's run written and noted, not committed"),
    Failpoint("closing.before_write", "a day seen to agree, nothing of its closing written"),
    Failpoint("closing.before_commit", "a day closed and its minutes written, not committed"),
    Failpoint("closing.after_commit", "a day closed, its minutes not drawn"),
    Failpoint("billing.before_commit", "a batch of a billing run written, not committed"),
    Failpoint("billing.after_batch", "a batch of a billing run committed, the others not begun"),
    Failpoint("stalls.before_commit", "a batch of a file of stalls written, not committed"),
    Failpoint("debts.before_commit", "a batch of a list of debts written, not committed"),
    Failpoint("gateway_receipt.after_call", "a gateway's receipt fetched, not kept"),
    Failpoint("refund.after_intent", "a refund's call committed, its gateway not called"),
    Failpoint("refund.after_call", "a gateway has answered about a refund, nothing written"),
    Failpoint("refund.before_outcome_commit", "a refund's outcome written, not committed"),
    Failpoint("outbox.after_claim", "deliveries leased, handlers not run"),
    Failpoint("webhook.after_send", "messages sent to a receiver, not marked"),
    Failpoint("invoice.after_call", "a provider has answered about an invoice, nothing written"),
    Failpoint("message.after_renewal", "new tokens of a channel answered, not kept"),
    Failpoint("message.after_send", "a message sent to a payer, not marked"),
)

NAMES = frozenset(point.name for point in FAILPOINTS)

_ENTRY = re.compile(
    r"(?P<name>[^=,\s]+)=(?:(?P<action>kill|raise)|sleep=(?P<seconds>\d+(?:\.\d+)?))"
    r"(?::(?P<at>[1-9]\d*))?"
)


class FailpointReached(RuntimeError):
    """Raised at a failpoint whose action is `raise`; not an expected failure of ours."""


@dataclass(slots=True)
class _ArmedFailpoint:
    action: Literal["kill", "raise", "sleep"]
    seconds: float = 0.0
    #: the time at which it acts; None for every time
    at: int | None = None
    reached: int = 0
    lock: Lock = field(default_factory=Lock)

    def is_due(self) -> bool:
        with self.lock:
            self.reached += 1
            return self.at is None or self.reached == self.at


_armed: dict[str, _ArmedFailpoint] = {}
_text = ""


def hit(name: str) -> None:
    """Mark a place. Does nothing unless it is armed.

    `kill` sends SIGKILL to this process, `raise` raises `FailpointReached`, `sleep` blocks the
    thread, event loop and all: it imitates a process that stalls. Once anything is armed, an
    unknown name raises ValueError, so that a misspelt place fails every crash test.
    """
    if not _armed:
        return
    if name not in NAMES:
        raise ValueError(f"there is no failpoint {name!r}")
    armed = _armed.get(name)
    if armed is None or not armed.is_due():
        return
    match armed.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointReached(name)
        case "sleep":
            time.sleep(armed.seconds)


def configure(text: str) -> None:
    """Arm the failpoints that `text` names, and no others; counts begin anew.

    Raises `Invalid` naming every faulty entry, and then changes nothing.
    """
    global _text
    armed = _parse(text)
    _armed.clear()
    _armed.update(armed)
    _text = text


def armed_text() -> str:
    """What `configure` was told last, to arm a process of ours in the same way."""
    return _text


def check(text: str) -> None:
    """Raises `Invalid` as `configure` would, arming nothing."""
    _parse(text)


def clear() -> None:
    """Disarm every failpoint."""
    configure("")


def _parse(text: str) -> dict[str, _ArmedFailpoint]:
    armed: dict[str, _ArmedFailpoint] = {}
    faults = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            detail = f"{entry!r} is not NAME=kill, NAME=raise or NAME=sleep=SECONDS, then :N"
            faults.append(FieldError("failpoints", "syntax", detail))
            continue
        name = match["name"]
        if name not in NAMES:
            faults.append(FieldError("failpoints", "unknown", f"there is no failpoint {name!r}"))
        elif name in armed:
            faults.append(FieldError("failpoints", "duplicate", f"{name!r} is named twice"))
        else:
            at = int(match["at"]) if match["at"] else None
            armed[name] = _armed_by(match["action"], match["seconds"], at)
    if faults:
        detail = "; ".join(fault.detail for fault in faults)
        raise Invalid(detail, code="invalid_failpoints", errors=faults)
    return armed


def _armed_by(action: str | None, seconds: str | None, at: int | None) -> _ArmedFailpoint:
    if seconds is not None:
        return _ArmedFailpoint("sleep", seconds=float(seconds), at=at)
    return _ArmedFailpoint("kill" if action == "kill" else "raise", at=at)
