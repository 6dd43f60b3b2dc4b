"""Signing in leads to staff pages of this host and nowhere else."""

import pytest

from app.web.staff.places import HOME, PLACES, safe_place


@pytest.mark.parametrize(
    "place", ["/staff", "/staff/sessions", "/staff/days?on=2026-11-29&x=a%20b"]
)
def test_a_staff_page_is_gone_on_to(place: str) -> None:
    assert safe_place(place) == place


@pytest.mark.parametrize(
    "place",
    [
        "",
        "//evil.example/staff",
        "https://evil.example/staff",
        "/staff//evil.example",
        "/\\evil.example",
        "/staff\\@evil.example",
        "/staff/../b/LP1",
        "/staff/./x",
        "/staffx",
        "/b/LP1",
        "javascript:alert(1)",
        "/staff\r\nSet-Cookie: a=b",
        "/staff/x\n",
        "/staff/sign-in?next=/staff",
        "/staff/second-factor",
        "/staff/%2e%2e/x",
        "/staff?next=//evil.example#x",
    ],
)
def test_everywhere_else_is_the_first_page(place: str) -> None:
    assert safe_place(place) == HOME


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("/staff", ["/staff"]),
        ("/staff/takings", ["/staff"]),
        ("/staff/cash", ["/staff/cash"]),
        ("/staff/days/a/2026-11-30", ["/staff/days"]),
        ("/staff/stalls/stall_1", ["/staff/markets"]),
        ("/staff/payments/pay_1", ["/staff/find"]),
        ("/staff/settings/users", ["/staff/settings"]),
        ("/staff/sessions", []),
        ("/staff/daysx", []),
        ("/staff/stallsx", []),
    ],
)
def test_a_page_stands_in_one_place_of_the_list_at_most(page: str, expected: list[str]) -> None:
    assert [one.path for one in PLACES if one.holds(page)] == expected
