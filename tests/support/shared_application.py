"""The application as tests build it: a new one each time, over what a worker has made once.

Its helper processes are shared: a system of its own for each test would begin two of them and load
into them all that draws and matches, which takes four times as long as the test. So is what FastAPI
makes of the routes at an application's first request, which takes as long as twenty bills; the
routes themselves belong to their modules and are the same for every application anyhow.
"""

import functools

from fastapi import FastAPI

from app.children import ChildPool
from app.main import create_app
from core.settings import Settings


def application(settings: Settings) -> FastAPI:
    """A new application; what is added to it stays with it."""
    made, first = create_app(settings, _children()), _first()
    made.router.routes[:] = first.router.routes
    # Routes ask the application that they were made for.
    made.dependency_overrides = first.dependency_overrides
    return made


@functools.cache
def _children() -> ChildPool:
    """The worker's helpers: begun by the first work, ended with the worker."""
    return ChildPool()


@functools.cache
def _first() -> FastAPI:
    """Never opened: its routes are what the others use."""
    return create_app(Settings(mode="test"))
