"""The small faults that `scripts.mutants` puts into a module, each as a changed syntax tree.

They are those that a person makes: a comparison or a condition the wrong way round, one of two
conditions forgotten, a limit off by one, two arguments swapped, a call left out whose answer nobody
needs (an audit row, a lock), a refusal left out.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
_SYMMETRIC = frozenset({"min", "max"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one fault: where, what it says now, and the line that tests have to enter.

    `at_load` says that the line is carried out when the module is loaded.
    """

    line: int
    entered_at: int
    at_load: bool
    what: str
    tree: ast.Module


#: A node of the tree, and what makes it wrong; None where that would say the same.
_Change = tuple[ast.AST, Callable[[Any], ast.AST | None]]


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    places = list(_places(tree))
    for index, (node, _) in enumerate(places):
        changed_tree = copy.deepcopy(tree)
        # The same walk over the copy meets the same nodes.
        twin, again = list(_places(changed_tree))[index]
        before = ast.unparse(twin)
        after = again(twin)
        if after is None:
            continue
        _replace(changed_tree, twin, after)
        ast.fix_missing_locations(changed_tree)
        statement = _statement_of(tree, node)
        line = getattr(node, "lineno", statement.lineno)
        what = f"{_short(before)} → {_short(ast.unparse(after))}"
        yield Mutant(line, statement.lineno, _is_at_load(tree, node), what, changed_tree)


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


def _statement_of(tree: ast.Module, node: ast.AST) -> ast.stmt:
    """The smallest statement that a node stands in."""
    within = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.stmt) and any(inner is node for inner in ast.walk(one))
    ]
    return min(within, key=lambda one: sum(1 for _ in ast.walk(one)))


def _is_at_load(tree: ast.Module, node: ast.AST) -> bool:
    """Whether a node is evaluated when the module is loaded, and not in a function's body."""
    return not any(
        inner is node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for part in (function.body if isinstance(function.body, list) else [function.body])
        for inner in ast.walk(part)
    )


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 70 else f"{words[:67]}…"
