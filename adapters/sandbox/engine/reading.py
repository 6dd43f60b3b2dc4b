"""What dialects share: a body read as one flat JSON object, and seals of texts."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from core import json
from core.errors import Invalid

_MAX_BODY: Final = 64 * 1024


def read_object(body: bytes) -> dict[str, object]:
    """The object in a body; an empty one for whatever is none."""
    try:
        document = json.loads(body, max_bytes=_MAX_BODY)
    except Invalid:
        return {}
    return document if isinstance(document, dict) else {}


def whole(value: object) -> int:
    """A JSON integer; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def mac(key: str, text: str, algorithm: str = "sha256") -> str:
    """HMAC of a text, lower-case hex."""
    return hmac.new(key.encode(), text.encode(), algorithm).hexdigest()


def by_recipe(recipe: str, secret: str, values: Mapping[str, str]) -> str:
    """The seal that an account's settings describe: `sha256|(a,b)`, `hmac-sha256(a,b)`."""
    kind, _, names = recipe.partition("(")
    bar = "|" if kind.endswith("|") else ""
    text = bar.join(values.get(name, "") for name in names.rstrip(")").split(","))
    algorithm = kind.rstrip("|")
    if algorithm.startswith("hmac-"):
        return mac(secret, text, algorithm.removeprefix("hmac-"))
    return hashlib.new(algorithm, text.encode()).hexdigest()


def mac_of_netstrings(key: str, words: Iterable[str]) -> str:
    """HMAC-SHA256 of words, each with its length before it: no two lists give one text."""
    told = (word.encode() for word in words)
    data = b"".join(b"%d:%b," % (len(word), word) for word in told)
    return hmac.new(key.encode(), data, "sha256").hexdigest()


def same(given: object, expected: str) -> bool:
    """Whether a seal is the expected one."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())
