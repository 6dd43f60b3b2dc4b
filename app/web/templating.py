"""Rendering pages: Jinja2, everything escaped, amounts and times as the page's language has them.

Each language has an environment of its own, so that what a template asks for by a short name is
that language's at once.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.web.file_faults import told_fault
from app.web.languages import LANGUAGES, Language, keep, language_of, other_than
from app.web.translations import WORDS
from core.clock import VIETNAM
from core.days import day_text
from core.money import format_vnd
from core.unseen import without_unseen
from payments.agencies.banks import bank_name
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.wording import LocalizedText, count_vi, plural, vnd
from receipts.english_words import amount_in_english
from receipts.words import amount_in_words

FOLDER = Path(__file__).parent


def _day(value: date | str) -> date:
    """A date, or one that a line keeps as ISO text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _moment_vi(value: datetime) -> str:
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")


def _moment_en(value: datetime) -> str:
    local = value.astimezone(VIETNAM)
    return f"{local:%H:%M:%S}, {_day_en(local.date())}"


def _day_vi(value: date | str) -> str:
    return day_text(_day(value))


#: Not by the process's own locale, which is somebody else's to set.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")


def _day_en(value: date | str) -> str:
    day = _day(value)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _tail(value: str) -> str:
    """The last four characters of an account number, as a poster shows it."""
    return f"•••• {value[-4:]}"


def _sentence(value: str) -> str:
    """With a capital at the start; everything else as it was."""
    return value if isinstance(value, Markup) else value[:1].upper() + value[1:]


def _certainty(value: str) -> LocalizedText:
    """The mark of a figure that was not checked against the law's text."""
    return Certainty(value).words


def _seen(value: object) -> object:
    """What a page says of a value: of a text, what the paper says of it. Markup is our own."""
    return without_unseen(value) if type(value) is str else value


def _tenths_en(value: int) -> str:
    """Whole tenths as a figure with one decimal: 987 is 98.7."""
    return f"{value // 10}.{value % 10}"


def _tenths_vi(value: int) -> str:
    return _tenths_en(value).replace(".", ",")


@cache
def static(name: str) -> str:
    """The address of one of our own styles or scripts; it changes with the content.

    So a browser may keep the file, and never shows a new page with old styles.
    """
    content = (FOLDER / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


#: What each language writes in its own way.
_IN_ITS_WAY: Final[Mapping[Language, Mapping[str, Any]]] = {
    "vi": {
        "vnd": format_vnd,
        "moment": _moment_vi,
        "day": _day_vi,
        "count": count_vi,
        "tenths": _tenths_vi,
        "in_words": lru_cache(amount_in_words),
        "units": lambda unit: unit.vi,
    },
    "en": {
        "vnd": vnd,
        "moment": _moment_en,
        "day": _day_en,
        "count": "{:,}".format,
        "tenths": _tenths_en,
        "in_words": lru_cache(amount_in_english),
        "units": lambda unit: plural(unit.en),
    },
}


def _environment(language: Language) -> Environment:
    words = WORDS[language]
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        # What is shipped does not change while a process runs; looking costs each page much.
        auto_reload=False,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        _IN_ITS_WAY[language],
        local=lambda text: words.own(text.vi, text.en),
        vi=words.vietnamese,
        detail=words.detail,
        told=partial(told_fault, words),
        tail=_tail,
        sentence=_sentence,
        certainty=_certainty,
        bank=bank_name,
    )
    made.globals.update({"_": words.say}, own=words.own, language=language, static=static)
    return made


ENVIRONMENTS: Final[Mapping[Language, Environment]] = {
    language: _environment(language) for language in LANGUAGES
}


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page from a template of `templates/`, in the language that its reader has chosen.

    Outside production it carries a banner, so that nobody takes it for the real thing.
    """
    parts = getattr(request.app.state, "parts", None)
    trial = parts is None or parts.settings.mode != "production"
    language = language_of(request)
    page = (
        ENVIRONMENTS[language]
        .get_template(template)
        .render(request=request, trial=trial, other=other_than(language, request), **values)
    )
    answer = HTMLResponse(page, status, {"Content-Language": language, **(headers or {})})
    keep(request, answer)
    return answer
