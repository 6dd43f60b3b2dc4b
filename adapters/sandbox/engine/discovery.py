"""Finds the dialects by their folder, so that a new provider is a new file and nothing else."""

import functools
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from adapters.sandbox.engine.dialect import Dialect

_FOLDER: Final = "adapters.sandbox.dialects"


@functools.cache
def dialects() -> Mapping[str, Dialect]:
    """Every dialect by name; each module or folder there is called as its dialect is."""
    found: dict[str, Dialect] = {}
    for module in pkgutil.iter_modules(import_module(_FOLDER).__path__):
        within = f"{module.name}.dialect" if module.ispkg else module.name
        dialect: Dialect = import_module(f"{_FOLDER}.{within}").DIALECT
        if dialect.name != module.name:
            raise LookupError(f"{_FOLDER}.{module.name} holds the dialect {dialect.name}")
        found[dialect.name] = dialect
    return found


def demo_credentials(name: str, account_number: str) -> dict[str, str] | None:
    """Credentials made up for a demonstration's account; None where nobody plays that provider."""
    dialect = dialects().get(name)
    return None if dialect is None else dialect.demo_credentials(account_number)
