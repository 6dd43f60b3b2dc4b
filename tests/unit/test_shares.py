"""What a body keeps of what was collected, and that nothing is lost between it and the budget."""

from datetime import date

import pytest
from pydantic import ValidationError

from app.seed.catalogue import read_seed
from payments.catalogue.rules.natures import FeeNature
from payments.catalogue.rules.shares import KEPT_BY_NATURE
from payments.catalogue.upkeep.entries import FeeEntry, ShareEntry


def test_only_of_a_charge_is_the_share_unknown() -> None:
    assert set(FeeNature) - set(KEPT_BY_NATURE) == {FeeNature.CHARGE}


@pytest.mark.parametrize("percent", [-1, 101, 0.5, "70"])
def test_a_share_is_a_whole_percentage(percent: object) -> None:
    told = {
        "code": "phi",
        "basis": "x",
        "source": "x",
        "certainty": "confirmed",
        "checked_on": date(2026, 1, 1),
        "valid_from": date(2026, 1, 1),
    }
    with pytest.raises(ValidationError):
        ShareEntry.model_validate(told | {"kept_percent": percent})


def test_every_charge_of_a_circular_that_was_read_has_its_shares_and_nothing_else_has() -> None:
    """A circular names two shares; consular charges of bodies that keep a part are divided."""
    seed = read_seed()
    charges = {
        one.code: one.basis.partition(",")[0]
        for one in seed.national
        if isinstance(one, FeeEntry) and one.nature == FeeNature.CHARGE
    }
    assert not [one for one in seed.national if isinstance(one, ShareEntry)]
    consular = "TT 157/2016/TT-BTC"
    read = {"TT 226/2016/TT-BTC", "TT 281/2016/TT-BTC", "TT 61/2023/TT-BTC", consular}
    for schedule, circulars in (("nop-toan-bo", read), ("khoan-chi-phi", read - {consular})):
        shares = [one for one in seed.local[schedule] if isinstance(one, ShareEntry)]
        assert len(shares) == len(seed.local[schedule])
        assert {one.code for one in shares} == {
            code for code, circular in charges.items() if circular in circulars
        }
        assert all(one.basis.startswith(charges[one.code]) for one in shares)
        assert (schedule == "nop-toan-bo") == ({one.kept_percent for one in shares} == {0})
