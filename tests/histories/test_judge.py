"""The judge acquits a sound history, and finds every fault that is planted into it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.histories.judge import RESOLVE_SECONDS, figures, judge, main
from tests.histories.record import Call, History, read_history

FEE = 6000


def a_payment(number: str, bill: str, **changes: Any) -> dict[str, Any]:
    places = {"allocated": FEE, "in_suspense": 0, "refundable": 0, "reversed": 0}
    return {"id": number, "bill": bill, "status": "succeeded", "credited": FEE, **places, **changes}


def a_bill(bill: str, status: str = "open", **changes: Any) -> dict[str, Any]:
    known = {"id": bill, "reference": f"LP{bill}", "status": status, "amount": FEE}
    return known | {"payments": [], "receipts": []} | changes


def a_receipt(number: int) -> dict[str, Any]:
    return {
        "id": f"receipt_{number}",
        "template": "01",
        "symbol": "26E",
        "number": number,
        "code": f"C{number}",
    }


def paid(bill: str, number: int) -> dict[str, Any]:
    payment = a_payment(f"payment_{bill}", bill)
    return a_bill(bill, "paid", payments=[payment], receipts=[a_receipt(number)])


@dataclass
class Told:
    """A history that is being made up: each call begins a second after the one before."""

    calls: list[Call] = field(default_factory=list)
    now: float = 0.0

    def add(
        self,
        kind: str,
        deed: str,
        asked: dict[str, Any],
        answer: object,
        status: int | None = 200,
        took: float = 0.1,
    ) -> None:
        self.now += 1
        body = json.dumps(answer)
        ended = self.now + took
        self.calls.append(
            Call(len(self.calls) + 1, kind, deed, asked, self.now, ended, status, body)
        )

    def create(self, bill: str, status: int | None = 201, **changes: Any) -> None:
        self.add("create", f"create-{bill}", {}, a_bill(bill, **changes), status)

    def credit(self, bill: str | None, ref: str, status: int | None = 200) -> None:
        asked = {"bill": bill, "amount": FEE, "ref": ref}
        self.add("credit", f"credit-{ref}", asked, {"success": True}, status)

    def look(self, bills: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> None:
        for kind, items in (("final_bills", bills), ("final_waiting", waiting)):
            self.add(kind, kind, {"cursor": None}, {"items": items, "next_cursor": None})


WAITS = {"bill": None, "gateway_ref": "FT-stray", "amount": FEE}


def told() -> Told:
    """Bills a (by transfer, told twice), b (at a gateway, undecided for a while), c (not paid)."""
    story = Told()
    for bill in "abc":
        story.create(bill, status=None)
        story.create(bill)
    story.credit("a", "FT1", status=503)
    story.credit("a", "FT1")
    story.credit("a", "FT1")
    undecided = a_payment("payment_b", "b", status="unknown", credited=None)
    story.add("start", "start-b", {}, undecided, 201)
    story.add("charge", "charge-b", {"bill": "b", "amount": FEE}, "", 303)
    story.credit(None, "FT-stray")
    return story


def ended(story: Told, bills: list[dict[str, Any]] | None = None, **more: Any) -> list[Call]:
    bills = [paid("a", 1), paid("b", 2), a_bill("c")] if bills is None else bills
    story.look(bills, more.get("waiting", [WAITS]))
    return story.calls


def kinds(calls: list[Call]) -> set[str]:
    return {fault.kind for fault in judge(calls)}


def test_a_sound_history_has_no_fault() -> None:
    calls = ended(told())
    assert judge(calls) == []
    assert figures(calls)["unknown"] == 4
    assert figures(calls)["taken"] == 3


def test_a_lost_credit_is_found() -> None:
    assert kinds(ended(told(), waiting=[])) == {"lost"}
    open_again = a_bill("a")
    faults = judge(ended(told(), [open_again, paid("b", 1), a_bill("c")]))
    assert {fault.kind for fault in faults} == {"lost", "unresolved"}
    assert [f.what for f in faults if f.kind == "lost"] == [f"{FEE} for a is nowhere"]


def test_a_double_receipt_is_found() -> None:
    twice = paid("a", 1) | {"receipts": [a_receipt(1), a_receipt(3)]}
    assert kinds(ended(told(), [twice, paid("b", 2), a_bill("c")])) == {"double"}
    same_number = paid("b", 1)
    assert kinds(ended(told(), [paid("a", 1), same_number, a_bill("c")])) == {"number"}


def test_a_changed_answer_of_an_idempotent_call_is_found() -> None:
    story = told()
    story.add("create", "create-c", {}, a_bill("c", metadata={"seen": 2}), 201)
    assert kinds(ended(story)) == {"changed"}
    story = told()
    story.add("start", "start-b", {}, {"code": "bill_not_open"}, 409)
    assert kinds(ended(story)) == {"changed", "refused"}


def test_an_unknown_that_never_resolves_is_found() -> None:
    story = told()
    story.add("create", "create-d", {}, {"code": "database_unavailable"}, 503)
    assert kinds(ended(story)) == {"unresolved"}
    undecided = paid("b", 2)["payments"][0] | {"status": "unknown", "credited": None}
    pending = a_bill("b", payments=[undecided])
    story = told()
    story.calls = [call for call in story.calls if call.kind != "charge"]
    assert kinds(ended(story, [paid("a", 1), pending, a_bill("c")])) >= {"unresolved"}


def test_an_unknown_that_resolves_too_late_is_found() -> None:
    story = told()
    story.now += RESOLVE_SECONDS
    faults = judge(ended(story))
    assert {fault.kind for fault in faults} == {"unresolved"}
    assert len(faults) == 3  # the attempt, its money, and the transfer: all seen too late
    story = Told()
    story.create("c", status=None)
    story.now += RESOLVE_SECONDS
    story.create("c")
    assert kinds(ended(story, [a_bill("c")], waiting=[])) == {"unresolved"}


def test_money_credited_to_the_wrong_bill_is_found() -> None:
    faults = judge(ended(told(), [a_bill("a"), paid("b", 2), paid("c", 1)]))
    assert f"{FEE} for a is at c" in {f.what for f in faults if f.kind == "wrong_bill"}
    assert "lost" not in {fault.kind for fault in faults}


@pytest.mark.parametrize(
    ("kind", "bills"),
    [
        ("lost", [paid("a", 1), paid("b", 2)]),
        ("double", [paid("a", 1), paid("b", 2), a_bill("c"), a_bill("d")]),
        ("double", [paid("a", 1), paid("b", 2), paid("c", 3)]),
        ("lost", [paid("a", 1), paid("b", 2) | {"receipts": []}, a_bill("c")]),
        ("number", [paid("a", 1), paid("b", 3), a_bill("c")]),
        (
            "sum",
            [
                paid("a", 1) | {"payments": [a_payment("payment_a", "a", allocated=1)]},
                paid("b", 2),
                a_bill("c"),
            ],
        ),
        ("changed", [paid("a", 1), paid("b", 2), a_bill("c", amount=7000)]),
    ],
    ids=["bill gone", "nobody's bill", "money twice", "no receipt", "a gap", "a sum", "an amount"],
)
def test_what_else_cannot_be_is_found(kind: str, bills: list[dict[str, Any]]) -> None:
    assert kind in kinds(ended(told(), bills))


def test_a_slow_answer_and_none_at_all_are_found() -> None:
    story = told()
    story.add("read_bill", "read", {}, a_bill("c"), took=12)
    assert kinds(ended(story)) == {"slow"}
    story = told()
    story.calls.append(Call(99, "read_bill", "read", {}, story.now))
    assert kinds(ended(story)) == {"slow"}


def test_what_nobody_expected_is_found_and_what_passes_is_not() -> None:
    for status, found in ((500, {"failed"}), (502, {"failed"}), (503, set())):
        story = told()
        story.add("create", "create-c", {}, {"code": "unexpected"}, status)
        story.create("c")
        assert kinds(ended(story)) == found


def test_a_bill_that_was_told_of_and_is_not_known_is_found() -> None:
    story = told()
    story.add("read_bill", "read-c", {}, {"code": "not_found", "retryable": False}, 404)
    assert kinds(ended(story)) == {"refused"}


def test_a_receipt_that_changes_its_number_is_found() -> None:
    story = told()
    story.add("read_bill", "read", {}, paid("a", 1))
    renumbered = paid("a", 1)
    renumbered["receipts"][0]["code"] = "another"
    assert kinds(ended(story, [renumbered, paid("b", 2), a_bill("c")])) == {"changed"}
    story = told()
    story.add("read_bill", "read", {}, a_bill("c", "paid"))
    assert kinds(ended(story)) == {"changed"}


def test_a_history_without_a_last_look_is_no_acquittal() -> None:
    assert "unfinished" in kinds(told().calls)


def test_a_history_is_read_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(tmp_path / "history.jsonl")
    first = history.invoke("create", "key-1", {"lines": 1})
    second = history.invoke("read_bill", "bill-1", {"bill": "lệ phí"})
    history.answer(second, 503, '{"retryable":true}')
    history.answer(first, 201, json.dumps(a_bill("bill-1")))
    history.invoke("read_bill", "bill-1", {})
    history.close()
    calls = read_history(history.path.read_text("utf-8").splitlines())
    assert [(c.kind, c.status, c.definite) for c in calls] == [
        ("create", 201, True),
        ("read_bill", 503, False),
        ("read_bill", None, False),
    ]
    assert calls[1].asked == {"bill": "lệ phí"}
    assert main(history.path) == 1
    assert "slow: call 3 (read_bill bill-1) ended never" in capsys.readouterr().out
    with pytest.raises(FileExistsError):
        History(history.path)


def test_an_answer_without_its_call_is_refused() -> None:
    with pytest.raises(ValueError, match="without its call"):
        read_history(['{"at": 1.0, "answer": 1, "status": 200, "body": ""}'])
