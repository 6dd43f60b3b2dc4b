"""Single reliefs: conditions that must hold together."""

from datetime import date

import pytest
from pydantic import ValidationError

from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.reliefs import Ground
from payments.catalogue.upkeep.entries import ReliefEntry

TODAY = date(2026, 11, 22)
CHILD = date(2020, 1, 1)


def entry(**changes: object) -> ReliefEntry:
    """A relief of half, from one fee."""
    usual: dict[str, object] = {
        "code": "giam-thu",
        "name_vi": "Giảm thử",
        "name_en": "Trial relief",
        "fees": ["phi-thu"],
        "percent": 50,
        "basis": "TT 1/2026/TT-BTC",
        "source": "made up",
        "certainty": "confirmed",
        "checked_on": TODAY,
        "valid_from": date(2026, 1, 1),
    }
    return ReliefEntry.model_validate(usual | changes)


@pytest.mark.parametrize("ground", list(Ground))
@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize("born_on", [CHILD, date(1990, 1, 1), None])
def test_an_age_proves_a_child_or_an_elderly_person_and_nothing_else(
    ground: Ground, claimed: bool, born_on: date | None
) -> None:
    relief = entry(ground=ground, age_below=16).value(None)
    claims = frozenset({str(ground)}) if claimed else frozenset[str]()
    facts = Circumstances(TODAY, claims=claims, born_on=born_on)
    proven = claimed or ground in (Ground.CHILD, Ground.ELDERLY)
    assert relief.applies(facts) == (proven and born_on == CHILD)


@pytest.mark.parametrize("ground", list(Ground))
def test_a_relief_is_not_called_like_a_ground(ground: Ground) -> None:
    with pytest.raises(ValidationError, match="code"):
        entry(code=str(ground), ground="poor_household")
