"""What says *Pure.* is held to it by `make lint`; here: who has to say so."""

import pytest

from scripts.pure_modules import pure_modules, says_pure
from tests.architecture.source import PACKAGES, ROOT, Source, sources

#: Modules of these names hold rules, values or wire formats wherever they stand, and say so from
#: their first day.
PURE_NAMES = frozenset(
    {
        *("allocation", "calendar", "cells", "certainty", "columns", "conditions", "content"),
        *("contents", "differences", "emv", "entries", "events", "fee_kinds", "fee_words", "fees"),
        *("findings", "kinds", "legal_bases", "legal_texts", "links", "matching", "money"),
        *("objections", "planned", "ports", "pricing", "references", "reliefs", "rules"),
        *("circumstances", "claims", "fee_requests", "granting", "resolution"),
        *("schedule", "spans", "states", "urls", "wording", "words"),
    }
)


def silent(source: Source) -> bool:
    """Whether a module has a name of those that say they are pure, and does not say so."""
    name = source.path.rpartition("/")[2].removesuffix(".py")
    return name in PURE_NAMES and not says_pure(source.text)


def test_modules_that_hold_rules_say_that_they_are_pure() -> None:
    assert [source.path for source in sources() if silent(source)] == []
    assert len(pure_modules(ROOT, list(PACKAGES))) > 60


def test_a_module_of_rules_that_does_not_say_so_is_noticed() -> None:
    assert silent(Source("payments/billing/states.py", '"""Which moves there are."""'))
    assert not silent(Source("payments/billing/states.py", '"""Which moves there are. Pure."""'))
    assert not silent(Source("payments/billing/commands.py", ""))


@pytest.mark.parametrize(
    "docstring",
    [
        *("Pure.", "Which moves there are. Pure.", "Words.\n\nPure. Two readers agree.\n"),
        "Is it right? Pure.",
    ],
)
def test_the_claim_is_a_sentence_of_its_own(docstring: str) -> None:
    assert says_pure(f'"""{docstring}"""\nimport re\n')


@pytest.mark.parametrize(
    "code",
    [
        '"""This module is pure."""',
        '"""Pure logic."""',
        '"""Purely words."""',
        '"""Words."""\n# Pure.\n',
        "",
    ],
)
def test_what_is_said_otherwise_is_no_claim(code: str) -> None:
    assert not says_pure(code)
