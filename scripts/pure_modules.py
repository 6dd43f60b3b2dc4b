"""The import rule of pure modules: what a docstring claims, the import linter holds it to.

A module says *Pure.* as a sentence of its docstring; a package that says so speaks for everything
in it. There is no second list to keep: this contract of `lint-imports` (pyproject.toml) reads the
sources, and is otherwise import-linter's own kind `forbidden`, indirect imports included.
"""

import ast
import re
from pathlib import Path
from typing import Any

from importlinter.contracts.forbidden import ForbiddenContract

_SENTENCE = re.compile(r"(?:^|[.:;!?)]\s+)Pure\.(?=\s|$)")


def says_pure(code: str) -> bool:
    """Whether a module's docstring has the sentence "Pure."."""
    if "Pure." not in code:  # most, which need not be parsed
        return False
    return _SENTENCE.search(ast.get_docstring(ast.parse(code)) or "") is not None


def pure_modules(root: Path, packages: list[str]) -> list[str]:
    """The dotted names of all modules and packages below `root` that say they are pure."""
    return [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
        if says_pure(path.read_text(encoding="utf-8"))
    ]


class PureContract(ForbiddenContract):
    """Kind `pure`: `forbidden_modules` as for `forbidden`, the sources are read from docstrings."""

    type_name = "pure"

    def __init__(
        self, name: str, session_options: dict[str, Any], contract_options: dict[str, Any]
    ) -> None:
        pure = pure_modules(Path.cwd(), session_options["root_packages"])
        super().__init__(name, session_options, {**contract_options, "source_modules": pure})
