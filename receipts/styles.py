"""How each kind of text on a receipt's page looks: what the law asks for, ours, other languages."""

from reportlab.lib.colors import HexColor

from receipts.typesetting import ACCENT, ALERT, BOLD, ITALIC, MUTED, REGULAR, SEAL, WHITE, Style

# What the law asks for: never below 9 points.
NAME = Style(BOLD, 10.5)
TITLE = Style(BOLD, 14.5, ACCENT)
FACT = Style(REGULAR, 9)
STRONG = Style(BOLD, 9)
NUMBER = Style(BOLD, 10.5, ALERT)
TOTAL = Style(BOLD, 11, ACCENT)
# Ours: never above 8.5 points.
LABEL = Style(REGULAR, 8, MUTED)
DETAIL = Style(REGULAR, 7.5)
CODE = Style(BOLD, 8.5)
SIGNER = Style(BOLD, 9, SEAL)
HEAD = Style(BOLD, 7.5, WHITE)
MARK = Style(BOLD, 8.5, WHITE)
NOTE_MARK = Style(REGULAR, 8, WHITE)
NOTE = Style(REGULAR, 6.6, MUTED)
# Another language: smaller than anything beside it.
ENGLISH = Style(ITALIC, 6.3, MUTED)
FINE = Style(ITALIC, 5.8, MUTED)
ENGLISH_NAME = Style(ITALIC, 7.5, MUTED)
ENGLISH_HEAD = Style(ITALIC, 6, HexColor(0xD5E1EA))
ENGLISH_MARK = Style(ITALIC, 6.5, WHITE)

DEMO = HexColor(0x8A5A00)
SEAL_TINT = HexColor(0xF2F8F5)
