"""The language of a page: one that was chosen and is kept, or the browser's, or Vietnamese.

A link at the top of each page leads to the same page in the other language (`?lang=en`), and a
cookie keeps that choice. A page shows one language: our own words come from the catalogue
(app/web/translations.py), names from their rows, and what a row has in Vietnamese alone is marked.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

#: The cookie that keeps a choice, and for how many seconds: a year.
KEPT: Final = "lephi_lang"
_KEPT_SECONDS: Final = 365 * 24 * 3600

#: One entry of Accept-Language: a language, what follows it, and how much it is wanted.
_WANTED = re.compile(r"([a-z]{1,8})(?:-[a-z0-9-]*)?(?:;q=([01](?:\.[0-9]{1,3})?))?", re.IGNORECASE)
_NAMES: Final[dict[Language, str]] = {"vi": "Tiếng Việt", "en": "English"}


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """The link at the top of a page: to the same page, in the language that it is not in."""

    code: Language
    name: str
    address: str


def language_of(request: Request) -> Language:
    """The language that a page is to be in."""
    chosen = _chosen(request)
    if chosen is not None:
        return chosen
    kept = _known(request.cookies.get(KEPT, ""))
    return kept or preferred(request.headers.get("accept-language", ""))


def preferred(accepted: str) -> Language:
    """The language that an Accept-Language header wants most of those we have."""
    best: Language = "vi"
    most = 0.0
    for entry in accepted.split(",")[:20]:
        match = _WANTED.fullmatch(entry.replace(" ", ""))
        if match is None or (found := _known(match[1].lower())) is None:
            continue
        wanted = 1.0 if match[2] is None else float(match[2])
        if wanted > most:
            best, most = found, wanted
    return best


def other_than(language: Language, request: Request) -> OtherLanguage:
    """The link to the page in the other language.

    What a form's answer shows is no page of its own: its link leads to the empty form.
    """
    other: Language = "en" if language == "vi" else "vi"
    asked = request.url.query if request.method in ("GET", "HEAD") else ""
    # As it was written, not as it was decoded: the path may hold signs that mean something else.
    path = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    given = [(name, value) for name, value in parse_qsl(asked, True) if name != "lang"]
    # Two slashes would lead to another host.
    address = f"/{path.partition('?')[0].lstrip('/')}?{urlencode([*given, ('lang', other)])}"
    return OtherLanguage(other, _NAMES[other], address)


def keep(request: Request, response: Response) -> None:
    """Let the browser keep the language that its address has just chosen, if it has."""
    chosen = _chosen(request)
    if chosen is not None:
        secure = request.scope["scheme"] == "https"
        response.set_cookie(
            KEPT, chosen, max_age=_KEPT_SECONDS, secure=secure, httponly=True, samesite="lax"
        )


def _chosen(request: Request) -> Language | None:
    return _known(request.query_params.get("lang", ""))


def _known(code: str) -> Language | None:
    return next((language for language in LANGUAGES if language == code), None)
