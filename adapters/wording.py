"""What dialects of gateways share: fields read by their grammar, times, plain text, seals. Pure.

Whatever breaks a grammar is `Malformed`, which names the field and never its value.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from core import json
from core.clock import VIETNAM
from core.errors import Invalid
from core.money import check_amount

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: 31/12/2999 in milliseconds: what is later is no time
_LATEST_MS: Final = 32_503_679_999_999
_STAMP: Final = re.compile(r"[0-9]{14}")
#: how a program may write half of a surrogate pair before signing it
_ODD: Final = ("surrogatepass", "replace", "surrogateescape")


class Malformed(Exception):
    """Something of a gateway's that is not authentic or breaks the grammar, and where."""


class WrongSeal(Malformed):
    """What proves where a message comes from is missing or wrong: nothing in it is believed."""


def without_marks(text: str) -> str:
    """`text` without diacritics."""
    spread = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in spread if not unicodedata.combining(c))


def keyed(key: str, text: str, algorithm: str = "sha256") -> str:
    """HMAC of `text` in UTF-8, lower-case hex."""
    return hmac.new(key.encode(), text.encode(), algorithm).hexdigest()


def sealed_by(given: object, key: str, text: str, algorithm: str = "sha256") -> bool:
    """Whether `given` is the HMAC of `text`, in any way that what is no character is written."""
    if not isinstance(given, str) or not given.isascii():
        return False
    length = hashlib.new(algorithm).digest_size * 2
    if re.fullmatch(f"[0-9a-f]{{{length}}}", given) is None:
        return False
    fits = []
    for odd in _ODD:
        try:
            written = text.encode("utf-8", odd)
        except UnicodeEncodeError:
            continue
        seal = hmac.new(key.encode(), written, algorithm).hexdigest()
        fits.append(hmac.compare_digest(given, seal))
    return any(fits)


def spelled(document: Mapping[str, object], null: str) -> dict[str, str] | None:
    """Every value as text; None where one is a list or an object."""
    fields: dict[str, str] = {}
    for name, value in document.items():
        if value is None:
            fields[name] = null
        elif isinstance(value, bool):
            fields[name] = "true" if value else "false"
        elif isinstance(value, str | int):
            fields[name] = str(value)
        else:
            return None
    return fields


def joined(names: Iterable[str], fields: Mapping[str, str]) -> str:
    """`name=value` by `&`, unencoded, in the order of `names`; nothing for a missing one."""
    return "&".join(f"{name}={fields.get(name, '')}" for name in names)


def check_no_seam(names: Iterable[str], fields: Mapping[str, object]) -> None:
    """Refuse a value that holds `&name=`: cut elsewhere, the same text would say something else.

    Raises `Malformed`.
    """
    seam = re.compile("&(" + "|".join(re.escape(name) for name in names) + ")=")
    for name, value in fields.items():
        if isinstance(value, str) and seam.search(value):
            raise Malformed(f"{name}: holds the name of another field")


def word(fields: Mapping[str, object], name: str, grammar: re.Pattern[str]) -> str:
    """A text that matches its grammar wholly. Raises `Malformed`."""
    value = fields.get(name)
    if not isinstance(value, str) or grammar.fullmatch(value) is None:
        raise Malformed(f"{name}: missing or malformed")
    return value


def whole(fields: Mapping[str, object], name: str, *, lowest: int = 0) -> int:
    """A JSON integer of at least `lowest`. Raises `Malformed`."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
        raise Malformed(f"{name}: missing or not an integer")
    return value


def amount_of(fields: Mapping[str, object], name: str) -> int:
    """An amount in whole đồng. Raises `Malformed`."""
    try:
        return check_amount(fields.get(name))
    except Invalid:
        raise Malformed(f"{name}: not a number of whole đồng") from None


def moment_of(fields: Mapping[str, object], name: str) -> datetime:
    """A time in Unix milliseconds, as aware UTC. Raises `Malformed`."""
    value = whole(fields, name, lowest=1)
    if value > _LATEST_MS:
        raise Malformed(f"{name}: no such time")
    return _EPOCH + timedelta(milliseconds=value)


def stamp(at: datetime) -> str:
    """`yyyyMMddHHmmss` in Vietnamese time."""
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


def stamped(name: str, text: str) -> datetime:
    """`yyyyMMddHHmmss` in Vietnamese time, as aware UTC. Raises `Malformed`."""
    if _STAMP.fullmatch(text) is None:
        raise Malformed(f"{name}: malformed")
    try:
        local = datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=VIETNAM)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name}: no such time") from None


def object_of(document: object) -> dict[str, object]:
    """A JSON object, or an empty one for anything else."""
    return document if isinstance(document, dict) else {}


def is_among(code: object, known: Collection[object]) -> bool:
    """Whether the code of an answer is one of these; a list or an object is nobody's code."""
    return isinstance(code, int | str) and code in known


def strict(raw: bytes | str) -> dict[str, object]:
    """A JSON object, strictly read. Raises `Malformed`."""
    try:
        document = json.loads(raw if isinstance(raw, bytes) else raw.encode())
    except (Invalid, UnicodeEncodeError):
        raise Malformed("not strict JSON") from None
    if not isinstance(document, dict):
        raise Malformed("not a JSON object")
    return document


def as_sent(raw: bytes) -> dict[str, object]:
    """A JSON object as it was sent, to try its seal on. Raises `WrongSeal` for what is none."""
    try:
        document = json.loads_as_sent(raw)
    except Invalid:
        raise WrongSeal("not JSON") from None
    if not isinstance(document, dict):
        raise WrongSeal("not a JSON object")
    return document
