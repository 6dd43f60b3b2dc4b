"""So many at once of each kind, and no more: one that hangs does not take the place of all others.

Kept by each process: what is to be saved is the process's own (connections, memory, tasks), and
whoever finds no place is told at once, so that nothing waits in a line that only grows.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Bulkheads:
    """How many are inside under each name; at most `places` of each."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside: Counter[str] = Counter()

    @contextmanager
    def place(self, name: str) -> Iterator[bool]:
        """Whether there was a place under this name; it is taken for the length of the block."""
        if self.is_full(name):
            yield False
            return
        self._inside[name] += 1
        try:
            yield True
        finally:
            self._inside[name] -= 1
            if not self._inside[name]:
                del self._inside[name]

    def is_full(self, name: str) -> bool:
        """Whether whoever came now would find no place under this name."""
        return self._inside[name] >= self._places
