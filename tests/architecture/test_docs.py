"""The pages name files and tests that are there, as they are called today."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, WORKSHOP

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A path of ours begins with a folder of ours.
_PATH = re.compile(rf"(?:{'|'.join((*PACKAGES, *WORKSHOP, 'docs'))})(?:/[\w.*-]+)*/[\w.*-]*")
#: So does not, but ends like one: a file of that name, in whatever folder where none is named.
_BARE = re.compile(r"[\w-]+(?:/[\w-]+)*\.(?:py|sql|toml|html)")
#: Words that the rebuild has done away with; the end-of-day sweep is the bank's.
_OLD_WORDS = re.compile(
    r"\b(?:placing|standing references?|discord|strays?|due back|couriers?|manners"
    r"|open(?:s|ed|ing)? (?:a|the) bills?|bills? (?:is|was|are) opened|payments/(?:checkout|billing"
    r"|place|ledger|sweep|allocation|models|commands|queries)\.?\w*)\b",
    re.IGNORECASE,
)
#: What docs/extend.md makes up.
MADE_UP = re.compile(r"examplepay|examplebank|example-bank|bars_statement|contact\.(?:py|html)")
#: Files that a page promises to write, or that are of a provider.
THEIRS = {"vpcpay.html"}


def names(page: str) -> list[str]:
    """What stands in back-ticks outside blocks of code."""
    outside = re.sub(r"^( *)```.*?^\1```$", "", page, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", outside)


def missing_paths(page: str) -> list[str]:
    """The paths in back-ticks that lead to nothing of the project."""
    return [
        name
        for name in names(page)
        if (_PATH.fullmatch(name) or _BARE.fullmatch(name))
        and name not in THEIRS
        and not MADE_UP.search(name)
        and not _is_there(name)
    ]


def _is_there(name: str) -> bool:
    if "/" in name:
        return any(ROOT.glob(name.rstrip("/")))
    return (ROOT / name).exists() or name in _names_of_files()


@cache
def _names_of_files() -> set[str]:
    return {path.name for folder in (*PACKAGES, *WORKSHOP) for path in (ROOT / folder).rglob("*")}


def missing_links(page: Path, text: str) -> list[str]:
    """The links to files of ours that are not there."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    return [one for one in links if "://" not in one and not (page.parent / one).exists()]


def missing_tests(page: str) -> list[str]:
    """The tests in back-ticks that are in no file of those the same line names."""
    found = []
    for line in page.splitlines():
        named = names(line)
        files = [ROOT / name for name in named if re.fullmatch(r"tests/[\w/]+\.py", name)]
        known = {node.name for file in files if file.exists() for node in _functions(file)}
        tests = [name for name in named if re.fullmatch(r"test_\w+", name)]
        found += [name for name in tests if files and name not in known]
    return found


@cache
def _functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in tree.body if isinstance(node, kinds)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert missing_paths(text) == []
    assert missing_links(page, text) == []
    assert missing_tests(text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_speaks_as_the_code_does(page: Path) -> None:
    assert _OLD_WORDS.findall(page.read_text(encoding="utf-8")) == []


def test_the_pages_name_enough_to_look_at() -> None:
    named = [name for page in PAGES for name in names(page.read_text(encoding="utf-8"))]
    assert sum(1 for name in named if _PATH.fullmatch(name)) > 80
    assert sum(1 for name in named if name.startswith("test_")) > 15


@pytest.mark.parametrize(
    "path",
    [
        *("payments/checkout.py", "bills/gone.py", "gone.py"),
        *("core/", "tests/unit/*.py", "receipts/pdf.py", "models.py", "pyproject.toml"),
    ],
)
def test_a_path_that_leads_nowhere_is_caught(path: str) -> None:
    gone = {"payments/checkout.py", "bills/gone.py", "gone.py"}
    assert missing_paths(f"See `{path}`.") == ([path] if path in gone else [])


def test_code_in_a_page_is_not_looked_at_and_a_word_is_no_path() -> None:
    assert missing_paths("```sh\nls `core/gone.py`\n```\nand `text/html`, `a/b`, `1.py.x`") == []


def test_a_link_and_a_test_that_are_not_there_are_caught() -> None:
    assert missing_links(ROOT / "README.md", "[a](docs/fees.md) [b](docs/gone.md#x)") == [
        "docs/gone.md"
    ]
    here = "tests/architecture/test_docs.py"
    assert missing_tests(f"| `test_what_a_page_names_is_there` in `{here}` |") == []
    assert missing_tests(f"| `test_what_a_page_says` in `{here}` |") == ["test_what_a_page_says"]


@pytest.mark.parametrize(
    "words", ["`payments/sweep.py`", "Due back", "a bill is opened", "open a bill", "the courier"]
)
def test_an_old_word_is_caught(words: str) -> None:
    assert _OLD_WORDS.search(words)
    assert not _OLD_WORDS.search("a bill that is open, the end-of-day sweep, an opened account")
