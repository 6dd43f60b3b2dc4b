"""Which moves a bill and a payment may make, as data, each with the event it tells.

Pure. `lephi states` draws these tables, a test compares them with the page in `docs/`, and
`move` raises for anything that is not here. Late truth has its own moves: a payment that we took
for failed or expired may turn out to be paid; one that succeeded never becomes anything else.
"""

from dataclasses import dataclass

from core.errors import Conflict


class IllegalMove(Conflict):
    """The thing is in a state from which this cannot be done: read it again, then decide."""

    code = "illegal_move"


@dataclass(frozen=True, slots=True)
class Move:
    """One edge of a machine: from, to, the event told, and when it happens."""

    before: str | None
    after: str
    event: str
    when: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A named table of moves."""

    name: str
    moves: tuple[Move, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in order of first mention."""
        named = [s for m in self.moves for s in (m.before, m.after) if s is not None]
        return tuple(dict.fromkeys(named))

    @property
    def final(self) -> tuple[str, ...]:
        """States that nothing leaves."""
        left = {m.before for m in self.moves}
        return tuple(s for s in self.states if s not in left)

    def move(self, before: str | None, after: str) -> Move:
        """The move from `before` to `after`. Raises `IllegalMove` if the table has none."""
        for known in self.moves:
            if known.before == before and known.after == after:
                return known
        raise IllegalMove(f"{self.name}: {before or 'nothing'} → {after} is not an allowed move.")

    def allows(self, before: str | None, after: str, event: str | None = None) -> bool:
        """Whether the table has the move; where it was told of, whether as this event."""
        moves = [m.event for m in self.moves if m.before == before and m.after == after]
        return event in moves if event is not None else bool(moves)


BILL = Machine(
    "bill",
    (
        Move(None, "open", "bill.opened", "a fee is owed"),
        Move(None, "exempt", "bill.exempt", "nothing to pay, so no payment and no number"),
        Move("open", "paid", "bill.paid", "allocations reach the amount"),
        Move("open", "cancelled", "bill.cancelled", "withdrawn before any money came"),
        Move("open", "expired", "bill.expired", "its time is over and no gateway says otherwise"),
        Move("expired", "paid", "bill.paid", "late money that is exact, or completes it"),
        Move("paid", "open", "bill.reopened", "its money was none, or the bank took it back"),
        Move("expired", "cancelled", "bill.cancelled", "withdrawn, so late money waits for people"),
    ),
)

PAYMENT = Machine(
    "payment",
    (
        Move(None, "created", "payment.created", "the intent is written before the gateway's call"),
        Move(None, "succeeded", "payment.succeeded", "a credit arrived by itself"),
        Move("created", "submitted", "payment.submitted", "the gateway took the attempt"),
        Move("created", "unknown", "payment.unknown", "no clear answer, or we stopped in between"),
        Move("created", "failed", "payment.failed", "declined, or certainly not sent"),
        Move("created", "succeeded", "payment.succeeded", "the callback came before the answer"),
        Move("created", "held", "payment.held", "an early callback that needs a person"),
        Move("submitted", "succeeded", "payment.succeeded", "the gateway says paid"),
        Move("submitted", "failed", "payment.failed", "the gateway says declined"),
        Move("submitted", "held", "payment.held", "money came that needs a person"),
        Move(
            "submitted",
            "expired",
            "payment.expired",
            "unpaid at its deadline or left, gateway asked",
        ),
        Move("unknown", "submitted", "payment.submitted", "the gateway does know the attempt"),
        Move("unknown", "succeeded", "payment.succeeded", "the gateway says paid"),
        Move("unknown", "failed", "payment.failed", "the gateway says declined"),
        Move("unknown", "held", "payment.held", "money came that needs a person"),
        Move("unknown", "expired", "payment.expired", "past the deadline, no order or left"),
        Move("held", "succeeded", "payment.succeeded", "two people have decided about its money"),
        Move("failed", "succeeded", "payment.succeeded", "late truth, paid after a failure"),
        Move("failed", "held", "payment.held", "late truth that needs a person"),
        Move("expired", "succeeded", "payment.succeeded", "late truth, paid after the deadline"),
        Move("expired", "held", "payment.held", "late truth that needs a person"),
    ),
)

REFUND = Machine(
    "refund",
    (
        Move(None, "requested", "refund.requested", "one person asks for it"),
        Move(
            "requested", "approved", "refund.approved", "another person approves, money set aside"
        ),
        Move("requested", "rejected", "refund.rejected", "another person refuses, or it is undone"),
        Move(
            "approved",
            "unknown",
            "refund.unknown",
            "the transfer is ordered or the gateway called, nothing seen yet",
        ),
        Move("unknown", "approved", "refund.approved", "the gateway was certainly not reached"),
        Move(
            "approved",
            "submitted",
            "refund.submitted",
            "the payer's bank disputes it, and the gateway holds it back",
        ),
        Move("unknown", "submitted", "refund.submitted", "the gateway took it and is at it"),
        Move("approved", "succeeded", "refund.succeeded", "its debit is on the statement"),
        Move(
            "unknown",
            "succeeded",
            "refund.succeeded",
            "its debit is on the statement, or the gateway paid it",
        ),
        Move("submitted", "succeeded", "refund.succeeded", "the gateway paid it"),
        Move("approved", "failed", "refund.failed", "two people say that it was never paid"),
        Move(
            "unknown",
            "failed",
            "refund.failed",
            "two people say that it was never paid, or the gateway refused it",
        ),
        Move("submitted", "failed", "refund.failed", "the gateway refused it after all"),
        Move("succeeded", "failed", "refund.failed", "the gateway took its word back"),
        Move("succeeded", "unknown", "refund.unknown", "the statement of its debit was withdrawn"),
    ),
)

DISPUTE = Machine(
    "dispute",
    (
        Move(None, "inquiry", "dispute.inquiry", "the payer's bank asks, no money has moved"),
        Move(None, "open", "dispute.open", "the gateway holds the money back"),
        Move(None, "won", "dispute.won", "told of only when it was decided"),
        Move(None, "lost", "dispute.lost", "told of only when it was decided"),
        Move("inquiry", "open", "dispute.open", "the gateway holds the money back"),
        Move("inquiry", "won", "dispute.won", "the bank has let it be"),
        Move("inquiry", "lost", "dispute.lost", "decided for the payer"),
        Move("open", "won", "dispute.won", "decided for the body, which has its money again"),
        Move("open", "lost", "dispute.lost", "decided for the payer, who has the money"),
    ),
)

MACHINES = (BILL, PAYMENT, REFUND, DISPUTE)

#: Attempts whose outcome is still open: the status inquiry asks the gateway about them.
LIVE = frozenset({"created", "submitted", "unknown"})


def mermaid(machine: Machine) -> str:
    """The machine as a Mermaid state diagram; its labels must hold neither colon nor semicolon."""
    moves = (f"    {m.before or '[*]'} --> {m.after}: {m.when}" for m in machine.moves)
    ends = (f"    {state} --> [*]" for state in machine.final)
    return "\n".join(["stateDiagram-v2", *moves, *ends])
