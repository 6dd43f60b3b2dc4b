"""Invariants: what must always hold, each rule a query for the rows that break it.

A package keeps its rules in `checks.sql`, each with a name and, in the first comment line below
it, the rule in words. A rule that needs the tables of several packages stands in `app`.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from core.sessions import ReadSession
from core.statements import ReadSql, load_sql

_WORDS = re.compile(r"-- (.+)")


@dataclass(frozen=True, slots=True)
class Breach:
    """A row that breaks a rule, and how."""

    id: str
    detail: str


def load_rules(package: str) -> Mapping[str, ReadSql[Breach]]:
    """The rules of a package's `checks.sql`, by what they say.

    Raises `ValueError` for a rule that is not said in words, or said twice.
    """
    rules: dict[str, ReadSql[Breach]] = {}
    for name, statement in load_sql(package, "checks").items():
        said = _WORDS.match(statement)
        if said is None or said[1] in rules:
            raise ValueError(f"{package}/checks.sql: {name} needs words of its own")
        rules[said[1]] = ReadSql(Breach, statement)
    return rules


async def breaches(
    session: ReadSession, rules: Mapping[str, ReadSql[Breach]]
) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    for rule, query in rules.items():
        for breach in await session.all(query):
            yield f"{rule}: {breach.id} ({breach.detail})"
