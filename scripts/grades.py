"""Draws each adapter's graded sheet into docs/gateway-grades.md: `make grades`."""

from pathlib import Path

from tests.support.grading import drawn

PAGE = Path(__file__).parent.parent / "docs" / "gateway-grades.md"
HEAD = """# What each adapter is held to

Each rule is *done*, with the test that asks for it, or *exempt*, with the reason. `make grades`
draws this page from `tests/support/grading.py`: the contract suites, the journeys of money over
every gateway, and each adapter's own tests. `tests/contracts/test_grades.py` sees that every test
is there, runs over the adapter, and that no check is left out.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(f"{HEAD}\n{drawn()}\n", "utf-8")


if __name__ == "__main__":
    main()
