"""The short form of `make attack`: a few seconds, and others are served meanwhile."""

from dataclasses import replace

import pytest

from bench import attack
from bench.attacks import ATTACKS
from bench.small_disk import MountRefused, may_mount

SERVED = (
    "half-open connections",
    "forms of 999 parts",
    "a hanging gateway",
    "statements of 60,000 rows",
)
FULL = "a full disk"


@pytest.mark.timeout(300)  # two services are started, which a busy machine does slowly
def test_others_are_served_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One test for all: most of the time is the start of a service and of its database."""
    mountable = may_mount()
    names = (*SERVED, FULL) if mountable else SERVED
    wanted = [replace(one, small_disk=mountable) for one in ATTACKS if one.name in names]
    monkeypatch.setattr(attack, "SHORT_SECONDS", 1.0)
    monkeypatch.setattr(attack, "ATTACKS", wanted)
    findings = {one.attack: one for one in attack.run([], short=True)}
    assert set(findings) == set(names)
    least = min(findings[name].memory_before.own for name in SERVED)
    for name in SERVED:
        found = findings[name]
        assert {status for status, _ in found.during.answers} == {200, 201}, name
        # One service for all: what an attack before has taken counts as well.
        assert found.memory_during.own - least < 200, name
    if not mountable:
        pytest.skip("all but a full disk held: nothing may be mounted here")
    before, during = findings[FULL].before, findings[FULL].during
    statuses = {status for status, _ in during.answers}
    assert 503 in statuses
    assert {status for status, _ in before.answers} == {200, 201}
    assert statuses <= {200, 201, 503}


def test_a_disk_that_cannot_be_mounted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not may_mount()
    with pytest.raises(MountRefused, match="no mount"):
        list(attack.run([FULL], short=True))
