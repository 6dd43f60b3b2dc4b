"""Reads the explanation of a fee back into an amount, knowing nothing of how it was written.

What it reads is held against itself as well: a count that the terms do not reach, a product that
is wrong, a limit that changes nothing, a relief whose remainder does not follow.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_VI: dict[str, str] = {
    "number": r"\d{1,3}(?:\.\d{3})*|\d+",
    "percent": r"\d+(?:,\d+)?",
    "sign": " %",
    "money": " đ",
    "floor": "tối thiểu",
    "cap": "tối đa",
    "free": "không thu",
    "value": "Giá trị",
    "notice": "Theo thông báo .+ ngày",
    "copies": r"; nhân (?P<copies>\S+) bản",
    "exempt": "miễn",
    "off": "giảm {percent} %",
    "each": "thu {number} đ mỗi .+?",
    "most": "giảm tối đa {number} đ",
    "left": "còn {number} đ",
}
_EN: dict[str, str] = {
    "number": r"\d{1,3}(?:,\d{3})*|\d+",
    "percent": r"\d+(?:\.\d+)?",
    "sign": "%",
    "money": " VND",
    "floor": "at least",
    "cap": "at most",
    "free": "no charge",
    "value": "Value",
    "notice": "By notice .+ of",
    "copies": r"; times (?P<copies>\S+) copies",
    "exempt": "exempt",
    "off": "{percent}% off",
    "each": "{number} VND per .+?",
    "most": "at most {number} VND off",
    "left": "{number} VND left",
}


def amount_told_vi(explanation: str) -> int:
    """The amount that a Vietnamese explanation tells; ValueError where it makes no sense."""
    return _told(explanation, _VI)


def amount_told_en(explanation: str) -> int:
    """The amount that an English explanation tells; ValueError where it makes no sense."""
    return _told(explanation, _EN)


def left_told_vi(explanation: str, relief: Mapping[str, Any] | None, units: int) -> int:
    """What is left to pay of a line of so many `units` (quantity times copies), as it is told."""
    return _left(amount_told_vi(explanation), relief, "explanation_vi", units, _VI)


def left_told_en(explanation: str, relief: Mapping[str, Any] | None, units: int) -> int:
    """As `left_told_vi`, in English."""
    return _left(amount_told_en(explanation), relief, "explanation_en", units, _EN)


def _told(explanation: str, words: dict[str, str]) -> int:
    number = words["number"]
    whole = re.fullmatch(
        rf"(?P<head>.+?): (?P<sum>.+?)"
        rf"(?:, {words['floor']} (?P<floor>{number}){words['money']})?"
        rf"(?:, {words['cap']} (?P<cap>{number}){words['money']})?"
        rf"(?:{words['copies']})?",
        explanation,
    )
    if whole is None:
        raise ValueError(explanation)
    total = 0 if whole["sum"] == words["free"] else _sum(whole["head"], whole["sum"], words)
    for limit, changes in (("floor", int.__gt__), ("cap", int.__lt__)):
        if whole[limit] is not None:
            figure = _whole(whole[limit])
            if not changes(figure, total):
                raise ValueError(f"{explanation}: names a limit that changes nothing")
            total = figure
    return total * _whole(whole["copies"] or "1")


def _sum(head: str, told: str, words: dict[str, str]) -> int:
    number, money = f"({words['number']})", words["money"]
    if value := re.fullmatch(rf"{words['value']} {number}{money}", head):
        share = re.fullmatch(rf"({words['percent']}){words['sign']} = {number}{money}", told)
        if share is None:
            raise ValueError(told)
        exact = _whole(value[1]) * Decimal(share[1].replace(",", ".")) / 100
        if exact.quantize(Decimal(1), ROUND_HALF_UP) != _whole(share[2]):
            raise ValueError(f"{head}: {told} is wrongly worked out")
        return _whole(share[2])
    if re.fullmatch(rf"{words['notice']} \d\d/\d\d/\d{{4}}", head):
        amount = re.fullmatch(rf"{number}{money}", told)
        if amount is None:
            raise ValueError(told)
        return _whole(amount[1])
    quantity = re.fullmatch(rf"{number} .+", head)
    if quantity is None:
        raise ValueError(head)
    counted = total = 0
    for addend in told.split(" + "):
        term = re.fullmatch(rf"{number} × {number}{money}", addend)
        if term is None:
            raise ValueError(told)
        counted += _whole(term[1])
        total += _whole(term[1]) * _whole(term[2])
    if counted != _whole(quantity[1]):
        raise ValueError(f"{head}: {told} explains {counted} of {quantity[1]}")
    return total


def _left(
    full: int, relief: Mapping[str, Any] | None, key: str, units: int, words: dict[str, str]
) -> int:
    if relief is None:
        return full
    number, money = words["number"], words["money"]
    most = words["most"].format(number=f"(?P<most>{number})")
    whole = re.fullmatch(
        rf"(?:(?P<exempt>{words['exempt']})"
        rf"|{words['off'].format(percent='(?P<percent>[0-9]+)')}"
        rf"|{words['each'].format(number=f'(?P<each>{number})')})"
        rf"(?:, {most})?"
        rf": −(?P<off>{number}){money}, {words['left'].format(number=f'(?P<left>{number})')}",
        relief[key],
    )
    if whole is None:
        raise ValueError(relief[key])
    if whole["exempt"]:
        off = full
    elif whole["percent"]:
        exact = Decimal(full * int(whole["percent"])) / 100
        off = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    else:
        off = full - _whole(whole["each"]) * units
    if whole["most"]:
        off = min(off, _whole(whole["most"]))
    if off != _whole(whole["off"]) or off != relief["amount"]:
        raise ValueError(f"{relief[key]}: {off} would be right for {full}")
    if full - off != _whole(whole["left"]):
        raise ValueError(f"{relief[key]}: does not leave that of {full}")
    return full - off


def _whole(digits: str) -> int:
    return int(digits.replace(".", "").replace(",", ""))
