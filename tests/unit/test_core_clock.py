from datetime import UTC, date, datetime, timedelta, timezone
from threading import Thread

import pytest

from core import clock

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_now_is_aware_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_now_moves_when_nothing_is_frozen() -> None:
    readings = {clock.now() for _ in range(10_000)}
    assert len(readings) > 1


def test_a_frozen_clock_stands_still_moves_on_demand_and_is_put_back() -> None:
    with clock.frozen(NOON) as stopped:
        assert clock.now() == clock.now() == NOON
        stopped.advance(timedelta(hours=-1))
        assert clock.now() == NOON - timedelta(hours=1)
        with clock.frozen(NOON + timedelta(days=1)):
            assert clock.now() == NOON + timedelta(days=1)
        assert clock.now() == NOON - timedelta(hours=1)
        stopped.move_to(NOON)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_a_frozen_clock_is_put_back_after_an_error() -> None:
    with pytest.raises(RuntimeError), clock.frozen(NOON):
        raise RuntimeError
    assert clock.now() != NOON


def test_a_frozen_clock_is_seen_in_other_threads() -> None:
    seen: list[datetime] = []
    with clock.frozen(NOON):
        thread = Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen == [NOON]


def test_a_frozen_clock_gives_utc_whatever_zone_it_was_set_in() -> None:
    with clock.frozen(datetime(2026, 11, 22, 19, 0, tzinfo=clock.VIETNAM)):
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC


def test_the_business_day_begins_at_seventeen_utc() -> None:
    assert clock.business_date(datetime(2026, 11, 22, 16, 59, 59, 999999, UTC)) == date(
        2026, 11, 22
    )
    assert clock.business_date(datetime(2026, 11, 22, 17, 0, 0, 0, UTC)) == date(2026, 11, 23)


def test_the_business_year_begins_at_seventeen_utc_of_the_last_day() -> None:
    assert clock.business_date(datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)).year == 2026
    assert clock.business_date(datetime(2026, 12, 31, 17, 0, tzinfo=UTC)).year == 2027


def test_the_business_day_does_not_depend_on_the_zone_a_time_is_written_in() -> None:
    pacific = timezone(timedelta(hours=-8))
    assert clock.business_date(NOON) == clock.business_date(NOON.astimezone(pacific))


def test_a_naive_time_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="without a zone"):
        clock.business_date(naive)
    with pytest.raises(ValueError, match="without a zone"), clock.frozen(naive):
        pass


def test_a_business_day_lasts_from_seventeen_to_seventeen_utc() -> None:
    begin, end = clock.day_bounds(date(2026, 11, 22), date(2026, 11, 23))
    assert begin == datetime(2026, 11, 21, 17, tzinfo=UTC)
    assert end == datetime(2026, 11, 23, 17, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    days = [clock.business_date(at) for at in (begin - tick, begin, end - tick, end)]
    assert days == [date(2026, 11, day) for day in (21, 22, 23, 24)]
