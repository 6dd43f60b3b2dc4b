"""Typed statements: what a query gives is written in its type, and a query cannot write.

Most statements are SQLAlchemy's `select`, `insert` and `update` on the models. Two things are added
here:

* `values_of(LockedBill, Bill)` selects the columns of a frozen value class by its fields' names,
  and carries that class: no row is ever unpacked by position or passed on as `Any`;
* `ReadSql` and `WriteSql` hold the few statements that must be text (trees, invariants, one
  statement over several tables), each a named constant or a part of a `.sql` file beside its
  module.

A `ReadSession` takes statements that read and no others: see `core.sessions`.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any, Generic, TypeVar

from sqlalchemy import SQLColumnExpression, TextClause, text
from sqlmodel import SQLModel
from sqlmodel.sql._expression_select_cls import SelectBase

V = TypeVar("V")

_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|MERGE|CREATE|ALTER|DROP)\b", re.IGNORECASE)
_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)
_NOT_CODE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


class ValueSelect(SelectBase[V], Generic[V]):
    """A SELECT each of whose rows becomes a value of `kind`; made by `values_of`."""

    inherit_cache = True
    kind: type[V]


def values_of(
    kind: type[V], /, *models: type[SQLModel], **named: SQLColumnExpression[Any]
) -> ValueSelect[V]:
    """Select what the fields of the dataclass `kind` are called, from the first model that has it.

    `named` gives the fields that no model has under that name, or that another table must give.
    Joins, conditions and order are added as to any SELECT. Raises `TypeError` for a field that
    nothing gives: a fault of ours, found when the module is first used.
    """
    columns: list[SQLColumnExpression[Any]] = []
    for field in fields(kind):  # type: ignore[arg-type]  # a dataclass, as the docstring says
        name = field.name
        if name in named:
            columns.append(named[name].label(name))
            continue
        owner = next((m for m in models if name in m.__table__.columns), None)  # type: ignore[attr-defined]
        if owner is None:
            raise TypeError(f"{kind.__name__}.{name} is in none of the models")
        columns.append(getattr(owner, name))
    selected: ValueSelect[V] = ValueSelect(*columns)
    selected.kind = kind
    return selected


class Sql(Generic[V]):
    """A statement that must be text, and what each row it gives becomes.

    `kind` is a dataclass whose fields are the statement's columns by name, or `str`, `int` or the
    like for a single column. Place-holders are `:name`.
    """

    def __init__(self, kind: type[V], statement: str) -> None:
        self.kind = kind
        self.clause: TextClause = text(statement)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind.__name__})"


class ReadSql(Sql[V]):
    """Text that only reads. Raises `ValueError` where a word in it writes."""

    def __init__(self, kind: type[V], statement: str) -> None:
        if found := _WRITES.search(_NOT_CODE.sub(" ", statement.replace("FOR UPDATE", " "))):
            raise ValueError(f"a reading statement says {found[0]}")
        super().__init__(kind, statement)


class WriteSql(Sql[V]):
    """Text that changes rows, or takes locks."""


def load_sql(package: str, name: str) -> Mapping[str, str]:
    """The statements of `name`.sql in a package, by the names in their `-- name: …` lines.

    The comment lines below a name say what the statement gives; they are part of its text. Raises
    `ValueError` for text before the first name and for a name that comes twice.
    """
    whole = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    head, *parts = _NAME.split(whole)
    if _NOT_CODE.sub("", head).strip():
        raise ValueError(f"{package}/{name}.sql has a statement without a name")
    names = parts[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{name}.sql gives one name to two statements")
    return dict(zip(names, (part.strip() for part in parts[1::2]), strict=True))
