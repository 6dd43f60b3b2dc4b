"""What SQLAlchemy makes of a statement, kept for all engines of a worker.

Each engine keeps it for itself, and nearly every test has an engine of its own, so the same few
hundred statements were compiled thousands of times in a run: a twentieth of all its work.
"""

from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache

#: More than there are statements.
_KEPT = 20_000


class _AnyEngine(LRUCache[Any, Any]):
    """A cache in which a statement is the same for all engines that speak the same dialect.

    All have one driver, one server and one way to write JSON, so what one engine was given fits the
    next.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_any_engine(key), value)


def share_compiled_statements() -> None:
    """From now on all engines of this process use one cache; what an engine makes is left unused.

    Not by another `__init__`: SQLAlchemy reads from its code what an engine may be told.
    """
    kept = _AnyEngine(_KEPT)
    Engine._compiled_cache = property(lambda _: kept, lambda *_: None)  # type: ignore[assignment]


def _of_any_engine(key: Any) -> Any:
    dialect, *rest = key
    return (type(dialect), *rest)
