"""Texts that some spreadsheet would calculate, and some that none does."""

_BEGINNINGS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−")
_BEFORE = (
    "",
    " ",
    "  ",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u202e",
    '"',
    "'",
    "“",
    "’",
    ' "',
)

#: A formula that runs a program where a spreadsheet lets it.
_FORMULA = "cmd|' /C calc'!A0"

LIVE = (
    *(f"{before}{first}{_FORMULA}" for first in _BEGINNINGS for before in _BEFORE),
    *("\t=1", "\r=1", "\n=1", "\tx", "\rx", " \tx", "'x", "'", "-", "=", "'\"x"),
)

#: Of these nothing is made but the text.
STILL = ("", "x", "Phí", "1-2", "a=b", "x@y.vn", "2000", "“Phí” mới", '"x"', " x", "–", "—", "·x")
