"""A class is called by a noun, and no two classes of the product by the same one."""

import ast
import re
from collections.abc import Iterable

import pytest

from tests.architecture.source import PACKAGES, Source, sources

#: Participles that do not end in -ed.
_IRREGULAR = (
    "Begun|Bound|Built|Chosen|Drawn|Found|Given|Held|Hidden|Kept|Known|Left|Lost|Made|Met|Misread|"
    "Paid|Said|Sent|Shown|Sold|Spent|Taken|Told|Torn|Undone|Won|Written"
)
_PARTICIPLE = re.compile(rf"_?(?:[A-Z][a-z]*(?:[^e\W_]ed|ing)|{_IRREGULAR})")
#: Words in -ing that are nouns of the trade.
NOUNS = frozenset({"Finding", "Keyring", "Mapping", "Offering", "Posting", "Recording", "Timing"})


def classes(files: Iterable[Source]) -> list[tuple[str, ast.ClassDef]]:
    """Every class that stands by itself in a module, with the module's path."""
    return [
        (source.path, node)
        for source in files
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    ]


def errors(found: Iterable[tuple[str, ast.ClassDef]]) -> set[str]:
    """The names of the classes that are raised: those are called by what happened."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for _, node in found
    }
    raised: set[str] = set()
    while True:
        more = {
            name
            for name, above in bases.items()
            if any(one in raised or one.endswith(("Error", "Exception")) for one in above)
        }
        if more <= raised:
            return raised
        raised |= more


def participles(files: Iterable[Source]) -> set[str]:
    """Classes that are called by a single participle, errors left out."""
    found = classes(files)
    raised = errors(found)
    return {
        node.name
        for _, node in found
        if _PARTICIPLE.fullmatch(node.name) and node.name not in NOUNS | raised
    }


def shared(files: Iterable[Source]) -> dict[str, list[str]]:
    """The names that several classes bear, with the modules; a leading underscore keeps apart.

    Adapters count as one: each gateway's folder has the same parts under the same names.
    """
    where: dict[str, list[str]] = {}
    for path, node in classes(files):
        if not node.name.startswith("_"):
            where.setdefault(node.name, []).append(path)
    return {
        name: paths
        for name, paths in where.items()
        if len({"adapters" if path.startswith("adapters/") else path for path in paths}) > 1
    }


def test_every_class_is_called_by_a_noun() -> None:
    everything = sources(PACKAGES)
    assert len(classes(everything)) > 300
    assert participles(everything) == set()


def test_no_two_classes_bear_one_name() -> None:
    assert shared(sources(PACKAGES)) == {}


@pytest.mark.parametrize(
    "name", ["Kept", "Given", "Asked", "Owned", "Dated", "Placed", "_Shown", "Issuing", "Taken"]
)
def test_a_bare_participle_is_caught(name: str) -> None:
    assert participles([Source("payments/commands.py", f"class {name}: ...\n")]) == {name}


@pytest.mark.parametrize(
    "code",
    [
        *("class Seed: ...", "class Posting: ...", "class GrantedRelief: ...", "class Bed: ..."),
        "class LephiError(Exception): ...\nclass Refused(LephiError): ...",
        "class Gone(core.errors.HouseError): ...\nclass Unauthenticated(Gone): ...",
        "class Feed:\n    class Nested: ...",
    ],
)
def test_a_noun_and_what_is_raised_pass(code: str) -> None:
    assert participles([Source("payments/commands.py", code)]) == set()


def test_a_name_of_two_classes_is_caught() -> None:
    here = Source("payments/posters.py", "class Place: ...\nclass _Row: ...\n")
    there = Source("app/place.py", "class Place: ...\nclass _Row: ...\nclass Sheet: ...\n")
    assert shared([here, there]) == {"Place": ["payments/posters.py", "app/place.py"]}
    assert shared([here]) == {}
    one = Source("adapters/one/dialect.py", "class Malformed: ...\nclass Place: ...\n")
    other = Source("adapters/other/dialect.py", "class Malformed: ...\n")
    assert shared([here, one, other]) == {
        "Place": ["payments/posters.py", "adapters/one/dialect.py"]
    }
