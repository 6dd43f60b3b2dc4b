"""Laws that docstrings and `docs/` state in passing, each read from the syntax trees.

As in `test_house_rules`: a rule is a function from one file to the places that break it, and is
shown to catch a planted breach.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.pure_modules import says_pure
from tests.architecture.source import PACKAGES, ROOT, Source, calls, place, sources

#: The packages whose vocabulary is the trade's, and core's own.
ROOMS = ("core/", "payments/", "receipts/", "reconciliation/")
#: Where the process's environment is looked at; everybody else is given settings.
READS_ENVIRONMENT = (
    "core/settings.py",
    "app/demo.py",  # what its children inherit
    "app/cli/signed_in.py",  # a password, which is no setting and is taken out at once
)


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _fields(source: Source) -> Iterator[tuple[ast.AnnAssign, str, str]]:
    """Every annotated field of a class: where, its name, its annotation as text."""
    for node in source.nodes:
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                yield part, part.target.id, ast.unparse(part.annotation)


def ties_between_rows(source: Source) -> list[str]:
    """Rows tied by the ORM, and foreign keys that are not a table's name.

    Packages know each other's tables by name alone, or one would import the other's rows.
    """
    found = [
        place(source, node)
        for node in source.nodes
        if isinstance(node, ast.ImportFrom)
        and any(alias.name in ("Relationship", "relationship") for alias in node.names)
    ]
    for call in calls(source):
        name = ast.unparse(call.func).rpartition(".")[2]
        named = [word.value for word in call.keywords if word.arg == "foreign_key"]
        named += call.args[:1] if name == "ForeignKey" else []
        if name in ("Relationship", "relationship") or not all(
            isinstance(one, ast.Constant) for one in named
        ):
            found.append(place(source, call))
    return sorted(set(found))


def environment_readers(source: Source) -> list[str]:
    """Looks at the process's environment outside the modules that may."""
    if source.path in READS_ENVIRONMENT:
        return []
    return [
        place(source, node)
        for node in source.nodes
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in ("environ", "getenv") for alias in node.names)
        )
    ]


def talkative_events(source: Source) -> list[str]:
    """Fields of events that are neither an id nor an amount: personal data has no other way in."""
    return [
        place(source, part)
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).rpartition(".")[2] == "Event" for base in node.bases)
        for part in node.body
        if isinstance(part, ast.AnnAssign)
        and not ast.unparse(part.annotation).startswith("ClassVar")
        and (ast.unparse(part.target), ast.unparse(part.annotation)) != ("amount", "int")
        and not ast.unparse(part.target).endswith("_id")
    ]


def fractions_of_money(source: Source) -> list[str]:
    """Amounts that are no whole đồng, and floats in pure modules of the payments' rooms."""
    found = [
        place(source, part)
        for part, name, kind in _fields(source)
        if (name == "amount" or name.endswith("_amount"))
        and re.search(r"\b(float|Decimal)\b", kind)
    ]
    if source.path.startswith("payments/") and says_pure(source.text):
        found += [
            place(source, node)
            for node in source.nodes
            if (isinstance(node, ast.Constant) and isinstance(node.value, float))
            or (isinstance(node, ast.Call) and ast.unparse(node.func) == "float")
        ]
    return found


def misnamed_times(source: Source) -> list[str]:
    """Fields called `…_at` that are no instant, and `…_on` that are no day."""
    if not source.path.startswith(ROOMS):
        return []
    return [
        place(source, part)
        for part, name, kind in _fields(source)
        if (name.endswith("_at") and not re.search(r"\b(datetime|Instant|InstantIn)\b", kind))
        or (name.endswith("_on") and not re.search(r"\b(date|Day)\b", kind))
    ]


def misnamed_functions(source: Source) -> list[str]:
    """`get_…` that may give None instead of raising, and `find_…` that may not."""
    found = []
    for function in _functions(source):
        name, gives = function.name.lstrip("_"), function.returns
        if gives is None:
            continue
        kind = ast.unparse(gives)
        several = kind.startswith(("list[", "tuple[", "dict[", "set[", "frozenset["))
        optional = re.search(r"\bNone$", kind) is not None
        if (name.startswith("get_") and optional) or (
            name.startswith("find_") and not optional and not several
        ):
            found.append(f"{source.path}:{function.lineno}")
    return found


def writing_queries(source: Source) -> list[str]:
    """Functions of a module of queries that take a session that can write."""
    if not source.path.endswith("/queries.py"):
        return []
    return [
        place(source, argument.annotation)
        for function in _functions(source)
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation is not None
        and re.search(r"\b(WriteSession|SessionDep)\b", ast.unparse(argument.annotation))
    ]


def unenforced(record: str, root: Path = ROOT) -> list[str]:
    """What is wrong with a decision record: it says what enforces it, and that is there."""
    _, found, enforcers = record.partition("**Enforced by** ")
    if not found:
        return ["nothing enforces it"]
    paths = re.findall(r"`([\w./-]+/[\w./-]+)`", enforcers)
    return [f"{path} is not there" for path in paths if not (root / path).exists()]


RULES = (
    *(ties_between_rows, environment_readers, talkative_events, fractions_of_money),
    *(misnamed_times, misnamed_functions, writing_queries),
)


@pytest.mark.parametrize("rule", RULES)
def test_every_shipped_file_keeps_the_law(rule: Callable[[Source], list[str]]) -> None:
    everything = sources(PACKAGES)
    assert len(everything) > 200
    assert [breach for source in everything for breach in rule(source)] == []


def test_every_decision_says_what_enforces_it() -> None:
    records = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert len(records) > 10
    faults = {record.name: unenforced(record.read_text(encoding="utf-8")) for record in records}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (ties_between_rows, "receipts/models.py", "from sqlmodel import Relationship"),
        (ties_between_rows, "receipts/models.py", "bill = orm.relationship('Bill')"),
        (ties_between_rows, "receipts/models.py", "x = Field(foreign_key=Bill.id)"),
        (ties_between_rows, "receipts/models.py", "x = Column(ForeignKey(Bill.id))"),
        (environment_readers, "payments/urls.py", "x = os.environ['LEPHI_KEY']"),
        (environment_readers, "core/crypto.py", "from os import getenv"),
        (talkative_events, "payments/events.py", "class Paid(Event):  payer: str"),
        (talkative_events, "payments/events.py", "class Paid(events.Event):  amount: str"),
        (fractions_of_money, "receipts/content.py", "class Line:  amount: Decimal"),
        (
            fractions_of_money,
            "adapters/vnpay/gateway.py",
            "class Order:  full_amount: float | None",
        ),
        (fractions_of_money, "payments/catalogue/rules/fees.py", "'''Pure.'''; x = value * 0.1"),
        (fractions_of_money, "payments/catalogue/rules/fees.py", "'''Pure.'''; x = float(value)"),
        (misnamed_times, "payments/models.py", "class Bill:  paid_at: date"),
        (misnamed_times, "payments/models.py", "class Bill:  due_on: datetime"),
        (misnamed_functions, "payments/queries.py", "def get_bill() -> BillValue | None: ..."),
        (misnamed_functions, "payments/queries.py", "def find_bill() -> BillValue: ..."),
        (writing_queries, "payments/bills/queries.py", "def find_bill(s: WriteSession): ..."),
        (writing_queries, "receipts/api/queries.py", "def list_all(*, s: SessionDep): ..."),
    ],
)
def test_a_planted_breach_is_caught(
    rule: Callable[[Source], list[str]], path: str, line: str
) -> None:
    assert rule(Source(path, f"{line}\n")) == [f"{path}:1"]


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (ties_between_rows, "receipts/models.py", "x = Field(foreign_key='bill.id')"),
        (environment_readers, "core/settings.py", "x = os.environ"),
        (
            talkative_events,
            "payments/events.py",
            "class Paid(Event):\n  bill_id: str\n  amount: int",
        ),
        (fractions_of_money, "payments/catalogue/rules/fees.py", "'''Pure.'''\nx = Decimal(1) / 3"),
        (fractions_of_money, "payments/catalogue/prices.py", "check_every = 2.0"),
        (
            misnamed_times,
            "payments/models.py",
            "class Bill:\n  paid_at: datetime | None\n  due_on: date",
        ),
        (misnamed_functions, "payments/queries.py", "def find_bill() -> BillValue | None: ..."),
        (misnamed_functions, "payments/queries.py", "def find_faults() -> list[str]: ..."),
        (writing_queries, "payments/bills/queries.py", "def find_bill(s: ReadSession): ..."),
        (writing_queries, "payments/bills/commands.py", "def cancel(s: WriteSession): ..."),
    ],
)
def test_what_the_law_allows_passes(
    rule: Callable[[Source], list[str]], path: str, line: str
) -> None:
    assert rule(Source(path, f"{line}\n")) == []


def test_a_decision_that_nothing_enforces_is_caught() -> None:
    assert unenforced("**Decision.** Be good.\n") == ["nothing enforces it"]
    gone = "**Enforced by** `tests/unit/no_such_test.py` and the crash tests.\n"
    assert unenforced(gone) == ["tests/unit/no_such_test.py is not there"]
    assert unenforced("**Enforced by** `core/settings.py`, `lephi invariants`.\n") == []
