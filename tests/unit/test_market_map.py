"""A market's map: what is drawn, how heavy it is, and that no text of it is markup."""

import itertools

from lxml import etree

from app.web.staff.market_map import MapTile, draw_map
from app.web.staff.market_words import STANDINGS
from payments.billing.reports.states import STANDING_STATES, StandingState

SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 60_000
HOSTILE = "\"><script>alert('x')</script>\u202e&"


def tile(
    number: int,
    state: StandingState = "overdue",
    *,
    lane: str = "A",
    place: tuple[int, int] | None = None,
) -> MapTile:
    """A stall with the longest words that are usual."""
    said = f"A-{number:03}: {STANDINGS[state]}, 12.345.678 đ"
    return MapTile(f"A-{number:03}", f"/staff/stalls/stall_{number:032x}", said, state, lane, place)


def tree(drawn: str) -> etree._Element:
    return etree.fromstring(drawn.encode())


def test_three_hundred_stalls_weigh_less_than_sixty_kilobytes() -> None:
    tiles = [tile(n, STANDING_STATES[n % 6], lane=f"Day {n // 50}") for n in range(300)]
    placed = [tile(n, place=(n % 25, n // 25)) for n in range(300)]
    for listed in (tiles, placed):
        drawn = draw_map("Sơ đồ Chợ Bến Mẫu", listed, STANDINGS)
        assert len(tree(drawn).findall(f".//{SVG}a")) == 300
        assert len(drawn.encode()) < MOST_BYTES


def test_each_stall_is_a_link_that_is_told_in_words_and_marked_without_colour() -> None:
    drawn = tree(draw_map("Sơ đồ", [tile(7, state) for state in STANDING_STATES], STANDINGS))
    links = drawn.findall(f".//{SVG}a")
    assert [one.find(f"{SVG}title").text for one in links] == [  # type: ignore[union-attr]
        f"A-007: {STANDINGS[state]}, 12.345.678 đ" for state in STANDING_STATES
    ]
    signs = {one.find(f"{SVG}use").get("href") for one in links}  # type: ignore[union-attr]
    assert len(signs) == len(STANDING_STATES)
    shapes = [etree.tostring(one)[40:] for one in drawn.findall(f"{SVG}defs/{SVG}g")]
    # Each has a sign of its own, so that nobody has to tell them apart by their colours.
    drawings = {shape.partition(b"<ns0:rect")[2] or shape for shape in shapes}
    assert len(drawings) == len(STANDING_STATES)
    legend = [one.text for one in drawn.findall(f"{SVG}g[@font-size='14']/{SVG}text")]
    assert legend == list(STANDINGS.values())


def test_stalls_stand_in_their_places_or_lane_by_lane() -> None:
    tiles = [
        *(tile(1, place=(7, 3)), tile(2, place=(8, 3)), tile(3, place=(8, 3))),
        *(tile(4, lane="B"), tile(5, place=(9_999, 3))),
    ]
    drawn = tree(draw_map("Sơ đồ", tiles, STANDINGS))
    rows = [
        [text.text for text in group.findall(f"{SVG}a/{SVG}text")]
        for group in drawn.findall(f"{SVG}g[@transform]")
    ]
    # Two in one place are told apart, and one that is far off makes no empty paper.
    assert rows == [["A-001", "A-002"], ["A-003", "A-005"], ["A-004"]]


def test_no_text_of_a_map_is_markup() -> None:
    hostile = MapTile(HOSTILE, f"/staff/stalls/{HOSTILE}", HOSTILE, "paid", HOSTILE, None)
    drawn = draw_map(HOSTILE, [hostile], dict.fromkeys(STANDING_STATES, HOSTILE))
    found = tree(drawn)
    assert {etree.QName(one).localname for one in found.iter()} == {
        *("svg", "title", "defs", "g", "rect", "path", "circle", "use", "text", "a")
    }
    assert "\u202e" not in drawn
    (link,) = found.findall(f".//{SVG}a")
    assert link.get("href") == f"/staff/stalls/{HOSTILE}".replace("\u202e", "")


def test_a_market_without_stalls_has_an_empty_map() -> None:
    assert tree(draw_map("Sơ đồ", [], STANDINGS)).findall(f".//{SVG}a") == []


def test_empty_ground_between_stalls_is_an_aisle_whatever_the_grid_counts() -> None:
    """A grid in metres has few stalls on many steps: what stands beside another is seen to."""
    metres = [tile(n, place=(3 * (n % 10), 4 * (n // 10))) for n in range(40)]
    drawn = tree(draw_map("Sơ đồ", metres, STANDINGS))
    assert int(drawn.get("width", "0")) < 1_000
    close = tree(draw_map("Sơ đồ", [tile(n, place=(n, 0)) for n in range(10)], STANDINGS))
    beside = [float(one.get("x", "")) for one in close.iterfind(f".//{SVG}a/{SVG}use")]
    apart = [float(one.get("x", "")) for one in drawn.iterfind(f".//{SVG}a/{SVG}use")][:10]
    # Side by side they touch; with ground between them an aisle shows, the same everywhere.
    steps = {second - first for first, second in itertools.pairwise(apart)}
    (touching,) = {second - first for first, second in itertools.pairwise(beside)}
    assert len(steps) == 1
    assert touching < steps.pop() < 2 * touching
