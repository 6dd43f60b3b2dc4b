"""What listens is listed and what answers is included: forgetting it would fail nowhere else."""

import ast
from collections.abc import Collection, Iterable

from tests.architecture.source import ROOT, Source, calls, sources


def unlisted(modules: Iterable[Source], listing: Source) -> list[str]:
    """Public functions of `handlers` modules that the list of handlers does not use."""
    used = {node.id for node in listing.nodes if isinstance(node, ast.Name)}
    return [
        f"{source.path}: {node.name}"
        for source in modules
        for node in source.tree.body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and node.name not in used
    ]


def listed_routers(listing: Source) -> set[str]:
    """The routers of a list of pages, which the application includes as a whole."""
    (rooms,) = [n for n in listing.nodes if isinstance(n, ast.ImportFrom) and n.level == 0
                and n.module == "app.web.staff"]  # fmt: skip
    named = {alias.asname or alias.name: alias.name for alias in rooms.names}
    return {
        f"app.web.staff.{named[node.value.id]}.router"
        for node in listing.nodes
        if isinstance(node, ast.Attribute)
        and node.attr == "router"
        and isinstance(node.value, ast.Name)
        and node.value.id in named
    }


def unincluded(
    modules: Iterable[Source], application: Source, listed: Collection[str] = ()
) -> list[str]:
    """Modules with a `router` that the application does not include, itself or in a list."""
    names = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in application.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    included = set(listed)
    for call in calls(application):
        if ast.unparse(call.func).endswith(".include_router"):
            first, _, rest = ast.unparse(call.args[0]).partition(".")
            included.add(names.get(first, first) + (f".{rest}" if rest else ""))
    return [
        source.path
        for source in modules
        if _has_router(source)
        and f"{source.path.removesuffix('.py').replace('/', '.')}.router" not in included
    ]


def _has_router(source: Source) -> bool:
    return any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "router"
        for node in source.tree.body
    )


def _ours(path: str) -> Source:
    return Source(path, (ROOT / path).read_text(encoding="utf-8"))


def test_every_handler_is_listed() -> None:
    modules = [
        source
        for source in sources()
        if source.path.endswith("/handlers.py")
        and source.path not in ("core/handlers.py", "app/handlers.py")
    ]
    assert modules
    assert unlisted(modules, _ours("app/handlers.py")) == []


def test_every_router_is_included() -> None:
    modules = sources()
    assert sum(map(_has_router, modules)) > 10
    listed = listed_routers(_ours("app/web/staff/routers.py"))
    assert "app.web.staff.home.router" in listed
    main = _ours("app/main.py")
    assert "STAFF_PAGES" in main.text
    assert unincluded(modules, main, listed) == []
    assert "app/web/staff/home.py" in unincluded(modules, main, listed - {
        "app.web.staff.home.router"
    })  # fmt: skip


def test_a_handler_that_nobody_lists_is_caught() -> None:
    listing = Source("app/handlers.py", "from a import heard\nHANDLERS = (Handler(E, 'n', heard),)")
    work = "async def heard(): ...\nasync def unheard(): ...\nasync def _part(): ...\n"
    assert unlisted([Source("a.py", work)], listing) == ["a.py: unheard"]


def test_a_router_that_nobody_includes_is_caught() -> None:
    one = Source("app/web/one.py", "router = APIRouter()\n")
    other = Source("app/web/other.py", "router = APIRouter()\n")
    main = "from app.web import one\nfrom app.web.other import router as r\napp.include_router({})"
    assert unincluded([one, other], Source("app/main.py", main.format("one.router"))) == [
        "app/web/other.py"
    ]
    assert unincluded([one, other], Source("app/main.py", main.format("r"))) == ["app/web/one.py"]
