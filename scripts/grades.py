"""Draws each adapter's graded sheet and its facts into the two pages in docs/: `make grades`."""

from pathlib import Path

from app import gateway_sheets
from tests.support.grading import drawn

_DOCS = Path(__file__).parent.parent / "docs"
PAGE = _DOCS / "gateway-grades.md"
FACTS = _DOCS / "gateway-facts.md"
FACTS_HEAD = "# Gateways and feeds: what is known of each\n"
HEAD = """# What each adapter is held to

Each rule is *done*, with the test that asks for it, or *exempt*, with the reason. `make grades`
draws this page from `tests/support/grading.py`: the contract suites, the journeys of money over
every gateway, and each adapter's own tests. `tests/contracts/test_grades.py` sees that every test
is there, runs over the adapter, and that no check is left out.
"""


def main() -> None:
    """Write both pages."""
    PAGE.write_text(f"{HEAD}\n{drawn()}\n", "utf-8")
    FACTS.write_text(f"{FACTS_HEAD}\n{gateway_sheets.drawn()}\n", "utf-8")


if __name__ == "__main__":
    main()
