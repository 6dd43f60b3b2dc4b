"""A request for a bill walks downhill: each room of `payments` is entered once, as far as sensible.

What is watched is a real request, priced by the seed's schedule: every function of `payments` that
is entered, in order. To enter a room again that was left by a call is a *return*. A bill with one
line shows each step once; what a loop over lines repeats says nothing about the way.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from payments.agencies.queries import AgencyValue
from payments.bills.request import bill_request
from payments.bills.schemas import BillIn
from payments.catalogue.rules import granting
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fees import PricedLine
from payments.catalogue.rules.reliefs import GrantedRelief, ReliefValue, best
from tests.support.seeded_fees import seeded_schedule

ROOMS = Path(__file__).parents[2] / "payments"
SCHEDULE = seeded_schedule()
AGENCY = AgencyValue(
    id="agency_1",
    code="ubnd-a",
    name="Ủy ban nhân dân A",
    name_en="People's Committee A",
    parent_id=None,
    tax_code="0100000000",
    address="Hà Nội",
    phone="024",
    return_origins=(),
    account=None,
)

PLAIN: dict[str, object] = {"lines": [{"fee": "2.000815", "quantity": 3}]}
#: All that may happen to a line: a claim, and a relief that a citizen has once a year.
RELIEVED: dict[str, object] = {
    "channel": "online",
    "relief": "identity_level_2",
    "payer": {"identity_number": "001099123456"},
    "lines": [{"fee": "truoc-ba-to-khai-nhan-chuyen-nhuong", "value": 3_333_333_333}],
}


def request_for(body: dict[str, object]) -> Callable[[], object]:
    """The making of a bill request of this body."""
    model = BillIn.model_validate({"agency": "ubnd-a"} | body)
    return lambda: bill_request(SCHEDULE, AGENCY, model, citizen_key=b"k" * 32)


def rooms_entered(work: Callable[[], object]) -> list[str]:
    """The modules of `payments` in the order in which their functions are entered."""
    rooms: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # A comprehension is no room's door: it runs where it stands.
        if event == "call" and not code.co_name.startswith("<"):
            path = Path(code.co_filename)
            if path.is_relative_to(ROOMS):
                room = path.relative_to(ROOMS).with_suffix("").as_posix()
                if rooms[-1:] != [room]:
                    rooms.append(room)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return rooms


def returns(rooms: list[str]) -> int:
    """How often a room is entered that was left before."""
    return len(rooms) - len(set(rooms))


#: Each kind of bill, and how often its request may come back to a room.
BOUNDS = [(PLAIN, 1), (RELIEVED, 5)]


@pytest.mark.parametrize(("body", "most"), BOUNDS)
def test_a_request_walks_downhill(body: dict[str, object], most: int) -> None:
    rooms = rooms_entered(request_for(body))
    assert len(set(rooms)) >= 12, "the walk was not seen"
    assert returns(rooms) <= most, rooms


def test_the_rooms_are_entered_in_their_order() -> None:
    rooms = dict.fromkeys(rooms_entered(request_for(RELIEVED)))
    stages = ["request", "line_requests", "pricing", "resolution", "fees", "granting", "lines"]
    assert [name for room in rooms if (name := room.rpartition("/")[2]) in stages] == stages


@pytest.mark.parametrize(("body", "most"), BOUNDS)
def test_a_detour_is_noticed(
    body: dict[str, object], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_the_schedule_again(
        offered: tuple[ReliefValue, ...], line: PricedLine, facts: Circumstances
    ) -> GrantedRelief | None:
        SCHEDULE.reliefs_of("chung-thuc-ban-sao", facts.on)
        return best(offered, line, facts)

    monkeypatch.setattr(granting, "best", ask_the_schedule_again)
    assert returns(rooms_entered(request_for(body))) > most
