"""How often matching is right: labelled lines, what was matched by itself, what was suggested.

A generator that knows the truth makes a day with what real days have (`bench.labelled_day`): bank
credits, gateways' settlement lines, and the credits by which gateways pay over in batches. Nothing
of the truth is given to whoever is measured. Three rules that public engines match by are restated
(`bench.peer_rules`) and get the same lines.

A match made by itself is wrong if the line is not the money of that payment or batch. A suggestion
is counted by what it said of itself (`confidence`). All of it is shuffled a hundred times: the
bytes that come out must be the same, and the run ends there if they are not.

    make bench BENCH=match_accuracy
"""

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rich.progress import track

from bench.labelled_day import ON, Day, Line, Payment, batch_name, generate
from bench.labelled_settlements import WORDS, add_settlements
from bench.peer_rules import RULES
from core.calendar import national
from reconciliation.matching.engine import add_rows, connect, create_relations, match
from reconciliation.matching.suggesting import Candidate, PlainCredit, Suggestion, suggest
from reconciliation.settlements.batch_matching import BankCredit, compare_batches
from reconciliation.settlements.matching import compare_settlement

#: What came one by one, what gateways took, and how many of these a batch holds, about.
PAYMENTS: Final = 24_000
TAKEN: Final = 8_000
BATCH: Final = 60
SHUFFLES: Final = 100
_SURE: Final = 95


@dataclass(slots=True)
class Score:
    """Of one way to match: lines that it placed right and wrong by itself."""

    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is matched by itself (line → payment or batch), what is suggested, and a digest."""

    matched: Mapping[str, frozenset[str]]
    suggested: Mapping[str, list[Suggestion]]
    digest: str


def labelled_day() -> Day:
    """The day that is measured, always the same one."""
    day = generate(PAYMENTS)
    add_settlements(day, TAKEN, BATCH)
    return day


def run() -> dict[str, Any]:
    """Measure, and give the line of var/bench.json. Raises AssertionError over an order."""
    day = labelled_day()
    ours = match_day(day)
    noise = random.Random(1)
    for _ in track(range(SHUFFLES), "match_accuracy: orders", transient=True):
        if match_day(shuffled(day, noise)).digest != ours.digest:
            raise AssertionError("another order gave another result")
    settling = [line_id for line_id in day.truth if line_id not in day.idle]
    by_itself = score(day, ours.matched)
    sure = _sure(day, ours.suggested)
    found = by_itself.right + sum(
        1 for line_id in settling if line_id not in ours.matched and _hits(day, ours, line_id)
    )
    share = 100 * found / len(settling)
    return {
        "name": "match_accuracy",
        "value": round(share, 3),
        "unit": "% found",
        "floor": 100.0,
        "floor_what": (
            f"the truth of {len(day.truth)} labelled lines, {len(settling)} of which are money of"
            " a payment or a batch; found: matched by itself, or named by the first suggestion"
        ),
        "ratio": round(share / 100, 4),
        "peers": {
            name: f"{100 * peer.right / len(settling):.2f} % found, {peer.wrong} wrong"
            for name, peer in ((name, score(day, rule(day))) for name, rule in RULES.items())
        },
        "matched_by_itself": round(100 * by_itself.right / len(settling), 3),
        "wrong_by_itself": by_itself.wrong,
        f"suggestions_of_{_SURE}_or_more": sure.right + sure.wrong,
        "of_them_right_%": round(100 * sure.right / max(1, sure.right + sure.wrong), 2),
        "orders_tried": SHUFFLES,
        "found_by_kind": _by_kind(day, ours),
    }


def shuffled(day: Day, noise: random.Random) -> Day:
    """The same day in another order."""
    other = replace(
        day,
        payments=list(day.payments),
        lines=list(day.lines),
        taken=list(day.taken),
        settled=list(day.settled),
    )
    for some in (other.payments, other.lines, other.taken, other.settled):
        noise.shuffle(some)
    return other


def match_day(day: Day) -> Outcome:
    """Match a day as the product does: settlement lines, batches, then credits with payments."""
    matched: dict[str, frozenset[str]] = {}
    places = compare_settlement(day.taken, day.settled, {ON})
    for place in places:
        if place.kind == "matched" and place.payment_id is not None:
            matched |= {line_id: frozenset({place.payment_id}) for line_id in place.line_ids}
    told = [
        BankCredit(
            x.line_id, f"{x.reference} {x.narrative} {x.bank_ref}", x.amount, _is_gateways(x)
        )
        for x in day.lines
        if x.direction == "credit"
    ]
    batches, _ = compare_batches(day.settled, told)
    for batch in batches:
        if batch.kind == "matched":
            its = frozenset({batch_name(batch.gateway, batch.batch_ref)})
            matched |= dict.fromkeys(batch.credit_ids, its)
    of_batches = {line_id for batch in batches for line_id in batch.credit_ids}
    lines = [line for line in day.lines if line.line_id not in of_batches]
    pairs, odd = _match_credits(day.payments, lines)
    matched |= {line_id: frozenset({payment_id}) for payment_id, line_id, _ in pairs}
    settled = {payment_id for payment_id, _, _ in pairs}
    closed = settled | {row[1] for row in odd if row[0] == "payment" and row[2] == "reversed"}
    suggested = suggest(
        [
            PlainCredit(x.line_id, f"{x.reference} {x.narrative}", x.amount, x.booked_at)
            for x in lines
            if x.direction == "credit" and x.line_id not in matched
        ],
        [
            Candidate(p.payment_id, p.reference, p.amount, p.paid_at)
            for p in day.payments
            if p.payment_id not in closed
        ],
    )
    told_all = repr((places, batches, pairs, odd, sorted(suggested.items())))
    return Outcome(matched, suggested, hashlib.sha256(told_all.encode()).hexdigest())


def _is_gateways(line: Line) -> bool:
    return WORDS in line.narrative


_Rows = list[tuple[Any, ...]]


def _match_credits(payments: Sequence[Payment], lines: Sequence[Line]) -> tuple[_Rows, _Rows]:
    """What `reconciliation.matching` matches (payment, line, rule) and what it calls odd."""
    connection = connect()
    try:
        create_relations(connection)
        paid = ((p.payment_id, p.reference, p.amount, p.paid_at) for p in payments)
        add_rows(connection, "payments", paid)
        booked = (
            (x.line_id, x.booked_at, x.amount, x.direction, x.reference, x.narrative, x.bank_ref)
            for x in lines
        )
        add_rows(connection, "lines", booked)
        match(connection, national())
        pairs = connection.execute(
            "SELECT payment_id, line_id, rule FROM matches ORDER BY payment_id"
        ).fetchall()
        odd = connection.execute(
            "SELECT side, id, class, reference, amount, other_amount, reason FROM discrepancies"
            " ORDER BY side, id, class"
        ).fetchall()
    finally:
        connection.close()
    return pairs, odd


def score(day: Day, placed: Mapping[str, frozenset[str]]) -> Score:
    """How many lines were placed right, and how many wrong; of an idle one all are wrong."""
    found = Score()
    for line_id, objects in placed.items():
        if line_id not in day.idle and objects == day.truth[line_id]:
            found.right += 1
        else:
            found.wrong += 1
    return found


def _hits(day: Day, ours: Outcome, line_id: str) -> bool:
    some = ours.suggested.get(line_id, [])
    return bool(some) and frozenset(some[0].object_ids) == day.truth[line_id]


def _sure(day: Day, suggested: Mapping[str, list[Suggestion]]) -> Score:
    found = Score()
    for line_id, some in suggested.items():
        for one in some:
            if one.confidence >= _SURE:
                if line_id not in day.idle and frozenset(one.object_ids) == day.truth[line_id]:
                    found.right += 1
                else:
                    found.wrong += 1
    return found


def _by_kind(day: Day, ours: Outcome) -> dict[str, str]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line_id, kind in day.kinds.items():
        counts[kind]["lines"] += 1
        counts[kind]["matched"] += line_id in ours.matched
        counts[kind]["suggested"] += line_id not in ours.matched and _hits(day, ours, line_id)
    return {
        kind: f"{count['matched']} + {count['suggested']} of {count['lines']}"
        for kind, count in sorted(counts.items())
    }
