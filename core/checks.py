"""Invariants: what must always hold, each rule a query for the rows that break it.

A package keeps its rules in `checks.sql`, each with a name and, in the first comment line below
it, the rule in words. A rule that needs the tables of several packages stands in `app`.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from core.sessions import ReadSession
from core.statements import ReadSql, load_sql

_WORDS = re.compile(r"-- (.+)")


@dataclass(frozen=True, slots=True)
class Breach:
    """A row that breaks a rule, and how."""

    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class RuleBreach(Breach):
    """One found when many rules were asked at once: `place` is that of its rule among them."""

    place: int


def load_rules(package: str, narrowing: str | None = None) -> Mapping[str, ReadSql[Breach]]:
    """The rules of a package's `checks.sql`, by what they say.

    With `narrowing` (a WITH clause that shadows tables) only those that can be asked of some
    objects alone: a rule says so by `-- narrows` below its words, or by `-- quick`, if the whole
    table costs nothing. Raises `ValueError` for a rule that is not said in words, or said twice.
    """
    rules: dict[str, ReadSql[Breach]] = {}
    for name, statement in load_sql(package, "checks").items():
        said = _WORDS.match(statement)
        if said is None or said[1] in rules:
            raise ValueError(f"{package}/checks.sql: {name} needs words of its own")
        text = statement if narrowing is None else _narrowed(statement, narrowing)
        if text is not None:
            rules[said[1]] = ReadSql(Breach, text)
    return rules


def _narrowed(statement: str, narrowing: str) -> str | None:
    """A rule over the shadows of the tables; None for one that wants the whole tables."""
    marks = {line.strip() for line in statement.splitlines() if line.startswith("--")}
    if "-- quick" in marks:
        return statement
    if "-- narrows" not in marks:
        return None
    body = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
    if body.startswith("WITH "):
        return f"{narrowing}, {body.removeprefix('WITH ')}"
    return f"{narrowing}\n{body}"


async def breaches(
    session: ReadSession,
    rules: Mapping[str, ReadSql[Breach]],
    ids: Sequence[str] | None = None,
) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well.

    `ids` are the objects that narrowed rules are asked of.
    """
    for rule, query in rules.items():
        # A rule that does not narrow names no `:ids`, and what is not named is not asked for.
        for breach in await session.all(query, None if ids is None else {"ids": list(ids)}):
            yield f"{rule}: {breach.id} ({breach.detail})"


class RulesAtOnce:
    """Rules asked in one statement: for a small database, where asking takes longer than looking.

    A statement's limit of time then is one of all rules together, and nobody hears how far it is.
    """

    def __init__(self, *rules: Mapping[str, ReadSql[Breach]]) -> None:
        named = [pair for some in rules for pair in some.items()]
        self._words = [words for words, _ in named]
        # A rule ends with a line of its own: it may end with a comment.
        parts = (
            f"SELECT CAST(id AS text) AS id, CAST(detail AS text) AS detail, {place} AS place"  # noqa: S608 - our own words
            f" FROM ({query.clause.text}\n) AS of_{place}"
            for place, (_, query) in enumerate(named)
        )
        self._query = ReadSql(RuleBreach, "\nUNION ALL ".join(parts))

    async def breaches(self, session: ReadSession) -> list[str]:
        """What `breaches` tells of these rules, in their order."""
        found = sorted(await session.all(self._query), key=lambda one: one.place)
        return [f"{self._words[one.place]}: {one.id} ({one.detail})" for one in found]
