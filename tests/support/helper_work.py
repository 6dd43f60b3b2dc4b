"""What the product gives its helper processes to do, found in its source."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.source import Source, calls, place

#: Whose `run` gives work to the pool of helper processes.
_POOLS = ("pool", "children")
#: What the pool's `run`, and `run_apart`, are called where they have been handed on.
_DOORS = ("elsewhere", "apart")


@dataclass(frozen=True, slots=True)
class HelperWork:
    """A function that runs in a helper process, by the module that the process loads for it."""

    module: str
    function: str
    door: str


def helper_work(files: Iterable[Source]) -> list[HelperWork]:
    """Every function that is given to a helper process in these files.

    Raises ValueError, with the place, for work of which the text does not tell whose it is.
    """
    return [
        HelperWork(*whose.rpartition(".")[::2], door=door)
        for file in files
        for call in calls(file)
        if (door := _door(call.func)) is not None
        for whose in _Names(file).told(call.args[0])
    ]


def _door(called: ast.expr) -> str | None:
    match called:
        case ast.Attribute(
            value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr="run" as door
        ) if owner.lstrip("_") in _POOLS:
            return door
        case ast.Attribute(attr=door) | ast.Name(id=door) if door in _DOORS:
            return door
    return None


class _Names:
    """What the names of a file stand for, wherever in it they are given."""

    def __init__(self, file: Source) -> None:
        self._file = file
        self._full: dict[str, str] = {}
        self._given: dict[str, list[ast.expr]] = {}
        own = file.path.removesuffix(".py").replace("/", ".")
        for node in ast.walk(file.tree):
            match node:
                case ast.ImportFrom(module=str(module)):
                    for one in node.names:
                        self._full[one.asname or one.name] = f"{module}.{one.name}"
                case ast.Import():
                    for one in node.names:
                        self._full[one.asname or one.name.partition(".")[0]] = (
                            one.name if one.asname else one.name.partition(".")[0]
                        )
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._given.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._given.setdefault(name, []).append(value)
        for top in file.tree.body:
            if isinstance(top, ast.FunctionDef):
                self._full[top.name] = f"{own}.{top.name}"

    def told(self, work: ast.expr) -> Iterator[str]:
        """The full name of a function, or of each that it may be."""
        match work:
            case ast.Call(func=ast.Name(id="partial"), args=[first, *_]):
                yield from self.told(first)
            case ast.Subscript(value=table):
                yield from self.told(table)
            case ast.Dict(values=[_, *_] as values):
                for value in values:
                    yield from self.told(value)
            case ast.Attribute(value=ast.Name() | ast.Attribute() as module, attr=function):
                for one in self.told(module):
                    yield f"{one}.{function}"
            case ast.Name(id=name) if name in self._full:
                yield self._full[name]
            case ast.Name(id=name) if name in self._given:
                for value in self._given[name]:
                    yield from self.told(value)
            case _:
                raise ValueError(f"{place(self._file, work)}: whose work is it?")
