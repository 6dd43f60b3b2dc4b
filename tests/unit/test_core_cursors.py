"""Pages go on where they ended, and a cursor of somebody else's making is refused."""

import base64
import json
from datetime import UTC, datetime

import pytest

from core.cursors import page_of, read_cursor, write_cursor
from core.errors import Invalid
from core.ids import new_id

AT = datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_cursor_leads_back_to_its_place() -> None:
    bill = new_id("bill")
    assert read_cursor(write_cursor(AT, bill), "bill") == (AT, bill)


def _written(place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "đây",
        _written([]),
        _written({}),
        _written(7),
        _written([AT.isoformat(), 7]),
        _written([7, new_id("bill")]),
        _written([AT.isoformat(), new_id("pay")]),
        _written([AT.replace(tzinfo=None).isoformat(), new_id("bill")]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda _: "",  # the same in every worker: some hold an id made up just now
)
def test_a_cursor_we_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(cursor, "bill")
    assert [(error.field, error.code) for error in refused.value.errors] == [("cursor", "invalid")]


@pytest.mark.parametrize(
    ("found", "items", "next_cursor"),
    [("", "", None), ("a", "a", None), ("ab", "ab", None), ("abc", "ab", "b")],
)
def test_a_page_has_a_cursor_where_something_follows(
    found: str, items: str, next_cursor: str | None
) -> None:
    page = page_of(found, 2, str)
    assert (page.items, page.next_cursor) == (tuple(items), next_cursor)
