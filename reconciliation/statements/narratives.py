"""The words of statement lines, encrypted at rest: banks write payers' names and numbers into them.

Matching needs them in clear, and has them: a day's lines are read and opened together, and the SQL
of `matching.sql` runs in memory (DuckDB), never on the stored rows. Lines of before migration 0029
stand in clear until a worker has sealed them.
"""

from core.crypto import Cipher


def seal_narrative(cipher: Cipher, line_id: str, narrative: str) -> bytes:
    """The words of a line as they are stored, bound to it."""
    return cipher.encrypt(narrative.encode(), _place(line_id))


def open_narrative(
    cipher: Cipher, line_id: str, sealed: bytes | None, in_clear: str | None = None
) -> str:
    """The words of a line from how it is stored: `sealed`, or of before and `in_clear`.

    Raises `DecryptionFailed` where they were changed or belong to another line.
    """
    if sealed is None:
        return in_clear or ""
    return cipher.decrypt(bytes(sealed), _place(line_id)).decode()


def _place(line_id: str) -> str:
    return f"statement_line:{line_id}:narrative"
