"""Payers' names as their bills are found by them: a keyed hash, the name itself stays sealed. Pure.

The hash is of one agency: whoever has the database in hand cannot see that two agencies know the
same person, nor try names without the key.
"""

from core.crypto import keyed_hash
from core.folding import caseless, without_marks


def hash_of_name(key: bytes, agency_id: str, name: str) -> str | None:
    """The hash of a whole name at an agency, without regard to marks and case; None for no name."""
    plain = without_marks(caseless(name))
    if not plain:
        return None
    return keyed_hash(key, f"name:{agency_id}:{plain}".encode())
