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
from core.days import day_text
from core.money import format_vnd
from payments.agencies.banks import bank_name
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.wording import LocalizedText, count_vi, counted, vnd

FOLDER = Path(__file__).parent


def _moment(value: datetime) -> str:
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")


def _day(value: date | str) -> str:
    """A date, or one that a line keeps as ISO text."""
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return day_text(day)


def _tail(value: str) -> str:
    """The last four characters of an account number, as a poster shows it."""
    return f"•••• {value[-4:]}"


def _sentence(value: str) -> str:
    """With a capital at the start; everything else as it was."""
    return value[:1].upper() + value[1:]


def _certainty(value: str) -> LocalizedText:
    """The mark of a figure that was not checked against the law's text."""
    return Certainty(value).words


def _plural(unit: LocalizedText) -> str:
    """The English name of several units: "pages"."""
    return counted(2, unit).en.removeprefix("2 ")


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
    vnd_en=vnd,
    moment=_moment,
    day=_day,
    tail=_tail,
    count=count_vi,
    sentence=_sentence,
    certainty=_certainty,
    plural=_plural,
    bank=bank_name,
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
