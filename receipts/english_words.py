"""Spells a whole amount of đồng in English words, for pages; papers have the Vietnamese. Pure."""

from receipts.words import amount_in_words

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))


def amount_in_english(amount: int) -> str:
    """The words for `amount` whole đồng, with a capital first letter: "Five thousand đồng".

    Raises `Invalid` where `amount_in_words` does.
    """
    amount_in_words(amount)
    words = _whole(amount)
    return f"{words[0].upper()}{words[1:]} đồng"


def _whole(number: int) -> str:
    for scale, name in _SCALES:
        if number >= scale:
            many, rest = divmod(number, scale)
            return _with(f"{_whole(many)} {name}", rest)
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return _with(f"{_SMALL[hundreds]} hundred", rest)
    if number < 20:
        return _SMALL[number]
    tens, units = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL[units]}" if units else _TENS[tens]


def _with(said: str, rest: int) -> str:
    """What was said of the greater part, with the rest: "and" before the last two figures."""
    if not rest:
        return said
    return f"{said} and {_whole(rest)}" if rest < 100 else f"{said} {_whole(rest)}"
