"""Where SQL may stand as text, what it may name, and that no row is passed on without its type.

Statements on one table are SQLAlchemy's `select`, `insert` and `update` on the models. What must
be text is a constant of its module or a named part of a `.sql` file, each with a comment.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlmodel import SQLModel

import app.tables  # noqa: F401  every model there is
from tests.architecture.source import PACKAGES, ROOT, Source, calls, place, sources
from tests.architecture.test_house_rules import dotted

#: Where text becomes a statement.
MAKERS = ("core/statements.py", "core/checks.py")
_MODULES = ("sqlalchemy", "sqlmodel")
#: What a session has of its own, whose rows have no type.
_UNTYPED = frozenset({"execute", "scalar", "scalars", "stream", "exec_driver_sql"})
#: Arguments of a table's declaration, which are SQL by nature.
_DECLARING = frozenset({"postgresql_where", "server_default"})
#: Scripts that DuckDB runs; their tables are its own.
SCRIPTS = frozenset({"reconciliation/matching/matching.sql", "reconciliation/matching/macros.sql"})
#: Most statements that may be text. The rules in `checks.sql` are not counted: each is a text by
#: nature, and there shall be as many as must hold.
MOST = 30
#: Where money is handled; the catalogue says what things cost, and reads sheets of any cells.
MONEY_ROOMS = ("payments/", "receipts/", "reconciliation/")
_CATALOGUE = "payments/catalogue/"

_NOT_CODE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_STAR = re.compile(r"(?:\bSELECT|\bRETURNING|,)\s+(?:DISTINCT\s+)?(?:\w+\.)?\*", re.IGNORECASE)
_NAMED = re.compile(r"^-- name: (\w+)\n(?P<comment>-- \S)?", re.MULTILINE)
_ENDS = "WHERE|JOIN|LEFT|FULL|CROSS|INNER|ON|GROUP|ORDER|LIMIT|SET|UNION|RETURNING|FOR|HAVING"
_FROM = re.compile(rf"\bFROM\s+([^()]*?)(?=\b(?:{_ENDS})\b|[();]|$)")
_TABLE = re.compile(r"\b(?:JOIN|INTO|UPDATE|USING|TABLE)\s+(?:ONLY\s+|LATERAL\s+)?([a-z_]+)\b")


class Sql(NamedTuple):
    """A text and the file it stands in."""

    path: str
    text: str


def _names_of_text(source: Source) -> set[str]:
    """What SQLAlchemy's `text` may be called in a file: "text", "sa.text", …"""
    found = set()
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _MODULES:
            found |= {alias.asname or "text" for alias in node.names if alias.name == "text"}
        elif isinstance(node, ast.Import):
            found |= {f"{a.asname or a.name}.text" for a in node.names if a.name in _MODULES}
    return found


def stray_texts(source: Source) -> list[str]:
    """Calls of SQLAlchemy's `text`, but for conditions and defaults in a table's declaration."""
    if source.path in MAKERS or source.path.startswith("app/migrations/"):
        return []
    names = _names_of_text(source)
    if not names:
        return []
    declared = {
        _at(keyword.value)
        for call in calls(source)
        for keyword in call.keywords
        if keyword.arg in _DECLARING
    }
    return [
        place(source, call)
        for call in calls(source)
        if dotted(call.func) in names and _at(call) not in declared
    ]


def _at(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _makes(call: ast.Call, *names: str) -> bool:
    return dotted(call.func).rpartition(".")[2] in names


def _constants(source: Source) -> Iterator[tuple[str, ast.Call]]:
    """The calls that a file's constants are made by."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id.isupper():
                yield target.id, node.value


def loose_statements(source: Source) -> list[str]:
    """Texts made into statements elsewhere than in a module's constant."""
    if source.path in MAKERS:
        return []
    named = {_at(call) for _, call in _constants(source)}
    return [
        place(source, call)
        for call in calls(source)
        if _makes(call, "ReadSql", "WriteSql", "load_sql", "load_rules") and _at(call) not in named
    ]


def unexplained_statements(source: Source) -> list[str]:
    """Constants that hold a text, without a `#:` comment above that says what it gives."""
    lines = source.text.splitlines()
    return [
        place(source, call)
        for _, call in _constants(source)
        if _makes(call, "ReadSql", "WriteSql") and not _is_explained(lines, call.lineno - 2)
    ]


def _is_explained(lines: list[str], above: int) -> bool:
    while above >= 0 and lines[above].startswith("# "):
        above -= 1
    return above >= 0 and lines[above].startswith("#: ")


def texts_in(source: Source) -> list[Sql]:
    """The texts that a file makes into statements itself."""
    return [
        Sql(place(source, call), part.value)
        for call in calls(source)
        if _makes(call, "ReadSql", "WriteSql")
        for part in call.args[1:]
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def unexplained_parts(file: Sql) -> list[str]:
    """The names in a `.sql` file that no comment line follows; the file, if it names nothing."""
    named = list(_NAMED.finditer(file.text))
    if not named:
        return [file.path]
    return [f"{file.path}: {found[1]}" for found in named if not found["comment"]]


def stars(sql: Sql) -> list[str]:
    """`SELECT *` and its like: the columns a value needs are named."""
    return [sql.path] if _STAR.search(_NOT_CODE.sub(" ", sql.text)) else []


def tables_named(text: str) -> set[str]:
    """The names that stand where a statement names a table."""
    code = _NOT_CODE.sub(" ", text)
    listed = (part.split() for found in _FROM.findall(code) for part in found.split(","))
    return {words[0] for words in listed if words} | set(_TABLE.findall(code))


def foreign_tables(sql: Sql, owners: Mapping[str, str]) -> list[str]:
    """Tables of another package that a text names; `app` composes and may name them all."""
    package = sql.path.partition("/")[0]
    if package == "app":
        return []
    return [
        f"{sql.path}: {table}"
        for table in sorted(tables_named(sql.text))
        if owners.get(table, package) != package
    ]


def untyped_calls(source: Source) -> list[str]:
    """Statements given to a session past its own `all`, `one`, `first`, `each` and `write`."""
    if source.path == "core/sessions.py":
        return []
    return [
        place(source, call)
        for call in calls(source)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in _UNTYPED
        and dotted(call.func.value).rpartition(".")[2].endswith("session")
    ]


def untyped_rows(source: Source) -> list[str]:
    """Functions of the money rooms with a parameter or result that may be anything.

    JSON is `dict[str, Any]` and is allowed; a decorator's or a library's own shapes are not ours.
    """
    if not source.path.startswith(MONEY_ROOMS) or source.path.startswith(_CATALOGUE):
        return []
    found = []
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            annotations = [node.returns, *(one.annotation for one in given)]
            if any(_is_anything(one) for one in annotations if one is not None):
                found.append(place(source, node))
    return found


def _is_anything(annotation: ast.AST) -> bool:
    if ast.unparse(annotation) in ("dict[str, Any]", "Mapping[str, Any]"):
        return False
    if isinstance(annotation, ast.Name):
        return annotation.id == "Any"
    return any(_is_anything(child) for child in ast.iter_child_nodes(annotation))


def owners_of_tables() -> dict[str, str]:
    """Which package each table belongs to."""

    def below(model: type[SQLModel]) -> Iterator[type[SQLModel]]:
        for child in model.__subclasses__():
            yield child
            yield from below(child)

    return {
        str(model.__tablename__): model.__module__.partition(".")[0]
        for model in below(SQLModel)
        if hasattr(model, "__table__")
    }


def sql_files(root: Path = ROOT) -> list[Sql]:
    """Every `.sql` file of the packages that PostgreSQL gets."""
    return [
        Sql(path.relative_to(root).as_posix(), path.read_text("utf-8"))
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.sql"))
        if path.relative_to(root).as_posix() not in SCRIPTS
    ]


def all_texts() -> list[Sql]:
    return [*sql_files(), *(text for source in sources() for text in texts_in(source))]


RULES: tuple[Callable[[Source], list[str]], ...] = (
    stray_texts,
    loose_statements,
    unexplained_statements,
    untyped_calls,
    untyped_rows,
)


@pytest.mark.parametrize("rule", RULES)
def test_no_file_breaks_a_rule(rule: Callable[[Source], list[str]]) -> None:
    assert [b for s in sources() for b in rule(s)] == []


def test_sql_files_say_what_each_of_their_parts_gives() -> None:
    assert len(sql_files()) >= 6
    assert [part for file in sql_files() for part in unexplained_parts(file)] == []


def test_no_text_selects_whatever_there_is() -> None:
    assert [found for sql in all_texts() for found in stars(sql)] == []


def test_no_text_names_a_table_of_another_package() -> None:
    owners = owners_of_tables()
    assert {owners["bill"], owners["receipt"], owners["audit_entry"]} == {
        *("payments", "receipts", "core")
    }
    assert [found for sql in all_texts() for found in foreign_tables(sql, owners)] == []


def test_few_statements_are_text() -> None:
    own = sum(len(texts_in(source)) for source in sources())
    parts = [
        found[1]
        for file in sql_files()
        if not file.path.endswith("/checks.sql")
        for found in _NAMED.finditer(file.text)
    ]
    assert len(parts) >= 5
    assert own + len(parts) <= MOST


# Each rule sees what it is for.


@pytest.mark.parametrize(
    "code",
    [
        'from sqlalchemy import text\nx = text("SELECT 1")\n',
        'from sqlalchemy.sql.expression import text as t\nx = t("SELECT 1")\n',
        'import sqlalchemy as sa\nx = sa.text("SELECT 1")\n',
        'from sqlalchemy import text\nx = order(by=text("1"))\n',
        'from sqlmodel import select, text\nx = text("SELECT 1")\n',
    ],
)
def test_stray_text_is_caught(code: str) -> None:
    assert stray_texts(Source("payments/queries.py", code)) == ["payments/queries.py:2"]


def test_text_that_declares_a_table_or_typesets_a_line_is_none() -> None:
    declared = 'from sqlalchemy import text\nx = Index("i", "a", postgresql_where=text("a > 1"))\n'
    drawn = 'from receipts.typesetting import text\nx = text("Biên lai")\n'
    moved = 'from sqlalchemy import text\nx = text("SELECT 1")\n'
    assert stray_texts(Source("core/outbox.py", declared)) == []
    assert stray_texts(Source("receipts/layout.py", drawn)) == []
    assert stray_texts(Source("app/migrations/versions/0009_more.py", moved)) == []


@pytest.mark.parametrize(
    "code",
    [
        'def find():\n    return ReadSql(str, "SELECT 1")\n',
        'def find(session):\n    session.one(statements.WriteSql(str, "SELECT 1"))\n',
        'lower =\\\n    ReadSql(str, "SELECT 1")\n',
        'def find():\n    return load_sql("core", "outbox")\n',
    ],
)
def test_a_statement_that_is_no_constant_is_caught(code: str) -> None:
    assert loose_statements(Source("payments/queries.py", code)) == ["payments/queries.py:2"]


def test_a_constant_is_a_statement_s_place() -> None:
    code = '_SQL = load_sql("core", "outbox")\n_EMIT: WriteSql[int] = WriteSql(int, _SQL["emit"])\n'
    assert loose_statements(Source("core/outbox.py", code)) == []


def test_a_statement_without_its_comment_is_caught() -> None:
    statement = '_ONE = ReadSql(int, "SELECT 1")\n'
    told = f"#: Gives one.\n{statement}"
    assert unexplained_statements(Source("core/x.py", f"\n{statement}")) == ["core/x.py:2"]
    assert unexplained_statements(Source("core/x.py", f"# Whatever.\n{statement}"))
    assert unexplained_statements(Source("core/x.py", told)) == []


def test_a_part_without_its_comment_is_caught() -> None:
    text = "-- name: one\n-- Gives one.\nSELECT 1\n-- name: two\nSELECT 2\n"
    assert unexplained_parts(Sql("core/x.sql", text)) == ["core/x.sql: two"]
    assert unexplained_parts(Sql("core/x.sql", "SELECT 1")) == ["core/x.sql"]


@pytest.mark.parametrize(
    "text", ["SELECT * FROM a", "SELECT\n  a.* FROM a", "SELECT 1, *", "DELETE FROM a RETURNING *"]
)
def test_a_star_is_caught(text: str) -> None:
    assert stars(Sql("core/x.sql", text)) == ["core/x.sql"]


def test_a_count_a_product_and_a_comment_are_no_stars() -> None:
    text = "-- SELECT * is not for us\nSELECT count(*), 2 * a, 'SELECT *' FROM a"
    assert stars(Sql("core/x.sql", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM bill",
        "SELECT 1 FROM receipt r, bill b WHERE r.id = b.id",
        "SELECT 1 FROM receipt r LEFT JOIN bill b ON true",
        "INSERT INTO bill (id) VALUES (1)",
        "UPDATE bill SET id = 1",
        "DELETE FROM receipt USING bill",
        "WITH x AS (SELECT 1 FROM bill) SELECT 1 FROM x",
    ],
)
def test_a_table_of_another_package_is_caught(text: str) -> None:
    owners = {"bill": "payments", "receipt": "receipts", "reference": "payments"}
    assert foreign_tables(Sql("receipts/x.sql", text), owners) == ["receipts/x.sql: bill"]
    assert foreign_tables(Sql("app/x.sql", text), owners) == []


def test_a_column_a_string_and_a_lock_are_no_tables() -> None:
    owners = {"bill": "payments", "receipt": "receipts", "reference": "payments"}
    text = "SELECT reference, 'FROM bill' -- JOIN bill\n FROM receipt FOR UPDATE SKIP LOCKED"
    assert foreign_tables(Sql("receipts/x.sql", text), owners) == []


@pytest.mark.parametrize("method", sorted(_UNTYPED))
def test_a_statement_whose_rows_have_no_type_is_caught(method: str) -> None:
    code = f"rows = await session.{method}(select(Bill))\n"
    assert untyped_calls(Source("payments/queries.py", code)) == ["payments/queries.py:1"]
    assert untyped_calls(Source("payments/queries.py", "await session.all(select(Bill))\n")) == []
    assert (
        untyped_calls(Source("reconciliation/matching/day.py", "connection.execute(_COUNT)\n"))
        == []
    )


@pytest.mark.parametrize(
    "signature",
    [
        "def f(row: Any): ...",
        "async def f() -> Any: ...",
        "def f(*, rows: Sequence[Any]): ...",
        "def f() -> list[tuple[str, Any]]: ...",
        "def f(row: Any | None): ...",
        "def f(rows: dict[str, list[Any]]): ...",
        "def f(rows: dict[int, Any]): ...",
    ],
)
def test_a_row_of_any_type_is_caught(signature: str) -> None:
    assert untyped_rows(Source("payments/queries.py", signature)) == ["payments/queries.py:1"]
    assert untyped_rows(Source("adapters/http.py", signature)) == []


def test_json_and_values_are_no_rows_of_any_type() -> None:
    code = "def f(a: dict[str, Any], b: Mapping[str, Any] | None) -> list[dict[str, Any]]: ...\n"
    assert untyped_rows(Source("payments/queries.py", code)) == []
