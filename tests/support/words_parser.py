"""Reads Vietnamese amounts in words back to numbers, strictly; the other half of the speller.

It shares nothing with the speller but the digits. It takes "linh" and "lẻ", "tư" and "bốn" alike,
and refuses what a careful reader would: a "không trăm" left out, "mươi một", "mười mốt", "mươi
năm", scales out of order, an empty group.
"""

_DIGITS = {
    word: value
    for value, word in enumerate(
        ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
    )
}
_SCALES = (("triệu", 10**6), ("nghìn", 10**3), ("", 1))


class Unreadable(ValueError):
    """The words are not an amount as it is written in Vietnam."""


def read_amount(text: str) -> int:
    """The number that "Năm nghìn đồng" says. Raises `Unreadable`."""
    if not text.endswith(" đồng") or not text[:1].isupper():
        raise Unreadable(text)
    words = text.removesuffix(" đồng").lower().split(" ")
    if words == ["không"]:
        return 0
    if "tỷ" in words:
        place = words.index("tỷ")
        return _below_billion(words[:place], full=False) * 10**9 + _below_billion(
            words[place + 1 :], full=True
        )
    return _below_billion(words, full=False)


def _below_billion(words: list[str], *, full: bool) -> int:
    """`full` when something greater was spoken before; only then may there be nothing."""
    total = 0
    if not words and not full:
        raise Unreadable("nothing")
    for scale, factor in _SCALES:
        if scale and scale not in words:
            continue
        place = words.index(scale) if scale else len(words)
        if scale or words:
            total += _group(words[:place], full=full) * factor
        words, full = words[place + 1 :], True
    return total


def _group(words: list[str], *, full: bool) -> int:
    """1 to 999; with `full` the hundreds must be spoken."""
    value = 0
    spoken = len(words) >= 2 and words[1] == "trăm"
    if spoken:
        value, words = _digit(words[0]) * 100, words[2:]
        if value == 0 and not full:
            raise Unreadable("a leading không trăm")
    elif full:
        raise Unreadable(f"no hundreds in {words}")
    match words:
        case []:
            pass
        case ["linh" | "lẻ", unit] if spoken:
            value += _digit(unit, least=1)
        case ["mười", *rest]:
            value += 10 + _after_ten(rest, mot="một")
        case [unit] if not spoken:
            value += _digit(unit, least=1)
        case [tens, "mươi", *rest]:
            value += _digit(tens, least=2) * 10 + _after_ten(rest, mot="mốt")
        case _:
            raise Unreadable(" ".join(words))
    if value == 0:
        raise Unreadable("an empty group")
    return value


def _after_ten(words: list[str], *, mot: str) -> int:
    match words:
        case []:
            return 0
        case ["lăm"]:
            return 5
        case ["tư"] if mot == "mốt":
            return 4
        case [word] if word == mot:
            return 1
        case [("hai" | "ba" | "bốn" | "sáu" | "bảy" | "tám" | "chín") as word]:
            return _DIGITS[word]
    raise Unreadable(" ".join(words))


def _digit(word: str, *, least: int = 0) -> int:
    value = _DIGITS.get(word, -1)
    if value < least:
        raise Unreadable(word)
    return value
