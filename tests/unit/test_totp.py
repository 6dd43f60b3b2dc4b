"""One-time codes: the vectors of RFC 6238, the clock's drift, and that each opens once."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from payments.agencies.access.totp import address, code_at, find_step, readable, step_of

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 29, 5, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, SHA-1; six digits are the last six of eight."""
    step = step_of(datetime.fromtimestamp(seconds, UTC))
    assert code_at(SECRET, step, digits=8) == code
    assert code_at(SECRET, step) == code[2:]


@pytest.mark.parametrize(("off", "taken"), [(-61, False), (-30, True), (0, True), (30, True)])
def test_a_clock_may_be_half_a_minute_off(off: int, taken: bool) -> None:
    typed = code_at(SECRET, step_of(NOW + timedelta(seconds=off)))
    assert (find_step(SECRET, typed, NOW, 0) is not None) is taken


def test_a_code_opens_once_and_no_earlier_one_after_it() -> None:
    step = step_of(NOW)
    code = code_at(SECRET, step)
    assert find_step(SECRET, code, NOW, 0) == step
    assert find_step(SECRET, code, NOW, step) is None
    assert find_step(SECRET, code_at(SECRET, step - 1), NOW, step) is None


@pytest.mark.parametrize("typed", ["", "123", "12345678", "x" * 6, "\u0661" * 6, "1" * 1000])
def test_anything_else_is_no_code(typed: str) -> None:
    assert find_step(SECRET, typed, NOW, 0) is None


def test_a_code_may_be_typed_with_blanks() -> None:
    code = code_at(SECRET, step_of(NOW))
    assert find_step(SECRET, f" {code[:3]} {code[3:]} ", NOW, 0) is not None


def test_an_app_reads_account_issuer_and_secret() -> None:
    parts = urlsplit(address(SECRET, "an@example.vn", "Lệ Phí"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    said = parse_qs(parts.query)
    assert base64.b32decode(said["secret"][0]) == SECRET
    assert said["issuer"] == ["Lệ Phí"]
    assert base64.b32decode(readable(SECRET)) == SECRET
