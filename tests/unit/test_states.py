"""The tables of moves: nothing is cut off, nothing moves that may not, and the page tells them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import build
from payments.agencies.checks import KINDS
from payments.states import BILL, LIVE, MACHINES, PAYMENT, IllegalMove, Machine, Move, mermaid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"


def unreachable(machine: Machine) -> set[str]:
    """The states that no path from the beginning leads to."""
    reached: set[str | None] = {None}
    while True:
        further = {move.after for move in machine.moves if move.before in reached} - reached
        if not further:
            return {state for state in machine.states if state not in reached}
        reached |= further


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_can_be_reached(machine: Machine) -> None:
    assert unreachable(machine) == set()


def test_a_state_that_is_cut_off_is_seen() -> None:
    island = Machine("bill", (*BILL.moves, Move("lost", "found", "bill.found", "never")))
    assert unreachable(island) == {"lost", "found"}


def test_only_settled_states_are_final() -> None:
    assert set(BILL.final) == {"exempt", "cancelled"}
    # Failed and expired are not among them: the gateway may know better later.
    assert set(PAYMENT.final) == {"succeeded"}


def test_a_live_attempt_has_a_way_out() -> None:
    for state in LIVE:
        ends = {move.after for move in PAYMENT.moves if move.before == state}
        assert {"succeeded", "failed", "held"} <= ends
    assert set(PAYMENT.states) > LIVE


@pytest.mark.parametrize("state", sorted(LIVE | {"failed", "expired"}))
def test_money_that_came_is_never_refused_by_the_table(state: str) -> None:
    assert PAYMENT.allows(state, "succeeded")
    assert PAYMENT.allows(state, "held")


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_pair_that_is_not_in_the_table_is_refused(machine: Machine) -> None:
    known = {(move.before, move.after) for move in machine.moves}
    assert len(known) == len(machine.moves)
    for before in (None, *machine.states, "no such state"):
        for after in (*machine.states, "no such state"):
            if (before, after) in known:
                assert machine.move(before, after).after == after
                assert machine.allows(before, after)
            else:
                assert not machine.allows(before, after)
                with pytest.raises(IllegalMove) as refused:
                    machine.move(before, after)
                assert machine.name in refused.value.detail
                assert after in refused.value.detail


@pytest.mark.parametrize(
    ("machine", "before", "after"),
    [
        (PAYMENT, "succeeded", "failed"),
        (PAYMENT, "succeeded", "expired"),
        (PAYMENT, "held", "failed"),
        (BILL, "paid", "expired"),
        (BILL, "paid", "cancelled"),
        (BILL, "exempt", "paid"),
    ],
)
def test_money_taken_is_never_untaken(machine: Machine, before: str, after: str) -> None:
    with pytest.raises(IllegalMove):
        machine.move(before, after)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_move_names_the_event_of_where_it_leads(machine: Machine) -> None:
    told: dict[str, set[str]] = {}
    for move in machine.moves:
        assert move.event.startswith(f"{machine.name}.")
        assert move.when
        told.setdefault(move.after, set()).add(move.event)
    several = {state: events for state, events in told.items() if len(events) != 1}
    # A bill is created open once, and open again where its money was none.
    reopened = {"open": {"bill.opened", "bill.reopened"}} if machine is BILL else {}
    assert several == reopened


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_move_is_allowed_as_its_own_event_alone(machine: Machine) -> None:
    events = {move.event for move in machine.moves}
    for move in machine.moves:
        told = {event for event in events if machine.allows(move.before, move.after, event)}
        assert told == {move.event}
    assert not machine.allows(None, machine.moves[0].after, "")


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_drawing_has_every_move_and_every_end(machine: Machine) -> None:
    lines = mermaid(machine).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == 1 + len(machine.moves) + len(machine.final)
    assert len(set(lines)) == len(lines)
    # In Mermaid's grammar either one ends a label, and the whole diagram is then an error.
    assert [move.when for move in machine.moves if {":", ";"} & set(move.when)] == []


def test_the_page_about_states_is_what_the_command_draws() -> None:
    drawn = CliRunner().invoke(build("states"), ["states"])
    assert drawn.exit_code == 0
    heading, introduction, diagrams = PAGE.read_text(encoding="utf-8").split("\n\n", 2)
    assert heading.startswith("# ")
    assert introduction
    assert diagrams.strip() == drawn.stdout.strip(), (
        f"{PAGE.name} is out of date: keep its heading and first sentence, and put the output of"
        " `lephi states` after them"
    )


def test_no_two_machines_tell_of_one_event() -> None:
    """An entry of the log tells by its event alone whose move it is."""
    events = [event for one in MACHINES for event in {move.event for move in one.moves}]
    assert sorted(set(events)) == sorted(events)


def test_no_two_kinds_of_set_up_tell_of_one_deed() -> None:
    deeds = [deed for kind in KINDS for deed in kind.actions]
    assert sorted(set(deeds)) == sorted(deeds)
