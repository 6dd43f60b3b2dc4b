"""Reads the explanation of a fee back into an amount, knowing nothing of how it was written."""

import re

_VI = {"number": r"\d{1,3}(?:\.\d{3})*|\d+", "money": " đ", "cap": "tối đa", "free": "không thu"}
_EN = {
    "number": r"\d{1,3}(?:,\d{3})*|\d+",
    "money": " VND",
    "cap": "at most",
    "free": "no charge",
}


def amount_told_vi(explanation: str) -> int:
    """The amount that a Vietnamese explanation tells; ValueError where it makes no sense."""
    return _told(explanation, _VI, r"; nhân (\S+) bản")


def amount_told_en(explanation: str) -> int:
    """The amount that an English explanation tells; ValueError where it makes no sense."""
    return _told(explanation, _EN, r"; times (\S+) copies")


def _told(explanation: str, words: dict[str, str], copies: str) -> int:
    number = f"({words['number']})"
    whole = re.fullmatch(
        rf"{number} [^:]+: (?P<sum>.+?)"
        rf"(?:, {words['cap']} (?P<cap>{words['number']}){words['money']})?"
        rf"(?:{copies})?",
        explanation,
    )
    if whole is None:
        raise ValueError(explanation)
    quantity, repeated = _whole(whole[1]), _whole(whole.groups()[-1] or "1")
    if whole["sum"] == words["free"]:
        return 0
    counted = total = 0
    for addend in whole["sum"].split(" + "):
        term = re.fullmatch(rf"{number} × {number}{words['money']}", addend)
        if term is None:
            raise ValueError(explanation)
        counted += _whole(term[1])
        total += _whole(term[1]) * _whole(term[2])
    if counted != quantity:
        raise ValueError(f"{explanation}: explains {counted} of {quantity}")
    if whole["cap"] is not None:
        if _whole(whole["cap"]) >= total:
            raise ValueError(f"{explanation}: names a cap that changes nothing")
        total = _whole(whole["cap"])
    return total * repeated


def _whole(digits: str) -> int:
    return int(digits.replace(".", "").replace(",", ""))
