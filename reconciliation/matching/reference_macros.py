"""The rules of `core.references`, said in SQL so that a million references are checked at once.

Nothing is decided here: the alphabet, the form and the check values come from `core.references`,
and tests/properties/test_matching.py holds both to the same answers.

Pure.
"""

from collections.abc import Mapping

import duckdb

from core import bank_refs, references

_HALF = (references.LENGTH - len(references.PREFIX)) // 2

#: Characters whose plain form DuckDB finds as `core.references.normalise` does: ASCII, the Latin
#: letters of Vietnamese and its neighbours, combining marks. Every other one is looked up.
_ALIKE = r"\x{00}-\x{7F}À-Þà-ıḀ-ẙẠ-ỹ\x{300}-\x{36F}"

#: How many replacements one UPDATE carries: expressions may nest only so deep.
_REPLACEMENTS_AT_ONCE = 50


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the macros that matching and reading use.

    - `has_form(reference)`: prefix and length, nothing more.
    - `as_number(reference)`: its characters as one integer of eight bits each, NULL without the
      form; `first_half(number)` and `second_half(number)`: the six and six after the prefix.
    - `check_holds(first, second)`: whether these halves have right check characters. NULL or false
      for characters outside the alphabet. Give it columns: what is computed in place is computed
      again for each of the twelve characters.
    - `searchable(text)`: `core.references.normalise`, for text that `replace_unlike` has seen.
    - `is_placeholder(cell)`: whether a field holds what stands where there is no reference.
    - `reference_places(searchable)`: each 14 characters that begin with the prefix, overlapping
      ones too; whether one is a reference is for a join or for the check to say.
    """
    connection.execute(f"""
        CREATE OR REPLACE MACRO has_form(reference) AS
            strlen(reference) = {references.LENGTH}
            AND starts_with(reference, '{references.PREFIX}');
        CREATE OR REPLACE MACRO as_number(reference) AS
            CASE WHEN has_form(reference) THEN CAST(CAST(encode(reference) AS BIT) AS HUGEINT) END;
        CREATE OR REPLACE MACRO first_half(number) AS CAST(number >> {8 * _HALF} AS BIGINT);
        CREATE OR REPLACE MACRO second_half(number) AS
            CAST(number & {2 ** (8 * _HALF) - 1} AS BIGINT);
        CREATE OR REPLACE MACRO check_holds(first, second) AS {_check_value()} = 0;
        CREATE OR REPLACE MACRO searchable(text) AS
            regexp_replace(
                upper(strip_accents(replace(replace(text, 'đ', 'd'), 'Đ', 'D'))),
                '[^0-9A-Z]', '', 'g'
            );
        CREATE OR REPLACE MACRO is_placeholder(cell) AS
            regexp_full_match(searchable(cell), '{bank_refs.NOTHING.pattern}');
        CREATE OR REPLACE MACRO reference_places(text) AS {_places("text")};
    """)


def replace_unlike(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    """Replace, in a text column, every character that only Python knows the plain form of.

    `ª`, `①` or a full-width `Ａ` stand for an ASCII letter or digit by Unicode's compatibility
    decomposition, which DuckDB lacks. They are rare in a bank's text, so the ones that are there
    are looked up one by one. `table` and `column` are our own words, never input.
    """
    found = connection.execute(f"""
        SELECT DISTINCT unnest(regexp_extract_all({column}, '[^{_ALIKE}]'))
        FROM {table} WHERE strlen({column}) <> length({column})
    """).fetchall()  # noqa: S608 - our own words
    plain = {character: references.normalise(character) for (character,) in found}
    unlike = sorted(character for character, text in plain.items() if text)
    for start in range(0, len(unlike), _REPLACEMENTS_AT_ONCE):
        expression, parameters = column, []
        for character in unlike[start : start + _REPLACEMENTS_AT_ONCE]:
            expression = f"replace({expression}, ?, ?)"
            parameters += [character, plain[character]]
        connection.execute(
            f"UPDATE {table} SET {column} = {expression}",  # noqa: S608 - our own words
            parameters,
        )


def _check_value() -> str:
    """The xor of what each character adds, which is zero where the check characters are right.

    The last two characters are the check value itself, five bits each: they cancel it.
    """
    high = {c: value << 5 for value, c in enumerate(references.ALPHABET)}
    low = {c: value for value, c in enumerate(references.ALPHABET)}
    expression = str(references.PREFIX_VALUE)
    for position, added in enumerate([*references.CONTRIBUTIONS, high, low]):
        half = "first" if position < _HALF else "second"
        shift = 8 * (_HALF - 1 - position % _HALF)
        expression = (
            f"xor({expression}, list_extract({_by_code(added)}, ({half} >> {shift}) & 255))"
        )
    return expression


def _by_code(added: Mapping[str, int]) -> str:
    """A list indexed by ASCII code; NULL, which no check survives, outside the alphabet."""
    last = max(map(ord, added))
    cells = (str(added.get(chr(code), "NULL")) for code in range(1, last + 1))
    # One text to parse, not a hundred constants: every connection reads the macros anew.
    return f"'[{', '.join(cells)}]'::SMALLINT[]"


def _places(text: str) -> str:
    """Split at the prefix; a place is the prefix and the characters that followed it.

    The prefix cannot overlap itself, so every one of its places is a seam. As each part but the
    first stands for at least the prefix's own length, a fixed number of parts is always enough.
    """
    prefix = references.PREFIX
    parts = f"string_split({text}, '{prefix}')"
    enough = references.LENGTH // len(prefix)
    return f"""
        list_filter(
            list_transform(
                range(2, len({parts}) + 1),
                lambda k: left(
                    '{prefix}' || array_to_string({parts}[k:k + {enough}], '{prefix}'),
                    {references.LENGTH}
                )
            ),
            lambda place: strlen(place) = {references.LENGTH}
        )"""
