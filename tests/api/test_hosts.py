"""No answer leads where the request's Host says, and in production other names are refused."""

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.requests import Request
from starlette.types import ASGIApp

from app.headers import Headers
from app.hosts import Hosts, host_names
from app.main import create_app
from core.settings import Settings
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "evil.example"


def paths_of(app: FastAPI) -> list[str]:
    """Every path of the application, its place-holders filled, with and without a slash."""
    schema = app.openapi()
    own = [path.format_map(_Anything()) for path in schema["paths"]]
    pages = ["/", "/b", "/r", "/p", "/b/LPAAAAAAAAAAAA", "/r/x", "/p/demo", "/docs", "/static"]
    return [form for path in own + pages for form in (path, f"{path}/", f"/{path}")]


class _Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x"


async def led_astray(app: ASGIApp, paths: list[str]) -> list[str]:
    """The paths whose answer leads to, or shows, the name that the request said."""
    transport = httpx2.ASGITransport(app=app)
    found = []
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{EVIL}") as client:
        for path in paths:
            for method in ("GET", "POST"):
                answer = await client.request(
                    method, path, headers={"X-Forwarded-Host": EVIL}, follow_redirects=False
                )
                if EVIL in answer.headers.get("location", "") or EVIL in answer.text:
                    found.append(path)
    return found


async def test_no_answer_leads_where_the_host_says(shared_system: System) -> None:
    paths = paths_of(shared_system.app)
    assert len(paths) > 60
    assert await led_astray(shared_system.app, paths) == []


async def test_each_planted_redirect_is_seen() -> None:
    router = APIRouter(prefix="/in")

    @router.get("/a/")
    async def with_a_slash() -> str:
        return "ok"

    @router.get("/b")
    async def planted(request: Request) -> RedirectResponse:
        return RedirectResponse(str(request.url.replace(path="/x")))

    loose, careful = FastAPI(), FastAPI(redirect_slashes=False)
    for app in (loose, careful):
        app.include_router(router)
    assert set(await led_astray(loose, ["/in/a", "/in/b", "/in/a/"])) == {"/in/a", "/in/b"}
    assert set(await led_astray(careful, ["/in/a", "/in/b", "/in/a/"])) == {"/in/b"}


def production(**more: str) -> Settings:
    return Settings.model_construct(
        mode="production",
        base_url="https://lephi.example.vn",
        host="10.0.0.5",
        hosts=more.get("hosts", ""),
    )


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("lephi.example.vn", "/x", 200),
        ("LEPHI.example.VN:443", "/x", 200),
        ("127.0.0.1:8000", "/x", 200),
        ("[::1]:8000", "/x", 200),
        ("10.0.0.5", "/x", 200),
        ("backend", "/x", 200),
        ("evil.example", "/x", 400),
        ("lephi.example.vn.evil.example", "/x", 400),
        ("lephi.example.vn@evil.example", "/x", 400),
        ("", "/x", 400),
        ("[", "/x", 400),
        ("evil.example", "/health/live", 200),
    ],
)
async def test_other_names_are_refused_in_production(host: str, path: str, status: int) -> None:
    app = FastAPI()

    @app.get("/x")
    @app.get("/health/live")
    async def answer() -> str:
        return "ok"

    guarded = Hosts(app, host_names(production(hosts="backend, other")))
    transport = httpx2.ASGITransport(app=guarded)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        answered = await client.get(path, headers={"Host": host})
    assert answered.status_code == status
    if status == 400:
        assert answered.json()["code"] == "unknown_host"


@pytest.mark.parametrize(("mode", "guarded"), [("production", True), ("demo", False)])
async def test_only_production_refuses(mode: str, guarded: bool) -> None:
    app = create_app(production().model_copy(update={"mode": mode}))
    names = [getattr(middleware.cls, "__name__", "") for middleware in app.user_middleware]
    assert ("Hosts" in names) == guarded


@pytest.mark.parametrize("https_only", [True, False])
async def test_browsers_are_told_to_come_by_https_in_production(https_only: bool) -> None:
    app = FastAPI()
    transport = httpx2.ASGITransport(app=Headers(app, https_only=https_only))
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        headers = (await client.get("/x")).headers
    expected = "max-age=63072000" if https_only else None
    assert headers.get("strict-transport-security") == expected
