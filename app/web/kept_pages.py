"""Pages that are kept ready, as long as what they were made from is still so.

Pure. A page belongs to what was asked for, and holds for one `basis`: everything that decides how
it looks, read anew for each request. What must differ each time it is shown stands in it as a
mark, and is put in when it is sent.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

from core.crypto import new_token

#: Where a page has a token of its own each time; nobody can write it into a text that is shown.
ONCE: Final = new_token()


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page's bytes and headers; `fresh` gives what is sent."""

    body: bytes
    headers: Mapping[str, str]

    def fresh(self, once: str) -> bytes:
        """The page with a token of its own."""
        return self.body.replace(ONCE.encode(), once.encode())


class KeptPages:
    """The pages that were last asked for, of one process."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._pages: OrderedDict[Hashable, tuple[object, KeptPage]] = OrderedDict()

    def find(self, asked: Hashable, basis: object) -> KeptPage | None:
        """The page that was made for this, None where it would look different now."""
        known = self._pages.get(asked)
        if known is None or known[0] != basis:
            return None
        self._pages.move_to_end(asked)
        return known[1]

    def keep(self, asked: Hashable, basis: object, page: KeptPage) -> None:
        """Remember a page in the place of an older one; the longest unasked makes room."""
        self._pages[asked] = (basis, page)
        self._pages.move_to_end(asked)
        if len(self._pages) > self._most:
            self._pages.popitem(last=False)
