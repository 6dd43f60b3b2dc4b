"""Whole đồng, and nothing but whole đồng. Pure.

An amount is an `int` between 1 and `MAX_AMOUNT`. There are no floats and no fractions: the đồng
has had no subunit in use since long before any gateway existed. A gateway that counts in
hundredths of a đồng does so inside its adapter, through `to_scale` and `from_scale`.
"""

from typing import Annotated

from pydantic import Field

from core.errors import FieldError, Invalid

#: Ten trillion đồng: far above any fee, far below what int64 or a JSON number in a browser holds.
MAX_AMOUNT = 10**13

#: An amount in a schema: a JSON integer, 1 to MAX_AMOUNT; "1000", 1000.0 and true are refused.
Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]


def check_amount(value: object, field: str = "amount") -> int:
    """Return `value` if it is an amount in whole đồng, 1 to MAX_AMOUNT.

    Raises `Invalid` naming `field` for anything else: bool, float, text, zero, negative, too big.
    """
    if type(value) is not int:
        raise _invalid(field, "not_an_integer", "An amount is a whole number of đồng.")
    if value < 1:
        raise _invalid(field, "not_positive", "An amount is at least 1 đồng.")
    if value > MAX_AMOUNT:
        raise _invalid(field, "too_big", f"An amount is at most {format_vnd(MAX_AMOUNT)}.")
    return value


def format_vnd(amount: int) -> str:
    """The amount as Vietnamese readers write it: 1000000 gives "1.000.000 đ"."""
    return f"{amount:,} đ".replace(",", ".")


def to_scale(amount: int, scale: int) -> int:
    """Whole đồng as a gateway counts them: 5000 at scale 100 is 500000. Exact.

    Raises `Invalid` if `amount` is not an amount, ValueError if `scale` is not positive.
    """
    return check_amount(amount) * _check_scale(scale)


def from_scale(value: int, scale: int) -> int:
    """A gateway's number as whole đồng: 500000 at scale 100 is 5000. Exact.

    Raises `Invalid` for a remainder (a gateway that reports half a đồng has slipped) and for
    anything that is not an amount, ValueError if `scale` is not positive.
    """
    _check_scale(scale)
    if type(value) is not int:
        raise _invalid("amount", "not_an_integer", "An amount is a whole number.")
    amount, remainder = divmod(value, scale)
    if remainder:
        raise _invalid("amount", "not_whole", f"{value} is no whole number of đồng at ×{scale}.")
    return check_amount(amount)


def _check_scale(scale: int) -> int:
    if type(scale) is not int or scale < 1:
        raise ValueError("a scale is a positive whole number")
    return scale


def _invalid(field: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, code="invalid_amount", errors=[FieldError(field, code, detail)])
