"""The page about design and the style sheet say the same, and what is read can be read."""

import re

import pytest

from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
STYLE = (ROOT / "app" / "web" / "static" / "style.css").read_text(encoding="utf-8")
MACROS = re.compile(r"{% macro (\w+)\(")


def variables(of: str) -> dict[str, str]:
    """The variables of the first block of a style sheet's part."""
    return dict(re.findall(r"(--[\w-]+): ([^;]+);", of[: of.index("}")]))


LIGHT = variables(STYLE[STYLE.index(":root {") :])
DARK = LIGHT | variables(STYLE[STYLE.index("(prefers-color-scheme: dark)") :])


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 has it."""
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def pairs(heading: str) -> list[tuple[str, str]]:
    """What stands on what, by the table with that heading in its first cell."""
    rows = PAGE.split(f"| {heading} | on | for |\n")[1].split("\n\n")[0].splitlines()[1:]
    found = []
    for row in rows:
        over, grounds = (re.findall(r"--[\w-]+", cell) for cell in row.split("|")[1:3])
        found += [(over[0], ground) for ground in grounds]
    return found


def too_faint(scheme: dict[str, str]) -> list[tuple[str, str]]:
    """The pairs of the page that nobody can read, or see."""
    text = [pair for pair in pairs("Text") if contrast(*(scheme[one] for one in pair)) < 4.5]
    line = [pair for pair in pairs("Line") if contrast(*(scheme[one] for one in pair)) < 3]
    white = [("#fff", on) for on in ("--act", "--act-over") if contrast("#fff", scheme[on]) < 4.5]
    return text + line + white


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_can_be_read(scheme: str) -> None:
    assert len(pairs("Text")) > 12
    assert too_faint(LIGHT if scheme == "light" else DARK) == []


def test_a_faint_colour_is_noticed() -> None:
    assert ("--soft", "--paper") in too_faint(LIGHT | {"--soft": "#8a94a0"})
    assert ("--edge", "--paper") in too_faint(LIGHT | {"--edge": "#c0c8d0"})
    assert round(contrast("#000", "#fff"), 2) == 21


def test_every_variable_is_explained_and_used() -> None:
    named = set(re.findall(r"--[a-z][\w-]*", PAGE))
    used = set(re.findall(r"var\((--[\w-]+)\)", STYLE))
    assert named == set(LIGHT)
    assert used == set(LIGHT)


def test_every_piece_that_the_page_names_is_there() -> None:
    folder = ROOT / "app" / "web" / "templates"
    for names, file in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| `([\w.]+)` \|", PAGE, re.MULTILINE):
        there = MACROS.findall((folder / file).read_text(encoding="utf-8"))
        assert set(re.findall(r"\w+", names)) <= set(there), file
