"""What a test may ask of the machine: programs beyond Python, and being root.

Missing parts skip the test with the reason. On a machine that calls itself CI they fail it, so
that a check never goes missing without anybody noticing.
"""

import os
from typing import NoReturn

import pytest

from scripts.system_packages import program_of, why_not_install


def needs(package: str) -> str:
    """The path of a package's program, or the end of this test; the list has the names."""
    found = program_of(package)
    if found is None:
        skip(f"{package} is not installed ({why_not_install() or 'make test installs it'})")
    return found


def needs_root() -> None:
    """End this test unless it runs as root; what it checks exists for root alone."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


def skip(reason: str) -> NoReturn:
    """Skip this test, or fail it where CI=true."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"would be skipped: {reason}", pytrace=False)
    pytest.skip(reason)
