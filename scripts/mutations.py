"""The small faults that `scripts.mutants` puts into a module, each as a changed syntax tree.

They are those that a person makes: a comparison or a condition the wrong way round, one of two
conditions forgotten, a limit off by one, two arguments swapped, a call left out whose answer nobody
needs (an audit row, a lock), a refusal left out.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
#: Calls whose arguments are alternatives or conditions: one of them may be forgotten.
_CONDITIONS = frozenset({"where", "and_", "or_", "filter"})

#: Calls that say the same with their arguments in another order.
_SYMMETRIC = frozenset({"min", "max", "group_by"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one fault: where, what it says now, and the line that tests have to enter.

    `at_load` says that the line is carried out when the module is loaded.
    """

    line: int
    entered_at: int
    at_load: bool
    what: str
    #: The module's source, and which of its places is changed: a tree is made when it is wanted.
    source: str = field(repr=False)
    place: int

    @property
    def tree(self) -> ast.Module:
        """The module as it is changed, a new one each time."""
        tree, node, after = self._change()
        _replace(tree, node, after)
        return ast.fix_missing_locations(tree)

    @property
    def text(self) -> str | None:
        """The module as a person would have changed it, with its comments; None where it cannot be
        told which words are the place's (in an f-string), or what is said to the types is lost."""
        _, node, after = self._change()
        if not isinstance(node, ast.expr | ast.stmt):
            return None
        lines = self.source.encode().splitlines(keepends=True)
        ends_in = node.end_lineno or node.lineno
        first, last = lines[node.lineno - 1], lines[ends_in - 1]
        if any(b"# type:" in line for line in lines[node.lineno - 1 : ends_in - 1]):
            return None
        words = ast.unparse(after)
        now = words if isinstance(after, ast.stmt) else f"({words})"
        text = b"".join(
            [
                *(*lines[: node.lineno - 1], first[: node.col_offset]),
                now.encode(),
                *(last[node.end_col_offset :], *lines[ends_in:]),
            ]
        ).decode()
        with suppress(SyntaxError):
            if ast.dump(ast.parse(text)) == ast.dump(self.tree):
                return text
        return None

    def _change(self) -> tuple[ast.Module, ast.AST, ast.AST]:
        """The unchanged tree, its node at this place, and what that becomes."""
        tree = ast.parse(self.source)
        node, change = list(_places(tree))[self.place]
        after = change(node)
        if after is None:
            raise ValueError(f"place {self.place} has no fault")
        return tree, node, after


#: A node of the tree, and what makes it wrong; None where that would say the same.
_Change = tuple[ast.AST, Callable[[Any], ast.AST | None]]


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its places."""
    tree = ast.parse(source)
    above = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for place, (node, change) in enumerate(_places(tree)):
        after = change(node)
        if after is None:
            continue
        statement, at_load = _standing(node, above)
        line = getattr(node, "lineno", statement.lineno)
        what = f"{_short(ast.unparse(node))} → {_short(ast.unparse(after))}"
        yield Mutant(line, statement.lineno, at_load, what, source, place)


def _places(tree: ast.Module) -> Iterator[_Change]:
    """Each node that can be made wrong, with what makes it so."""
    for node in _expressions(tree):
        match node:
            case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
                yield node, _turned
            case ast.BoolOp(values=[*values]):
                for n in range(len(values)):
                    yield node, _without_value(n)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                yield node, lambda found: found.left
                yield node, lambda found: found.right
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                yield node, _other_sign
            case ast.UnaryOp(op=ast.Not() | ast.Invert()):
                yield node, lambda found: found.operand
            case ast.Constant(value=bool()):
                yield node, lambda found: ast.Constant(not found.value)
            case ast.Constant(value=int()):
                yield node, lambda found: ast.Constant(found.value + 1)
            case ast.Call(args=[_, _, *_]):
                if _name(node.func) in _CONDITIONS:
                    for n in range(len(node.args)):
                        yield node, _without_argument(n)
                elif _name(node.func) not in _SYMMETRIC and not any(
                    isinstance(one, ast.Starred) for one in node.args
                ):
                    yield node, _swapped
            case ast.If() | ast.IfExp() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
                yield node.test, lambda found: ast.UnaryOp(ast.Not(), found)
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise():
                yield node, lambda _: ast.Pass()


def _expressions(tree: ast.AST) -> Iterator[ast.AST]:
    """What is carried out: no annotation, no decorator."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _expressions(child)


def _turned(node: ast.Compare) -> ast.AST:
    node = copy.copy(node)
    node.ops = [_COMPARISONS[type(node.ops[0])]()]
    return node


def _other_sign(node: ast.BinOp) -> ast.AST:
    node = copy.copy(node)
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    return node


def _without_value(n: int) -> Callable[[ast.BoolOp], ast.AST]:
    def change(node: ast.BoolOp) -> ast.AST:
        left = [*node.values[:n], *node.values[n + 1 :]]
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

    return change


def _without_argument(n: int) -> Callable[[ast.Call], ast.AST]:
    def change(node: ast.Call) -> ast.AST:
        node = copy.copy(node)
        node.args = [*node.args[:n], *node.args[n + 1 :]]
        return node

    return change


def _swapped(node: ast.Call) -> ast.AST | None:
    first, last = node.args[-2:]
    if ast.dump(first) == ast.dump(last):
        return None
    node = copy.copy(node)
    node.args = [*node.args[:-2], last, first]
    return node


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, ast.copy_location(new, old))
                return
            if isinstance(value, list):
                for n, one in enumerate(value):
                    if one is old:
                        value[n] = ast.copy_location(new, old)
                        return


def _standing(node: ast.AST, above: dict[int, ast.AST]) -> tuple[ast.stmt, bool]:
    """The smallest statement that a node stands in, and whether it is evaluated when the module is
    loaded, and not in a function's body."""
    statement = node if isinstance(node, ast.stmt) else None
    at_load = True
    while (parent := above.get(id(node))) is not None:
        match parent:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                at_load = at_load and not any(one is node for one in parent.body)
            case ast.Lambda():
                at_load = at_load and parent.body is not node
        if statement is None and isinstance(parent, ast.stmt):
            statement = parent
        node = parent
    if statement is None:
        raise ValueError("what is carried out stands in a statement")
    return statement, at_load


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 70 else f"{words[:67]}…"
