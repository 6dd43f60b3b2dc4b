import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from itertools import pairwise
from threading import Barrier, BrokenBarrierError
from uuid import RFC_4122, UUID

import pytest

from core import clock, ids
from core.errors import Invalid
from core.ids import is_id, new_id, prefix_of

MADE = "bill_019abcdef01274568abc0123456789ab"


def uuid_of(text: str) -> UUID:
    return UUID(text.rpartition("_")[2])


def test_an_identifier_is_a_prefix_and_a_version_7_uuid() -> None:
    made = new_id("bill")
    assert made.startswith("bill_")
    assert len(made) == len("bill_") + 32
    assert made == made.lower()
    assert uuid_of(made).version == 7
    assert uuid_of(made).variant == RFC_4122


def test_an_identifier_begins_with_the_millisecond_it_was_made_in() -> None:
    before = clock.unix_milliseconds()
    made = ids._Generator().next()
    assert before <= made >> 80 <= clock.unix_milliseconds()


def test_identifiers_increase_and_never_repeat() -> None:
    made = [new_id("pay") for _ in range(20_000)]
    assert made == sorted(set(made))


def drawn_by_two_threads(generator: ids._Generator, pause: Callable[[], object]) -> list[int]:
    """One value for each of two threads, with `pause` between reading the last and writing it."""

    def step(_: int) -> int:
        pause()
        return 0

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(clock, "unix_milliseconds", lambda: 5_000)
        patch.setattr(secrets, "randbits", lambda _: 0)
        generator.next()
        patch.setattr(secrets, "randbits", step)
        return list(pool.map(lambda _: generator.next(), range(2)))


def test_identifiers_made_in_two_threads_at_once_never_repeat() -> None:
    meeting = Barrier(2)

    def wait_in_vain() -> None:
        with suppress(BrokenBarrierError):
            meeting.wait(0.05)

    first, second = drawn_by_two_threads(ids._Generator(), wait_in_vain)
    assert first != second
    assert meeting.broken


def test_without_its_lock_two_threads_would_make_the_same_identifier() -> None:
    generator = ids._Generator()
    generator._lock = nullcontext()  # type: ignore[assignment]  # the fault under test
    first, second = drawn_by_two_threads(generator, Barrier(2).wait)
    assert first == second


def test_identifiers_increase_when_the_clock_stands_still_or_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = iter([5_000, 5_000, 1_000, 4_999, 5_001])
    monkeypatch.setattr(clock, "unix_milliseconds", lambda: next(readings))
    generator = ids._Generator()
    made = [generator.next() for _ in range(5)]
    assert made == sorted(set(made))
    assert [one >> 80 for one in made] == [5_000, 5_000, 5_000, 5_000, 5_001]


def test_an_exhausted_millisecond_borrows_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "unix_milliseconds", lambda: 5_000)
    generator = ids._Generator()
    first = generator.next()
    generator._tail = (1 << 74) - 1
    second = generator.next()
    assert second > first
    assert second >> 80 == 5_001
    assert UUID(int=second).version == 7
    assert UUID(int=second).variant == RFC_4122


def test_neighbours_in_one_millisecond_cannot_be_counted_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "unix_milliseconds", lambda: 5_000)
    generator = ids._Generator()
    made = [generator.next() for _ in range(100)]
    steps = {later - earlier for earlier, later in pairwise(made)}
    assert len(steps) == 99


def test_a_frozen_clock_does_not_stop_identifiers() -> None:
    with clock.frozen(datetime(2020, 1, 1, tzinfo=UTC)):
        first, second = new_id("bill"), new_id("bill")
    assert first < second
    assert uuid_of(first).int >> 80 > datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize("prefix", ["bill", "api_key", "a2", "webhook_endpoint"])
def test_the_prefix_can_be_read_back(prefix: str) -> None:
    made = new_id(prefix)
    assert prefix_of(made) == prefix
    assert is_id(made, prefix)
    assert not is_id(made, "other")


@pytest.mark.parametrize("prefix", ["", "Bill", "bill_", "_bill", "2bill", "bill-x", "a b", "á"])
def test_a_prefix_that_could_be_misread_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_id(prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bill",
        "bill_",
        "bill_" + "0" * 32,
        "bill_019abc",
        MADE.upper(),
        MADE + "\n",
        MADE + "0",
        " " + MADE,
        MADE.replace("_", "-"),
        MADE.replace("7", "4"),
        MADE[5:],
    ],
)
def test_anything_else_is_no_identifier(text: str) -> None:
    assert is_id(MADE, "bill")
    assert not is_id(text, "bill")
    with pytest.raises(Invalid) as caught:
        prefix_of(text)
    assert caught.value.code == "invalid_id"
