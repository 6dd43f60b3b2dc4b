"""Strict JSON in, canonical JSON out. Pure.

`loads` takes what RFC 8259 and I-JSON (RFC 7493) agree on and that can carry money without loss:
UTF-8, unique names, integers in the int64 range. Everything two readers could understand in two
ways is refused with its place: duplicate names, NaN, 1e3, 1000.0, -0, lone surrogates, NUL.

It is on the path of every request, so a good body is parsed once by the C scanner; only a bad
one is read a second time, to say where every fault is.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

from core.errors import FieldError, Invalid

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
#: How many faults of one body are reported.
MAX_FAULTS = 20

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_INT64_DIGITS = 20  # with the sign
_SHOWN = 80

#: A string as a whole, closed or not, so that brackets inside it are not counted; or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\[\s\S])*+"?|[\[\]{}]')
#: Escapes that can bring in what `_UNFIT` finds: the bytes were UTF-8, and the scanner refuses
#: control characters that stand for themselves.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89A-Fa-f])")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class _Fault(Exception):
    """Something in the body is refused; raised by the first reading, which does not know where."""


def loads(raw: bytes, *, max_bytes: int = MAX_BYTES) -> object:
    """Parse a JSON document of at most `max_bytes`, nested at most `MAX_DEPTH` deep.

    Raises `Invalid` (code `invalid_json`) whose `errors` name each fault by its path
    (`lines.0.amount`) or, where the text cannot be parsed at all, by line and column.
    """
    if len(raw) > max_bytes:
        raise _invalid([FieldError("body", "too_large", f"The limit is {max_bytes} bytes.")])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _invalid([FieldError(f"byte {error.start}", "not_utf8", "Not UTF-8.")]) from None
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(text)
    try:
        value = _fast.decode(text)
    except (json.JSONDecodeError, _Fault):
        raise _invalid(_explain(text)) from None
    if _SUSPECT.search(text) and (faults := list(islice(_faults(value, ""), MAX_FAULTS))):
        raise _invalid(faults)
    return value


def loads_as_sent(raw: bytes) -> object:
    """What a document says that `loads` refuses, to try a partner's seal on: never to act upon.

    Numbers that are no plain integers are the text they were written as. Raises `Invalid` for what
    is no JSON at all, or names a field twice.
    """
    try:
        return _as_sent.decode(raw.decode("utf-8", "surrogateescape"))
    except (json.JSONDecodeError, _Fault, RecursionError):
        raise Invalid("The body is not JSON.", code="invalid_json") from None


def canonical(value: object) -> bytes:
    """The one way to write `value`: names sorted by code point, no spaces, UTF-8.

    Equal values give equal bytes, so it can be hashed and signed. Raises ValueError for NaN,
    infinities and lone surrogates, TypeError for what JSON has no form for.
    """
    return _canonical.encode(value).encode()


def dumps(value: object) -> bytes:
    """`value` as compact UTF-8 JSON in its own order; raises as `canonical` does."""
    return _compact.encode(value).encode()


_canonical = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


# The first reading: as fast as it can be, raising at the first fault.


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Fault
    return members


def _integer(text: str) -> int:
    if len(text) <= _INT64_DIGITS and text != "-0":
        value = int(text)
        if _INT64_MIN <= value <= _INT64_MAX:
            return value
    raise _Fault


def _plain(text: str) -> int | str:
    return int(text) if len(text) <= _INT64_DIGITS and text != "-0" else text


def _refuse(text: str) -> NoReturn:
    raise _Fault


_as_sent = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_plain, parse_float=str, parse_constant=str, strict=False
)
_fast = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
)


# The second reading, of a body known to be bad: keeps every fault in its place.


@dataclass(frozen=True, slots=True)
class _Object:
    pairs: list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class _BadNumber:
    code: str
    detail: str


def _mark_integer(text: str) -> int | _BadNumber:
    try:
        return _integer(text)
    except _Fault:
        if text == "-0":
            return _BadNumber("not_an_integer", "-0 is not a plain integer.")
        return _BadNumber("out_of_range", "An integer must fit in 64 bits with its sign.")


def _mark_other(text: str) -> _BadNumber:
    return _BadNumber("not_an_integer", f"{text[:_SHOWN]} is not a plain integer.")


_thorough = json.JSONDecoder(
    object_pairs_hook=_Object,
    parse_int=_mark_integer,
    parse_float=_mark_other,
    parse_constant=_mark_other,
)


def _explain(text: str) -> list[FieldError]:
    """The faults of a text that the first reading refused."""
    try:
        value = _thorough.decode(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            return [FieldError("body", "empty", "The body is empty.")]
        message = error.msg.removesuffix(" at").removesuffix(" starting")
        return [FieldError(_place(text, error.pos), "syntax", f"{message}.")]
    return list(islice(_faults(value, ""), MAX_FAULTS))


def _faults(value: Any, path: str) -> Iterator[FieldError]:
    """Every fault in a parsed value; recursion is bounded, for its depth was."""
    match value:
        case _BadNumber(code, detail):
            yield FieldError(path or "body", code, detail)
        case str() if unfit := _UNFIT.search(value):
            yield _unfit(unfit, path or "body")
        case dict() | _Object():
            seen = set()
            for name, member in value.items() if isinstance(value, dict) else value.pairs:
                shown = _UNFIT.sub("\ufffd", name[:_SHOWN])
                inner = f"{path}.{shown}" if path else shown
                if unfit := _UNFIT.search(name):
                    yield _unfit(unfit, inner)
                if name in seen:
                    yield FieldError(inner, "duplicate_key", "This name is given twice.")
                seen.add(name)
                yield from _faults(member, inner)
        case list():
            for index, item in enumerate(value):
                yield from _faults(item, f"{path}.{index}" if path else str(index))


def _unfit(match: re.Match[str], field: str) -> FieldError:
    if match[0] == "\x00":
        return FieldError(field, "nul_character", "Text cannot hold the character NUL.")
    return FieldError(field, "lone_surrogate", "Text holds half of a surrogate pair.")


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                place = _place(text, token.start())
                detail = f"Nested more than {MAX_DEPTH} deep."
                raise _invalid([FieldError(place, "too_deep", detail)])
        elif token[0] in "]}":
            depth -= 1


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line} column {column}"


def _invalid(faults: list[FieldError]) -> Invalid:
    first = faults[0]
    detail = f"The body is not acceptable JSON: {first.field}: {first.detail}"
    return Invalid(detail, code="invalid_json", errors=faults)
