"""How an amount may be written where somebody asks for a refund: as people do, and no other way."""

import pytest

from app.web.staff.refunding import _FIELDS, _given
from core.errors import Invalid


@pytest.mark.parametrize("written", ["20000", "20.000", "20 000", "20.000đ", " 20.000 đ "])
def test_points_and_blanks_stand_between_thousands(written: str) -> None:
    assert _given(dict.fromkeys(_FIELDS, "") | {"amount": written})["amount"] == 20_000


@pytest.mark.parametrize("written", ["20.5", "2.00", "20.00.0", "1.0000", ".", "20,000", "-5", ""])
def test_what_may_mean_another_sum_is_refused(written: str) -> None:
    with pytest.raises(Invalid):
        _given(dict.fromkeys(_FIELDS, "") | {"amount": written})
