"""Rendering pages: Jinja2, everything escaped, amounts and times as Vietnamese write them."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.clock import VIETNAM
from core.money import format_vnd

FOLDER = Path(__file__).parent


def _moment(value: datetime) -> str:
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")


def _day(value: datetime) -> str:
    return value.strftime("%d/%m/%Y")


_environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(vnd=format_vnd, moment=_moment, day=_day)


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page from a template of `templates/`."""
    page = _environment.get_template(template).render(request=request, **values)
    return HTMLResponse(page, status)
