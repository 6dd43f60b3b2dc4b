"""Rendering pages: Jinja2, everything escaped, amounts and times as Vietnamese write them."""

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.clock import VIETNAM
from core.money import format_vnd
from payments.fee_words import count_vi

FOLDER = Path(__file__).parent


def _moment(value: datetime) -> str:
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")


def _day(value: date) -> str:
    return value.strftime("%d/%m/%Y")


def _tail(value: str) -> str:
    """The last four characters of an account number, as a poster shows it."""
    return f"•••• {value[-4:]}"


def _sentence(value: str) -> str:
    """With a capital at the start; everything else as it was."""
    return value[:1].upper() + value[1:]


@cache
def static(name: str) -> str:
    """The address of one of our own styles or scripts; it changes with the content.

    So a browser may keep the file, and never shows a new page with old styles.
    """
    content = (FOLDER / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


_environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    vnd=format_vnd,
    moment=_moment,
    day=_day,
    tail=_tail,
    count=count_vi,
    sentence=_sentence,
)
_environment.globals.update(static=static)


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page from a template of `templates/`.

    Outside production it carries a banner, so that nobody takes it for the real thing.
    """
    parts = getattr(request.app.state, "parts", None)
    trial = parts is None or parts.settings.mode != "production"
    page = _environment.get_template(template).render(request=request, trial=trial, **values)
    return HTMLResponse(page, status, headers)
