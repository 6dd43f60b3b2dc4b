"""The short form of `make attack`: a few seconds, and others are served meanwhile."""

import pytest

from bench import attack


@pytest.mark.parametrize("name", ["half-open", "999 parts"])
def test_others_are_served_while_it_lasts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack, "SHORT_SECONDS", 1.0)
    (found,) = attack.run([name], short=True)
    assert {status for status, _ in found.during.answers} == {200, 201}
    assert found.memory_during - found.memory_before < 200
