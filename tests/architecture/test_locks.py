"""The locks pin everything by hash and name no place to fetch it from."""

import re
import tomllib

import pytest

from tests.architecture.source import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
INSTALLER = "requirements-uv.lock"
_ADDRESS = re.compile(r"://|index-url|find-links|file:|@ ")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?P<marker> ; [^\\\n]+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def addresses_in(text: str) -> list[str]:
    """Every line that names a place to fetch from."""
    return [line for line in text.splitlines() if _ADDRESS.search(line)]


def malformed_lines(text: str) -> list[str]:
    """Every line that is neither a pin to one version nor a hash of it."""
    return [line for line in text.splitlines() if not (_PIN.match(line) or _HASH.match(line))]


def pins(text: str) -> dict[tuple[str, str], str]:
    """(name, marker) → version."""
    found = (match for line in text.splitlines() if (match := _PIN.match(line)))
    return {(match["name"].lower(), match["marker"] or ""): match["version"] for match in found}


@pytest.mark.parametrize(("lock", "least"), [*((lock, 50) for lock in LOCKS), (INSTALLER, 1)])
def test_a_lock_names_no_address(lock: str, least: int) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert addresses_in(text) == []
    assert malformed_lines(text) == []
    assert len(pins(text)) >= least


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "--find-links /srv/wheels",
        "core @ file:///srv/core.whl",
        "    # from https://packages.example/simple",
        "-e .",
        "package==1.0",
    ],
)
def test_an_address_or_a_loose_line_in_a_lock_is_noticed(line: str) -> None:
    assert addresses_in(line) or malformed_lines(line)


def test_both_locks_agree_on_every_version() -> None:
    runtime, dev = (pins((ROOT / lock).read_text(encoding="utf-8")) for lock in LOCKS)
    assert runtime.items() <= dev.items()


def test_the_locks_hold_everything_the_frame_asks_for() -> None:
    frame = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = frame["dependencies"] + frame["optional-dependencies"]["build"]
    for lock, requirements in zip(
        LOCKS, (asked, asked + frame["optional-dependencies"]["dev"]), strict=True
    ):
        names = {name for name, _ in pins((ROOT / lock).read_text(encoding="utf-8"))}
        wanted = {
            re.split(r"[\[<>=;]", requirement)[0].lower().replace("_", "-")
            for requirement in requirements
        } - {"lephi"}
        assert wanted <= names
