"""The page of facts is what the adapters say, and says it of each of them."""

import pytest

from adapters.registry import ADAPTERS
from app.gateway_sheets import drawn
from scripts.grades import FACTS, FACTS_HEAD


def test_the_page_of_facts_is_what_the_command_draws() -> None:
    assert FACTS.read_text("utf-8") == f"{FACTS_HEAD}\n{drawn()}\n"


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_has_its_sheet_with_facts_and_how_sure_they_are(name: str) -> None:
    (sheet,) = [part for part in drawn().split("\n## ") if f"(`{name}`)" in part.split("\n")[0]]
    for row in ("create", "callback", "query", "refund", "settlement file", "secrets"):
        assert f"| {row} | " in sheet
    assert any(mark in sheet for mark in ("[C]", "[M]", "[assumption]", "Facts:"))
    assert not [line for line in sheet.splitlines() if line.endswith("| |") and line != "| | |"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_only_what_proves_a_notice_is_called_so(name: str) -> None:
    """What a body is written in proves nothing, though it is kept."""
    info = ADAPTERS[name].info
    assert "content-type" not in info.verifying_headers
    assert info.kept_headers == ("content-type", *info.verifying_headers)


def test_a_page_that_was_changed_by_hand_is_noticed() -> None:
    assert drawn().replace("[M]", "[C]") != drawn()
