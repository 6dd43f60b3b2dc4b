"""Figures and the reference are the operator's: closed in production, or opened by a key."""

import base64

import httpx2
import pytest
from fastapi import FastAPI

from app.operators import PATHS, OperatorsOnly
from core.settings import Settings

KEY = "key-of-the-operator"
BASIC = base64.b64encode(f"anyone:{KEY}".encode()).decode()


async def ask(settings: Settings, path: str, **headers: str) -> int:
    """What a guarded application answers under a path."""
    inner = FastAPI(openapi_url=None, docs_url=None)

    @inner.get("/{path:path}")
    async def open_() -> dict[str, str]:
        return {}

    app = OperatorsOnly(inner, settings)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
        return (await client.get(path, headers=headers)).status_code


def settings(mode: str, key: str | None = None) -> Settings:
    values = {
        "mode": mode,
        "operator_key": key,
        "database_url": "postgresql://lephi@db/lephi",
        "base_url": "https://phi.example.vn",
    }
    return Settings.model_validate(values)


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_in_production_they_are_closed_unless_there_is_a_key(path: str) -> None:
    assert await ask(settings("production"), path) == 404
    assert await ask(settings("production"), f"{path}/") == 404
    assert await ask(settings("production"), path, Authorization=f"Bearer {KEY}") == 404
    assert await ask(settings("production", KEY), path) == 401
    assert await ask(settings("production", KEY), path, Authorization=f"Bearer {KEY}") == 200
    assert await ask(settings("production", KEY), path, Authorization=f"Basic {BASIC}") == 200


@pytest.mark.parametrize(
    "given", ["Bearer other-than-the-key", f"Token {KEY}", "Basic !", "Basic YTpi", "Bearer ", KEY]
)
async def test_nothing_but_the_key_opens_them(given: str) -> None:
    assert await ask(settings("demo", KEY), "/metrics", Authorization=given) == 401


async def test_a_demo_leaves_them_open_and_nothing_else_is_guarded() -> None:
    assert await ask(settings("demo"), "/metrics") == 200
    for path in ("/health/ready", "/", "/api/v1/bills"):
        assert await ask(settings("production"), path) == 200
        assert await ask(settings("production", KEY), path) == 200
