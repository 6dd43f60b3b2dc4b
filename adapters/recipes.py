"""How a checksum is made, as a setting: which algorithm, over which fields, joined by what. Pure.

`sha256(a,b,secretKey)` is a plain hash of values written one after the other, `sha256|(a,b)` of
values joined by bars; `hmac-sha1`, `hmac-sha256` and `hmac-sha512` are keyed by the secret.
Hex, lower case. Without a bar two sets of values may give one text: whoever reads what is sealed so
holds every field to its grammar and compares it with what was asked.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RECIPE: Final = re.compile(
    r"(sha256|sha512|hmac-sha1|hmac-sha256|hmac-sha512)(\|?)\((NAME(?:,NAME)*)\)".replace(
        "NAME", "[A-Za-z][A-Za-z0-9_]*"
    )
)

#: What a setting that holds a recipe must match.
PATTERN: Final = _RECIPE.pattern


@dataclass(frozen=True, slots=True)
class ChecksumRecipe:
    """One way to make a checksum."""

    algorithm: str
    separator: str
    names: tuple[str, ...]

    def seal(self, values: Mapping[str, str], secret: str) -> str:
        """The checksum of `values`; one that is missing is nothing."""
        text = self.separator.join(values.get(name, "") for name in self.names)
        return digest(self.algorithm, text, secret)


def read_recipe(text: str) -> ChecksumRecipe:
    """A recipe as it is set. Raises ValueError."""
    found = _RECIPE.fullmatch(text)
    if found is None:
        raise ValueError("a recipe is algorithm, perhaps a bar, and names in brackets")
    return ChecksumRecipe(found[1], found[2], tuple(found[3].split(",")))


def digest(algorithm: str, text: str, secret: str) -> str:
    """The hash of a text, or its HMAC under `secret`; lower-case hex."""
    raw = text.encode("utf-8", "surrogatepass")
    plain = algorithm.removeprefix("hmac-")
    if plain == algorithm:
        return hashlib.new(plain, raw).hexdigest()
    return hmac.new(secret.encode(), raw, plain).hexdigest()
