"""The page's code is written as the rest is, and the page has every section that it promises."""

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT
from tests.support.extend_page import FILES, PIECES, TEXT, section

PYTHON = sorted(path for path in FILES if path.endswith(".py"))
SECTIONS = ("A gateway", "A feed", "A statement format", "An event handler", "A role", "A page")


def ruff(path: str, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", path, "-"]
    return subprocess.run(
        command, input=text, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("path", PYTHON)
def test_a_whole_file_keeps_the_rules_of_style(path: str) -> None:
    assert not (ROOT / path).exists(), "the page makes up what there is"
    checked = ruff(path, FILES[path], "check", "--no-cache")
    assert checked.returncode == 0, checked.stdout
    assert ruff(path, FILES[path], "format", "--no-cache").stdout == FILES[path]


def test_a_file_that_does_not_is_noticed() -> None:
    assert ruff("core/bad.py", "import os\n", "check", "--no-cache").returncode == 1
    assert ruff("core/bad.py", "x=1\n", "format", "--no-cache").stdout == "x = 1\n"


def test_every_section_has_steps_and_says_who_complains() -> None:
    for title in SECTIONS:
        text = section(title)
        assert "| Left out" in text, title
        assert "`test_" in text, title
        assert any(path in text for path in [*FILES, *(path for path, *_ in PIECES)]), title
    # The last one tells how it went to follow the first.
    assert TEXT.count("\n## ") == len(SECTIONS) + 1
