"""Whether a history can be true of a service that loses nothing and does nothing twice.

`python -m tests.histories.judge FILE` names each fault. What is judged, by the calls alone:

- every call is answered within `ANSWER_SECONDS`: definitely, or as *unknown*;
- whatever happens, nobody is told that something unexpected went wrong on our side: what passes is
  503;
- what is unknown is resolved within `RESOLVE_SECONDS`: a repeat of the same deed gets a definite
  answer, an attempt is seen with an outcome, money that was taken is seen on its bill, with the
  receipt once the bill is reached;
- one deed has one answer, byte for byte, and what was told of bills and receipts stays so;
- the last look at everything has each đồng that was taken once, on its bill or in suspense, and no
  đồng else; each paid bill has one receipt, and their numbers are 1..N.

Kinds of calls: `create` a bill, `start` an attempt, `charge` (a payer pays at the gateway),
`credit` (a bank tells of money), `read_bill`, `read_payment`; at the end `final_bills` and
`final_waiting`.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.histories.record import Call, read_history

ANSWER_SECONDS: Final = 10.0
#: What the way there and back and a busy machine may add.
ALLOWANCE_SECONDS: Final = 1.0
RESOLVE_SECONDS: Final = 300.0
_UNDECIDED: Final = frozenset({"created", "unknown"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that cannot be: its kind (see `judge`), and what shows it."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody was shown of a bill or a payment, and when."""

    at: float
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Money:
    """Money that a gateway or a bank took: whose bill it names (None: nobody's), its number at the
    bank (empty where a gateway keeps it to itself), and when we were told."""

    bill: str | None
    amount: int
    ref: str
    at: float


def judge(calls: Sequence[Call]) -> list[Fault]:
    """Every fault, of these kinds: `slow`, `refused`, `failed`, `unresolved`, `changed`, `lost`,
    `double`, `wrong_bill`, `number`, `sum`, `unfinished`."""
    bills, payments = _sights(calls)
    return [
        *_slow(calls),
        *_refused(calls),
        *_failed(calls),
        *_unresolved_deeds(calls),
        *_unresolved_attempts(payments),
        *_unresolved_money(calls, bills),
        *_changed_answers(calls),
        *_changed_sights(bills),
        *_last_look(calls),
    ]


def _slow(calls: Iterable[Call]) -> Iterator[Fault]:
    for call in calls:
        took = None if call.ended is None else call.ended - call.began
        if took is None or took > ANSWER_SECONDS + ALLOWANCE_SECONDS:
            told = "never" if took is None else f"after {took:.1f} s"
            yield Fault("slow", f"call {call.number} ({call.kind} {call.deed}) ended {told}")


def _refused(calls: Iterable[Call]) -> Iterator[Fault]:
    """Nobody here asks for what cannot be: a bill that was told of is known, and can be paid."""
    for call in calls:
        if call.definite and not call.succeeded:
            told = f"{call.status} {call.body[:120]}"
            yield Fault("refused", f"call {call.number} ({call.kind} {call.deed}): {told}")


def _failed(calls: Iterable[Call]) -> Iterator[Fault]:
    """A service that expects trouble says 503, and when to come again."""
    for call in calls:
        if call.status is not None and call.status >= 500 and call.status != 503:
            told = f"{call.status} {call.body[:120]}"
            yield Fault("failed", f"call {call.number} ({call.kind} {call.deed}): {told}")


def _unresolved_deeds(calls: Iterable[Call]) -> Iterator[Fault]:
    """A deed that was once unknown is known in time: later, by the same deed again."""
    repeats: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind in ("create", "start", "charge", "credit"):
            repeats[call.deed].append(call)
    for deed, of_it in repeats.items():
        since = next((one.began for one in of_it if not one.definite), None)
        if since is None:
            continue
        known = [one.ended for one in of_it if one.definite and one.ended is not None]
        if not known:
            yield Fault("unresolved", f"{deed}: nobody was ever told what became of it")
        elif min(known) - since > RESOLVE_SECONDS:
            yield Fault("unresolved", f"{deed}: known after {min(known) - since:.0f} s")


def _unresolved_attempts(payments: dict[str, list[Sight]]) -> Iterator[Fault]:
    """An attempt that was shown as undecided is shown as decided in time."""
    for payment, sights in payments.items():
        since: float | None = None
        for sight in sights:
            if sight.document["status"] in _UNDECIDED:
                since = sight.at if since is None else since
            elif since is not None and sight.at - since > RESOLVE_SECONDS:
                took = sight.at - since
                yield Fault("unresolved", f"{payment} was undecided for {took:.0f} s")
                since = None
            else:
                since = None
        if since is not None:
            yield Fault("unresolved", f"{payment} is undecided to the end")


def _unresolved_money(calls: Sequence[Call], bills: dict[str, list[Sight]]) -> Iterator[Fault]:
    """Where enough was taken for a bill, it is seen paid, with a receipt, in time."""
    for bill, taken in _by_bill(_taken(calls)).items():
        sights = bills.get(bill, [])
        if not sights:
            continue  # lost: the last look says so
        owed, so_far = sights[0].document["amount"], 0
        for money in sorted(taken, key=lambda one: one.at):
            so_far += money.amount
            if so_far < owed:
                continue
            shown = [one.at for one in sights if _is_settled(one.document)]
            if not shown:
                yield Fault("unresolved", f"{bill}: {so_far} of {owed} taken, never seen paid")
            elif min(shown) - money.at > RESOLVE_SECONDS:
                yield Fault("unresolved", f"{bill}: paid after {min(shown) - money.at:.0f} s")
            break


def _is_settled(bill: dict[str, Any]) -> bool:
    return bill["status"] == "paid" and bool(bill["receipts"])


def _changed_answers(calls: Iterable[Call]) -> Iterator[Fault]:
    """The same deed, done again, has the same answer."""
    answers: dict[str, set[tuple[int | None, str]]] = defaultdict(set)
    for call in calls:
        if call.kind in ("create", "start", "credit") and call.definite:
            answers[call.deed].add((call.status, call.body))
    for deed, given in answers.items():
        if len(given) > 1:
            shown = " | ".join(sorted(f"{status} {body[:120]}" for status, body in given))
            yield Fault("changed", f"{deed} was answered in {len(given)} ways: {shown}")


def _changed_sights(bills: dict[str, list[Sight]]) -> Iterator[Fault]:
    """Reference and amount stay, a paid bill stays paid, a receipt keeps number and code."""
    for bill, sights in bills.items():
        first = sights[0].document
        receipts: dict[str, tuple[Any, Any]] = {}
        paid = False
        for sight in sights:
            now = sight.document
            if (now["reference"], now["amount"]) != (first["reference"], first["amount"]):
                yield Fault("changed", f"{bill}: another reference or amount")
            if paid and now["status"] != "paid":
                yield Fault("changed", f"{bill} was paid, and then {now['status']}")
            paid = paid or now["status"] == "paid"
            for receipt in now["receipts"]:
                told = (receipt["number"], receipt["code"])
                if receipts.setdefault(receipt["id"], told) != told:
                    yield Fault("changed", f"receipt {receipt['id']}: another number or code")


def _last_look(calls: Sequence[Call]) -> Iterator[Fault]:
    """The state at the end, against all that was ever told."""
    pages = {kind: _final(calls, kind) for kind in ("final_bills", "final_waiting")}
    if any(found is None for found in pages.values()):
        yield Fault("unfinished", "there is no whole last look at bills and waiting money")
        return
    bills = {bill["id"]: bill for bill in pages["final_bills"] or []}
    waiting = pages["final_waiting"] or []
    told = {
        call.document["id"]: call.deed for call in calls if call.kind == "create" and call.succeeded
    }
    for bill in told.keys() - bills.keys():
        yield Fault("lost", f"bill {bill} ({told[bill]}) was answered and is gone")
    for bill in bills.keys() - told.keys():
        yield Fault("double", f"bill {bill} is nobody's")
    yield from _money(_taken(calls), bills, waiting)
    yield from _receipts(bills.values())


def _money(
    taken: Sequence[Money], bills: dict[str, dict[str, Any]], waiting: Sequence[dict[str, Any]]
) -> Iterator[Fault]:
    """Each đồng once, where it belongs: an amount too many here that is missing there is on the
    wrong bill."""
    missing: list[tuple[str, int]] = []
    surplus: list[tuple[str, int]] = []
    by_bill = _by_bill(taken)
    for bill in bills.keys() | by_bill.keys():
        sent = Counter(money.amount for money in by_bill.get(bill, []))
        payments = bills.get(bill, {"payments": []})["payments"]
        here = Counter(one["credited"] for one in payments if one["credited"] is not None)
        missing += [(bill, amount) for amount in (sent - here).elements()]
        surplus += [(bill, amount) for amount in (here - sent).elements()]
        for one in payments:
            places = sum(
                one[place] for place in ("allocated", "in_suspense", "refundable", "reversed")
            )
            if one["credited"] is not None and one["credited"] != places:
                yield Fault("sum", f"{one['id']}: {one['credited']} came, {places} is somewhere")
    nameless = Counter((money.ref, money.amount) for money in taken if money.bill is None)
    found = Counter((one["gateway_ref"], one["amount"]) for one in waiting if one["bill"] is None)
    missing += [(f"nobody's {ref}", amount) for ref, amount in (nameless - found).elements()]
    surplus += [(f"nobody's {ref}", amount) for ref, amount in (found - nameless).elements()]
    for where, amount in missing:
        other = next((one for one in surplus if one[1] == amount), None)
        if other is None:
            yield Fault("lost", f"{amount} for {where} is nowhere")
        else:
            surplus.remove(other)
            yield Fault("wrong_bill", f"{amount} for {where} is at {other[0]}")
    for where, amount in surplus:
        yield Fault("double", f"{amount} at {where} is more than was taken")


def _receipts(bills: Iterable[dict[str, Any]]) -> Iterator[Fault]:
    series: dict[Any, list[int]] = defaultdict(list)
    for bill in bills:
        receipts = bill["receipts"]
        for receipt in receipts:
            series[receipt["template"], receipt["symbol"]].append(receipt["number"])
        most = 1 if bill["status"] == "paid" else 0
        if len(receipts) > most:
            yield Fault("double", f"{bill['id']} is {bill['status']} with {len(receipts)} receipts")
        elif len(receipts) < most:
            yield Fault("lost", f"{bill['id']} is paid without a receipt")
        allocated = sum(one["allocated"] for one in bill["payments"])
        if allocated != (bill["amount"] if bill["status"] == "paid" else 0):
            yield Fault("sum", f"{bill['id']} is {bill['status']} with {allocated} allocated")
    for name, numbers in series.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield Fault("number", f"series {name} is not 1..{len(numbers)}")


def _taken(calls: Iterable[Call]) -> list[Money]:
    """What gateways and banks took, each once however often it was told; known by its deed.

    A bank's money is real before we have answered: its notice counts from the first time.
    """
    taken: dict[str, Money] = {}
    for call in calls:
        if call.kind == "credit" or (call.kind == "charge" and call.succeeded):
            asked = call.asked
            at = call.began if call.ended is None else call.ended
            money = Money(asked["bill"], asked["amount"], asked.get("ref", ""), at)
            taken.setdefault(call.deed, money)
    return list(taken.values())


def _by_bill(taken: Iterable[Money]) -> dict[str, list[Money]]:
    found: dict[str, list[Money]] = defaultdict(list)
    for money in taken:
        if money.bill is not None:
            found[money.bill].append(money)
    return found


def _sights(calls: Iterable[Call]) -> tuple[dict[str, list[Sight]], dict[str, list[Sight]]]:
    """All that was shown of each bill and of each payment, in order of the answers.

    What a repeat of a creation shows is as old as the first answer, and no sight of today.
    """
    bills: dict[str, list[Sight]] = defaultdict(list)
    payments: dict[str, list[Sight]] = defaultdict(list)
    done: set[str] = set()
    for call in sorted(calls, key=lambda one: one.ended or 0.0):
        if call.ended is None or call.status not in (200, 201):
            continue
        if call.kind in ("create", "start"):
            if call.deed in done:
                continue
            done.add(call.deed)
        document = call.document
        shown = document["items"] if call.kind == "final_bills" else [document]
        if call.kind in ("create", "read_bill", "final_bills"):
            for bill in shown:
                bills[bill["id"]].append(Sight(call.ended, bill))
                for payment in bill["payments"]:
                    payments[payment["id"]].append(Sight(call.ended, payment))
        elif call.kind in ("start", "read_payment"):
            payments[document["id"]].append(Sight(call.ended, document))
    return bills, payments


def _final(calls: Iterable[Call], kind: str) -> list[dict[str, Any]] | None:
    """The items of all pages of the last look, None where it is not whole."""
    items: list[dict[str, Any]] = []
    whole = False
    for call in calls:
        if call.kind != kind or not call.succeeded:
            continue
        if call.asked["cursor"] is None:
            items, whole = [], False
        items += call.document["items"]
        whole = call.document["next_cursor"] is None
    return items if whole else None


def figures(calls: Sequence[Call]) -> dict[str, Any]:
    """What a person wants to know of a history: counts, and the longest waits in seconds."""
    kinds = Counter(call.kind for call in calls)
    took = sorted(call.ended - call.began for call in calls if call.ended is not None)
    unknown = [call for call in calls if not call.definite]
    first: dict[str, float] = {}
    longest = 0.0
    for call in calls:
        if not call.definite:
            first.setdefault(call.deed, call.began)
        elif call.deed in first and call.ended is not None:
            longest = max(longest, call.ended - first.pop(call.deed))
    return {
        "calls": len(calls),
        "kinds": dict(sorted(kinds.items())),
        "unknown": len(unknown),
        "statuses": dict(sorted(Counter(str(call.status) for call in calls).items())),
        "median_s": round(took[len(took) // 2], 3) if took else None,
        "slowest_s": round(took[-1], 1) if took else None,
        "longest_unknown_s": round(longest, 1),
        "taken": len(_taken(calls)),
    }


def main(path: Path) -> int:
    """Print figures and faults of a file; 1 where there are faults."""
    with path.open(encoding="utf-8") as lines:
        calls = read_history(lines)
    faults = judge(calls)
    sys.stdout.write(f"{figures(calls)}\n")
    sys.stdout.writelines(f"{fault.kind}: {fault.what}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
