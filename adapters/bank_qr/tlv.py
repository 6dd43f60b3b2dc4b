"""The grammar under every EMVCo merchant-presented QR: tag, length, value, and a checksum.

A tag is two digits, a length two digits counting characters, 01 to 99. A template is a value that
is again such a sequence. A path names a value by the tags that lead to it: "62.08".

Pure.
"""

import re
from binascii import crc_hqx
from collections.abc import Mapping
from dataclasses import dataclass

_HEAD = re.compile("([0-9]{2})([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a sequence stops making sense (counted from 0), and how; nothing after it is read."""

    position: int
    vietnamese: str
    english: str


def read(text: str) -> tuple[list[tuple[str, str]], Fault | None]:
    """The (tag, value) pairs of a sequence in their order, up to the first fault if there is one.

    A length of 00 is given as an empty value: the sequence goes on, and its reader refuses it.
    """
    pairs: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        head = _HEAD.match(text, position)
        if head is None:
            found = text[position : position + 4]
            return pairs, Fault(
                position,
                f"cần hai chữ số của thẻ và hai chữ số độ dài, gặp {found!r}",
                f"two digits of tag and two of length were expected, {found!r} was found",
            )
        tag, length = head[1], int(head[2])
        value = text[head.end() : head.end() + length]
        if len(value) < length:
            return pairs, Fault(
                position,
                f"thẻ {tag} khai {length} ký tự nhưng chỉ còn {len(value)}",
                f"tag {tag} declares {length} characters but only {len(value)} are left",
            )
        pairs.append((tag, value))
        position = head.end() + length
    return pairs, None


def write(values: Mapping[str, str]) -> dict[str, str]:
    """The sequences that hold `values` (path to value), each in ascending order of tags.

    The whole is under "", every template in it under its path. Values and templates must have 1 to
    99 characters; the caller has seen to the values, and sees the templates here.
    """
    sequences: dict[str, str] = {}
    _write(values, "", sequences)
    return sequences


def _write(values: Mapping[str, str], path: str, sequences: dict[str, str]) -> str:
    children: dict[str, dict[str, str]] = {}
    texts: dict[str, str] = {}
    for step in sorted(values):
        tag, _, rest = step.partition(".")
        if rest:
            children.setdefault(tag, {})[rest] = values[step]
            texts[tag] = ""
        else:
            texts[tag] = values[step]
    for tag, inner in children.items():
        texts[tag] = _write(inner, f"{path}.{tag}" if path else tag, sequences)
    sequences[path] = "".join([pair(tag, text) for tag, text in texts.items()])
    return sequences[path]


def pair(tag: str, value: str) -> str:
    """One tag with its length and value."""
    return f"{tag}{len(value):02d}{value}"


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE of the text's UTF-8 bytes as four upper-case hex digits.

    Polynomial 1021, start FFFF, nothing reflected, nothing added at the end: the check value of
    "123456789" is 29B1. Any change within 16 neighbouring bits gives another checksum.
    """
    return f"{crc_hqx(text.encode('utf-8', 'surrogatepass'), 0xFFFF):04X}"
